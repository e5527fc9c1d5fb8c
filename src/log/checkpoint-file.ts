/**
 * Kafka's text checkpoints (spec/storage-format 1.4): a version line "0", a line with the number of entries, one line an entry.
 * Written as `<name>.tmp`, synced, renamed: the rename is the commit point. The offset checkpoints of a log directory (recovery point,
 * log start, high watermark and the cleaner's) hold `<topic> <partition> <offset>`; the leader epoch file holds
 * `<epoch> <start offset>` (leader-epoch-cache.ts).
 */
import { OttlaError } from '../common/errors.ts'
import { replaceFileSync } from '../io/durable-file.ts'
import type { FileSystem } from '../io/file-system.ts'

export const RECOVERY_POINT_FILE = 'recovery-point-offset-checkpoint'
export const LOG_START_FILE = 'log-start-offset-checkpoint'
export const HIGH_WATERMARK_FILE = 'replication-offset-checkpoint'
/** Below these offsets the cleaner has compacted. */
export const CLEANER_FILE = 'cleaner-offset-checkpoint'

export interface CheckpointEntry { readonly topic: string; readonly partition: number; readonly offset: number }

const CHECKPOINT_VERSION = 0

function corrupt(file: string, line: number, what: string): OttlaError {
  return new OttlaError('LOG_CORRUPT',
    `${file}, line ${line}: ${what}. A lost checkpoint costs time, no records: remove the file to go on without it`, { file })
}

/** A decimal integer of a checkpoint, at least 0 and at most 2^53−1; NaN for anything else. */
export function checkpointInteger(text: string): number {
  if (!/^\+?\d{1,19}$/.test(text)) return Number.NaN
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : Number.NaN
}

/**
 * The rows of a checkpoint, each of `fields` texts. A file without an entry count (0 bytes, or the version alone) has none. Raises LOG_CORRUPT
 * (file) where Kafka raises IOException: wrong version, no integer, wrong number of fields or of entries.
 */
export function parseCheckpoint(bytes: Uint8Array, file: string, fields: number): string[][] {
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/)
  if (lines[lines.length - 1] === '') lines.pop()
  if (lines.length === 0) return []
  if (checkpointInteger(lines[0]!) !== CHECKPOINT_VERSION) throw corrupt(file, 1, `the version is ${JSON.stringify(lines[0]!.slice(0, 40))}, not 0`)
  if (lines.length === 1) return []
  const count = checkpointInteger(lines[1]!)
  if (Number.isNaN(count)) throw corrupt(file, 2, `${JSON.stringify(lines[1]!.slice(0, 40))} is no number of entries`)
  const rows: string[][] = []
  for (let i = 2; i < lines.length; i++) {
    const row = lines[i]!.trimEnd().split(/\s+/)
    if (row.length !== fields) throw corrupt(file, i + 1, `${row.length} fields instead of ${fields}`)
    rows.push(row)
  }
  if (rows.length !== count) throw corrupt(file, 2, `${count} entries are announced, ${rows.length} are there`)
  return rows
}

/** The bytes of a checkpoint with these entry lines. */
export function formatCheckpoint(rows: readonly string[]): Uint8Array {
  return new TextEncoder().encode([CHECKPOINT_VERSION, rows.length, ...rows].join('\n') + '\n')
}

/** Missing or empty file: no entries. Raises LOG_CORRUPT (file): the caller decides what a lost checkpoint costs (spec 7: taken as all 0). */
export function readOffsetCheckpoint(fs: FileSystem, path: string): CheckpointEntry[] {
  if (fs.stat(path) === null) return []
  return parseCheckpoint(fs.readFile(path), path, 3).map((row, i) => {
    const partition = checkpointInteger(row[1]!)
    const offset = checkpointInteger(row[2]!)
    if (Number.isNaN(partition) || Number.isNaN(offset)) throw corrupt(path, i + 3, 'partition and offset must be whole numbers from 0')
    return { topic: row[0]!, partition, offset }
  })
}

/** Replaces the file durably. */
export function writeOffsetCheckpoint(fs: FileSystem, path: string, entries: readonly CheckpointEntry[]): void {
  replaceFileSync(fs, path, formatCheckpoint(entries.map((e) => `${e.topic} ${e.partition} ${e.offset}`)))
}
