/**
 * The file side of an index that is kept in memory: which leading entries the file already has, so that a write appends only what is new and leaves
 * the file exactly as long as its entries. Shared by the three indexes of a segment; knows nothing of what an entry means.
 */
import type { FileSystem } from '../io/file-system.ts'

export class IndexFile {
  readonly #entrySize: number
  /** Leading entries that the file has just as memory has them. */
  #written = 0
  /** Length of the file; −1: not known, or there is no file. */
  #length = -1
  /** There is certainly no file. */
  #absent = false

  constructor(entrySize: number) { this.#entrySize = entrySize }

  get absent(): boolean { return this.#absent }
  /** True: `write` would change the file. */
  isDirty(count: number): boolean { return this.#length !== count * this.#entrySize || this.#written !== count }

  /** The bytes of the file; null when there is none. */
  read(fs: FileSystem, path: string): Uint8Array | null {
    if (fs.stat(path) === null) {
      this.#absent = true
      return null
    }
    const bytes = fs.readFile(path)
    this.#length = bytes.length
    return bytes
  }

  /** `count` entries of what was read are in memory now. */
  taken(count: number): void {
    this.#written = count
  }

  /** Memory was cut to `count` entries. */
  truncated(count: number): void {
    this.#written = Math.min(this.#written, count)
  }

  /** Makes the file hold `count` entries; `encode` fills the bytes of entries `from`… Nothing happens when it does already. Not synced. */
  write(fs: FileSystem, path: string, count: number, encode: (from: number, bytes: Uint8Array) => void): void {
    if (!this.isDirty(count)) return
    const from = this.#written
    const bytes = new Uint8Array((count - from) * this.#entrySize)
    encode(from, bytes)
    const file = fs.open(path, 'create')
    this.#absent = false
    try {
      this.#length = -1
      if (bytes.length > 0) file.writeSync(bytes, 0, bytes.length, from * this.#entrySize)
      if (file.size() !== count * this.#entrySize) file.truncate(count * this.#entrySize)
    } finally {
      file.close()
    }
    this.#written = count
    this.#length = count * this.#entrySize
  }

  /** Takes the file away. */
  remove(fs: FileSystem, path: string): void {
    fs.unlink(path)
    this.#absent = true
    this.#written = 0
    this.#length = -1
  }
}
