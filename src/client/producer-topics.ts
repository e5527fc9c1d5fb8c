/**
 * The topics that a producer has sent to: partition counts, from metadata that is asked for at the first send (creating the topic where
 * the broker does that) and again every `metadata.max.age.ms`; and per partition the queue of its batches.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import { checkTopicName } from '../common/topic-partition.ts'
import type { ProducerValues } from '../config/settings.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import { PartitionQueue } from './accumulator.ts'
import { backoffMs } from './backoff.ts'
import { PartitionChoice } from './partitioner.ts'
import { lookUpTopic } from './topic-lookup.ts'
import type { WaitingSend } from './waiting-sends.ts'
import { sleep, within } from './waiting.ts'

export class ProducerTopic {
  readonly name: string
  readonly choice: PartitionChoice
  /** 0: not known yet. */
  partitionCount: number = 0
  loading: Promise<void> | null = null
  /** Sends that came before the partition count did, in order. */
  waiting: WaitingSend[] = []
  readonly #queues: PartitionQueue[] = []

  constructor(name: string, choice: PartitionChoice) {
    this.name = name
    this.choice = choice
  }

  queue(partition: number): PartitionQueue | undefined { return this.#queues[partition] }

  addQueue(partition: number): PartitionQueue {
    const queue = new PartitionQueue(this.name, partition)
    this.#queues[partition] = queue
    return queue
  }
}

export class ProducerTopics {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ProducerValues
  readonly #embedded: boolean
  readonly #topics = new Map<string, ProducerTopic>()
  #refresh: Timer | null = null
  #closed = false

  constructor(api: BrokerApi, ports: Ports, values: ProducerValues, embedded: boolean) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#embedded = embedded
  }

  /** Raises INVALID_TOPIC_EXCEPTION. */
  named(name: string): ProducerTopic {
    const there = this.#topics.get(name)
    if (there !== undefined) return there
    checkTopicName(name)
    const topic = new ProducerTopic(name, new PartitionChoice(this.#ports.random, this.#values['batch.size']))
    this.#topics.set(name, topic)
    this.#refresh ??= this.#ports.scheduler.every(Math.max(1, this.#values['metadata.max.age.ms']), () => this.#refreshAll())
    return topic
  }

  /**
   * Asks for the topic's partitions: one request however many wait. An embedded broker's word is final at once; a remote one is asked
   * again, for up to `max.block.ms`. Rejects with what it said last.
   */
  load(topic: ProducerTopic): Promise<void> {
    topic.loading ??= this.#load(topic).finally(() => { topic.loading = null })
    return topic.loading
  }

  async #load(topic: ProducerTopic): Promise<void> {
    const start = this.#ports.clock.monotonic()
    const limitMs = this.#values['max.block.ms']
    let last: OttlaError | undefined
    for (let attempt = 1; ; attempt++) {
      const leftMs = start + limitMs - this.#ports.clock.monotonic()
      try {
        const found = await within(this.#ports.scheduler, leftMs, `metadata of topic ${topic.name}`, lookUpTopic(this.#api, topic.name, true), limitMs, last)
        if (found.partitions.length > 0) {
          topic.partitionCount = found.partitions.length
          return
        }
        throw new OttlaError('LEADER_NOT_AVAILABLE', `topic ${topic.name} has no partitions yet`, { topic: topic.name })
      } catch (reason) {
        const error = OttlaError.from(reason)
        const delayMs = backoffMs(this.#values, attempt, this.#ports.random)
        const final = !error.retriable || (this.#embedded && error.code === 'UNKNOWN_TOPIC_OR_PARTITION')
        if (final || this.#closed || this.#ports.clock.monotonic() + delayMs >= start + limitMs) throw error
        last = error
        await sleep(this.#ports.scheduler, delayMs)
      }
    }
  }

  /** Sends that wait for the partitions of their topic. */
  waiting(): WaitingSend[] { return [...this.#topics.values()].flatMap((topic) => topic.waiting.filter((entry) => !entry.left)) }

  /** The topic could not be found: nothing of it is kept. */
  forget(topic: ProducerTopic): void { this.#topics.delete(topic.name) }

  /** Looks again in the background: the broker said it does not know the topic. */
  refresh(name: string): void {
    const topic = this.#topics.get(name)
    if (topic === undefined || this.#closed) return
    this.load(topic).catch((error: unknown) => {
      this.#ports.logger.debug('metadata of a topic could not be refreshed', { topic: name, error: OttlaError.from(error).code })
    })
  }

  #refreshAll(): void { for (const topic of this.#topics.values()) if (topic.partitionCount > 0) this.refresh(topic.name) }

  close(): void {
    this.#closed = true
    this.#refresh?.cancel()
  }
}
