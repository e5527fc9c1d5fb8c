/**
 * Memory that requests come into and answers are read into, used again: a fresh buffer costs page faults, and every 64 MiB of them a collection of the
 * whole heap, which was half of the broker's CPU time. One pool per listener.
 *
 * Invariant: what is lent is lent once, until it is given back by a view of it; what comes back from elsewhere, or twice, is not taken. What was not wanted
 * between two calls of `trim` is let go, so an idle listener holds none. Memory that never comes back is the garbage collector's.
 */

/** Less is cheap to have anew, and would lie about in pieces. */
export const LEAST_POOLED = 16_384
/** More is too rare to be kept. */
const MOST_POOLED = 4 * 1_048_576
/** Sizes between two powers of two: at most an eighth of a piece is not used. */
const STEPS = 8

interface Shelf { readonly free: ArrayBuffer[]; /** The fewest that lay here since the last `trim`. */ fewest: number }

export class MemoryPool {
  readonly #limit: number
  #idle = 0
  readonly #shelves = new Map<number, Shelf>()
  readonly #lent = new WeakSet<ArrayBufferLike>()

  /** Holds at most so many bytes that nobody uses. */
  constructor(limitBytes: number) { this.#limit = limitBytes }

  get idleBytes(): number { return this.#idle }

  /** So many bytes, with whatever is in them. */
  take(bytes: number): Buffer {
    if (bytes < LEAST_POOLED || bytes > MOST_POOLED) return Buffer.allocUnsafeSlow(bytes)
    const size = roundUp(bytes)
    const shelf = this.#shelves.get(size)
    const kept = shelf?.free.pop()
    if (kept !== undefined) {
      this.#idle -= size
      if (shelf!.free.length < shelf!.fewest) shelf!.fewest = shelf!.free.length
    }
    const memory = kept ?? Buffer.allocUnsafeSlow(size).buffer
    this.#lent.add(memory)
    return Buffer.from(memory, 0, bytes)
  }

  /** Nobody looks at it any more. */
  give({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer)) return
    const size = buffer.byteLength
    if (this.#idle + size > this.#limit) return
    this.#idle += size
    const shelf = this.#shelves.get(size)
    if (shelf === undefined) this.#shelves.set(size, { free: [buffer as ArrayBuffer], fewest: 0 })
    else shelf.free.push(buffer as ArrayBuffer)
  }

  /** Lets go of what was not wanted since the last call. */
  trim(): void {
    for (const [size, shelf] of this.#shelves) {
      shelf.free.length -= shelf.fewest
      this.#idle -= shelf.fewest * size
      shelf.fewest = shelf.free.length
      if (shelf.free.length === 0) this.#shelves.delete(size)
    }
  }
}

function roundUp(bytes: number): number {
  const step = 2 ** Math.floor(Math.log2(bytes - 1)) / STEPS
  return Math.ceil(bytes / step) * step
}
