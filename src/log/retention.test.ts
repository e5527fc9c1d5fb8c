import { describe, expect, test } from 'vitest'
import { RetentionClock } from './retention-clock.ts'
import { planRetention, type RetentionInput } from './retention.ts'

const HOUR = 3_600_000

function input(overrides: Partial<RetentionInput>, config: Partial<RetentionInput['config']> = {}): RetentionInput {
  const segments = [
    { baseOffset: 0, size: 100, largestTimestamp: 1 * HOUR },
    { baseOffset: 10, size: 100, largestTimestamp: 2 * HOUR },
    { baseOffset: 20, size: 100, largestTimestamp: 3 * HOUR },
    { baseOffset: 30, size: 50, largestTimestamp: 4 * HOUR },
  ]
  return {
    segments, logStartOffset: 0, highWatermark: 35, logEndOffset: 35, now: 4 * HOUR,
    config: { isDeleted: true, retentionBytes: -1, retentionMs: -1, ...config }, ...overrides,
  }
}

describe('planRetention', () => {
  test('takes nothing when nothing is limited', () => {
    expect(planRetention(input({}))).toEqual({ count: 0, takesActive: false, byStartOffset: 0, bySize: 0, byTime: 0 })
  })

  test('takes a segment by size only while the rest stays at or above retention.bytes', () => {
    expect(planRetention(input({}, { retentionBytes: 250 })).count).toBe(1)
    expect(planRetention(input({}, { retentionBytes: 251 })).count).toBe(0)
    expect(planRetention(input({}, { retentionBytes: 150 })).count).toBe(2)
    expect(planRetention(input({}, { retentionBytes: 149 })).count).toBe(2)
    expect(planRetention(input({}, { retentionBytes: 50 })).count).toBe(3)
  })

  test('takes even the active segment when retention.bytes is 0', () => {
    expect(planRetention(input({}, { retentionBytes: 0 }))).toMatchObject({ count: 4, takesActive: true })
  })

  test('takes a segment by time only when its newest record is strictly older than retention.ms', () => {
    expect(planRetention(input({ now: 3 * HOUR }, { retentionMs: 2 * HOUR })).count).toBe(0)
    expect(planRetention(input({ now: 3 * HOUR + 1 }, { retentionMs: 2 * HOUR })).count).toBe(1)
  })

  test('lets the active segment of a quiet log expire by time', () => {
    expect(planRetention(input({ now: 9 * HOUR }, { retentionMs: HOUR }))).toMatchObject({ count: 4, takesActive: true })
  })

  test('stops at the first segment that is young enough, whatever follows', () => {
    const segments = [
      { baseOffset: 0, size: 1, largestTimestamp: 0 }, { baseOffset: 5, size: 1, largestTimestamp: 100 * HOUR },
      { baseOffset: 9, size: 1, largestTimestamp: 0 }, { baseOffset: 12, size: 1, largestTimestamp: 0 },
    ]
    expect(planRetention(input({ segments, now: 10 * HOUR }, { retentionMs: HOUR })).count).toBe(1)
  })

  test('never takes an empty last segment', () => {
    const segments = [{ baseOffset: 0, size: 10, largestTimestamp: 0 }, { baseOffset: 35, size: 0, largestTimestamp: 0 }]
    expect(planRetention(input({ segments, now: 10 * HOUR }, { retentionMs: HOUR }))).toMatchObject({ count: 1, takesActive: false })
  })

  test('never takes a segment that reaches the high watermark', () => {
    expect(planRetention(input({ highWatermark: 19, now: 99 * HOUR }, { retentionMs: HOUR })).count).toBe(1)
    expect(planRetention(input({ highWatermark: 20, now: 99 * HOUR }, { retentionMs: HOUR })).count).toBe(2)
  })

  test('takes segments wholly below the log start offset even from a compacted log', () => {
    expect(planRetention(input({ logStartOffset: 20, now: 99 * HOUR }, { isDeleted: false, retentionMs: HOUR, retentionBytes: 0 })))
      .toMatchObject({ count: 2, byStartOffset: 2, takesActive: false })
    expect(planRetention(input({ logStartOffset: 19 })).count).toBe(1)
  })

  test('counts the size of what the start offset pass leaves', () => {
    expect(planRetention(input({ logStartOffset: 10 }, { retentionBytes: 150 }))).toMatchObject({ byStartOffset: 1, bySize: 1, count: 2 })
  })
})

describe('RetentionClock', () => {
  test('follows a clock that runs with the monotonic one', () => {
    const clock = new RetentionClock(1_000, 0)
    expect(clock.read(1_000 + HOUR, HOUR)).toEqual({ now: 1_000 + HOUR, held: false })
  })

  test('holds a leap of years back for an hour, then believes it', () => {
    const clock = new RetentionClock(0, 0)
    const leap = 10 * 365 * 24 * HOUR
    expect(clock.read(leap + 60_000, 60_000)).toEqual({ now: 60_000, held: true })
    expect(clock.read(leap + 30 * 60_000, 30 * 60_000)).toEqual({ now: 30 * 60_000, held: true })
    expect(clock.read(leap + HOUR + 60_000, HOUR + 60_000)).toEqual({ now: leap + HOUR + 60_000, held: false })
    expect(clock.read(leap + HOUR + 120_000, HOUR + 120_000).held).toBe(false)
  })

  test('forgets a leap that was taken back, and starts the hour anew at the next', () => {
    const clock = new RetentionClock(0, 0)
    expect(clock.read(100 * HOUR, 1).held).toBe(true)
    expect(clock.read(HOUR / 2, HOUR / 2)).toEqual({ now: HOUR / 2, held: false })
    expect(clock.read(100 * HOUR, HOUR).held).toBe(true)
    expect(clock.read(101 * HOUR - 1, 2 * HOUR - 1).held).toBe(true)
  })

  test('takes five minutes for a clock that was set, and a millisecond more for a leap', () => {
    expect(new RetentionClock(1000, 10).read(1000 + 300_000 + 5, 15)).toEqual({ now: 301_005, held: false })
    expect(new RetentionClock(1000, 10).read(1000 + 300_001 + 5, 15)).toEqual({ now: 1005, held: true })
  })

  test('believes a step back at once', () => {
    const clock = new RetentionClock(100 * HOUR, 0)
    expect(clock.read(50 * HOUR, 1)).toEqual({ now: 50 * HOUR, held: false })
    expect(clock.read(50 * HOUR + 10, 11)).toEqual({ now: 50 * HOUR + 10, held: false })
  })
})
