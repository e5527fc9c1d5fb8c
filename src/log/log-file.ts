/**
 * One `.log` file: whole batches back to back. Keeps `size`, the end of what is committed; bytes beyond it in the file do not exist for readers.
 * A write never moves `size`: the owner calls `commit` once the write succeeded. So a failed write changes nothing, and what it left behind is cut
 * off before the next one.
 *
 * With `ahead` a write leaves zeros behind it (topic setting preallocate), which later writes go over: their sync need not make a new size and new blocks
 * durable, only data. The zeros end with the file and are gone after `trim` or `cut`; a process that dies leaves them for recovery to cut.
 *
 * The write handle is opened at the first write and held until `close`, or until the FileCache wants it back while everything written is durable (a handle
 * with unsynced writes is never closed and opened anew: it might miss the error of their write-back). Reads borrow a handle from the FileCache, so a file
 * that nobody writes holds none. Used by Segment alone.
 */
import { dirname } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { FileCache } from '../io/file-cache.ts'
import type { FileHandle, FileSystem } from '../io/file-system.ts'
import { zeros } from './zeros.ts'

/** A write handle that is closed once nobody uses it: a sync may still run when the segment is sealed. */
class SharedHandle {
  readonly handle: FileHandle
  #users = 0
  #retired = false

  constructor(handle: FileHandle) { this.handle = handle }

