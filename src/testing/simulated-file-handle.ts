/**
 * FileHandle of the simulated file system. An asynchronous call takes effect when it completes, not when it is made: the legal order that
 * asks most of the caller. A buffer that changed in between is reported, since a real disk could have got either content.
 */
import { OttlaError } from '../common/errors.ts'
import type { FileHandle } from '../io/file-system.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { TreeFile } from './simulated-tree.ts'

export class SimulatedFileHandle implements FileHandle {
  readonly path: string
  readonly #disk: SimulatedDisk
  readonly #file: TreeFile
  readonly #writable: boolean
  #pending = 0
  #closed = false

  constructor(disk: SimulatedDisk, file: TreeFile, path: string, writable: boolean) {
    this.#disk = disk
    this.#file = file
    this.path = path
    this.#writable = writable
    file.openHandles++
  }

  size(): number {
    this.#checkOpen()
    return this.#file.content.size
  }

  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number {
    this.#checkOpen()
    checkRange(buffer, offset, length, position)
    return this.#file.content.read(buffer, offset, length, position)
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    this.#checkOpen()
    checkRange(buffer, offset, length, position)
    return await this.#later(() => this.#file.content.read(buffer, offset, length, position))
  }

  writeSync(buffer: Uint8Array, offset: number, length: number, position: number): void {
    this.#checkWritable()
    checkRange(buffer, offset, length, position)
    this.#disk.write(this.#file, this.path, copyOf(buffer, offset, length), position)
  }

  async write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    this.#checkWritable()
    checkRange(buffer, offset, length, position)
    await this.writev([buffer.subarray(offset, offset + length)], position)
  }

  async writev(parts: readonly Uint8Array[], position: number): Promise<void> {
    this.#checkWritable()
    const all = Buffer.concat(parts)
    checkRange(all, 0, all.length, position)
    const data = copyOf(all, 0, all.length)
    await this.#later(() => {
      if (!Buffer.concat(parts).equals(data)) {
        throw new OttlaError('INTERNAL', `The buffer of a write to ${this.path} changed while the write was under way`, { file: this.path, position })
      }
      this.#disk.write(this.#file, this.path, data, position)
    })
  }

  truncate(size: number): void {
    this.#checkWritable()
    this.#disk.truncate(this.#file, this.path, size)
  }

  async datasync(): Promise<void> { await this.#later(this.beginDatasync()) }
  datasyncSync(): void { this.beginDatasync()() }

  /** Starts a sync; what it covers is durable once the function it gives has been called. */
  beginDatasync(): () => void {
    this.#checkWritable()
    const startedAt = this.#disk.sequence
    return () => this.#disk.log({ kind: 'datasync', path: this.path, node: this.#file.node, startedAt })
  }

  /** The kernel's answer to a failed sync: pages are marked clean, nothing of what is pending may ever reach the disk. */
  datasyncFailed(): void {
    this.#checkWritable()
    this.#disk.log({ kind: 'datasyncFailed', path: this.path, node: this.#file.node })
  }

  close(): void {
    if (this.#closed) return
    if (this.#pending > 0) throw new OttlaError('INTERNAL', `${this.path} is closed while ${this.#pending} calls are under way`, { file: this.path })
    this.#closed = true
    this.#file.openHandles--
    this.#disk.freeIfGone(this.#file)
  }

  #later<T>(call: () => T): Promise<T> {
    this.#pending++
    return this.#disk.later(() => {
      this.#pending--
      return call()
    })
  }

  #checkOpen(): void {
    if (this.#closed) throw new OttlaError('CLOSED', `${this.path} is used after it was closed`, { file: this.path })
  }

  #checkWritable(): void {
    this.#checkOpen()
    if (!this.#writable) throw new OttlaError('INTERNAL', `${this.path} is open for reading only`, { file: this.path })
  }
}

function checkRange(buffer: Uint8Array, offset: number, length: number, position: number): void {
  const fits = offset >= 0 && length >= 0 && offset + length <= buffer.length && Number.isSafeInteger(position) && position >= 0
  if (!fits) throw new OttlaError('INTERNAL', `Cannot transfer ${length} bytes at ${offset} of a buffer of ${buffer.length}, position ${position}`)
}

function copyOf(buffer: Uint8Array, offset: number, length: number): Uint8Array {
  const copy = new Uint8Array(length)
  copy.set(buffer.subarray(offset, offset + length))
  return copy
}
