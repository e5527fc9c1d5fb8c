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
 * The only file that loads `snappy` (native, optional) and `snappyjs`. snappyjs trusts its input beyond the preamble, so blocks are
 * walked here before it sees them.
 */
import { asBuffer, badFraming, guarded, tooLarge, type Codec } from './codec.ts'
import { loadNative, loadRequired, type LibraryLoader } from './native-library.ts'

const MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00)
const HEADER_SIZE = 16
const CHUNK_BYTES = 32 * 1024
/** A copy element of three bytes yields 64. */
const MAX_RATIO = 22

interface Blocks { readonly backend: string; compress(block: Uint8Array): Uint8Array; uncompress(block: Uint8Array, length: number): Uint8Array }

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

/** Raises CORRUPT_MESSAGE unless the elements of a raw block stay inside it and yield exactly what its preamble says. */
function checkBlock(block: Uint8Array, length: number): void {
  let at = 0
  while (block[at]! >= 0x80) at++
  at++
  let out = 0
  while (at < block.length) {
    const tag = block[at++]!
    const kind = tag & 3
    let size = (tag >>> 2) + 1
    if (kind === 0) {
      const extra = size > 60 ? size - 60 : 0
      if (extra > 0) {
        if (at + extra > block.length) break
        size = 1
        for (let i = 0; i < extra; i++) size += block[at + i]! * 2 ** (8 * i)
        at += extra
      }
      at += size
      if (at > block.length) break
    } else {
      const distanceBytes = kind === 1 ? 1 : kind === 2 ? 2 : 4
      if (at + distanceBytes > block.length) break
      let distance = kind === 1 ? (tag >>> 5) * 256 : 0
      for (let i = 0; i < distanceBytes; i++) distance += block[at + i]! * 2 ** (8 * i)
      at += distanceBytes
      if (kind === 1) size = ((tag >>> 2) & 7) + 4
      if (distance === 0 || distance > out) break
    }
    out += size
    if (out > length) break
  }
  if (at !== block.length || out !== length) throw badFraming('snappy', 'a block is damaged')
}

function loadBlocks(load: LibraryLoader): Blocks {
  const native = loadNative('snappy', 'snappy', 'snappyjs', load) as {
    compressSync(input: Uint8Array): Uint8Array; uncompressSync(input: Uint8Array, options: { asBuffer: true }): Uint8Array
  } | null
  if (native !== null) {
    return {
      backend: 'native',
      compress: (block) => native.compressSync(asBuffer(block)),
      uncompress: (block) => native.uncompressSync(asBuffer(block), { asBuffer: true }),
    }
  }
  const script = loadRequired('snappy', 'snappyjs', load) as { compress(input: Uint8Array): Uint8Array; uncompress(input: Uint8Array, maxLength: number): Uint8Array }
  return {
    backend: 'javascript',
    compress: (block) => script.compress(block),
    uncompress(block, length) {
      checkBlock(block, length)
      return script.uncompress(block, length)
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
    const plain = guarded('snappy', () => blocks.uncompress(bytes.subarray(bounds[i]!, bounds[i + 1]!), length))
    if (plain.length !== length) throw badFraming('snappy', `a block holds ${plain.length} bytes and says ${length}`)
    if (bounds.length === 2) return plain
    out.set(plain, position)
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
