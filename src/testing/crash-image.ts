/** Builds the disk that one choice of surviving units leaves. Pure: the model is not changed. */
import type { DiskNames } from './disk-names.ts'
import { DirectoryHash, ROOT_NODE, type DiskDirectory, type DiskNode, type DiskTree, type NodeId } from './disk-operation.ts'
import type { DurabilityModel } from './durability-model.ts'
import { EMPTY_IMAGE, SECTOR_SIZE, type FileImage, type Sector } from './file-image.ts'
import { UnitFold, type EntryUnit, type PendingUnit, type SectorUnit, type SizeUnit } from './pending-unit.ts'

/** What becomes of a unit. Sectors can also come out damaged: only in the bytes that their write touched. */
export const LOST = 0
export const KEPT = 1
export const ZEROED = 2
export const GARBAGE = 3
export const TORN = 4

/** One choice's disk; `tree` must be called before the model changes. */
export interface SurvivingDisk { readonly hash: number; tree(): DiskTree }

/** `outcomes` has one entry per unit of the model. */
export function materialise(model: DurabilityModel, outcomes: Uint8Array): DiskTree { return new Materialiser(model).disk(outcomes).tree() }

/**
 * Builds the disks of many choices of one moment: it remembers what a file or the names came to under the same choice of their own units, because most
 * choices differ in a few files only. To be given up when the model changes.
 */
export class Materialiser {
  readonly #model: DurabilityModel
  /** Indexes of the units of each file, ascending. */
  readonly #unitsOf = new Map<NodeId, number[]>()
  readonly #entries: number[] = []
  readonly #images = new Map<NodeId, Map<string, FileImage>>()
  readonly #names = new Map<string, DiskNames>()

