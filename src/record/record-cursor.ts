/** Walks the records of one batch. */
import type { BatchHeader, TimestampType } from './batch-format.ts'

export interface RecordHeaderView { key: string; value: Uint8Array | null }
export interface CursorOptions { readonly maxDecompressedBytes?: number }

export class RecordCursor {
  offset: number = 0; offsetDelta: number = 0; timestamp: number = 0; timestampDelta: number = 0; sequence: number = -1
  keyStart: number = 0; keyLength: number = -1; valueStart: number = 0; valueLength: number = -1; headerCount: number = 0; sizeInBytes: number = 0
  constructor(options?: CursorOptions) { throw new Error(`${options}`) }
  reset(buffer: Uint8Array, position: number, end: number): BatchHeader { throw new Error(`${buffer} ${position} ${end}`) }
  next(): boolean { return false }
  /** What `keyStart` and `valueStart` point into: the batch, or what its codec unfolded to. */
  buffer(): Uint8Array { throw new Error('not there yet') }
  key(): Uint8Array | null { return null }
  value(): Uint8Array | null { return null }
  headers(): RecordHeaderView[] { return [] }
}
export interface DecodedRecord {
  offset: number; timestamp: number; timestampType: TimestampType; sequence: number
  key: Uint8Array | null; value: Uint8Array | null; headers: RecordHeaderView[]; leaderEpoch: number
}
export function readBatch(buffer: Uint8Array, position: number = 0, end: number = buffer.length): { header: BatchHeader; records: DecodedRecord[] } { throw new Error(`${position} ${end}`) }

export interface BatchSummary {
  readonly header: BatchHeader
  readonly count: number
  /** Greatest timestamp of a record, and the first offset that has it; −1 and −1 when there is none. */
  readonly maxTimestamp: number; readonly offsetOfMaxTimestamp: number
  /** Least timestamp other than −1; −1 when there is none. */
  readonly minTimestamp: number
  /** Offset deltas are exactly 0, 1, 2 … and end at lastOffsetDelta. */
  readonly consecutive: boolean
  /** Index of the first record without a key, −1 when all have one. */
  readonly firstWithoutKey: number
}
export interface ValidateOptions { readonly checkCrc?: boolean; readonly maxDecompressedBytes?: number }
export function validateBatch(buffer: Uint8Array, position: number, end: number, options?: ValidateOptions): BatchSummary { throw new Error(`${buffer} ${position} ${end} ${options}`) }
