/** Recovery of one segment: the walk that says where whole batches end and rebuilds everything derived (spec/storage-format 7). */
import type { BatchHeader } from '../record/batch-format.ts'
import type { BatchProblem } from './batch-walker.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { ProducerStateManager } from './producer-state-manager.ts'

export interface RecoverOptions {
  /** Brought to the segment's base offset by the caller; takes every batch. Null: producers and transactions are left alone (the txn index too). */
  readonly producers: ProducerStateManager | null
  /** Takes every batch's epoch, in memory only; the caller flushes. */
  readonly epochs: LeaderEpochCache | null
  /** Default true. */
  readonly checkCrc?: boolean
  readonly signal?: AbortSignal
  onProgress?(scannedBytes: number): void
  onBatch?(header: BatchHeader): void
}

export interface RecoveryOutcome {
  /** Whole batches end here. The segment's `size` is this now; the file is not cut before `cutFile()`. */
  readonly validBytes: number
  /** Length of the file as found. */
  readonly fileBytes: number
  readonly batchCount: number
  /** Offset after the last whole batch; the base offset when there is none. */
  readonly nextOffset: number
  /** Why the walk ended before the end of the file; null when it did not. */
  readonly problem: BatchProblem | null
  /** First whole batch with a good CRC and an offset ≥ nextOffset found after the problem; null when there is none. */
  readonly following: FollowingBatch | null
}

export interface FollowingBatch { readonly position: number; readonly baseOffset: number; readonly lastOffset: number }
