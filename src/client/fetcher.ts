/**
 * Keeps records coming: one fetch at a time for all partitions that have room, up to two fetches ahead each and `fetch.max.bytes` in all
 * (back-pressure: what nobody reads is not fetched). Hands records out round robin, so that no partition starves another.
 *
 * In process the broker is a call away, so little is fetched ahead, and of many partitions a slice at a time (ADR 0024): what is decoded was read a moment
 * ago, into memory that was used a moment before. Slices go round all partitions; once none is known to have more, one fetch waits for all of them.
 *
 * A long poll for quiet partitions is cut short when another one wants data. Errors that may pass are waited out per partition; the rest
 * is kept with the partition until the application asks. Never rejects, never throws but from `take`.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { ConsumerValues } from '../config/settings.ts'
import type { BrokerApi, FetchPartitionResponse, FetchResponse } from '../protocol/broker-api.ts'
import { backoffMs } from './backoff.ts'
import type { Buffered, ConsumerPartition } from './consumer-partition.ts'
import { errorOf, mayPass } from './failure.ts'
import { FetchedRecords, lastBatch } from './fetched-records.ts'
import { FetchMemory } from './fetch-memory.ts'
import { PartitionAnswers } from './partition-answers.ts'
import type { Deserializers, RecordSlice } from './record-slice.ts'

/** So many empty answers that came at once are followed by a pause, or an idle consumer would spin. */
const HASTY_ANSWERS = 3
const HASTY_PAUSE_MS = 10
/** Looking at all partitions costs the more the more there are: it is done for every so-manieth part of what is handed out in a round of them. */
const LOOKS_PER_ROUND = 8
/** Of rounds so long, less often: what was fetched lasts longer than the next fetch takes. */
const LONG_ROUND = 256
const LOOKS_PER_LONG_ROUND = 2

/** Fetched ahead in process, unless the settings let a single fetch of one partition bring more. */
const NEAR_BYTES = 4_194_304
/** Partitions asked for at a time in process, while one of them is known to have more. */
const SLICE_PARTITIONS = 256

/** Of so many, small answers share memory. */
const MANY_PARTITIONS = 16

/** What the fetcher needs to know of its consumer. */
export interface FetcherOptions<K, V> { readonly deserializers: Deserializers<K, V>; readonly embedded: boolean }

export interface FetcherHooks {
  /** Records or an error are there to be taken. */
  arrived(): void
  /** The partition's position is out of range and is to be looked up by auto.offset.reset. */
  reset(): void
  /** The broker does not know the topic. */
  unknown(topic: string): void
  /** Bytes of one partition in one fetch at most, for the sake of other consumers. */
  share(): number
}

/** Records handed out together: rows `from` to `to` of one partition. */
export interface Taken<K, V> {
  readonly partition: ConsumerPartition<K, V>
  readonly version: number
  readonly slice: RecordSlice<K, V>; readonly from: number; readonly to: number
  /** Where reading goes on behind them. */
  readonly nextOffset: number
}

export class Fetcher<K, V> {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ConsumerValues
  readonly #deserializers: Deserializers<K, V>
  readonly #partitions: () => Iterable<ConsumerPartition<K, V>>
  readonly #hooks: FetcherHooks
  readonly #memory = new FetchMemory()
  readonly buffered: Buffered = { bytes: 0, paused: 0 }
  readonly #mostBuffered: number
  readonly #slicePartitions: number
  /** All partitions; null: some came or went. Those that were asked for last come last. */
  #ring: ConsumerPartition<K, V>[] | null = null
  #ringAt = 0
  /** Partitions asked for in slices, one after another, of which none had anything. */
  #silent = 0
  #controller: AbortController | null = null
  /** The fetch under way waits for nothing. */
  #isSlice = false
  /** Rises: partitions that were served last come last. */
  #turns = 0
  /** Those that had records when they were looked at last, whose turn it is last first. */
  #line: ConsumerPartition<K, V>[] = []
  /** Taken from last: its fetch may be done with. */
  #last: ConsumerPartition<K, V> | null = null
  #round = 0
  #takenSincePump = 0
  #failures = 0
  #hasty = 0
  #waiting = false
  #closed = false

