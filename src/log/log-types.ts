/** The plain types that cross the border of `log/`: what callers of `PartitionLog` and `LogManager` give and get. */
import type { OttlaError } from '../common/errors.ts'

/**
 * Who appends, which decides the checks of spec/storage-format 5.1:
 *  - `client`: bytes from outside; everything is checked.
 *  - `in-process`: built by `RecordBatchBuilder` in this memory a moment ago; the CRC is not recomputed and records are walked only
 *    where the topic's settings ask a question that the header does not answer.
 *  - `coordinator`: control batches are allowed, sequences are not checked, producer epochs are.
 *  - `replication`: offsets and epochs are the leader's and are kept; whole batches may come many at a time.
 */
export type AppendOrigin = 'client' | 'in-process' | 'coordinator' | 'replication'

export interface AppendOptions {
  readonly origin: AppendOrigin
  /** Default: the log's own leader epoch. Ignored for `replication`. */
  readonly leaderEpoch?: number
  /** True: resolves after fdatasync. False: after write(2). */
  readonly durable: boolean
  /** With `durable`: its group starts at once where nothing runs, instead of gathering more until the next turn of the event loop. */
  readonly urgent?: boolean
}

export interface AppendResult {
  /** Of a duplicate: the offsets the batch was given the first time. −1 when nothing was appended. */
  readonly baseOffset: number
  readonly lastOffset: number
  /** −1 for CreateTime topics. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  readonly duplicate: boolean
}

/** `logEnd`: everything (replicas, tools). `highWatermark`: read_uncommitted. `committed`: up to the last stable offset. */
export type ReadIsolation = 'logEnd' | 'highWatermark' | 'committed'

export interface ReadOptions {
  readonly maxBytes: number
  readonly isolation: ReadIsolation
  /** The first batch is returned even when it is larger than `maxBytes`. Default true. */
  readonly minOneMessage?: boolean
  /**
   * Verify the checksum of what comes from the disk (what comes from memory is known to be good). 'inherited': only of what was there when the log was
   * opened; what came since had its checksum verified on its way in. Default true.
   */
  readonly checkCrc?: boolean | 'inherited'
  /**
   * What was appended a moment ago is read on the event loop up to so many bytes at a time; where that is more than the default, so is what this process
   * appended before, as long as it comes from memory. Default 128 KiB.
   */
  readonly inlineBytes?: number
  /**
   * Memory of the caller to read into: at least so many bytes. The result is a view of what was given last; what was given before is free again, and
   * all of it once the read failed. Default: fresh memory.
   */
  readonly allocate?: (bytes: number) => Uint8Array
}

export interface AbortedTransaction { readonly producerId: number; readonly firstOffset: number }

export interface ReadResult {
  /** Whole batches back to back; the first may begin below the offset asked. Fresh memory, which the caller may keep, or its own. */
  readonly records: Uint8Array
  /** The offset behind the last batch. When there is none: where the log ends for this reader if it ends in a hole, else the offset asked. */
  readonly nextOffset: number
  /** True: read from files, and every checksum was checked. */
  readonly isChecked?: boolean
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Null unless `isolation` is `committed`. May name more than is needed. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
}

/** An answer to a question by time. `leaderEpoch` −1: not known. */
export interface OffsetAndTimestamp { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number }

export interface RecoveryProgress {
  readonly topic: string
  readonly partition: number
  /** Bytes of this partition scanned so far, and to scan. */
  readonly scannedBytes: number
  readonly totalBytes: number
}

/** What happened to a log without anybody asking. Listeners run in a macrotask or a background task and must not throw. */
export interface LogEvents {
  /** A failed fsync (or a failed repair after a failed write): the log refuses appends until it is reopened. */
  onOffline?(log: { readonly topic: string; readonly partition: number }, error: OttlaError): void
  /** The disk is full: appends fail with DISK_FULL, reads go on. */
  onDiskFull?(log: { readonly topic: string; readonly partition: number }, error: OttlaError): void
  /** The first append that went through after `onDiskFull`. */
  onDiskResumed?(log: { readonly topic: string; readonly partition: number }): void
}
