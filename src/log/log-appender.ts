/**
 * Group commit of one log (spec/storage-format 5; design/performance H3–H6). A group is checked and staged, written with one write, made durable with
 * one sync if a member asks for it, and only then becomes part of the log: offsets, producer state, indexes and the tail cache change together, the
 * members are answered, and the next group starts.
 *
 * For what is urgent (docs/adr/0025), or as much as a group takes (0029), the next group is built and written while that sync runs. What is synced just
 * then becomes part of the log before, above the high watermark: nobody reads it, and nobody is answered, until its sync has succeeded.
 * One sync runs at a time, and groups are answered in their order.
 *
 * A failed write changes nothing: what it left in the file is cut off, the members fail (DISK_FULL may be retried, and the log
 * goes on by itself when there is space). A failed sync takes the log offline for appends until it is reopened.
 */
import { OttlaError } from '../common/errors.ts'
import { compressionTypes, loadCodec, type CompressionType } from '../record/compression.ts'
import { AppendGroup } from './append-group.ts'
import { AppendQueue, type PendingAppend } from './append-queue.ts'
import { markUnsynced } from './distrusted-tail.ts'
import type { LogConfig } from './log-config.ts'
import { rollSegment } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import type { AppendOptions, AppendResult } from './log-types.ts'
import { isSyncFailure, SealedFlusher } from './sealed-flusher.ts'
import { SYNC_WRITE_BYTES } from './sync-gate.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

const ATTRIBUTES_LOW_BYTE = 22
/** More are not checked and placed in one go, so that the event loop gets its turn. */
const GROUP_MEMBERS = 2048
/** On average, at least: a copy of smaller batches into one place is cheaper than to name each of them to the system. */
const IN_PLACE_BYTES = 8192
const loadedCodecs = new Set<CompressionType>(['none'])

interface GroupInFlight {
  readonly group: AppendGroup
  readonly commitProducers: (endOffset: number) => TransactionIndexEntry[]
  /** Its write has ended. */
  isWritten: boolean
  /** By another thread. */
  isAway: boolean
  /** Null: its sync has not begun. */
  synced: Promise<unknown> | null
  /** Its batches are part of the log. */
  isTaken: boolean
}

export class LogAppender {
  readonly #state: LogState
  readonly #notify: () => void
  readonly queue: AppendQueue
  readonly sealed: SealedFlusher
  #inFlight: GroupInFlight | null = null
  /** Built, perhaps written, while the one in flight is synced. */
  #following: GroupInFlight | null = null
  #diskFull = false

  /** `notify`: offsets moved. */
  constructor(state: LogState, notify: () => void) {
    this.#state = state
    this.#notify = notify
    this.queue = new AppendQueue(state.sharing.appendTurns, (taken) => this.#commit(taken), () => this.#mayFollow())
    this.sealed = new SealedFlusher(state, (error) => this.goOffline(error))
  }

  append(records: Uint8Array, options: AppendOptions, resolve: (result: AppendResult) => void, reject: (error: unknown) => void): void {
    this.queue.push(records, options, resolve, reject)
  }

  /** Starts a new active segment at `baseOffset`, inside the log's turn. */
  roll(baseOffset: number): void { rollSegment(this.#state, this.sealed, baseOffset) }

  #commit(taken: PendingAppend[]): Promise<void> | undefined {
    const missing = missingCodec(taken, this.#state.config.compression)
    return missing === null ? this.#start(taken) : this.#loadThenStart(taken, missing)
  }

  async #loadThenStart(taken: PendingAppend[], first: CompressionType): Promise<void> {
    let missing: CompressionType | null = first
    while (missing !== null) {
      try {
        await loadCodec(missing)
        loadedCodecs.add(missing)
      } catch (error) {
        for (const item of taken) item.reject(this.#state.describe(error))
        return
      }
      missing = missingCodec(taken, this.#state.config.compression)
    }
    return this.#start(taken)
  }

  #start(taken: PendingAppend[]): Promise<void> | undefined {
    const state = this.#state
    if (state.offline !== null) {
      for (const item of taken) item.reject(state.offline)
      return undefined
    }
    const before = this.#inFlight
    if (before === null) return this.#begin(taken)
    this.#take(before)
    return this.#follow(taken, before)
  }

  #begin(taken: PendingAppend[]): Promise<void> | undefined {
    const built = this.#build(taken, false)
    if (built === null) return undefined
    this.#inFlight = built
    const written = this.#write(built)
    return written === undefined ? this.#settle(built) : written.then(() => this.#settle(built))
  }

  /**
   * Nothing but a failed sync, after which the log is offline, can go wrong any more with the group in flight: what follows stands behind it. (The first
   * sync of a file opens its folder, for which there may be no handle.)
   */
  #mayFollow(): boolean {
    const { offline, segments } = this.#state
    const isSyncing = this.#inFlight !== null && this.#inFlight.synced !== null
    return offline === null && isSyncing && this.#following === null && this.sealed.isEmpty && segments.active.isListed
  }

  /** Builds and writes; syncs, where asked for, and answers after the group `before`. */
  async #follow(taken: PendingAppend[], before: GroupInFlight): Promise<void> {
    const built = this.#build(taken, true)
    if (built === null) return
    this.#following = built
    const written = this.#write(built)
    try {
      await before.synced
    } catch {
      // Those who asked for it are told, and the log is offline.
    }
    await written
    return this.#settle(built)
  }

