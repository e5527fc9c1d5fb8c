/**
 * Taking offsets away from the end of a log (a follower's truncation, spec/storage-format 9.3), or all. Loaded when it is asked for: nothing in a database does.
 * Called inside the log's turn.
 */
import { OttlaError } from '../common/errors.ts'
import { check } from './log-arguments.ts'
import { rollSegment, startOver } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import { retire, syncFolder } from './log-truncation.ts'
import { rebuildProducerState } from './producer-rebuild.ts'
import type { SealedFlusher } from './sealed-flusher.ts'
import { SegmentList } from './segment-list.ts'

/** Raises INVALID_ARGUMENT. */
export function checkEnd(call: string, offset: number): void { check(Number.isSafeInteger(offset) && offset >= 0, `${call}: offset`, offset, 'a whole number from 0') }

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

/** Nothing at or above `offset` is shown from here on. */
function takeAway(state: LogState, offset: number): void {
  state.generation++
  state.cuts++
  state.tail.clear()
  state.durableEnd = Math.min(state.durableEnd, offset)
  const unstable = state.producers.firstUnstableOffset
  state.offsets.cutEnd(offset, unstable !== null && unstable < offset ? unstable : null)
}
