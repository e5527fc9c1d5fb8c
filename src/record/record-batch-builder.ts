/**
 * Builds record batches of magic 2 in place: records go one after another into a slab, behind the room for the header
 * (batch-format.ts), and `seal` writes the header and the CRC. One record (spec/storage-format 2.3):
 *
 *   varint   length          bytes after it
 *   int8     attributes      0
 *   varlong  timestampDelta  to the batch's base timestamp
 *   varint   offsetDelta     to the batch's base offset
 *   varint   keyLength       −1 null, then the key
 *   varint   valueLength     −1 null, then the value
 *   varint   headerCount     then each: key length, key (UTF-8), value length (−1 null), value
 *
 * The hot path of every producer: no allocation per record, strings encoded in one pass. A string is first taken to be ASCII, so its
 * length is known beforehand; where the bytes written say otherwise, the record is written again with exact lengths. Used by the
 * accumulator, the coordinator, the cleaner and tests. Knows nothing of topics, limits or partitions.
 */
import { OttlaError } from '../common/errors.ts'
import { writeInt64 } from '../common/int64.ts'
import {
  ATTRIBUTES_AT, BASE_SEQUENCE_AT, BASE_TIMESTAMP_AT, BATCH_HEADER_SIZE, CONTROL_BIT, COUNT_AT, CRC_AT, DELETE_HORIZON_BIT, LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT, LENGTH_AT, LOG_APPEND_TIME_BIT, LOG_OVERHEAD, MAGIC_AT, MAX_TIMESTAMP_AT, PRODUCER_EPOCH_AT, PRODUCER_ID_AT, TRANSACTIONAL_BIT, viewOf,
  type TimestampType,
} from './batch-format.ts'
import { compress, compressionTypes, type CompressionType } from './compression.ts'
import { controlKey, endTransactionValue } from './control-record.ts'
import { crc32c } from './crc32c.ts'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts'

/**
 * Room behind the last byte of a batch. A string that turns out not to be ASCII runs into it: a character in UTF-8 is at most four
 * bytes long, so one that is cut off by the end of the slab still shows more bytes than it was taken for.
 */
const SLACK = 8
/** Up to this many characters, a loop over them is faster than a call. */
const SHORT_STRING = 24
const MAX_INT32 = 0x7fffffff
/** Bytes of a record besides key, value and headers, at most. */
const MAX_RECORD_OVERHEAD = 36

export interface RecordHeader { readonly key: string; readonly value: Uint8Array | string | null }

/** What the header of a batch says beyond its records. Absent = −1, 0, false, none. */
export interface BatchFields {
  baseOffset?: number; leaderEpoch?: number; producerId?: number; producerEpoch?: number; baseSequence?: number
  isTransactional?: boolean; isControl?: boolean; compression?: CompressionType; compressionLevel?: number | undefined
  timestampType?: TimestampType
  /** Milliseconds; the batch's greatest timestamp under LogAppendTime. */
  logAppendTime?: number
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

function invalid(problem: string): OttlaError { return new OttlaError('INVALID_ARGUMENT', `record batch: ${problem}`) }

function invalidTimestamp(timestamp: number): OttlaError {
  return new OttlaError('INVALID_TIMESTAMP', `${timestamp} is not a timestamp: milliseconds since 1970, or −1 for none`)
}

function invalidDelta(offsetDelta: number, last: number): OttlaError { return invalid(`offset delta ${offsetDelta} does not follow ${last}`) }

/**
 * Writes `text` as UTF-8 at `position`, if that takes exactly `length` bytes. Returns the number of bytes written, another one than
 * `length` when it does not fit it; what was written then is void.
 */
function writeText(slab: Buffer, position: number, text: string, length: number): number {
  if (length <= SHORT_STRING && length === text.length) {
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return -1
      slab[position + i] = code
    }
    return length
  }
  // No limit is given: with much room ahead the engine skips its check per character. What it overruns is not in use yet.
  return slab.write(text, position)
}

/** Bytes of `text` in UTF-8. */
function textLength(text: string): number {
  const length = text.length
  if (length > SHORT_STRING) return Buffer.byteLength(text)
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  return length
}

