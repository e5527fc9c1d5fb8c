/**
 * A window over a `.log` file for tools: reads ahead in large pieces, shows any span of bytes as one buffer. Not for the broker's read
 * path. Bounds: the window is `WINDOW_BYTES`, or one batch where that is larger; the file's length is that at opening.
 */
import type { FileHandle, FileSystem } from '../io/file-system.ts'

const WINDOW_BYTES = 1024 * 1024

export class LogWindow {
  readonly size: number
  #handle: FileHandle
  #buffer: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(this.#buffer.buffer)
  /** File position of the first byte of the buffer, and how many bytes of it are loaded. */
  #start = 0
  #length = 0

  constructor(fs: FileSystem, path: string) {
    this.#handle = fs.open(path, 'read')
    this.size = this.#handle.size()
  }

  get buffer(): Uint8Array { return this.#buffer }
  get view(): DataView { return this.#view }

  /** Index in `buffer` of file position `position`, with `length` bytes behind it; −1 when the file ends before that. Invalidates earlier spans. */
  locate(position: number, length: number): number {
    if (position >= this.#start && position + length <= this.#start + this.#length) return position - this.#start
    if (position < 0 || position + length > this.size) return -1
    const capacity = Math.max(WINDOW_BYTES, length)
    if (this.#buffer.length < capacity) {
      this.#buffer = new Uint8Array(capacity)
      this.#view = new DataView(this.#buffer.buffer)
    }
    this.#start = position
    this.#length = this.#handle.readSync(this.#buffer, 0, Math.min(this.#buffer.length, this.size - position), position)
    return this.#length < length ? -1 : 0
  }

  /** What is loaded stays readable, but the next `locate` reads the file again: for a caller that has written into the buffer. */
  forget(): void { this.#length = 0 }

  close(): void { this.#handle.close() }
}
