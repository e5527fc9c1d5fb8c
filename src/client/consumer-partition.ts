/**
 * Where a consumer stands in one assigned partition.
 *
 *   finished ≤ position ≤ fetch offset
 *
 * `position` is behind what was handed out, `finished` behind what the application is done with (auto commit goes no further), the fetch
 * offset behind what has been asked of the broker. A seek, a reset or the loss of the partition raises `version`: whatever was under way
 * for an older version is void.
 */
import type { OttlaError } from '../common/errors.ts'
import { FetchedRecords } from './fetched-records.ts'
import type { RecordSlice } from './record-slice.ts'

/** Bytes of the first fetch behind a seek: whoever wants a few records does not wait for megabytes. Each that is used up doubles the next. */
const FIRST_FETCH_BYTES = 1_048_576

/** Fetches of one partition that are kept: one that is being read and the next. */
const FETCHES_AHEAD = 2

/** Part of a slice that has not been handed out. */
export interface SliceRest<K, V> { readonly slice: RecordSlice<K, V>; readonly from: number }

/** Bytes fetched and not read by now, of all partitions of a consumer; of those that are paused, in `paused`. */
export interface Buffered { bytes: number; paused: number }

export class ConsumerPartition<K, V> {
  readonly topic: string
  readonly partition: number
  readonly #buffered: Buffered
  /** The fetcher's: when it was served last. */
  turn: number = 0
  /** −1: not known yet. */
  position: number = -1
  finished: number = -1
  /** Last offset committed from here or found committed; −1 none. */
  committed: number = -1
  version: number = 0
  /** The position is to be looked up: from what is committed, or by auto.offset.reset. */
  resetOnly: boolean = false
  /** The version that a fetch under way is for; −1 none. */
  fetching: number = -1
  /** On the monotonic clock: not fetched before. */
  retryAt: number = 0
  failures: number = 0
  /** A checksum was wrong: the broker is asked to check, for it can say which file and where. */
  isDoubted: boolean = false
  /** To be thrown at the next chance. */
  error: OttlaError | null = null
  highWatermark: number = -1
  /** As far as the consumer may read, as the broker said last; −1 not known. */
  visibleEnd: number = -1
  /** Of the last record handed out. */
  leaderEpoch: number = -1
  /** Of the record in front of the fetch offset; −1 not known. A broker whose log took another turn there says so. */
  fetchedEpoch: number = -1
  #fetchOffset = -1
  #reach = FIRST_FETCH_BYTES
  #rest: SliceRest<K, V> | null = null
  #isPaused = false
  #fetched: FetchedRecords<K, V>[] = []

  constructor(topic: string, partition: number, buffered: Buffered) {
    this.topic = topic
    this.partition = partition
    this.#buffered = buffered
  }

