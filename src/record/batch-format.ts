/**
 * The header of a record batch (magic 2), all integers big-endian (spec/storage-format 2.1):
 *
 *    0  8  baseOffset            offset of the first record of the original batch
 *    8  4  batchLength           bytes after this field, at least 49
 *   12  4  partitionLeaderEpoch  −1 from a producer; the leader stamps it
 *   16  1  magic                 2
 *   17  4  crc                   CRC-32C of bytes 21…end
 *   21  2  attributes            0–2 codec · 3 LogAppendTime · 4 transactional · 5 control · 6 baseTimestamp is the delete horizon
 *   23  4  lastOffsetDelta       last offset − baseOffset, kept through compaction
 *   27  8  baseTimestamp         what the records' timestamp deltas are relative to
 *   35  8  maxTimestamp
 *   43  8  producerId            −1 none
 *   51  2  producerEpoch         −1 none
 *   53  4  baseSequence          −1 none
 *   57  4  recordsCount          records present, 0 after compaction emptied it
 *   61  …  records               or, with a codec, one compressed blob of them
 *
 * Bytes 0–16 mean the same in magic 0 and 1 (legacy-message.ts) except that a message has a CRC at 12: so offset, size and magic of
 * any batch are read here. Invariant: a header that `readBatchHeader` returned lies wholly within the bytes given, and all its 64-bit
 * fields are safe integers. Whether the records fit the header is for record-cursor.ts.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64, writeInt64 } from '../common/int64.ts'
import { compressionTypes, type CompressionType } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { LEGACY_MIN_LENGTH, readLegacyHeader, verifyLegacyCrc } from './legacy-message.ts'

/** Bytes before what `batchLength` counts. */
export const LOG_OVERHEAD = 12
export const BATCH_HEADER_SIZE = 61
/** Bytes needed to know a batch's size and magic. */
export const PEEK_SIZE = 17

export const LENGTH_AT = 8
export const LEADER_EPOCH_AT = 12
export const MAGIC_AT = 16
export const CRC_AT = 17
/** The CRC covers everything from here. */
export const ATTRIBUTES_AT = 21
export const LAST_OFFSET_DELTA_AT = 23
export const BASE_TIMESTAMP_AT = 27
export const MAX_TIMESTAMP_AT = 35
export const PRODUCER_ID_AT = 43
export const PRODUCER_EPOCH_AT = 51
export const BASE_SEQUENCE_AT = 53
export const COUNT_AT = 57

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20
export const DELETE_HORIZON_BIT = 0x40
const USED_BITS = 0x7f

const MAX_INT32 = 0x7fffffff

export type TimestampType = 'CreateTime' | 'LogAppendTime'

export interface BatchHeader {
  /** Of the first byte, in the buffer it was read from. */
  readonly position: number
  /** In bytes, the twelve of offset and length included. */
  readonly size: number
  /** Magic 0 and 1: of a compressed wrapper only the last offset is known, and this is the same. */
  readonly baseOffset: number; readonly lastOffset: number; readonly nextOffset: number
  readonly leaderEpoch: number; readonly magic: 0 | 1 | 2; readonly crc: number; readonly attributes: number; readonly lastOffsetDelta: number
  /** Milliseconds, −1 none. */
  readonly baseTimestamp: number; readonly maxTimestamp: number
  readonly producerId: number; readonly producerEpoch: number; readonly baseSequence: number; readonly lastSequence: number
  /** −1 for magic 0 and 1, whose records are not counted anywhere. */
  readonly count: number
  /** CreateTime for magic 0, which has no timestamps. */
  readonly compression: CompressionType; readonly timestampType: TimestampType
  readonly isTransactional: boolean; readonly isControl: boolean; readonly deleteHorizonMs: number | null
}

/** A DataView over exactly the bytes of `buffer`. */
export function viewOf(buffer: Uint8Array): DataView { return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) }

/** Sequence numbers are 31 bits and wrap to 0 (spec 2.6); damaged input wraps as Kafka's 32-bit arithmetic does. */
export function advanceSequence(sequence: number, by: number): number {
  if (sequence > ((MAX_INT32 - by) | 0)) return (by - ((MAX_INT32 - sequence) | 0) - 1) | 0
  return (sequence + by) | 0
}

function corrupt(position: number, problem: string, offset?: number): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `batch at byte ${position} ${problem}`, { position, offset })
}

/**
 * Size in bytes of the batch at `position`, of any magic. −1 when fewer than 17 bytes are there or the batch is cut off by `end`.
 * Raises CORRUPT_MESSAGE when length or magic are impossible.
 */
export function peekBatchSize(buffer: Uint8Array, view: DataView, position: number, end: number): number {
  if (end - position < PEEK_SIZE) return -1
  const length = view.getInt32(position + LENGTH_AT)
  if (length < LEGACY_MIN_LENGTH) throw corrupt(position, `has the impossible length ${length}`)
  const magic = buffer[position + MAGIC_AT]!
  if (magic > 2) throw corrupt(position, `has the unknown magic ${magic}`)
  if (magic === 2 && length < BATCH_HEADER_SIZE - LOG_OVERHEAD) throw corrupt(position, `has length ${length}, less than its header`)
  return length + LOG_OVERHEAD > end - position ? -1 : length + LOG_OVERHEAD
}

