/**
 * The messages inside an entry of magic 0 or 1, with the checksum that each of them carries (spec/storage-format 2.10). Only for
 * `dump-log`, which prints those checksums; everybody else reads old formats by `RecordCursor`.
 *
 *   offset i64 · size i32 · crc u32 · magic i8 · attributes i8 · [magic 1: timestamp i64] · key length i32, key · value length i32, value
 */
import { readInt64 } from '../common/int64.ts'
import { verifyBatchCrc, type BatchHeader } from '../record/batch-format.ts'
import { decompress, DEFAULT_MAX_DECOMPRESSED_BYTES } from '../record/compression.ts'
import { DumpFailure, type DumpedRecord } from './dump-items.ts'

const LOG_OVERHEAD = 12
const invalid = (message: string): DumpFailure => new DumpFailure('org.apache.kafka.common.InvalidRecordException', message)

interface Entry { readonly offset: number; readonly magic: number; readonly attributes: number; readonly timestamp: number; readonly keyStart: number; readonly keySize: number; readonly valueStart: number; readonly valueSize: number; readonly position: number; readonly size: number }

function entryAt(view: DataView, position: number, end: number): Entry {
  if (end - position < LOG_OVERHEAD + 14) throw invalid('Unable to read the next message: the message set is cut short')
  const size = LOG_OVERHEAD + view.getInt32(position + 8)
  const magic = view.getInt8(position + 16)
  const keyField = position + 18 + (magic === 1 ? 8 : 0)
  if (size < LOG_OVERHEAD + 14 || position + size > end || keyField + 8 > position + size) throw invalid(`Found a message of impossible size ${size - LOG_OVERHEAD}`)
  const keySize = view.getInt32(keyField)
  const valueField = keyField + 4 + Math.max(0, keySize)
  if (valueField + 4 > position + size) throw invalid('A message is too short for its key')
  const valueSize = view.getInt32(valueField)
  if (valueField + 4 + Math.max(0, valueSize) > position + size) throw invalid('A message is too short for its value')
  return {
    offset: readInt64(view, position), magic, attributes: view.getInt8(position + 17), timestamp: magic === 1 ? readInt64(view, position + 18) : -1,
    keyStart: keyField + 4, keySize, valueStart: valueField + 4, valueSize, position, size,
  }
}

function toRecord(buffer: Uint8Array, view: DataView, entry: Entry, offset: number, timestamp: number): DumpedRecord {
  return {
    offset, timestamp, keySize: entry.keySize, valueSize: entry.valueSize, sequence: -1, headers: [],
    key: entry.keySize < 0 ? null : buffer.subarray(entry.keyStart, entry.keyStart + entry.keySize),
    value: entry.valueSize < 0 ? null : buffer.subarray(entry.valueStart, entry.valueStart + entry.valueSize),
    legacy: { isValid: verifyBatchCrc(buffer, view, entry.position, entry.size), crc: view.getUint32(entry.position + LOG_OVERHEAD) },
  }
}

/** Records of the entry that `header` describes; inner offsets of magic 1 are relative to the last, those of magic 0 absolute. */
export function legacyRecords(buffer: Uint8Array, view: DataView, header: BatchHeader): DumpedRecord[] {
  const outer = entryAt(view, header.position, header.position + header.size)
  if (header.compression === 'none') return [toRecord(buffer, view, outer, outer.offset, outer.timestamp)]
  if (outer.valueSize < 0) throw invalid(`Found invalid compressed record set with null value (magic = ${header.magic})`)
  const packed = buffer.subarray(outer.valueStart, outer.valueStart + outer.valueSize)
  const inner = decompress(header.compression, packed, DEFAULT_MAX_DECOMPRESSED_BYTES, { lenientLz4Header: header.magic === 0 })
  const innerView = new DataView(inner.buffer, inner.byteOffset, inner.byteLength)
  const entries: Entry[] = []
  for (let position = 0; position < inner.length;) {
    const entry = entryAt(innerView, position, inner.length)
    if (entry.magic !== header.magic) throw invalid(`Compressed message magic ${header.magic} does not match inner magic ${entry.magic}`)
    if ((entry.attributes & 7) !== 0) throw invalid('Inner message must not be compressed')
    entries.push(entry)
    position += entry.size
  }
  const last = entries.at(-1)
  if (last === undefined) throw invalid('Found invalid compressed record set with no inner records')
  const base = header.magic === 1 ? outer.offset - last.offset : 0
  const appendTime = header.timestampType === 'LogAppendTime' ? outer.timestamp : null
  return entries.map((entry) => toRecord(inner, innerView, entry, base + entry.offset, header.magic === 0 ? -1 : appendTime ?? entry.timestamp))
}
