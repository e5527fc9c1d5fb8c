/**
 * What `dump-log` finds, as plain data: the walkers of this folder yield these items, `dump-text.ts` turns them into the lines that
 * Kafka's tool prints and `dump-json.ts` into objects. No file is touched here.
 */
import type { BatchHeader } from '../record/batch-format.ts'
import type { OddFields } from './batch-walk.ts'

export interface DumpLogOptions {
  /** Paths of `.log .index .timeindex .txnindex .snapshot .checkpoint` files. */
  readonly files: readonly string[]
  /** Print keys and values. Any decoder implies it, and it implies `deepIteration`. */
  readonly printDataLog?: boolean
  readonly deepIteration?: boolean
  readonly indexSanityCheck?: boolean
  readonly verifyIndexOnly?: boolean
  readonly decoder?: RecordDecoderName
  readonly keyDecoder?: BytesDecoderName
  readonly valueDecoder?: BytesDecoderName
  readonly skipRecordMetadata?: boolean
  /** Longest batch an index entry may point at, bytes. Default 5 MiB. */
  readonly maxMessageSize?: number
  /** Read only this much of each `.log`. */
  readonly maxBytes?: number
  /** What relative paths are relative to where Kafka's messages want absolute ones. Default: the working directory. */
  readonly workingDirectory?: string
}

/** Whose records the log holds: `__consumer_offsets`, `__transaction_state`, `__cluster_metadata`, `__share_group_state`. */
export type RecordDecoderName = 'offsets' | 'transaction-log' | 'cluster-metadata' | 'share-group-state'
/** Kafka's StringDecoder, LongDecoder, IntegerDecoder and DefaultDecoder (which leaves bytes as they are). */
export type BytesDecoderName = 'string' | 'long' | 'integer' | 'default'

/** Only records of magic 0 and 1 have a checksum of their own. */
export interface LegacyChecksum { readonly isValid: boolean; readonly crc: number }

/** A 64-bit integer from a file that may be damaged: decimal text where a number cannot hold it. */
export type Int64 = number | string

export interface DumpedRecord {
  readonly offset: Int64
  readonly timestamp: Int64
  readonly keySize: number
  readonly valueSize: number
  readonly sequence: number
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly legacy: LegacyChecksum | null
}

export type OffsetPair = readonly [Int64, Int64]

export type DumpItem =
  | { readonly type: 'file'; readonly file: string }
  | { readonly type: 'ignored'; readonly file: string }
  | { readonly type: 'log'; readonly startOffset: number }
  | { readonly type: 'snapshotLog'; readonly endOffset: number; readonly epoch: number }
  | { readonly type: 'bootstrapLog' }
  | { readonly type: 'batch'; readonly header: BatchHeader; readonly odd: OddFields | null; readonly position: number; readonly isValid: boolean }
  | { readonly type: 'record'; readonly header: BatchHeader; readonly record: DumpedRecord }
  | { readonly type: 'trailingBytes'; readonly bytes: number; readonly file: string }
  | { readonly type: 'emptyIndex'; readonly file: string }
  | { readonly type: 'saneIndex'; readonly file: string }
  | { readonly type: 'offsetEntry'; readonly offset: number; readonly position: number }
  | { readonly type: 'timeEntry'; readonly timestamp: Int64; readonly offset: number }
  | {
    readonly type: 'abortedTransaction'; readonly version: number; readonly producerId: Int64
    readonly firstOffset: Int64; readonly lastOffset: Int64; readonly lastStableOffset: Int64
  }
  | { readonly type: 'producer'; readonly producer: DumpedProducer }
  | { readonly type: 'corruptSnapshot'; readonly message: string }
  | { readonly type: 'indexMismatch'; readonly file: string; readonly pairs: readonly OffsetPair[] }
  | { readonly type: 'timestampMismatch'; readonly file: string; readonly pairs: readonly OffsetPair[] }
  | { readonly type: 'timestampDisorder'; readonly file: string; readonly pairs: readonly OffsetPair[] }
  | { readonly type: 'offsetNotFound'; readonly file: string; readonly pairs: readonly OffsetPair[] }
  | { readonly type: 'gap'; readonly file: string; readonly pairs: readonly OffsetPair[] }
  | { readonly type: 'failure'; readonly kind: string; readonly message: string }

/** Kafka's tool dies of these with a stack trace; `kind` is the name of its exception. */
export class DumpFailure extends Error {
  readonly kind: string
  constructor(kind: string, message: string) {
    super(message)
    this.kind = kind
  }
}

export interface DumpedProducer {
  readonly producerId: Int64
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  /** −1: no transaction is open. */
  readonly currentTxnFirstOffset: Int64
  readonly lastTimestamp: Int64
  /** Null: the producer has written no batch, only markers. */
  readonly lastBatch: {
    readonly firstSequence: number; readonly lastSequence: number
    readonly lastOffset: Int64; readonly offsetDelta: number; readonly timestamp: Int64
  } | null
}
