/**
 * Kafka's primitive types read from a span of bytes, classic and flexible (spec/wire-protocol 2.2). Everything big-endian.
 *
 * Invariant: no method reads past `end`, none allocates more than the bytes present justify (every count and length is checked against
 * them first), and every violation is a CORRUPT_MESSAGE error that names the position. Bytes left over are the caller's business: Kafka
 * never checks for them, and known clients send some (spec/wire-protocol 2.2).
 *
 *   string   i16 length (−1 null), UTF-8        compact: uvarint length + 1 (0 null), UTF-8
 *   bytes    i32 length (−1 null)               compact: uvarint length + 1 (0 null)
 *   array    i32 count  (−1 null)               compact: uvarint count + 1 (0 null)
 *   tags     uvarint count, then each: uvarint tag, uvarint size, payload
 *
 * Used by every codec of `protocol/` and by the record codecs of `coordinator/`. Not for records inside batches: those are `record/`.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import { formatInt64 } from '../common/wide-integer.ts'

export class ByteReader {
  readonly buffer: Uint8Array
  readonly view: DataView
  /** Next byte to be read. */
  position: number
  /** First byte not to be read. */
  end: number
  /** Bytes of memory that decoding may still take; see `charge`. */
  budget: number = Infinity
  readonly #text: Buffer
  #tagEnd: number

  constructor(buffer: Uint8Array, position: number = 0, end: number = buffer.length) {
    this.buffer = buffer
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    this.position = position
    this.end = end
    this.#text = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    this.#tagEnd = end
  }

  /** Goes to another span of the same bytes. */
  reset(position: number, end: number): void {
    this.position = position
    this.end = end
  }

  get remaining(): number { return this.end - this.position }

  /** A CORRUPT_MESSAGE error at the current position, for callers that find a value impossible. */
  corrupt(problem: string): OttlaError {
    return new OttlaError('CORRUPT_MESSAGE', `${problem} at byte ${this.position} of ${this.end}`, { position: this.position })
  }

  /** Takes `bytes` of the budget; CORRUPT_MESSAGE once nothing is left of it. Call it before the memory is allocated. */
  charge(bytes: number): void {
    this.budget -= bytes
    if (this.budget < 0) throw this.corrupt('the message would take more memory than its size justifies')
  }

  /** Takes the next `length` bytes; returns where they begin. */
  #take(length: number): number {
    const start = this.position
    if (length > this.end - start) throw this.corrupt(`${length} bytes are needed, ${this.end - start} are left`)
    this.position = start + length
    return start
  }

  skip(length: number): void { this.#take(length) }

  int8(): number { return this.view.getInt8(this.#take(1)) }
  int16(): number { return this.view.getInt16(this.#take(2)) }
  uint16(): number { return this.view.getUint16(this.#take(2)) }
  int32(): number { return this.view.getInt32(this.#take(4)) }
  uint32(): number { return this.view.getUint32(this.#take(4)) }
  float64(): number { return this.view.getFloat64(this.#take(8)) }
  /** Any byte but 0 is true, as in Kafka. */
  boolean(): boolean { return this.view.getInt8(this.#take(1)) !== 0 }

  /** A signed 64-bit integer; CORRUPT_MESSAGE outside ±(2^53−1). */
  int64(): number {
    const start = this.#take(8)
    const value = readInt64(this.view, start)
    if (Number.isNaN(value)) {
      this.position = start
      throw this.corrupt('64-bit integer outside ±(2^53−1)')
    }
    return value
  }

  /** As `int64`, but a value outside ±(2^53−1) comes as the nearest inside. For what is compared with other numbers only. */
  clampedInt64(): number {
    const start = this.#take(8)
    const value = readInt64(this.view, start)
    if (!Number.isNaN(value)) return value
    return this.view.getInt8(start) < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
  }

  /** As `int64`, but a value outside ±(2^53−1) comes as decimal text. For opaque numbers only. */
  wideInt64(): number | string {
    const start = this.#take(8)
    const value = readInt64(this.view, start)
    return Number.isNaN(value) ? formatInt64(this.view.getInt32(start), this.view.getUint32(start + 4)) : value
  }

  /** Unsigned varint: 7 bits a byte, low first, at most 5 bytes; 0 … 2^32−1. */
  uvarint(): number {
    let byte = this.view.getUint8(this.#take(1))
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let shift = 7; shift <= 28; shift += 7) {
      byte = this.view.getUint8(this.#take(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw this.corrupt('varint of more than 5 bytes')
  }

  /** Zig-zag varint, 32 bit. */
  varint(): number {
    const value = this.uvarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** 16 bytes as the 22-character text of `common/uuid`. */
  uuid(): string {
    const start = this.#take(16)
    return this.#text.toString('base64url', start, start + 16)
  }

  /** The next `length` bytes as text. */
  utf8(length: number): string {
    const start = this.#take(length)
    return length === 0 ? '' : this.#text.toString('utf8', start, start + length)
  }

  /** The next `length` bytes: a view of the buffer, not a copy. */
  raw(length: number): Uint8Array {
    const start = this.#take(length)
    return this.buffer.subarray(start, start + length)
  }

  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.utf8(length)
  }

  string(): string {
    const text = this.nullableString()
    if (text === null) throw this.corrupt('null where a string must stand')
    return text
  }

  compactNullableString(): string | null {
    const length = this.uvarint()
    return length === 0 ? null : this.utf8(length - 1)
  }

  compactString(): string {
    const text = this.compactNullableString()
    if (text === null) throw this.corrupt('null where a string must stand')
    return text
  }

  /** A view of the buffer, not a copy; so are the other byte arrays. */
  nullableBytes(): Uint8Array | null {
    const length = this.int32()
    return length < 0 ? null : this.raw(length)
  }

  bytes(): Uint8Array {
    const bytes = this.nullableBytes()
    if (bytes === null) throw this.corrupt('null where bytes must stand')
    return bytes
  }

  compactNullableBytes(): Uint8Array | null {
    const length = this.uvarint()
    return length === 0 ? null : this.raw(length - 1)
  }

  compactBytes(): Uint8Array {
    const bytes = this.compactNullableBytes()
    if (bytes === null) throw this.corrupt('null where bytes must stand')
    return bytes
  }

  #checkCount(count: number, elementSize: number): number {
    if (count * elementSize > this.end - this.position) {
      throw this.corrupt(`${count} elements of at least ${elementSize} bytes do not fit into the ${this.end - this.position} bytes left`)
    }
    return count
  }

  /** Number of elements, −1 for null. `elementSize`: the least number of bytes that one element takes. */
  nullableArray(elementSize: number = 1): number {
    const count = this.int32()
    return count < 0 ? -1 : this.#checkCount(count, elementSize)
  }

  array(elementSize: number = 1): number {
    const count = this.nullableArray(elementSize)
    if (count < 0) throw this.corrupt('null where an array must stand')
    return count
  }

  compactNullableArray(elementSize: number = 1): number {
    const count = this.uvarint()
    return count === 0 ? -1 : this.#checkCount(count - 1, elementSize)
  }

  compactArray(elementSize: number = 1): number {
    const count = this.compactNullableArray(elementSize)
    if (count < 0) throw this.corrupt('null where an array must stand')
    return count
  }

  /** Number of tagged fields to follow. Read each with `nextTag` and end it with `endTag`. */
  tagCount(): number { return this.#checkCount(this.uvarint(), 2) }

  /** Reads tag and size; the payload follows. */
  nextTag(): number {
    const tag = this.uvarint()
    const size = this.uvarint()
    if (size > this.end - this.position) throw this.corrupt(`tagged field of ${size} bytes, ${this.end - this.position} are left`)
    this.#tagEnd = this.position + size
    return tag
  }

  /** Where the payload begun by the last `nextTag` ends; take it before reading nested tags. */
  get tagEnd(): number { return this.#tagEnd }

  /** Steps to the end of the payload, over what was not read of it. */
  endTag(tagEnd: number = this.#tagEnd): void {
    if (this.position > tagEnd) throw this.corrupt('tagged field is longer than its size')
    this.position = tagEnd
  }

  /** Steps over a whole tag section. */
  skipTags(): void {
    for (let left = this.tagCount(); left > 0; left--) {
      this.nextTag()
      this.endTag()
    }
  }
}
