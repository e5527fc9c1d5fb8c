/**
 * One segment: a `.log` file and what is derived from it (offset, time and transaction index). Invariants: the file up to `size` is whole batches
 * with rising offsets; an index entry points at a batch start; memory changes only after the bytes are written (`commitBatch`).
 *
 * Indexes live in memory and reach their files at `flush`, `seal` and `close` only. A segment opened by `open` has read nothing; its indexes load at
 * the first lookup and `unload` drops them. What was loaded from a file is not believed: every lookup is checked against the batch it leads to,
 * and a wrong index is rebuilt from the log.
 *
 * Used by PartitionLog and its loader (one writer, many readers). Does not decide when to roll, sync or delete.
 */
import { join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { FileCache } from '../io/file-cache.ts'
import type { FileSystem } from '../io/file-system.ts'
import { BatchWalker, type BatchProblem, type WalkerOptions } from './batch-walker.ts'
import { LogFile } from './log-file.ts'
import { OFFSET_ENTRY_SIZE } from './offset-index.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { indexFileKinds, segmentFileKinds, segmentFileName, type IndexFileKind } from './segment-names.ts'
import type { RecoverOptions, RecoveryOutcome } from './segment-recovery.ts'
import { rollReason, type RollReason } from './segment-roll.ts'
import { addFinalTimeEntry, indexBatch } from './segment-scan.ts'
import { SegmentSearch, type BatchLocation, type SegmentEnd, type TimestampedOffset } from './segment-search.ts'
import { TIME_ENTRY_SIZE } from './time-index.ts'
import type { TransactionIndex, TransactionIndexEntry } from './transaction-index.ts'
import { isZeroed, LARGEST_WRITE_OVER_ZEROS, ZEROS_AHEAD } from './zeros.ts'

/** What all segments of one partition share. */
export interface SegmentStore {
  readonly fileSystem: FileSystem
  readonly fileCache: FileCache
  readonly clock: Clock
  /** The partition's folder. */
  readonly directory: string
  /** True: no file is created, written, cut, renamed or removed. */
  readonly readOnly: boolean
}

/** The settings a segment reads; LogConfig has them. */
export interface SegmentSettings {
  readonly indexIntervalBytes: number
  readonly segmentIndexBytes: number
  readonly segmentBytes: number
  readonly maxSegmentMs: number
}

export interface SegmentOptions {
  /** Drawn once a segment by its owner, in [0, segment.jitter.ms). Default 0. */
  readonly jitterMs?: number
  /** Length of the `.log`, when the caller has just asked; spares the stat. */
  readonly fileSize?: number
}

export type { BatchLocation, TimestampedOffset }

/** What `loadTail` found. */
export interface SegmentTail {
  readonly nextOffset: number
  readonly validBytes: number
  /** Not null: the segment does not end with a whole batch and must be recovered before anything is appended. */
  readonly problem: BatchProblem | null
}

const UNKNOWN = -1

function bytesOf(fileSystem: FileSystem, path: string, baseOffset: number): number {
  const stat = fileSystem.stat(path)
  if (stat === null) throw new OttlaError('LOG_CORRUPT', `${path} is missing`, { file: path, offset: baseOffset })
  return stat.size
}

export class Segment {
  readonly baseOffset: number
  readonly createdAtMs: number
  readonly jitterMs: number
  readonly #store: SegmentStore
  readonly #file: LogFile
  readonly #indexes: SegmentIndexes
  readonly #search: SegmentSearch
  #settings: SegmentSettings
  /** UNKNOWN until `loadTail` or `recover`. */
  #nextOffset = UNKNOWN
  #maxTimestamp = -1
  #offsetOfMaxTimestamp: number
  #rollTimestamp: number | null = null
  /** False: `#maxTimestamp` may rest on an index that came from a file. */
  #timesAreChecked = false
  #sizeWhenLoaded = -1
  #readers = 0
  #onLastReader: (() => void) | null = null

  private constructor(store: SegmentStore, baseOffset: number, settings: SegmentSettings, fileSize: number, jitterMs: number) {
    this.baseOffset = baseOffset
    this.createdAtMs = store.clock.now()
    this.jitterMs = jitterMs
    this.#store = store
    this.#settings = settings
    this.#offsetOfMaxTimestamp = baseOffset
    const path = join(store.directory, segmentFileName(baseOffset, 'log'))
    this.#file = new LogFile(store.fileSystem, store.fileCache, path, fileSize, { readOnly: store.readOnly })
    this.#indexes = new SegmentIndexes(store.fileSystem, store.directory, baseOffset)
    this.#search = new SegmentSearch(this.#file, this.#indexes, settings.indexIntervalBytes)
  }

  /** A new, empty segment: removes leftovers of the same base offset and creates the empty `.log`. */
  static create(store: SegmentStore, baseOffset: number, settings: SegmentSettings, options: SegmentOptions = {}): Segment {
    const segment = new Segment(store, baseOffset, settings, 0, options.jitterMs ?? 0)
    for (const kind of segmentFileKinds) store.fileSystem.unlink(join(store.directory, segmentFileName(baseOffset, kind)))
    store.fileCache.invalidate(segment.logPath)
    segment.#file.create()
    segment.#indexes.reset()
    segment.#nextOffset = baseOffset
    segment.#rollTimestamp = -1
    segment.#timesAreChecked = true
    return segment
  }

  /** An existing segment. One stat (none with `fileSize`), no read. Raises LOG_CORRUPT when there is no `.log`. */
  static open(store: SegmentStore, baseOffset: number, settings: SegmentSettings, options: SegmentOptions = {}): Segment {
    const fileSize = options.fileSize ?? bytesOf(store.fileSystem, join(store.directory, segmentFileName(baseOffset, 'log')), baseOffset)
    return new Segment(store, baseOffset, settings, fileSize, options.jitterMs ?? 0)
  }

  get logPath(): string { return this.#file.path }
  /** Bytes of whole batches. */
  get size(): number { return this.#file.size }

  /** Offset after the last batch. Known after `create`, `loadTail`, `recover` and every `commitBatch`; else INTERNAL. */
  get nextOffset(): number {
    if (this.#nextOffset === UNKNOWN) throw new OttlaError('INTERNAL', `the end of ${this.logPath} is asked for before it was loaded`)
    return this.#nextOffset
  }

  /** Largest batch timestamp, −1 when there is none; known when `nextOffset` is. */
  get maxTimestamp(): number { return this.#maxTimestamp }
  /** Last offset of the first batch that has `maxTimestamp`; the base offset when there is none. */
  get offsetOfMaxTimestamp(): number { return this.#offsetOfMaxTimestamp }

  /** Max timestamp of the first batch, −1 when there is none. Reads one header the first time after `open`. */
  get rollTimestamp(): number {
    this.#rollTimestamp ??= this.#readRollTimestamp()
    return this.#rollTimestamp
  }

  #readRollTimestamp(): number {
    const walker = this.walk(0, { kind: 'headers', chunkBytes: 64 })
    return (walker.next() ?? (walker.fillSync() ? walker.next() : null))?.maxTimestamp ?? -1
  }

  updateSettings(settings: SegmentSettings): void {
    this.#settings = settings
    this.#search.indexIntervalBytes = settings.indexIntervalBytes
  }

  /** Spec 4, asked before every append. */
  rollReason(appendBytes: number, appendMaxTimestamp: number, appendLastOffset: number): RollReason | null {
    const { segmentIndexBytes, segmentBytes, maxSegmentMs } = this.#settings
    const { rollTimestamp } = this
    return rollReason({
      segmentSize: this.size, baseOffset: this.baseOffset, rollTimestamp, createdAtMs: this.createdAtMs, segmentJitterMs: this.jitterMs,
      offsetEntries: this.#indexes.offsets(this.size).entryCount, maxOffsetEntries: Math.floor(segmentIndexBytes / OFFSET_ENTRY_SIZE),
      timeEntries: this.#indexes.times().entryCount, maxTimeEntries: Math.floor(segmentIndexBytes / TIME_ENTRY_SIZE),
      appendBytes, appendMaxTimestamp, appendLastOffset, segmentBytes, maxSegmentMs,
      // Asked of the clock only where it counts: not where the first batch has a time.
      nowMs: rollTimestamp >= 0 ? rollTimestamp : this.#store.clock.now(),
    })
  }

  // Append. The caller patches offsets, writes a run of batches with one call, then commits each of them in order.

  /** Writes at `size`, changing nothing in memory. On an error nothing has happened and the next write starts clean. */
  writeSync(buffer: Uint8Array, start: number, length: number): void { this.#file.writeSync(buffer, start, length) }

  /** As `writeSync`, for a write that is synced next: it keeps zeros ahead, as far as the segment may grow, so that small syncs are shorter. */
  writeOverZerosSync(buffer: Uint8Array, start: number, length: number): void {
    const ahead = length > LARGEST_WRITE_OVER_ZEROS ? 0 : Math.min(ZEROS_AHEAD, this.#settings.segmentBytes - this.size - length)
    this.#file.writeSync(buffer, start, length, ahead)
  }

  write(buffer: Uint8Array, start: number, length: number): Promise<void> { return this.#file.write(buffer, start, length) }
  writev(parts: readonly Uint8Array[], length: number): Promise<void> { return this.#file.writev(parts, length) }

  /** Takes the next `size` written bytes as one batch: size, index entries (spec 3.2), timestamps, next offset. */
  commitBatch(size: number, lastOffset: number, maxTimestamp: number): void {
    const position = this.#file.size
    const offsets = this.#indexes.offsets(position)
    const times = this.#indexes.times()
    this.#file.commit(size)
    if (position === 0) this.#rollTimestamp = maxTimestamp
    if (maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
      this.#offsetOfMaxTimestamp = lastOffset
    }
    indexBatch(offsets, times, this.#settings.indexIntervalBytes, position, lastOffset, this.#maxTimestamp, this.#offsetOfMaxTimestamp)
    this.#nextOffset = lastOffset + 1
  }

  /** Of a transaction whose abort marker lies in this segment. */
  commitAborted(entry: TransactionIndexEntry): void { this.#indexes.aborted().append(entry) }
  /** Made anew from the log; what a file says of aborted transactions is not asked any more. */
  replaceAborted(aborted: TransactionIndex): void { this.#indexes.replaceAborted(aborted) }
  /** Brings the transaction index file up to memory, not synced: others who look at the files of a killed process expect it there. */
  writeAborted(): void { this.#indexes.writeAborted() }

  /** fdatasync of the `.log` alone (and once of the directory entry). A failure must take the log offline. */
  datasync(): Promise<void> { return this.#file.datasync() }
  datasyncSync(): void { this.#file.datasyncSync() }
  /** The file's directory entry is durable. */
  get isListed(): boolean { return this.#file.isListed }

  /** log → index → timeindex → txnindex, each written and synced. After it a recovery point at `nextOffset` may be recorded. */
  async flush(): Promise<void> {
    await this.#file.datasync()
    await this.#indexes.flush()
  }

  /**
   * Ends the segment: final time entry, index files written (not synced), write handle given back. Nothing is appended afterwards; reads go on. To be
   * followed by `flush` before the recovery point passes it.
   */
  seal(): void {
    if (!this.#store.readOnly) {
      if (this.#nextOffset !== UNKNOWN && this.size > 0) addFinalTimeEntry(this.#indexes.times(), this.#maxTimestamp, this.#offsetOfMaxTimestamp)
      this.#indexes.write()
      this.#file.trim()
    }
    this.#file.close()
  }

  /** As `seal`, and drops the indexes. Idempotent. */
  close(): void {
    this.seal()
    this.#indexes.unload()
  }

  /** Drops loaded or written indexes from memory; the next lookup reads them again. No-op while memory is ahead of the files. */
  unload(): void { this.#indexes.unload() }

  // Read. `offset` in [base, next); positions in [0, size].

  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number { return this.#file.readSync(buffer, offset, length, position) }
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> { return this.#file.read(buffer, offset, length, position) }

  /**
   * Position to start scanning from for `offset`: a batch start at or before the batch that holds it, about one index interval before at most.
   * Not checked yet: when there is no batch at it, or one whose base offset is above `offset`, the index lied: call `locate`, which mends it.
   */
  floorPosition(offset: number): number { return this.#search.floorPosition(offset) }
  /** True: an index entry says that a batch ends with this very offset. */
  isIndexed(offset: number): boolean { return this.#search.isIndexed(offset) }
  /**
   * Where the batch that holds `offset` begins if batches are larger than an index interval, so that each has its entry; −1: no guess. The caller checks: a
   * base offset above `offset`, or no batch at all, means that `floorPosition` must be asked.
   */
  likelyPosition(offset: number): number { return this.#search.likelyPosition(offset) }
  /** Where the last indexed batch at or below `position` begins, by the index alone; 0: none. */
  boundaryBelow(position: number): number { return this.#search.boundaryBelow(position) }
  /** The first batch whose last offset is ≥ `offset`, checked; null when there is none. Raises LOG_CORRUPT (file, position, offset). */
  locate(offset: number): Promise<BatchLocation | null> { return this.#search.locate(offset) }
  /** The end is known from elsewhere, and the last batch claims another: its offset is damaged. Reading it is an error then. */
  claimEnd(nextOffset: number): void { this.#nextOffset = nextOffset }

  /** Cheap: looks a few entries up. */
  hasTornIndexes(): Promise<boolean> { return this.#search.hasTornIndexes() }

  /** Rebuilds offset and time index from the headers of [0, size). The files are rewritten at the next flush, seal or close. */
  async rebuildIndexes(): Promise<void> { await this.#search.rebuild() }
  /** Bytes of the index files of a sealed segment that is durable; 0: there is none. */
  indexBytes(): { readonly offsets: number; readonly times: number } {
    const { fileSystem, directory } = this.#store
    const bytes = (kind: IndexFileKind): number => fileSystem.stat(join(directory, segmentFileName(this.baseOffset, kind)))?.size ?? 0
    return { offsets: bytes('index'), times: bytes('timeindex') }
  }

  /** First record at or above both `timestamp` and `startOffset`; null when there is none. Raises LOG_CORRUPT. */
  async findByTimestamp(timestamp: number, startOffset: number): Promise<TimestampedOffset | null> {
    // An index that nobody wrote to is checked by the search itself.
    if (this.#nextOffset !== UNKNOWN) await this.#checkTimes()
    return this.#search.findByTimestamp(timestamp, startOffset)
  }

  /** First record that has the largest timestamp of the segment; null when no record has one. Raises LOG_CORRUPT. */
  async findMaxTimestamp(): Promise<TimestampedOffset | null> {
    await this.#checkTimes()
    // An append beside this may raise both.
    const timestamp = this.#maxTimestamp
    if (timestamp < 0) return null
    const batch = await this.#search.locate(this.#offsetOfMaxTimestamp)
    return batch === null ? null : await this.#search.firstRecord(batch, timestamp, this.baseOffset) ?? this.#search.latestRecord()
  }

  /**
   * What retention and lookups by time go by: the largest record timestamp, else the file's modification time. Checked against the log once (cheap where
   * time rises), so a lost or lying time index never deletes early.
   */
  async largestTimestamp(): Promise<number> {
    await this.#checkTimes()
    return this.#maxTimestamp >= 0 ? this.#maxTimestamp : this.#store.fileSystem.stat(this.logPath)?.modifiedMs ?? -1
  }

  /** Adds aborted transactions that overlap [from, to) to `into`; false: go on in the next segment. Raises LOG_CORRUPT: recover the segment. */
  abortedTransactions(from: number, to: number, into: TransactionIndexEntry[]): boolean { return this.#indexes.aborted().collect(from, to, into) }
  /** Batches from a batch start at `position` up to `end` (default `size`). */
  walk(position: number, options: WalkerOptions, end: number = this.size): BatchWalker { return new BatchWalker(this.#file, position, end, options) }

  /** Readers between `retain` and `release` hold off `removeFiles`. */
  retain(): void { this.#readers++ }

  release(): void {
    this.#readers--
    if (this.#readers === 0) this.#onLastReader?.()
  }

  // Load, recovery, truncation.

  /**
   * Makes an opened segment ready to be the active one: finds its next offset from the last index entry on. What the time index says of the largest timestamp is
   * checked when somebody goes by it.
   */
  async loadTail(): Promise<SegmentTail> {
    const near = await this.#search.nearEnd()
    this.#timesAreChecked = near === null
    this.#sizeWhenLoaded = this.size
    return this.#take(near ?? await this.#search.end())
  }

  #take(end: SegmentEnd): SegmentTail {
    this.#nextOffset = end.nextOffset
    this.#maxTimestamp = end.maxTimestamp
    this.#offsetOfMaxTimestamp = end.offsetOfMax
    return { nextOffset: end.nextOffset, validBytes: end.validBytes, problem: end.problem }
  }

  /**
   * Brings the largest timestamp and the time index to what the log says, once. An index that was short when it was loaded and got entries since would hide what
   * it lacks: then all of it is made anew.
   */
  async #checkTimes(): Promise<void> {
    if (this.#timesAreChecked) return
    const isAsLoaded = this.#nextOffset === UNKNOWN || this.size === this.#sizeWhenLoaded
    const end = await (isAsLoaded ? this.#search.end() : this.#search.rebuild())
    if (this.#timesAreChecked) return
    this.#timesAreChecked = true
    if (this.#nextOffset === UNKNOWN || this.#nextOffset === end.nextOffset) this.#take(end)
    else if (end.maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = end.maxTimestamp
      this.#offsetOfMaxTimestamp = end.offsetOfMax
    }
  }

  /**
   * Walks all of it, CRC and all; rebuilds indexes in memory and feeds producers and epochs. `size` becomes `validBytes`. Raises what the disk raises,
   * ABORTED, and LOG_CORRUPT when the file is gone; never for what the bytes are: that is in the outcome.
   */
  async recover(options: RecoverOptions): Promise<RecoveryOutcome> {
    const { recoverSegment } = await loadPart('the code for recovery of a segment', () => import('./segment-recovery.ts'))
    const fileBytes = bytesOf(this.#store.fileSystem, this.logPath, this.baseOffset)
    const { outcome, scan, aborted } = await recoverSegment(this.#file, this.baseOffset, fileBytes, this.#settings.indexIntervalBytes, options)
    this.#file.resize(outcome.validBytes)
    this.#indexes.replace(scan.offsets, scan.times)
    if (aborted !== null) this.#indexes.replaceAborted(aborted)
    this.#nextOffset = scan.nextOffset
    this.#maxTimestamp = scan.maxTimestamp
    this.#offsetOfMaxTimestamp = scan.offsetOfMax
    this.#rollTimestamp = scan.rollTimestamp
    this.#timesAreChecked = true
    return outcome
  }

  /**
   * Of a segment that was sealed at `nextOffset` before a crash: ends it, durably, in front of the zeros that `seal` had cut off if they are back. Zeros in the place of
   * records that were there are rot, which readers are to meet: then the batches before them do not reach up to `nextOffset`.
   */
  async cutZeros(nextOffset: number): Promise<void> {
    const { position: end, reached } = await this.#endOfBatches()
    if (end === this.size || reached !== nextOffset || !(await isZeroed(this.#file, end, this.size))) return
    this.#file.resize(end)
    if (this.#store.readOnly) return
    this.#file.cut()
    await this.#file.datasync()
  }

  /** Where headers say that whole batches end, and the offset after them. No index is made for it, and one that leads to no batch is not believed. */
  async #endOfBatches(): Promise<{ readonly position: number; readonly reached: number }> {
    for (let from = this.#search.boundaryBelow(this.size); ; from = 0) {
      const walker = this.walk(from, { kind: 'headers' })
      let reached = this.baseOffset
      for (;;) {
        const header = walker.next()
        if (header !== null) reached = header.lastOffset + 1
        else if (!(await walker.fill())) break
      }
      if (walker.position > from || from === 0) return { position: walker.position, reached }
    }
  }

  /** Cuts off zeros that were put ahead. `seal` does. */
  trim(): void { this.#file.trim() }

  /** Cuts the file to `size` (after `recover` found a bad end and the caller has saved what it wanted). */
  cutFile(): void { this.#file.cut() }

  /** Removes every batch whose last offset is ≥ `offset` (spec 3.5) from file and indexes; the caller flushes. Raises LOG_CORRUPT. */
  async truncateTo(offset: number): Promise<void> {
    const first = await this.#search.locate(offset)
    // Compaction may have left no batch up there; the segment is to be the active one even so.
    if (first !== null) {
      this.#indexes.truncateTo(offset, this.size)
      this.#file.resize(first.position)
      this.#file.cut()
      if (first.position === 0) this.#rollTimestamp = -1
    }
    this.#timesAreChecked = true
    this.#take(await this.#search.end())
  }

  /** Renames all files of the segment to `….deleted`; reads go on. The `.log` goes first: index files without one are dropped at load. */
  markDeleted(): void {
    const { fileSystem, directory } = this.#store
    const suffix = '.deleted'
    this.#file.rename(this.logPath + suffix)
    for (const kind of indexFileKinds) {
      const path = join(directory, segmentFileName(this.baseOffset, kind))
      if (fileSystem.stat(path) !== null) fileSystem.rename(path, path + suffix)
    }
    this.#indexes.renamed(suffix)
  }

  /** Unlinks them, off the event loop, once no reader is left. */
  async removeFiles(): Promise<void> {
    if (this.#readers > 0) await new Promise<void>((resolve) => { this.#onLastReader = resolve })
    await this.#file.remove()
    for (const kind of indexFileKinds) await this.#store.fileSystem.unlinkAsync(this.#indexes.path(kind))
  }
}
