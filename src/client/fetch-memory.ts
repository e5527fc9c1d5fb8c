/**
 * Memory that fetches are read into, used again where nobody can look at it any more: fresh megabytes cost more than reading them (docs/performance.md, Lessons).
 *
 * A fetch's memory comes back when all of it was handed out in batches that were read by `cursor()` alone, and the last of them is done with: what a
 * cursor gives is valid until the next batch is asked for. Records and what `poll` returns are valid for ever: they pin their fetch's memory, which
 * is then never used again. What is dropped on the way (seek, revocation, errors) is left to the garbage collector.
 */

/** Of one partition: being read, ready, and being filled. */
const KEPT = 3
/** Of several partitions that take turns: so many, or more, as long as all together are no larger than KEPT fetches of one. */
const KEPT_FREE = 8
/** What all consumers of a database hold together, roughly, while they catch up. */
const TOTAL_BYTES = 96 * 1_048_576
/** Below this a fetch costs more than what it brings. */
const LEAST_SHARE = 131_072

/** Bytes that one fetch of one partition may bring, so that many consumers do not fill the memory of their process. */
export function fetchShare(consumers: number): number { return Math.max(LEAST_SHARE, Math.floor(TOTAL_BYTES / (KEPT * consumers))) }
/** What differs less in size is not worth another allocation. */
const SLACK = 2
/** Less is cheap to have anew, unless it is for hundreds of partitions. */
const SMALL = 16_384
/** What small answers of one fetch share: a record that is kept keeps so much. */
const SHARED_BYTES = 65_536
/** Of those, so many are kept. */
const KEPT_SHARED = 64

/** Memory that is given out piece by piece, and used again from its beginning once nobody holds any. */
interface Shared { readonly buffer: Buffer; used: number; holders: number }

export class FetchMemory {
  readonly #free: Buffer[] = []
  #freeBytes = 0
  #mostFree = 0
  readonly #lent = new WeakSet<ArrayBufferLike>()
  readonly #freeShared: Shared[] = []
  readonly #shared = new WeakMap<ArrayBufferLike, Shared>()
  /** Pieces of it are given out; the fetch under way may need what is before. */
  #filling: Shared | null = null
  #full: Shared[] = []
  #sharing = false

  readonly allocate = (bytes: number): Uint8Array => {
    if (bytes < SMALL) return this.#sharing ? this.#piece(bytes) : Buffer.allocUnsafe(bytes)
    const at = this.#free.findIndex((each) => each.length >= bytes && each.length <= bytes * SLACK)
    const memory = at < 0 ? Buffer.allocUnsafeSlow(bytes) : this.#free.splice(at, 1)[0]!
    if (at >= 0) this.#freeBytes -= memory.length
    this.#lent.add(memory.buffer)
    return memory
  }

  #piece(bytes: number): Uint8Array {
    let filling = this.#filling
    if (filling === null || filling.used + bytes > SHARED_BYTES) {
      if (filling !== null) this.#full.push(filling)
      filling = this.#freeShared.pop() ?? this.#newShared()
      filling.used = 0
      filling.holders = 1
      this.#filling = filling
    }
    const start = filling.used
    filling.used += bytes
    return filling.buffer.subarray(start, start + bytes)
  }

  #newShared(): Shared {
    const made = { buffer: Buffer.allocUnsafeSlow(SHARED_BYTES), used: 0, holders: 0 }
    this.#shared.set(made.buffer.buffer, made)
    return made
  }

  /** A fetch of up to `most` bytes of a partition begins; `isOfMany`: its small answers share memory. */
  begin(isOfMany: boolean, most: number): void {
    this.#sharing = isOfMany
    this.#mostFree = most * KEPT
  }

  /** It has ended, and what was answered is leased. Without an answer nobody knows who still writes: then its memory is not used again. */
  end(isAnswered: boolean): void {
    this.#sharing = false
    const full = this.#full
    this.#full = []
    if (isAnswered) for (const each of full) this.#letGo(each)
    else this.#filling = null
  }

  #letGo(shared: Shared): void {
    if (--shared.holders === 0 && this.#freeShared.length < KEPT_SHARED) this.#freeShared.push(shared)
  }

  /** The lease of an answer to a fetch; null when it lies in memory that is not from here. */
  leaseOf(records: Uint8Array): FetchLease | null {
    const shared = this.#shared.get(records.buffer)
    if (shared !== undefined) {
      shared.holders++
      return new FetchLease(() => this.#letGo(shared))
    }
    if (!this.#lent.delete(records.buffer)) return null
    return new FetchLease(() => {
      this.#free.push(Buffer.from(records.buffer))
      this.#freeBytes += records.buffer.byteLength
      while (this.#free.length > KEPT_FREE && this.#freeBytes > this.#mostFree) this.#freeBytes -= this.#free.shift()!.length
    })
  }

  /** A consumer that has caught up holds none. */
  trim(): void {
    this.#free.length = 0
    this.#freeBytes = 0
    this.#freeShared.length = 0
  }
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
