/** Builds the disk that one choice of surviving units leaves. Pure: the model is not changed. */
import type { DiskNames } from './disk-names.ts'
import { ROOT_NODE, type DiskDirectory, type DiskNode, type DiskTree, type NodeId } from './disk-operation.ts'
import type { DurabilityModel } from './durability-model.ts'
import { EMPTY_IMAGE, SECTOR_SIZE, type FileImage, type Sector } from './file-image.ts'
import { UnitFold, type PendingUnit, type SectorUnit } from './pending-unit.ts'

/** What becomes of a unit. Sectors can also come out damaged: only in the bytes that their write touched. */
export const LOST = 0
export const KEPT = 1
export const ZEROED = 2
export const GARBAGE = 3
export const TORN = 4

/** `outcomes` has one entry per unit of the model. */
export function materialise(model: DurabilityModel, outcomes: Uint8Array): DiskTree {
  const { units } = model
  const legal = legalOutcomes(model, outcomes)
  const files = new Map<NodeId, UnitFold>()
  let names: DiskNames | null = null
  for (let i = 0; i < units.length; i++) {
    const outcome = legal[i] as number
    if (outcome === LOST) continue
    const unit = units[i] as PendingUnit
    if (unit.kind === 'entry') {
      names ??= model.names.copy()
      names.apply(unit.operation)
      continue
    }
    let fold = files.get(unit.file)
    if (fold === undefined) files.set(unit.file, (fold = new UnitFold(model.durable(unit.file) ?? EMPTY_IMAGE)))
    fold.apply(unit, unit.kind === 'sector' ? sectorAfter(unit, outcome, fold.sector(unit.index)) : undefined)
  }
  const images = new Map<NodeId, FileImage>()
  for (const [node, fold] of files) images.set(node, fold.image())
  return buildTree(model, names ?? model.names, images)
}

function buildTree(model: DurabilityModel, names: DiskNames, images: ReadonlyMap<NodeId, FileImage>): DiskTree {
  const build = (node: NodeId): DiskNode => {
    const children = names.entries(node)
    if (children === undefined) {
      const image = images.get(node) ?? model.durable(node) ?? EMPTY_IMAGE
      return { kind: 'file', node, image, modifiedMs: model.modifiedMs(node) }
    }
    const entries = new Map<string, DiskNode>()
    for (const [name, child] of children) entries.set(name, build(child))
    return { kind: 'directory', node, entries }
  }
  return { root: build(ROOT_NODE) as DiskDirectory, nextNode: model.nextNode }
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
