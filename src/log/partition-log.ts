/** One partition's log: append, read, truncate, roll. Signatures first; the body follows. */
import { OttlaError } from '../common/errors.ts'
import type { LogConfig } from './log-config.ts'
import type { AppendOptions, AppendResult, OffsetAndTimestamp, ReadIsolation, ReadOptions, ReadResult } from './log-types.ts'

/** As DescribeProducers shows it. −1: none. */
export interface ActiveProducer {
  readonly producerId: number; readonly producerEpoch: number; readonly lastSequence: number
  readonly lastTimestamp: number; readonly coordinatorEpoch: number; readonly currentTxnStartOffset: number
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class PartitionLog {
  get topic(): string { return later() }
  get partition(): number { return later() }
  get topicId(): string { return later() }
  /** The partition's folder. */
  get directory(): string { return later() }
  get config(): LogConfig { return later() }
  get logStartOffset(): number { return later() }
  get highWatermark(): number { return later() }
  get lastStableOffset(): number { return later() }
  get logEndOffset(): number { return later() }
  get recoveryPoint(): number { return later() }
  get leaderEpoch(): number { return later() }
  /** Bytes in all `.log` files. */
  get size(): number { return later() }
  get segmentCount(): number { return later() }
  get isOffline(): boolean { return later() }

  /**
   * Appends one record batch (of `replication`: one or more). The bytes belong to the log until the promise settles; base offset and
   * leader epoch are patched in place. Resolves when the promise of `options.durable` holds.
   * Raises what spec/storage-format 5.1 names (CORRUPT_MESSAGE, INVALID_RECORD, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP,
   * RECORD_LIST_TOO_LARGE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED), DISK_FULL
   * (nothing was appended, later appends try again), LOG_OFFLINE, READ_ONLY, CLOSED.
   */
  append(_records: Uint8Array, _options: AppendOptions): Promise<AppendResult> { return later() }
  /** Raises OFFSET_OUT_OF_RANGE, LOG_CORRUPT (with file, position and offset), CLOSED. */
  read(_offset: number, _options: ReadOptions): Promise<ReadResult> { return later() }
  /** ListOffsets EARLIEST: the log start offset, timestamp −1. */
  earliest(): OffsetAndTimestamp { return later() }
  /** ListOffsets LATEST: the end that `isolation` sees, timestamp −1. */
  latest(_isolation: ReadIsolation): OffsetAndTimestamp { return later() }
  /** The first record with a timestamp at or above `timestamp`; null when there is none below the end that `isolation` sees. */
  offsetForTimestamp(_timestamp: number, _isolation: ReadIsolation): Promise<OffsetAndTimestamp | null> { return later() }
  /** The record with the largest timestamp (the earliest on a tie); null when the log is empty. */
  maxTimestampOffset(): Promise<OffsetAndTimestamp | null> { return later() }
  /** OffsetForLeaderEpoch (spec 9.2). −1: not known. */
  endOffsetForEpoch(_epoch: number): { readonly leaderEpoch: number; readonly endOffset: number } { return later() }
  /** Starts a leader epoch at the current end (spec 9.1). Ignored unless it is above the last. */
  assignLeaderEpoch(_epoch: number): void { later() }
  /** Called in a macrotask or after a commit whenever the high watermark or the last stable offset moved. Returns the way to stop. */
  onAdvance(_listener: () => void): () => void { return later() }
  /** DeleteRecords (spec 8.2); −1 = the high watermark. Returns the new log start. Raises OFFSET_OUT_OF_RANGE, POLICY_VIOLATION. */
  deleteRecordsBefore(_offset: number): Promise<number> { return later() }
  /** One retention run (spec 8.1) at wall time `now`; returns how many segments went. */
  applyRetention(_now: number): Promise<number> { return later() }
  /** Rolls a quiet active segment whose time is up, so that it can expire. True when it rolled. */
  maybeRollByTime(_now: number): Promise<boolean> { return later() }
  /** Makes everything appended so far durable. */
  flush(): Promise<void> { return later() }
  /** For `exit` handlers: writes what still waits, and syncs. Blocks. */
  flushSync(): void { later() }
  updateConfig(_config: LogConfig): void { later() }
  /** Follower's truncation (spec 9.3); batches are never split. */
  truncateTo(_offset: number): Promise<void> { return later() }
  truncateFullyAndStartAt(_offset: number): Promise<void> { return later() }
  activeProducers(): ActiveProducer[] { return later() }
  /** Fails waiting appends only if they cannot be written; flushes, writes indexes and the producer snapshot, closes files. Idempotent. */
  close(): Promise<void> { return later() }
}
