/**
 * A file system that changes no byte of another: renames and unlinks are remembered here and seen by later calls, everything else that would change
 * something is refused with READ_ONLY. So a directory in the middle of somebody's segment swap can be read as it will be once the swap is finished.
 *
 * A log that is opened is the one that was looked at before, or missing: another may have its name by now, which knows more than those around it.
 *
 * Files only; folders keep their names. Used by LogManager when it opens a directory read only.
 */
import { dirname, join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { DirectoryEntry, FileHandle, FileStat, FileSystem, FileSystemInfo, OpenMode } from '../io/file-system.ts'

function refuse(path: string): never {
  throw new OttlaError('READ_ONLY', `${path} would have to be changed, but the directory is open for reading only`, { file: path })
}

function gone(path: string): never {
  throw new OttlaError('DIRECTORY_UNUSABLE', `${path} does not exist`, { file: path, cause: Object.assign(new Error('taken away'), { code: 'ENOENT' }) })
}

export class ReadOnlyView implements FileSystem {
  readonly #fs: FileSystem
  /** Seen path → real path; null: seen as missing. Paths not in it are themselves. */
  readonly #moved = new Map<string, string | null>()
  /** By folder: what its logs were when they were first looked at. */
  readonly #logs = new Map<string, Map<string, FileStat>>()

  constructor(fs: FileSystem) { this.#fs = fs }

  #real(path: string): string | null {
    const real = this.#moved.get(path)
    return real === undefined ? path : real
  }

  /** Files of the folder are again as they are: somebody else may have ended what is remembered here, or begun something new. */
  forget(directory: string): void {
    for (const path of this.#moved.keys()) if (dirname(path) === directory) this.#moved.delete(path)
    this.#logs.delete(directory)
  }

  /** Taken away here, whatever there is. */
  isGone(path: string): boolean { return this.#moved.get(path) === null }

  #existing(path: string): string {
    const real = this.#real(path)
    return real ?? gone(path)
  }

  open(path: string, mode: OpenMode): FileHandle {
    if (mode !== 'read') return refuse(path)
    const real = this.#existing(path)
    const handle = this.#fs.open(real, 'read')
    const known = this.#logs.get(dirname(path))?.get(path)
    if (known === undefined) return handle
    // Asked for when it is open: whatever has the name then, has had it at least as long.
    const now = this.#fs.stat(real)
    if (now?.inode === known.inode && now.size >= known.size) return handle
    handle.close()
    return gone(path)
  }

  stat(path: string): FileStat | null {
    const real = this.#real(path)
    const stat = real === null ? null : this.#fs.stat(real)
    if (stat !== null && path.endsWith('.log')) this.#remember(path, stat)
    return stat
  }

  #remember(path: string, stat: FileStat): void {
    const directory = dirname(path)
    const logs = this.#logs.get(directory) ?? new Map<string, FileStat>()
    this.#logs.set(directory, logs)
    if (!logs.has(path)) logs.set(path, stat)
  }

  readDirectory(path: string): DirectoryEntry[] {
    const entries = new Map(this.#fs.readDirectory(path).map((entry) => [entry.name, entry]))
    for (const [seen, real] of this.#moved) {
      if (dirname(seen) !== dirname(join(path, 'x'))) continue
      const name = seen.slice(dirname(seen).length + 1)
      if (real === null) entries.delete(name)
      else entries.set(name, { name, kind: 'file' })
    }
    return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }

  makeDirectory(path: string): void {
    if (this.stat(path)?.kind !== 'directory') refuse(path)
  }

  rename(from: string, to: string): void {
    this.#moved.set(to, this.#existing(from))
    this.#moved.set(from, null)
  }

  unlink(path: string): void { this.#moved.set(path, null) }
  async unlinkAsync(path: string): Promise<void> { this.#moved.set(path, null) }
  async removeDirectory(path: string): Promise<void> { refuse(path) }
  readFile(path: string): Uint8Array { return this.#fs.readFile(this.#existing(path)) }
  setModifiedTime(path: string): void { refuse(path) }
  async syncDirectory(): Promise<void> { /* nothing was changed */ }
  syncDirectorySync(): void { /* nothing was changed */ }
  info(path: string): FileSystemInfo { return this.#fs.info(path) }
  realPath(path: string): string { return this.#fs.realPath(path) }
}
