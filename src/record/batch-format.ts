/** Header of a record batch. */
import type { CompressionType } from './compression.ts'

export const LOG_OVERHEAD = 12
export const BATCH_HEADER_SIZE = 61
export type TimestampType = 'CreateTime' | 'LogAppendTime'

export interface BatchHeader {
  readonly position: number; readonly size: number
  readonly baseOffset: number; readonly lastOffset: number; readonly nextOffset: number
  readonly leaderEpoch: number; readonly magic: 0 | 1 | 2; readonly crc: number; readonly attributes: number; readonly lastOffsetDelta: number
  readonly baseTimestamp: number; readonly maxTimestamp: number
  readonly producerId: number; readonly producerEpoch: number; readonly baseSequence: number; readonly lastSequence: number
  /** −1 for magic 0 and 1, whose records are not counted anywhere. */
  readonly count: number
  readonly compression: CompressionType; readonly timestampType: TimestampType
  readonly isTransactional: boolean; readonly isControl: boolean; readonly deleteHorizonMs: number | null
}

export function peekBatchSize(buffer: Uint8Array, view: DataView, position: number, end: number): number { throw new Error(`${buffer} ${view} ${position} ${end}`) }
export function readBatchHeader(buffer: Uint8Array, view: DataView, position: number, end: number): BatchHeader { throw new Error(`${buffer} ${view} ${position} ${end}`) }
export function verifyBatchCrc(buffer: Uint8Array, view: DataView, position: number, size: number): boolean { throw new Error(`${buffer} ${view} ${position} ${size}`) }
export function patchBatch(view: DataView, position: number, baseOffset: number, leaderEpoch: number): void { throw new Error(`${view} ${position} ${baseOffset} ${leaderEpoch}`) }
export function restampBatch(buffer: Uint8Array, view: DataView, position: number, size: number, timestampType: TimestampType, maxTimestamp: number): void {
  throw new Error(`${buffer} ${view} ${position} ${size} ${timestampType} ${maxTimestamp}`)
}
