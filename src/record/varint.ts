/**
 * Variable-length integers of the record format (spec/storage-format 2.4): base-128 groups, least significant first, the top bit of a
 * byte says that another follows. Three kinds:
 *
 *   varint    signed 32-bit, zigzag (0 −1 1 −2 … → 0 1 2 3 …), 1–5 bytes
 *   varlong   signed 64-bit, zigzag, 1–10 bytes; as a JavaScript number, exact up to ±2^53
 *   unsigned  unsigned 32-bit, no zigzag, 1–5 bytes (compact types of the wire protocol)
 *
 * Writers emit the shortest form; readers take any form up to the greatest length and raise CORRUPT_MESSAGE beyond it, or when `end`
 * comes first. A reader returns the value and leaves the position after it in `varintEnd()`: no object is made for the pair.
 */
import { OttlaError } from '../common/errors.ts'

const TWO_53 = 2 ** 53

let readEnd = 0

/** Position after the integer that was read last. */
export function varintEnd(): number { return readEnd }

function cut(position: number): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `a variable-length integer at byte ${position} is cut short`, { position })
}

function overlong(position: number, limit: number): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `a variable-length integer at byte ${position} is longer than ${limit} bytes`, { position })
}

/** 0 … 2^32−1. As in Kafka, bits of a fifth byte beyond the 32nd are dropped. */
export function readUnsignedVarint(buffer: Uint8Array, position: number, end: number): number {
  let value = 0
  let at = position
  for (let shift = 0; shift < 35; shift += 7) {
    if (at >= end) throw cut(position)
    const byte = buffer[at++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      readEnd = at
      return value >>> 0
    }
  }
  throw overlong(position, 5)
}

export function readVarint(buffer: Uint8Array, position: number, end: number): number {
  const zigzag = readUnsignedVarint(buffer, position, end)
  return (zigzag >>> 1) ^ -(zigzag & 1)
}

/** Exact within ±2^53; a value beyond that comes back as some number beyond ±2^53, for the caller to refuse. */
export function readVarlong(buffer: Uint8Array, position: number, end: number): number {
  let at = position
  if (at >= end) throw cut(position)
  const first = buffer[at++]!
  let byte = first
  let magnitude = (byte & 0x7e) / 2
  let weight = 64
  while (byte >= 0x80) {
    if (at >= end) throw cut(position)
    if (at - position === 10) throw overlong(position, 10)
    byte = buffer[at++]!
    // The tenth byte holds bit 63 alone: Kafka's 64-bit arithmetic drops the rest.
    magnitude += (at - position === 10 ? byte & 1 : byte & 0x7f) * weight
    weight *= 128
  }
  readEnd = at
  if (magnitude < TWO_53) return (first & 1) === 1 ? -magnitude - 1 : magnitude
  // Odd numbers beyond 2^53 would be rounded down to it.
  if ((first & 1) === 1) return -magnitude - 2
  return (first & 2) === 0 ? magnitude : magnitude + 2
}

/** `value` in 0 … 2^32−1. Returns the position after it. */
export function writeUnsignedVarint(buffer: Uint8Array, position: number, value: number): number {
  const bits = value >>> 0
  if (bits < 0x80) {
    buffer[position] = bits
    return position + 1
  }
  if (bits >= 0x4000) return writeLongVarint(buffer, position, bits)
  buffer[position] = bits | 0x80
  buffer[position + 1] = bits >>> 7
  return position + 2
}

/** Rare lengths have functions of their own, here and below: what is called for each record is small enough to be compiled into its caller. */
function writeLongVarint(buffer: Uint8Array, position: number, value: number): number {
  let rest = value
  let at = position
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[at++] = rest
  return at
}

/** `value` in −2^31 … 2^31−1. Returns the position after it. */
export function writeVarint(buffer: Uint8Array, position: number, value: number): number {
  return writeUnsignedVarint(buffer, position, ((value << 1) ^ (value >> 31)) >>> 0)
}

/** `value` an integer in ±2^53. Returns the position after it. */
export function writeVarlong(buffer: Uint8Array, position: number, value: number): number {
  return value === (value | 0) ? writeVarint(buffer, position, value) : writeLongVarlong(buffer, position, value)
}

function writeLongVarlong(buffer: Uint8Array, position: number, value: number): number {
  // Zigzag of a value near 2^53 is not exact as one double: the first byte takes the sign and six bits, the rest follows plainly.
  const magnitude = value < 0 ? -value - 1 : value
  let rest = Math.floor(magnitude / 64)
  let at = position
  buffer[at++] = 0x80 | ((magnitude % 64) << 1) | (value < 0 ? 1 : 0)
  while (rest >= 0x80) {
    buffer[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  buffer[at++] = rest
  return at
}

export function sizeOfUnsignedVarint(value: number): number {
  const bits = value >>> 0
  return bits < 0x80 ? 1 : bits < 0x4000 ? 2 : sizeOfLongVarint(bits)
}

function sizeOfLongVarint(bits: number): number { return bits < 0x200000 ? 3 : bits < 0x10000000 ? 4 : 5 }

export function sizeOfVarint(value: number): number { return sizeOfUnsignedVarint((value << 1) ^ (value >> 31)) }

export function sizeOfVarlong(value: number): number {
  return value === (value | 0) ? sizeOfVarint(value) : sizeOfLongVarlong(value)
}

function sizeOfLongVarlong(value: number): number {
  let rest = Math.floor((value < 0 ? -value - 1 : value) / 64)
  let size = 1
  while (rest > 0) {
    size++
    rest = Math.floor(rest / 128)
  }
  return size
}
