/**
 * The three offset checkpoints of a data directory that the logs need (spec/storage-format 1.2). A missing or unreadable one costs time: recovery
 * then starts at 0. A file is written only when its content changes, off the event loop, one at a time.
 *
 * A fourth tells how far the cleaner came in each compacted log. What it says of logs, or of offsets, that are gone is taken out: it would keep the next
 * cleaner from records that come in their place.
 */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { Mutex } from '../common/mutex.ts'
import { partitionKey } from '../common/topic-partition.ts'
import { replaceFile } from '../io/durable-file.ts'
import type { FileSystem } from '../io/file-system.ts'
import { CLEANER_FILE, formatCheckpoint, HIGH_WATERMARK_FILE, LOG_START_FILE, RECOVERY_POINT_FILE, readOffsetCheckpoint, type CheckpointEntry } from './checkpoint-file.ts'
import type { PartitionLog } from './partition-log.ts'

export interface RecordedOffsets { readonly recoveryPoint: number; readonly logStart: number; readonly highWatermark: number }

type CheckpointName = typeof RECOVERY_POINT_FILE | typeof LOG_START_FILE | typeof HIGH_WATERMARK_FILE

export class LogCheckpoints {
  readonly #fs: FileSystem
  readonly #root: string
  readonly #logger: Logger
  readonly #read = new Map<CheckpointName, Map<string, number>>()
  /** What the files hold, as text. */
  readonly #written = new Map<CheckpointName, string>()
  /** Null: the file cannot be read. */
  #cleaned: readonly CheckpointEntry[] | null
  readonly #writes = new Mutex()

  constructor(fs: FileSystem, root: string, logger: Logger) {
    this.#fs = fs
    this.#root = root
    this.#logger = logger
    for (const name of [RECOVERY_POINT_FILE, LOG_START_FILE, HIGH_WATERMARK_FILE] as const) this.#load(name)
    this.#cleaned = this.#entriesOf(CLEANER_FILE)
  }

  #load(name: CheckpointName): void {
    const entries = this.#entriesOf(name)
    this.#read.set(name, new Map(entries?.map((entry) => [partitionKey(entry.topic, entry.partition), entry.offset])))
    if (entries !== null && this.#fs.stat(join(this.#root, name))?.size !== 0) this.#written.set(name, rowsOf(entries).join('\n'))
  }

  /** Null: it cannot be read. */
  #entriesOf(name: string): CheckpointEntry[] | null {
    const path = join(this.#root, name)
    try {
      return readOffsetCheckpoint(this.#fs, path)
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      this.#logger.warn('a checkpoint cannot be read: it is taken as empty, which costs time only', { file: path, error })
      return null
    }
  }

  /** What was read at open; 0 where nothing was recorded. */
  recorded(topic: string, partition: number): RecordedOffsets {
    const key = partitionKey(topic, partition)
    const of = (name: CheckpointName): number => Math.max(0, this.#read.get(name)!.get(key) ?? 0)
    return { recoveryPoint: of(RECOVERY_POINT_FILE), logStart: of(LOG_START_FILE), highWatermark: of(HIGH_WATERMARK_FILE) }
  }

  /**
   * Recovery point of every log; log start of those whose start lies inside their first segment. Durable when it resolves. `logs` are asked when the write has its
   * turn, so what was true at the call is in it.
   */
  async writeRecoveryAndStart(logs: () => readonly PartitionLog[]): Promise<void> {
    await this.#write(RECOVERY_POINT_FILE, () => logs().map((log) => ({ topic: log.topic, partition: log.partition, offset: log.recoveryPoint })))
    await this.#write(LOG_START_FILE, () => {
      const inside = logs().filter((log) => log.logStartOffset > log.firstSegmentOffset)
      return inside.map((log) => ({ topic: log.topic, partition: log.partition, offset: log.logStartOffset }))
    })
    await this.#writes.run(() => this.#dropCleaned(logs))
  }

  async #dropCleaned(logs: () => readonly PartitionLog[]): Promise<void> {
    if (this.#cleaned?.length === 0) return
    const ends = new Map(logs().map((log) => [partitionKey(log.topic, log.partition), log.logEndOffset]))
    const kept = this.#cleaned?.filter(({ topic, partition, offset }) => offset <= (ends.get(partitionKey(topic, partition)) ?? -1)) ?? []
    if (kept.length === this.#cleaned?.length) return
    await this.#writeCleaned(kept)
  }

  /** Offsets below were cleaned; null: not known. */
  cleanedTo(topic: string, partition: number): number | null {
    return this.#cleaned?.find((entry) => entry.topic === topic && entry.partition === partition)?.offset ?? null
  }

  /** `isStill`, asked when the write has its turn: the log is what it was when it was cleaned. One that is cut off, or goes, later has that written behind this. */
  recordCleaned(topic: string, partition: number, offset: number, isStill: () => boolean): Promise<void> {
    return this.#writes.run(async () => {
      if (!isStill()) return
      const others = (this.#cleaned ?? []).filter((entry) => entry.topic !== topic || entry.partition !== partition)
      return this.#writeCleaned([...others, { topic, partition, offset }])
    })
  }

  async #writeCleaned(entries: readonly CheckpointEntry[]): Promise<void> {
    await replaceFile(this.#fs, join(this.#root, CLEANER_FILE), formatCheckpoint(rowsOf(entries)))
    this.#cleaned = entries
  }

  writeHighWatermarks(logs: () => readonly PartitionLog[]): Promise<void> {
    return this.#write(HIGH_WATERMARK_FILE, () => logs().map((log) => ({ topic: log.topic, partition: log.partition, offset: log.highWatermark })))
  }

  #write(name: CheckpointName, entries: () => readonly CheckpointEntry[]): Promise<void> {
    return this.#writes.run(async () => {
      const rows = rowsOf(entries())
      const text = rows.join('\n')
      if (this.#written.get(name) === text) return
      this.#written.delete(name)
      await replaceFile(this.#fs, join(this.#root, name), formatCheckpoint(rows))
      this.#written.set(name, text)
    })
  }
}

function rowsOf(entries: readonly CheckpointEntry[]): string[] {
  return entries.map((entry) => `${entry.topic} ${entry.partition} ${entry.offset}`)
}
