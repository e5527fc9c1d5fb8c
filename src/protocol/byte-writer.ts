/**
 * Kafka's primitive types written to a buffer that grows, classic and flexible: the counterpart of `ByteReader`, same layouts.
 *
 * A writer may be reused (`reset`); what `view` gave is then overwritten. Raises INVALID_REQUEST where a value has no encoding (a classic
 * string above 32,767 bytes).
 */
import { OttlaError } from '../common/errors.ts'
import { writeInt64 } from '../common/int64.ts'
import { parseInt64 } from '../common/wide-integer.ts'

const MAX_CLASSIC_STRING = 32767

/** Records of at least so many bytes are kept by reference, when the writer may. */
const MIN_REFERENCE = 1024

/** Bytes that an unsigned varint takes. */
export function sizeOfUvarint(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}

export class ByteWriter {
  #buffer: Buffer
  #view: DataView
  #position = 0
  /** Record data that stands between the bytes written, in order, and the sum of its bytes. */
  #references: { readonly position: number; readonly bytes: Uint8Array }[] = []
  #referenced = 0
  /** Whether record data may be kept by reference: then `parts` gives what is written, not `view` and `copy`. */
  readonly #mayRefer: boolean

  constructor(capacity: number = 256, mayRefer: boolean = false) {
    this.#mayRefer = mayRefer
    this.#buffer = Buffer.from(new ArrayBuffer(Math.max(16, capacity)))
    this.#view = new DataView(this.#buffer.buffer)
  }

