/**
 * A unit is the smallest change of the simulated disk that a power cut keeps or loses as a whole:
 *
 *   sector      one 512-byte sector as one write left it (of several versions the last survivor counts)
 *   size        the length of a file after an append, or at a sector boundary inside a long one
 *   truncation  the cut of a file, with the loss of what lay behind
 *   entry       create, mkdir, unlink, rmdir or rename of one name; a rename is one unit, and a file never has two names
 */
import type { DiskOperation, NodeId } from './disk-operation.ts'
import { FileImage, SECTOR_SIZE, cutSectors, type Sector } from './file-image.ts'

export type CrashProfile = 'strict' | 'ext4-ordered' | 'sequential'

export interface SectorUnit {
  readonly kind: 'sector'
  readonly sequence: number
  readonly file: NodeId
  readonly path: string
  readonly index: number
  /** The whole sector after the write, of which the write changed the bytes from `from` to `to`. */
  readonly content: Sector
  readonly from: number
  readonly to: number
  /** Whether the write made the file longer in this sector. */
  readonly appended: boolean
}
export interface SizeUnit {
  readonly kind: 'size' | 'truncation'
  readonly sequence: number
  readonly file: NodeId
  readonly path: string
  readonly size: number
}
export interface EntryUnit { readonly kind: 'entry'; readonly sequence: number; readonly path: string; readonly operation: EntryOperation }
export type PendingUnit = SectorUnit | SizeUnit | EntryUnit
export type EntryOperation = Extract<DiskOperation, { kind: 'create' | 'makeDirectory' | 'unlink' | 'removeDirectory' | 'rename' }>

/** Folds surviving units of one file, in order, into an image. */
export class UnitFold {
  #size: number
  #sectors: (Sector | undefined)[]

  constructor(image: FileImage) {
    this.#size = image.size
    this.#sectors = image.sectors.slice()
  }

  sector(index: number): Sector | undefined { return this.#sectors[index] }

  /** `content` is what the sector of a sector unit holds afterwards. */
  apply(unit: SectorUnit | SizeUnit, content: Sector | undefined): void {
    if (unit.kind === 'sector') {
      this.#sectors[unit.index] = content
      return
    }
    if (unit.kind === 'truncation') this.#sectors = cutSectors(this.#sectors, unit.size)
    this.#size = unit.size
  }

  /** Data that survived behind the size that survived is lost. */
  image(): FileImage { return new FileImage(this.#size, cutSectors(this.#sectors, this.#size)) }
}

/**
 * Which older pending units a set of durable ones outdates: units of one slot replace each other, so an older one must not come after a
 * newer one. It concerns stranded data: of names none is left that is older (DurabilityModel).
 */
export class OutdatedUnits {
  readonly #newest = new Map<string, number>()
  readonly #cuts: SizeUnit[] = []

  constructor(durable: Iterable<PendingUnit>) {
    for (const unit of durable) {
      if (unit.kind === 'truncation') this.#cuts.push(unit)
      for (const slot of slotsOf(unit)) this.#newest.set(slot, Math.max(unit.sequence, this.#newest.get(slot) ?? 0))
    }
  }

  /** What is left of a pending unit: itself, a part of it before a durable cut, or null. */
  rest(unit: PendingUnit): PendingUnit | null {
    for (const slot of slotsOf(unit)) if (unit.sequence < (this.#newest.get(slot) ?? 0)) return null
    if (unit.kind !== 'sector') return unit
    let rest: SectorUnit | null = unit
    for (const cut of this.#cuts) if (rest !== null && cut.file === unit.file && cut.sequence > unit.sequence) rest = cutUnit(rest, cut.size)
    return rest
  }
}

function slotsOf(unit: PendingUnit): string[] {
  if (unit.kind === 'sector') return [`${unit.file}.${unit.index}`]
  return unit.kind === 'entry' ? [] : [`${unit.file}`]
}

function cutUnit(unit: SectorUnit, size: number): SectorUnit | null {
  const kept = size - unit.index * SECTOR_SIZE
  if (kept >= unit.to) return unit
  if (kept <= unit.from) return null
  const content = new Uint8Array(SECTOR_SIZE)
  content.set(unit.content.subarray(0, kept))
  return { ...unit, content, to: kept }
}
