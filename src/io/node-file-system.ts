/**
 * FileSystem over `node:fs`. Calls that only touch names and attributes are synchronous: they take microseconds, and a commit point in one
 * turn of the event loop is easier to reason about. Syncs, large transfers and the freeing of big files also come asynchronously.
 *
 * Platform rules: on win32 a directory cannot be synced (skipped) and rename and unlink are repeated while a scanner holds the file; on
 * macOS libuv turns a sync into F_FULLFSYNC, which reaches the platter.
 */
import {
  closeSync, constants, fsync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rm, statfsSync, statSync, unlink,
  unlinkSync, utimesSync, type Dirent, type Stats,
} from 'node:fs'
import { dirname } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { systemScheduler, type Scheduler } from '../common/scheduler.ts'
import type { DirectoryEntry, FileHandle, FileStat, FileSystem, FileSystemInfo, OpenMode } from './file-system.ts'
import { linuxFileSystemType, windowsFileSystemType } from './file-system-types.ts'
import { NodeFileHandle } from './node-file-handle.ts'
import { blockFor, withRetries, withRetriesLater } from './rename-retry.ts'
import { isMissing, storageError, systemErrorCode } from './system-error.ts'

const flags: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
  createNew: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
}

/** Not Node's own `recursive`: it tries for ever where a folder cannot be made although its parent is there (/proc, a link to nowhere). */
function makeDirectories(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return
    if (systemErrorCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    makeDirectories(dirname(path))
    mkdirSync(path)
  }
}

type Unlink = (path: string, done: (error: unknown) => void) => void

export class NodeFileSystem implements FileSystem {
  readonly #platform: string

  readonly #scheduler: Scheduler
  readonly #unlink: Unlink

  /** `system` replaces the name of the running platform, for tests of another platform's rules, and so do the others what it does. */
  constructor(system: string = process.platform, scheduler: Scheduler = systemScheduler, unlinkCall: Unlink = unlink) {
    this.#platform = system
    this.#scheduler = scheduler
    this.#unlink = unlinkCall
  }

  open(path: string, mode: OpenMode): FileHandle {
    try {
      return new NodeFileHandle(path, openSync(path, flags[mode]), mode !== 'read')
    } catch (error) {
      throw storageError(error, `open for ${mode}`, path)
    }
  }

  stat(path: string): FileStat | null {
    try {
      const stats = statSync(path, { throwIfNoEntry: false })
      return stats === undefined ? null : { size: stats.size, modifiedMs: Math.round(stats.mtimeMs), kind: kindOf(stats), device: stats.dev, inode: stats.ino }
    } catch (error) {
      if (isMissing(error)) return null
      throw storageError(error, 'look at', path)
    }
  }

  readDirectory(path: string): DirectoryEntry[] {
    try {
      const entries = readdirSync(path, { withFileTypes: true }).map((entry) => ({ name: entry.name, kind: this.#entryKind(path, entry) }))
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    } catch (error) {
      throw storageError(error, 'list', path)
    }
  }

  makeDirectory(path: string): void {
    try {
      makeDirectories(path)
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw storageError(error, 'make the directory', path)
      throw new OttlaError('DIRECTORY_UNUSABLE', obstacle((error as NodeJS.ErrnoException).path ?? path), { file: path, cause: error })
    }
  }

  rename(from: string, to: string): void {
    try {
      this.#patiently(() => renameSync(from, to))
    } catch (error) {
      throw storageError(error, `rename to ${to} the file`, from)
    }
  }

  unlink(path: string): void {
    try {
      this.#patiently(() => unlinkSync(path))
    } catch (error) {
      if (!isMissing(error)) throw storageError(error, 'delete', path)
    }
  }

  unlinkAsync(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const attempt = (done: (error: unknown) => void): void => this.#unlink(path, done)
      const done = (error: unknown): void => {
        if (error === null || isMissing(error)) resolve()
        else reject(storageError(error, 'delete', path))
      }
      if (this.#platform === 'win32') withRetriesLater(attempt, this.#scheduler, done)
      else attempt(done)
    })
  }

  removeDirectory(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      rm(path, { recursive: true, force: true, maxRetries: this.#platform === 'win32' ? 10 : 0 }, (error) => {
        if (error === null || isMissing(error)) resolve()
        else reject(storageError(error, 'remove the directory', path))
      })
    })
  }

  readFile(path: string): Uint8Array {
    try {
      return readFileSync(path)
    } catch (error) {
      throw storageError(error, 'read', path)
    }
  }

  setModifiedTime(path: string, modifiedMs: number): void {
    try {
      utimesSync(path, modifiedMs / 1000, modifiedMs / 1000)
    } catch (error) {
      throw storageError(error, 'set the modification time of', path)
    }
  }

  syncDirectory(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#platform === 'win32') return resolve()
      const descriptor = openDirectory(path)
      fsync(descriptor, (error) => {
        closeSync(descriptor)
        if (error === null || cannotSync(error)) resolve()
        else reject(storageError(error, 'sync the directory', path))
      })
    })
  }

  syncDirectorySync(path: string): void {
    if (this.#platform === 'win32') return
    const descriptor = openDirectory(path)
    try {
      fsyncSync(descriptor)
    } catch (error) {
      if (!cannotSync(error)) throw storageError(error, 'sync the directory', path)
    } finally {
      closeSync(descriptor)
    }
  }

  info(path: string): FileSystemInfo {
    try {
      const { type, blocks, bavail, bsize } = statfsSync(path)
      return { ...this.#typeOf(type, path), freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    } catch (error) {
      throw storageError(error, 'ask the file system of', path)
    }
  }

  realPath(path: string): string {
    try {
      return realpathSync.native(path)
    } catch (error) {
      throw storageError(error, 'resolve', path)
    }
  }

  #patiently(attempt: () => void): void {
    if (this.#platform === 'win32') withRetries(attempt, blockFor)
    else attempt()
  }

  #typeOf(type: number, path: string): { name: string; kind: FileSystemInfo['kind'] } {
    if (this.#platform === 'linux') return linuxFileSystemType(type)
    if (this.#platform === 'win32') return windowsFileSystemType(path)
    return { name: `${this.#platform} 0x${(type >>> 0).toString(16)}`, kind: 'unknown' }
  }

  /** Follows symbolic links, as `stat` does; a link to nowhere is `other`. */
  #entryKind(directory: string, entry: Dirent): DirectoryEntry['kind'] {
    if (!entry.isSymbolicLink()) return kindOf(entry)
    return this.stat(`${directory}/${entry.name}`)?.kind ?? 'other'
  }
}

export const nodeFileSystem: FileSystem = new NodeFileSystem()

/** What stands in the place of a directory. */
function obstacle(path: string): string {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  return isLink ? `${path} is a symbolic link to ${readlinkSync(path)}, which is not there` : `${path} exists and is not a directory`
}

function kindOf(entry: Dirent | Stats): FileStat['kind'] {
  if (entry.isFile()) return 'file'
  return entry.isDirectory() ? 'directory' : 'other'
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY)
  } catch (error) {
    throw storageError(error, 'open the directory', path)
  }
}

/** Some FUSE and network file systems have no sync of directories at all; `open` has warned about them, and no retry would help. */
function cannotSync(error: unknown): boolean {
  const code = systemErrorCode(error)
  return code === 'EINVAL' || code === 'ENOTSUP' || code === 'ENOSYS'
}
