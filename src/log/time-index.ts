/**
 * Time index of one segment, `<base>.timeindex` (spec/storage-format 3.1): 12 bytes an entry, big-endian, no header.
 *
 *   0  i64  max timestamp so far in the segment                    strictly increasing
 *   8  i32  last offset of the first batch that has it − base      not decreasing
 *
 * Meaning: every record with a larger timestamp lies after that offset.
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'

export const TIME_ENTRY_SIZE = 12

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

/** As OffsetIndex: entries in memory, written only by `writeTo`. */
export class TimeIndex {
  readonly baseOffset: number
  constructor(baseOffset: number) { this.baseOffset = baseOffset }
  static load(_fs: FileSystem, _path: string, _baseOffset: number): TimeIndex { return later() }
  get entryCount(): number { return later() }
  get complete(): boolean { return later() }
  /** −1 when empty. */
  get lastTimestamp(): number { return later() }
  /** The base offset when empty. */
  get lastOffset(): number { return later() }
  timestampAt(_entry: number): number { return later() }
  offsetAt(_entry: number): number { return later() }
  /** Entry number of the greatest entry with timestamp ≤ `timestamp`; −1: none. */
  floorEntry(_timestamp: number): number { return later() }
  /** Appends when `timestamp` is above the last entry's; else does nothing (spec 3.2). */
  maybeAppend(_timestamp: number, _offset: number): void { later() }
  truncateTo(_offset: number): void { later() }
  clear(): void { later() }
  writeTo(_fs: FileSystem, _path: string, _sync: boolean): void { later() }
}
