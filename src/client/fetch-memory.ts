/**
 * Memory that fetches are read into, used again where nobody can look at it any more: fresh megabytes cost more than reading them (performance.md A1).
 *
 * A fetch's memory comes back when all of it was handed out in batches that were read by `cursor()` alone, and the last of them is done with: what a
 * cursor gives is valid until the next batch is asked for. Records and what `poll` returns are valid for ever: they pin their fetch's memory, which
 * is then never used again. What is dropped on the way (seek, revocation, errors) is left to the garbage collector.
 */

/** Being read, ready, and being filled. */
const KEPT = 3
/** What all consumers of a database hold together, roughly, while they catch up. */
const TOTAL_BYTES = 96 * 1_048_576
/** Below this a fetch costs more than what it brings. */
const LEAST_SHARE = 131_072

/** Bytes that one fetch of one partition may bring, so that many consumers do not fill the memory of their process. */
export function fetchShare(consumers: number): number { return Math.max(LEAST_SHARE, Math.floor(TOTAL_BYTES / (KEPT * consumers))) }
/** What differs less in size is not worth another allocation. */
const SLACK = 2
/** Less is cheap to have anew. */
const SMALL = 16_384

export class FetchMemory {
  readonly #free: Buffer[] = []
  readonly #lent = new WeakSet<ArrayBufferLike>()

  readonly allocate = (bytes: number): Uint8Array => {
    if (bytes < SMALL) return Buffer.allocUnsafe(bytes)
    const at = this.#free.findIndex((each) => each.length >= bytes && each.length <= bytes * SLACK)
    const memory = at < 0 ? Buffer.allocUnsafeSlow(bytes) : this.#free.splice(at, 1)[0]!
    this.#lent.add(memory.buffer)
    return memory
  }

  /** The lease of an answer to a fetch; null when it lies in memory that is not from here. */
  leaseOf(records: Uint8Array): FetchLease | null {
    if (!this.#lent.delete(records.buffer)) return null
    return new FetchLease(() => {
      this.#free.push(Buffer.from(records.buffer))
      if (this.#free.length > KEPT) this.#free.shift()
    })
  }

  /** A consumer that has caught up holds none. */
  trim(): void { this.#free.length = 0 }
}

/** Who may still look at one fetch's memory: the fetch while it is decoded, and every batch of it. */
export class FetchLease {
  readonly #free: () => void
  #holders = 1
  #isPinned = false

  constructor(free: () => void) { this.#free = free }

  /** Somebody may look at it for ever. */
  get isPinned(): boolean { return this.#isPinned }

  hold(): void { this.#holders++ }
  pin(): void { this.#isPinned = true }

  release(): void {
    if (--this.#holders === 0 && !this.#isPinned) this.#free()
  }
}