  get fetchOffset(): number { return this.#fetchOffset }
  /** Bytes that it makes sense to ask for. */
  get reach(): number { return this.#reach }
  /** There is more for it than was fetched, or nobody knows. */
  get isBehind(): boolean { return this.visibleEnd < 0 || this.#fetchOffset < this.visibleEnd }
  get hasRecords(): boolean { return this.#rest !== null || this.#fetched.length > 0 }

  canFetch(now: number): boolean {
    const ready = this.position >= 0 && !this.paused && this.error === null && now >= this.retryAt
    return ready && this.fetching !== this.version && this.#fetched.length < FETCHES_AHEAD
  }

  /** Reading goes on at `offset`, of which all before counts as finished. */
  moveTo(offset: number): void {
    this.#forget()
    this.position = offset
    this.finished = offset
    this.#fetchOffset = offset
  }

  /** The log was cut at `offset`, and may have grown again: reading goes on there, of what was read before. */
  truncate(offset: number): void {
    const { finished } = this
    this.moveTo(Math.min(this.position, offset))
    this.finished = Math.min(finished, this.position)
  }

  /** The position is not known any more. `resetOnly`: not even what is committed counts. */
  unknown(resetOnly: boolean): void {
    this.#forget()
    this.position = -1
    this.finished = -1
    this.resetOnly = resetOnly
  }

  #forget(): void {
    this.version++
    this.fetchedEpoch = -1
    this.isDoubted = false
    this.#rest = null
    this.#dropFetched()
    this.visibleEnd = -1
    this.#reach = FIRST_FETCH_BYTES
    this.error = null
    this.retryAt = 0
    this.failures = 0
  }

  /** Given up for good: not a member's any more. */
  lose(): void { this.unknown(false) }

  get paused(): boolean { return this.#isPaused }
  set paused(paused: boolean) {
    if (paused === this.#isPaused) return
    let bytes = 0
    for (const { size } of this.#fetched) bytes += size
    this.#buffered.paused += paused ? bytes : -bytes
    this.#isPaused = paused
  }

  /** `bytes` more are buffered. */
  #count(bytes: number): void {
    this.#buffered.bytes += bytes
    if (this.#isPaused) this.#buffered.paused += bytes
  }

  #dropFetched(): void {
    for (const { size } of this.#fetched) this.#count(-size)
    this.#fetched = []
  }

  add(fetched: FetchedRecords<K, V>, end: number): void {
    this.#fetched.push(fetched)
    this.#count(fetched.size)
    this.#fetchOffset = end
  }

  /** Forgets fetches of which everything was handed out. True when that made room. */
  dropRead(): boolean {
    const before = this.#fetched.length
    while (this.#rest === null && this.#fetched[0]?.isRead === true) this.#endFirst()
    return this.#fetched.length < before
  }

  #endFirst(): void {
    const first = this.#fetched.shift()!
    this.#count(-first.size)
    if (first.size > this.#reach / 2) this.#reach = Math.min(this.#reach * 2, 67_108_864)
    this.#passOver(first.nextOffset)
    first.done()
  }

  /** The next records, at most `max`; null when none are here. Moves the position behind them. Raises CORRUPT_MESSAGE. */
  take(max: number): { slice: RecordSlice<K, V>; from: number; to: number } | null {
    const rest = this.#rest ?? this.#nextSlice(max)
    if (rest === null) return null
    const { slice, from } = rest
    const to = Math.min(slice.count, from + max)
    this.#rest = to < slice.count ? { slice, from: to } : null
    this.position = this.#behind(slice, to)
    this.leaderEpoch = slice.source(to - 1).leaderEpoch
    return { slice, from, to }
  }

  #behind(slice: RecordSlice<K, V>, to: number): number { return to < slice.count ? slice.offsetAt(to - 1) + 1 : slice.nextOffset }

  #nextSlice(max: number): SliceRest<K, V> | null {
    for (let first = this.#fetched[0]; first !== undefined; first = this.#fetched[0]) {
      let slice: RecordSlice<K, V> | null
      try {
        slice = first.take(max)
      } catch (error) {
        // Asked for again from the position, which is in front of the damage, should the application go on.
        this.#dropFetched()
        this.#fetchOffset = this.position
        this.fetchedEpoch = -1
        this.version++
        throw error
      }
      if (slice !== null) return { slice, from: 0 }
      this.#endFirst()
    }
    return null
  }

  /** There is no record from `from` to `to`, with which the log ends: a hole that a power cut or a repair left. */
  passHole(from: number, to: number): void {
    if (to <= from || from !== this.position || this.hasRecords) return
    this.#fetchOffset = to
    this.#passOver(to)
  }

  /** Nothing up to `offset` is for the application. */
  #passOver(offset: number): void {
    if (offset <= this.position) return
    if (this.finished === this.position) this.finished = offset
    this.position = offset
  }

  /** Rows from `from` on were taken and not handed out after all. */
  giveBack(slice: RecordSlice<K, V>, from: number, version: number): void {
    if (version !== this.version || from >= slice.count) return
    slice.lease?.pin()
    this.#rest = { slice, from }
    this.position = slice.offsetAt(from)
  }

  /** The application is done with everything up to `offset`. */
  finish(offset: number, version: number): void {
    if (version === this.version && offset > this.finished) this.finished = offset
  }

  /** The first row not handed out, if one is at hand, for its age. */
  nextTimestamp(): number | null { return this.#rest === null ? null : this.#rest.slice.timestampAt(this.#rest.from) }
}