  /** Undefined: on the event loop. A group whose write fails is not pending afterwards. */
  #write(built: GroupInFlight): Promise<void> | undefined {
    const { group } = built
    const ended = (): void => { built.isWritten = true }
    if (group.bytes === 0) return undefined
    const state = this.#state
    const segment = state.segments.active
    const { parts } = group
    const { buffer, start, length } = group.run
    if (group.nextOffset - state.offsets.recoveryPoint >= state.config.flushMessages) group.durable = true
    if (parts.length > 1 || !state.sharing.writeBudget.take(length)) {
      built.isAway = true
      const written = parts.length > 1 ? segment.writev(parts, length) : segment.write(buffer, start, length)
      return written.then(ended, (error: unknown) => { if (this.#isPending(built)) this.#failed(built, error) })
    }
    try {
      if (group.durable && state.config.preallocate) segment.writeOverZerosSync(buffer, start, length)
      else segment.writeSync(buffer, start, length)
      ended()
    } catch (error) {
      this.#failed(built, error)
    }
    return undefined
  }

  /** Written: it becomes durable if asked, and part of the log. */
  #settle(built: GroupInFlight): Promise<void> | undefined {
    if (!this.#isPending(built)) return undefined
    const { offline } = this.#state
    if (offline !== null) this.#failed(built, offline)
    else if (built.group.durable) return this.#syncAndComplete(built)
    else this.#complete(built)
    return undefined
  }

  /** False: it failed, or the process ends and it was answered. */
  #isPending(built: GroupInFlight): boolean { return this.#inFlight === built || this.#following === built }

  #leave(built: GroupInFlight): void {
    if (this.#following === built) this.#following = null
    else if (this.#inFlight === built) {
      this.#inFlight = this.#following
      this.#following = null
    }
  }

  /**
   * Takes as many as fit one write into one segment, which is not rolled for a group that `follows`; the others go back to the queue. Null: nothing to write,
   * everyone was answered.
   */
  #build(taken: PendingAppend[], follows: boolean): GroupInFlight | null {
    const state = this.#state
    const { offsets, producers, sharing } = state
    const staging = producers.beginGroup()
    let demand = 0
    for (const item of taken) demand += item.records.length
    const group = new AppendGroup({
      config: state.config, nextOffset: offsets.logEnd, leaderEpoch: state.leaderEpoch, logStartOffset: offsets.logStart, recoveryPoint: offsets.recoveryPoint,
      producers: staging, tail: state.tail, demand, inPlace: isWrittenInPlace(state.config, demand, taken.length), now: sharing.ports.clock.now(), describe: (error) => state.describe(error),
    })
    let next = 0
    try {
      for (; next < taken.length && group.members.length < GROUP_MEMBERS; next++) {
        const item = taken[next]!
        if (!group.prepare(item)) continue
        if (!this.#makeRoom(group, item, follows) || !group.place(item)) break
      }
      this.#noteEpochs(group)
    } catch (error) {
      // Rolling or noting the epoch met the disk: nobody of this group can be helped.
      this.#refuse(group, error)
      for (const item of taken.slice(next)) item.reject(this.#refusal(error))
      return null
    }
    if (next < taken.length) this.queue.putBack(taken.slice(next))
    if (group.members.length === 0) return null
    return { group, commitProducers: (endOffset) => staging.commit(endOffset), isWritten: false, isAway: false, synced: null, isTaken: false }
  }

  /** Rolls the active segment for the first of a group. False: `item` needs a new segment, so the group ends before it. */
  #makeRoom(group: AppendGroup, item: PendingAppend, follows: boolean): boolean {
    const state = this.#state
    const fit = group.fit(item)
    const active = state.segments.active
    const reason = active.rollReason(fit.bytes, fit.maxTimestamp, fit.lastOffset)
    if (reason === null) {
      const first = group.batches[0]
      // The first batch of a segment starts its time, though it is not in there yet.
      const startsSegment = first !== undefined && active.size === 0 && first.maxTimestamp >= 0
      return !startsSegment || fit.maxTimestamp - first.maxTimestamp <= state.config.maxSegmentMs - active.jitterMs
    }
    if (group.bytes > 0 || follows) return false
    if (active.size > 0 || active.baseOffset !== fit.firstOffset) this.roll(Math.max(fit.firstOffset, state.offsets.logEnd))
    return true
  }

  /** Before the write, as Kafka does: an entry at or past the log end is dropped at load, a missing one could never be told. */
  #noteEpochs(group: AppendGroup): void {
    const { epochs } = this.#state
    for (const { leaderEpoch, baseOffset } of group.batches) {
      if (leaderEpoch >= 0 && leaderEpoch !== epochs.latestEpoch) epochs.assign(leaderEpoch, baseOffset)
    }
  }

  #sync(built: GroupInFlight): Promise<unknown> {
    const { sharing, segments } = this.#state
    const own = sharing.syncGate.run(() => segments.active.datasync())
    // Sealed segments too: the promise covers everything before this group.
    built.synced = this.sealed.isEmpty ? own : Promise.all([this.sealed.logsDurable(), own])
    this.queue.followIfFull()
    return built.synced
  }

