/**
 * Keeps records coming: one fetch at a time for all partitions that have room, up to two fetches ahead each and `fetch.max.bytes` in all
 * (back-pressure: what nobody reads is not fetched). Hands records out round robin, so that no partition starves another.
 *
 * A long poll for quiet partitions is cut short when another one wants data. Errors that may pass are waited out per partition; the rest
 * is kept with the partition until the application asks. Never rejects, never throws but from `take`.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { ConsumerValues } from '../config/settings.ts'
import type { BrokerApi, FetchPartitionResponse, FetchResponse } from '../protocol/broker-api.ts'
import { backoffMs } from './backoff.ts'
import type { ConsumerPartition } from './consumer-partition.ts'
import { errorOf } from './failure.ts'
import { endOfBatches, FetchedRecords } from './fetched-records.ts'
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
  #controller: AbortController | null = null
  /** Turns: partitions that were served last come last. */
  readonly #turn = new Map<ConsumerPartition<K, V>, number>()
  #turns = 0
  /** Those that had records when they were looked at last, whose turn it is last first. */
  #line: ConsumerPartition<K, V>[] = []
  #round = 0
  #takenSincePump = 0
  #failures = 0
  #hasty = 0
  #waiting = false
  #closed = false

  constructor(
    api: BrokerApi, ports: Ports, values: ConsumerValues, deserializers: Deserializers<K, V>,
    partitions: () => Iterable<ConsumerPartition<K, V>>, hooks: FetcherHooks,
  ) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#deserializers = deserializers
    this.#partitions = partitions
    this.#hooks = hooks
  }

  /** Sends a fetch for what has room, unless one is under way that covers it. */
  pump(): void {
    this.#takenSincePump = 0
    if (this.#closed || this.#waiting) return
    const now = this.#ports.clock.monotonic()
    let buffered = 0
    const wanted: ConsumerPartition<K, V>[] = []
    for (const partition of this.#partitions()) {
      buffered += partition.bufferedBytes
      if (partition.canFetch(now)) wanted.push(partition)
    }
    if (wanted.length === 0 || (buffered > 0 && buffered >= this.#values['fetch.max.bytes'])) return
    if (this.#controller !== null) {
      this.#controller.abort()
      return
    }
    this.#fetch(wanted)
  }

  #fetch(wanted: ConsumerPartition<K, V>[]): void {
    wanted.sort((a, b) => (this.#turn.get(a) ?? 0) - (this.#turn.get(b) ?? 0))
    const asked = wanted.map((partition) => ({ partition, version: partition.version, offset: partition.fetchOffset }))
    for (const partition of wanted) partition.fetching = partition.version
    const controller = new AbortController()
    const start = this.#ports.clock.monotonic()
    this.#controller = controller
    const most = Math.min(this.#values['max.partition.fetch.bytes'], this.#hooks.share())
    let answer: Promise<FetchResponse>
    try {
      answer = this.#api.fetch({
        maxWaitMs: this.#values['fetch.max.wait.ms'], minBytes: this.#values['fetch.min.bytes'], maxBytes: this.#values['fetch.max.bytes'],
        isolationLevel: this.#values['isolation.level'] === 'read_committed' ? 1 : 0, signal: controller.signal, allocate: this.#memory.allocate,
        partitions: wanted.map(({ topic, partition, fetchOffset, isDoubted, reach }) => (
          { topic, partition, fetchOffset, partitionMaxBytes: Math.min(most, reach), isCheckedLater: this.#values['check.crcs'] && !isDoubted })),
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
      this.#goOn(response, controller.signal.aborted || this.#ports.clock.monotonic() - start >= 1)
    }, (reason: unknown) => {
      ended()
      if (!this.#closed) this.#failed(asked.map((each) => each.partition), OttlaError.from(reason))
    })
  }

  /** The next fetch follows at once, unless the broker keeps answering with nothing and without waiting (fetch.max.wait.ms 0). */
  #goOn(response: FetchResponse, waited: boolean): void {
    this.#hasty = waited || response.partitions.some((each) => each.records.length > 0) ? 0 : this.#hasty + 1
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
      this.#refused(partition, error)
      return
    }
    partition.failures = 0
    if (response.isChecked === true) partition.isDoubted = false
    partition.highWatermark = response.highWatermark
    if (response.records.length === 0) return
    const committedOnly = this.#values['isolation.level'] === 'read_committed'
    const lease = this.#memory.leaseOf(response.records)
    const end = response.nextOffset ?? endOfBatches(response.records, offset)
    if (end >= response.highWatermark) this.#memory.trim()
    const fetched = new FetchedRecords<K, V>({
      topic: partition.topic, partition: partition.partition, records: response.records, highWatermark: response.highWatermark,
      abortedTransactions: committedOnly ? response.abortedTransactions ?? [] : null,
    }, offset, this.#values['check.crcs'] && response.isChecked !== true, this.#deserializers, lease)
    partition.add(fetched, end)
    this.#hooks.arrived()
  }

  #refused(partition: ConsumerPartition<K, V>, error: OttlaError): void {
    if (error.code === 'OFFSET_OUT_OF_RANGE' && this.#values['auto.offset.reset'] !== 'none') {
      const { topic, position } = partition
      const to = this.#values['auto.offset.reset']
      this.#ports.logger.info('position is out of range: it is reset', { topic, partition: partition.partition, position, to })
      partition.unknown(true)
      this.#hooks.reset()
    } else if (error.retriable && error.code !== 'CORRUPT_MESSAGE') {
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

  /** Up to `max` records of the partition whose turn it is; null when there are none. Throws what a partition has met. */
  take(max: number): Taken<K, V> | null {
    const floor = this.#turns
    for (;;) {
      const first = this.#nextInLine(floor)
      if (first === null) return null
      // A partition that turns out to have nothing is behind all others now, and above the floor.
      this.#turn.set(first, ++this.#turns)
      this.#takenSincePump++
      const { version } = first
      const taken = this.#takeFrom(first, max)
      if (taken !== null) return { partition: first, version, ...taken, nextOffset: first.position }
    }
  }

  #nextInLine(floor: number): ConsumerPartition<K, V> | null {
    // What came since the line was made is not in it.
    for (let isFresh = false; ;) {
      const next = this.#line.pop()
      if (next !== undefined) {
        if (next.error === null && !next.paused && next.hasRecords && (this.#turn.get(next) ?? 0) <= floor) return next
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
    this.#line.reverse().sort((a, b) => (this.#turn.get(b) ?? 0) - (this.#turn.get(a) ?? 0))
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

  /** Forgets partitions that are not assigned any more. */
  forget(partition: ConsumerPartition<K, V>): void {
    this.#turn.delete(partition)
    this.#line.length = 0
  }

  close(): void {
    this.#closed = true
    this.#controller?.abort()
  }
}
