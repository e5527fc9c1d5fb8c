/**
 * FileSystem in memory that knows what a power cut may undo. The process sees a tree of files; beside it an operation log records every
 * change, every completed sync and every `mark`. From the log, `survivors` and `crashStates` derive the disks that a cut at any moment may
 * leave, each as a fresh SimulatedFileSystem to recover on (and to cut again).
 *
 *   const disk = new SimulatedFileSystem()
 *   … run the workload on it, calling disk.mark('ack 17') for what the outside world learns …
 *   for (const state of disk.crashStates()) check(state.restore(), state.marks)
 *
 * The clock stands still unless one is given. Asynchronous calls complete in a microtask unless `defer` says when. Symbolic links do not
 * exist; every path starts at "/".
 */
import type { Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import type { DirectoryEntry, FileHandle, FileStat, FileSystem, FileSystemInfo, OpenMode } from '../io/file-system.ts'
import { isMissing, storageError } from '../io/system-error.ts'
import {
  enumerateCrashStates, pendingUnitsAt, survivingTree, type CrashMoment, type CrashPolicy, type CrashSearch, type CrashState, type History, type RestoreOptions,
} from './crash-states.ts'
import { EMPTY_DISK, hashTree, type DiskOperation, type DiskTree } from './disk-operation.ts'
import { ManualClock } from './manual-clock.ts'
import type { PendingUnit } from './pending-unit.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedFileHandle } from './simulated-file-handle.ts'
import { SimulatedTree, components, type Place, type TreeDirectory, type TreeFile } from './simulated-tree.ts'
import { systemFault } from './system-fault.ts'

export interface SimulatedFileSystemOptions {
  readonly clock?: Clock
  /** Bytes of the disk; writes past it fail with DISK_FULL. Infinity by default. */
  readonly capacityBytes?: number
  /** False: no operation log, for databases in memory; crash states cannot be asked for. */
  readonly recordOperations?: boolean
  /** Called with the completion of each asynchronous call. By default it runs in a microtask. */
  readonly defer?: (complete: () => void) => void
}

export class SimulatedFileSystem implements FileSystem {
  readonly #options: SimulatedFileSystemOptions
  readonly #disk: SimulatedDisk
  readonly #tree: SimulatedTree
  #base: DiskTree

  constructor(options: SimulatedFileSystemOptions = {}, base: DiskTree = EMPTY_DISK) {
    const { clock = new ManualClock(), capacityBytes = Infinity, recordOperations = true, defer = queueMicrotask } = options
    this.#options = { ...options, clock }
    this.#disk = new SimulatedDisk(clock, capacityBytes, recordOperations, defer)
    this.#tree = new SimulatedTree(base, clock.now())
    this.#base = base
    this.#disk.usedBytes = allocatedBytes(this.#tree.root)
  }

  /** Everything that happened since the start or the last `settle`. */
  get operations(): readonly DiskOperation[] { return this.#disk.operations }
  get capacityBytes(): number { return this.#disk.capacityBytes }
  /** Takes effect with the next write. */
  set capacityBytes(bytes: number) { this.#disk.capacityBytes = bytes }
  get usedBytes(): number { return this.#disk.usedBytes }

  /** Notes in the log that the outside world now knows something: crash states carry the marks before them. */
  mark(label: string): void { this.#disk.log({ kind: 'mark', path: label }) }

  /** Declares everything so far durable and forgets how it came about: crash states start from here. */
  settle(): void {
    this.#base = this.#tree.freeze()
    this.#disk.operations.length = 0
  }

  /** What a power cut at a moment (now, unless told) may lose. */
  pendingUnits(moment: CrashMoment = {}): readonly PendingUnit[] { return pendingUnitsAt(this.#history(), moment) }

  /** The disk after a power cut under one policy. */
  survivors(policy: CrashPolicy, moment: CrashMoment = {}): SimulatedFileSystem {
    return this.#restore(survivingTree(this.#history(), policy, moment))
  }

  /** Another disk with what this one shows now, all of it durable; the contents are shared until one of them changes. */
  copy(options: RestoreOptions = {}): SimulatedFileSystem { return this.#restore(this.#tree.freeze(), options) }

  /** The disks that a power cut may leave, at one moment or at every one, without repetition. */
  crashStates(search: CrashSearch = {}): Generator<CrashState> {
    return enumerateCrashStates(this.#history(), search, (tree, options) => this.#restore(tree, options))
  }

  /** Equal for file systems with the same paths and contents. */
  stateHash(): string { return hashTree(this.#tree.freeze()).toString(16).padStart(14, '0') }

  open(path: string, mode: OpenMode): FileHandle {
    return this.#calling(`open for ${mode}`, path, () => new SimulatedFileHandle(this.#disk, this.#openFile(path, mode), path, mode !== 'read'))
  }

  stat(path: string): FileStat | null {
    const node = this.#tree.lookUp(path)
    if (node === undefined) return null
    const size = node.kind === 'file' ? node.content.size : 4096
    return { size, modifiedMs: node.modifiedMs, kind: node.kind, device: 1, inode: node.node }
  }

  readDirectory(path: string): DirectoryEntry[] {
    return this.#calling('list', path, () => {
      const entries = [...this.#tree.directory(path).entries].map(([name, node]) => ({ name, kind: node.kind }))
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    })
  }

  makeDirectory(path: string): void {
    let directory = this.#tree.root
    let reached = ''
    for (const name of components(path)) {
      reached += `/${name}`
      const node = directory.entries.get(name)
      if (node?.kind === 'file') throw new OttlaError('DIRECTORY_UNUSABLE', `${reached} exists and is not a directory`, { file: path })
      directory = node ?? this.#addDirectory(directory, name, reached)
    }
  }

  rename(from: string, to: string): void {
    this.#calling(`rename to ${to} the file`, from, () => {
      const source = this.#tree.place(from)
      const target = this.#tree.place(to)
      if (source.node === undefined) throw systemFault('ENOENT', from)
      if (source.node === target.node) return
      this.#checkReplaceable(source, target, from, to)
      source.directory.entries.delete(source.name)
      source.directory.modifiedMs = this.#disk.clock.now()
      if (target.node !== undefined) this.#removeEntry(target)
      this.#addEntry(target.directory, target.name, source.node)
      const { directory, name } = target
      this.#disk.log({ kind: 'rename', path: from, to, node: source.node.node, directory: directory.node, name, fromDirectory: source.directory.node })
    })
  }

  unlink(path: string): void {
    if (this.#tree.lookUp(path) === undefined) return
    try {
      this.#unlinkNow(path)
    } catch (error) {
      if (!isMissing(error)) throw storageError(error, 'delete', path)
    }
  }

  unlinkAsync(path: string): Promise<void> { return this.#disk.later(() => this.unlink(path)) }

  removeDirectory(path: string): Promise<void> {
    return this.#disk.later(() => {
      try {
        this.#remove(path, this.#tree.place(path))
      } catch (error) {
        if (!isMissing(error)) throw storageError(error, 'remove the directory', path)
      }
    })
  }

  readFile(path: string): Uint8Array {
    return this.#calling('read', path, () => {
      const { content } = this.#existingFile(path)
      const bytes = new Uint8Array(content.size)
      content.read(bytes, 0, bytes.length, 0)
      return bytes
    })
  }

  setModifiedTime(path: string, modifiedMs: number): void {
    this.#calling('set the modification time of', path, () => {
      const node = this.#tree.existing(path)
      node.modifiedMs = modifiedMs
      if (node.kind === 'file') this.#disk.log({ kind: 'setModifiedTime', path, node: node.node, modifiedMs })
    })
  }

  async syncDirectory(path: string): Promise<void> { await this.#disk.later(this.beginSyncDirectory(path)) }
  syncDirectorySync(path: string): void { this.beginSyncDirectory(path)() }

  /** Starts a sync; what it covers is durable once the function it gives has been called. */
  beginSyncDirectory(path: string): () => void {
    const { node } = this.#calling('sync the directory', path, () => this.#tree.directory(path))
    const startedAt = this.#disk.sequence
    return () => this.#disk.log({ kind: 'syncDirectory', path, node, startedAt })
  }

  info(path: string): FileSystemInfo {
    this.#calling('ask the file system of', path, () => this.#tree.existing(path))
    return { kind: 'local', name: 'simulated', freeBytes: this.#disk.freeBytes, totalBytes: this.#disk.capacityBytes }
  }

  realPath(path: string): string {
    this.#calling('resolve', path, () => this.#tree.existing(path))
    return `/${components(path).join('/')}`
  }

  #calling<T>(action: string, path: string, call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw storageError(error, action, path)
    }
  }

  #openFile(path: string, mode: OpenMode): TreeFile {
    if (mode === 'read' || mode === 'write') return this.#existingFile(path)
    const { directory, name, node } = this.#tree.place(path)
    if (node === undefined) {
      const file = this.#tree.newFile(this.#disk.clock.now())
      this.#addEntry(directory, name, file)
      this.#disk.log({ kind: 'create', path, directory: directory.node, name, node: file.node })
      return file
    }
    if (mode === 'createNew') throw systemFault('EEXIST', path)
    return this.#existingFile(path)
  }

  #existingFile(path: string): TreeFile {
    const node = this.#tree.existing(path)
    if (node.kind === 'directory') throw systemFault('EISDIR', path)
    return node
  }

  #addDirectory(parent: TreeDirectory, name: string, path: string): TreeDirectory {
    const directory = this.#tree.newDirectory(this.#disk.clock.now())
    this.#addEntry(parent, name, directory)
    this.#disk.log({ kind: 'makeDirectory', path, directory: parent.node, name, node: directory.node })
    return directory
  }

  #unlinkNow(path: string): void {
    const place = this.#tree.place(path)
    if (place.node === undefined) throw systemFault('ENOENT', path)
    if (place.node.kind === 'directory') throw systemFault('EISDIR', path)
    this.#removeEntry(place)
    this.#disk.log({ kind: 'unlink', path, directory: place.directory.node, name: place.name, node: place.node.node })
  }

  #remove(path: string, place: Place): void {
    if (place.node?.kind !== 'directory') return this.#unlinkNow(path)
    for (const [name, node] of place.node.entries) this.#remove(`${path}/${name}`, { directory: place.node, name, node })
    this.#removeEntry(place)
    this.#disk.log({ kind: 'removeDirectory', path, directory: place.directory.node, name: place.name, node: place.node.node })
  }

  #checkReplaceable(source: Place, target: Place, from: string, to: string): void {
    if (source.node?.kind === 'directory' && `/${components(to).join('/')}/`.startsWith(`/${components(from).join('/')}/`)) throw systemFault('EINVAL', to)
    if (target.node === undefined) return
    if (target.node.kind === 'directory') throw systemFault(source.node?.kind === 'directory' ? 'ENOTEMPTY' : 'EISDIR', to)
    if (source.node?.kind === 'directory') throw systemFault('ENOTDIR', to)
  }

  #addEntry(directory: TreeDirectory, name: string, node: Place['node'] & {}): void {
    directory.entries.set(name, node)
    directory.modifiedMs = this.#disk.clock.now()
  }

  #removeEntry({ directory, name, node }: Place): void {
    directory.entries.delete(name)
    directory.modifiedMs = this.#disk.clock.now()
    if (node?.kind !== 'file') return
    node.linked = false
    this.#disk.freeIfGone(node)
  }

  #history(): History {
    if (this.#options.recordOperations === false) throw new OttlaError('INTERNAL', 'The simulated file system was told not to record its operations')
    return { base: this.#base, operations: this.#disk.operations }
  }

  #restore(tree: DiskTree, options: RestoreOptions = {}): SimulatedFileSystem {
    return new SimulatedFileSystem({ ...this.#options, ...options, capacityBytes: this.#disk.capacityBytes }, tree)
  }
}

function allocatedBytes(directory: TreeDirectory): number {
  let bytes = 0
  for (const node of directory.entries.values()) bytes += node.kind === 'file' ? node.content.allocatedBytes : allocatedBytes(node)
  return bytes
}
