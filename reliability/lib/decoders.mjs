/**
 * Decoders of the four codecs as Kafka frames them, from the formats' descriptions and apart from those of `src/`: for raw-reader.mjs. Plain, whole in memory, and
 * strict: what does not decode to its end throws. zstd is `fzstd`, which is in nothing that Ottla ships.
 *
 *   snappy   a raw block, or xerial's stream: 82 "SNAPPY" 00 · version i32 · oldest i32 · { length i32 BE · raw block }
 *   lz4      frame: magic · FLG · BD · [content size u64] · header checksum · { size u32 LE, high bit: stored · block · [checksum u32] } · 0 · [checksum u32]
 */
import { gunzipSync } from 'node:zlib'
import { decompress } from 'fzstd'

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const LZ4_MAGIC = 0x184d2204

/** Output that grows; what is copied may overlap with where it goes (a run). */
class Output {
  bytes = Buffer.alloc(4096)
  length = 0

  room(count) {
    if (this.length + count <= this.bytes.length) return
    const larger = Buffer.alloc(Math.max(this.length + count, 2 * this.bytes.length))
    this.bytes.copy(larger)
    this.bytes = larger
  }

  literal(source, from, count) {
    if (from + count > source.length) throw new Error('a literal runs past the block')
    this.room(count)
    source.copy(this.bytes, this.length, from, from + count)
    this.length += count
  }

  repeat(distance, count, since) {
    if (distance === 0 || this.length - distance < since) throw new Error(`a copy reaches ${distance} bytes back, before the block`)
    this.room(count)
    for (let i = 0; i < count; i++) this.bytes[this.length + i] = this.bytes[this.length + i - distance]
    this.length += count
  }

  get taken() { return this.bytes.subarray(0, this.length) }
}

function snappyBlock(block, out) {
  let at = 0
  let size = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = block.readUInt8(at++)
    size += (byte & 0x7f) * scale
    if (byte < 0x80) break
  }
  const since = out.length
  while (at < block.length) {
    const tag = block.readUInt8(at++)
    const kind = tag & 3
    if (kind === 0) {
      const extra = Math.max(0, (tag >>> 2) - 59)
      const count = (extra === 0 ? tag >>> 2 : block.readUIntLE(at, extra)) + 1
      out.literal(block, at + extra, count)
      at += extra + count
    } else if (kind === 1) out.repeat((tag >>> 5) * 256 + block.readUInt8(at++), ((tag >>> 2) & 7) + 4, since)
    else {
      const width = kind === 2 ? 2 : 4
      out.repeat(block.readUIntLE(at, width), (tag >>> 2) + 1, since)
      at += width
    }
  }
  if (out.length - since !== size) throw new Error(`a block of ${out.length - since} bytes says that it has ${size}`)
}

function snappy(bytes) {
  const out = new Output()
  if (!bytes.subarray(0, 8).equals(XERIAL)) snappyBlock(bytes, out)
  else {
    for (let at = 16; at < bytes.length;) {
      const end = at + 4 + bytes.readInt32BE(at)
      if (end > bytes.length) throw new Error('a block runs past the stream')
      snappyBlock(bytes.subarray(at + 4, end), out)
      at = end
    }
  }
  return out.taken
}

function lz4Block(block, out) {
  const since = out.length
  const more = (at, nibble) => {
    let count = nibble
    if (nibble < 15) return { at, count }
    for (;;) {
      const byte = block.readUInt8(at++)
      count += byte
      if (byte < 255) return { at, count }
    }
  }
  for (let at = 0; at < block.length;) {
    const token = block.readUInt8(at++)
    const literal = more(at, token >>> 4)
    out.literal(block, literal.at, literal.count)
    at = literal.at + literal.count
    if (at === block.length) return
    const distance = block.readUInt16LE(at)
    const match = more(at + 2, token & 15)
    out.repeat(distance, match.count + 4, since)
    at = match.at
  }
  throw new Error('a block ends without literals')
}

function lz4(bytes) {
  if (bytes.readUInt32LE(0) !== LZ4_MAGIC) throw new Error('no frame')
  const flags = bytes.readUInt8(4)
  if ((flags & 0xe3) !== 0x60) throw new Error(`frame flags ${flags}: Kafka reads version 1 with independent blocks and no dictionary`)
  const out = new Output()
  const hasBlockChecksums = (flags & 0x10) !== 0
  let at = (flags & 0x08) === 0 ? 7 : 15
  for (;;) {
    const head = bytes.readUInt32LE(at)
    at += 4
    if (head === 0) break
    const end = at + (head & 0x7fffffff)
    if (end > bytes.length) throw new Error('a block runs past the frame')
    if (head >= 0x80000000) out.literal(bytes, at, end - at)
    else lz4Block(bytes.subarray(at, end), out)
    at = end + (hasBlockChecksums ? 4 : 0)
  }
  at += (flags & 0x04) === 0 ? 0 : 4
  if (at !== bytes.length) throw new Error(`the frame ends at ${at} of ${bytes.length} bytes`)
  return out.taken
}

/** fzstd gives what it could read of a frame that is cut off: the size in the header tells. */
function zstd(bytes) {
  const out = Buffer.from(decompress(bytes))
  const descriptor = bytes.readUInt8(4)
  const isSingle = (descriptor & 0x20) !== 0
  const width = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6]
  if (width === 0) return out
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]
  const size = bytes.readUIntLE(at, Math.min(width, 6)) + (width === 2 ? 256 : 0)
  if (out.length !== size) throw new Error(`a frame of ${out.length} bytes says that it has ${size}`)
  return out
}

/** By the number in a batch's attributes. */
export const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** As above: what `payload` holds. */
export const decoders = [(payload) => payload, (payload) => gunzipSync(payload), snappy, lz4, zstd]
