/**
 * What of a log compaction would work on, how much it is worth, and which segments become one (spec/storage-format 8.3). Asks segments; changes nothing.
 */
import type { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'

export interface CompactionRange {
  /** Offsets below were cleaned before. */
  readonly firstDirty: number
  /** The base of a segment: offsets from it on are left alone. At least `firstDirty`. */
  readonly end: number
  readonly dirtyBytes: number
  /** Of the bytes below `end`, those that were not cleaned; 0 when there are none. */
  readonly dirtyRatio: number
  /** `cuts` of the log: what is said here holds as long as it is that. */
  readonly cuts: number
  /** A record has waited for longer than max.compaction.lag.ms. */
  readonly isOverdue: boolean
}

/** `cleanedTo`: the offset that the last round reached, null when there is no record of it. `durableTo`: what lies above may be lost with a power cut. */
export async function compactionRange(state: LogState, cleanedTo: number | null, durableTo: number, now: number): Promise<CompactionRange> {
  const { offsets, config, segments: list, cuts } = state
  const { segments } = list
  const firstDirty = cleanedTo === null || cleanedTo < offsets.logStart || cleanedTo > offsets.logEnd ? offsets.logStart : cleanedTo
  const sealed = segments.slice(0, -1)
  const dirty = sealed.filter((_, i) => segments[i + 1]!.baseOffset > firstDirty)
  let bound = Math.min(offsets.lastStable, durableTo, segments.at(-1)!.baseOffset)
  if (config.minCompactionLagMs > 0) bound = Math.min(bound, await firstYoung(dirty, now - config.minCompactionLagMs))
  const end = Math.max(firstDirty, segments[Math.max(0, list.floorIndex(bound))]!.baseOffset)
  // Where the first dirty offset lies inside the segment that is left alone, nothing is dirty: `end` is that offset, not the end of the segment.
  const dirtyBytes = end > firstDirty ? bytesOf(dirty.filter((segment) => segment.baseOffset < end)) : 0
  const cleanBytes = bytesOf(sealed.filter((segment) => segment.baseOffset < firstDirty))
  return {
    cuts, firstDirty, end, dirtyBytes, dirtyRatio: dirtyBytes === 0 ? 0 : dirtyBytes / (cleanBytes + dirtyBytes),
    isOverdue: dirtyBytes > 0 && dirty.some((segment) => segment.rollTimestamp > 0 && segment.rollTimestamp < now - config.maxCompactionLagMs),
  }
}

/** Where the first segment begins that has a record younger than `since`. */
async function firstYoung(segments: readonly Segment[], since: number): Promise<number> {
  for (const segment of segments) if (await segment.largestTimestamp() > since) return segment.baseOffset
  return Number.POSITIVE_INFINITY
}

function bytesOf(segments: readonly Segment[]): number { return segments.reduce((sum, segment) => sum + segment.size, 0) }

export function isWorthCleaning(range: CompactionRange, minDirtyRatio: number): boolean {
  return range.isOverdue || range.dirtyRatio > minDirtyRatio
}

const MAX_SPAN = 2 ** 31 - 1

export interface GroupLimits { readonly segmentBytes: number; readonly segmentIndexBytes: number }

/** Segments that become one: as many neighbours as fit into a segment together, before they are cleaned. `end` is the offset behind the last of them. */
export function groupSegments(segments: readonly Segment[], end: number, { segmentBytes, segmentIndexBytes }: GroupLimits): Segment[][] {
  const groups: Segment[][] = []
  let group: Segment[] = []
  let bytes = 0
  let offsetBytes = 0
  let timeBytes = 0
  for (const [i, segment] of segments.entries()) {
    const last = (segments[i + 1]?.baseOffset ?? end) - 1
    const { offsets, times } = segment.indexBytes()
    const isRoom = bytes + segment.size <= segmentBytes && offsetBytes + offsets <= segmentIndexBytes && timeBytes + times <= segmentIndexBytes
    const first = group[0]
    if (first === undefined || !isRoom || (segment.size > 0 && last - first.baseOffset > MAX_SPAN)) {
      group = []
      groups.push(group)
      bytes = offsetBytes = timeBytes = 0
    }
    group.push(segment)
    bytes += segment.size
    offsetBytes += offsets
    timeBytes += times
  }
  return groups
}
