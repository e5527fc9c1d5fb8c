/**
 * The structure of zstd frames (RFC 8878), walked before a decoder sees them, integers little-endian:
 *
 *   4     magic       28 b5 2f fd (or 5? 2a 4d 18 + length: a skippable frame)
 *   1     descriptor  6–7 size of contentSize · 5 single segment · 3 reserved · 2 checksum · 0–1 size of dictionary id
 *   0–1   window      absent in a single segment
 *   0–4   dictionary  must be none
 *   0–8   contentSize
 *   …     blocks      3 bytes: 0 last · 1–2 raw, run-length, compressed · 3… size; then the data (one byte for a run)
 *   0–4   checksum
 *
 * One decoder takes truncated input for whole and the other allocates what a header says: both are kept from that here. Each block
 * yields at most min(window, 128 KiB), so the walk bounds the output; windows are bounded as in Kafka's reader.
 */
import { badFraming } from './codec.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const MAX_WINDOW = 128 * 1024 * 1024
const MAX_BLOCK = 128 * 1024
const RUN = 1
const RESERVED_BLOCK = 3

export interface ZstdFrame {
  readonly start: number
  readonly end: number
  /** −1 when the header does not say. */
  readonly contentSize: number
  /** Output is no more than this. */
  readonly outputBound: number
}

/** Little-endian, `size` ≤ 8 bytes; inexact beyond 2^53, which no limit allows anyway. */
function readNumber(bytes: Uint8Array, at: number, size: number): number {
  let value = 0
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}

function cutShort(): Error { return badFraming('zstd', 'the frame is cut short') }

function readFrame(bytes: Uint8Array, start: number): ZstdFrame {
  const descriptor = bytes[start + 4]
  if (descriptor === undefined) throw cutShort()
  if ((descriptor & 0x08) !== 0) throw badFraming('zstd', 'a reserved bit of the frame header is set')
  const singleSegment = (descriptor & 0x20) !== 0
  const dictionarySize = [0, 1, 2, 4][descriptor & 3]!
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!
  const windowAt = start + 5
  const dictionaryAt = windowAt + (singleSegment ? 0 : 1)
  const contentSizeAt = dictionaryAt + dictionarySize
  let at = contentSizeAt + contentSizeBytes
  if (at > bytes.length) throw cutShort()
  if (readNumber(bytes, dictionaryAt, dictionarySize) !== 0) throw badFraming('zstd', 'a dictionary is asked for, and there is none')
  const contentSize = contentSizeBytes === 0 ? -1 : readNumber(bytes, contentSizeAt, contentSizeBytes) + (contentSizeBytes === 2 ? 256 : 0)
  const windowByte = bytes[windowAt]!
  const window = singleSegment ? contentSize : 2 ** (10 + (windowByte >>> 3)) * (1 + (windowByte & 7) / 8)
  if (window > MAX_WINDOW) throw badFraming('zstd', `a window of ${window} bytes is more than ${MAX_WINDOW}`)

  const maxBlock = Math.min(window, MAX_BLOCK)
  let outputBound = 0
  for (let last = false; !last;) {
    if (at + 3 > bytes.length) throw cutShort()
    const header = readNumber(bytes, at, 3)
    const kind = (header >>> 1) & 3
    const size = header >>> 3
    if (kind === RESERVED_BLOCK || size > maxBlock) throw badFraming('zstd', 'a block header is damaged')
    last = (header & 1) === 1
    outputBound += kind > RUN ? maxBlock : size
    at += 3 + (kind === RUN ? 1 : size)
  }
  if ((descriptor & 0x04) !== 0) at += 4
  if (at > bytes.length) throw cutShort()
  if (contentSize > outputBound) throw badFraming('zstd', `the frame says ${contentSize} bytes and can hold ${outputBound}`)
  return { start, end: at, contentSize, outputBound: contentSize < 0 ? outputBound : contentSize }
}

/** The frames of `bytes`, skippable ones left out. Raises CORRUPT_MESSAGE unless they fill it exactly. */
export function readZstdFrames(bytes: Uint8Array): ZstdFrame[] {
  const frames: ZstdFrame[] = []
  for (let at = 0; at < bytes.length;) {
    if (at + 4 > bytes.length) throw cutShort()
    const magic = readNumber(bytes, at, 4)
    if (magic === MAGIC) {
      const frame = readFrame(bytes, at)
      frames.push(frame)
      at = frame.end
    } else if (magic - (magic % 16) === SKIPPABLE_MAGIC) {
      if (at + 8 > bytes.length) throw cutShort()
      at += 8 + readNumber(bytes, at + 4, 4)
      if (at > bytes.length) throw cutShort()
    } else {
      throw badFraming('zstd', `there is no frame at byte ${at}`)
    }
  }
  if (frames.length === 0) throw badFraming('zstd', 'there is no frame')
  return frames
}
