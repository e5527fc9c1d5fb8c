import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LatencyHistogram } from './latency.ts'

test('percentiles are those of the sorted list, within a tenth of a millisecond or one percent', () => {
  const list = fc.array(fc.double({ min: 0, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 200 })
  fc.assert(fc.property(list, fc.double({ min: 0.01, max: 1, noNaN: true }), (latencies, share) => {
    const histogram = new LatencyHistogram()
    for (const ms of latencies) histogram.add(ms)
    const sorted = latencies.toSorted((a, b) => a - b)
    const exact = sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1]!
    expect(Math.abs(histogram.percentile(share) - exact)).toBeLessThanOrEqual(Math.max(0.1000001, exact * 0.0101))
    expect(histogram.count).toBe(latencies.length)
    expect(histogram.max).toBe(sorted.at(-1))
  }))
})

test('nothing measured is nothing', () => {
  const histogram = new LatencyHistogram()
  expect([histogram.mean, histogram.max, histogram.percentile(0.99)]).toEqual([0, 0, 0])
})