  /** Bytes written so far, and where the next goes. */
  get position(): number { return this.#position }

  reset(): void {
    this.#position = 0
    this.#references = []
    this.#referenced = 0
  }

  /** Bytes of all parts. */
  get size(): number { return this.#position + this.#referenced }

  /** What is written, with record data where it is: not copied. Valid until the next write or reset. */
  parts(): Uint8Array[] {
    const parts: Uint8Array[] = []
    let start = 0
    for (const { position, bytes } of this.#references) {
      if (position > start) parts.push(new Uint8Array(this.#buffer.buffer, start, position - start))
      parts.push(bytes)
      start = position
    }
    if (this.#position > start) parts.push(new Uint8Array(this.#buffer.buffer, start, this.#position - start))
    return parts
  }

  /** What is written; valid until the next write or reset. */
  view(): Uint8Array { return new Uint8Array(this.#buffer.buffer, 0, this.#position) }

  /** What is written, in memory of its own. */
  copy(): Uint8Array { return this.view().slice() }

  /** Makes room for `length` bytes; returns where they begin. */
  #claim(length: number): number {
    const start = this.#position
    const needed = start + length
    if (needed > this.#buffer.length) {
      const grown = Buffer.from(new ArrayBuffer(Math.max(needed, this.#buffer.length * 2)))
      grown.set(this.#buffer.subarray(0, start))
      this.#buffer = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#position = needed
    return start
  }

  int8(value: number): void {
    const start = this.#claim(1)
    this.#view.setInt8(start, value)
  }

  int16(value: number): void {
    const start = this.#claim(2)
    this.#view.setInt16(start, value)
  }

  uint16(value: number): void { this.int16(value) }

  int32(value: number): void {
    const start = this.#claim(4)
    this.#view.setInt32(start, value)
  }

  uint32(value: number): void { this.int32(value) }

  float64(value: number): void {
    const start = this.#claim(8)
    this.#view.setFloat64(start, value)
  }

  boolean(value: boolean): void { this.int8(value ? 1 : 0) }

  /** A safe integer. */
  int64(value: number): void {
    const start = this.#claim(8)
    writeInt64(this.#view, start, value)
  }

  /** A number, or the decimal text that `ByteReader.wideInt64` gave. */
  wideInt64(value: number | string): void {
    if (typeof value === 'number') return this.int64(value)
    const halves = parseInt64(value)
    if (halves === null) throw new OttlaError('INVALID_REQUEST', `${JSON.stringify(value)} is no 64-bit integer`)
    const start = this.#claim(8)
    this.#view.setUint32(start, halves.high)
    this.#view.setUint32(start + 4, halves.low)
  }

  /** 0 … 2^32−1. */
  uvarint(value: number): void {
    let left = value >>> 0
    while (left >= 0x80) {
      this.int8((left & 0x7f) | 0x80)
      left >>>= 7
    }
    this.int8(left)
  }

  /** Zig-zag, 32 bit. */
  varint(value: number): void { this.uvarint((value << 1) ^ (value >> 31)) }

  /** The 22-character text of `common/uuid` as 16 bytes. */
  uuid(text: string): void {
    const start = this.#claim(16)
    const isWhole = text.length === 22 && this.#buffer.write(text, start, 16, 'base64url') === 16
    if (!isWhole) throw new OttlaError('INVALID_REQUEST', `${JSON.stringify(text)} is no uuid`)
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): void {
    const start = this.#claim(bytes.length)
    this.#buffer.set(bytes, start)
  }

  string(text: string): void {
    const size = Buffer.byteLength(text)
    if (size > MAX_CLASSIC_STRING) throw new OttlaError('INVALID_REQUEST', `a string of ${size} bytes is longer than ${MAX_CLASSIC_STRING}`)
    this.int16(size)
    this.#utf8(text, size)
  }

  nullableString(text: string | null): void {
    if (text === null) this.int16(-1)
    else this.string(text)
  }

  compactString(text: string): void {
    const size = Buffer.byteLength(text)
    this.uvarint(size + 1)
    this.#utf8(text, size)
  }

  compactNullableString(text: string | null): void {
    if (text === null) this.int8(0)
    else this.compactString(text)
  }

  #utf8(text: string, size: number): void {
    const start = this.#claim(size)
    if (size !== 0) this.#buffer.write(text, start, size, 'utf8')
  }

  bytes(bytes: Uint8Array): void {
    this.int32(bytes.length)
    this.raw(bytes)
  }

  nullableBytes(bytes: Uint8Array | null): void {
    if (bytes === null) this.int32(-1)
    else this.bytes(bytes)
  }

  compactBytes(bytes: Uint8Array): void {
    this.uvarint(bytes.length + 1)
    this.raw(bytes)
  }

  compactNullableBytes(bytes: Uint8Array | null): void {
    if (bytes === null) this.int8(0)
    else this.compactBytes(bytes)
  }

  /** Record data: as nullable bytes. Must not stand inside a tagged field. */
  records(bytes: Uint8Array | null, isCompact: boolean): void {
    if (bytes === null || !this.#mayRefer || bytes.length < MIN_REFERENCE) {
      if (isCompact) this.compactNullableBytes(bytes)
      else this.nullableBytes(bytes)
      return
    }
    if (isCompact) this.uvarint(bytes.length + 1)
    else this.int32(bytes.length)
    this.#references.push({ position: this.#position, bytes })
    this.#referenced += bytes.length
  }

  /** Count of the elements to follow, −1 for null. */
  array(count: number): void { this.int32(count) }
  compactArray(count: number): void { this.uvarint(count + 1) }

  /** Begins a tagged field; write its payload, then hand the mark to `endTag`. Tags must ascend, and their count goes first. */
  beginTag(tag: number): number {
    this.uvarint(tag)
    return this.#claim(1)
  }

  /** Puts the payload's size in front of it. */
  endTag(mark: number): void {
    const size = this.#position - mark - 1
    const extra = sizeOfUvarint(size) - 1
    if (extra > 0) {
      this.#claim(extra)
      this.#buffer.copyWithin(mark + 1 + extra, mark + 1, mark + 1 + size)
    }
    this.#position = mark
    this.uvarint(size)
    this.#position = mark + 1 + extra + size
  }

  /** A tag section without fields. */
  noTags(): void { this.int8(0) }

  /** Leaves room for an int32 that is not known yet; `patchInt32` fills it. */
  reserveInt32(): number { return this.#claim(4) }
  patchInt32(position: number, value: number): void { this.#view.setInt32(position, value) }
}
