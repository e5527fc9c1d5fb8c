/**
 * Leader epochs of one partition, `leader-epoch-checkpoint` (spec/storage-format 9, 1.4): pairs (epoch, start offset), both ascending. Every
 * change is written and synced before the call returns, except where a call says otherwise.
 */
import { OttlaError } from '../common/errors.ts'
import { replaceFileSync } from '../io/durable-file.ts'
import type { FileSystem } from '../io/file-system.ts'
import { checkpointInteger, formatCheckpoint, parseCheckpoint } from './checkpoint-file.ts'

export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint'
const NO_EPOCH = -1

export interface EpochEntry { readonly epoch: number; readonly startOffset: number }
export interface EpochEndOffset { readonly epoch: number; readonly endOffset: number }
export interface EpochCacheOptions {
  /** True: nothing is ever written. */
  readonly readOnly?: boolean
}

const unknownEnd: EpochEndOffset = { epoch: NO_EPOCH, endOffset: -1 }

export class LeaderEpochCache {
  readonly #fs: FileSystem
  readonly #path: string
  readonly #readOnly: boolean
  readonly #entries: EpochEntry[] = []
  /** Of the last entry: asked for with every append. */
  #latest: number = NO_EPOCH
  #dirty = false

  private constructor(fs: FileSystem, path: string, options: EpochCacheOptions) {
    this.#fs = fs
    this.#path = path
    this.#readOnly = options.readOnly ?? false
  }

  /** No read; the file is written at the first change. */
  static empty(fs: FileSystem, path: string, options: EpochCacheOptions = {}): LeaderEpochCache {
    return new LeaderEpochCache(fs, path, options)
  }

  /** Missing or empty file: no entries. Entries that contradict later ones are dropped, as by `assign`. Raises LOG_CORRUPT (file) when it is no checkpoint. */
  static load(fs: FileSystem, path: string, options: EpochCacheOptions = {}): LeaderEpochCache {
    const cache = new LeaderEpochCache(fs, path, options)
    if (fs.stat(path) === null) return cache
    for (const row of parseCheckpoint(fs.readFile(path), path, 2)) {
      const epoch = checkpointInteger(row[0]!)
      const startOffset = checkpointInteger(row[1]!)
      if (Number.isNaN(epoch) || Number.isNaN(startOffset)) {
        throw new OttlaError('LOG_CORRUPT',
          `${path}: "${row.join(' ')}" is no epoch and start offset. The epochs can be rebuilt from the log: remove the file`, { file: path })
      }
      cache.#put(epoch, startOffset)
    }
    cache.#dirty = false
    return cache
  }

  /** Ascending. */
  get entries(): readonly EpochEntry[] { return this.#entries }

  /** −1 when there is none. */
  get latestEpoch(): number { return this.#latest }

  #changed(): void {
    this.#latest = this.#entries[this.#entries.length - 1]?.epoch ?? NO_EPOCH
    this.#dirty = true
  }

  get earliest(): EpochEntry | null { return this.#entries[0] ?? null }

  /**
   * Notes that `epoch` starts at `startOffset` (spec 9.1) and removes the entries this contradicts. True when something changed; epochs below 0 (old
   * formats) change nothing. `write` false: only in memory, for recovery, which ends with `flush`.
   */
  assign(epoch: number, startOffset: number, write: boolean = true): boolean {
    const latest = this.#entries[this.#entries.length - 1]
    if (epoch < 0 || startOffset < 0) return false
    if (latest !== undefined && latest.epoch === epoch && startOffset >= latest.startOffset) return false
    this.#put(epoch, startOffset)
    if (write) this.flush()
    return true
  }

  #put(epoch: number, startOffset: number): void {
    const entries = this.#entries
    let keep = entries.length
    while (keep > 0 && (entries[keep - 1]!.epoch >= epoch || entries[keep - 1]!.startOffset >= startOffset)) keep--
    entries.length = keep
    entries.push({ epoch, startOffset })
    this.#changed()
  }

  /** The greatest known epoch at or below `epoch` and where it ends (spec 9.2); −1 and −1 when not known. */
  endOffsetFor(epoch: number, logEndOffset: number): EpochEndOffset {
    if (epoch < 0) return unknownEnd
    if (epoch === this.latestEpoch) return { epoch, endOffset: logEndOffset }
    const above = this.#entries.findIndex((e) => e.epoch > epoch)
    if (above < 0) return unknownEnd
    const floor = this.#entries[above - 1]
    return { epoch: floor === undefined ? epoch : floor.epoch, endOffset: this.#entries[above]!.startOffset }
  }

  /** Drops entries that start at or above `offset`. */
  truncateFromEnd(offset: number): void {
    let keep = this.#entries.length
    while (keep > 0 && this.#entries[keep - 1]!.startOffset >= offset) keep--
    if (keep === this.#entries.length) return
    this.#entries.length = keep
    this.#changed()
    this.flush()
  }

  /** Keeps of the entries that start at or below `offset` the last one only, raised to `offset`. */
  truncateFromStart(offset: number): void {
    let below = 0
    while (below < this.#entries.length && this.#entries[below]!.startOffset <= offset) below++
    if (below === 0 || (below === 1 && this.#entries[0]!.startOffset === offset)) return
    this.#entries.splice(0, below, { epoch: this.#entries[below - 1]!.epoch, startOffset: offset })
    this.#changed()
    this.flush()
  }

  clear(): void {
    if (this.#entries.length === 0) return
    this.#entries.length = 0
    this.#changed()
    this.flush()
  }

  /** Writes when memory and file differ; the rename is the commit point. */
  flush(): void {
    if (!this.#dirty || this.#readOnly) return
    replaceFileSync(this.#fs, this.#path, formatCheckpoint(this.#entries.map((e) => `${e.epoch} ${e.startOffset}`)))
    this.#dirty = false
  }
}
