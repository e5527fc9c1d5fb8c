/**
 * Idempotent and transactional producers of one partition (spec/storage-format 10), and the snapshots that spare a scan at open. Snapshots are disposable:
 * losing one costs time. State is changed by ProducerAppendGroup.commit (appends) and `replay` (what is in the log already); owned by PartitionLog,
 * one call at a time.
 */
import { dirname, join } from 'node:path'
import type { Logger } from '../common/logger.ts'
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { BatchHeader } from '../record/batch-format.ts'
import { readEndMarker } from './end-marker.ts'
import { ProducerAppendGroup } from './producer-append.ts'
import { ProducerEntry, type ProducerSummary } from './producer-entry.ts'
import { decodeSnapshot, encodeSnapshot, type SnapshotEntry } from './producer-snapshot.ts'
import { ProducerTable } from './producer-table.ts'
import { segmentFileName } from './segment-names.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

export interface ProducerStateOptions {
  readonly fileSystem: FileSystem
  /** The partition's folder. */
  readonly directory: string
  /** producer.id.expiration.ms */
  readonly expirationMs: number
  /** Offsets of the `.snapshot` files there, from the loader's listing. */
  readonly snapshotOffsets: readonly number[]
  /** True: no file is written, renamed or removed. */
  readonly readOnly: boolean
  readonly logger: Logger
}

export class ProducerStateManager {
  readonly #options: ProducerStateOptions
  readonly #table = new ProducerTable()
  /** Ascending. */
  #snapshots: number[]
  #endOffset = 0
  #lastSnapshot = 0

  constructor(options: ProducerStateOptions) {
    this.#options = options
    this.#snapshots = [...options.snapshotOffsets].sort((a, b) => a - b)
  }

