/**
 * Aborted transactions of one segment, `<base>.txnindex` (spec/storage-format 3.1): 34 bytes an entry, big-endian, ordered by last offset.
 *
 *   0  i16  version 0      2  i64  producerId      10  i64  first offset
 *  18  i64  last offset (the abort marker's)       26  i64  last stable offset when it was written
 *
 * The file exists only where there is an entry. Nothing else in the log can stand in for a lost entry but a scan (segment recovery), so
 * a file that is not whole raises LOG_CORRUPT instead of being read as far as it goes.
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'

export const TRANSACTION_ENTRY_SIZE = 34

export interface TransactionIndexEntry {
  readonly producerId: number
  /** First data offset of the transaction. */
  readonly firstOffset: number
  /** Offset of the abort marker. */
  readonly lastOffset: number
  readonly lastStableOffset: number
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class TransactionIndex {
  readonly baseOffset: number
  constructor(baseOffset: number) { this.baseOffset = baseOffset }
  /** Missing file: empty. Raises LOG_CORRUPT (file, position). */
  static load(_fs: FileSystem, _path: string, _baseOffset: number): TransactionIndex { return later() }
  get entries(): readonly TransactionIndexEntry[] { return later() }
  append(_entry: TransactionIndexEntry): void { later() }
  /**
   * Adds to `into` what overlaps [from, to) (spec 3.4). True: complete, no later segment can add anything; false: go on in the next one.
   */
  collect(_from: number, _to: number, _into: TransactionIndexEntry[]): boolean { return later() }
  /** Cuts at the first entry whose last offset is ≥ `offset`. */
  truncateTo(_offset: number): void { later() }
  clear(): void { later() }
  /** Removes the file when there is no entry. */
  writeTo(_fs: FileSystem, _path: string, _sync: boolean): void { later() }
}
