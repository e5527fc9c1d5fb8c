/**
 * Time index of one segment, `<base>.timeindex` (spec/storage-format 3.1): 12 bytes an entry, big-endian, no header.
 *
 *   0  i64  greatest timestamp so far in the segment                strictly increasing
 *   8  i32  last offset of the first batch that has it − base       not decreasing
 *
 * Meaning: every record with a larger timestamp lies after that offset. As OffsetIndex: entries in memory, written by `writeTo` alone, not believed
 * before Segment has checked them.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64, writeInt64 } from '../common/int64.ts'
import type { FileSystem } from '../io/file-system.ts'
import { IndexFile } from './index-file.ts'
import { MAX_RELATIVE_OFFSET } from './segment-roll.ts'

export const TIME_ENTRY_SIZE = 12

const noTimestamps = new Float64Array(0)
const noOffsets = new Int32Array(0)

export class TimeIndex {
  readonly baseOffset: number
  readonly #file = new IndexFile(TIME_ENTRY_SIZE)
  #timestamps: Float64Array = noTimestamps
  /** Relative to the base offset. */
  #offsets: Int32Array = noOffsets
  #count = 0

  constructor(baseOffset: number) { this.baseOffset = baseOffset }

  /**
   * Reads a file of any provenance; stops, without error, at the first entry that cannot be true: timestamp negative or not rising, offset falling, a
   * zero tail (spec 3.3), trailing partial entry. A missing file is an empty index.
   */
  static load(fs: FileSystem, path: string, baseOffset: number): TimeIndex {
    const index = new TimeIndex(baseOffset)
    const bytes = index.#file.read(fs, path)
    if (bytes === null) return index
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const room = Math.floor(bytes.length / TIME_ENTRY_SIZE)
    const timestamps = new Float64Array(room)
    const offsets = new Int32Array(room)
    let previousTimestamp = -1
    let previousOffset = 0
    let n = 0
    for (; n < room; n++) {
      const timestamp = readInt64(view, n * TIME_ENTRY_SIZE)
      const offset = view.getInt32(n * TIME_ENTRY_SIZE + 8)
      if (!(timestamp > previousTimestamp) || offset < previousOffset || (n === 0 && timestamp === 0 && offset === 0)) break
      timestamps[n] = previousTimestamp = timestamp
      offsets[n] = previousOffset = offset
    }
    index.#timestamps = n === room ? timestamps : timestamps.slice(0, n)
    index.#offsets = n === room ? offsets : offsets.slice(0, n)
    index.#count = n
    index.#file.taken(n)
    return index
  }

  get entryCount(): number { return this.#count }
  /** Memory and file differ: after `load`, because the file was missing or something of it was left out. */
  get isDirty(): boolean { return this.#file.isDirty(this.#count) }
  /** −1 when empty. */
  get lastTimestamp(): number { return this.#count === 0 ? -1 : this.#timestamps[this.#count - 1]! }
  /** The base offset when empty. */
  get lastOffset(): number { return this.#count === 0 ? this.baseOffset : this.offsetAt(this.#count - 1) }

  timestampAt(entry: number): number { return this.#timestamps[entry]! }
  offsetAt(entry: number): number { return this.baseOffset + this.#offsets[entry]! }

  /** Number of the greatest entry with timestamp ≤ `timestamp`; −1: none. */
  floorEntry(timestamp: number): number {
    const timestamps = this.#timestamps
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (timestamps[middle]! <= timestamp) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Appends when `timestamp` is above the last entry's; else does nothing (spec 3.2). INTERNAL when the offset falls or does not fit. */
  maybeAppend(timestamp: number, offset: number): void {
    if (timestamp <= this.lastTimestamp) return
    const relative = offset - this.baseOffset
    if (offset < this.lastOffset || relative < 0 || relative > MAX_RELATIVE_OFFSET) {
      throw new OttlaError('INTERNAL',
        `time index entry (${timestamp}, ${offset}) after (${this.lastTimestamp}, ${this.lastOffset}) in the segment of ${this.baseOffset}`)
    }
    if (this.#count === this.#timestamps.length) this.#grow()
    this.#timestamps[this.#count] = timestamp
    this.#offsets[this.#count] = relative
    this.#count++
  }

  #grow(): void {
    const room = Math.max(8, this.#count * 2)
    const timestamps = new Float64Array(room)
    const offsets = new Int32Array(room)
    timestamps.set(this.#timestamps)
    offsets.set(this.#offsets)
    this.#timestamps = timestamps
    this.#offsets = offsets
  }

  /** Keeps entries with offset < `offset`. */
  truncateTo(offset: number): void {
    const relative = offset - this.baseOffset
    let count = this.#count
    while (count > 0 && this.#offsets[count - 1]! >= relative) count--
    this.#count = count
    this.#file.truncated(count)
  }

  /** Brings the file to exactly these entries. Not synced. */
  writeTo(fs: FileSystem, path: string): void {
    this.#file.write(fs, path, this.#count, (from, bytes) => {
      const view = new DataView(bytes.buffer)
      for (let n = from, at = 0; n < this.#count; n++, at += TIME_ENTRY_SIZE) {
        writeInt64(view, at, this.#timestamps[n]!)
        view.setInt32(at + 8, this.#offsets[n]!)
      }
    })
  }
}
