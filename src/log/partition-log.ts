/**
 * One partition's log, the storage engine of Ottla: append, read, look up, truncate, expire. It orchestrates: appending is log-appender.ts, reading
 * log-reader.ts and tail-cache.ts, rolling log-roll.ts, taking away log-truncation.ts, opening log-loader.ts; files are Segment's.
 *
 * Invariants: the offsets keep their order (log-offsets.ts); one append group or one structural change runs at a time, but for a group that is written
 * while the one before is synced (append-queue.ts); readers never wait for them, and see what is below the high watermark.
 */
import { OttlaError } from '../common/errors.ts'
import { callGuarded } from '../common/guarded-call.ts'
import { loadPart } from '../common/load-part.ts'
import { check, checkAppend, checkConfig, checkedMemory, checkEpoch, checkIsolation, checkRead } from './log-arguments.ts'
import type { LogConfig } from './log-config.ts'
import { MIN_HOT_READ, readHot } from './hot-reader.ts'
import { LogAppender } from './log-appender.ts'
import { collectAborted, readSegments, type SegmentRead, type SegmentReadResult } from './log-reader.ts'
import { LogState, type LogParts } from './log-state.ts'
import { endActive, replaceActive } from './log-roll.ts'
import { dropFirst, moveStart } from './log-truncation.ts'
import type { AppendOptions, AppendResult, OffsetAndTimestamp, ReadIsolation, ReadOptions, ReadResult } from './log-types.ts'
import { SYNC_READ_BYTES } from './sync-gate.ts'
import type { ProducerSummary } from './producer-entry.ts'
import { isSyncFailure, type SealedFlusher } from './sealed-flusher.ts'
import type { RetentionPlan, RetentionSegment } from './retention.ts'

/** As DescribeProducers shows it. −1: none. */
export type ActiveProducer = ProducerSummary

const NOTHING: Uint8Array = new Uint8Array(0)
/** After so many bytes of appends (twice that at most) what is older does not count as hot. */
const HOT_BYTES = 256 * 1024 * 1024
/** Of memory a large read takes a tenth of it. */
const SLOW_READ_MS = 2

/** What a log is made of, and its turn: one structural change at a time. */
export interface LogInsides {
  readonly state: LogState
  readonly sealed: SealedFlusher
  exclusive<T>(section: () => Promise<T> | T): Promise<T>
  goOffline(error: unknown): OttlaError
}

const cutCode = (): Promise<typeof import('./log-cut.ts')> => loadPart('the code for truncation', () => import('./log-cut.ts'))

export class PartitionLog {
  readonly #state: LogState
  readonly #appender: LogAppender
  /** Null until there is one: most logs never have any. */
  #listeners: Set<() => void> | null = null
  #closing: Promise<void> | null = null
  #gone: OttlaError | null = null
  /** Resolves when the end that is being cut off is. */
  #cutting: Promise<void> | null = null
  /** Offsets at or above were appended in this process, no longer than two ticks and a bounded number of bytes ago: they are in the page cache. */
  #hotOffset: number
  #nextHotOffset: number
  /** Offsets at or above were appended in this process, and their checksums verified or made then. */
  #inheritedEnd: number
  /** Below it a large read took long: those that are not hot are left to the pool of threads. */
  #farEnd = 0
  /** Size of the log when `#nextHotOffset` was taken. */
  #sizeAtHot: number

  /** In a process that only reads: the segments are loaded anew, if `error` comes from an owner that has put others in their place. False: it does not. */
  renew: ((error: unknown) => Promise<boolean>) | null = null

  /** Used by the loader and LogManager. */
  constructor(parts: LogParts) {
    this.#state = new LogState(parts)
    this.#appender = new LogAppender(this.#state, () => this.#notify())
    // Who only reads inherits whatever an owner appends.
    const inherited = parts.store.readOnly ? Infinity : parts.offsets.logEnd
    this.#hotOffset = inherited
    this.#inheritedEnd = inherited
    this.#nextHotOffset = inherited
    this.#sizeAtHot = parts.segments.size
  }