  constructor(
    api: BrokerApi, ports: Ports, values: ConsumerValues, { deserializers, embedded }: FetcherOptions<K, V>,
    partitions: () => Iterable<ConsumerPartition<K, V>>, hooks: FetcherHooks,
  ) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#deserializers = deserializers
    this.#partitions = partitions
    this.#hooks = hooks
    const most = values['fetch.max.bytes']
    this.#mostBuffered = embedded ? Math.min(most, Math.max(NEAR_BYTES, 2 * values['max.partition.fetch.bytes'])) : most
    this.#slicePartitions = embedded ? SLICE_PARTITIONS : Infinity
  }

  /** Sends a fetch for what has room, unless one is under way that covers it. */
  pump(): void {
    this.#takenSincePump = 0
    if (this.#closed || this.#waiting) return
    if (this.#isFull) return
    if (this.#controller !== null && this.#isSlice) return
    const { wanted, isSlice, isBehind } = this.#wanted()
    if (wanted.length === 0) return
    if (this.#controller !== null) {
      this.#controller.abort()
      return
    }
    // A consumer that has caught up holds no memory.
    if (!isBehind) this.#memory.trim()
    this.#fetch(wanted, isSlice)
  }

  /** What paused partitions hold counts for less, and alone for nothing: it must not keep the others from being fetched. */
  get #isFull(): boolean {
    const { bytes, paused } = this.buffered
    return bytes > paused && (bytes >= this.#values['fetch.max.bytes'] || bytes - paused >= this.#mostBuffered)
  }

  /** Those that have room: all of them, unless enough were found with one that has more for certain. */
  #wanted(): { wanted: ConsumerPartition<K, V>[]; isSlice: boolean; isBehind: boolean } {
    const ring = this.#ring ??= [...this.#partitions()]
    const now = this.#ports.clock.monotonic()
    const wanted: ConsumerPartition<K, V>[] = []
    const most = this.#controller === null && this.#silent <= ring.length ? this.#slicePartitions : Infinity
    let isBehind = false
    for (let i = 0, at = this.#ringAt; i < ring.length; i++, at++) {
      if (at >= ring.length) at = 0
      const partition = ring[at]!
      if (!partition.canFetch(now)) continue
      wanted.push(partition)
      if (partition.isBehind) isBehind = true
      if (!isBehind || wanted.length < most) continue
      this.#ringAt = at + 1
      return { wanted, isSlice: i + 1 < ring.length, isBehind }
    }
    return { wanted, isSlice: false, isBehind }
  }

  #fetch(wanted: ConsumerPartition<K, V>[], isSlice: boolean): void {
    wanted.sort((a, b) => a.turn - b.turn)
    const asked = wanted.map((partition) => ({ partition, version: partition.version, offset: partition.fetchOffset }))
    for (const partition of wanted) partition.fetching = partition.version
    const controller = new AbortController()
    const start = this.#ports.clock.monotonic()
    this.#controller = controller
    this.#isSlice = isSlice
    const most = Math.min(this.#values['max.partition.fetch.bytes'], this.#hooks.share())
    this.#memory.begin(wanted.length >= MANY_PARTITIONS && this.#slicePartitions < Infinity, most)
    let answer: Promise<FetchResponse>
    try {
      answer = this.#api.fetch({
        maxWaitMs: isSlice ? 0 : this.#values['fetch.max.wait.ms'], minBytes: this.#values['fetch.min.bytes'], maxBytes: this.#mostBuffered,
        isolationLevel: this.#values['isolation.level'] === 'read_committed' ? 1 : 0, signal: controller.signal, allocate: this.#memory.allocate,
        partitions: wanted.map(({ topic, partition, fetchOffset, fetchedEpoch, isDoubted, reach }) => (
          { topic, partition, fetchOffset, lastFetchedEpoch: fetchedEpoch, partitionMaxBytes: Math.min(most, reach), isCheckedLater: this.#values['check.crcs'] && !isDoubted })),
      })
    } catch (error) {
      answer = Promise.reject(OttlaError.from(error))
    }
    const ended = (): void => {
      this.#controller = null
      for (const { partition } of asked) partition.fetching = -1
    }
    answer.then((response) => {
      ended()
      if (this.#closed) return
      this.#failures = 0
      const answers = new PartitionAnswers(response.partitions)
      for (const { partition, version, offset } of asked) {
        const mine = answers.of(partition)
        if (mine !== undefined && partition.version === version) this.#received(partition, offset, mine)
      }
      this.#memory.end(true)
      const isEmpty = response.partitions.every((each) => each.records.length === 0)
      this.#silent = isEmpty ? this.#silent + asked.length : 0
      this.#goOn(isEmpty, isSlice || controller.signal.aborted || this.#ports.clock.monotonic() - start >= 1)
    }, (reason: unknown) => {
      ended()
      this.#memory.end(false)
      if (!this.#closed) this.#failed(asked.map((each) => each.partition), OttlaError.from(reason))
    })
  }

  /** The next fetch follows at once, unless the broker keeps answering with nothing and without waiting (fetch.max.wait.ms 0). */
  #goOn(isEmpty: boolean, waited: boolean): void {
    this.#hasty = waited || !isEmpty ? 0 : this.#hasty + 1
    if (this.#hasty < HASTY_ANSWERS) {
      this.pump()
      return
    }
    this.#waiting = true
    this.#later([], HASTY_PAUSE_MS)
  }

  #received(partition: ConsumerPartition<K, V>, offset: number, response: FetchPartitionResponse): void {
    const place = { topic: partition.topic, partition: partition.partition, offset }
    const error = errorOf(response, `fetch of ${place.topic}-${place.partition} at offset ${offset}`, place)
    if (error !== null) {
      this.#refused(partition, error, mayPass(response, error))
      return
    }
    partition.failures = 0
    if (response.divergesAt !== undefined) {
      this.#diverged(partition, response.divergesAt)
      return
    }
    if (response.isChecked === true) partition.isDoubted = false
    const committedOnly = this.#values['isolation.level'] === 'read_committed'
    partition.highWatermark = response.highWatermark
    partition.visibleEnd = committedOnly ? response.lastStableOffset : response.highWatermark
    if (response.records.length === 0) {
      if (response.nextOffset !== undefined) partition.passHole(offset, response.nextOffset)
      return
    }
    const lease = this.#memory.leaseOf(response.records)
    const last = response.nextOffset === undefined ? lastBatch(response.records) : null
    const fetched = new FetchedRecords<K, V>({
      topic: partition.topic, partition: partition.partition, records: response.records, highWatermark: response.highWatermark,
      abortedTransactions: committedOnly ? response.abortedTransactions ?? [] : null,
    }, offset, this.#values['check.crcs'] && response.isChecked !== true, this.#deserializers, lease)
    partition.add(fetched, response.nextOffset ?? last?.nextOffset ?? offset)
    partition.fetchedEpoch = last?.leaderEpoch ?? -1
    this.#hooks.arrived()
  }

  /** What was read from `to` on is not in the log any more: its leader failed before others had it. */
  #diverged(partition: ConsumerPartition<K, V>, to: number): void {
    const place = { topic: partition.topic, partition: partition.partition, offset: to }
    if (this.#values['auto.offset.reset'] !== 'none') {
      this.#ports.logger.warn('the log was truncated: reading goes on where it was', { ...place, position: partition.position })
      partition.truncate(to)
      return
    }
    partition.error = new OttlaError('OFFSET_OUT_OF_RANGE', `${place.topic}-${place.partition} was truncated to offset ${to}, and auto.offset.reset is none: seek`, place)
    this.#line.length = 0
    this.#hooks.arrived()
  }

  #refused(partition: ConsumerPartition<K, V>, error: OttlaError, passes: boolean): void {
    if (error.code === 'OFFSET_OUT_OF_RANGE' && this.#values['auto.offset.reset'] !== 'none') {
      const { topic, position } = partition
      const to = this.#values['auto.offset.reset']
      this.#ports.logger.info('position is out of range: it is reset', { topic, partition: partition.partition, position, to })
      partition.unknown(true)
      this.#hooks.reset()
    } else if (passes && error.code !== 'CORRUPT_MESSAGE') {
      partition.failures++
      this.#later([partition], backoffMs(this.#values, partition.failures, this.#ports.random))
      if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#hooks.unknown(partition.topic)
    } else {
      partition.error = error
      this.#line.length = 0
      this.#hooks.arrived()
    }
  }

  /** The request as a whole found no answer. */
  #failed(partitions: readonly ConsumerPartition<K, V>[], error: OttlaError): void {
    if (error.retriable || error.code === 'ABORTED') {
      this.#failures++
      this.#waiting = true
      this.#later([], backoffMs(this.#values, this.#failures, this.#ports.random))
      return
    }
    for (const partition of partitions) partition.error = error
    this.#line.length = 0
    this.#hooks.arrived()
  }

  #later(partitions: readonly ConsumerPartition<K, V>[], delayMs: number): void {
    const at = this.#ports.clock.monotonic() + delayMs
    for (const partition of partitions) partition.retryAt = at
    this.#ports.scheduler.after(delayMs, () => {
      for (const partition of partitions) partition.retryAt = 0
      if (partitions.length === 0) this.#waiting = false
      this.pump()
    })
  }

  /** Enough was taken that partitions are likely to have room: `pump` is due, though records are at hand. */
  get isPumpDue(): boolean { return this.#line.length === 0 || this.#takenSincePump * (this.#round < LONG_ROUND ? LOOKS_PER_ROUND : LOOKS_PER_LONG_ROUND) >= this.#round }

  /**
   * Up to `max` records of the partition whose turn it is; null when there are none. Throws what a partition has met. Whoever calls has pinned what he still
   * needs of what was taken before.
   */
  take(max: number): Taken<K, V> | null {
    this.#last?.dropRead()
    this.#last = null
    const floor = this.#turns
    for (;;) {
      const first = this.#nextInLine(floor)
      if (first === null) return null
      // A partition that turns out to have nothing is behind all others now, and above the floor.
      first.turn = ++this.#turns
      this.#takenSincePump++
      const { version } = first
      const taken = this.#takeFrom(first, max)
      this.#last = first
      if (taken !== null) return { partition: first, version, ...taken, nextOffset: first.position }
    }
  }

  #nextInLine(floor: number): ConsumerPartition<K, V> | null {
    // What came since the line was made is not in it.
    for (let isFresh = false; ;) {
      const next = this.#line.pop()
      if (next !== undefined) {
        if (next.error === null && !next.paused && next.hasRecords && next.turn <= floor) return next
      } else {
        if (isFresh) return null
        this.#lineUp()
        isFresh = true
      }
    }
  }

  /** Throws what a partition has met. */
  #lineUp(): void {
    for (const partition of this.#partitions()) {
      if (partition.error !== null) {
        const { error } = partition
        partition.error = null
        this.#line.length = 0
        throw error
      }
      if (!partition.paused && partition.hasRecords) this.#line.push(partition)
    }
    this.#line.reverse().sort((a, b) => b.turn - a.turn)
    this.#round = this.#line.length
  }

  /** Damage is looked at twice: by the broker, if it was not the one that checked. */
  #takeFrom(partition: ConsumerPartition<K, V>, max: number): ReturnType<ConsumerPartition<K, V>['take']> {
    // The next read goes on its way before these are checked and decoded.
    if (partition.dropRead() && this.isPumpDue) this.pump()
    try {
      return partition.take(max)
    } catch (error) {
      if (partition.isDoubted || !OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      partition.isDoubted = true
      this.pump()
      return null
    }
  }

  /** A partition was assigned. */
  added(): void { this.#ring = null }

  /** A partition is not assigned any more. */
  forget(): void {
    this.#ring = null
    this.#line.length = 0
  }

  close(): void {
    this.#closed = true
    this.#controller?.abort()
  }
}
