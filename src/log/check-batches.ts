/**
 * Reads one `.log` batch by batch for the full check, with nothing of the log engine between it and the bytes: no index, no recovery point. Large
 * reads, one batch in memory at least.
 */
import type { FileHandle } from '../io/file-system.ts'
import { OttlaError } from '../common/errors.ts'
import { peekBatchSize, readBatchHeader, viewOf, type BatchHeader } from '../record/batch-format.ts'

const CHUNK = 1_048_576

export interface CheckedBatch {
  readonly header: BatchHeader
  /** In the file. */
  readonly position: number
  /** Holds the whole batch at `at`. */
  readonly buffer: Uint8Array
  readonly view: DataView
  readonly at: number
}

/** Why a walk ended before the end of the file. */
export interface WalkProblem { readonly position: number; readonly torn: boolean; readonly detail: string }

export class CheckedBatches {
  readonly #handle: FileHandle
  readonly #end: number
  #buffer: Uint8Array
  #view: DataView
  #origin = 0
  #length = 0
  position = 0
  problem: WalkProblem | null = null

  constructor(handle: FileHandle) {
    this.#handle = handle
    this.#end = handle.size()
    this.#buffer = new Uint8Array(Math.min(CHUNK, this.#end))
    this.#view = viewOf(this.#buffer)
  }

  /** The next batch; null at the end, or when `problem` is set. */
  async next(): Promise<CheckedBatch | null> {
    if (this.position >= this.#end || this.problem !== null) return null
    try {
      const size = await this.#sizeHere()
      if (size < 0) return this.#stop(true, 'the file ends inside a batch')
      if (!(await this.#have(size))) return this.#stop(true, `a batch of ${size} bytes does not end within the file`)
      const at = this.position - this.#origin
      const header = readBatchHeader(this.#buffer, this.#view, at, at + size)
      const batch = { header, position: this.position, buffer: this.#buffer, view: this.#view, at }
      this.position += size
      return batch
    } catch (error) {
      if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      return this.#stop(false, error.message)
    }
  }

  #stop(torn: boolean, detail: string): null {
    this.problem = { position: this.position, torn, detail }
    return null
  }

  /** −1: fewer bytes are left than a header needs. */
  async #sizeHere(): Promise<number> {
    await this.#have(Math.min(17, this.#end - this.position))
    const at = this.position - this.#origin
    if (this.#end - this.position < 17) return -1
    const size = peekBatchSize(this.#buffer, this.#view, at, Number.MAX_SAFE_INTEGER)
    return size
  }

  /** Brings `size` bytes from `position` on into the buffer; false when the file has fewer. */
  async #have(size: number): Promise<boolean> {
    if (this.position + size > this.#end) return false
    if (this.position + size <= this.#origin + this.#length) return true
    if (size > this.#buffer.length) {
      this.#buffer = new Uint8Array(size)
      this.#view = viewOf(this.#buffer)
    }
    this.#origin = this.position
    this.#length = await this.#handle.read(this.#buffer, 0, Math.min(this.#buffer.length, this.#end - this.position), this.position)
    return this.#length >= size
  }
}
