/**
 * Bounded set of open file handles, lent out and kept for the next borrower. Sealed segments and their indexes do not own handles: they
 * borrow one per read, so that thousands of segments fit under the limit on open files.
 *
 * Invariants: at most `limit` handles are open; a handle that is lent is never closed; the least recently used idle handle goes first;
 * after `invalidate(path)` no borrower gets the old handle.
 *
 * Files that are written own a handle for it. Owners that do not need theirs for now lay it down with `rest`; of those, too, only so many stay open.
 */
import { dirname } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { FileHandle, FileSystem } from './file-system.ts'

/** A borrowed handle. */
export interface Lease {
  readonly handle: FileHandle
  /** Gives it back; idempotent. The handle must not be used afterwards, and calls on it must have settled. */
  release(): void
}

export type CacheMode = 'read' | 'write'

/** Who has a handle of its own and can do without: `close` must succeed, whenever it is called while it rests. */
export interface Resting { close(): void }

/** Handles of owners that rest, at most. */
const RESTING = 512

interface Entry { readonly key: string; readonly handle: FileHandle; leases: number; current: boolean }

export class FileCache {
  readonly #fs: FileSystem
  readonly #limit: number
  readonly #entries = new Map<string, Entry>()
  /** Entries without a lease, least recently used first. */
  readonly #idle = new Set<Entry>()
  /** Least recently used first. */
  readonly #resting = new Set<Resting>()
  /** Lent, and forgotten since. */
  readonly #overdue = new Set<Entry>()
  readonly #returned: (() => void)[] = []
  #openCount = 0
  #closed = false

  constructor(fs: FileSystem, limit: number) {
    if (!(limit >= 1)) throw new OttlaError('INTERNAL', `A file cache needs room for one handle, not ${limit}`)
    this.#fs = fs
    this.#limit = limit
  }

  get limit(): number { return this.#limit }
  /** Handles open now, lent or idle. */
  get openCount(): number { return this.#openCount }
  get idleCount(): number { return this.#idle.size }

  /**
   * Lends the handle of an existing file, shared by all borrowers of the same path and mode. TOO_MANY_OPEN_FILES when every handle
   * is lent, or when the process has no more even after half of the idle ones were closed; else as `FileSystem.open`.
   */
  acquire(path: string, mode: CacheMode): Lease {
    if (this.#closed) throw new OttlaError('CLOSED', `The file cache is closed; ${path} is not opened`, { file: path })
    const key = keyOf(path, mode)
    const known = this.#entries.get(key)
    const entry = known ?? this.#add(key, path, mode)
    this.#idle.delete(entry)
    entry.leases++
    return this.#lease(entry)
  }

  /** Opens a handle that is the caller's; the owners that rest give theirs back when there are no more. */
  openOwned(path: string): FileHandle {
    try {
      return this.#fs.open(path, 'write')
    } catch (error) {
      if (!OttlaError.is(error, 'TOO_MANY_OPEN_FILES') || this.#resting.size + this.#idle.size === 0) throw error
    }
    this.#makeWay()
    return this.#fs.open(path, 'write')
  }

  /** The owner does not use its handle: it may be closed from now on, until `wake`. */
  rest(owner: Resting): void {
    this.#resting.add(owner)
    if (this.#resting.size > RESTING) this.#closeResting(1)
  }

  wake(owner: Resting): void { this.#resting.delete(owner) }

  #closeResting(count: number): void {
    for (const owner of this.#resting) {
      if (count-- <= 0) return
      this.#resting.delete(owner)
      owner.close()
    }
  }

  /** The limit of the process is shared with sockets and other databases: half of what is not in use is given back before the one retry. */
  #makeWay(): void {
    this.#closeResting(Math.ceil(this.#resting.size / 2))
    this.#evict(Math.ceil(this.#idle.size / 2))
  }

  /**
   * Forgets a path, before it is renamed or deleted or after its content was replaced by rename. True when no handle of it is open any
   * more; false when borrowers still hold one: it is closed when the last gives it back.
   */
  invalidate(path: string): boolean {
    const readGone = this.#forget(keyOf(path, 'read'))
    return this.#forget(keyOf(path, 'write')) && readGone
  }

  /** As `invalidate`, of all that is in the folder. */
  invalidateIn(directory: string): void {
    for (const key of this.#entries.keys()) if (dirname(key.slice(1)) === directory) this.#forget(key)
  }

  /** Forgets all that is in the folder, and resolves once no handle of it is open any more: Windows renames no folder with an open file. */
  async closedIn(directory: string): Promise<void> {
    for (;;) {
      this.invalidateIn(directory)
      if (![...this.#overdue].some(({ key }) => dirname(key.slice(1)) === directory)) return
      await new Promise<void>((resolve) => { this.#returned.push(resolve) })
    }
  }

  /** Closes what is idle, and the rest as it comes back. Idempotent. */
  close(): void {
    this.#closed = true
    for (const key of this.#entries.keys()) this.#forget(key)
  }

  #add(key: string, path: string, mode: CacheMode): Entry {
    if (this.#openCount >= this.#limit) this.#evict(1)
    if (this.#openCount >= this.#limit) {
      throw new OttlaError('TOO_MANY_OPEN_FILES', `All ${this.#limit} cached file handles are in use; ${path} cannot be opened now`, { file: path })
    }
    const entry: Entry = { key, handle: this.#open(path, mode), leases: 0, current: true }
    this.#openCount++
    this.#entries.set(key, entry)
    return entry
  }

  #open(path: string, mode: CacheMode): FileHandle {
    try {
      return this.#fs.open(path, mode)
    } catch (error) {
      if (!OttlaError.is(error, 'TOO_MANY_OPEN_FILES') || this.#resting.size + this.#idle.size === 0) throw error
    }
    this.#makeWay()
    return this.#fs.open(path, mode)
  }

  #lease(entry: Entry): Lease {
    let held = true
    return {
      handle: entry.handle,
      release: () => {
        if (!held) return
        held = false
        entry.leases--
        if (entry.leases > 0) return
        if (entry.current) this.#idle.add(entry)
        else this.#closeHandle(entry)
      },
    }
  }

  #evict(count: number): void {
    for (const entry of this.#idle) {
      if (count-- <= 0) return
      this.#forget(entry.key)
    }
  }

  #forget(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return true
    this.#entries.delete(key)
    entry.current = false
    if (!this.#idle.delete(entry)) {
      this.#overdue.add(entry)
      return false
    }
    this.#closeHandle(entry)
    return true
  }

  #closeHandle(entry: Entry): void {
    this.#openCount--
    try {
      entry.handle.close()
    } finally {
      if (this.#overdue.delete(entry)) for (const resolve of this.#returned.splice(0)) resolve()
    }
  }
}

function keyOf(path: string, mode: CacheMode): string { return mode === 'read' ? `r${path}` : `w${path}` }