  get producerCount(): number { return this.#table.size }
  /** Ascending by producer id. */
  producers(): ProducerSummary[] { return this.#table.entries().map((e) => e.summary()) }
  /** The same as they are; not to be changed. */
  entries(): readonly ProducerEntry[] { return this.#table.entries() }
  /** Everything below is in this state. */
  get endOffset(): number { return this.#endOffset }

  /** Starts a group; at most one is uncommitted at a time. */
  beginGroup(): ProducerAppendGroup {
    return new ProducerAppendGroup(this.#table, this.#endOffset, (endOffset) => { this.#endOffset = endOffset })
  }

  /**
   * Takes a batch that is in the log already (recovery, load); never refuses. `buffer` holds the batch at `position`, of data batches it is not looked at.
   * Returns the transaction index entry when it is the marker of an aborted transaction. Raises CORRUPT_MESSAGE for a control record that cannot be read.
   */
  replay(buffer: Uint8Array, position: number, header: BatchHeader): TransactionIndexEntry | null {
    if (header.producerId < 0) {
      this.#endOffset = header.nextOffset
      return null
    }
    const group = this.beginGroup()
    if (header.isControl) {
      const offset = header.baseOffset
      if (position < 0) throw new OttlaError('CORRUPT_MESSAGE', `control batch of ${header.size} bytes at offset ${offset}`, { offset })
      const marker = readEndMarker(buffer, position, header)
      if (marker !== null) group.appendMarker(marker, header.baseOffset, 'replication')
    } else {
      group.append(header, header.baseOffset, 'replication')
    }
    return group.commit(header.nextOffset)[0] ?? null
  }

  /** Lowest first offset of open transactions and of ended ones whose marker is not below the high watermark; null: none. */
  get firstUnstableOffset(): number | null { return this.#table.firstUnstable }
  /** The high watermark moved to `offset`: transactions that ended below it are stable. */
  onHighWatermark(offset: number): void { this.#table.stabilise(offset) }

  /** The log starts at `offset` now. */
  onLogStart(offset: number): void {
    this.#table.stabilise(offset)
    if (this.#endOffset < offset) this.#endOffset = offset
    this.#lastSnapshot = this.latestSnapshotOffset ?? offset
  }

  /** Drops producers without an open transaction that were silent for the expiration time, which may have changed since. Returns how many. */
  removeExpired(nowMs: number, expirationMs: number = this.#options.expirationMs): number {
    return this.#table.removeIf((e) => this.#isExpired(e.currentTxnFirstOffset, e.lastTimestamp, nowMs, expirationMs))
  }

  #isExpired(currentTxnFirstOffset: number, lastTimestamp: number, nowMs: number, expirationMs: number = this.#options.expirationMs): boolean {
    return currentTxnFirstOffset < 0 && nowMs - lastTimestamp >= expirationMs
  }

  // Snapshots.

  /** Ascending. */
  get snapshotOffsets(): readonly number[] { return this.#snapshots }
  get latestSnapshotOffset(): number | null { return this.#snapshots[this.#snapshots.length - 1] ?? null }
  #path(offset: number): string { return join(this.#options.directory, segmentFileName(offset, 'snapshot')) }

  /** For a roll: what lies below the new segment's base offset has no more batches. */
  setEndOffset(offset: number): void { this.#endOffset = offset }

  /**
   * Writes `<endOffset>.snapshot` unless one that new exists. Returns its path, or null when there was nothing to write. A crash may leave half of it, which
   * its checksum tells.
   */
  takeSnapshot(): string | null {
    const path = this.#writeSnapshot()
    if (path !== null) this.#noteSnapshot(this.#endOffset)
    return path
  }

  /** As `takeSnapshot`; durable, name included, when it resolves. The syncs are off the event loop: thousands of logs close at a time. */
  async takeDurableSnapshot(): Promise<string | null> {
    const offset = this.#endOffset
    const path = this.#writeSnapshot()
    if (path === null) return null
    await this.syncSnapshot(path)
    await this.#options.fileSystem.syncDirectory(dirname(path))
    this.#noteSnapshot(offset)
    return path
  }

  #writeSnapshot(): string | null {
    if (this.#options.readOnly || this.#endOffset <= this.#lastSnapshot) return null
    const path = this.#path(this.#endOffset)
    const bytes = encodeSnapshot(this.#table.snapshot())
    const file = this.#options.fileSystem.open(path, 'create')
    try {
      file.truncate(0)
      file.writeSync(bytes, 0, bytes.length, 0)
    } finally {
      file.close()
    }
    return path
  }

  #noteSnapshot(offset: number): void {
    if (!this.#snapshots.includes(offset)) this.#snapshots = [...this.#snapshots, offset].sort((a, b) => a - b)
    this.#lastSnapshot = offset
  }

  /** Makes the content of a snapshot durable, if it is still there. */
  async syncSnapshot(path: string): Promise<void> {
    if (this.#options.fileSystem.stat(path) === null) return
    const file = this.#options.fileSystem.open(path, 'write')
    try {
      await file.datasync()
    } finally {
      file.close()
    }
  }

  /** At load: drops snapshots that match no segment base, but for the largest one above the last base. */
  removeStraySnapshots(segmentBaseOffsets: readonly number[]): void {
    const bases = new Set(segmentBaseOffsets)
    const lastBase = Math.max(-1, ...segmentBaseOffsets)
    const strays = this.#snapshots.filter((offset) => !bases.has(offset))
    const newest = strays.pop()
    if (newest !== undefined && newest <= lastBase) strays.push(newest)
    this.#remove((offset) => strays.includes(offset))
  }

  /** Renames a segment's snapshot to `….deleted` and returns the new path; null when there is none. */
  markSnapshotDeleted(offset: number): string | null {
    if (this.#options.readOnly || !this.#snapshots.includes(offset)) return null
    const path = this.#path(offset)
    this.#snapshots = this.#snapshots.filter((o) => o !== offset)
    if (this.#options.fileSystem.stat(path) === null) return null
    this.#options.fileSystem.rename(path, `${path}.deleted`)
    return `${path}.deleted`
  }

  deleteSnapshotsFrom(offset: number): void { this.#remove((o) => o >= offset) }

  #remove(which: (offset: number) => boolean): void {
    if (!this.#options.readOnly) for (const offset of this.#snapshots) if (which(offset)) this.#options.fileSystem.unlink(this.#path(offset))
    this.#snapshots = this.#snapshots.filter((offset) => !which(offset))
  }

  /** State as of the newest valid snapshot in (logStart, logEnd]; the others out of that range are dropped. The caller replays [endOffset, logEnd). */
  truncateAndReload(logStartOffset: number, logEndOffset: number, nowMs: number): void {
    this.#remove((offset) => offset > logEndOffset || offset <= logStartOffset)
    if (logEndOffset === this.#endOffset) return this.onLogStart(logStartOffset)
    this.#load(logStartOffset, nowMs)
  }

  /** Snapshots that cannot be read go; without any the state is empty at the log start. */
  #load(logStartOffset: number, nowMs: number): void {
    for (let offset = this.latestSnapshotOffset; offset !== null; offset = this.latestSnapshotOffset) {
      const entries = this.#readSnapshot(offset)
      if (entries !== null) {
        this.#table.load(entries.filter((e) => !this.#isExpired(e.currentTxnFirstOffset, e.timestamp, nowMs)).map(entryOf))
        this.#endOffset = offset
        this.#lastSnapshot = offset
        return
      }
      const bad = offset
      this.#remove((o) => o === bad)
    }
    this.#table.clear()
    this.#endOffset = logStartOffset
    this.#lastSnapshot = logStartOffset
  }

  #readSnapshot(offset: number): SnapshotEntry[] | null {
    const path = this.#path(offset)
    if (this.#options.fileSystem.stat(path) === null) return null
    try {
      return decodeSnapshot(this.#options.fileSystem.readFile(path), path)
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      this.#options.logger.warn('A producer snapshot cannot be used; the next older one and the log replace it', { file: path, reason: error.message })
      return null
    }
  }

  /** Forgets everything; the state ends at `offset`; all snapshots are removed. */
  truncateFullyAndStartAt(offset: number): void {
    this.#remove(() => true)
    this.#table.clear()
    this.#endOffset = offset
    this.#lastSnapshot = 0
  }
}

function entryOf(snapshot: SnapshotEntry): ProducerEntry {
  const entry = new ProducerEntry(snapshot.producerId)
  const { lastSequence, lastOffset, offsetDelta, timestamp } = snapshot
  if (lastOffset >= 0) entry.addBatch(snapshot.producerEpoch, { lastSequence, lastOffset, offsetDelta, timestamp })
  entry.setEpoch(snapshot.producerEpoch)
  entry.coordinatorEpoch = snapshot.coordinatorEpoch
  entry.lastTimestamp = timestamp
  entry.currentTxnFirstOffset = snapshot.currentTxnFirstOffset
  return entry
}
