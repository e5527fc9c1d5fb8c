/**
 * The disk of an owner whose life is on record (owners-life.ts), as a process sees it that reads beside him: between its calls to the disk he goes on by as many
 * changes as he is told to. Files keep their inodes, handles keep what they were opened on, a listing may be half of before and half of after, and a write may be
 * seen half made.
 */
import type { DirectoryEntry, FileHandle, FileSystem } from '../../src/io/file-system.ts'
import type { DiskOperation, NodeId } from '../../src/testing/disk-operation.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { diskWith } from './disk-with.ts'
import type { Entrance, OwnersLife } from './owners-life.ts'

/** Before a call of the reader: its number, from 0 on; how many changes the owner has made; whether the call before it was a listing. */
export interface Moment { readonly call: number; readonly made: number; readonly isListed: boolean }

/** How many changes the owner makes then. */
export type Pace = (moment: Moment) => number

/** What happened while somebody read. */
export interface Sights {
  /** Of the reader, since the owner has a pace. */
  calls: number
  /** Segments that got the place of others. */
  swaps: number
  deletions: number
  tornListings: number
  halfWrites: number
  /** Reads of files that have no name any more. */
  readsOfDeleted: number
}

/** Of a reader beside an owner who does nothing: usually some hundreds. Beside one who does, it may have to look again and again. */
const MOST_CALLS = 20_000
const LISTED_IN_BETWEEN = 20
const SHOWN = 80

export class OwnerReplay {
  /** What the reader has of the disk. It changes nothing. */
  readonly fileSystem: FileSystem
  readonly disk: SimulatedFileSystem
  readonly sights: Sights = { calls: 0, swaps: 0, deletions: 0, tornListings: 0, halfWrites: 0, readsOfDeleted: 0 }
  /** By the reader. */
  readonly openFiles: Set<FileHandle> = new Set()
  /** Null: he stands still. */
  pace: Pace | null = null
  readonly #changes: readonly DiskOperation[]
  #made: number
  /** What is left of a write. */
  #rest: (() => void) | null = null
  readonly #paths = new Map<NodeId, string>()
  /** Null: nothing is torn. */
  readonly #tearing: SeededRandom | null
  readonly #history: string[] = []
  #callsSinceChange = 0
  #isListed = false

