import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { advanceSequence } from '../record/batch-format.ts'
import { backSequence, inSequence, ProducerEntry } from './producer-entry.ts'

const max = 2147483647

describe('sequence numbers', () => {
  test('go back as Kafka\'s do', () => {
    expect(backSequence(0, 1)).toBe(max)
    expect(backSequence(1, 3)).toBe(max - 1)
    expect(backSequence(9, 2)).toBe(7)
    expect(backSequence(2, 2)).toBe(0)
  })

  test('come back to where they were', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max }), fc.nat(100_000), (sequence, by) => {
      expect(backSequence(advanceSequence(sequence, by), by)).toBe(sequence)
    }))
  })

  test.each<[number, number, boolean]>([[-1, 0, true], [4, 5, true], [max, 0, true], [4, 4, false], [4, 6, false], [max - 1, 0, false],
    [-1, 1, false]])('%d may be followed by %d: %s', (last, next, expected) => {
    expect(inSequence(last, next)).toBe(expected)
  })
})

describe('a producer entry', () => {
  const batch = (n: number): { lastSequence: number; lastOffset: number; offsetDelta: number; timestamp: number } => ({ lastSequence: n * 2 + 1,
    lastOffset: n * 10 + 1, offsetDelta: 1, timestamp: n })

  test('remembers five batches of one epoch', () => {
    const entry = new ProducerEntry(7)
    for (let n = 0; n < 7; n++) entry.addBatch(0, batch(n))
    expect(entry.findBatch(2, 3)).toBeNull()
    for (let n = 2; n < 7; n++) expect(entry.findBatch(n * 2, n * 2 + 1)).toEqual(batch(n))
    expect(entry.findBatch(4, 4)).toBeNull()
    expect(entry.findBatch(5, 5)).toBeNull()
    entry.addBatch(1, batch(0))
    expect(entry.findBatch(12, 13)).toBeNull()
    expect(entry.summary()).toEqual({ producerId: 7, producerEpoch: 1, lastSequence: 1, lastTimestamp: 0, coordinatorEpoch: -1, currentTxnStartOffset: -1 })
  })

  test('finds the latest of two that have the same sequences', () => {
    const entry = new ProducerEntry(1)
    for (const lastOffset of [1, 11]) entry.addBatch(0, { ...batch(0), lastOffset })
    entry.addBatch(0, batch(1))
    expect(entry.findBatch(0, 1)).toMatchObject({ lastOffset: 11 })
  })

  test('is copied, not shared', () => {
    const entry = new ProducerEntry(7)
    entry.addBatch(0, batch(0))
    const copy = entry.clone()
    copy.addBatch(0, batch(1))
    expect(entry.lastSequence).toBe(1)
    expect(copy.lastSequence).toBe(3)
  })

  test('becomes what another is, in all that is told of it', () => {
    const other = new ProducerEntry(7)
    other.addBatch(3, batch(4))
    other.coordinatorEpoch = 5
    other.lastTimestamp = 60
    other.currentTxnFirstOffset = 8
    const entry = new ProducerEntry(7)
    entry.addBatch(9, batch(1))
    entry.take(other)
    expect(entry.summary()).toEqual({ producerId: 7, producerEpoch: 3, lastSequence: 9, lastTimestamp: 60, coordinatorEpoch: 5, currentTxnStartOffset: 8 })
    expect([entry.findBatch(8, 9), entry.findBatch(2, 3)]).toEqual([batch(4), null])
  })

  test('recognises a batch across the wrap of sequences', () => {
    const entry = new ProducerEntry(7)
    entry.addBatch(0, { lastSequence: 1, lastOffset: 13, offsetDelta: 3, timestamp: 0 })
    expect(entry.findBatch(max - 1, 1)).not.toBeNull()
  })
})
