/**
 * Which segments retention takes (spec/storage-format 8.1). Pure: values in, a plan out. Does not touch files, and never plans beyond the high
 * watermark.
 */
import type { LogConfig } from './log-config.ts'

export interface RetentionSegment {
  readonly baseOffset: number
  readonly size: number
  /** Largest record timestamp, or the file's modification time where no record has one. */
  readonly largestTimestamp: number
}

export interface RetentionInput {
  /** Oldest first; the last is the active one. */
  readonly segments: readonly RetentionSegment[]
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
  readonly config: Pick<LogConfig, 'isDeleted' | 'retentionBytes' | 'retentionMs'>
  /** Wall clock. */
  readonly now: number
}

export interface RetentionPlan {
  /** How many segments go, from the oldest. */
  readonly count: number
  /** All of them go: a new active segment must be rolled first. */
  readonly takesActive: boolean
  /** How many went by each rule, for the log line. */
  readonly byStartOffset: number
  readonly bySize: number
  readonly byTime: number
}

/** Counts from `from` while `expired` holds and nothing at or above the high watermark is touched. */
function countWhile(input: RetentionInput, from: number, expired: (index: number) => boolean): number {
  const { segments, highWatermark, logEndOffset } = input
  let index = from
  for (; index < segments.length; index++) {
    const next = segments[index + 1]
    const upperBound = next === undefined ? logEndOffset : next.baseOffset
    const emptyLast = next === undefined && segments[index]!.size === 0
    if (emptyLast || highWatermark < upperBound || !expired(index)) break
  }
  return index - from
}

export function planRetention(input: RetentionInput): RetentionPlan {
  const { segments, logStartOffset, config, now } = input
  const byStartOffset = countWhile(input, 0, (index) => {
    const next = segments[index + 1]
    return next !== undefined && next.baseOffset <= logStartOffset
  })
  let bySize = 0
  let byTime = 0
  if (config.isDeleted) {
    if (config.retentionBytes >= 0) {
      let excess = -config.retentionBytes
      for (let index = byStartOffset; index < segments.length; index++) excess += segments[index]!.size
      bySize = countWhile(input, byStartOffset, (index) => {
        const size = segments[index]!.size
        if (excess < size) return false
        excess -= size
        return true
      })
    }
    if (config.retentionMs >= 0) {
      byTime = countWhile(input, byStartOffset + bySize, (index) => now - segments[index]!.largestTimestamp > config.retentionMs)
    }
  }
  const count = byStartOffset + bySize + byTime
  return { count, takesActive: count === segments.length, byStartOffset, bySize, byTime }
}
