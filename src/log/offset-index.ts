/**
 * Offset index of one segment, `<base>.index` (spec/storage-format 3.1): 8 bytes an entry, big-endian, no header.
 *
 *   0  i32  last offset of a batch − base offset    strictly increasing
 *   4  i32  position of that batch in the .log      strictly increasing, never 0 (the first batch is not indexed)
 *
 * Entries live in memory, two numbers each, and reach the file by `writeTo` alone; the file has exactly their length. Used by Segment and inspect/.
 * Does not know whether its entries are true: Segment checks them against the log.
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'
import { IndexFile } from './index-file.ts'
import { MAX_RELATIVE_OFFSET } from './segment-roll.ts'

export const OFFSET_ENTRY_SIZE = 8

const noEntries = new Int32Array(0)

export class OffsetIndex {
  readonly baseOffset: number
  readonly #file = new IndexFile(OFFSET_ENTRY_SIZE)
  /** Relative offset and position, in turn. */
  #pairs: Int32Array = noEntries
  #count = 0

  constructor(baseOffset: number) { this.baseOffset = baseOffset }

  /**
   * Reads a file of any provenance. Stops, without error, at the first entry that cannot be true: not ascending (a zero tail, spec 3.3, is that
   * too), position 0 or at or past `logSize`, trailing partial entry. A missing file is an empty index.
   */
  static load(fs: FileSystem, path: string, baseOffset: number, logSize: number): OffsetIndex {
    const index = new OffsetIndex(baseOffset)
    const bytes = index.#file.read(fs, path)
    if (bytes === null) return index
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const pairs = new Int32Array(Math.floor(bytes.length / OFFSET_ENTRY_SIZE) * 2)
    let previousOffset = -1
    let previousPosition = 0
    let n = 0
    for (; n < pairs.length; n += 2) {
      const offset = view.getInt32(n * 4)
      const position = view.getInt32(n * 4 + 4)
      if (offset <= previousOffset || position <= previousPosition || position >= logSize) break
      pairs[n] = previousOffset = offset
      pairs[n + 1] = previousPosition = position
    }
    index.#pairs = n === pairs.length ? pairs : pairs.slice(0, n)
    index.#count = n / 2
    index.#file.taken(index.#count)
    return index
  }

  get entryCount(): number { return this.#count }
  /** Memory and file differ: after `load`, because the file was missing or something of it was left out. */
  get isDirty(): boolean { return this.#file.isDirty(this.#count) }
  /** −1 when empty. */
  get lastOffset(): number { return this.#count === 0 ? -1 : this.offsetAt(this.#count - 1) }
  /** 0 when empty. */
  get lastPosition(): number { return this.#count === 0 ? 0 : this.positionAt(this.#count - 1) }

  offsetAt(entry: number): number { return this.baseOffset + this.#pairs[entry * 2]! }
  positionAt(entry: number): number { return this.#pairs[entry * 2 + 1]! }

  /** Number of the greatest entry with offset ≤ `offset`; −1: none, scan from position 0. */
  floorEntry(offset: number): number {
    const relative = offset - this.baseOffset
    const pairs = this.#pairs
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (pairs[middle * 2]! <= relative) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** The greatest position in the entries at or below `position`; 0: none. */
  floorPosition(position: number): number {
    const pairs = this.#pairs
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (pairs[middle * 2 + 1]! <= position) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : pairs[low * 2 - 1]!
  }

  /** INTERNAL unless both grow and the relative offset fits in 31 bits. */
  append(offset: number, position: number): void {
    const relative = offset - this.baseOffset
    if (offset <= this.lastOffset || position <= this.lastPosition || relative < 0 || relative > MAX_RELATIVE_OFFSET || position > MAX_RELATIVE_OFFSET) {
      throw new OttlaError('INTERNAL',
        `offset index entry (${offset}, ${position}) after (${this.lastOffset}, ${this.lastPosition}) in the segment of ${this.baseOffset}`)
    }
    const n = this.#count * 2
    if (n === this.#pairs.length) {
      const grown = new Int32Array(Math.max(16, n * 2))
      grown.set(this.#pairs)
      this.#pairs = grown
    }
    this.#pairs[n] = relative
    this.#pairs[n + 1] = position
    this.#count++
  }

  /** Keeps entries with offset < `offset`. */
  truncateTo(offset: number): void {
    this.#count = this.floorEntry(offset - 1) + 1
    this.#file.truncated(this.#count)
  }

  /** Brings the file to exactly these entries. Not synced. */
  writeTo(fs: FileSystem, path: string): void {
    this.#file.write(fs, path, this.#count, (from, bytes) => {
      const view = new DataView(bytes.buffer)
      for (let n = from * 2, at = 0; n < this.#count * 2; n++, at += 4) view.setInt32(at, this.#pairs[n]!)
    })
  }
}
