/** Starting a new active segment (spec/storage-format 4). */
import type { Random } from '../common/random.ts'
import type { LogConfig } from './log-config.ts'
import type { LogState } from './log-state.ts'
import { SegmentList } from './segment-list.ts'
import { Segment } from './segment.ts'
import type { SealedFlusher } from './sealed-flusher.ts'

/** Drawn once a segment, so that the segments of many logs do not all roll at the same time. */
export function drawJitter(config: LogConfig, random: Random): number {
  const bound = Math.min(config.segmentJitterMs, config.maxSegmentMs)
  return bound > 0 ? random.int(bound) : 0
}

function createSegment(state: LogState, baseOffset: number): Segment {
  return Segment.create(state.store, baseOffset, state.config, { jitterMs: drawJitter(state.config, state.sharing.ports.random) })
}

/**
 * Makes `baseOffset` the start of a new active segment, inside the log's turn. Raises what the disk raises; then the old segment is still active.
 *
 * Order: index files of the old segment, then the new `.log`, then the producer snapshot. The commit point is the creation of `<baseOffset>.log`:
 * before it the old segment is the last one and its index files, if written, say no more than its log; after it the log ends with an empty segment.
 * The old segment is made durable behind this (log, indexes, snapshot, folder); until then the recovery point stays below, so a crash scans it again.
 * A power cut may leave the new segment and take the unsynced end of the old one: recovery walks from the recovery point on and drops what follows a
 * bad end. A durable append waits for the old segment, so nothing acknowledged as durable can stand behind a hole.
 */
export function rollSegment(state: LogState, sealed: SealedFlusher, baseOffset: number): void {
  const old = state.segments.active
  endActive(state)
  const segment = createSegment(state, baseOffset)
  state.segments = state.segments.withActive(segment)
  state.activeSinceMs = state.sharing.ports.clock.now()
  sealed.add(old, baseOffset, takeSnapshot(state, baseOffset))
}

/** Writes the last of the active segment, and cuts off what a failed write has left behind it. */
export function endActive(state: LogState): void {
  const { active } = state.segments
  if (state.hasLeftover) active.cutFile()
  state.hasLeftover = false
  active.seal()
}

/**
 * As `rollSegment` when the old segments are all about to be deleted: nothing of them is written any more, so that a full disk does not keep
 * retention from making room.
 */
export function replaceActive(state: LogState, baseOffset: number): void {
  state.segments.active.trim()
  const segment = createSegment(state, baseOffset)
  state.segments = state.segments.withActive(segment)
  state.hasLeftover = false
  state.activeSinceMs = state.sharing.ports.clock.now()
  state.producers.setEndOffset(baseOffset)
}

/** Replaces all segments by an empty one; the files of the old ones are the caller's. */
export function startOver(state: LogState, baseOffset: number): void {
  state.segments = new SegmentList([createSegment(state, baseOffset)])
  state.activeSinceMs = state.sharing.ports.clock.now()
}

/** A snapshot spares time at the next open, so the lack of one must not fail an append. */
function takeSnapshot(state: LogState, endOffset: number): string | null {
  try {
    state.producers.setEndOffset(endOffset)
    return state.producers.takeSnapshot()
  } catch (error) {
    state.sharing.ports.logger.warn('no producer snapshot could be written at a roll; the next open will take longer', { log: state.name, error })
    return null
  }
}
