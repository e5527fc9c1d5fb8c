/**
 * The three indexes of one segment as a unit: loaded at first use, dropped by `unload`, written to their files in flush order. Knows whether memory is
 * ahead of the files and whether the entries are known to be true (`trusted`: made by this process from the log itself).
 */
import { join } from 'node:path'
import { Mutex } from '../common/mutex.ts'
import type { FileSystem } from '../io/file-system.ts'
import { OffsetIndex } from './offset-index.ts'
import { indexFileKinds, segmentFileName, type IndexFileKind } from './segment-names.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

export class SegmentIndexes {
  readonly baseOffset: number
  readonly #fs: FileSystem
  readonly #directory: string
  #suffix = ''
  #offsets: OffsetIndex | null = null
  #times: TimeIndex | null = null
  #aborted: TransactionIndex | null = null
  #trusted = false
  /** Files written since the last flush: `seal` writes and does not sync. */
  readonly #unsynced = new Set<IndexFileKind>()
  /** A flush that returns speaks for those before it too. */
  readonly #flushes = new Mutex()

  constructor(fs: FileSystem, directory: string, baseOffset: number) {
    this.#fs = fs
    this.#directory = directory
    this.baseOffset = baseOffset
  }

  /** The files have this state suffix from now on. */
  renamed(suffix: string): void { this.#suffix = suffix }
  path(kind: IndexFileKind): string { return join(this.#directory, segmentFileName(this.baseOffset, kind)) + this.#suffix }

  /** True: the entries were made from the log by this process and need no check. */
  get trusted(): boolean { return this.#trusted }

  /** `logSize`: entries that point at or past it are not taken from the file. */
  offsets(logSize: number): OffsetIndex {
    return this.#offsets ??= OffsetIndex.load(this.#fs, this.path('index'), this.baseOffset, logSize)
  }

  times(): TimeIndex { return this.#times ??= TimeIndex.load(this.#fs, this.path('timeindex'), this.baseOffset) }
  /** Raises LOG_CORRUPT. */
  aborted(): TransactionIndex { return this.#aborted ??= TransactionIndex.load(this.#fs, this.path('txnindex'), this.baseOffset) }

  /** For a new segment: nothing to load. */
  reset(): void {
    this.replace(new OffsetIndex(this.baseOffset), new TimeIndex(this.baseOffset))
    this.#aborted = new TransactionIndex(this.baseOffset)
  }

  /** Takes indexes made from the log in place of what the files say. */
  replace(offsets: OffsetIndex, times: TimeIndex): void {
    this.#offsets = offsets
    this.#times = times
    this.#trusted = true
  }

  replaceAborted(aborted: TransactionIndex): void { this.#aborted = aborted }

  /** Keeps what lies below `offset`. Raises LOG_CORRUPT; then nothing has changed. */
  truncateTo(offset: number, logSize: number): void {
    const aborted = this.aborted()
    this.offsets(logSize).truncateTo(offset)
    this.times().truncateTo(offset)
    aborted.truncateTo(offset)
  }

  get isDirty(): boolean {
    return (this.#offsets?.isDirty ?? false) || (this.#times?.isDirty ?? false) || (this.#aborted?.isDirty ?? false)
  }

  /** Drops everything from memory, unless memory is ahead of the files. */
  unload(): void {
    if (this.isDirty) return
    this.#offsets = null
    this.#times = null
    this.#aborted = null
    this.#trusted = false
  }

  /** Brings the files up to memory. Not synced: `flush` does that, now or later. */
  write(): void {
    this.#writeIndex(this.#offsets, 'index')
    this.#writeIndex(this.#times, 'timeindex')
    this.writeAborted()
  }

  /** The transaction index alone. */
  writeAborted(): void { this.#writeIndex(this.#aborted, 'txnindex') }

  #writeIndex(index: OffsetIndex | TimeIndex | TransactionIndex | null, kind: IndexFileKind): void {
    if (index === null || !index.isDirty) return
    index.writeTo(this.#fs, this.path(kind))
    this.#unsynced.add(kind)
  }

  /** As `write`, and everything written since the last flush is durable, names included. */
  flush(): Promise<void> { return this.#flushes.run(() => this.#flush()) }

  async #flush(): Promise<void> {
    this.write()
    const kinds = this.#takeUnsynced()
    try {
      for (const kind of kinds) {
        // There is none where nothing was aborted; and retention may have removed the segment meanwhile.
        if (this.#fs.stat(this.path(kind)) === null) continue
        const file = this.#fs.open(this.path(kind), 'write')
        try {
          await file.datasync()
        } finally {
          file.close()
        }
      }
      if (kinds.length > 0) await this.#fs.syncDirectory(this.#directory)
    } catch (error) {
      this.#giveBack(kinds)
      throw error
    }
  }

  /** In flush order. What is written while they are synced is marked anew. */
  #takeUnsynced(): IndexFileKind[] {
    const kinds = indexFileKinds.filter((kind) => this.#unsynced.has(kind))
    this.#unsynced.clear()
    return kinds
  }

  #giveBack(kinds: readonly IndexFileKind[]): void { for (const kind of kinds) this.#unsynced.add(kind) }
}
