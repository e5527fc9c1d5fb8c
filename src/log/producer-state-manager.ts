/**
 * Idempotent and transactional producers of one partition (spec/storage-format 10): who wrote what last, which transactions are open, what the last
 * stable offset waits for, and the snapshots that spare a scan at open. Snapshots are disposable: losing one costs time.
 * Changed by ProducerAppendGroup.commit (appends) and `replay` (recovery, load); owned by PartitionLog.
 */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { BatchHeader } from '../record/batch-format.ts'
import type { ProducerAppendGroup } from './producer-append.ts'
import type { ProducerSummary } from './producer-entry.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

export interface ProducerStateOptions {
  readonly fileSystem: FileSystem
  /** The partition's folder. */
  readonly directory: string
  /** producer.id.expiration.ms */
  readonly expirationMs: number
  /** Offsets of the `.snapshot` files there, from the loader's listing. */
  readonly snapshotOffsets: readonly number[]
  readonly readOnly: boolean
  readonly logger: Logger
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class ProducerStateManager {
  constructor(_options: ProducerStateOptions) { later() }

  get producerCount(): number { return later() }
  /** By producer id. */
  producers(): ProducerSummary[] { return later() }
  /** Everything below is in this state. */
  get endOffset(): number { return later() }

  /** Starts a group; at most one is uncommitted at a time. */
  beginGroup(): ProducerAppendGroup { return later() }
  /**
   * Takes a batch that is in the log already (recovery, load); never refuses. `buffer` holds the batch at `position`; `header` is its header.
   * Returns the transaction index entry when it is the marker of an aborted transaction. Raises CORRUPT_MESSAGE for a control record that cannot be read.
   */
  replay(_buffer: Uint8Array, _position: number, _header: BatchHeader): TransactionIndexEntry | null { return later() }

  /** Lowest first offset of open transactions and of ended ones whose marker is not below the high watermark; null: none. */
  get firstUnstableOffset(): number | null { return later() }
  /** The high watermark moved to `offset`: transactions that ended below it are stable. */
  onHighWatermark(_offset: number): void { later() }
  onLogStart(_offset: number): void { later() }
  /** First offset of the oldest open transaction; null: none. */
  get firstOpenTransactionOffset(): number | null { return later() }

  /** Drops producers without an open transaction that were silent for the expiration time. Returns how many. */
  removeExpired(_nowMs: number): number { return later() }

  // Snapshots.

  /** Ascending. */
  get snapshotOffsets(): readonly number[] { return later() }
  get latestSnapshotOffset(): number | null { return later() }
  setEndOffset(_offset: number): void { later() }
  /** Writes `<endOffset>.snapshot` unless one that new exists (10.5); with `sync` durably. Returns its path, or null when there was nothing to write. */
  takeSnapshot(_sync: boolean): string | null { return later() }
  /** Makes a snapshot written without `sync` durable. */
  syncSnapshot(_path: string): Promise<void> { return later() }
  /** At load: drops snapshots that match no segment base, but for the largest one above the last base. */
  removeStraySnapshots(_segmentBaseOffsets: readonly number[]): void { later() }
  /** Renames a segment's snapshot to `….deleted` and returns the new path; null when there is none. */
  markSnapshotDeleted(_offset: number): string | null { return later() }
  deleteSnapshotsBefore(_offset: number): void { later() }
  deleteSnapshotsFrom(_offset: number): void { later() }

  /** State as of the newest valid snapshot in (logStart, logEnd]; the others are dropped. The caller replays [endOffset, logEnd). */
  truncateAndReload(_logStartOffset: number, _logEndOffset: number, _nowMs: number): void { later() }
  /** Forgets everything; the state ends at `offset`; all snapshots are removed. */
  truncateFullyAndStartAt(_offset: number): void { later() }
}
