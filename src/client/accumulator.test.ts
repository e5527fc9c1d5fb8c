/** The memory that batches take: what is taken is given back, whatever became of them. */
import { expect, test } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { Accumulator, PartitionQueue } from './accumulator.ts'
import type { ProducerBatch } from './producer-batch.ts'

test('batches that grew, were full, or had one large record give back what they took; what is used is the sum of those that are there', () => {
  const random = new SeededRandom(20261123)
  const limit = 60_000
  const accumulator = new Accumulator(new ManualClock(), 16_384, limit)
  const queues = Array.from({ length: 5 }, (_, partition) => new PartitionQueue('t', partition))
  const there = (): ProducerBatch[] => queues.flatMap(({ open, sealed }) => open === null ? sealed : [...sealed, open])
  let refused = 0
  let grown = 0
  for (let step = 0; step < 6000; step++) {
    const queue = queues[random.int(queues.length)]!
    const before = queue.open
    const reserved = before?.reserved ?? 0
    const value = new Uint8Array(random.int(50) === 0 ? random.int(40_000) : random.int(700))
    const batch = accumulator.append(queue, step, null, value, null)
    if (batch === null) refused++
    if (batch !== null && batch === before && batch.reserved > reserved) grown++
    expect(accumulator.used, `step ${step}`).toBe(there().reduce((sum, each) => sum + each.reserved, 0))
    expect(accumulator.filled, `step ${step}`).toBe(there().reduce((sum, each) => sum + each.filled, 0))
    expect(accumulator.used, `step ${step}`).toBeLessThanOrEqual(limit)
    if (batch !== null && random.int(20) > 0) continue
    accumulator.seal(queue)
    for (const done of queue.sealed.splice(0)) accumulator.release(done)
  }
  expect([refused > 100, grown > 100]).toEqual([true, true])
  for (const queue of queues) {
    accumulator.seal(queue)
    for (const done of queue.sealed.splice(0)) accumulator.release(done)
  }
  expect([accumulator.used, accumulator.filled]).toEqual([0, 0])
})
