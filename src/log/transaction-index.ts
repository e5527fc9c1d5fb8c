/**
 * Aborted transactions of one segment, `<base>.txnindex` (spec/storage-format 3.1): 34 bytes an entry, big-endian, ordered by last offset.
 *
 *   0  i16  version 0      2  i64  producerId      10  i64  first offset
 *  18  i64  last offset (the abort marker's)       26  i64  last stable offset when it was written
 *
 * The file exists only where there is an entry. Nothing else in the log can stand in for a lost entry but a scan (segment recovery), so
 * a file that is not whole raises LOG_CORRUPT instead of being read as far as it goes.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64, writeInt64 } from '../common/int64.ts'
import type { FileSystem } from '../io/file-system.ts'
import { IndexFile } from './index-file.ts'

const TRANSACTION_ENTRY_SIZE = 34

export interface TransactionIndexEntry {
  readonly producerId: number
  /** First data offset of the transaction. */
  readonly firstOffset: number
  /** Offset of the abort marker. */
  readonly lastOffset: number
  readonly lastStableOffset: number
}

function corrupt(path: string, position: number, what: string): OttlaError {
  const text = `${path}: ${what} at byte ${position}. Its segment must be recovered: readers of committed records need this file`
  return new OttlaError('LOG_CORRUPT', text, { file: path, position })
}

export class TransactionIndex {
  readonly baseOffset: number
  readonly #file = new IndexFile(TRANSACTION_ENTRY_SIZE)
  readonly #entries: TransactionIndexEntry[] = []

  constructor(baseOffset: number) { this.baseOffset = baseOffset }

  /** Missing file: empty. Raises LOG_CORRUPT (file, position). */
  static load(fs: FileSystem, path: string, baseOffset: number): TransactionIndex {
    const index = new TransactionIndex(baseOffset)
    const bytes = index.#file.read(fs, path)
    if (bytes === null) return index
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let previous = baseOffset - 1
    for (let at = 0; at < bytes.length; at += TRANSACTION_ENTRY_SIZE) {
      if (at + TRANSACTION_ENTRY_SIZE > bytes.length) throw corrupt(path, at, `${bytes.length - at} bytes of a cut entry`)
      // As Kafka does, only the first byte of the version is looked at.
      if (bytes[at] !== 0) throw corrupt(path, at, `unknown version ${view.getInt16(at)}`)
      const entry: TransactionIndexEntry = {
        producerId: readInt64(view, at + 2), firstOffset: readInt64(view, at + 10), lastOffset: readInt64(view, at + 18),
          lastStableOffset: readInt64(view, at + 26),
      }
      const { producerId, firstOffset, lastOffset, lastStableOffset } = entry
      if (!(producerId >= 0 && firstOffset >= 0 && firstOffset <= lastOffset && lastStableOffset >= 0)) throw corrupt(path, at, 'impossible entry')
      if (lastOffset <= previous) throw corrupt(path, at, `last offset ${lastOffset} after ${previous}`)
      previous = lastOffset
      index.#entries.push(entry)
    }
    index.#file.taken(index.#entries.length)
    return index
  }

  get entries(): readonly TransactionIndexEntry[] { return this.#entries }
  /** Memory and file differ. No file is right where there is no entry. */
  get isDirty(): boolean { return this.#entries.length === 0 ? !this.#file.absent : this.#file.isDirty(this.#entries.length) }

  /** INTERNAL unless last offsets rise. */
  append(entry: TransactionIndexEntry): void {
    const previous = this.#entries[this.#entries.length - 1]
    if (entry.lastOffset <= (previous?.lastOffset ?? this.baseOffset - 1)) {
      throw new OttlaError('INTERNAL', `aborted transaction ending at ${entry.lastOffset} after ${previous?.lastOffset} in the segment of ${this.baseOffset}`)
    }
    this.#entries.push(entry)
  }

  /** Adds to `into` what overlaps [from, to) (spec 3.4). True: complete, no later segment can add anything; false: go on in the next one. */
  collect(from: number, to: number, into: TransactionIndexEntry[]): boolean {
    const entries = this.#entries
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (entries[middle]!.lastOffset < from) low = middle + 1
      else high = middle
    }
    for (let n = low; n < entries.length; n++) {
      const entry = entries[n]!
      if (entry.firstOffset < to) into.push(entry)
      if (entry.lastStableOffset >= to) return true
    }
    return false
  }

  /** Cuts at the first entry whose last offset is ≥ `offset`. */
  truncateTo(offset: number): void {
    let count = this.#entries.length
    while (count > 0 && this.#entries[count - 1]!.lastOffset >= offset) count--
    this.#entries.length = count
    this.#file.truncated(count)
  }

  /** Brings the file to exactly these entries, or away when there is none. Not synced. */
  writeTo(fs: FileSystem, path: string): void {
    if (this.#entries.length === 0) return this.#file.remove(fs, path)
    this.#file.write(fs, path, this.#entries.length, (from, bytes) => {
      const view = new DataView(bytes.buffer)
      for (let n = from, at = 0; n < this.#entries.length; n++, at += TRANSACTION_ENTRY_SIZE) {
        const entry = this.#entries[n]!
        writeInt64(view, at + 2, entry.producerId)
        writeInt64(view, at + 10, entry.firstOffset)
        writeInt64(view, at + 18, entry.lastOffset)
        writeInt64(view, at + 26, entry.lastStableOffset)
      }
    })
  }
}
