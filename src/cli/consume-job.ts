/**
 * One run of `ottla consume`: where reading starts, how it goes on until the end of the log, the limit or the interrupt, and what is
 * committed. Positions outlive the database, which is opened anew for each look at a directory that another process writes.
 */
import type { Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings, Ottla, TopicPartition } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
import { choice, pairs } from './arguments.ts'
import { UsageError } from './command.ts'
import type { Printer } from './record-printer.ts'
import { withDatabase } from './session.ts'
import type { Terminal } from './terminal.ts'
import { toRegExp } from './topic-names.ts'

/** How often a directory that another process writes is looked at again. */
const FOLLOW_PERIOD_MS = 250
const POLL_MS = 100
/** Empty polls in a row after which there is nothing more to come: a group may need a few to get its partitions. */
const PATIENCE = 5

interface Start { readonly topic: string; readonly partition: number; readonly offset: number }

export interface ConsumeValues {
  readonly data: string | undefined
  readonly debug: boolean
  readonly topic: string | undefined
  readonly include: string | undefined
  readonly 'from-beginning': boolean
  readonly partition: number | undefined
  readonly offset: string | undefined
  readonly group: string | undefined
  readonly 'max-messages': number | undefined
  readonly follow: boolean
  readonly 'timeout-ms': number | undefined
  readonly 'isolation-level': string | undefined
  readonly 'consumer-property': readonly string[]
}

export class ConsumeJob {
  printed = 0
  readonly #terminal: Terminal
  readonly #printer: Printer
  readonly #values: ConsumeValues
  readonly #limit: number
  /** Next offset by "topic-partition". */
  readonly #positions = new Map<string, Start>()
  #lastRecordAt = performance.now()

  constructor(terminal: Terminal, printer: Printer, values: ConsumeValues) {
    this.#terminal = terminal
    this.#printer = printer
    this.#values = values
    const limit = values['max-messages'] ?? -1
    this.#limit = limit === -1 ? Infinity : limit
  }

  get #finished(): boolean { return this.printed >= this.#limit || this.#terminal.signal.aborted }