  /** Before anybody is told of the group that has just been synced, which takes a while: the disk is free. */
  #syncFollowing(): void {
    const following = this.#following
    if (following !== null && following.isWritten && following.group.durable) void this.#sync(following)
  }

  async #syncAndComplete(built: GroupInFlight): Promise<void> {
    try {
      await (built.synced ?? this.#sync(built))
    } catch (error) {
      if (!this.#isPending(built)) return
      if (!isSyncFailure(error) && !built.isTaken) return this.#failed(built, error)
      this.#leave(built)
      // The bytes of a group that follows are its own until its write has ended.
      if (this.#inFlight === null) this.#state.tail.rollback()
      built.group.rejectAll(this.goOffline(error))
      return
    }
    if (!this.#isPending(built)) return
    this.#syncFollowing()
    this.#complete(built, true)
  }

  /** The group is on the disk as far as its members asked. */
  #complete(built: GroupInFlight, isDurable: boolean = false): void {
    const { offsets, producers } = this.#state
    const { group } = built
    this.#take(built)
    this.#leave(built)
    if (group.bytes > 0) {
      producers.onHighWatermark(group.nextOffset)
      offsets.raiseWatermark(group.nextOffset, producers.firstUnstableOffset)
    }
    if (isDurable) {
      this.#state.durableEnd = group.nextOffset
      if (this.sealed.isEmpty) offsets.raiseRecoveryPoint(group.nextOffset)
    }
    group.resolveAll()
    if (group.bytes > 0) this.#notify()
    if (built.isAway && !isDurable) this.queue.startIfFull()
  }

  /** What was written becomes part of the log, once: the end moves, the high watermark not yet. */
  #take(built: GroupInFlight): void {
    const { group, commitProducers } = built
    if (built.isTaken) return
    built.isTaken = true
    if (group.bytes === 0) return
    const { segments, offsets, tail } = this.#state
    const { active } = segments
    for (const { size, lastOffset, maxTimestamp } of group.batches) active.commitBatch(size, lastOffset, maxTimestamp)
    this.#noteAborted(commitProducers(group.nextOffset))
    if (group.bypassesTail) tail.clear()
    else tail.commit(group.nextOffset)
    offsets.raiseEnd(group.nextOffset)
    this.#state.hasLeftover = false
    if (this.#diskFull) this.#resumed()
  }

  /** The file is derived and may wait, but not for the next roll: whoever looks at the folder of a killed process should find it there. */
  #noteAborted(entries: readonly TransactionIndexEntry[]): void {
    const { segments, sharing, name } = this.#state
    if (entries.length === 0) return
    for (const entry of entries) segments.active.commitAborted(entry)
    try {
      segments.active.writeAborted()
    } catch (error) {
      sharing.ports.logger.warn('a transaction index could not be written; it is tried again when the segment ends', { log: name, error })
    }
  }

  /** Its write failed, or what it was to stand behind did. */
  #failed(built: GroupInFlight, error: unknown): void {
    this.#state.hasLeftover = true
    this.#leave(built)
    this.#refuse(built.group, error)
  }

  #refuse(group: AppendGroup, error: unknown): void {
    this.#state.tail.rollback()
    group.rejectAll(this.#refusal(error))
  }

  /** What the members of a failed write are told. */
  #refusal(error: unknown): OttlaError {
    const known = this.#state.describe(error)
    if (known.code === 'DISK_FULL' && !this.#diskFull) {
      this.#diskFull = true
      const { sharing } = this.#state
      if (sharing.events.onDiskFull === undefined) sharing.ports.logger.error(
        'the disk is full: appends fail until there is space, reads go on', { log: this.#state.name },
      )
      else sharing.events.onDiskFull(this.#state, known)
    }
    return known
  }

  #resumed(): void {
    this.#diskFull = false
    const { sharing } = this.#state
    if (sharing.events.onDiskResumed === undefined) sharing.ports.logger.info('appends go through again', { log: this.#state.name })
    else sharing.events.onDiskResumed(this.#state)
  }

  /** No append is accepted from now on; returns what they are told. */
  goOffline(error: unknown): OttlaError {
    const state = this.#state
    if (state.offline !== null) return state.offline
    const cause = state.describe(error)
    const offline = new OttlaError('LOG_OFFLINE', `${state.name} is offline: ${cause.message}`, {
      topic: state.topic, partition: state.partition, file: cause.file, cause,
    })
    state.offline = offline
    markUnsynced(state)
    this.queue.failAll(offline)
    const { events, ports } = state.sharing
    if (events.onOffline === undefined) ports.logger.error(
      'the disk failed: the log is offline for appends until it is reopened', { log: state.name, error: cause },
    )
    else events.onOffline(state, offline)
    return offline
  }

  /** For `exit` handlers: writes and syncs what is in flight or waits, blocking. Members are answered, though nobody may live to see it. */
  flushSync(): void {
    const state = this.#state
    if (state.offline !== null) return
    for (;;) {
      const built = this.#inFlight ?? this.#buildWaiting()
      if (built === null) break
      this.#inFlight = built
      if (built.isAway && !built.isWritten) {
        // The thread may come to it after all of this: it must find the same bytes.
        state.tail.leave()
        built.isAway = false
      }
      const { buffer, start, length } = built.group.gather()
      try {
        // A write that is under way puts the same bytes to the same place.
        if (length > 0 && !built.isTaken) state.segments.active.writeSync(buffer, start, length)
      } catch (error) {
        return this.#failed(built, error)
      }
      this.#complete(built)
    }
    this.sealed.syncLogsNow()
    state.segments.active.datasyncSync()
  }

  /** Null: nothing waits, or a codec is missing. */
  #buildWaiting(): GroupInFlight | null {
    for (;;) {
      const waiting = this.queue.takeWaiting()
      if (waiting.length === 0 || missingCodec(waiting, this.#state.config.compression) !== null) return null
      const built = this.#build(waiting, false)
      if (built !== null) return built
    }
  }
}

/** So much is written by another thread anyway; what gets a stamp is copied anyway. */
function isWrittenInPlace({ timestampType }: LogConfig, bytes: number, batches: number): boolean {
  return bytes > SYNC_WRITE_BYTES && bytes >= batches * IN_PLACE_BYTES && timestampType === 'CreateTime'
}

/** A codec that a batch or the topic needs and that is not loaded yet; null: none. */
function missingCodec(items: readonly PendingAppend[], target: CompressionType | null): CompressionType | null {
  if (target !== null && !loadedCodecs.has(target)) return target
  for (const { records, options } of items) {
    if (options.origin === 'replication') continue
    const type = compressionTypes[(records[ATTRIBUTES_LOW_BYTE] ?? 0) & 7]
    if (type !== undefined && !loadedCodecs.has(type)) return type
  }
  return null
}
