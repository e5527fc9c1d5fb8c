/**
 * What a power cut may leave: replays an operation log and keeps, beside the state the process sees, the state that is certainly durable
 * and the list of units that are not. A unit becomes durable when a sync that covers it completes: `datasync` of the file for its data,
 * `syncDirectory` of the parent for a name (for a rename: of the old or the new parent, since it is atomic). A failed datasync strands
 * the file's pending sectors, as kernels do that mark the pages clean: no later datasync covers them, though it covers the size.
 *
 * Profiles:
 *   strict        every unit on its own: whatever POSIX allows. Correctness is demanded here.
 *   ext4-ordered  names and truncations survive in order, across files; sizes grow in order per file, and a size that survived has its
 *                 appended data; overwrites are free. A sync that changes metadata commits all earlier names.
 *   sequential    units survive in order, across everything; a sync covers all that came before it.
 */
import { DiskNames } from './disk-names.ts'
import type { DiskOperation, DiskTree, NodeId } from './disk-operation.ts'
import { EMPTY_IMAGE, FileContent, SECTOR_SIZE, type FileImage, type Sector } from './file-image.ts'
import { OutdatedUnits, UnitFold, type CrashProfile, type EntryOperation, type PendingUnit } from './pending-unit.ts'

/** Sizes inside one long append that a crash may leave: at sector boundaries for short appends, at page boundaries for long ones. */
const PAGE_SIZE = 4096
const SHORT_APPEND = 8 * SECTOR_SIZE

interface ModelFile { readonly current: FileContent; durable: FileImage; modifiedMs: number }

export class DurabilityModel {
  readonly profile: CrashProfile
  readonly #files = new Map<NodeId, ModelFile>()
  readonly #names: DiskNames
  readonly #stranded = new Set<PendingUnit>()
  #units: PendingUnit[] = []
  #nextNode: NodeId

