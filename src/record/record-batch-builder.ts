/** Builds record batches in place. */
import type { TimestampType } from './batch-format.ts'
import type { CompressionType } from './compression.ts'

export interface RecordHeader { readonly key: string; readonly value: Uint8Array | null }
export interface BatchFields {
  baseOffset?: number; leaderEpoch?: number; producerId?: number; producerEpoch?: number; baseSequence?: number
  isTransactional?: boolean; isControl?: boolean; compression?: CompressionType; compressionLevel?: number
  timestampType?: TimestampType; logAppendTime?: number
  /** Beyond the last record's when records at the end were removed. */
  lastOffsetDelta?: number
  /** Sets attribute bit 6; the builder must have been reset with the same `baseTimestamp`. */
  deleteHorizonMs?: number
  /** Kept from the original batch where it is not that of the records. */
  maxTimestamp?: number
}
export interface RecordInput {
  timestamp?: number; key?: Uint8Array | string | null; value?: Uint8Array | string | null
  headers?: readonly RecordHeader[] | null
  /** Default: one more than the record before. */
  offsetDelta?: number
}

export class RecordBatchBuilder {
  readonly count: number = 0
  readonly sizeInBytes: number = 0
  constructor(capacity: number) { throw new Error(`${capacity}`) }
  reset(baseTimestamp?: number): void { throw new Error(`${baseTimestamp}`) }
  append(timestamp: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers: readonly RecordHeader[] | null): boolean {
    throw new Error(`${timestamp} ${key} ${value} ${headers}`)
  }
  appendAt(offsetDelta: number, timestamp: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers: readonly RecordHeader[] | null): boolean {
    throw new Error(`${offsetDelta} ${timestamp} ${key} ${value} ${headers}`)
  }
  seal(fields?: BatchFields): Uint8Array { throw new Error(`${fields}`) }
}
export function buildBatch(records: readonly RecordInput[], fields?: BatchFields): Uint8Array { throw new Error(`${records} ${fields}`) }
export interface EndTransactionMarkerFields { type: 'COMMIT' | 'ABORT'; offset?: number; timestamp: number; leaderEpoch?: number; producerId: number; producerEpoch: number; coordinatorEpoch: number }
export function buildEndTransactionMarker(marker: EndTransactionMarkerFields): Uint8Array { throw new Error(`${marker}`) }
