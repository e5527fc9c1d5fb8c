/**
 * Leader epochs of one partition, `leader-epoch-checkpoint` (spec/storage-format 9, 1.4): ascending (epoch, start offset) pairs. Every change is
 * written and synced before the call returns, except where a call says otherwise.
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'

export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint'

export interface EpochEntry { readonly epoch: number; readonly startOffset: number }

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class LeaderEpochCache {
  /** No read; the file is written at the first change. With `readOnly` nothing is ever written. */
  static empty(_fs: FileSystem, _path: string, _options?: { readonly readOnly?: boolean }): LeaderEpochCache { return later() }
  /** Missing or empty file: no entries. Raises LOG_CORRUPT (file) for anything that is not a checkpoint with ascending epochs. */
  static load(_fs: FileSystem, _path: string, _options?: { readonly readOnly?: boolean }): LeaderEpochCache { return later() }
  get entries(): readonly EpochEntry[] { return later() }
  /** −1 when there is none. */
  get latestEpoch(): number { return later() }
  /** Null when there is none. */
  get earliest(): EpochEntry | null { return later() }
  /**
   * Notes that `epoch` starts at `startOffset` (spec 9.1). Removes entries it contradicts. True when something changed. `write` false: only in
   * memory, for recovery, which ends with `flush`.
   */
  assign(_epoch: number, _startOffset: number, _write?: boolean): boolean { return later() }
  /** Spec 9.2: (epoch, end offset), −1/−1 when not known. */
  endOffsetFor(_epoch: number, _logEndOffset: number): { readonly epoch: number; readonly endOffset: number } { return later() }
  /** Epoch of the record at `offset`; −1 when not known. */
  epochAt(_offset: number): number { return later() }
  /** Drops entries that start at or above `offset`. */
  truncateFromEnd(_offset: number): void { later() }
  /** Keeps of the entries that start at or below `offset` the last one only, raised to `offset`. */
  truncateFromStart(_offset: number): void { later() }
  clear(): void { later() }
  /** Writes when memory and file differ. */
  flush(): void { later() }
}
