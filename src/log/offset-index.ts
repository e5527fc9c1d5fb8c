/**
 * Offset index of one segment, `<base>.index` (spec/storage-format 3.1): 8 bytes an entry, big-endian, no header.
 *
 *   0  i32  last offset of a batch − base offset    strictly increasing
 *   4  i32  position of that batch in the .log      strictly increasing
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'

export const OFFSET_ENTRY_SIZE = 8

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

/** Entries in memory. Written to the file only by `writeTo`. Used by Segment alone; `load` also by inspect/. */
export class OffsetIndex {
  readonly baseOffset: number
  constructor(baseOffset: number) { this.baseOffset = baseOffset }
  /**
   * Reads a file of any provenance. Stops, without error, at the first entry that cannot be true: not ascending, zero tail (3.3), position at or
   * past `logSize`, trailing partial entry. A missing file is an empty index. `complete` tells whether the whole file was taken.
   */
  static load(_fs: FileSystem, _path: string, _baseOffset: number, _logSize: number): OffsetIndex { return later() }
  get entryCount(): number { return later() }
  /** False when `load` left something out. */
  get complete(): boolean { return later() }
  /** −1 when empty. */
  get lastOffset(): number { return later() }
  /** 0 when empty. */
  get lastPosition(): number { return later() }
  offsetAt(_entry: number): number { return later() }
  positionAt(_entry: number): number { return later() }
  /** Entry number of the greatest entry with offset ≤ `offset`; −1: none, scan from 0. */
  floorEntry(_offset: number): number { return later() }
  /** INTERNAL unless both grow and the relative offset fits in 31 bits. */
  append(_offset: number, _position: number): void { later() }
  /** Keeps entries with offset < `offset`. */
  truncateTo(_offset: number): void { later() }
  clear(): void { later() }
  /** Brings the file to exactly these entries; with `sync` also to the disk. */
  writeTo(_fs: FileSystem, _path: string, _sync: boolean): void { later() }
}