  get topic(): string { return this.#state.topic }
  get partition(): number { return this.#state.partition }
  get topicId(): string { return this.#state.topicId }
  /** The partition's folder. */
  get directory(): string { return this.#state.store.directory }
  get config(): LogConfig { return this.#state.config }
  get logStartOffset(): number { return this.#state.offsets.logStart }
  get highWatermark(): number { return this.#state.offsets.highWatermark }
  get lastStableOffset(): number { return this.#state.offsets.lastStable }
  get logEndOffset(): number { return this.#state.offsets.logEnd }
  /** Not above the end of a rolled segment whose indexes are not durable yet: recovery, which does not look below it, must find that segment's end here. */
  get recoveryPoint(): number { return Math.min(this.#state.offsets.recoveryPoint, this.#appender.sealed.firstEnd) }
  get leaderEpoch(): number { return this.#state.leaderEpoch }
  /** Bytes in all `.log` files. */
  get size(): number { return this.#state.segments.size }
  get segmentCount(): number { return this.#state.segments.count }
  /** Where the oldest segment begins: at or below the log start. Follows a deletion once that is durable. */
  get firstSegmentOffset(): number { return this.#state.firstDurableBase }
  get isOffline(): boolean { return this.#state.offline !== null }
  /** Bytes of appends that wait for the group in hand. */
  get waitingBytes(): number { return this.#appender.queue.waitingBytes }

  // ---- append ----

  /**
   * Appends one record batch (of `replication`: one or more). The bytes belong to the log until the promise settles; base offset and leader epoch may
   * be patched in place. Resolves when the promise of `options.durable` holds. Raises what spec/storage-format 5.1 names (CORRUPT_MESSAGE,
   * INVALID_RECORD, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, RECORD_LIST_TOO_LARGE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH,
   * INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED), DISK_FULL (nothing was appended, later appends try again), LOG_OFFLINE, READ_ONLY, CLOSED.
   */
  append(records: Uint8Array, options: AppendOptions): Promise<AppendResult> {
    return new Promise((resolve, reject) => { this.appendFor(records, options, resolve, reject) })
  }

  /** The same for whoever has a promise of his own; `done` and `failed` must not throw. Either may be called before this returns. */
  appendFor(records: Uint8Array, options: AppendOptions, done: (result: AppendResult) => void, failed: (error: unknown) => void): void {
    try {
      checkAppend(records, options)
      this.#state.refuseChange()
    } catch (error) {
      failed(error)
      return
    }
    this.#appender.append(records, options, done, failed)
  }

  /** Called whenever the high watermark or the last stable offset moved, after the appends concerned were answered. Returns the way to stop. */
  onAdvance(listener: () => void): () => void {
    check(typeof listener === 'function', 'onAdvance: listener', listener, 'a function')
    const listeners = this.#listeners ??= new Set()
    listeners.add(listener)
    return () => { listeners.delete(listener) }
  }

  #notify(): void {
    const { size } = this.#state.segments
    if (size - this.#sizeAtHot > HOT_BYTES || size < this.#sizeAtHot) this.#cool()
    if (this.#listeners !== null) for (const listener of this.#listeners) callGuarded(listener, (error) => this.#state.sharing.ports.logger.error('a listener for the end of a log failed', { error }))
  }

  #cool(): void {
    this.#hotOffset = this.#nextHotOffset
    this.#nextHotOffset = this.logEndOffset
    this.#sizeAtHot = this.#state.segments.size
  }

  /** Makes everything appended so far durable. Raises LOG_OFFLINE when that fails. */
  flush(): Promise<void> { return this.#exclusive(() => this.#flush()) }

  async #flush(): Promise<void> {
    const { segments, offsets, sharing } = this.#state
    const { logEnd } = offsets
    const { sealed } = this.#appender
    try {
      await Promise.all([sealed.logsDurable(), sharing.syncGate.run(() => segments.active.datasync())])
    } catch (error) {
      throw isSyncFailure(error) ? this.#appender.goOffline(error) : this.#state.describe(error)
    }
    await sealed.settled()
    offsets.raiseRecoveryPoint(logEnd)
  }

  /** For `exit` handlers: writes what still waits, and syncs. Blocks. */
  flushSync(): void {
    if (this.#state.closed !== null || this.#state.store.readOnly) return
    this.#appender.flushSync()
  }

  #exclusive<T>(section: () => Promise<T> | T): Promise<T> {
    try {
      this.#refuseChange()
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#appender.queue.exclusive(() => {
      this.#refuseChange()
      return section()
    })
  }

  /** Whether its topic is being deleted, or is. */
  get isGoing(): boolean { return this.#gone !== null }

  /** Of a log that is to be deleted nothing begins any more: it would find its folder renamed, or another log's under its name. */
  #refuseChange(): void {
    if (this.#gone !== null) throw this.#gone
    this.#state.refuseChange()
  }

  // ---- read ----

  /** Raises OFFSET_OUT_OF_RANGE, LOG_CORRUPT (with file, position and offset), CLOSED, INVALID_ARGUMENT. */
  read(offset: number, options: ReadOptions): Promise<ReadResult> {
    try {
      checkRead(offset, options)
      return this.#readAtOnce(offset, options) ?? this.#readSlow(offset, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #readAtOnce(offset: number, options: ReadOptions): Promise<ReadResult> | null {
    const { offsets, tail, closed, segments, sharing } = this.#state
    if (closed !== null || offset < offsets.logStart || offset > offsets.logEnd) return null
    const limit = this.#limit(options.isolation)
    if (offset >= limit) return Promise.resolve(this.#result(NOTHING, offset, offset, options, false))
    const { maxBytes, minOneMessage: minOne = true, inlineBytes = SYNC_READ_BYTES } = options
    const allocate = checkedMemory(options.allocate)
    let read: SegmentReadResult | null = null
    let checkCrc = false
    if (offset >= tail.firstOffset) read = tail.read(offset, maxBytes, limit, minOne, allocate)
    else {
      const bytes = Math.max(MIN_HOT_READ, Math.min(maxBytes, segments.size))
      if (bytes <= inlineBytes && this.#isAtHand(offset, bytes)) {
        if (!sharing.readBudget.take(bytes)) return this.#readNextTurn(offset, options)
        checkCrc = this.#isChecked(offset, options)
        const hot = { offset, maxBytes, limitOffset: limit, minOne, checkCrc, allocate }
        read = bytes > SYNC_READ_BYTES ? this.#readLarge(hot, inlineBytes) : readHot(segments, hot)
      }
    }
    return read === null ? null : this.#quickly(read, offset, options, checkCrc)
  }

  #isAtHand(offset: number, bytes: number): boolean {
    return offset >= this.#hotOffset || (bytes > SYNC_READ_BYTES && offset >= this.#inheritedEnd && offset >= this.#farEnd)
  }

  /** What this process wrote is likely to be in the page cache still; a read that took as long as the disk does says that it is not. */
  #readLarge(read: SegmentRead, most: number): SegmentReadResult | null {
    const { clock } = this.#state.sharing.ports
    const began = clock.monotonic()
    const result = readHot(this.#state.segments, read, most)
    if (clock.monotonic() - began > SLOW_READ_MS) this.#farEnd = this.logEndOffset
    return result
  }

  /** The result, unless an index of aborted transactions cannot be read: the long way mends it or tells. */
  #quickly({ records, nextOffset }: SegmentReadResult, offset: number, options: ReadOptions, isChecked: boolean): Promise<ReadResult> {
    try {
      return Promise.resolve(this.#result(records, offset, nextOffset, options, isChecked))
    } catch {
      return this.#readSlow(offset, options)
    }
  }

  /** What may be read on the event loop in this turn is used up. */
  async #readNextTurn(offset: number, options: ReadOptions): Promise<ReadResult> {
    await new Promise<void>((resolve) => { this.#state.sharing.ports.scheduler.soon(resolve) })
    return this.read(offset, options)
  }

  async #readSlow(offset: number, options: ReadOptions): Promise<ReadResult> {
    for (;;) {
      const { offsets, generation, segments, tail } = this.#state
      this.#state.refuseClosed()
      if (!(offset >= offsets.logStart && offset <= offsets.logEnd)) {
        throw this.#state.describe(new OttlaError('OFFSET_OUT_OF_RANGE', `offset ${offset} is not in ${offsets.logStart}–${offsets.logEnd}`, { offset }))
      }
      const limitOffset = this.#limit(options.isolation)
      const { maxBytes, minOneMessage: minOne = true } = options
      const allocate = checkedMemory(options.allocate)
      const checkCrc = this.#isChecked(offset, options)
      try {
        const cached = offset >= tail.firstOffset && offset < limitOffset ? tail.read(offset, maxBytes, limitOffset, minOne, allocate) : null
        const read = cached ?? await readSegments(segments, { offset, maxBytes, limitOffset, minOne, checkCrc, allocate })
        if (cached !== null || !this.#isMoved(generation)) return this.#result(read.records, offset, read.nextOffset, options, cached === null && checkCrc)
        await this.#cutting
      } catch (error) {
        await this.#failedBeside(generation, error)
      }
    }
  }

  #isChecked(offset: number, { checkCrc = true }: ReadOptions): boolean { return checkCrc === 'inherited' ? offset < this.#inheritedEnd : checkCrc }

  #limit(isolation: ReadIsolation): number {
    const { offsets } = this.#state
    return isolation === 'logEnd' ? offsets.logEnd : isolation === 'committed' ? offsets.lastStable : offsets.highWatermark
  }

  #result(records: Uint8Array, from: number, to: number, options: ReadOptions, isChecked: boolean): ReadResult {
    const { offsets, segments } = this.#state
    return {
      records, nextOffset: to, isChecked, highWatermark: offsets.highWatermark, lastStableOffset: offsets.lastStable, logStartOffset: offsets.logStart,
      abortedTransactions: options.isolation === 'committed' ? collectAborted(segments, from, to) : null,
    }
  }

  /** ListOffsets EARLIEST: the log start offset, timestamp −1. */
  earliest(): OffsetAndTimestamp {
    const { epochs, offsets } = this.#state
    const first = epochs.earliest
    return { offset: offsets.logStart, timestamp: -1, leaderEpoch: first !== null && first.startOffset <= offsets.logStart ? first.epoch : -1 }
  }

  /** ListOffsets LATEST: the end that `isolation` sees, timestamp −1. */
  latest(isolation: ReadIsolation): OffsetAndTimestamp {
    checkIsolation(isolation)
    return { offset: this.#limit(isolation), timestamp: -1, leaderEpoch: this.leaderEpoch }
  }

  /** The first record with a timestamp at or above `timestamp`; null when there is none below the end that `isolation` sees (spec 6.2). */
  async offsetForTimestamp(timestamp: number, isolation: ReadIsolation): Promise<OffsetAndTimestamp | null> {
    checkIsolation(isolation)
    return this.#lookUp(async () => {
      const { segments } = this.#state.segments
      for (const [index, segment] of segments.entries()) {
        const next = segments[index + 1]
        if (next !== undefined && next.baseOffset <= this.#state.offsets.logStart) continue
        if (await segment.largestTimestamp() < timestamp) continue
        const found = await segment.findByTimestamp(timestamp, this.#state.offsets.logStart)
        if (found !== null) return found.offset >= this.#limit(isolation) ? null : found
        // The latest records of the first segment may lie below the log start. A later one answers for itself, though only its file may have a time (as Kafka).
        if (segment.baseOffset >= this.#state.offsets.logStart) return null
      }
      return null
    })
  }

  /** The record with the largest timestamp (the earliest on a tie); null when the log is empty. */
  async maxTimestampOffset(): Promise<OffsetAndTimestamp | null> {
    return this.#lookUp(async () => {
      const candidates: { largest: number; index: number }[] = []
      const { segments } = this.#state.segments
      for (const [index, segment] of segments.entries()) {
        if (segment.size > 0) candidates.push({ largest: await segment.largestTimestamp(), index })
      }
      candidates.sort((a, b) => b.largest - a.largest || a.index - b.index)
      let latest: OffsetAndTimestamp | null = null
      // A segment without timestamps stands where its file's modification time puts it: it has no record to offer. One of emptied batches has earlier ones.
      for (const { largest, index } of candidates) {
        if (latest !== null && latest.timestamp >= largest) break
        const found = await segments[index]!.findMaxTimestamp()
        if (found !== null && found.timestamp > (latest?.timestamp ?? -1)) latest = found
      }
      return latest
    })
  }

  async #lookUp(ask: () => Promise<OffsetAndTimestamp | null>): Promise<OffsetAndTimestamp | null> {
    for (;;) {
      const { generation } = this.#state
      this.#state.refuseClosed()
      try {
        const found = await ask()
        if (!this.#isMoved(generation)) return found
        await this.#cutting
      } catch (error) {
        await this.#failedBeside(generation, error)
      }
    }
  }

  /** Files went away since, or are about to: what was found may be half of before and half of after. */
  #isMoved(generation: number): boolean { return this.#state.generation !== generation || this.#cutting !== null }

  /** Truncation, retention or close may have pulled the files away: resolves when it is worth another try. Raises `error` when not. */
  async #failedBeside(generation: number, error: unknown): Promise<void> {
    if (!this.#isMoved(generation) && this.#state.closed === null && (await this.renew?.(error)) !== true) throw this.#state.describe(error)
    await this.#cutting
  }

  /** OffsetForLeaderEpoch (spec 9.2). −1: not known. */
  endOffsetForEpoch(epoch: number): { readonly leaderEpoch: number; readonly endOffset: number } {
    const found = this.#state.epochs.endOffsetFor(epoch, this.logEndOffset)
    return { leaderEpoch: found.epoch, endOffset: found.endOffset }
  }

  activeProducers(): ActiveProducer[] { return this.#state.producers.producers() }

  // ---- structure ----

  /** Starts a leader epoch at the current end (spec 9.1). Ignored unless it is above the last. */
  assignLeaderEpoch(epoch: number): Promise<void> {
    return this.#exclusive(() => {
      checkEpoch('assignLeaderEpoch: epoch', epoch)
      if (epoch > this.#state.epochs.latestEpoch) this.#state.epochs.assign(epoch, this.logEndOffset)
    })
  }

  /** DeleteRecords (spec 8.2); −1 = the high watermark. Returns the new log start, durably. Raises OFFSET_OUT_OF_RANGE, POLICY_VIOLATION. */
  deleteRecordsBefore(offset: number): Promise<number> {
    return this.#exclusive(async () => {
      check(Number.isInteger(offset), 'deleteRecordsBefore: offset', offset, 'a whole number')
      const state = this.#state
      const { offsets } = state
      if (!state.config.isDeleted) throw state.describe(
        new OttlaError('POLICY_VIOLATION', 'records cannot be deleted from a topic whose cleanup.policy lacks "delete"'),
      )
      const target = offset === -1 ? offsets.highWatermark : offset
      if (!(target >= 0 && target <= offsets.highWatermark)) {
        throw state.describe(
          new OttlaError('OFFSET_OUT_OF_RANGE', `records below ${offset} cannot be deleted: the high watermark is ${offsets.highWatermark}`, { offset }),
        )
      }
      await moveStart(state, target)
      return offsets.logStart
    })
  }

  /** One retention run (spec 8.1) at wall time `now`; returns how many segments went. */
  applyRetention(now: number): Promise<number> {
    return this.#exclusive(async () => {
      const state = this.#state
      const plan = await this.#planRetention(now)
      if (plan.count === 0) return 0
      if (plan.takesActive) replaceActive(state, state.offsets.logEnd)
      await dropFirst(state, this.#appender.sealed, plan.count)
      state.sharing.ports.logger.info('retention deleted segments', {
        log: state.name, segments: plan.count, byStartOffset: plan.byStartOffset, bySize: plan.bySize, byTime: plan.byTime,
        logStartOffset: state.offsets.logStart,
      })
      return plan.count
    })
  }

  async #planRetention(now: number): Promise<RetentionPlan> {
    const { segments: list, offsets, config } = this.#state
    const segments: RetentionSegment[] = []
    let expired = config.isDeleted && config.retentionMs >= 0
    for (const segment of list.segments) {
      // The first young segment ends the run: what is behind it need not be asked.
      const largestTimestamp = expired ? await segment.largestTimestamp() : Number.POSITIVE_INFINITY
      if (now - largestTimestamp <= config.retentionMs) expired = false
      segments.push({ baseOffset: segment.baseOffset, size: segment.size, largestTimestamp })
    }
    const { planRetention } = await loadPart('the code for retention', () => import('./retention.ts'))
    return planRetention({ segments, logStartOffset: offsets.logStart, highWatermark: offsets.highWatermark, logEndOffset: offsets.logEnd, config, now })
  }

  /**
   * Rolls an active segment whose time is up (segment.ms), though nobody appends, so that it can expire and be compacted. True when it rolled. The
   * age counts from its first record or its last append before this process, whichever is later, so old records that are being copied in do not roll
   * at every call.
   */
  maybeRollByTime(now: number): Promise<boolean> {
    return this.#exclusive(() => {
      const state = this.#state
      const { active } = state.segments
      if (active.size === 0) return false
      const { rollTimestamp } = active
      const since = rollTimestamp <= now ? Math.max(rollTimestamp, state.activeSinceMs) : state.activeSinceMs
      if (now - since <= state.config.maxSegmentMs - active.jitterMs) return false
      this.#appender.roll(state.offsets.logEnd)
      return true
    })
  }

  /** Follower's truncation (spec 9.3); batches are never split. Raises LOG_OFFLINE when the disk fails meanwhile: the next open says where the log ends. */
  truncateTo(offset: number): Promise<void> {
    return this.#exclusive(async () => {
      const { checkEnd, cutEnd } = await cutCode()
      checkEnd('truncateTo', offset)
      if (offset < this.logEndOffset) await this.#cut(() => cutEnd(this.#state, this.#appender.sealed, offset))
      this.#inheritedEnd = Math.min(this.#inheritedEnd, this.logEndOffset)
    })
  }

  /** Raises as `truncateTo`. */
  truncateFullyAndStartAt(offset: number): Promise<void> {
    return this.#exclusive(async () => {
      const { checkEnd, restart } = await cutCode()
      checkEnd('truncateFullyAndStartAt', offset)
      await this.#cut(() => restart(this.#state, this.#appender.sealed, offset))
      this.#inheritedEnd = Math.min(this.#inheritedEnd, offset)
    })
  }

  /** Half a cut leaves files that say more than the offsets do: what was appended then would stand behind it. */
  async #cut(cut: () => Promise<void>): Promise<void> {
    const cutting = cut().catch((error: unknown) => { throw this.#appender.goOffline(error) })
    this.#cutting = cutting.catch(() => {})
    try {
      await cutting
    } finally {
      // Who began meanwhile looks into what is gone.
      this.#state.generation++
      this.#cutting = null
    }
  }

  /** For the cleaner (log-compaction.ts), whose code is loaded when something is to be cleaned. */
  insides(): LogInsides {
    return { state: this.#state, sealed: this.#appender.sealed, exclusive: (section) => this.#exclusive(section), goOffline: (error) => this.#appender.goOffline(error) }
  }

  updateConfig(config: LogConfig): void {
    checkConfig(config, this.config)
    this.#state.config = config
    for (const segment of this.#state.segments.segments) segment.updateSettings(config)
  }

  /** Called by the manager about once a minute: what was new at the last tick is less hot now, and what could not be written then is tried again. */
  tick(): void {
    this.#cool()
    this.#appender.sealed.settleInBackground()
  }

  /** Forgets producers that were silent for `expirationMs`; default: producer.id.expiration.ms as it was at open. */
  expireProducers(nowMs: number, expirationMs?: number): void { this.#state.producers.removeExpired(nowMs, expirationMs) }

  /**
   * Finishes the appends that wait, makes everything durable, writes indexes and the producer snapshot, closes files. Idempotent. Rejects when
   * something of that failed, and with LOG_OFFLINE when the log was offline; files are closed even so.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close(new OttlaError('CLOSED', `${this.#state.name} is closed`, { topic: this.topic, partition: this.partition }), true)
    return this.#closing
  }

  /** As `close`, for a log whose folder is about to be deleted: appends and reads that come later meet `error`, nothing more is written. */
  abandon(error: OttlaError): Promise<void> {
    this.#gone = error
    this.#closing ??= this.#close(error, false)
    return this.#closing
  }

  async #close(error: OttlaError, flush: boolean): Promise<void> {
    const state = this.#state
    const { queue, sealed } = this.#appender
    if (flush) queue.close(error)
    else queue.failAll(error)
    await queue.idle()
    if (!flush) await sealed.forgetAll()
    try {
      if (flush && !state.store.readOnly) await queue.exclusive(() => this.#finish())
    } finally {
      state.closed = error
      this.#listeners = null
      state.sharing.tailMemory.forget(state.tail)
      for (const segment of state.segments.segments) {
        closeQuietly(() => segment.close())
        state.store.fileCache.invalidate(segment.logPath)
      }
    }
  }

  /** Last writes of a clean close, in Kafka's order: segments, then the snapshot; the checkpoints and the mark are the manager's. */
  async #finish(): Promise<void> {
    const state = this.#state
    if (state.offline !== null) throw state.offline
    await this.#flush()
    endActive(state)
    await state.segments.active.flush()
    state.producers.setEndOffset(state.offsets.logEnd)
    await state.producers.takeDurableSnapshot()
    state.epochs.flush()
  }
}

/** After a failure the files of other segments are closed all the same. */
function closeQuietly(close: () => void): void {
  try {
    close()
  } catch {
    // The flush before has told what is wrong with the disk.
  }
}
