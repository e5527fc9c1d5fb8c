import { describe, expect, test } from 'vitest'
import { rollReason, type RollQuestion } from './segment-roll.ts'

const question: RollQuestion = {
  segmentSize: 500, baseOffset: 100, rollTimestamp: 1000, createdAtMs: 0, segmentJitterMs: 0, offsetEntries: 0, maxOffsetEntries: 10, timeEntries: 0,
    maxTimeEntries: 10,
  appendBytes: 500, appendMaxTimestamp: 1000, appendLastOffset: 110, nowMs: 0, segmentBytes: 1000, maxSegmentMs: 60,
}

describe('a segment rolls', () => {
  test.each<[string, Partial<RollQuestion>, string | null]>([
    ['not when the set fits exactly', {}, null],
    ['when it is one byte too much', { appendBytes: 501 }, 'size'],
    ['not while record time has advanced by just the limit', { appendMaxTimestamp: 1060 }, null],
    ['when record time has advanced beyond it', { appendMaxTimestamp: 1061 }, 'time'],
    ['earlier by the jitter', { appendMaxTimestamp: 1051, segmentJitterMs: 10 }, 'time'],
    ['by record time that begins with the epoch', { rollTimestamp: 0, appendMaxTimestamp: 61 }, 'time'],
    ['not before its end', { rollTimestamp: 0, appendMaxTimestamp: 60, nowMs: 10_000 }, null],
    ['not for records of the past', { appendMaxTimestamp: 5 }, null],
    ['not for wall time while records carry time', { nowMs: 10_000 }, null],
    ['by wall time where no record carries one', { rollTimestamp: -1, nowMs: 61 }, 'time'],
    ['never by time while it is empty', { segmentSize: 0, rollTimestamp: -1, nowMs: 10_000 }, null],
    ['when the offset index is full', { offsetEntries: 10 }, 'index-full'],
    ['when the time index has one slot left', { timeEntries: 9 }, 'index-full'],
    ['not with two slots left', { timeEntries: 8 }, null],
    ['not at the last offset that fits in 31 bits', { appendLastOffset: 100 + 2147483647 }, null],
    ['beyond it', { appendLastOffset: 100 + 2147483648 }, 'offset-range'],
  ])('%s', (_, change, expected) => { expect(rollReason({ ...question, ...change })).toBe(expected) })
})
