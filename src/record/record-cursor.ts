/**
 * Walks the records of one batch, of any magic, unfolding it when it is compressed. A record is the cursor's own fields and positions
 * into a buffer: nothing is allocated per record unless `key()`, `value()` or `headers()` is asked for, and those are views.
 *
 * Every length is held against the bytes that are there before it is believed, and each record must end where its length says, the
 * last one where the batch ends (spec/storage-format 2.3); CORRUPT_MESSAGE otherwise. The CRC is not checked (`verifyBatchCrc`), and
 * offsets are taken as they are: `validateBatch` is the strict check. As in Kafka's reader, a batch that says 0 records is not opened.
 */
import { OttlaError } from '../common/errors.ts'
import { advanceSequence, BATCH_HEADER_SIZE, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader, type TimestampType } from './batch-format.ts'
import { bufferView } from './buffer-view.ts'
import { asBuffer } from './codec.ts'
import { codecs as processCodecs, DEFAULT_MAX_DECOMPRESSED_BYTES, type Codecs } from './compression.ts'
import { readControlType, readCoordinatorEpoch } from './control-record.ts'
import { innerEntrySize, innerOffsetBase, legacyKeyAt, legacyLength, legacyOffset, legacyTimestamp, verifyLegacyCrc } from './legacy-message.ts'
import { readUnsignedVarint, readVarint, readVarlong, varintEnd } from './varint.ts'

/** A record has at least this many bytes, its length included. */
const MIN_RECORD_SIZE = 7
const MAX_SAFE = Number.MAX_SAFE_INTEGER
const TWO_53 = 2 ** 53
const NO_BYTES = Buffer.alloc(0)
const NO_VIEW = viewOf(NO_BYTES)
const NO_HEADER: BatchHeader = {
  position: 0, size: 0, baseOffset: 0, lastOffset: -1, nextOffset: 0, leaderEpoch: -1, magic: 2, crc: 0, attributes: 0, lastOffsetDelta: -1,
  baseTimestamp: -1, maxTimestamp: -1, producerId: -1, producerEpoch: -1, baseSequence: -1, lastSequence: -1, count: 0, compression: 'none',
  timestampType: 'CreateTime', isTransactional: false, isControl: false, deleteHorizonMs: null,
}

export interface RecordHeaderView { key: string; value: Uint8Array | null }

export interface CursorOptions {
  /** What a compressed batch may unfold to. Default 128 MiB. */
  readonly maxDecompressedBytes?: number
  /** Default: the process's. */
  readonly codecs?: Codecs
}

function corrupt({ position, baseOffset }: BatchHeader, problem: string): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `batch at byte ${position} (base offset ${baseOffset}) ${problem}`, { position, offset: baseOffset })
}

export class RecordCursor {
  offset: number = 0
  /** To the batch's base offset. */
  offsetDelta: number = 0
  /** Milliseconds, −1 none; under LogAppendTime the batch's greatest timestamp. */
  timestamp: number = -1
  /** As stored: to the batch's base timestamp, whatever the timestamp type. 0 under LogAppendTime where it is beyond ±2^53. */
  timestampDelta: number = 0
  keyStart: number = 0
  /** −1 = null. */
  keyLength: number = -1
  valueStart: number = 0
  valueLength: number = -1
  headerCount: number = 0
  /** Bytes that the record takes, its length field included. */
  sizeInBytes: number = 0

  readonly #maxDecompressedBytes: number
  readonly #codecs: Codecs
  #source: Uint8Array = NO_BYTES
  #sourceBytes: Buffer = NO_BYTES
  #sourceView: DataView = NO_VIEW
  #bytes: Buffer = NO_BYTES
  #view: DataView = NO_VIEW
  #memory: ArrayBufferLike = NO_BYTES.buffer
  #memoryOffset: number = 0
  #header: BatchHeader = NO_HEADER
  #position: number = 0
  #end: number = 0
  #remaining: number = 0
  #headersStart: number = 0
  #baseOffset: number = 0
  #baseTimestamp: number = 0
  #appendTime: boolean = false
  #legacy: boolean = false

  constructor(options: CursorOptions = {}) {
    this.#maxDecompressedBytes = options.maxDecompressedBytes ?? DEFAULT_MAX_DECOMPRESSED_BYTES
    this.#codecs = options.codecs ?? processCodecs
  }