/** A 64-bit field of a batch, guarded: Kafka's may lie beyond ±(2^53−1), ours may not. */
function field64(view: DataView, position: number, at: number, name: string): number {
  const value = readInt64(view, position + at)
  if (Number.isNaN(value)) throw corrupt(position, `has a ${name} outside ±(2^53−1), which Ottla does not support`)
  return value
}

/**
 * The header of the batch at `position`, of any magic. Raises CORRUPT_MESSAGE when the batch is cut off by `end` or a field is
 * impossible. Does not check the CRC, and does not look at the records.
 */
export function readBatchHeader(buffer: Uint8Array, view: DataView, position: number, end: number): BatchHeader {
  const size = peekBatchSize(buffer, view, position, end)
  if (size < 0) throw corrupt(position, `is cut short: ${end - position} bytes are there`)
  if (buffer[position + MAGIC_AT] !== 2) return readLegacyHeader(view, position, size)

  const baseOffset = field64(view, position, 0, 'base offset')
  const attributes = view.getInt16(position + ATTRIBUTES_AT)
  const compression = compressionTypes[attributes & CODEC_MASK]
  if (compression === undefined) throw corrupt(position, `has the unknown codec ${attributes & CODEC_MASK}`, baseOffset)
  const lastOffsetDelta = view.getInt32(position + LAST_OFFSET_DELTA_AT)
  const lastOffset = baseOffset + lastOffsetDelta
  if (!Number.isSafeInteger(lastOffset)) throw corrupt(position, 'has a last offset outside ±(2^53−1), which Ottla does not support', baseOffset)
  const count = view.getInt32(position + COUNT_AT)
  if (count < 0) throw corrupt(position, `has the impossible record count ${count}`, baseOffset)
  const baseTimestamp = field64(view, position, BASE_TIMESTAMP_AT, 'base timestamp')
  const baseSequence = view.getInt32(position + BASE_SEQUENCE_AT)
  return {
    position, size, baseOffset, lastOffset, nextOffset: lastOffset + 1,
    leaderEpoch: view.getInt32(position + LEADER_EPOCH_AT), magic: 2, crc: view.getUint32(position + CRC_AT), attributes, lastOffsetDelta,
    baseTimestamp, maxTimestamp: field64(view, position, MAX_TIMESTAMP_AT, 'greatest timestamp'),
    producerId: field64(view, position, PRODUCER_ID_AT, 'producer id'), producerEpoch: view.getInt16(position + PRODUCER_EPOCH_AT),
    baseSequence, lastSequence: baseSequence === -1 ? -1 : advanceSequence(baseSequence, lastOffsetDelta),
    count, compression, timestampType: (attributes & LOG_APPEND_TIME_BIT) === 0 ? 'CreateTime' : 'LogAppendTime',
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0, isControl: (attributes & CONTROL_BIT) !== 0,
    deleteHorizonMs: (attributes & DELETE_HORIZON_BIT) === 0 ? null : baseTimestamp,
  }
}

/** True when the checksum of the batch of `size` bytes at `position` holds; any magic. */
export function verifyBatchCrc(buffer: Uint8Array, view: DataView, position: number, size: number): boolean {
  if (buffer[position + MAGIC_AT] !== 2) return verifyLegacyCrc(buffer, view, position, size)
  return view.getUint32(position + CRC_AT) === crc32c(buffer, position + ATTRIBUTES_AT, position + size)
}

/** Sets the twelve bytes of a batch of magic 2 that lie outside its CRC. */
export function patchBatch(view: DataView, position: number, baseOffset: number, leaderEpoch: number): void {
  writeInt64(view, position, baseOffset)
  view.setInt32(position + LEADER_EPOCH_AT, leaderEpoch)
}

/**
 * Sets timestamp type and greatest timestamp of a batch of magic 2, and its CRC. Nothing is written when they hold already. As in
 * Kafka, a rewrite clears the unused attribute bits (spec 2.2).
 */
export function restampBatch(buffer: Uint8Array, view: DataView, position: number, size: number, timestampType: TimestampType, maxTimestamp: number): void {
  const attributes = view.getInt16(position + ATTRIBUTES_AT)
  const bit = timestampType === 'LogAppendTime' ? LOG_APPEND_TIME_BIT : 0
  if ((attributes & LOG_APPEND_TIME_BIT) === bit && readInt64(view, position + MAX_TIMESTAMP_AT) === maxTimestamp) return
  view.setInt16(position + ATTRIBUTES_AT, (attributes & USED_BITS & ~LOG_APPEND_TIME_BIT) | bit)
  writeInt64(view, position + MAX_TIMESTAMP_AT, maxTimestamp)
  view.setUint32(position + CRC_AT, crc32c(buffer, position + ATTRIBUTES_AT, position + size))
}
