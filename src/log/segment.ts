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
import type { Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import type { FileCache } from '../io/file-cache.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { BatchProblem, BatchWalker, WalkerOptions } from './batch-walker.ts'
import type { RecoverOptions, RecoveryOutcome } from './segment-recovery.ts'
import type { RollReason } from './segment-roll.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

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

export interface BatchLocation { readonly position: number; readonly size: number; readonly baseOffset: number; readonly lastOffset: number; readonly maxTimestamp: number; readonly leaderEpoch: number }
export interface TimestampedOffset { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number }

/** What `loadTail` found behind the last index entry. */
export interface SegmentTail {
  readonly nextOffset: number
  readonly validBytes: number
  /** Not null: the segment does not end with a whole batch and must be recovered before anything is appended. */
  readonly problem: BatchProblem | null
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class Segment {
  readonly baseOffset: number
  private constructor(baseOffset: number) { this.baseOffset = baseOffset }

  /** A new, empty segment; removes leftovers of the same base offset and creates the empty `.log`. */
  static create(_store: SegmentStore, _baseOffset: number, _settings: SegmentSettings, _options?: SegmentOptions): Segment { return later() }
  /** An existing segment. One stat (none with `fileSize`), no read. Raises LOG_CORRUPT when there is no `.log`. */
  static open(_store: SegmentStore, _baseOffset: number, _settings: SegmentSettings, _options?: SegmentOptions): Segment { return later() }

  get logPath(): string { return later() }
  /** Bytes of whole batches. */
  get size(): number { return later() }
  /** Offset after the last batch. Known after `create`, `loadTail`, `recover` and every `commitBatch`; else INTERNAL. */
  get nextOffset(): number { return later() }
  /** Largest batch timestamp, −1 when there is none; known when `nextOffset` is. */
  get maxTimestamp(): number { return later() }
  /** Last offset of the first batch that has `maxTimestamp`; the base offset when there is none. */
  get offsetOfMaxTimestamp(): number { return later() }
  /** Max timestamp of the first batch, −1 when there is none. Reads one header the first time after `open`. */
  get rollTimestamp(): number { return later() }
  /** Wall time this object was made at. */
  get createdAtMs(): number { return later() }
  get jitterMs(): number { return later() }

  updateSettings(_settings: SegmentSettings): void { later() }
  /** Spec 4, asked before every append. */
  rollReason(_appendBytes: number, _appendMaxTimestamp: number, _appendLastOffset: number): RollReason | null { return later() }

  // Append. The caller patches offsets, writes a run of batches with one call, then commits each of them in order.

  /** Writes at `size`, changing nothing in memory. On an error nothing has happened and the next write starts clean. */
  writeSync(_buffer: Uint8Array, _start: number, _length: number): void { later() }
  write(_buffer: Uint8Array, _start: number, _length: number): Promise<void> { return later() }
  /** Takes the next `size` written bytes as one batch: size, index entries (spec 3.2), timestamps, next offset. */
  commitBatch(_size: number, _lastOffset: number, _maxTimestamp: number): void { later() }
  /** Of a transaction whose abort marker lies in this segment. */
  commitAborted(_entry: TransactionIndexEntry): void { later() }
  /** fdatasync of the `.log` alone (and once of the directory entry). A failure must take the log offline. */
  datasync(): Promise<void> { return later() }
  datasyncSync(): void { later() }
  /** log → index → timeindex → txnindex, each written and synced. After it a recovery point at `nextOffset` may be recorded. */
  flush(): Promise<void> { return later() }
  flushSync(): void { later() }
  /** Final time entry, index files written (not synced), write handle given back. Reads go on; a later write is legal but unusual. */
  seal(): void { later() }
  /** As `seal`, and drops the indexes. Idempotent. */
  close(): void { later() }
  /** Drops loaded or already written indexes from memory; the next lookup reads them again. No-op while memory is ahead of the files. */
  unload(): void { later() }

  // Read. `offset` in [base, next); positions in [0, size].

  readSync(_buffer: Uint8Array, _offset: number, _length: number, _position: number): number { return later() }
  read(_buffer: Uint8Array, _offset: number, _length: number, _position: number): Promise<number> { return later() }
  /**
   * Position to start scanning from for `offset`: a batch start at or before the batch that holds it, at most about one index interval before.
   * Not yet checked when the index came from a file: a reader that finds no batch there, or one whose base offset is above `offset`, calls
   * `rebuildIndexes` and asks again before it cries corruption.
   */
  floorPosition(_offset: number): number { return later() }
  /** The first batch whose last offset is ≥ `offset`, checked; null when there is none. Raises LOG_CORRUPT (file, position, offset). */
  locate(_offset: number): Promise<BatchLocation | null> { return later() }
  /** As `locate`, blocking: for the tail of the active segment. */
  locateSync(_offset: number): BatchLocation | null { return later() }
  /** Rebuilds offset and time index from the headers of [0, size). The files are rewritten at the next flush or close. */
  rebuildIndexes(): Promise<void> { return later() }
  /** First record at or above both `timestamp` and `startOffset`; null when there is none. */
  findByTimestamp(_timestamp: number, _startOffset: number): Promise<TimestampedOffset | null> { return later() }
  /** First record that has the largest timestamp of the segment; null when no record has one. */
  findMaxTimestamp(): Promise<TimestampedOffset | null> { return later() }
  /**
   * What retention and lookups by time go by: the largest record timestamp, else the file's modification time. Checked against the log once (cheap where
   * time rises), so a lost or lying time index never deletes early.
   */
  largestTimestamp(): Promise<number> { return later() }
  /** Adds aborted transactions that overlap [from, to) to `into`; false: go on in the next segment. Raises LOG_CORRUPT: recover the segment. */
  abortedTransactions(_from: number, _to: number, _into: TransactionIndexEntry[]): boolean { return later() }
  /** Batches from a batch start at `position` up to `end` (default `size`). */
  walk(_position: number, _options: WalkerOptions, _end?: number): BatchWalker { return later() }
  /** Readers between `retain` and `release` hold off `removeFiles`. */
  retain(): void { later() }
  release(): void { later() }

  // Load, recovery, truncation.

  /** Makes an opened segment ready to be the active one: finds `nextOffset` and the largest timestamp, cheaply, from the last index entries on. */
  loadTail(): Promise<SegmentTail> { return later() }
  /**
   * Walks all of it, CRC and all; rebuilds indexes in memory and feeds producers and epochs. `size` becomes `validBytes`. Raises what the disk raises,
   * ABORTED. Not what the bytes are: that is in the outcome.
   */
  recover(_options: RecoverOptions): Promise<RecoveryOutcome> { return later() }
  /** Cuts the file to `size` (after `recover` found a bad end and the caller has saved what it wanted). */
  cutFile(): void { later() }
  /** Removes every batch whose last offset is ≥ `offset` (spec 3.5); indexes with them. The caller flushes. */
  truncateTo(_offset: number): Promise<void> { return later() }
  /** Renames all files of the segment to `….deleted`; reads go on. */
  markDeleted(): void { later() }
  /** Unlinks them, off the event loop, once no reader is left. */
  removeFiles(): Promise<void> { return later() }
}