  /** `base` is durable. */
  constructor(base: DiskTree, profile: CrashProfile = 'strict') {
    this.profile = profile
    this.#nextNode = base.nextNode
    this.#names = DiskNames.of(base, (file) => {
      this.#files.set(file.node, { current: new FileContent(file.image), durable: file.image, modifiedMs: file.modifiedMs })
    })
  }

  /** Not yet durable, in the order of their operations. */
  get units(): readonly PendingUnit[] { return this.#units }
  get names(): DiskNames { return this.#names }
  get nextNode(): NodeId { return this.#nextNode }
  /** The certainly durable content, null for a directory. */
  durable(node: NodeId): FileImage | null { return this.#files.get(node)?.durable ?? null }
  modifiedMs(node: NodeId): number { return this.#files.get(node)?.modifiedMs ?? 0 }

  apply(operation: DiskOperation): void {
    switch (operation.kind) {
      case 'write': return this.#write(operation)
      case 'truncate': return this.#truncate(operation)
      case 'datasync': return this.#datasync(operation.node, operation.startedAt)
      case 'datasyncFailed': return this.#strand(operation.node)
      case 'syncDirectory': return this.#syncDirectory(operation.node, operation.startedAt)
      case 'setModifiedTime':
        this.#file(operation.node).modifiedMs = operation.modifiedMs
        return
      case 'mark': return
      case 'create':
        this.#files.set(operation.node, { current: new FileContent(EMPTY_IMAGE), durable: EMPTY_IMAGE, modifiedMs: operation.timeMs })
        return this.#entry(operation)
      case 'makeDirectory':
        this.#names.addDirectory(operation.node)
        return this.#entry(operation)
      default: return this.#entry(operation)
    }
  }

  #entry(operation: EntryOperation): void {
    this.#nextNode = Math.max(this.#nextNode, operation.node + 1)
    this.#units.push({ kind: 'entry', sequence: operation.sequence, path: operation.path, operation })
  }

  #write({ sequence, timeMs, path, node, position, data }: Extract<DiskOperation, { kind: 'write' }>): void {
    const file = this.#file(node)
    const oldSize = file.current.size
    const end = position + data.length
    file.current.write(data, position)
    file.modifiedMs = timeMs
    const step = end - oldSize <= SHORT_APPEND ? SECTOR_SIZE : PAGE_SIZE
    for (let start = Math.floor(position / SECTOR_SIZE) * SECTOR_SIZE; start < end; start += SECTOR_SIZE) {
      const next = Math.min(start + SECTOR_SIZE, end)
      this.#units.push({
        kind: 'sector', sequence, path, file: node, index: start / SECTOR_SIZE,
        content: file.current.sector(start / SECTOR_SIZE) as Sector,
        from: Math.max(position - start, 0), to: next - start, appended: next > oldSize,
      })
      if (next > oldSize && (next === end || next % step === 0)) this.#units.push({ kind: 'size', sequence, path, file: node, size: next })
    }
  }

  #truncate({ sequence, timeMs, path, node, size }: Extract<DiskOperation, { kind: 'truncate' }>): void {
    const file = this.#file(node)
    file.modifiedMs = timeMs
    if (size === file.current.size) return
    this.#units.push({ kind: size < file.current.size ? 'truncation' : 'size', sequence, path, file: node, size })
    file.current.truncate(size)
  }

  #datasync(node: NodeId, startedAt: number): void {
    const ofFile = (unit: PendingUnit): boolean => unit.kind !== 'entry' && unit.file === node
    const grown = this.#units.some((unit) => ofFile(unit) && unit.kind !== 'sector' && unit.sequence < startedAt)
    const commitsNames = this.profile === 'ext4-ordered' && grown
    this.#settle(startedAt, (unit) => ofFile(unit) || (commitsNames && unit.kind === 'entry'))
  }

  #syncDirectory(node: NodeId, startedAt: number): void {
    const covered = this.#namesUpTo(node, startedAt)
    const commitsNames = this.profile === 'ext4-ordered'
    this.#settle(startedAt, (unit) => unit.kind === 'entry' && (commitsNames || covered.has(unit)))
  }

  /** The changes of names in a directory before `startedAt`; and from a rename backwards in its other one too, of which it took or gave a name as it was then. */
  #namesUpTo(node: NodeId, startedAt: number): ReadonlySet<PendingUnit> {
    const directories = new Set([node])
    const covered = new Set<PendingUnit>()
    for (const unit of this.#units.toReversed()) {
      if (unit.kind !== 'entry' || unit.sequence >= startedAt) continue
      const touched = directoriesOf(unit.operation)
      if (!touched.some((each) => directories.has(each))) continue
      covered.add(unit)
      for (const each of touched) directories.add(each)
    }
    return covered
  }

  #strand(node: NodeId): void {
    for (const unit of this.#units) if (unit.kind === 'sector' && unit.file === node) this.#stranded.add(unit)
  }

  /** Makes the covered units before `startedAt` durable, and drops or cuts the older ones that they outdate. */
  #settle(startedAt: number, isCovered: (unit: PendingUnit) => boolean): void {
    const covered = new Set<PendingUnit>()
    for (const unit of this.#units) {
      if (unit.sequence >= startedAt) break
      if ((this.profile === 'sequential' || isCovered(unit)) && !this.#stranded.has(unit)) covered.add(unit)
    }
    if (covered.size === 0) return
    const outdated = new OutdatedUnits(covered)
    this.#makeDurable(covered)
    const left: PendingUnit[] = []
    for (const unit of this.#units) {
      const rest = covered.has(unit) ? null : outdated.rest(unit)
      if (rest !== null) left.push(rest)
      if (rest === unit || !this.#stranded.delete(unit) || rest === null) continue
      this.#stranded.add(rest)
    }
    this.#units = left
  }

  #makeDurable(units: ReadonlySet<PendingUnit>): void {
    const changed = new Map<NodeId, UnitFold>()
    for (const unit of units) {
      if (unit.kind === 'entry') {
        this.#names.apply(unit.operation)
        continue
      }
      let fold = changed.get(unit.file)
      if (fold === undefined) changed.set(unit.file, (fold = new UnitFold(this.#file(unit.file).durable)))
      fold.apply(unit, unit.kind === 'sector' ? unit.content : undefined)
    }
    for (const [node, fold] of changed) this.#file(node).durable = fold.image()
  }

  /** A file that is not known had lost its last name when the history began: nothing can bring it back, so its content is of no matter. */
  #file(node: NodeId): ModelFile {
    let file = this.#files.get(node)
    if (file === undefined) this.#files.set(node, (file = { current: new FileContent(EMPTY_IMAGE), durable: EMPTY_IMAGE, modifiedMs: 0 }))
    return file
  }
}

function directoriesOf(operation: EntryOperation): readonly NodeId[] {
  return operation.kind === 'rename' ? [operation.directory, operation.fromDirectory] : [operation.directory]
}
