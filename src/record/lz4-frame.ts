/**
 * The lz4 frames that Kafka writes and reads (spec/storage-format 2.8), integers little-endian:
 *
 *   4  magic       04 22 4d 18
 *   1  FLG         version 01 · 5 independent blocks, must be set · 4 block checksums · 3 content size · 2 content checksum
 *   1  BD          4–6 greatest block size: 4 = 64 KiB, 5 = 256 KiB, 6 = 1 MiB, 7 = 4 MiB
 *   8  contentSize if flagged; not looked at
 *   1  HC          (xxh32(FLG … contentSize) >> 8) & 0xff
 *   …  blocks      4 length (bit 31: stored as is), the data, 4 xxh32 of the data if flagged
 *   4  end mark    0, then 4 bytes of content checksum if flagged; not verified, as in Kafka
 *
 * A walk over a frame proves its structure and bounds its output before memory is taken. The decoder here is the floor under the
 * native one, and does what that cannot: exact limits, block checksums, the header checksum of magic 0 (computed over the magic number
 * too, by old clients, and so not checked there). The encoder writes stored blocks only: legal everywhere, compressing nothing.
 */
import { badFraming, tooLarge } from './codec.ts'
import { xxhash32 } from './xxhash32.ts'

const MAGIC = 0x184d2204
const MIN_HEADER = 7
const STORED = 0x80000000
const VERSION_BITS = 0x40
const INDEPENDENT_BIT = 0x20
const BLOCK_CHECKSUM_BIT = 0x10
const CONTENT_SIZE_BIT = 0x08
const CONTENT_CHECKSUM_BIT = 0x04
/** What Kafka and both of our encoders write. */
const PLAIN_FLAGS = 0x60
const BLOCK_64K = 64 * 1024
/** An lz4 block grows at most by this. */
const MAX_RATIO = 255

export interface Lz4Frame {
  /** Of the first block, in the bytes given. */
  readonly blocksAt: number
  /** After the end mark. Bytes behind it are ignored, as Kafka does. */
  readonly end: number
  readonly maxBlockBytes: number
  readonly blockChecksums: boolean
  /** No optional fields, right header checksum: what any decoder reads. */
  readonly isPlain: boolean
  /** The records unfold to no more than this. */
  readonly outputBound: number
}

function read32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** Raises CORRUPT_MESSAGE unless `bytes` start with a whole frame that Kafka would accept. `lenient`: any header checksum. */
export function readLz4Frame(bytes: Uint8Array, lenient: boolean): Lz4Frame {
  if (bytes.length < MIN_HEADER || read32(bytes, 0) !== MAGIC) throw badFraming('lz4', 'there is no frame')
  const flags = bytes[4]!
  const descriptor = bytes[5]!
  const sizeCode = descriptor >>> 4
  if ((flags & 0xc3) !== VERSION_BITS) throw badFraming('lz4', `frame flags 0x${flags.toString(16)} are not supported`)
  if ((flags & INDEPENDENT_BIT) === 0) throw badFraming('lz4', 'blocks that depend on each other are not supported')
  if ((descriptor & 0x8f) !== 0 || sizeCode < 4) throw badFraming('lz4', `block descriptor 0x${descriptor.toString(16)} is not supported`)
  const checksumAt = (flags & CONTENT_SIZE_BIT) === 0 ? 6 : 14
  if (checksumAt >= bytes.length) throw badFraming('lz4', 'the frame header is cut short')
  const checksumHolds = bytes[checksumAt] === ((xxhash32(bytes, 4, checksumAt) >>> 8) & 0xff)
  if (!checksumHolds && !lenient) throw badFraming('lz4', 'the frame header fails its checksum')

  const maxBlockBytes = BLOCK_64K << (2 * (sizeCode - 4))
  const blockChecksums = (flags & BLOCK_CHECKSUM_BIT) !== 0
  const blocksAt = checksumAt + 1
  let at = blocksAt
  let outputBound = 0
  for (;;) {
    if (at + 4 > bytes.length) throw badFraming('lz4', 'the frame is cut short')
    const word = read32(bytes, at)
    const size = word & 0x7fffffff
    at += 4
    if (size === 0) break
    if (size > maxBlockBytes) throw badFraming('lz4', `a block says ${size} bytes, more than ${maxBlockBytes}`)
    outputBound += word >= STORED ? size : Math.min(maxBlockBytes, size * MAX_RATIO)
    at += size + (blockChecksums ? 4 : 0)
  }
  if ((flags & CONTENT_CHECKSUM_BIT) !== 0) at += 4
  if (at > bytes.length) throw badFraming('lz4', 'the frame is cut short')
  return { blocksAt, end: at, maxBlockBytes, blockChecksums, isPlain: checksumHolds && flags === PLAIN_FLAGS, outputBound }
}

