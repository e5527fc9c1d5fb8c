/**
 * The consumer: subscription or assignment, positions, prefetching, group membership and commits, behind four ways to read (records,
 * batches, cursors, poll).
 *
 * All that changes what it owns happens while the application asks for records (`#next`): it then has nothing in its hands that is
 * not finished, listeners run one after another, and what was finished is committed before a partition goes. What is in the hands of
 * the application is kept in `#hand`; asking again says that it is finished.
 *
 * A handler that throws inside `for await` cannot be told from one that breaks: JavaScript calls `return()` either way. So leaving a loop
 * counts the record in hand as processed; a process that dies of the error commits nothing. To have a failed record again after
 * catching, seek back to it, or read batches and commit them yourself.
 */
import { isRegExp } from 'node:util/types'
import { callOptions, shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { Ports } from '../common/ports.ts'
import { MAX_DELAY_MS, type Timer } from '../common/scheduler.ts'
import { checkTopicName, partitionKey, type TopicPartition, type TopicPartitionOffset } from '../common/topic-partition.ts'
import type { ConsumerValues } from '../config/settings.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { KafkaConsumerBatch } from './consumer-batch.ts'
import { ConsumerPartition } from './consumer-partition.ts'
import { ConsumerPositions } from './consumer-positions.ts'
import type { ConsumerQueries } from './consumer-queries.ts'
import { abortedError, closedError } from './failure.ts'
import { Fetcher, type Taken } from './fetcher.ts'
import { Membership } from './membership.ts'
import { OffsetCommits } from './offset-commits.ts'
import { checkOffset, checkOffsets, checkPartition, checkPartitions } from './partition-arguments.ts'
import type { Deserializers } from './record-slice.ts'
import { BatchStream, RecordStream } from './record-stream.ts'
import { lookUpTopic } from './topic-lookup.ts'
import { TopicWatch } from './topic-watch.ts'
import type { AssignmentListener, Consumer, ConsumerBatch, ConsumerRecord, SeekTarget, TopicPartitionLag } from './types.ts'
import { nextTurn, Wakeup, within } from './waiting.ts'

/** `poll` without a timeout. */
const DEFAULT_POLL_MS = 1000
/** Reading what is buffered yields to the event loop this often. */
const YIELD_MS = 2
/** A topic that is being made, or has moved, is not there for a moment: only who looked for it so often is told. */
const MISSES_TOLD = 3

type AssignmentEvent = 'assigned' | 'revoked' | 'lost'

export interface ConsumerOptions<K, V> {
  readonly values: ConsumerValues
  readonly embedded: boolean
  /** Bytes of one partition in one fetch at most, for the sake of the other consumers that are open now. */
  readonly fetchShare: () => number
  readonly deserializers: Deserializers<K, V>
  /** The consumer is closed. */
  readonly ended: () => void
}

function invalid(message: string): OttlaError { return new OttlaError('INVALID_ARGUMENT', message) }

export class KafkaConsumer<K, V> implements Consumer<K, V> {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ConsumerValues
  readonly #ended: () => void
  readonly #partitions = new Map<string, ConsumerPartition<K, V>>()
  readonly #wakeup: Wakeup
  readonly #fetcher: Fetcher<K, V>
  readonly #positions: ConsumerPositions
  readonly #commits: OffsetCommits | null
  readonly #watch: TopicWatch
  readonly #listeners: Readonly<Record<AssignmentEvent, Set<AssignmentListener>>> = { assigned: new Set(), revoked: new Set(), lost: new Set() }
  #mode: 'none' | 'subscribed' | 'assigned' = 'none'
  #membership: Membership | null = null
  /** What the application was given and has not said to be finished with. */
  #hand: Taken<K, V>[] = []
  /** One at a time may ask. */
  #asking = false
  /** A listener is running: it may close the consumer, which must not wait for it then. */
  #emitting = false
  /** The loop that reads, until it is left. */
  #reader: object | null = null
  #codecsLoaded = false
  #autoCommit: Timer | null = null
  #committing = false
  #holding: Timer | null = null
  #lastYield = 0
  #closing: Promise<void> | null = null
  #left = false
  readonly #lookedFor = new Set<string>()
  /** How often in a row a topic, or a partition of it, was looked for in vain. */
  readonly #misses = new Map<string, number>()
  readonly #all = (): Iterable<ConsumerPartition<unknown, unknown>> => this.#partitions.values() as Iterable<ConsumerPartition<unknown, unknown>>

  constructor(api: BrokerApi, ports: Ports, options: ConsumerOptions<K, V>) {
    const { values } = options
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#ended = options.ended
    this.#wakeup = new Wakeup(ports.scheduler)
    const wake = (): void => this.#wakeup.notify()
    const hooks = { arrived: wake, found: wake, reset: wake, unknown: (topic: string) => this.#lookFor(topic), share: options.fetchShare }
    this.#fetcher = new Fetcher(api, ports, values, options, () => this.#partitions.values(), hooks)
    this.#positions = new ConsumerPositions(api, ports, values, hooks)
    this.#watch = new TopicWatch(api, ports, values, () => this.#membership?.rejoin())
    const groupId = values['group.id']
    this.#commits = groupId === null ? null : new OffsetCommits(api, ports, values, groupId, {
      identity: () => this.#mode === 'subscribed' ? this.#membership!.identity : { memberId: '', generationId: -1, groupInstanceId: null },
      isSubscribed: () => this.#mode === 'subscribed',
      holder: ({ topic, partition }) => this.#partitions.get(partitionKey(topic, partition)),
      fenced: (error) => this.#membership?.fenced(error),
    })
    if (groupId !== null) this.#membership = this.#newMembership(groupId, options.embedded)
  }

  #newMembership(groupId: string, embedded: boolean): Membership {
    return new Membership(this.#api, this.#ports, this.#values, groupId, embedded, this.#watch, {
      owned: () => this.assignment(),
      revoke: (partitions) => this.#revoke(partitions),
      lose: (partitions) => this.#lose(partitions),
      assign: (partitions) => this.#assignFromGroup(partitions),
      changed: () => this.#interrupt(),
    })
  }

  // ---- what to read ----

  /** Replaces the subscription. Patterns match as RegExp.test does. Raises INVALID_GROUP_ID without group.id. */
  subscribe(topics: string | RegExp | readonly (string | RegExp)[]): void {
    this.#checkOpen()
    const list = Array.isArray(topics) ? topics as readonly (string | RegExp)[] : [topics as string | RegExp]
    if (list.length === 0) throw invalid('subscribe needs at least one topic or pattern')
    for (const each of list) if (!(isRegExp(each))) checkTopicName(each)
    if (this.#membership === null) throw new OttlaError('INVALID_GROUP_ID', "subscribe needs a 'group.id'; to read without a group, use assign")
    if (this.#mode === 'assigned') throw invalid('partitions were assigned by hand: one consumer either subscribes or is assigned')
    this.#mode = 'subscribed'
    this.#watch.subscribe([...new Set(list.filter((each) => typeof each === 'string'))], list.filter((each) => isRegExp(each)))
    this.#membership.rejoin()
    this.#begin()
  }

  /** Replaces the assignment. Without an offset reading begins at the committed offset (with a group), else by auto.offset.reset. */
  assign(partitions: readonly { topic: string; partition: number; offset?: number }[]): void {
    this.#checkOpen()
    checkPartitions('assign', partitions)
    for (const each of partitions) if (each.offset !== undefined) checkOffset('assign', each, each.offset)
    if (this.#mode === 'subscribed') throw invalid('topics were subscribed to: one consumer either subscribes or is assigned')
    this.#mode = 'assigned'
    const wanted = new Map(partitions.map((each) => [partitionKey(each.topic, each.partition), each]))
    for (const [key, there] of this.#partitions) if (!wanted.has(key)) this.#drop(there)
    for (const { topic, partition, offset } of wanted.values()) {
      const there = this.#partitions.get(partitionKey(topic, partition)) ?? this.#add(topic, partition)
      if (offset !== undefined) there.moveTo(offset)
    }
    this.#begin()
    this.#interrupt()
  }

  #add(topic: string, partition: number): ConsumerPartition<K, V> {
    const made = new ConsumerPartition<K, V>(topic, partition, this.#fetcher.buffered)
    this.#partitions.set(partitionKey(topic, partition), made)
    this.#fetcher.added()
    return made
  }

  #drop(partition: ConsumerPartition<K, V>): void {
    partition.lose()
    this.#partitions.delete(partitionKey(partition.topic, partition.partition))
    this.#fetcher.forget()
  }

  /** From here on the consumer holds the process and commits by itself. */
  #begin(): void {
    if (this.#holding !== null) return
    this.#hold()
    if (this.#values['enable.auto.commit'] && this.#commits !== null) {
      this.#autoCommit = this.#ports.scheduler.every(Math.max(1, this.#values['auto.commit.interval.ms']), () => void this.#commitInBackground())
    }
  }

  #hold(): void { this.#holding = this.#ports.scheduler.after(MAX_DELAY_MS, () => this.#hold(), { keepAlive: true }) }

  assignment(): TopicPartition[] { return [...this.#partitions.values()].map(({ topic, partition }) => ({ topic, partition })) }

  #owned(call: string, tp: TopicPartition): ConsumerPartition<K, V> {
    checkPartition(call, tp)
    const there = this.#partitions.get(partitionKey(tp.topic, tp.partition))
    if (there !== undefined) return there
    const { topic, partition } = tp
    const hint = this.#mode === 'subscribed' ? ": wait for the 'assigned' event" : ''
    throw new OttlaError('INVALID_ARGUMENT', `${call}: ${topic}-${partition} is not assigned to this consumer${hint}`, { topic, partition })
  }

  // ---- reading ----

  [Symbol.asyncIterator](): AsyncIterableIterator<ConsumerRecord<K, V>, undefined, void> {
    return new RecordStream<K, V>({
      next: async (reader) => {
        const taken = await this.#next(reader, this.#values['max.poll.records'], Infinity)
        // The stream finishes its records one by one.
        this.#hand = []
        return taken
      },
      release: (reader) => this.#release(reader),
    }, this.#interruption)
  }

  batches(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<ConsumerBatch<K, V>, undefined, void> {
    const { signal } = callOptions('batches', options, ['signal'])
    let last: KafkaConsumerBatch<K, V> | null = null
    return new BatchStream<ConsumerBatch<K, V>>({
      next: async (reader) => {
        last?.release()
        last = null
        const taken = await this.#next(reader, this.#values['max.poll.records'], Infinity, signal)
        if (taken === null) return null
        taken.slice.lease?.hold()
        last = this.#batch(taken)
        return last
      },
      release: (reader, processed) => {
        if (reader !== this.#reader) return
        if (processed) this.#finishHand()
        for (const taken of this.#hand.splice(0)) taken.partition.giveBack(taken.slice, taken.from, taken.version)
        this.#release(reader)
      },
    })
  }

  #release(reader: object): void { if (this.#reader === reader) this.#reader = null }

  /** Up to max.poll.records records, at least one unless the time is up (default: after one second) or the consumer is closed. */
  async poll(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<ConsumerBatch<K, V>[]> {
    const { timeoutMs = DEFAULT_POLL_MS, signal } = callOptions('poll', options, ['timeoutMs', 'signal'])
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) throw invalid(`poll: timeoutMs is ${shown(timeoutMs)}: give milliseconds from 0`)
    const max = this.#values['max.poll.records']
    const first = await this.#next(null, max, timeoutMs, signal)
    if (first === null) return []
    const all = [first]
    let left = max - (first.to - first.from)
    // These are valid for ever: said before more is taken, because what ends a fetch gives back its memory.
    first.slice.lease?.pin()
    try {
      for (let more = left > 0 ? this.#fetcher.take(left) : null; more !== null; more = left > 0 ? this.#fetcher.take(left) : null) {
        more.slice.lease?.pin()
        all.push(more)
        left -= more.to - more.from
      }
    } catch (error) {
      // What came before the damage is handed out; the next poll meets it again.
      this.#ports.logger.debug('poll met an error behind the records it returns', { error: OttlaError.from(error).code })
    }
    this.#hand = all
    this.#fetcher.pump()
    return all.map((taken) => this.#batch(taken))
  }

  #batch(taken: Taken<K, V>): KafkaConsumerBatch<K, V> {
    const { topic, partition } = taken.partition
    return new KafkaConsumerBatch(taken.slice, taken.from, taken.to, async (offset) => {
      if (this.#mode === 'subscribed' && taken.partition !== this.#partitions.get(partitionKey(topic, partition))) {
        const problem = `${topic}-${partition} is not assigned to this consumer any more: its next owner reads the batch again`
        throw new OttlaError('ILLEGAL_GENERATION', problem, { topic, partition })
      }
      await this.commit([{ topic, partition, offset }])
    })
  }

  /** Records of one partition; null when the time is up or the consumer is closed. What was handed out before is finished now. */
  async #next(reader: object | null, max: number, timeoutMs: number, signal?: AbortSignal): Promise<Taken<K, V> | null> {
    if (reader !== null && this.#closing !== null) return null
    this.#checkOpen()
    if (this.#mode === 'none') throw invalid('there is nothing to read: subscribe to topics or assign partitions first')
    if (this.#asking || (this.#reader !== null && this.#reader !== reader)) {
      throw invalid('this consumer is being read already: leave that loop first, or open another consumer')
    }
    if (signal?.aborted === true) throw abortedError(signal)
    this.#asking = true
    this.#reader = reader
    this.#finishHand()
    this.#membership?.asking()
    this.#interruption.pending = false
    try {
      const taken = await this.#await(max, timeoutMs, signal)
      this.#hand = taken === null ? [] : [taken]
      return taken
    } finally {
      this.#asking = false
      this.#membership?.answered()
      if (this.#closing !== null) this.#wakeup.notify()
    }
  }

  async #await(max: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<Taken<K, V> | null> {
    const end = this.#ports.clock.monotonic() + timeoutMs
    await this.#loadCodecs()
    for (;;) {
      if (this.#closing !== null) return null
      if (signal?.aborted === true) throw abortedError(signal)
      if (this.#mode === 'subscribed' && this.#membership!.isDue) {
        await this.#membership!.step()
        continue
      }
      if (this.#ports.clock.monotonic() - this.#lastYield >= YIELD_MS) {
        await nextTurn(this.#ports.scheduler)
        this.#lastYield = this.#ports.clock.monotonic()
        continue
      }
      const taken = this.#fetcher.take(max)
      if (taken === null || this.#fetcher.isPumpDue) {
        this.#positions.start(this.#all)
        this.#fetcher.pump()
      }
      if (taken !== null) return taken
      const now = this.#ports.clock.monotonic()
      if (now >= end) return null
      await this.#wakeup.wait(end - now, signal)
      this.#lastYield = this.#ports.clock.monotonic()
    }
  }

  /** All of them at the first read: decoding is synchronous. A codec that cannot be had is an error of the batch that needs it. */
  async #loadCodecs(): Promise<void> {
    if (this.#codecsLoaded) return
    await loadAllCodecs().catch((error: unknown) => this.#ports.logger.warn('a codec could not be loaded', { error: OttlaError.from(error) }))
    this.#codecsLoaded = true
  }

  #finishHand(): void {
    for (const { partition, nextOffset, version } of this.#hand) partition.finish(nextOffset, version)
    this.#hand = []
  }

  /** Streams look here before they go on with what they hold. */
  readonly #interruption = { pending: false }

  #interrupt(): void {
    this.#interruption.pending = true
    this.#wakeup.notify()
  }

  /** Looks for what is assigned and not there, which makes the topic where that is allowed; says once when it stays away. */
  #lookFor(topic: string): void {
    if (this.#mode !== 'assigned' || this.#lookedFor.has(topic)) return
    this.#lookedFor.add(topic)
    lookUpTopic(this.#api, topic, this.#values['allow.auto.create.topics']).then(({ partitions: { length } }) => {
      const beyond = [...this.#partitions.values()].find((each) => each.topic === topic && each.partition >= length)
      return beyond === undefined ? null : `it has partitions 0 to ${length - 1}, not ${beyond.partition}`
    }, (error: unknown) => OttlaError.from(error).message).then((problem) => {
      const times = problem === null ? 0 : (this.#misses.get(topic) ?? 0) + 1
      this.#misses.set(topic, times)
      if (times === MISSES_TOLD) this.#ports.logger.warn('what a consumer was assigned is not there: it waits for it', { topic, problem })
    }).finally(() => this.#lookedFor.delete(topic)).catch(() => {})
  }

  // ---- group events ----

  async #assignFromGroup(partitions: TopicPartition[]): Promise<void> {
    for (const { topic, partition } of partitions) this.#add(topic, partition)
    await this.#emit('assigned', partitions)
  }

  async #revoke(partitions: TopicPartition[]): Promise<void> {
    const going = partitions.map((each) => this.#partitions.get(partitionKey(each.topic, each.partition))!)
    await this.#commitFinished(going)
    await this.#emit(this.#membership!.isLost ? 'lost' : 'revoked', partitions)
    for (const each of going) this.#drop(each)
  }

  async #lose(partitions: TopicPartition[]): Promise<void> {
    for (const { topic, partition } of partitions) this.#drop(this.#partitions.get(partitionKey(topic, partition))!)
    if (partitions.length > 0) await this.#emit('lost', partitions)
  }

  async #emit(event: AssignmentEvent, partitions: TopicPartition[]): Promise<void> {
    this.#emitting = true
    for (const listener of Array.from(this.#listeners[event])) {
      try {
        await listener(partitions.map((each) => ({ ...each })))
      } catch (error) {
        this.#ports.logger.error(`a listener of the consumer's '${event}' event threw`, { error: OttlaError.from(error) })
      }
    }
    this.#emitting = false
  }

  on(event: AssignmentEvent, listener: AssignmentListener): this {
    this.#listenersOf(event, listener).add(listener)
    return this
  }

  off(event: AssignmentEvent, listener: AssignmentListener): this {
    this.#listenersOf(event, listener).delete(listener)
    return this
  }

  #listenersOf(event: AssignmentEvent, listener: unknown): Set<AssignmentListener> {
    if (typeof event !== 'string' || !Object.hasOwn(this.#listeners, event)) throw invalid(`a consumer has the events 'assigned', 'revoked' and 'lost', not ${shown(event)}`)
    if (typeof listener !== 'function') throw invalid('a listener is a function')
    return this.#listeners[event]
  }

  // ---- offsets ----

  #groupCommits(call: string): OffsetCommits {
    if (this.#commits === null) throw new OttlaError('INVALID_GROUP_ID', `${call} needs a 'group.id'`)
    return this.#commits
  }

  /**
   * Without arguments: all that was handed out, what is in hand included, for calling this says that it is done with. Raises
   * ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID when the group has moved on.
   */
  async commit(offsets?: readonly TopicPartitionOffset[]): Promise<void> {
    // Until the group is left: the listener of 'revoked' may commit while the consumer closes.
    if (this.#left) throw closedError('the consumer')
    const commits = this.#groupCommits('commit')
    if (offsets !== undefined) checkOffsets('commit', offsets)
    const list = offsets ?? [...this.#partitions.values()].filter((each) => each.position >= 0)
      .map(({ topic, partition, position, leaderEpoch }) => ({ topic, partition, offset: position, leaderEpoch }))
    const holds = list.map(({ topic, partition, offset }) => {
      const there = this.#partitions.get(partitionKey(topic, partition))
      // At once: auto commit must not go behind this one with less.
      there?.finish(Math.min(offset, there.position), there.version)
      return { there, version: there?.version }
    })
    await commits.commit(list)
    list.forEach(({ offset }, i) => {
      const { there, version } = holds[i]!
      if (there !== undefined && there.version === version) there.committed = offset
    })
  }

  async #commitFinished(partitions: Iterable<ConsumerPartition<K, V>>): Promise<void> {
    if (!this.#values['enable.auto.commit'] || this.#commits === null) return
    try {
      await this.#commits.commitFinished(partitions as Iterable<ConsumerPartition<unknown, unknown>>)
    } catch (reason) {
      const error = OttlaError.from(reason)
      this.#ports.logger.warn('auto commit failed: records may be read again', { group: this.#values['group.id'], error })
    }
  }

  async #commitInBackground(): Promise<void> {
    if (this.#committing || this.#closing !== null) return
    this.#committing = true
    await this.#commitFinished(this.#partitions.values())
    this.#committing = false
  }

  /** Partitions without a committed offset are left out. */
  committed(partitions: readonly TopicPartition[] = this.assignment()): Promise<TopicPartitionOffset[]> {
    return this.#call(async () => {
      this.#groupCommits('committed')
      checkPartitions('committed', partitions)
      return (await this.#queries()).committed(this.#values['group.id']!, partitions)
    })
  }

  async #queries(): Promise<ConsumerQueries> {
    const { ConsumerQueries: Queries } = await loadPart('the code for questions of consumers', () => import('./consumer-queries.ts'))
    return new Queries(this.#api, this.#ports, this.#values)
  }

  async #call<T>(call: () => Promise<T> | T): Promise<T> {
    this.#checkOpen()
    return call()
  }

  /** Offset of the next record to be handed out; undefined while it is not known. */
  position(tp: TopicPartition): number | undefined {
    checkPartition('position', tp)
    const position = this.#partitions.get(partitionKey(tp.topic, tp.partition))?.position
    return position === undefined || position < 0 ? undefined : position
  }

  /** By assigned partition: how far behind the end, in records and in time. */
  lag(): Promise<TopicPartitionLag[]> {
    return this.#call(async () => {
      const end = this.#ports.clock.monotonic() + this.#values['default.api.timeout.ms']
      const unknown = (): boolean => [...this.#partitions.values()].some((each) => each.position < 0 && each.error === null)
      for (let now = this.#ports.clock.monotonic(); unknown() && now < end && this.#closing === null; now = this.#ports.clock.monotonic()) {
        this.#positions.start(this.#all)
        await this.#wakeup.wait(end - now)
      }
      return (await this.#queries()).lag([...this.#all()])
    })
  }

  /** A time goes to the first record of that time or later, to the end when there is none. */
  seek(target: SeekTarget): Promise<void> {
    return this.#call(async () => {
      const partition = this.#owned('seek', target)
      const { topic } = target
      if ('offset' in target && typeof target.offset === 'number') {
        checkOffset('seek', target, target.offset)
        partition.moveTo(target.offset)
      } else {
        const { version } = partition
        const offset = await (await this.#queries()).find(target)
        if (partition.version !== version) {
          throw new OttlaError('ABORTED', `seek: ${topic}-${target.partition} was moved or revoked meanwhile`, { topic, partition: target.partition })
        }
        partition.moveTo(offset)
      }
      this.#interrupt()
      this.#fetcher.pump()
    })
  }

  /** Paused partitions keep what is buffered, and are not handed out. Default: all assigned now. */
  pause(partitions: readonly TopicPartition[] = this.assignment()): void { this.#setPaused('pause', partitions, true) }
  resume(partitions: readonly TopicPartition[] = this.assignment()): void { this.#setPaused('resume', partitions, false) }

  #setPaused(call: string, partitions: readonly TopicPartition[], paused: boolean): void {
    this.#checkOpen()
    if (!Array.isArray(partitions)) throw invalid(`${call} takes an array of { topic, partition }`)
    for (const each of partitions.map((tp: TopicPartition) => this.#owned(call, tp))) each.paused = paused
    this.#interrupt()
    this.#fetcher.pump()
  }

  // ---- ends ----

  #checkOpen(): void { if (this.#closing !== null) throw closedError('the consumer') }

  /**
   * Ends waiting reads, commits what is finished (with auto commit; what `poll` gave counts as finished, the record or batch of a loop that
   * still runs does not), tells 'revoked', and leaves the group.
   */
  close(): Promise<void> { return this.#end(true) }

  /** As `close`, by the database: the application did not say that it is done with what `poll` gave it. */
  abandon(): Promise<void> { return this.#end(false) }

  #end(polledIsFinished: boolean): Promise<void> {
    this.#closing ??= this.#finishUp(polledIsFinished && this.#reader === null).finally(() => this.#ended())
    return this.#closing
  }

  async #finishUp(handIsFinished: boolean): Promise<void> {
    if (handIsFinished) this.#finishHand()
    this.#interrupt()
    this.#autoCommit?.cancel()
    this.#watch.close()
    this.#positions.close()
    this.#fetcher.close()
    try {
      await within(this.#ports.scheduler, this.#values['default.api.timeout.ms'], 'closing the consumer', this.#leave())
    } catch (error) {
      this.#ports.logger.warn('closing a consumer failed', { error: OttlaError.from(error) })
    } finally {
      this.#left = true
      this.#holding?.cancel()
    }
  }

  async #leave(): Promise<void> {
    // A reader that was waiting ends first, or a step of membership that is under way.
    while (this.#asking && !this.#emitting) await this.#wakeup.wait(Infinity)
    const partitions = this.assignment()
    if (partitions.length > 0) {
      await this.#commitFinished(this.#partitions.values())
      if (this.#mode === 'subscribed') await this.#emit(this.#membership!.isLost ? 'lost' : 'revoked', partitions)
    }
    for (const each of this.#partitions.values()) this.#drop(each)
    await this.#membership?.close()
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }
}
