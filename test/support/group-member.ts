import type { Consumer, ConsumerSettings, TopicPartition } from '../../src/client/types.ts'
import type { Harness } from './client-harness.ts'

const short = (partitions: readonly TopicPartition[]): string => partitions.map((each) => `${each.topic}-${each.partition}`).sort().join(' ')

/** A member that reads on until it is closed, and notes what happens to it. */
export class GroupMember {
  readonly consumer: Consumer
  readonly events: string[] = []
  readonly read: string[] = []
  error: unknown = null
  readonly loop: Promise<void>

  constructor(h: Harness, topics: string | RegExp | (string | RegExp)[], settings: ConsumerSettings = {},
    onRecord: (record: { partition: number; offset: number }) => Promise<void> | void = () => {}) {
    this.consumer = h.clients.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest', ...settings })
    for (const event of ['assigned', 'revoked', 'lost'] as const) this.consumer.on(event,
      (partitions) => { this.events.push(`${event} ${short(partitions)}`.trim()) })
    this.consumer.subscribe(topics)
    this.loop = this.#run(onRecord).catch((error: unknown) => { this.error = error })
  }

  async #run(onRecord: (record: { partition: number; offset: number }) => Promise<void> | void): Promise<void> {
    for await (const record of this.consumer) {
      this.read.push(`${record.topic}-${record.partition}:${record.offset}`)
      await onRecord(record)
    }
  }

  get owns(): string { return short(this.consumer.assignment()) }
}