let lengthEnd = 0

/** The rest of a length whose nibble was 15: bytes are added until one is not 255. Leaves the position after it in `lengthEnd`. */
function longLength(bytes: Uint8Array, at: number, end: number): number {
  let length = 15
  let byte = 255
  let p = at
  while (byte === 255 && p < end) {
    byte = bytes[p++]!
    length += byte
  }
  if (byte === 255) throw badFraming('lz4', 'a block is damaged')
  lengthEnd = p
  return length
}

/** Unfolds the block `from`…`end` of `bytes` into `out` at `outAt`. Returns the position after it, −1 when that is beyond `outEnd`. */
function decodeBlock(bytes: Uint8Array, from: number, end: number, out: Uint8Array, outAt: number, outEnd: number): number {
  let p = from
  let o = outAt
  while (p < end) {
    const token = bytes[p++]!
    let literals = token >>> 4
    if (literals === 15) {
      literals = longLength(bytes, p, end)
      p = lengthEnd
    }
    if (literals > end - p) throw badFraming('lz4', 'a block is damaged')
    if (literals > outEnd - o) return -1
    if (literals > 32) out.set(bytes.subarray(p, p + literals), o)
    else for (let i = 0; i < literals; i++) out[o + i] = bytes[p + i]!
    p += literals
    o += literals
    if (p === end) return o

    if (end - p < 2) throw badFraming('lz4', 'a block is damaged')
    const distance = bytes[p]! | (bytes[p + 1]! << 8)
    p += 2
    let match = token & 15
    if (match === 15) {
      match = longLength(bytes, p, end)
      p = lengthEnd
    }
    match += 4
    if (distance === 0 || distance > o - outAt) throw badFraming('lz4', 'a block is damaged')
    if (match > outEnd - o) return -1
    if (match > 64 && distance >= match) out.copyWithin(o, o - distance, o - distance + match)
    else for (let i = 0; i < match; i++) out[o + i] = out[o - distance + i]!
    o += match
  }
  throw badFraming('lz4', 'a block ends without its last literals')
}

/** The plain bytes of a frame. Raises CORRUPT_MESSAGE. */
export function decodeLz4Frame(bytes: Uint8Array, frame: Lz4Frame, maxOutputBytes: number): Uint8Array {
  const capacity = Math.min(frame.outputBound, maxOutputBytes)
  const out = Buffer.allocUnsafe(capacity)
  let at = frame.blocksAt
  let position = 0
  for (;;) {
    const word = read32(bytes, at)
    const size = word & 0x7fffffff
    if (size === 0) break
    const from = at + 4
    at = from + size
    if (frame.blockChecksums) {
      if (read32(bytes, at) !== xxhash32(bytes, from, from + size)) throw badFraming('lz4', 'a block fails its checksum')
      at += 4
    }
    if (word >= STORED) {
      if (size > capacity - position) throw tooLarge('lz4', maxOutputBytes)
      out.set(bytes.subarray(from, from + size), position)
      position += size
      continue
    }
    const blockEnd = position + Math.min(frame.maxBlockBytes, size * MAX_RATIO)
    position = decodeBlock(bytes, from, from + size, out, position, Math.min(blockEnd, capacity))
    if (position < 0) throw blockEnd > capacity ? tooLarge('lz4', maxOutputBytes) : badFraming('lz4', 'a block unfolds to more than the frame allows')
  }
  return position === capacity ? out : out.subarray(0, position)
}

/** A frame of stored blocks, at most 64 KiB each. */
export function storeLz4Frame(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK_64K)
  const out = Buffer.allocUnsafe(MIN_HEADER + bytes.length + 4 * blocks + 4)
  write32(out, 0, MAGIC)
  out[4] = PLAIN_FLAGS
  out[5] = 0x40
  out[6] = (xxhash32(out, 4, 6) >>> 8) & 0xff
  let position = MIN_HEADER
  for (let at = 0; at < bytes.length; at += BLOCK_64K) {
    const block = bytes.subarray(at, at + BLOCK_64K)
    write32(out, position, block.length | STORED)
    out.set(block, position + 4)
    position += 4 + block.length
  }
  write32(out, position, 0)
  return out
}
