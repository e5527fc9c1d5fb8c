/**
 * Cuts a stream of bytes into Kafka's frames (spec/wire-protocol 2.1), sans I/O:
 *
 *   i32 length (big-endian), then that many bytes
 *
 * Invariant: memory held for an unfinished frame is at most four times the bytes of it that have come (and 256 bytes), or what `FrameMemory` makes of that: a
 * length alone allocates nothing.
 *
 * Without a memory of its own a splitter takes chunks for fresh memory that nobody reuses: a frame that lies wholly in one is a view of it. With one, chunks are
 * the caller's again after `detach`, and every frame lies in that memory.
 */
import { OttlaError } from '../common/errors.ts'

const LENGTH_SIZE = 4
const LEAST_CAPACITY = 256
const GROWTH = 4
const nothing = Buffer.alloc(0)

/** Where frames are put together. */
export interface FrameMemory {
  take(bytes: number): Buffer
  /** Of what was taken, what became no frame. */
  give(memory: Buffer): void
}
const freshMemory: FrameMemory = { take: (bytes) => Buffer.allocUnsafeSlow(bytes), give: () => {} }

export class FrameSplitter {
  /** Largest frame; may change between frames. */
  maxFrameBytes: number
  readonly #memory: FrameMemory
  readonly #mayView: boolean
  #chunk: Buffer = nothing
  #position = 0
  /** Length of the frame under way; −1 while its length is not whole. */
  #size = -1
  /** What came of a frame (or, while #size is −1, of a length) in earlier chunks. */
  #part: Buffer = nothing
  #partLength = 0

  constructor(maxFrameBytes: number, memory: FrameMemory | null = null) {
    this.maxFrameBytes = maxFrameBytes
    this.#memory = memory ?? freshMemory
    this.#mayView = memory === null
  }

  /** Bytes of a frame that is not whole. */
  get unfinishedBytes(): number {
    return this.#chunk.length - this.#position + this.#partLength + (this.#size < 0 ? 0 : LENGTH_SIZE)
  }

  /** What has come and is not part of a frame that `next` gave, without what earlier chunks left. */
  peek(): Uint8Array { return this.#partLength === 0 ? this.#chunk.subarray(this.#position) : this.#part.subarray(0, this.#partLength) }

  /** Takes the next bytes of the stream. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const left = this.#chunk.length - this.#position
    this.#chunk = left === 0 ? bytes : Buffer.concat([this.#chunk.subarray(this.#position), bytes])
    this.#position = 0
  }

  /** The chunk is the caller's again: what `next` has not taken of it is kept. */
  detach(): void {
    if (this.#chunk.length === 0) return
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#position))
    this.#position = 0
  }

  /** The next whole frame without its length, null when more bytes are needed. Raises INVALID_REQUEST for a length that cannot be. */
  next(): Buffer | null {
    if (this.#size < 0 && !this.#readLength()) return null
    const frame = this.#take(this.#size, this.#mayView)
    if (frame !== null) this.#size = -1
    return frame
  }

  #readLength(): boolean {
    const bytes = this.#take(LENGTH_SIZE, true)
    if (bytes === null) return false
    const size = bytes.readInt32BE(0)
    if (size < 0 || size > this.maxFrameBytes) {
      throw new OttlaError('INVALID_REQUEST', `a frame of ${size} bytes is not between 0 and ${this.maxFrameBytes}`)
    }
    this.#size = size
    return true
  }

  /** The next `length` bytes, or null after keeping those that are there. */
  #take(length: number, mayView: boolean): Buffer | null {
    const available = this.#chunk.length - this.#position
    if (mayView && this.#partLength === 0 && available >= length) {
      const bytes = this.#chunk.subarray(this.#position, this.#position + length)
      this.#advance(length)
      return bytes
    }
    const taken = Math.min(length - this.#partLength, available)
    if (taken > 0) this.#keep(taken, length)
    if (this.#partLength < length) return null
    const whole = this.#part.length === length ? this.#part : this.#part.subarray(0, length)
    this.#part = nothing
    this.#partLength = 0
    return whole
  }

  #keep(count: number, length: number): void {
    const needed = this.#partLength + count
    if (needed > this.#part.length) {
      // All of it once that is within the bound: what has come is copied no more often than it must.
      const grown = this.#memory.take(length <= needed * GROWTH ? length : Math.min(length, Math.max(LEAST_CAPACITY, needed, this.#part.length * GROWTH)))
      this.#part.copy(grown, 0, 0, this.#partLength)
      if (this.#part.length > 0) this.#memory.give(this.#part)
      this.#part = grown
    }
    this.#chunk.copy(this.#part, this.#partLength, this.#position, this.#position + count)
    this.#partLength = needed
    this.#advance(count)
  }

  #advance(count: number): void {
    this.#position += count
    if (this.#position < this.#chunk.length) return
    this.#chunk = nothing
    this.#position = 0
  }
}
