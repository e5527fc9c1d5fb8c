/**
 * A unit is the smallest change of the simulated disk that a power cut keeps or loses as a whole:
 *
 *   sector      one 512-byte sector as one write left it (of several versions the last survivor counts)
 *   size        the length of a file after an append, or at a sector boundary inside a long one
 *   truncation  the cut of a file, with the loss of what lay behind
 *   entry       create, mkdir, unlink, rmdir or rename of one name; a rename is one unit, and a file never has two names
 */
import type { DiskOperation, NodeId } from './disk-operation.ts'
import { FileImage, cutSectors, type Sector } from './file-image.ts'

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
export interface SizeUnit { readonly kind: 'size' | 'truncation'; readonly sequence: number; readonly file: NodeId; readonly path: string; readonly size: number }
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