/** Bytes of the headers; with `guess`, if all strings are ASCII. */
function sizeOfHeaders(headers: readonly RecordHeader[], guess: boolean): number {
  let size = sizeOfVarint(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const { key, value } = headers[i]!
    const keyLength = guess ? key.length : textLength(key)
    const valueLength = guess ? guessedLength(value) : exactLength(value)
    size += sizeOfVarint(keyLength) + keyLength + sizeOfVarint(valueLength) + (valueLength > 0 ? valueLength : 0)
  }
  return size
}

/** Returns the position after them, or NOT_ASCII where a string is not what it was guessed to be. */
function writeHeaders(slab: Buffer, position: number, headers: readonly RecordHeader[], guess: boolean): number {
  let at = writeVarint(slab, position, headers.length)
  for (let i = 0; i < headers.length; i++) {
    const { key, value } = headers[i]!
    const keyLength = guess ? key.length : textLength(key)
    at = writeVarint(slab, at, keyLength)
    if (keyLength > 0 && writeText(slab, at, key, keyLength) !== keyLength) return NOT_ASCII
    at += keyLength
    const valueLength = guess ? guessedLength(value) : exactLength(value)
    at = writeVarint(slab, at, valueLength)
    if (valueLength > 0) {
      if (typeof value !== 'string') slab.set(value!, at)
      else if (writeText(slab, at, value, valueLength) !== valueLength) return NOT_ASCII
      at += valueLength
    }
  }
  return at
}

const FULL = -1
const NOT_ASCII = -2

export class RecordBatchBuilder {
  #home: Buffer
  /** Of `#home`, once a batch was sealed in it. */
  #view: DataView | null = null
  #capacity: number
  #slab: Buffer
  #limit: number
  #position: number = BATCH_HEADER_SIZE
  #count: number = 0
  #hasBase: boolean = false
  #baseTimestamp: number = -1
  #maxTimestamp: number = -1
  #lastOffsetDelta: number = -1