  get isFree(): boolean { return this.#users === 0 }

  acquire(): void { this.#users++ }

  release(): void {
    this.#users--
    if (this.#retired && this.#users === 0) this.handle.close()
  }

  retire(): void {
    this.#retired = true
    if (this.#users === 0) this.handle.close()
  }
}

export interface LogFileOptions {
  /** True: every change is refused with READ_ONLY. */
  readonly readOnly?: boolean
}

export class LogFile {
  readonly #fs: FileSystem
  readonly #cache: FileCache
  readonly #readOnly: boolean
  #path: string
  #size: number
  #writer: SharedHandle | null = null
  /** Where the file ends if that is known, else −1: a write failed, or recovery ended early. Differs from `size` after a write not committed. */
  #fileEnd: number
  /** Nothing but zeros is from `#fileEnd` to here, where the file ends; not above `size`: none are. */
  #zerosEnd = 0
  /** Counts changes of the file; what is durable is known up to `#durable`. A file that was only opened is as durable as its last owner left it. */
  #changes = 0
  #durable = 0
  /** False while the directory entry may not be durable. */
  #listed = true
  #removed = false

  /** `size` is what the owner knows to be there; the file is not touched. */
  constructor(fs: FileSystem, cache: FileCache, path: string, size: number, options: LogFileOptions = {}) {
    this.#fs = fs
    this.#cache = cache
    this.#path = path
    this.#size = size
    this.#fileEnd = size
    this.#readOnly = options.readOnly ?? false
  }

  get path(): string { return this.#path }
  /** The write handle, if there is one, is not in use. */
  get #isAtRest(): boolean { return this.#writer !== null && this.#writer.isFree && this.#durable === this.#changes }
  get size(): number { return this.#size }
  /** The directory entry is durable: a sync of what was just written needs no handle that is not open. */
  get isListed(): boolean { return this.#listed }

  /** Makes the empty file; KAFKA_STORAGE_ERROR when there is one. */
  create(): void {
    this.#refuseReadOnly()
    this.#fs.open(this.#path, 'createNew').close()
    this.#touched()
  }

  /**
   * Writes at `size`; one write at a time. Raises DISK_FULL and the port's others; then nothing has changed and a later write starts clean. Where it uses up the
   * zeros that lie ahead, it puts `ahead` bytes of them behind itself.
   */
  writeSync(buffer: Uint8Array, start: number, length: number, ahead: number = 0): void {
    const writer = this.#beginWrite()
    try {
      writer.handle.writeSync(buffer, start, length, this.#size)
      this.#fileEnd = this.#size + length
      if (ahead > 0 && this.#fileEnd > this.#zerosEnd) this.#putZeros(writer.handle, ahead)
    } catch (error) {
      this.#cutRemains(writer.handle)
      throw error
    } finally {
      writer.release()
    }
  }

  /** As `writeSync`. The buffer must not change until the promise settles. */
  write(buffer: Uint8Array, start: number, length: number): Promise<void> {
    return this.#write(length, (handle, position) => handle.write(buffer, start, length, position))
  }

  /** As `write`, of `length` bytes in several places. */
  writev(parts: readonly Uint8Array[], length: number): Promise<void> {
    return this.#write(length, (handle, position) => handle.writev(parts, position))
  }

  async #write(length: number, call: (handle: FileHandle, position: number) => Promise<void>): Promise<void> {
    const writer = this.#beginWrite()
    const end = this.#size + length
    try {
      await call(writer.handle, this.#size)
      this.#fileEnd = end
    } catch (error) {
      this.#cutRemains(writer.handle)
      throw error
    } finally {
      writer.release()
    }
  }

  /** At once: a batch that was refused may lie whole in the file, and a process that dies now must not leave it there. */
  #cutRemains(handle: FileHandle): void {
    try {
      handle.truncate(this.#size)
      this.#fileEnd = this.#size
      this.#zerosEnd = 0
    } catch {
      // The next write does.
    }
  }

  /** What was to be written is written: that there is no room for more is for the next write to tell. */
  #putZeros(handle: FileHandle, length: number): void {
    this.#zerosEnd = this.#fileEnd + length
    try {
      handle.writeSync(zeros, 0, length, this.#fileEnd)
    } catch {
      this.#fileEnd = -1
    }
  }

  #beginWrite(): SharedHandle {
    const writer = this.#openWriter()
    try {
      if (this.#fileEnd !== this.#size) {
        writer.handle.truncate(this.#size)
        this.#zerosEnd = 0
      }
      this.#fileEnd = -1
      this.#changes++
    } catch (error) {
      writer.release()
      throw error
    }
    return writer
  }

  /** Takes the next `length` bytes, which were written, as part of the file; of a run of batches, one after another. */
  commit(length: number): void { this.#size += length }

  /** By the write handle where there is one: of thousands of files that are written, none is opened a second time. */
  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (this.#writer !== null) return this.#writer.handle.readSync(buffer, offset, length, position)
    const lease = this.#cache.acquire(this.#path, 'read')
    try {
      return lease.handle.readSync(buffer, offset, length, position)
    } finally {
      lease.release()
    }
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const lease = this.#cache.acquire(this.#path, 'read')
    try {
      return await lease.handle.read(buffer, offset, length, position)
    } finally {
      lease.release()
    }
  }

  /** Data, size and (once) the directory entry become durable; nothing happens when they are, or the file was removed. A failure must take the log offline. */
  async datasync(): Promise<void> {
    const changes = this.#changes
    if (this.#durable === changes || this.#removed) return
    const writer = this.#borrowWriter()
    try {
      await writer.handle.datasync()
    } catch (error) {
      throw syncError(error, this.#path)
    } finally {
      writer.release()
    }
    if (!this.#listed) await this.#fs.syncDirectory(dirname(this.#path))
    this.#synced(changes)
  }

  datasyncSync(): void {
    const changes = this.#changes
    if (this.#durable === changes || this.#removed) return
    const writer = this.#borrowWriter()
    try {
      writer.handle.datasyncSync()
    } catch (error) {
      throw syncError(error, this.#path)
    } finally {
      writer.release()
    }
    if (!this.#listed) this.#fs.syncDirectorySync(dirname(this.#path))
    this.#synced(changes)
  }

  #synced(changes: number): void {
    this.#listed = true
    this.#durable = Math.max(this.#durable, changes)
    if (this.#isAtRest) this.#cache.rest(this)
  }

  /** What is committed ends at `size` now: recovery or truncation says so. The bytes beyond it go with `cut` or the next write. */
  resize(size: number): void {
    this.#size = size
    this.#fileEnd = -1
    this.#touched()
  }

  /** Recovery and truncation count too: the file may be one that a process left behind which died before it synced, or its directory. */
  #touched(): void {
    this.#changes++
    this.#listed = false
  }

  /** Cuts off what lies beyond `size` in the file. */
  cut(): void {
    const writer = this.#borrowWriter()
    try {
      writer.handle.truncate(this.#size)
      this.#fileEnd = this.#size
      this.#zerosEnd = 0
      this.#changes++
    } finally {
      writer.release()
    }
  }

  /** Cuts off zeros that were put ahead; to be synced, as every change. */
  trim(): void {
    if (this.#zerosEnd > this.#size) this.cut()
  }

  /** Gives the write handle back, once calls under way have ended; a later write opens it again. */
  close(): void {
    this.#cache.wake(this)
    const writer = this.#writer
    this.#writer = null
    writer?.retire()
  }

  /** Also lets go of handles of the old name. Reads under way are not disturbed. */
  rename(path: string): void {
    this.#refuseReadOnly()
    this.close()
    this.#cache.invalidate(this.#path)
    this.#cache.invalidate(path)
    this.#fs.rename(this.#path, path)
    this.#path = path
  }

  /** Lets go of every handle and unlinks the file. */
  async remove(): Promise<void> {
    this.#refuseReadOnly()
    this.close()
    this.#removed = true
    this.#cache.invalidate(this.#path)
    await this.#fs.unlinkAsync(this.#path)
  }

  /** The write handle if there is one, else one for this call alone: a sealed file holds none. */
  #borrowWriter(): SharedHandle {
    if (this.#writer !== null) return this.#openWriter()
    this.#refuseReadOnly()
    const writer = new SharedHandle(this.#cache.openOwned(this.#path))
    writer.acquire()
    writer.retire()
    return writer
  }

  #openWriter(): SharedHandle {
    this.#refuseReadOnly()
    this.#cache.wake(this)
    this.#writer ??= new SharedHandle(this.#cache.openOwned(this.#path))
    this.#writer.acquire()
    return this.#writer
  }

  #refuseReadOnly(): void {
    if (this.#readOnly) throw new OttlaError('READ_ONLY', `${this.#path} is open for reading only`, { file: this.#path })
  }
}

/** TOO_MANY_OPEN_FILES means that there was no handle to sync with, and that it may be tried again: never what a sync itself has met. */
function syncError(error: unknown, file: string): unknown {
  return OttlaError.is(error, 'TOO_MANY_OPEN_FILES') ? new OttlaError('KAFKA_STORAGE_ERROR', error.message, { file, cause: error }) : error
}
