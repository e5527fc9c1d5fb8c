/**
 * Kafka's text checkpoints (spec/storage-format 1.4): a version line "0", a line with the number of entries, one line an entry.
 * Written as `<name>.tmp`, synced, renamed: the rename is the commit point. The four offset checkpoints of a log directory hold
 * `<topic> <partition> <offset>`; the leader epoch file holds `<epoch> <start offset>` (leader-epoch-cache.ts).
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'

export const RECOVERY_POINT_FILE = 'recovery-point-offset-checkpoint'
export const LOG_START_FILE = 'log-start-offset-checkpoint'
export const HIGH_WATERMARK_FILE = 'replication-offset-checkpoint'
export const CLEANER_FILE = 'cleaner-offset-checkpoint'

export interface CheckpointEntry { readonly topic: string; readonly partition: number; readonly offset: number }

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

/** The rows of a checkpoint as integers-or-text fields. Raises LOG_CORRUPT (file) as Kafka raises IOException. */
export function parseCheckpoint(_bytes: Uint8Array, _file: string, _fields: number): string[][] { return later() }
export function formatCheckpoint(_rows: readonly string[]): Uint8Array { return later() }

/** Missing or empty file: no entries. Raises LOG_CORRUPT (file): the caller decides what a lost checkpoint costs (spec 7: taken as all 0). */
export function readOffsetCheckpoint(_fs: FileSystem, _path: string): CheckpointEntry[] { return later() }
/** Replaces the file durably. */
export function writeOffsetCheckpoint(_fs: FileSystem, _path: string, _entries: readonly CheckpointEntry[]): void { later() }