  /** At the end of the log: true while it is worth waiting for more. */
  get #waits(): boolean {
    const timeout = this.#values['timeout-ms']
    if (timeout !== undefined) return performance.now() - this.#lastRecordAt < timeout
    return this.#values.follow
  }

  /** Opens, reads to the end and closes; again while there is something to wait for. */
  async readDirectory(): Promise<void> {
    for (;;) {
      await withDatabase(this.#terminal, this.#values, 'read', (ottla) => this.#readAssigned(ottla))
      await this.#terminal.flush()
      if (this.#finished || !this.#waits) return
      await pause(FOLLOW_PERIOD_MS, this.#terminal.signal)
      if (this.#finished) return
    }
  }

  async #readAssigned(ottla: Ottla): Promise<void> {
    const starts = await this.#starts(ottla)
    const ends = await this.#ends(ottla, starts)
    const unread = starts.filter((start) => start.offset < (ends.get(keyOf(start)) ?? 0))
    if (unread.length === 0) return
    const consumer = ottla.consumer(this.#settings({}))
    consumer.assign(unread)
    for (let empty = 0; !this.#finished && empty < PATIENCE;) {
      const batches = await consumer.poll({ timeoutMs: POLL_MS, signal: this.#terminal.signal })
      empty = batches.length === 0 ? empty + 1 : 0
      for (const batch of batches) await this.#print(batch, null)
      if (this.#finished) break
      // Behind what was printed: markers and aborted records are never handed out.
      for (const { topic, partition } of unread) {
        const offset = consumer.position({ topic, partition })
        if (offset !== undefined) this.#positions.set(keyOf({ topic, partition }), { topic, partition, offset })
      }
      if (unread.every((start) => this.#positions.get(keyOf(start))!.offset >= ends.get(keyOf(start))!)) break
    }
    await consumer.close()
  }

  async readAsGroup(ottla: Ottla): Promise<void> {
    const topics = await this.#topics(ottla)
    const consumer = ottla.consumer(this.#settings({
      'group.id': this.#values.group!, 'enable.auto.commit': false, 'auto.offset.reset': this.#values['from-beginning'] ? 'earliest' : 'latest',
    }))
    consumer.subscribe(topics)
    for (let empty = 0; !this.#finished && (empty < PATIENCE || this.#waits);) {
      const batches = await consumer.poll({ timeoutMs: POLL_MS, signal: this.#terminal.signal })
      empty = batches.length === 0 ? empty + 1 : 0
      for (const batch of batches) await this.#print(batch, consumer)
      if (!this.#finished && !this.#waits && await this.#isAtEnd(ottla, consumer)) break
    }
    await consumer.close()
  }

  /** True once partitions are assigned and every one of them is read to its end. */
  async #isAtEnd(ottla: Ottla, consumer: Consumer): Promise<boolean> {
    const assigned = consumer.assignment()
    if (assigned.length === 0) return false
    const ends = await this.#ends(ottla, assigned)
    return assigned.every((tp) => (consumer.position(tp) ?? -1) >= ends.get(keyOf(tp))!)
  }

  /** Prints a batch; as a group commits behind what has left this process. */
  async #print(batch: ConsumerBatch, consumer: Consumer | null): Promise<void> {
    let next = -1
    for (const record of batch as Iterable<ConsumerRecord>) {
      if (this.#finished) break
      const room = this.#printer.print(record)
      if (room !== undefined) await room
      this.printed++
      next = record.offset + 1
    }
    if (next === -1) return
    this.#lastRecordAt = performance.now()
    const { topic, partition } = batch
    this.#positions.set(keyOf({ topic, partition }), { topic, partition, offset: next })
    if (consumer === null) return
    await this.#terminal.flush()
    if (!this.#terminal.readerGone) await consumer.commit([{ topic, partition, offset: next }])
  }

  #settings(more: ConsumerSettings): ConsumerSettings {
    const level = this.#values['isolation-level']
    const isolation = level === undefined ? {} : { 'isolation.level': choice('isolation-level', level, ['read_uncommitted', 'read_committed']) }
    return { ...pairs('consumer-property', this.#values['consumer-property']), ...isolation, ...more }
  }

  /** Where each partition is to be read from; partitions that appear while following start at their beginning. */
  async #starts(ottla: Ottla): Promise<Start[]> {
    const isFirst = this.#positions.size === 0
    const starts: Start[] = []
    for (const topic of await this.#topics(ottla)) {
      const at = isFirst ? this.#startTime() : 'earliest'
      for (const { partition, offset } of await ottla.admin.listOffsets(topic, typeof at === 'number' ? 'earliest' : at)) {
        if (this.#values.partition !== undefined && partition !== this.#values.partition) continue
        starts.push(this.#positions.get(keyOf({ topic, partition })) ?? { topic, partition, offset: typeof at === 'number' ? at : offset })
      }
    }
    if (this.#values.partition !== undefined && starts.length === 0) {
      const { topic, partition } = this.#values
      throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${partition}`, { topic, partition })
    }
    for (const start of starts) this.#positions.set(keyOf(start), start)
    return starts
  }

  #startTime(): 'earliest' | 'latest' | number {
    const { offset } = this.#values
    if (offset === undefined) return this.#values['from-beginning'] ? 'earliest' : 'latest'
    if (offset === 'earliest' || offset === 'latest') return offset
    if (/^\d+$/.test(offset) && Number.isSafeInteger(Number(offset))) return Number(offset)
    throw new UsageError(`--offset is a number, earliest or latest, not ${JSON.stringify(offset)}`)
  }

  async #topics(ottla: Ottla): Promise<string[]> {
    if (this.#values.topic !== undefined) return [(await ottla.admin.describeTopic(this.#values.topic)).name]
    const wanted = toRegExp(this.#values.include!)
    return (await ottla.admin.listTopics()).filter((name) => wanted.test(name)).toSorted()
  }

  async #ends(ottla: Ottla, partitions: readonly TopicPartition[]): Promise<Map<string, number>> {
    const ends = new Map<string, number>()
    for (const topic of new Set(partitions.map((tp) => tp.topic))) {
      for (const { partition, offset } of await ottla.admin.listOffsets(topic, 'latest')) ends.set(keyOf({ topic, partition }), offset)
    }
    return ends
  }
}

const keyOf = (tp: { readonly topic: string; readonly partition: number }): string => `${tp.topic}-${tp.partition}`

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
