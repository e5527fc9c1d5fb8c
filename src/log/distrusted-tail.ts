/**
 * The memory of a failed fsync. After one, Linux marks the pages clean: the file reads well from the page cache although the disk does not have it,
 * and the next fsync succeeds. A process that reopens the log before a reboot must not believe the bytes above the recovery point only because it can
 * read them. So a plain file is left in the partition's folder (no sync needed: after a reboot the page cache is gone and what can be read is true),
 * and recovery writes those bytes once more, in place, and syncs them before anything else.
 *
 * `unsynced-tail`: empty. A Kafka broker ignores it.
 */
import { join } from 'node:path'
import type { Logger } from '../common/logger.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'

const MARK = 'unsynced-tail'
const COPY_BYTES = 1_048_576

export function isTailDistrusted(fs: FileSystem, directory: string): boolean { return fs.stat(join(directory, MARK)) !== null }

/** Best effort: the disk has just failed. */
export function markUnsynced(state: LogState): void { distrustTail(state.store.fileSystem, state.store.directory, state.sharing.ports.logger) }

/** As `markUnsynced`, for a log that is still being opened. */
export function distrustTail(fs: FileSystem, directory: string, logger: Logger): void {
  try {
    fs.open(join(directory, MARK), 'create').close()
  } catch (error) {
    logger.error('the failed sync could not be noted on disk: restore the log from a copy, or reboot before it is opened again', { directory, error })
  }
}

/** Everything is durable again. */
export function trustTail(fs: FileSystem, directory: string): void {
  fs.unlink(join(directory, MARK))
  fs.syncDirectorySync(directory)
}

/** Makes the pages of a segment dirty again, so that the next sync really writes them. The bytes do not change, so a torn rewrite does no harm. */
export function rewriteInPlace(fs: FileSystem, segment: Segment): void {
  const handle = fs.open(segment.logPath, 'write')
  try {
    const buffer = new Uint8Array(Math.min(COPY_BYTES, segment.size))
    for (let position = 0; position < segment.size; position += buffer.length) {
      const length = handle.readSync(buffer, 0, Math.min(buffer.length, segment.size - position), position)
      handle.writeSync(buffer, 0, length, position)
    }
    handle.datasyncSync()
  } finally {
    handle.close()
  }
}
