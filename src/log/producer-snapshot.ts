/**
 * Producer snapshots, `<offset>.snapshot`: producer state of everything below that offset (spec/storage-format 10.5). Big-endian.
 *
 *   0  i16  version 1     2  u32  CRC-32C of bytes 6…end     6  i32  count     10  entries of 46 bytes:
 *   0  i64 producerId     8  i16 producerEpoch    10  i32 lastSequence    14  i64 lastOffset    22  i32 offsetDelta
 *  26  i64 timestamp     34  i32 coordinatorEpoch 38  i64 currentTxnFirstOffset
 *
 * Only the latest batch of a producer is kept. The order of entries means nothing; ours ascend by producer id. Pure: bytes to values and back.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64, writeInt64 } from '../common/int64.ts'
import { viewOf } from '../record/batch-format.ts'
import { crc32c } from '../record/crc32c.ts'

const SNAPSHOT_VERSION = 1
const HEADER_SIZE = 10
const ENTRY_SIZE = 46
const CRC_AT = 2
const CRC_FROM = 6

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

export function encodeSnapshot(entries: readonly SnapshotEntry[]): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + entries.length * ENTRY_SIZE)
  const view = viewOf(bytes)
  view.setInt16(0, SNAPSHOT_VERSION)
  view.setInt32(6, entries.length)
  entries.forEach((entry, n) => {
    const at = HEADER_SIZE + n * ENTRY_SIZE
    writeInt64(view, at, entry.producerId)
    view.setInt16(at + 8, entry.producerEpoch)
    view.setInt32(at + 10, entry.lastSequence)
    writeInt64(view, at + 14, entry.lastOffset)
    view.setInt32(at + 22, entry.offsetDelta)
    writeInt64(view, at + 26, entry.timestamp)
    view.setInt32(at + 34, entry.coordinatorEpoch)
    writeInt64(view, at + 38, entry.currentTxnFirstOffset)
  })
  view.setUint32(CRC_AT, crc32c(bytes, CRC_FROM, bytes.length))
  return bytes
}

/** Raises LOG_CORRUPT (file) on a bad version, length, CRC or value. */
export function decodeSnapshot(bytes: Uint8Array, file: string): SnapshotEntry[] {
  const fail = (what: string): OttlaError => new OttlaError('LOG_CORRUPT',
    `${file}: ${what}. Producer state can be rebuilt from the log: remove the file`, { file })
  if (bytes.length < HEADER_SIZE) throw fail(`${bytes.length} bytes are too few for a producer snapshot`)
  const view = viewOf(bytes)
  if (view.getInt16(0) !== SNAPSHOT_VERSION) throw fail(`version ${view.getInt16(0)} is not known`)
  if (view.getUint32(CRC_AT) !== crc32c(bytes, CRC_FROM, bytes.length)) throw fail('the checksum does not match')
  const count = view.getInt32(6)
  if (count < 0 || bytes.length !== HEADER_SIZE + count * ENTRY_SIZE) throw fail(`${count} producers in ${bytes.length} bytes`)
  const entries: SnapshotEntry[] = []
  for (let at = HEADER_SIZE; at < bytes.length; at += ENTRY_SIZE) {
    const entry: SnapshotEntry = {
      producerId: readInt64(view, at), producerEpoch: view.getInt16(at + 8), lastSequence: view.getInt32(at + 10), lastOffset: readInt64(view, at + 14),
      offsetDelta: view.getInt32(at + 22), timestamp: readInt64(view, at + 26), coordinatorEpoch: view.getInt32(at + 34),
        currentTxnFirstOffset: readInt64(view, at + 38),
    }
    const { producerId, lastOffset, timestamp, currentTxnFirstOffset } = entry
    if (Number.isNaN(producerId + lastOffset + timestamp + currentTxnFirstOffset)) throw fail(`the entry at byte ${at} has a value outside ±(2^53−1)`)
    entries.push(entry)
  }
  return entries
}
