/**
 * snappy in Kafka's framing, the one of the xerial Java library (spec/storage-format 2.8), integers big-endian:
 *
 *    0  8  magic        82 53 4e 41 50 50 59 00
 *    8  4  version      1
 *   12  4  compatible   1
 *   16  …  chunks       4 bytes length, then a raw snappy block of at most 32 KiB of plain bytes
 *
 * Read also: a bare raw block without any framing (librdkafka), and a repeated header between chunks. Every block starts with its
 * plain length; it is read here, and held against what a block of that size can possibly unfold to, before anything allocates.
 * The only file that loads `snappy` (native, optional) and `snappyjs`, of which only the compressor is used: its decompressor trusts
 * its input, and the one here is faster.
 */
import { asBuffer, badFraming, guarded, tooLarge, type Codec } from './codec.ts'
import { loadNative, loadRequired, type LibraryLoader } from './native-library.ts'

const MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00)
const HEADER_SIZE = 16
const CHUNK_BYTES = 32 * 1024
/** A copy element of three bytes yields 64. */
const MAX_RATIO = 22

/** Raw blocks, either way. */
interface Blocks {
  readonly backend: string
  compress(block: Uint8Array): Uint8Array
  /** Unfolds the block `from`…`end` of `bytes`, whose preamble says `length`, into `out` at `outAt`. Raises CORRUPT_MESSAGE. */
  decode(bytes: Uint8Array, from: number, end: number, out: Uint8Array, outAt: number, length: number): void
}

interface NativeSnappy {
  compressSync(input: Uint8Array, options: { copyOutputData: true }): Uint8Array
  uncompressSync(input: Uint8Array, options: { asBuffer: true; copyOutputData: true }): Uint8Array
}

/** Plain length of a raw block: an unsigned varint in front. Raises CORRUPT_MESSAGE when the block cannot hold that much. */
function plainLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0
  for (let at = start, weight = 1; at < end && at < start + 5; at++, weight *= 128) {
    length += (bytes[at]! & 0x7f) * weight
    if (bytes[at]! < 0x80) {
      if (length > (end - start) * MAX_RATIO) break
      return length
    }
  }
  throw badFraming('snappy', `the block at byte ${start} says an impossible length`)
}

function damaged(): Error { return badFraming('snappy', 'a block is damaged') }

/** Elements of a block: the two low bits of the tag are 0 for literals, else a copy from `distance` back (google/snappy, format_description.txt). */
function decodeBlock(bytes: Uint8Array, from: number, end: number, out: Uint8Array, outAt: number, length: number): void {
  let p = from
  while (bytes[p]! >= 0x80) p++
  p++
  let o = outAt
  const outEnd = outAt + length
  while (p < end) {
    const tag = bytes[p++]!
    const kind = tag & 3
    let size = (tag >>> 2) + 1
    if (kind === 0) {
      if (size > 60) {
        const extra = size - 60
        if (extra > end - p) throw damaged()
        size = bytes[p]! | (extra > 1 ? bytes[p + 1]! << 8 : 0) | (extra > 2 ? bytes[p + 2]! << 16 : 0)
        size = (extra > 3 ? size + bytes[p + 3]! * 0x1000000 : size) + 1
        p += extra
      }
      if (size > end - p || size > outEnd - o) throw damaged()
      if (size > 32) out.set(bytes.subarray(p, p + size), o)
      else for (let i = 0; i < size; i++) out[o + i] = bytes[p + i]!
      p += size
      o += size
      continue
    }
    if ((kind === 1 ? 1 : kind === 2 ? 2 : 4) > end - p) throw damaged()
    let distance = bytes[p++]!
    if (kind === 1) {
      distance |= (tag >>> 5) << 8
      size = ((tag >>> 2) & 7) + 4
    } else {
      distance |= bytes[p++]! << 8
      if (kind === 3) {
        distance += bytes[p]! * 0x10000 + bytes[p + 1]! * 0x1000000
        p += 2
      }
    }
    if (distance === 0 || distance > o - outAt || size > outEnd - o) throw damaged()
    for (let i = 0; i < size; i++) out[o + i] = out[o + i - distance]!
    o += size
  }
  if (o !== outEnd) throw damaged()
}

function loadBlocks(load: LibraryLoader): Blocks {
  const native = loadNative('snappy', 'snappy', 'snappyjs', load) as NativeSnappy | null
  if (native === null) {
    const script = loadRequired('snappy', 'snappyjs', load) as { compress(input: Uint8Array): Uint8Array }
    return { backend: 'javascript', compress: (block) => script.compress(block), decode: decodeBlock }
  }
  // Without copyOutputData each result is a memory mapping of its own, which costs many times the work (and Electron forbids it).
  return {
    backend: 'native',
    compress: (block) => native.compressSync(asBuffer(block), { copyOutputData: true }),
    decode(bytes, from, end, out, outAt, length) {
      const plain = guarded('snappy', () => native.uncompressSync(asBuffer(bytes.subarray(from, end)), { asBuffer: true, copyOutputData: true }))
      if (plain.length !== length) throw damaged()
      out.set(plain, outAt)
    },
  }
}

function isFramed(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < MAGIC.length; i++) if (bytes[at + i] !== MAGIC[i]) return false
  return at + HEADER_SIZE <= bytes.length
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

/** Positions of the raw blocks, as start, end, start, end …; all inside `bytes`. */
function findBlocks(bytes: Uint8Array): number[] {
  const blocks: number[] = []
  let at = HEADER_SIZE
  while (at < bytes.length) {
    if (isFramed(bytes, at)) {
      at += HEADER_SIZE
      continue
    }
    const length = at + 4 <= bytes.length ? readInt32(bytes, at) : -1
    at += 4
    if (length < 0 || length > bytes.length - at) throw badFraming('snappy', `the chunk at byte ${at - 4} is cut short`)
    blocks.push(at, at + length)
    at += length
  }
  return blocks
}

function compressFramed(blocks: Blocks, bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  let size = HEADER_SIZE
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const block = blocks.compress(bytes.subarray(at, Math.min(at + CHUNK_BYTES, bytes.length)))
    parts.push(block)
    size += 4 + block.length
  }
  const out = Buffer.allocUnsafe(size)
  out.set(MAGIC, 0)
  out.writeInt32BE(1, 8)
  out.writeInt32BE(1, 12)
  let position = HEADER_SIZE
  for (const block of parts) {
    out.writeInt32BE(block.length, position)
    out.set(block, position + 4)
    position += 4 + block.length
  }
  return out
}

function decompressFramed(blocks: Blocks, bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  const bounds = isFramed(bytes, 0) ? findBlocks(bytes) : [0, bytes.length]
  let size = 0
  for (let i = 0; i < bounds.length; i += 2) size += plainLength(bytes, bounds[i]!, bounds[i + 1]!)
  if (size > maxOutputBytes) throw tooLarge('snappy', maxOutputBytes)
  const out = Buffer.allocUnsafe(size)
  let position = 0
  for (let i = 0; i < bounds.length; i += 2) {
    const length = plainLength(bytes, bounds[i]!, bounds[i + 1]!)
    blocks.decode(bytes, bounds[i]!, bounds[i + 1]!, out, position, length)
    position += length
  }
  return out
}

export function createSnappyCodec(load: LibraryLoader): Codec {
  const blocks = loadBlocks(load)
  return {
    backend: blocks.backend,
    compress: (bytes) => compressFramed(blocks, bytes),
    decompress: (bytes, maxOutputBytes) => decompressFramed(blocks, bytes, maxOutputBytes),
  }
}
