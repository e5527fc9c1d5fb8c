/**
 * The last offset of every key in a stretch of a log, for compaction (spec/storage-format 8.3; Kafka's OffsetMap). A key is known by 128 bits of its
 * SHA-256, so that the memory of a key is 24 bytes, however long it is. That two keys share them is not provided for, as in Kafka (which goes by MD5).
 *
 * Open addressing; the table doubles as keys come, up to what the memory that was granted holds. A full one says so, and the round ends there: the next
 * goes on behind it.
 */
import { sha256 } from '../common/digest.ts'

const BYTES_PER_SLOT = 24
const WORDS = 4
const FIRST_SLOTS = 1024

export class KeyOffsets {
  readonly #mostSlots: number
  readonly #loadFactor: number
  #slots: number
  /** Four words of the digest a slot. */
  #digests: Uint32Array
  /** −1: the slot is free. */
  #offsets: Float64Array
  #count = 0
  /** Everything up to here is in; −1: nothing. */
  latestOffset = -1

  /** `memoryBytes`: at most; `loadFactor`: the part of it that is used, above 0 and below 1. There is always room for one key. */
  constructor(memoryBytes: number, loadFactor: number) {
    this.#mostSlots = Math.max(2, Math.floor(memoryBytes / BYTES_PER_SLOT))
    this.#loadFactor = loadFactor
    this.#slots = Math.min(FIRST_SLOTS, this.#mostSlots)
    this.#digests = new Uint32Array(this.#slots * WORDS)
    this.#offsets = new Float64Array(this.#slots).fill(-1)
  }

  get count(): number { return this.#count }
  get isFull(): boolean { return this.#count >= this.#mostKeys(this.#mostSlots) }

  /** One slot is always free: a search ends there. */
  #mostKeys(slots: number): number { return Math.max(1, Math.min(slots - 1, Math.floor(slots * this.#loadFactor))) }

  /** `offset` is above all before. Not to be called when full. */
  put(key: Uint8Array, offset: number): void {
    if (this.#count >= this.#mostKeys(this.#slots)) this.#grow()
    const digest = digestOf(key)
    const slot = this.#find(digest, 0)
    if (this.#offsets[slot]! < 0) {
      this.#count++
      this.#digests.set(digest, slot * WORDS)
    }
    this.#offsets[slot] = offset
    this.latestOffset = offset
  }

  /** −1: the key was not seen. */
  get(key: Uint8Array): number { return this.#offsets[this.#find(digestOf(key), 0)]! }

  /** Everything up to `offset` was looked at. */
  passed(offset: number): void { if (offset > this.latestOffset) this.latestOffset = offset }

  /** The slot of the digest at `at`, or the free one that it would take. */
  #find(digest: Uint32Array, at: number): number {
    const digests = this.#digests
    for (let slot = digest[at]! % this.#slots; ; slot = slot + 1 === this.#slots ? 0 : slot + 1) {
      if (this.#offsets[slot]! < 0) return slot
      const there = slot * WORDS
      if (digests[there] === digest[at] && digests[there + 1] === digest[at + 1] && digests[there + 2] === digest[at + 2] && digests[there + 3] === digest[at + 3]) return slot
    }
  }

  #grow(): void {
    const digests = this.#digests
    const offsets = this.#offsets
    this.#slots = Math.min(this.#slots * 2, this.#mostSlots)
    this.#digests = new Uint32Array(this.#slots * WORDS)
    this.#offsets = new Float64Array(this.#slots).fill(-1)
    for (let i = 0; i < offsets.length; i++) {
      if (offsets[i]! < 0) continue
      const slot = this.#find(digests, i * WORDS)
      this.#digests.set(digests.subarray(i * WORDS, (i + 1) * WORDS), slot * WORDS)
      this.#offsets[slot] = offsets[i]!
    }
  }
}

function digestOf(key: Uint8Array): Uint32Array {
  const bytes = sha256(key)
  return Uint32Array.of(bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8), bytes.readUInt32LE(12))
}
