/**
 * FileHandle over a file descriptor. Asynchronous calls are one callback of libuv's thread pool each (a FileHandle of node:fs/promises
 * costs more); a second hop only happens when the system transfers less than asked for.
 *
 * A closed handle forgets its descriptor, because the number is soon another file's. For the same reason `close` refuses while a call is
 * under way: the thread pool would write into whatever file got the number.
 */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, ftruncateSync, read, readSync, write, writeSync, writev } from 'node:fs'
import { OttlaError } from '../common/errors.ts'
import type { FileHandle } from './file-system.ts'
import { storageError } from './system-error.ts'

const CLOSED = -1

export class NodeFileHandle implements FileHandle {
  readonly path: string
  readonly #writable: boolean
  #descriptor: number
  #pending = 0

  constructor(path: string, descriptor: number, writable: boolean) {
    this.path = path
    this.#descriptor = descriptor
    this.#writable = writable
  }

  size(): number {
    const descriptor = this.#open()
    try {
      return fstatSync(descriptor).size
    } catch (error) {
      throw storageError(error, 'ask the size of', this.path)
    }
  }

  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const descriptor = this.#open()
    let done = 0
    try {
      while (done < length) {
        const count = readSync(descriptor, buffer, offset + done, length - done, position + done)
        if (count === 0) break
        done += count
      }
    } catch (error) {
      throw this.#readError(error, length, position)
    }
    return done
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const descriptor = this.#open()
      let done = 0
      const step = (): void => {
        read(descriptor, buffer, offset + done, length - done, position + done, (error, count) => {
          if (error === null && count > 0 && (done += count) < length) return step()
          this.#pending--
          if (error === null) resolve(done)
          else reject(this.#readError(error, length, position))
        })
      }
      this.#start(step, (error) => this.#readError(error, length, position))
    })
  }

  writeSync(buffer: Uint8Array, offset: number, length: number, position: number): void {
    const descriptor = this.#openForWriting()
    let count: number
    try {
      count = writeSync(descriptor, buffer, offset, length, position)
    } catch (error) {
      throw this.#writeError(error, length, position)
    }
    if (count !== length) throw this.#shortWrite(count, length, position)
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    return this.#write(length, position, (descriptor, ended) => { write(descriptor, buffer, offset, length, position, ended) })
  }

  writev(parts: readonly Uint8Array[], position: number): Promise<void> {
    let length = 0
    for (const part of parts) length += part.length
    return this.#write(length, position, (descriptor, ended) => { writev(descriptor, parts, position, ended) })
  }

  #write(length: number, position: number, call: (descriptor: number, ended: (error: NodeJS.ErrnoException | null, count: number) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const descriptor = this.#openForWriting()
      this.#start(() => {
        call(descriptor, (error, count) => {
          this.#pending--
          if (error !== null) reject(this.#writeError(error, length, position))
          else if (count !== length) reject(this.#shortWrite(count, length, position))
          else resolve()
        })
      }, (error) => this.#writeError(error, length, position))
    })
  }

  truncate(size: number): void {
    const descriptor = this.#openForWriting()
    try {
      ftruncateSync(descriptor, size)
    } catch (error) {
      throw storageError(error, `set the length to ${size} of`, this.path, size)
    }
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      const descriptor = this.#openForWriting()
      this.#pending++
      fdatasync(descriptor, (error) => {
        this.#pending--
        if (error === null) resolve()
        else reject(storageError(error, 'sync', this.path))
      })
    })
  }

  datasyncSync(): void {
    const descriptor = this.#openForWriting()
    try {
      fdatasyncSync(descriptor)
    } catch (error) {
      throw storageError(error, 'sync', this.path)
    }
  }

  close(): void {
    if (this.#descriptor === CLOSED) return
    if (this.#pending > 0) throw new OttlaError('INTERNAL', `${this.path} is closed while ${this.#pending} calls are under way`, { file: this.path })
    const descriptor = this.#descriptor
    this.#descriptor = CLOSED
    try {
      closeSync(descriptor)
    } catch (error) {
      throw storageError(error, 'close', this.path)
    }
  }

  /** Node checks arguments before it starts a call: such an error must not leave the call counted as under way. */
  #start(call: () => void, describe: (error: unknown) => OttlaError): void {
    this.#pending++
    try {
      call()
    } catch (error) {
      this.#pending--
      throw describe(error)
    }
  }

  #open(): number {
    if (this.#descriptor === CLOSED) throw new OttlaError('CLOSED', `${this.path} is used after it was closed`, { file: this.path })
    return this.#descriptor
  }

  #openForWriting(): number {
    const descriptor = this.#open()
    if (!this.#writable) throw new OttlaError('INTERNAL', `${this.path} is open for reading only`, { file: this.path })
    return descriptor
  }

  #readError(error: unknown, length: number, position: number): OttlaError {
    return storageError(error, `read ${length} bytes at ${position} of`, this.path, position)
  }

  #writeError(error: unknown, length: number, position: number): OttlaError {
    return storageError(error, `write ${length} bytes at ${position} of`, this.path, position)
  }

  /**
   * A disk that fills up in the middle of a buffer gives a short count and no error. Writing on would only learn ENOSPC, and a disk that
   * has room again by then would turn a failure into a success nobody has planned for: the caller cuts the file back and decides.
   */
  #shortWrite(count: number, length: number, position: number): OttlaError {
    const message = `Only ${count} of ${length} bytes at ${position} went into ${this.path}: the disk or a quota is full`
    return new OttlaError('DISK_FULL', message, { file: this.path, position })
  }
}