  constructor(model: DurabilityModel) {
    this.#model = model
    model.units.forEach((unit, i) => {
      if (unit.kind === 'entry') this.#entries.push(i)
      else if (this.#unitsOf.has(unit.file)) this.#unitsOf.get(unit.file)!.push(i)
      else this.#unitsOf.set(unit.file, [i])
    })
  }

  disk(outcomes: Uint8Array): SurvivingDisk {
    const legal = legalOutcomes(this.#model, outcomes)
    const names = this.#namesFor(legal)
    const images = new Map<NodeId, FileImage>()
    for (const [file, units] of this.#unitsOf) images.set(file, this.#imageFor(file, units, legal))
    const imageOf = (node: NodeId): FileImage => images.get(node) ?? this.#model.durable(node) ?? EMPTY_IMAGE
    return { hash: hashNames(names, imageOf), tree: () => buildTree(this.#model, names, imageOf) }
  }

  #namesFor(outcomes: Uint8Array): DiskNames {
    const key = keyOf(this.#entries, outcomes)
    let names = this.#names.get(key)
    if (names !== undefined) return names
    names = this.#model.names.copy()
    for (const i of this.#entries) if (outcomes[i] !== LOST) names.apply((this.#model.units[i] as EntryUnit).operation)
    this.#names.set(key, names)
    return names
  }

  #imageFor(file: NodeId, units: readonly number[], outcomes: Uint8Array): FileImage {
    const known = this.#images.get(file) ?? new Map<string, FileImage>()
    this.#images.set(file, known)
    const key = keyOf(units, outcomes)
    let image = known.get(key)
    if (image !== undefined) return image
    const fold = new UnitFold(this.#model.durable(file) ?? EMPTY_IMAGE)
    for (const i of units) {
      const unit = this.#model.units[i] as SectorUnit | SizeUnit
      const outcome = outcomes[i] as number
      if (outcome !== LOST) fold.apply(unit, unit.kind === 'sector' ? sectorAfter(unit, outcome, fold.sector(unit.index)) : undefined)
    }
    image = fold.image()
    known.set(key, image)
    return image
  }
}

function keyOf(units: readonly number[], outcomes: Uint8Array): string {
  let key = ''
  for (const i of units) key += String.fromCharCode(48 + (outcomes[i] as number))
  return key
}

function buildTree(model: DurabilityModel, names: DiskNames, imageOf: (node: NodeId) => FileImage): DiskTree {
  const build = (node: NodeId): DiskNode => {
    const children = names.entries(node)
    if (children === undefined) return { kind: 'file', node, image: imageOf(node), modifiedMs: model.modifiedMs(node) }
    const entries = new Map<string, DiskNode>()
    for (const [name, child] of children) entries.set(name, build(child))
    return { kind: 'directory', node, entries }
  }
  return { root: build(ROOT_NODE) as DiskDirectory, nextNode: model.nextNode }
}

/** As `hashTree` of the tree that will be built. */
function hashNames(names: DiskNames, imageOf: (node: NodeId) => FileImage): number {
  const of = (node: NodeId): number => {
    const children = names.entries(node)
    if (children === undefined) return imageOf(node).hash()
    const sum = new DirectoryHash(children.size)
    for (const [name, child] of children) sum.add(name, of(child))
    return sum.digest()
  }
  return of(ROOT_NODE)
}

/** The nearest choice that the profile allows: it keeps as many units of each ordered chain as the given one, but the first ones. */
function legalOutcomes(model: DurabilityModel, outcomes: Uint8Array): Uint8Array {
  if (model.profile === 'strict') return outcomes
  if (model.profile === 'ext4-ordered') return orderedOutcomes(model, outcomes)
  const kept = countKept(outcomes)
  return outcomes.map((_, i) => (i < kept ? KEPT : LOST))
}

function orderedOutcomes(model: DurabilityModel, outcomes: Uint8Array): Uint8Array {
  const { units } = model
  const legal = outcomes.slice()
  const chains = new Map<NodeId | 'names', number[]>()
  units.forEach((unit, i) => {
    if (unit.kind === 'sector') return
    const chain = unit.kind === 'size' ? unit.file : 'names'
    const members = chains.get(chain)
    if (members === undefined) chains.set(chain, [i])
    else members.push(i)
  })
  const sizes = new Map<NodeId, { size: number; sequence: number }>()
  for (const members of chains.values()) {
    const kept = members.filter((i) => outcomes[i] !== LOST).length
    members.forEach((member, i) => {
      const unit = units[member] as PendingUnit
      legal[member] = i < kept ? KEPT : LOST
      if (i < kept && unit.kind === 'size') sizes.set(unit.file, unit)
    })
  }
  units.forEach((unit, i) => {
    if (unit.kind !== 'sector' || !unit.appended) return
    // Stranded by a failed datasync, when a later one has made the size durable: the data may be missing after all.
    if (unit.index * SECTOR_SIZE + unit.to <= (model.durable(unit.file)?.size ?? 0)) return
    const reached = sizes.get(unit.file)
    const visible = reached !== undefined && unit.sequence <= reached.sequence && unit.index * SECTOR_SIZE < reached.size
    legal[i] = visible ? KEPT : LOST
  })
  return legal
}

function countKept(outcomes: Uint8Array): number {
  let count = 0
  for (const outcome of outcomes) if (outcome !== LOST) count++
  return count
}

/** The sector that is left over `old`. Bytes outside the write's own range keep what they had: a sector is not damaged beyond it. */
function sectorAfter(unit: SectorUnit, outcome: number, old: Sector | undefined): Sector {
  if (outcome === KEPT) return unit.content
  const sector = new Uint8Array(SECTOR_SIZE)
  if (old !== undefined) sector.set(old)
  if (outcome === TORN) {
    const middle = unit.from + Math.ceil((unit.to - unit.from) / 2)
    sector.set(unit.content.subarray(unit.from, middle), unit.from)
    return sector
  }
  let noise = (unit.sequence * 0x9e3779b1 + unit.index) >>> 0 || 1
  for (let i = unit.from; i < unit.to; i++) {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0
    sector[i] = outcome === ZEROED ? 0 : noise >>> 24
  }
  return sector
}
