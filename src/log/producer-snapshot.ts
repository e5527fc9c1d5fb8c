/**
 * Producer snapshots, `<offset>.snapshot`: producer state of everything below that offset (spec/storage-format 10.5). Big-endian.
 *
 *   0  i16  version 1     2  u32  CRC-32C of bytes 6…end     6  i32  count     10  entries of 46 bytes:
 *   0  i64 producerId     8  i16 producerEpoch    10  i32 lastSequence    14  i64 lastOffset    22  i32 offsetDelta
 *  26  i64 timestamp     34  i32 coordinatorEpoch 38  i64 currentTxnFirstOffset
 */
import { OttlaError } from '../common/errors.ts'

export interface SnapshotEntry {
  readonly producerId: number
  readonly producerEpoch: number
  /** −1, with lastOffset −1 and offsetDelta 0: no batch. */
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
  readonly coordinatorEpoch: number
  /** −1: no open transaction. */
  readonly currentTxnFirstOffset: number
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export function encodeSnapshot(_entries: readonly SnapshotEntry[]): Uint8Array { return later() }
/** Raises LOG_CORRUPT (file) on a bad version, length, CRC or value. */
export function decodeSnapshot(_bytes: Uint8Array, _file: string): SnapshotEntry[] { return later() }
