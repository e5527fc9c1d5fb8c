/**
 * Taking offsets away from a log: from its end (a follower's truncation, spec/storage-format 9.3), from its start (retention and DeleteRecords, 8.1,
 * 8.2), or all.
 * Called inside the log's turn. Files that go are renamed to `….deleted` and removed after file.delete.delay.ms; readers that are on them finish.
 */
import { OttlaError } from '../common/errors.ts'
import type { LogState } from './log-state.ts'
import { rollSegment, startOver } from './log-roll.ts'
import { rebuildProducerState } from './producer-rebuild.ts'
import type { SealedFlusher } from './sealed-flusher.ts'
import { SegmentList } from './segment-list.ts'
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

/**
 * Cuts the log back to `offset`, which is below its end. Batches are never split: where one held `offset`, a new segment of that name keeps the end
 * in its place. Commit point: the recovery-point checkpoint, written first: a crash later leaves a log that recovery walks from there, with more or
 * less of its end.
 */
export async function cutEnd(state: LogState, sealed: SealedFlusher, offset: number): Promise<void> {
  if (offset < state.segments.first.baseOffset) return restart(state, sealed, offset)
  takeAway(state, offset)
  await state.sharing.persistCheckpoints()
  const keep = state.segments.floorIndex(offset) + 1
  const gone = state.segments.segments.slice(keep)
  state.segments = state.segments.firstOnes(keep)
  for (const segment of gone.reverse()) retire(state, sealed, segment)
  const { active } = state.segments
  sealed.forget(active)
  await active.truncateTo(offset)
  await active.flush()
  // The sizes of the list are those of before.
  state.segments = state.segments.firstOnes(keep)
  state.epochs.truncateFromEnd(offset)
  const { producers, offsets, store } = state
  producers.truncateAndReload(offsets.logStart, offset, store.clock.now())
  try {
    await rebuildProducerState({ producers, segments: state.segments.segments, logStartOffset: offsets.logStart, endOffset: offset, nowMs: store.clock.now() })
  } catch (error) {
    if (!OttlaError.is(error, 'DISK_FULL')) throw error
    state.sharing.ports.logger.warn('the disk is full: no producer snapshot could be written; the next open takes longer', { log: state.name, error })
  }
  producers.onHighWatermark(offset)
  offsets.cutEnd(offset, producers.firstUnstableOffset)
  if (active.nextOffset < offset) keepEnd(state, sealed, offset)
  await syncFolder(state)
}

/** A batch that held `offset` is gone as a whole: a segment that begins at `offset` keeps the end of the log, across restarts too. */
function keepEnd(state: LogState, sealed: SealedFlusher, offset: number): void {
  const { active } = state.segments
  if (active.size > 0) return rollSegment(state, sealed, offset)
  const before = state.segments.segments.slice(0, -1)
  retire(state, sealed, active)
  startOver(state, offset)
  if (before.length > 0) state.segments = new SegmentList([...before, state.segments.active])
  else state.offsets.raiseStart(offset)
}

/**
 * Drops everything; the log goes on, empty, at `offset`. Commit point: the checkpoints, which put the log start at `offset`: a crash later leaves
 * segments below it, or none, and the loader starts afresh there.
 */
export async function restart(state: LogState, sealed: SealedFlusher, offset: number): Promise<void> {
  const gone = state.segments.segments
  state.generation++
  state.cuts++
  state.tail.clear()
  state.offsets.restartAt(offset)
  state.durableEnd = offset
  await state.sharing.persistCheckpoints()
  for (const segment of [...gone].reverse()) retire(state, sealed, segment)
  startOver(state, offset)
  state.epochs.clear()
  state.producers.truncateFullyAndStartAt(offset)
  await syncFolder(state)
}

async function syncFolder(state: LogState): Promise<void> {
  const { baseOffset } = state.segments.first
  await state.store.fileSystem.syncDirectory(state.store.directory)
  state.firstDurableBase = baseOffset
}

/** Nothing at or above `offset` is shown from here on. */
function takeAway(state: LogState, offset: number): void {
  state.generation++
  state.cuts++
  state.tail.clear()
  state.durableEnd = Math.min(state.durableEnd, offset)
  const unstable = state.producers.firstUnstableOffset
  state.offsets.cutEnd(offset, unstable !== null && unstable < offset ? unstable : null)
}