  constructor({ changes }: OwnersLife, entrance: Entrance, tearing: SeededRandom | null) {
    this.#changes = changes
    this.#made = entrance.changes
    this.#tearing = tearing
    this.disk = entrance.disk.copy({ recordOperations: false })
    this.#findPaths('')
    const refuse = (path: string): never => { throw new Error(`a reader would change ${path}`) }
    this.fileSystem = diskWith<FileSystem>(this.disk, {
      open: (path, mode) => (mode === 'read' ? this.#open(path) : refuse(path)), readDirectory: (path) => this.#list(path),
      stat: (path) => this.#turn('stat', path, () => this.disk.stat(path)), readFile: (path) => this.#turn('read', path, () => this.disk.readFile(path)),
      rename: refuse, unlink: refuse, unlinkAsync: refuse, makeDirectory: refuse, removeDirectory: refuse, setModifiedTime: refuse,
    })
  }

  /** The last of what both did, for who has to find out what went wrong. */
  get history(): string { return this.#history.slice(-SHOWN).join('\n') }

  advance(changes: number): void {
    for (let i = 0; i < changes && this.#isAlive; i++) this.#step()
  }

  /** His life comes to its end. */
  finish(): void {
    while (this.#isAlive) this.#step()
  }

  // ---- the owner ----

  get #isAlive(): boolean { return this.#rest !== null || this.#made < this.#changes.length }

  #findPaths(directory: string): void {
    for (const { name, kind } of this.disk.readDirectory(directory === '' ? '/' : directory)) {
      const path = `${directory}/${name}`
      if (kind === 'directory') this.#findPaths(path)
      else this.#paths.set(this.disk.stat(path)!.inode, path)
    }
  }

  #step(): void {
    this.#callsSinceChange = 0
    if (this.#rest !== null) {
      this.#rest()
      this.#rest = null
    } else this.#make(this.#changes[this.#made++]!)
  }

  #make(change: DiskOperation): void {
    const { disk } = this
    if (change.kind === 'create') {
      disk.open(change.path, 'createNew').close()
      this.#paths.set(change.node, change.path)
    } else if (change.kind === 'write') this.#write(change.node, change.data, change.position)
    else if (change.kind === 'truncate') this.#onFile(change.node, (file) => file.truncate(change.size))
    else if (change.kind === 'rename') {
      const replaced = disk.stat(change.to)
      if (replaced !== null) this.#paths.delete(replaced.inode)
      disk.rename(change.path, change.to)
      this.#paths.set(change.node, change.to)
      if (change.path.endsWith('.log.swap')) this.sights.swaps++
    } else if (change.kind === 'unlink') {
      disk.unlink(change.path)
      this.#paths.delete(change.node)
      this.sights.deletions++
    } else if (change.kind === 'setModifiedTime') disk.setModifiedTime(change.path, change.modifiedMs)
    else if (change.kind === 'makeDirectory') disk.makeDirectory(change.path)
    else throw new Error(`${change.kind} is not known here`)
    this.#history.push(`  owner ${this.#made - 1}: ${change.kind} ${change.path}${change.kind === 'rename' ? ` to ${change.to}` : ''}`)
  }

  #write(node: NodeId, data: Uint8Array, position: number): void {
    const first = data.length > 1 && this.#tearing?.chance(0.25) === true ? 1 + this.#tearing.int(data.length - 1) : data.length
    const write = (from: number, to: number): void => { this.#onFile(node, (file) => file.writeSync(data, from, to - from, position + from)) }
    write(0, first)
    if (first === data.length) return
    this.sights.halfWrites++
    this.#rest = () => { write(first, data.length) }
  }

  /** What is written to a file without a name nobody will see. */
  #onFile(node: NodeId, use: (file: FileHandle) => void): void {
    const path = this.#paths.get(node)
    if (path === undefined) return
    const file = this.disk.open(path, 'write')
    use(file)
    file.close()
  }

  // ---- the reader ----

  /** He goes on, and then it is the reader's turn. */
  #turn<T>(what: string, path: string, call: () => T): T {
    if (this.pace !== null) this.advance(this.pace({ call: this.sights.calls++, made: this.#made, isListed: this.#isListed }))
    this.#isListed = what === 'list'
    if (++this.#callsSinceChange > MOST_CALLS) throw new Error(`${what} ${path}: the reader does not come to an end`)
    this.#history.push(`${what} ${path}`)
    return call()
  }

  #open(path: string): FileHandle {
    const file = this.#turn('open', path, () => this.disk.open(path, 'read'))
    const inode = this.disk.stat(path)!.inode
    const seen = <T>(call: () => T): T => this.#turn('read of', path, () => {
      if (!this.#paths.has(inode)) this.sights.readsOfDeleted++
      return call()
    })
    const opened = diskWith(file, {
      size: () => seen(() => file.size()), readSync: (...where) => seen(() => file.readSync(...where)), read: async (...where) => seen(() => file.read(...where)),
      close: () => {
        this.openFiles.delete(opened)
        file.close()
      },
    })
    this.openFiles.add(opened)
    return opened
  }

  /** A directory is not listed at once: of each name either what was so before counts, or what is so a little later. */
  #list(path: string): DirectoryEntry[] {
    const before = this.#turn('list', path, () => this.disk.readDirectory(path))
    const tearing = this.#tearing
    if (tearing === null || this.pace === null || !tearing.chance(0.5)) return before
    this.advance(tearing.int(LISTED_IN_BETWEEN))
    const after = new Map(this.disk.readDirectory(path).map((entry) => [entry.name, entry]))
    const entries = new Map(before.map((entry) => [entry.name, entry]))
    let taken = 0
    let left = 0
    for (const name of new Set([...entries.keys(), ...after.keys()])) {
      if (entries.has(name) === after.has(name)) continue
      if (tearing.chance(0.5)) left++
      else {
        taken++
        if (entries.has(name)) entries.delete(name)
        else entries.set(name, after.get(name)!)
      }
    }
    if (taken > 0 && left > 0) this.sights.tornListings++
    return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}
