/**
 * Which topics a subscription stands for, and whether that changes: names as they are, patterns against the topics there are (as
 * RegExp.test does, so anchor them to match whole names). Looks again every `metadata.max.age.ms`, and every second while a named topic is
 * missing.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import type { ConsumerValues } from '../config/settings.ts'
import type { BrokerApi, TopicMetadata } from '../protocol/broker-api.ts'
import { errorOf } from './failure.ts'

const MISSING_CHECK_MS = 1000

export class TopicWatch {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ConsumerValues
  readonly #changed: () => void
  #names: readonly string[] = []
  #patterns: readonly RegExp[] = []
  /** Topics that other members of the group read, while this one is their leader. */
  #others: readonly string[] = []
  #seen: ReadonlyMap<string, number> = new Map()
  #timer: Timer | null = null
  #closed = false

  /** `changed` is called when topics or partitions came or went since the last `resolve`. */
  constructor(api: BrokerApi, ports: Ports, values: ConsumerValues, changed: () => void) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#changed = changed
  }

  subscribe(names: readonly string[], patterns: readonly RegExp[]): void {
    this.#names = names
    this.#patterns = patterns
  }

  /** Topics to subscribe to: names whether they exist or not, and what the patterns match. */
  async resolve(): Promise<string[]> {
    this.#seen = await this.#look()
    this.#arm()
    return [...new Set([...this.#names, ...[...this.#seen.keys()].filter((topic) => this.#matches(topic))])].sort()
  }

  /** The leader watches what all members read, and takes for seen what it could assign: what went since it looked is missing. */
  watchAlso(topics: readonly string[], partitions: ReadonlyMap<string, number>): void {
    this.#others = topics.filter((topic) => !this.#isOwn(topic))
    this.#seen = new Map([...[...this.#seen].filter(([topic]) => this.#isOwn(topic) && !topics.includes(topic)), ...partitions])
    this.#arm()
  }

  #isOwn(topic: string): boolean { return this.#names.includes(topic) || this.#matches(topic) }

  #matches(topic: string): boolean {
    return this.#patterns.some((pattern) => {
      // A global or sticky pattern would go on from its last match.
      pattern.lastIndex = 0
      return pattern.test(topic)
    })
  }

  /** Partition counts of the topics there are. */
  async #look(): Promise<Map<string, number>> {
    const counts = new Map<string, number>()
    const take = (topics: readonly TopicMetadata[]): void => {
      for (const topic of topics) {
        const error = errorOf(topic, `topic ${topic.name}`, { topic: topic.name })
        if (error !== null && !error.retriable) throw error
        if (error === null && topic.partitions.length > 0) counts.set(topic.name, topic.partitions.length)
      }
    }
    if (this.#patterns.length > 0) {
      const { topics } = await this.#api.metadata({ topics: null, allowAutoTopicCreation: false })
      take(topics.filter((topic) => this.#matches(topic.name) && !(topic.isInternal && this.#values['exclude.internal.topics'])))
    }
    if (this.#names.length > 0) {
      take((await this.#api.metadata({ topics: this.#names, allowAutoTopicCreation: this.#values['allow.auto.create.topics'] })).topics)
    }
    const others = this.#others.filter((topic) => !counts.has(topic) && !this.#names.includes(topic))
    if (others.length > 0) take((await this.#api.metadata({ topics: others, allowAutoTopicCreation: false })).topics)
    return counts
  }

  #arm(): void {
    this.#timer?.cancel()
    if (this.#closed) return
    const maxAge = this.#values['metadata.max.age.ms']
    const missing = this.#names.some((name) => !this.#seen.has(name))
    this.#timer = this.#ports.scheduler.after(Math.max(1, missing ? Math.min(MISSING_CHECK_MS, maxAge) : maxAge), () => void this.#check())
  }

  async #check(): Promise<void> {
    try {
      const before = this.#seen
      const now = await this.#look()
      if (this.#closed) return
      if (before === this.#seen && !same(before, now)) this.#changed()
    } catch (reason) {
      this.#ports.logger.debug('topics could not be looked up', { error: OttlaError.from(reason).code })
    }
    this.#arm()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}

function same(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  if (a.size !== b.size) return false
  for (const [topic, count] of a) if (b.get(topic) !== count) return false
  return true
}
