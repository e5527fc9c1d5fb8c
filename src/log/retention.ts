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

/** Forward leaps of the wall clock larger than this, against the monotonic clock, are not believed at once. */
const LEAP_MS = 5 * 60_000
/** How long a leapt clock must stay before retention believes it. */
const HOLD_MS = 60 * 60_000

/**
 * The wall clock as retention sees it: a clock that leaps ten years ahead must not delete everything before somebody notices. A leap forward is
 * believed after it has held for an hour of monotonic time; a step back is believed at once (it only keeps data longer).
 */
export class RetentionClock {
  #wall: number
  #monotonic: number
  #leaptAt: number | null = null

  constructor(wall: number, monotonic: number) {
    this.#wall = wall
    this.#monotonic = monotonic
  }

  /** The time to judge ages by, and whether a leap is being held back. */
  read(wall: number, monotonic: number): { readonly now: number; readonly held: boolean } {
    const expected = this.#wall + (monotonic - this.#monotonic)
    if (wall - expected > LEAP_MS) {
      this.#leaptAt ??= monotonic
      if (monotonic - this.#leaptAt < HOLD_MS) return { now: expected, held: true }
    }
    this.#leaptAt = null
    this.#wall = wall
    this.#monotonic = monotonic
    return { now: wall, held: false }
  }
}
