/** When the active segment gives way to a new one (spec/storage-format 4): a pure decision over plain values. */

export const MAX_RELATIVE_OFFSET = 2147483647

export interface RollQuestion {
  readonly segmentSize: number
  readonly baseOffset: number
  /** Max timestamp of the segment's first batch; −1 when it has none. */
  readonly rollTimestamp: number
  /** Wall time at which this process created or loaded the segment. */
  readonly createdAtMs: number
  readonly segmentJitterMs: number
  readonly offsetEntries: number
  readonly maxOffsetEntries: number
  readonly timeEntries: number
  readonly maxTimeEntries: number
  /** Of the set about to be appended. */
  readonly appendBytes: number
  readonly appendMaxTimestamp: number
  readonly appendLastOffset: number
  /** Wall clock. */
  readonly nowMs: number
  readonly segmentBytes: number
  readonly maxSegmentMs: number
}

export type RollReason = 'size' | 'time' | 'index-full' | 'offset-range'

/** Why the set may not go into this segment; null when it may. */
export function rollReason(q: RollQuestion): RollReason | null {
  if (q.segmentSize > q.segmentBytes - q.appendBytes) return 'size'
  if (q.segmentSize > 0) {
    const waited = q.rollTimestamp >= 0 ? q.appendMaxTimestamp - q.rollTimestamp : q.nowMs - q.createdAtMs
    if (waited > q.maxSegmentMs - q.segmentJitterMs) return 'time'
  }
  if (q.offsetEntries >= q.maxOffsetEntries || q.timeEntries >= q.maxTimeEntries - 1) return 'index-full'
  return q.appendLastOffset - q.baseOffset > MAX_RELATIVE_OFFSET ? 'offset-range' : null
}
