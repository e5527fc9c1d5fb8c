/**
 * Taking offsets away from a log at its start (retention and DeleteRecords, spec/storage-format 8.1, 8.2); at its end: log-cut.ts.
 * Called inside the log's turn. Files that go are renamed to `….deleted` and removed after file.delete.delay.ms; readers that are on them finish.
 */
import { OttlaError } from '../common/errors.ts'
import type { LogState } from './log-state.ts'
import type { SealedFlusher } from './sealed-flusher.ts'
import type { Segment } from './segment.ts'

/** Renames the files of a segment that is in no list any more; they are removed later. */
export function retire(state: LogState, sealed: SealedFlusher, segment: Segment): void {
  setAside(state, sealed, segment, false)
  removeFilesLater(state, segment)
}

/** Renames them only. `keepsSnapshot`: another segment begins where it did. */
export function setAside(state: LogState, sealed: SealedFlusher, segment: Segment, keepsSnapshot: boolean): void {
  sealed.forget(segment)
  if (!keepsSnapshot) removeLater(state, state.producers.markSnapshotDeleted(segment.baseOffset))
  segment.markDeleted()
}

export function removeFilesLater(state: LogState, segment: Segment): void { later(state, () => segment.removeFiles()) }

function removeLater(state: LogState, path: string | null): void {
  if (path !== null) later(state, () => state.store.fileSystem.unlinkAsync(path))
}

/** After file.delete.delay.ms, unless the log is closed by then: its folder may be another owner's, and the next open removes what is left. */
function later(state: LogState, remove: () => Promise<void>): void {
  const { ports } = state.sharing
  ports.scheduler.after(state.config.fileDeleteDelayMs, () => {
    if (state.closed !== null) return
    remove().catch((error: unknown) => {
      ports.logger.warn('files of a deleted segment could not be removed; the next open tries again', { log: state.name, error })
    })
  })
}

/**
 * Moves the log start and drops the oldest `count` segments, which lie wholly below it. Commit point: the log-start-offset checkpoint. Before it
 * nothing is gone; after it a crash in the middle of the renames leaves segments that lie below the log start, and the next retention run takes them.
 */
export async function dropFirst(state: LogState, sealed: SealedFlusher, count: number): Promise<void> {
  const gone = state.segments.segments.slice(0, count)
  const rest = state.segments.withoutFirst(count)
  await moveStart(state, Math.max(state.offsets.logStart, rest.first.baseOffset))
  // Who looks something up in the list of before, since the start moved, may miss its files: that is worth another try.
  state.generation++
  state.segments = rest
  for (const segment of gone) retire(state, sealed, segment)
  // A clean close in the middle of a segment leaves a snapshot that belongs to no segment.
  for (const offset of state.producers.snapshotOffsets) if (offset < rest.first.baseOffset) removeLater(state, state.producers.markSnapshotDeleted(offset))
  await syncFolder(state)
}

/** Raises the log start, durably; on a full disk in memory only, until the next checkpoint, because deleting is what makes room. */
export async function moveStart(state: LogState, offset: number): Promise<void> {
  if (offset <= state.offsets.logStart) return
  state.generation++
  state.offsets.raiseStart(offset)
  state.producers.onLogStart(offset)
  try {
    await state.sharing.persistCheckpoints()
    state.epochs.truncateFromStart(offset)
  } catch (error) {
    if (!OttlaError.is(error, 'DISK_FULL')) throw error
    state.sharing.ports.logger.warn('the disk is full: the new log start is not on disk yet', { log: state.name, logStartOffset: offset })
  }
}

export async function syncFolder(state: LogState): Promise<void> {
  const { baseOffset } = state.segments.first
  await state.store.fileSystem.syncDirectory(state.store.directory)
  state.firstDurableBase = baseOffset
}