  /** Owns a slab of `capacity` bytes, the most that an uncompressed batch takes unless its first record alone is larger. */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < BATCH_HEADER_SIZE || capacity > MAX_INT32) {
      throw invalid(`capacity ${capacity} is not an integer from ${BATCH_HEADER_SIZE} to ${MAX_INT32}`)
    }
    this.#capacity = capacity
    this.#home = Buffer.allocUnsafeSlow(capacity + SLACK)
    this.#slab = this.#home
    this.#limit = capacity
  }

  /** The most that an uncompressed batch takes unless its first record alone is larger. */
  get capacity(): number { return this.#capacity }
  /** Records in. */
  get count(): number { return this.#count }
  /** Size of the batch if it were sealed now, uncompressed. */
  get sizeInBytes(): number { return this.#position }

  /** Starts the next batch in the same slab: what `seal` returned uncompressed is void. `baseTimestamp` default: the first record's. */
  reset(baseTimestamp?: number): void {
    this.#slab = this.#home
    this.#limit = this.#capacity
    this.#position = BATCH_HEADER_SIZE
    this.#count = 0
    this.#hasBase = baseTimestamp !== undefined
    this.#baseTimestamp = baseTimestamp ?? -1
    this.#maxTimestamp = -1
    this.#lastOffsetDelta = -1
  }

  /** Goes on in a larger slab of `capacity` bytes, with the records that are in. */
  enlarge(capacity: number): void {
    const home = Buffer.allocUnsafeSlow(capacity + SLACK)
    home.set(this.#slab.subarray(0, this.#position))
    this.#capacity = capacity
    this.#limit = capacity
    this.#home = home
    this.#view = null
    this.#slab = home
  }

  /**
   * Adds a record behind the last one. False: there is no room, and at least one record is in. Strings become UTF-8. `timestamp` is in
   * milliseconds, −1 for none. Raises INVALID_TIMESTAMP, and MESSAGE_TOO_LARGE beyond 2 GiB.
   */
  append(timestamp: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers: readonly RecordHeader[] | null): boolean {
    return this.appendAt(this.#lastOffsetDelta + 1, timestamp, key, value, headers)
  }

  /** The same with a gap: `offsetDelta` is greater than the last record's. */
  appendAt(
    offsetDelta: number, timestamp: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers: readonly RecordHeader[] | null,
  ): boolean {
    if (!(timestamp >= -1) || !Number.isSafeInteger(timestamp)) throw invalidTimestamp(timestamp)
    if (!(offsetDelta > this.#lastOffsetDelta) || offsetDelta !== (offsetDelta | 0)) throw invalidDelta(offsetDelta, this.#lastOffsetDelta)
    const base = this.#hasBase ? this.#baseTimestamp : timestamp
    let end = this.#encode(offsetDelta, timestamp - base, key, guessedLength(key), value, guessedLength(value), headers, true)
    if (end < 0) {
      if (end === NOT_ASCII) end = this.#encode(offsetDelta, timestamp - base, key, exactLength(key), value, exactLength(value), headers, false)
      if (end === FULL) return false
    }
    this.#position = end
    this.#count++
    this.#lastOffsetDelta = offsetDelta
    this.#baseTimestamp = base
    this.#hasBase = true
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    return true
  }

  /** Writes a record whose key and value take the given bytes; `guess` is for its headers. Returns the position after it, FULL, or NOT_ASCII when they do not. */
  #encode(
    offsetDelta: number, timestampDelta: number, key: Uint8Array | string | null, keyLength: number, value: Uint8Array | string | null, valueLength: number,
    headers: readonly RecordHeader[] | null, guess: boolean,
  ): number {
    const hasHeaders = headers !== null && headers.length > 0
    const size = 1 + sizeOfVarlong(timestampDelta) + sizeOfVarint(offsetDelta) + sizeOfVarint(keyLength) + (keyLength > 0 ? keyLength : 0)
      + sizeOfVarint(valueLength) + (valueLength > 0 ? valueLength : 0) + (hasHeaders ? sizeOfHeaders(headers, guess) : 1)
    let at = this.#position
    if (at + sizeOfVarint(size) + size > this.#limit) {
      if (this.#count > 0) return FULL
      this.#grow(at + sizeOfVarint(size) + size)
    }
    const slab = this.#slab
    at = writeVarint(slab, at, size)
    slab[at++] = 0
    at = writeVarlong(slab, at, timestampDelta)
    at = writeVarint(slab, at, offsetDelta)
    at = writeVarint(slab, at, keyLength)
    if (keyLength > 0) {
      if (typeof key !== 'string') slab.set(key!, at)
      else if (writeText(slab, at, key, keyLength) !== keyLength) return NOT_ASCII
      at += keyLength
    }
    at = writeVarint(slab, at, valueLength)
    if (valueLength > 0) {
      if (typeof value !== 'string') slab.set(value!, at)
      else if (writeText(slab, at, value, valueLength) !== valueLength) return NOT_ASCII
      at += valueLength
    }
    if (hasHeaders) return writeHeaders(slab, at, headers, guess)
    slab[at++] = 0
    return at
  }

  /** A slab of its own for a first record that is larger than the capacity; the next `reset` drops it. */
  #grow(size: number): void {
    if (size > MAX_INT32) throw new OttlaError('MESSAGE_TOO_LARGE', `a record of ${size} bytes does not fit a batch: at most 2 GiB`)
    this.#slab = Buffer.allocUnsafeSlow(size + SLACK)
    this.#limit = size
  }

  /**
   * The finished batch. Uncompressed: a view of the slab, valid until `reset`; else memory of its own. The builder takes no more
   * records until `reset`. The codec must have been loaded (compression.ts).
   */
  seal(fields: BatchFields = {}): Uint8Array {
    if (this.#count > 0 && fields.deleteHorizonMs !== undefined && fields.deleteHorizonMs !== this.#baseTimestamp) {
      throw invalid('the delete horizon must be the base timestamp')
    }
    const compression = fields.compression ?? 'none'
    let batch = this.#slab.subarray(0, this.#position)
    if (compression !== 'none') {
      const payload = compress(compression, this.#slab.subarray(BATCH_HEADER_SIZE, this.#position), fields.compressionLevel)
      batch = Buffer.allocUnsafe(BATCH_HEADER_SIZE + payload.length)
      batch.set(payload, BATCH_HEADER_SIZE)
    }
    // One for all batches of a slab: where a batch holds few records, making a view is a good part of its cost.
    const view = compression === 'none' && this.#slab === this.#home ? this.#view ??= viewOf(this.#home) : viewOf(batch)
    this.#writeHeader(batch, view, fields, compression)
    return batch
  }

  #writeHeader(batch: Uint8Array, view: DataView, fields: BatchFields, compression: CompressionType): void {
    const appendTime = fields.timestampType === 'LogAppendTime'
    const attributes = compressionTypes.indexOf(compression) | (appendTime ? LOG_APPEND_TIME_BIT : 0)
      | (fields.isTransactional === true ? TRANSACTIONAL_BIT : 0) | (fields.isControl === true ? CONTROL_BIT : 0)
      | (fields.deleteHorizonMs === undefined ? 0 : DELETE_HORIZON_BIT)
    writeInt64(view, 0, fields.baseOffset ?? 0)
    view.setInt32(LENGTH_AT, batch.length - LOG_OVERHEAD)
    view.setInt32(LEADER_EPOCH_AT, fields.leaderEpoch ?? -1)
    view.setInt8(MAGIC_AT, 2)
    view.setInt16(ATTRIBUTES_AT, attributes)
    view.setInt32(LAST_OFFSET_DELTA_AT, fields.lastOffsetDelta ?? this.#lastOffsetDelta)
    writeInt64(view, BASE_TIMESTAMP_AT, this.#baseTimestamp)
    writeInt64(view, MAX_TIMESTAMP_AT, fields.maxTimestamp ?? (appendTime ? fields.logAppendTime ?? -1 : this.#maxTimestamp))
    writeInt64(view, PRODUCER_ID_AT, fields.producerId ?? -1)
    view.setInt16(PRODUCER_EPOCH_AT, fields.producerEpoch ?? -1)
    view.setInt32(BASE_SEQUENCE_AT, fields.baseSequence ?? -1)
    view.setInt32(COUNT_AT, this.#count)
    view.setUint32(CRC_AT, crc32c(batch, ATTRIBUTES_AT, batch.length))
  }
}

/** Of a string, if it is ASCII. */
function guessedLength(content: Uint8Array | string | null): number { return content === null ? -1 : content.length }

function exactLength(content: Uint8Array | string | null): number {
  if (content === null) return -1
  return typeof content === 'string' ? textLength(content) : content.length
}

/** A batch of the given records in memory of its own; no records give the 61 bytes of a batch that compaction emptied. */
export function buildBatch(records: readonly RecordInput[], fields: BatchFields = {}): Uint8Array {
  let capacity = BATCH_HEADER_SIZE
  for (const record of records) {
    capacity += MAX_RECORD_OVERHEAD + sizeOfHeaders(record.headers ?? [], false)
    capacity += Math.max(0, exactLength(record.key ?? null)) + Math.max(0, exactLength(record.value ?? null))
  }
  if (capacity > MAX_INT32) throw new OttlaError('MESSAGE_TOO_LARGE', `the records do not fit a batch: ${capacity} bytes, at most 2 GiB`)
  const builder = new RecordBatchBuilder(capacity)
  builder.reset(records.length === 0 ? undefined : fields.deleteHorizonMs)
  let next = 0
  for (const record of records) {
    const delta = record.offsetDelta ?? next
    builder.appendAt(delta, record.timestamp ?? -1, record.key ?? null, record.value ?? null, record.headers ?? null)
    next = delta + 1
  }
  return fields.compression === undefined || fields.compression === 'none' ? Buffer.from(builder.seal(fields)) : builder.seal(fields)
}

export interface EndTransactionMarkerFields {
  type: 'COMMIT' | 'ABORT'; offset?: number; timestamp: number; leaderEpoch?: number
  producerId: number; producerEpoch: number; coordinatorEpoch: number
}

/** The control batch that ends a transaction (spec 2.7): 78 bytes. */
export function buildEndTransactionMarker(marker: EndTransactionMarkerFields): Uint8Array {
  return buildBatch([{ timestamp: marker.timestamp, key: controlKey(marker.type), value: endTransactionValue(marker.coordinatorEpoch) }], {
    baseOffset: marker.offset ?? 0, leaderEpoch: marker.leaderEpoch ?? -1, producerId: marker.producerId, producerEpoch: marker.producerEpoch,
    isTransactional: true, isControl: true,
  })
}
