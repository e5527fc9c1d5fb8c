/**
 * Recovery of one segment (spec/storage-format 7): a walk over every batch that checks its bytes, says where whole batches end, and rebuilds everything that
 * is derived: offset, time and transaction index, leader epochs, producer state. Changes no file: Segment takes the outcome over, the loader decides
 * what is cut and what is kept aside.
 */
import { OttlaError } from '../common/errors.ts'
import type { BatchHeader } from '../record/batch-format.ts'
import { BatchWalker, type BatchProblem, type ByteSource } from './batch-walker.ts'
import { batchBeginningAt, findFollowingBatch, type FollowingBatch } from './following-batch.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { ProducerStateManager } from './producer-state-manager.ts'
import { SegmentScan } from './segment-scan.ts'
import { TransactionIndex } from './transaction-index.ts'

export interface RecoverOptions {
  /** Brought to the segment's base offset by the caller; takes every batch. Null: producers and transactions are left alone (the txn index too). */
  readonly producers: ProducerStateManager | null
  /** Takes every batch's epoch, in memory only; the caller flushes. */
  readonly epochs: LeaderEpochCache | null
  /** Default true. */
  readonly checkCrc?: boolean
  readonly signal?: AbortSignal | undefined
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
  /** First whole batch with a good CRC and an offset ≥ nextOffset in what the problem cuts off; null when there is none. */
  readonly following: FollowingBatch | null
}

export interface RecoveredSegment { readonly outcome: RecoveryOutcome; readonly scan: SegmentScan; readonly aborted: TransactionIndex | null }

/** Raises what the disk raises, and ABORTED; never because of what the bytes are. */
export async function recoverSegment(source: ByteSource, baseOffset: number, fileBytes: number, indexInterval: number,
  options: RecoverOptions): Promise<RecoveredSegment> {
  const scan = new SegmentScan(baseOffset, indexInterval)
  const aborted = options.producers === null ? null : new TransactionIndex(baseOffset)
  const walker = new BatchWalker(source, 0, fileBytes, { kind: 'whole', checkCrc: options.checkCrc ?? true })
  let problem: BatchProblem | null = null
  while (problem === null) {
    const header = walker.next()
    if (header === null) {
      checkSignal(options.signal)
      options.onProgress?.(walker.position)
      if (await walker.fill()) continue
      problem = walker.problem
      break
    }
    if (header.baseOffset > scan.nextOffset) problem = await findMisplaced(source, walker, header, scan.nextOffset, fileBytes)
    problem ??= takeBatch(walker, header, scan, aborted, options)
  }
  scan.finish()
  const validBytes = problem === null ? walker.position : problem.position
  options.onProgress?.(fileBytes)
  // A batch that is whole but says something impossible is worth keeping itself.
  const from = problem === null ? fileBytes : problem.position + (problem.reason === 'invalid-record' ? 0 : 1)
  const following = problem === null ? null : await findFollowingBatch(source, from, fileBytes, scan.nextOffset)
  return { outcome: { validBytes, fileBytes, batchCount: scan.batchCount, nextOffset: scan.nextOffset, problem, following }, scan, aborted }
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new OttlaError('ABORTED', 'Recovery was given up because its AbortSignal fired', { cause: signal.reason })
}

/**
 * No checksum covers the offset of a batch. One that leaves a hole in front of itself, and behind which a whole batch stands that fits into that hole and not behind it, is the
 * one whose offset is wrong: taken for right, it would end the log, and appends go on, at an offset that was never given out.
 */
async function findMisplaced(source: ByteSource, walker: BatchWalker, header: BatchHeader, expected: number, fileBytes: number): Promise<BatchProblem | null> {
  const behind = walker.peekOffset()
  if (behind < expected || behind > header.lastOffset) return null
  const next = await batchBeginningAt(source, walker.position, fileBytes, expected)
  if (next === null || next.lastOffset > header.lastOffset) return null
  const detail = `the batch claims the offsets up to ${header.lastOffset}, but the one behind it begins at ${next.baseOffset}`
  return { position: header.position, reason: 'offset-order', detail }
}

/** Everything that one good batch adds; not null: it is not good after all, and nothing was added. */
function takeBatch(walker: BatchWalker, header: BatchHeader, scan: SegmentScan, aborted: TransactionIndex | null,
  options: RecoverOptions): BatchProblem | null {
  const detail = scan.orderProblem(header)
  if (detail !== null) return { position: header.position, reason: 'offset-order', detail }
  if (options.producers !== null) {
    try {
      const entry = options.producers.replay(walker.buffer(), walker.bufferPosition(), header)
      if (entry !== null) aborted!.append(entry)
    } catch (error) {
      if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      return { position: header.position, reason: 'invalid-record', detail: error.message }
    }
  }
  if (options.epochs !== null && header.leaderEpoch > options.epochs.latestEpoch) options.epochs.assign(header.leaderEpoch, header.baseOffset, false)
  scan.take(header)
  options.onBatch?.(header)
  return null
}
