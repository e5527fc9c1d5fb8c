/**
 * Messages of magic 0 and 1, read but never written (spec/storage-format 2.10). An entry, all integers big-endian:
 *
 *    0  8  offset
 *    8  4  length      bytes after this field, at least 14 (magic 0) or 22 (magic 1)
 *   12  4  crc         CRC-32 (IEEE) of bytes 16…end
 *   16  1  magic       0 or 1
 *   17  1  attributes  0–2 codec (none, gzip, snappy, lz4) · 3 LogAppendTime (magic 1)
 *   18  8  timestamp   magic 1 only
 *   ..  4  keyLength   −1 null, then the key
 *   ..  4  valueLength −1 null, then the value
 *
 * With a codec the value is a compressed run of entries. Their offsets are absolute in magic 0; in magic 1 they are relative, and the
 * wrapper carries the last one's absolute offset (or 0, from some old librdkafka: then they count from 0). Functions over positions,
 * for record-cursor.ts and batch-format.ts; nothing here allocates per entry.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import type { BatchHeader } from './batch-format.ts'
import { compressionTypes } from './compression.ts'
import { crc32 } from './crc32.ts'

/** Least value of the length field, of magic 0. */
export const LEGACY_MIN_LENGTH = 14
const MIN_LENGTH_V1 = 22
const ENTRY_OVERHEAD = 12
const CRC_AT = 12
const MAGIC_AT = 16
const ATTRIBUTES_AT = 17
const TIMESTAMP_AT = 18
const LAST_LEGACY_CODEC = 3

function corrupt(position: number, problem: string, offset?: number): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `message at byte ${position} ${problem}`, { position, offset })
}

function field64(view: DataView, position: number, at: number, name: string): number {
  const value = readInt64(view, position + at)
  if (Number.isNaN(value)) throw corrupt(position, `has ${name} outside ±(2^53−1), which Ottla does not support`)
  return value
}

/** The header of a message of magic 0 or 1 of `size` bytes, all of which are there. Raises CORRUPT_MESSAGE. */
export function readLegacyHeader(view: DataView, position: number, size: number): BatchHeader {
  const magic = view.getUint8(position + MAGIC_AT)
  if (magic === 1 && size < ENTRY_OVERHEAD + MIN_LENGTH_V1) throw corrupt(position, `has ${size} bytes, too few for magic 1`)
  const offset = field64(view, position, 0, 'an offset')
  const attributes = view.getUint8(position + ATTRIBUTES_AT)
  const codec = attributes & 7
  if (codec > LAST_LEGACY_CODEC) throw corrupt(position, `has codec ${codec}, which magic ${magic} does not know`, offset)
  const timestamp = magic === 0 ? -1 : field64(view, position, TIMESTAMP_AT, 'a timestamp')
  return {
    position, size, baseOffset: offset, lastOffset: offset, nextOffset: offset + 1,
    leaderEpoch: -1, magic: magic === 0 ? 0 : 1, crc: view.getUint32(position + CRC_AT), attributes, lastOffsetDelta: 0,
    baseTimestamp: timestamp, maxTimestamp: timestamp, producerId: -1, producerEpoch: -1, baseSequence: -1, lastSequence: -1,
    count: -1, compression: compressionTypes[codec]!, timestampType: magic === 1 && (attributes & 8) !== 0 ? 'LogAppendTime' : 'CreateTime',
    isTransactional: false, isControl: false, deleteHorizonMs: null,
  }
}

export function verifyLegacyCrc(buffer: Uint8Array, view: DataView, position: number, size: number): boolean {
  return view.getUint32(position + CRC_AT) === crc32(buffer, position + MAGIC_AT, position + size)
}

/** Position of the key length of a message. */
export function legacyKeyAt(view: DataView, position: number): number {
  return position + (view.getUint8(position + MAGIC_AT) === 0 ? TIMESTAMP_AT : TIMESTAMP_AT + 8)
}

/** Timestamp of an inner message that carries its own; −1 for magic 0. */
export function legacyTimestamp(view: DataView, position: number): number {
  return view.getUint8(position + MAGIC_AT) === 0 ? -1 : field64(view, position, TIMESTAMP_AT, 'a timestamp')
}

export function legacyOffset(view: DataView, position: number): number { return field64(view, position, 0, 'an offset') }

/**
 * Length field at `at`, −1 for null; the bytes that it counts must end by `end`. Raises CORRUPT_MESSAGE.
 * `position` names the message in errors.
 */
export function legacyLength(view: DataView, position: number, at: number, end: number): number {
  if (at + 4 > end) throw corrupt(position, 'is cut short inside its fields')
  const length = view.getInt32(at)
  if (length > end - at - 4) throw corrupt(position, `says ${length} bytes of key or value where ${end - at - 4} are left`)
  return length < 0 ? -1 : length
}

/**
 * Size of the inner entry at `position`, 0 at the end. As in Kafka, an entry that the end cuts short is not there. Raises
 * CORRUPT_MESSAGE for an impossible length, an unknown magic, and compression within compression.
 */
export function innerEntrySize(view: DataView, position: number, end: number): number {
  if (end - position < ENTRY_OVERHEAD) return 0
  const length = view.getInt32(position + 8)
  if (length < LEGACY_MIN_LENGTH) throw corrupt(position, `inside a compressed message has the impossible length ${length}`)
  if (length > end - position - ENTRY_OVERHEAD) return 0
  const magic = view.getUint8(position + MAGIC_AT)
  if (magic > 1 || (magic === 1 && length < MIN_LENGTH_V1)) throw corrupt(position, `inside a compressed message has magic ${magic} and length ${length}`)
  if ((view.getUint8(position + ATTRIBUTES_AT) & 7) !== 0) throw corrupt(position, 'inside a compressed message is compressed itself')
  return length + ENTRY_OVERHEAD
}

/**
 * What is to be added to the offsets of the entries inside a wrapper: 0 for magic 0. Walks them all, so that what follows can trust
 * their sizes. Raises CORRUPT_MESSAGE when there is none, or the wrapper's offset does not fit.
 */
export function innerOffsetBase(view: DataView, end: number, wrapper: BatchHeader): number {
  let last = -1
  for (let position = 0; ;) {
    const size = innerEntrySize(view, position, end)
    if (size === 0) break
    last = legacyOffset(view, position)
    position += size
  }
  if (last === -1) throw corrupt(wrapper.position, 'is compressed and holds no message', wrapper.lastOffset)
  if (wrapper.magic === 0 || wrapper.lastOffset === 0) return 0
  if (wrapper.lastOffset < last) throw corrupt(wrapper.position, `ends before its last inner offset ${last}`, wrapper.lastOffset)
  return wrapper.lastOffset - last
}