  /** Of the batch that `reset` was given. */
  get header(): BatchHeader { return this.#header }
  /** −1 without a producer. */
  get sequence(): number { return this.#header.baseSequence < 0 ? -1 : advanceSequence(this.#header.baseSequence, this.offsetDelta) }
  /** What `keyStart` and `valueStart` point into: the buffer given to `reset`, or what the codec unfolded. */
  buffer(): Uint8Array { return this.#bytes }

  /** Starts with the batch at `position`, which must end by `end`. `next` then goes to its first record. Raises CORRUPT_MESSAGE. */
  reset(buffer: Uint8Array, position: number, end: number): BatchHeader {
    // Until the batch is found good the cursor stands at an end.
    this.#remaining = 0
    this.#position = this.#end
    if (buffer !== this.#source) {
      this.#sourceBytes = asBuffer(buffer)
      this.#sourceView = viewOf(buffer)
      this.#source = buffer
    }
    const header = readBatchHeader(this.#sourceBytes, this.#sourceView, position, end)
    this.#header = header
    this.#use(this.#sourceBytes, this.#sourceView)
    this.#appendTime = header.timestampType === 'LogAppendTime'
    this.#legacy = header.magic !== 2
    if (this.#legacy) this.#openLegacy(header)
    else this.#open(header)
    return header
  }

  #open(header: BatchHeader): void {
    this.#baseOffset = header.baseOffset
    this.#baseTimestamp = header.baseTimestamp
    if (header.count === 0) return
    let position = header.position + BATCH_HEADER_SIZE
    let end = header.position + header.size
    if (header.compression !== 'none') {
      this.#unfold(position, end, false)
      position = 0
      end = this.#bytes.length
    }
    if (header.count > (end - position) / MIN_RECORD_SIZE) throw this.#corrupt(`says ${header.count} records in ${end - position} bytes`)
    this.#position = position
    this.#end = end
    this.#remaining = header.count
  }

  #openLegacy(header: BatchHeader): void {
    let position = header.position
    let end = header.position + header.size
    this.#baseOffset = 0
    if (header.compression !== 'none') {
      this.#readLegacyFields(position, end)
      if (this.valueLength < 0) throw this.#corrupt('is compressed and has no value')
      this.#unfold(this.valueStart, this.valueStart + this.valueLength, header.magic === 0)
      position = 0
      end = this.#bytes.length
      this.#baseOffset = innerOffsetBase(this.#view, end, header)
    }
    this.#position = position
    this.#end = end
    this.#remaining = header.compression === 'none' ? 1 : MAX_SAFE
  }

  #unfold(start: number, end: number, lenientLz4Header: boolean): void {
    const packed = this.#bytes.subarray(start, end)
    const plain = asBuffer(this.#codecs.decompress(this.#header.compression, packed, this.#maxDecompressedBytes, { lenientLz4Header }))
    this.#use(plain, viewOf(plain))
  }

  #use(bytes: Buffer, view: DataView): void {
    this.#bytes = bytes
    this.#view = view
    this.#memory = bytes.buffer
    this.#memoryOffset = bytes.byteOffset
  }

  #corrupt(problem: string): OttlaError { return corrupt(this.#header, problem) }

  /** Goes to the next record. False at the end; the fields then still are the last record's. Raises CORRUPT_MESSAGE. */
  next(): boolean {
    if (this.#remaining === 0) {
      if (this.#position !== this.#end) throw this.#corrupt(`has ${this.#end - this.#position} bytes after its last record`)
      return false
    }
    if (this.#legacy) return this.#nextLegacy()
    this.#remaining--

    const bytes = this.#bytes
    const start = this.#position
    // Varints of one and two bytes are read in line. Beyond the end of the buffer a read gives undefined, which counts as 0: the
    // position then is past `end`, and the check of where the fields end refuses it.
    let p = start
    let bits = bytes[p++]!
    if (bits >= 0x80) {
      const second = bytes[p]!
      if (second < 0x80) {
        bits = (bits & 0x7f) | (second << 7)
        p++
      } else {
        bits = readUnsignedVarint(bytes, start, this.#end)
        p = varintEnd()
      }
    }
    const length = (bits >>> 1) ^ -(bits & 1)
    const end = p + length
    if (length < MIN_RECORD_SIZE - 1 || end > this.#end) throw this.#corrupt(`has a record of ${length} bytes where ${this.#end - p} are left`)

    p++
    bits = bytes[p++]!
    let timestampDelta = (bits >>> 1) ^ -(bits & 1)
    if (bits >= 0x80) {
      timestampDelta = readVarlong(bytes, p - 1, end)
      p = varintEnd()
      if (timestampDelta > TWO_53 || timestampDelta < -TWO_53) timestampDelta = this.#appendTime ? 0 : Infinity
    }
    bits = bytes[p++]!
    if (bits >= 0x80) {
      const second = bytes[p]!
      if (second < 0x80) {
        bits = (bits & 0x7f) | (second << 7)
        p++
      } else {
        bits = readUnsignedVarint(bytes, p - 1, end)
        p = varintEnd()
      }
    }
    const offsetDelta = (bits >>> 1) ^ -(bits & 1)
    p = this.#readContent(p, end)
    if (p !== end) throw this.#corrupt(`has a record whose fields take ${p - end + length} bytes and which says ${length}`)
    this.#position = p
    this.sizeInBytes = p - start
    this.offsetDelta = offsetDelta
    this.timestampDelta = timestampDelta
    this.#place(this.#baseOffset + offsetDelta, this.#appendTime ? this.#header.maxTimestamp : this.#baseTimestamp + timestampDelta)
    return true
  }

  /** Key, value and headers of the record that ends at `end`. Returns the position after them, which is beyond `end` if they do not fit. */
  #readContent(position: number, end: number): number {
    const bytes = this.#bytes
    let p = position
    let bits = bytes[p++]!
    if (bits >= 0x80) {
      const second = bytes[p]!
      if (second < 0x80) {
        bits = (bits & 0x7f) | (second << 7)
        p++
      } else {
        bits = readUnsignedVarint(bytes, p - 1, end)
        p = varintEnd()
      }
    }
    const keyLength = (bits >>> 1) ^ -(bits & 1)
    this.keyStart = p
    if (keyLength < 0) this.keyLength = -1
    else {
      this.keyLength = keyLength
      p += keyLength
    }
    bits = bytes[p++]!
    if (bits >= 0x80) {
      const second = bytes[p]!
      if (second < 0x80) {
        bits = (bits & 0x7f) | (second << 7)
        p++
      } else {
        bits = readUnsignedVarint(bytes, p - 1, end)
        p = varintEnd()
      }
    }
    const valueLength = (bits >>> 1) ^ -(bits & 1)
    this.valueStart = p
    if (valueLength < 0) this.valueLength = -1
    else {
      this.valueLength = valueLength
      p += valueLength
    }
    if (bytes[p] !== 0) return this.#skipHeaders(p, end)
    this.headerCount = 0
    return p + 1
  }

  #place(offset: number, timestamp: number): void {
    if (offset > MAX_SAFE || offset < -MAX_SAFE || timestamp > MAX_SAFE || timestamp < -MAX_SAFE) {
      throw this.#corrupt('has a record with an offset or timestamp outside ±(2^53−1), which Ottla does not support')
    }
    this.offset = offset
    this.timestamp = timestamp
  }

  /** Position after the headers; leaves their number and where they start. */
  #skipHeaders(position: number, end: number): number {
    const bytes = this.#bytes
    const count = readVarint(bytes, position, end)
    let p = varintEnd()
    if (count < 0 || count > end - p) throw this.#corrupt(`has a record that says ${count} headers in ${end - p} bytes`)
    this.headerCount = count
    this.#headersStart = p
    for (let i = 0; i < count; i++) {
      const keyLength = readVarint(bytes, p, end)
      if (keyLength < 0) throw this.#corrupt(`has a record header with the key length ${keyLength}`)
      p = varintEnd() + keyLength
      const valueLength = readVarint(bytes, p, end)
      p = varintEnd() + (valueLength > 0 ? valueLength : 0)
    }
    return p
  }

  #nextLegacy(): boolean {
    const inner = this.#header.compression !== 'none'
    const position = this.#position
    const size = inner ? innerEntrySize(this.#view, position, this.#end) : this.#header.size
    if (size === 0) {
      this.#remaining = 0
      this.#position = this.#end
      return false
    }
    this.#remaining--
    this.#position += size
    this.#readLegacyFields(position, position + size)
    this.headerCount = 0
    this.sizeInBytes = size
    const offset = this.#baseOffset + legacyOffset(this.#view, position)
    this.offsetDelta = offset - this.#header.baseOffset
    this.timestampDelta = 0
    this.#place(offset, this.#appendTime ? this.#header.maxTimestamp : legacyTimestamp(this.#view, position))
    return true
  }

  #readLegacyFields(position: number, end: number): void {
    const keyAt = legacyKeyAt(this.#view, position)
    this.keyLength = legacyLength(this.#view, position, keyAt, end)
    this.keyStart = keyAt + 4
    const valueAt = this.keyStart + Math.max(0, this.keyLength)
    this.valueLength = legacyLength(this.#view, position, valueAt, end)
    this.valueStart = valueAt + 4
  }

  /** True when the message stands for itself or its inner CRC holds; magic 2 has no CRC per record. */
  innerCrcHolds(): boolean {
    return !this.#legacy || verifyLegacyCrc(this.#bytes, this.#view, this.#position - this.sizeInBytes, this.sizeInBytes)
  }

  /** A view, and a Buffer; null when there is no key. */
  key(): Uint8Array | null { return this.keyLength < 0 ? null : bufferView(this.#memory, this.#memoryOffset + this.keyStart, this.keyLength) }
  /** A view, and a Buffer; null when there is no value. */
  value(): Uint8Array | null { return this.valueLength < 0 ? null : bufferView(this.#memory, this.#memoryOffset + this.valueStart, this.valueLength) }

  /** In order; keys may repeat. Values are views. */
  headers(): RecordHeaderView[] {
    const bytes = this.#bytes
    const end = this.#position
    const headers: RecordHeaderView[] = []
    let p = this.#headersStart
    for (let i = 0; i < this.headerCount; i++) {
      const keyLength = readVarint(bytes, p, end)
      const keyStart = varintEnd()
      const key = bytes.toString('utf8', keyStart, keyStart + keyLength)
      const valueLength = readVarint(bytes, keyStart + keyLength, end)
      const valueStart = varintEnd()
      headers.push({ key, value: valueLength < 0 ? null : bufferView(this.#memory, this.#memoryOffset + valueStart, valueLength) })
      p = valueStart + (valueLength > 0 ? valueLength : 0)
    }
    return headers
  }
}

export interface DecodedRecord {
  offset: number; timestamp: number; timestampType: TimestampType; sequence: number
  key: Uint8Array | null; value: Uint8Array | null; headers: RecordHeaderView[]; leaderEpoch: number
}

/** All records of the batch at `position`, as objects: for tools and tests. Bytes are views. Raises CORRUPT_MESSAGE. */
export function readBatch(
  buffer: Uint8Array, position: number = 0, end: number = buffer.length, options: CursorOptions = {},
): { header: BatchHeader; records: DecodedRecord[] } {
  const cursor = new RecordCursor(options)
  const header = cursor.reset(buffer, position, end)
  const records: DecodedRecord[] = []
  while (cursor.next()) {
    records.push({
      offset: cursor.offset, timestamp: cursor.timestamp, timestampType: header.timestampType, sequence: cursor.sequence,
      key: cursor.key(), value: cursor.value(), headers: cursor.headers(), leaderEpoch: header.leaderEpoch,
    })
  }
  return { header, records }
}

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

export interface ValidateOptions extends CursorOptions {
  /** Default true. */
  readonly checkCrc?: boolean
  /** To be used for the walk, in place of a new one. */
  readonly cursor?: RecordCursor
}

/**
 * The full check of one batch of any magic: header, CRC, every record, offsets that rise within the batch's span, control records that
 * parse. Raises CORRUPT_MESSAGE with the position and offset. Does not hold the header's timestamps against the records': they may
 * differ legitimately (spec 2.5), and the summary has what is needed to tell.
 */
export function validateBatch(buffer: Uint8Array, position: number, end: number, options: ValidateOptions = {}): BatchSummary {
  const cursor = options.cursor ?? new RecordCursor(options)
  const header = cursor.reset(buffer, position, end)
  const fail = (problem: string): OttlaError => corrupt(header, problem)
  if (options.checkCrc !== false && !verifyBatchCrc(buffer, viewOf(buffer), position, header.size)) throw fail('fails its checksum')
  if (header.lastOffsetDelta < 0) throw fail(`has the impossible last offset delta ${header.lastOffsetDelta}`)
  if (header.count === 0 && header.size !== BATCH_HEADER_SIZE) throw fail(`says 0 records and has ${header.size - BATCH_HEADER_SIZE} bytes of them`)
  let count = 0
  let last = -Infinity
  let maxTimestamp = -1
  let offsetOfMaxTimestamp = -1
  let minTimestamp = -1
  let firstWithoutKey = -1
  while (cursor.next()) {
    if (cursor.offset <= last) throw fail(`has offset ${cursor.offset} after ${last}`)
    if (cursor.offset > header.lastOffset || (header.magic === 2 && cursor.offset < header.baseOffset)) {
      throw fail(`has offset ${cursor.offset} outside its span`)
    }
    if (!cursor.innerCrcHolds()) throw fail(`has a message at offset ${cursor.offset} that fails its checksum`)
    if (header.isControl && isMarker(cursor)) readCoordinatorEpoch(cursor.value())
    last = cursor.offset
    if (cursor.timestamp > maxTimestamp) {
      maxTimestamp = cursor.timestamp
      offsetOfMaxTimestamp = cursor.offset
    }
    if (cursor.timestamp !== -1 && (minTimestamp === -1 || cursor.timestamp < minTimestamp)) minTimestamp = cursor.timestamp
    if (cursor.keyLength < 0 && firstWithoutKey < 0) firstWithoutKey = count
    count++
  }
  const consecutive = header.magic === 2 ? count === header.lastOffsetDelta + 1 : true
  return { header, count, maxTimestamp, offsetOfMaxTimestamp, minTimestamp, consecutive, firstWithoutKey }
}

function isMarker(cursor: RecordCursor): boolean {
  const type = readControlType(cursor.key())
  return type === 'COMMIT' || type === 'ABORT'
}
