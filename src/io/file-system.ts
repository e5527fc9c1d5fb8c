/**
 * Port to the file system: the only door to the disk. `NodeFileSystem` is the real one, `SimulatedFileSystem` (ottla/testing) keeps an
 * operation log and models what would survive a power cut. Both pass `fileSystemContract`.
 *
 * Durability contract (what a power cut may undo):
 *  - File data and size are durable once a `datasync` of that file that *started after* the write returned has completed.
 *  - A directory entry (create, rename, unlink, mkdir) is durable once a `syncDirectory` of its parent directory has completed. On win32
 *    `syncDirectory` is a no-op.
 *  - A rename is atomic: a crash leaves the old or the new name, never neither, never a mixture.
 *  - Bytes that are durable survive later appends to the same file. Sectors of 512 bytes may otherwise tear.
 *  - A failed `datasync` leaves the durability of everything written since the last good one unknown for ever: the caller must stop
 *    acknowledging and reopen; repeating the call proves nothing.
 *
 * Process crash contract: every call that returned is visible to the next process.
 *
 * Errors are OttlaError: DISK_FULL (ENOSPC, EDQUOT, EFBIG), TOO_MANY_OPEN_FILES (EMFILE, ENFILE), DIRECTORY_UNUSABLE (EACCES, EPERM,
 * EROFS, ENOTDIR, ELOOP, ENAMETOOLONG, and ENOENT where the file must exist), KAFKA_STORAGE_ERROR for everything else; `file` is set and `cause` is
 * the system's error.
 *
 * Paths are absolute or relative to the working directory, with the platform's separator; use `join` of `node:path`.
 */
export type OpenMode =
  | 'read' //      must exist; writes are refused
  | 'write' //     must exist; reads and positioned writes
  | 'create' //    created when missing, content kept; reads and positioned writes
  | 'createNew' // fails (KAFKA_STORAGE_ERROR) when it exists; reads and positioned writes

export interface FileStat { readonly size: number; readonly modifiedMs: number; readonly kind: 'file' | 'directory' | 'other'; readonly device: number; readonly inode: number }
export interface DirectoryEntry { readonly name: string; readonly kind: 'file' | 'directory' | 'other' }
export interface FileSystemInfo {
  /** `network`: NFS, SMB, AFS, Ceph …: refused by `open` unless allowed. `virtual`: FUSE, 9p, virtiofs: warned about. */
  readonly kind: 'local' | 'network' | 'virtual' | 'unknown'
  /** For people: "ext4", "xfs", "tmpfs", "0x6969" … */
  readonly name: string
  /** Bytes free for this user; Infinity when not known. */
  readonly freeBytes: number
  /** Bytes of the whole file system; left out when not known. */
  readonly totalBytes?: number
}

export interface FileHandle {
  readonly path: string
  /** Current length in bytes. */
  size(): number
  /** Reads up to `length` bytes at `position` into `buffer` at `offset`. Returns the count: short only at the end of the file. */
  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** Writes all of it or throws; a short write is an error and leaves an unknown prefix in the file. */
  writeSync(buffer: Uint8Array, offset: number, length: number, position: number): void
  /** As `writeSync`. The buffer must not change until the promise settles. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<void>
  /** As `write`, of several buffers, one behind another. */
  writev(parts: readonly Uint8Array[], position: number): Promise<void>
  /** Cuts, or extends with zeros. Not durable before the next `datasync`. */
  truncate(size: number): void
  /** Makes data and size durable. Only on handles opened for writing. */
  datasync(): Promise<void>
  datasyncSync(): void
  /** Idempotent. Pending async calls must have settled. */
  close(): void
}

export interface FileSystem {
  open(path: string, mode: OpenMode): FileHandle
  /** Null when there is nothing at `path`. Follows symbolic links. */
  stat(path: string): FileStat | null
  /** Entries sorted by name, without "." and "..". */
  readDirectory(path: string): DirectoryEntry[]
  /** Creates missing parents too; no error when it exists. Does not sync anything. */
  makeDirectory(path: string): void
  /** Replaces `to` when it is a file. On win32 retried for seconds while a scanner holds the file. */
  rename(from: string, to: string): void
  /** No error when it is missing. */
  unlink(path: string): void
  /** As `unlink`, off the event loop: freeing gigabytes takes the kernel long. */
  unlinkAsync(path: string): Promise<void>
  /** Removes the directory with all it holds; no error when it is missing. */
  removeDirectory(path: string): Promise<void>
  /** The whole file. */
  readFile(path: string): Uint8Array
  /** Sets the modification time (retention of segments without timestamps falls back to it). */
  setModifiedTime(path: string, modifiedMs: number): void
  syncDirectory(path: string): Promise<void>
  syncDirectorySync(path: string): void
  info(path: string): FileSystemInfo
  /** The canonical absolute path of an existing file or directory. */
  realPath(path: string): string
}
