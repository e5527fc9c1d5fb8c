/**
 * The last offset of every key in a stretch of a log, for compaction (spec/storage-format 8.3; Kafka's OffsetMap). A key is known by 128 bits of its
 * SHA-256, so that the memory of a key is 24 bytes, however long it is. That two keys share them is not provided for, as in Kafka (which goes by MD5).
 *
 * Open addressing; the table doubles as keys come, up to what the memory that was granted holds. What the smaller one has moves over a few slots with each
 * key that follows, so that no call takes long; until then there are both. A full table says so, and the round ends there: the next goes on behind it.
 */
import { sha256 } from '../common/digest.ts'

const BYTES_PER_SLOT = 24
const WORDS = 4
const FIRST_SLOTS = 1024

class Table {
  readonly slots: number
  /** Four words of the digest a slot. */
  readonly digests: Uint32Array
  /** The offset and one more; 0: the slot is free. Zeros are memory that costs nothing before it is used. */
  readonly #ends: Float64Array

  constructor(slots: number) {
    this.slots = slots
    this.digests = new Uint32Array(slots * WORDS)
    this.#ends = new Float64Array(slots)
  }

  /** The slot of the digest at `at` of `words`, or the free one that it would take. */
  find(words: Uint32Array, at: number): number {
    const { digests, slots } = this
    for (let slot = words[at]! % slots; ; slot = slot + 1 === slots ? 0 : slot + 1) {
      if (this.#ends[slot] === 0) return slot
      const there = slot * WORDS
      if (digests[there] === words[at] && digests[there + 1] === words[at + 1] && digests[there + 2] === words[at + 2] && digests[there + 3] === words[at + 3]) return slot
    }
  }

  /** −1: the slot is free. */
  offset(slot: number): number { return this.#ends[slot]! - 1 }

  set(slot: number, words: Uint32Array, at: number, offset: number): void {
    for (let i = 0; i < WORDS; i++) this.digests[slot * WORDS + i] = words[at + i]!
    this.#ends[slot] = offset + 1
  }
}

export class KeyOffsets {
  readonly #mostSlots: number
  readonly #loadFactor: number
  readonly #digest = new Uint32Array(WORDS)
  #table: Table
  /** The smaller one of before, while some of it has not moved. */
  #old: Table | null = null
  #moved = 0
  /** Slots to move with each key, so that all have before the table is full. */
  #pace = 0
  #count = 0
  /** Everything up to here is in; −1: nothing. */
  latestOffset = -1

  /** `memoryBytes`: at most; `loadFactor`: the part of it that is used, above 0 and below 1. There is always room for one key. */
  constructor(memoryBytes: number, loadFactor: number) {
    this.#mostSlots = Math.max(2, Math.floor(memoryBytes / BYTES_PER_SLOT))
    this.#loadFactor = loadFactor
    this.#table = new Table(Math.min(FIRST_SLOTS, this.#mostSlots))
  }

  get count(): number { return this.#count }
  get isFull(): boolean { return this.#count >= this.#mostKeys(this.#mostSlots) }

  /** One slot is always free: a search ends there. */
  #mostKeys(slots: number): number { return Math.max(1, Math.min(slots - 1, Math.floor(slots * this.#loadFactor))) }

  /** `offset` is above all before. Not to be called when full. */
  put(key: Uint8Array, offset: number): void {
    if (this.#count >= this.#mostKeys(this.#table.slots)) this.#grow()
    if (this.#old !== null) this.#move(this.#old, this.#pace)
    const digest = this.#digestOf(key)
    const slot = this.#table.find(digest, 0)
    if (this.#table.offset(slot) < 0 && this.#offsetInOld(digest) < 0) this.#count++
    this.#table.set(slot, digest, 0, offset)
    this.latestOffset = offset
  }

  /** −1: the key was not seen. */
  get(key: Uint8Array): number {
    const digest = this.#digestOf(key)
    const offset = this.#table.offset(this.#table.find(digest, 0))
    return offset < 0 ? this.#offsetInOld(digest) : offset
  }

  #offsetInOld(digest: Uint32Array): number { return this.#old === null ? -1 : this.#old.offset(this.#old.find(digest, 0)) }

  /** Everything up to `offset` was looked at. */
  passed(offset: number): void { if (offset > this.latestOffset) this.latestOffset = offset }

  #grow(): void {
    const old = this.#table
    if (this.#old !== null) this.#move(this.#old, this.#old.slots)
    // At least twice as many, the last time, too.
    this.#table = new Table(old.slots * 4 > this.#mostSlots ? this.#mostSlots : old.slots * 2)
    this.#old = old
    this.#moved = 0
    this.#pace = Math.ceil(old.slots / Math.max(1, this.#mostKeys(this.#table.slots) - this.#count))
  }

  #move(old: Table, slots: number): void {
    const end = Math.min(old.slots, this.#moved + slots)
    for (; this.#moved < end; this.#moved++) {
      const offset = old.offset(this.#moved)
      if (offset < 0) continue
      const at = this.#moved * WORDS
      const slot = this.#table.find(old.digests, at)
      // A key that came again since is there already, with its later offset.
      if (this.#table.offset(slot) < 0) this.#table.set(slot, old.digests, at, offset)
    }
    if (end === old.slots) this.#old = null
  }

  /** In memory that the next call writes over. */
  #digestOf(key: Uint8Array): Uint32Array {
    const characters = sha256(key)
    const words = this.#digest
    for (let i = 0; i < WORDS; i++) {
      const at = i * 4
      words[i] = characters.charCodeAt(at) | characters.charCodeAt(at + 1) << 8 | characters.charCodeAt(at + 2) << 16 | characters.charCodeAt(at + 3) << 24
    }
    return words
  }
}
