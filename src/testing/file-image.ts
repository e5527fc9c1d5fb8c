/**
 * Content of simulated files: a size and an array of 512-byte sectors. A sector's bytes never change once it is in an image, so images of
 * thousands of crash states share them; a missing sector is a hole and reads as zeros.
 *
 * Invariants: no sector at or past `size`; bytes of the last sector past `size` are zero.
 */
import { StateHash } from './state-hash.ts'

export const SECTOR_SIZE = 512

/** 512 bytes, never written to again. */
export type Sector = Uint8Array
export type Sectors = readonly (Sector | undefined)[]

/** A frozen content. */
export class FileImage {
  readonly size: number
  readonly sectors: Sectors
  #hash = -1

  constructor(size: number, sectors: Sectors) {
    this.size = size
    this.sectors = sectors
  }

  /** Equal for equal contents, holes and written zeros alike. */
  hash(): number {
    if (this.#hash === -1) this.#hash = hashOf(this)
    return this.#hash
  }
}

export const EMPTY_IMAGE: FileImage = new FileImage(0, [])

/** A content that changes; it copies the array of a shared image before its first change. */
export class FileContent {
  #size: number
  #sectors: (Sector | undefined)[]
  /** The image that shares `#sectors`, if any. */
  #image: FileImage | null
  #allocated: number

  constructor(image: FileImage) {
    this.#size = image.size
    this.#sectors = image.sectors as (Sector | undefined)[]
    this.#image = image
    this.#allocated = countSectors(image.sectors)
  }

  get size(): number { return this.#size }
  /** Bytes of sectors that are not holes. */
  get allocatedBytes(): number { return this.#allocated * SECTOR_SIZE }
  sector(index: number): Sector | undefined { return this.#sectors[index] }

  /** The content now; later changes do not reach it. */
  freeze(): FileImage { return (this.#image ??= new FileImage(this.#size, this.#sectors)) }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position))
    for (let done = 0; done < count;) {
      const from = (position + done) % SECTOR_SIZE
      const step = Math.min(SECTOR_SIZE - from, count - done)
      const sector = this.#sectors[Math.floor((position + done) / SECTOR_SIZE)]
      if (sector === undefined) buffer.fill(0, offset + done, offset + done + step)
      else buffer.set(step === SECTOR_SIZE ? sector : sector.subarray(from, from + step), offset + done)
      done += step
    }
    return count
  }

  /** Keeps views of `data`, which must never change again. */
  write(data: Uint8Array, position: number): void {
    if (data.length === 0) return
    this.#own()
    const end = position + data.length
    for (let index = Math.floor(position / SECTOR_SIZE); index * SECTOR_SIZE < end; index++) {
      const start = index * SECTOR_SIZE
      const old = this.#sectors[index]
      if (old === undefined) this.#allocated++
      this.#sectors[index] = overlay(old, data, position - start)
    }
    if (end > this.#size) this.#size = end
  }

  /** How many leading bytes of a write fit when `freeBytes` are left for new sectors. */
  fitting(position: number, length: number, freeBytes: number): number {
    let free = Math.floor(freeBytes / SECTOR_SIZE)
    for (let index = Math.floor(position / SECTOR_SIZE); index * SECTOR_SIZE < position + length; index++) {
      if (this.#sectors[index] !== undefined) continue
      if (free-- <= 0) return Math.max(0, index * SECTOR_SIZE - position)
    }
    return length
  }

  truncate(size: number): void {
    this.#own()
    if (size < this.#size) {
      this.#sectors = cutSectors(this.#sectors, size)
      this.#allocated = countSectors(this.#sectors)
    }
    this.#size = size
  }

  #own(): void {
    if (this.#image === null) return
    this.#image = null
    this.#sectors = this.#sectors.slice()
  }
}

/** A fresh array with what lies before `size`, the rest of the last sector zeroed. */
export function cutSectors(sectors: Sectors, size: number): (Sector | undefined)[] {
  const cut = sectors.slice(0, Math.ceil(size / SECTOR_SIZE))
  const inLast = size % SECTOR_SIZE
  const last = inLast === 0 ? undefined : cut[Math.floor(size / SECTOR_SIZE)]
  if (last === undefined || isZero(last, inLast)) return cut
  const masked = new Uint8Array(SECTOR_SIZE)
  masked.set(last.subarray(0, inLast))
  cut[Math.floor(size / SECTOR_SIZE)] = masked
  return cut
}

/** The sector that results when `data` is written at `shift` from the start of the sector `old`. */
function overlay(old: Sector | undefined, data: Uint8Array, shift: number): Sector {
  if (shift <= 0 && shift + data.length >= SECTOR_SIZE) return data.subarray(-shift, SECTOR_SIZE - shift)
  const sector = new Uint8Array(SECTOR_SIZE)
  if (old !== undefined) sector.set(old)
  const from = Math.max(0, shift)
  const to = Math.min(SECTOR_SIZE, shift + data.length)
  sector.set(data.subarray(from - shift, to - shift), from)
  return sector
}

function countSectors(sectors: Sectors): number {
  let count = 0
  for (const sector of sectors) if (sector !== undefined) count++
  return count
}

function isZero(sector: Sector, from: number): boolean {
  for (let i = from; i < SECTOR_SIZE; i++) if (sector[i] !== 0) return false
  return true
}

const sectorHashes = new WeakMap<Sector, number>()
const HOLE_HASH = hashSector(new Uint8Array(SECTOR_SIZE))

function hashSector(sector: Sector): number {
  const hash = new StateHash()
  hash.addBytes(sector)
  return hash.digest()
}

function sectorHash(sector: Sector | undefined): number {
  if (sector === undefined) return HOLE_HASH
  let hash = sectorHashes.get(sector)
  if (hash === undefined) sectorHashes.set(sector, (hash = hashSector(sector)))
  return hash
}

function hashOf(image: FileImage): number {
  const hash = new StateHash()
  hash.add(image.size)
  for (let index = 0; index * SECTOR_SIZE < image.size; index++) hash.add(sectorHash(image.sectors[index]))
  return hash.digest()
}
