import { describe, expect, test } from 'vitest'
import { dateOf, durationOf, planOf, type ResetValues } from './reset-plan.ts'

const none: ResetValues = {
  'to-earliest': false, 'to-latest': false, 'to-current': false, 'to-offset': undefined, 'to-datetime': undefined,
  'by-duration': undefined, 'shift-by': undefined,
}
const now = new Date(1_000_000_000_000)

describe('the plan of a reset', () => {
  test.each([
    [{ 'to-earliest': true }, { kind: 'earliest' }],
    [{ 'to-latest': true }, { kind: 'latest' }],
    [{ 'to-current': true }, { kind: 'current' }],
    [{ 'to-offset': 0 }, { kind: 'offset', offset: 0 }],
    [{ 'shift-by': -3 }, { kind: 'shift', by: -3 }],
    [{ 'by-duration': 'PT1M' }, { kind: 'time', timestamp: 999_999_940_000 }],
    [{ 'to-datetime': '2026-01-31T10:00:00.000' }, { kind: 'time', timestamp: Date.UTC(2026, 0, 31, 10) }],
  ])('%j', (values, plan) => { expect(planOf({ ...none, ...values }, now)).toEqual(plan) })

  test('is exactly one', () => {
    expect(() => planOf(none, now)).toThrow(/^give exactly one of/)
    expect(() => planOf({ ...none, 'to-earliest': true, 'to-offset': 3 }, now)).toThrow(/^give exactly one of/)
  })
})

test('times without a zone are UTC', () => {
  expect(dateOf('2026-01-31T10:00:00')).toBe(Date.UTC(2026, 0, 31, 10))
  expect(dateOf('2026-01-31T10:00:00Z')).toBe(Date.UTC(2026, 0, 31, 10))
  expect(dateOf('2026-01-31T10:00:00+02:00')).toBe(Date.UTC(2026, 0, 31, 8))
  expect(() => dateOf('31.1.2026')).toThrow('--to-datetime needs a time like')
})

test('durations are ISO 8601', () => {
  expect(['P1D', 'PT2H30M', 'P1DT1S', 'PT0.5S', 'pt1,5s'].map(durationOf)).toEqual([86_400_000, 9_000_000, 86_401_000, 500, 1500])
  for (const wrong of ['', 'P', 'PT', 'P1DT', '1D', 'P1W', 'P-1D']) expect(() => durationOf(wrong), wrong).toThrow('--by-duration needs a duration')
})
