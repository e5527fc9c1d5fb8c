/**
 * One `.log` file: whole batches back to back. Keeps `size`, the end of what is committed; bytes beyond it in the file do not exist for readers.
 * A write never moves `size`: the owner calls `commit` once the write succeeded, so a failed write changes nothing and is cut off before the
 * next one. The write handle is opened at the first write and held until `seal` or `close`; reads of a file without one borrow a handle from the
 * FileCache.
 */
import { OttlaError } from '../common/errors.ts'
import type { FileCache } from '../io/file-cache.ts'
import type { FileSystem } from '../io/file-system.ts'

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class LogFile {
  /** `size` is what the owner knows to be there; the file is not touched. `create`: the file may be missing and is made at the first write. */
  constructor(_fs: FileSystem, _cache: FileCache, _path: string, _size: number, _options?: { readonly readOnly?: boolean }) { later() }
  get path(): string { return later() }
  get size(): number { return later() }
  /** Writes at `size`; one write at a time. Raises DISK_FULL and the port's others; then nothing has changed and a later write starts clean. */
  writeSync(_buffer: Uint8Array, _start: number, _length: number): void { later() }
  write(_buffer: Uint8Array, _start: number, _length: number): Promise<void> { return later() }
  /** Takes `length` bytes of what was written as part of the file. */
  commit(_length: number): void { later() }
  readSync(_buffer: Uint8Array, _offset: number, _length: number, _position: number): number { return later() }
  read(_buffer: Uint8Array, _offset: number, _length: number, _position: number): Promise<number> { return later() }
  /** Data, size and (once) the directory entry become durable. A failure must take the log offline. */
  datasync(): Promise<void> { return later() }
  datasyncSync(): void { later() }
  /** Cuts the file to `size` bytes; `size` ≤ this.size. */
  truncate(_size: number): void { later() }
  /** Gives the write handle back; a later write opens it again. */
  close(): void { later() }
  /** Renames the file; open readers are not disturbed. */
  rename(_path: string): void { later() }
}
