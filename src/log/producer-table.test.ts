/** The table against a plain list of what happened. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProducerEntry } from './producer-entry.ts'
import { ProducerTable } from './producer-table.ts'

interface Transaction { readonly producerId: number; readonly first: number; end: number | null }

describe('a producer table', () => {
  test('knows the first offset that is not stable, and the last stable one of each abort, as a list of transactions does', () => {
    const step = fc.record({ producerId: fc.nat(4), aborted: fc.boolean(), skip: fc.nat(3), stable: fc.boolean() })
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const table = new ProducerTable()
      let list: Transaction[] = []
      let offset = 0
      const lowest = (): number | null => (list.length === 0 ? null : Math.min(...list.map((each) => each.first)))
      for (const { producerId, aborted, skip, stable } of steps) {
        offset += skip
        const open = list.find((each) => each.producerId === producerId && each.end === null)
        if (open === undefined) {
          list.push({ producerId, first: offset, end: null })
          table.openTransaction(producerId, offset)
        } else {
          open.end = offset
          const stillOpen = list.filter((each) => each.end === null).map((each) => each.first)
          const entry = table.endTransaction(producerId, open.first, offset, aborted)
          expect(entry).toEqual(aborted
            ? { producerId, firstOffset: open.first, lastOffset: offset, lastStableOffset: stillOpen.length === 0 ? offset + 1 : Math.min(...stillOpen) } : null)
        }
        expect(table.firstUnstable).toBe(lowest())
        offset++
        if (!stable) continue
        // The high watermark need not be the end.
        const highWatermark = offset - skip
        list = list.filter((each) => each.end === null || each.end >= highWatermark)
        table.stabilise(highWatermark)
        expect(table.firstUnstable).toBe(lowest())
      }
      table.clear()
      expect([table.firstUnstable, table.firstOpen, table.size]).toEqual([null, null, 0])
    }), { numRuns: 100 })
  })

  test('is, once loaded, what it was loaded with and nothing else', () => {
    const table = new ProducerTable()
    table.set(new ProducerEntry(1))
    table.openTransaction(1, 3)
    table.openTransaction(2, 5)
    table.endTransaction(2, 5, 9, false)
    const [a, b] = [new ProducerEntry(7), new ProducerEntry(6)]
    a.currentTxnFirstOffset = 40
    b.currentTxnFirstOffset = 30
    table.load([a, b, new ProducerEntry(5)])
    expect(table.entries().map((entry) => entry.producerId)).toEqual([5, 6, 7])
    expect([table.firstOpen, table.firstUnstable]).toEqual([30, 30])
    expect(table.snapshot().map((entry) => [entry.producerId, entry.currentTxnFirstOffset, entry.lastOffset])).toEqual([[5, -1, -1], [6, 30, -1], [7, 40, -1]])
    expect(table.removeIf((entry) => entry.producerId < 7)).toBe(2)
    expect(table.entries()).toEqual([a])
  })

  test('does not know a producer that went, asked for last or not, and knows it again when it comes back', () => {
    const table = new ProducerTable()
    table.set(new ProducerEntry(1))
    expect(table.entry(1)?.producerEpoch).toBe(-1)
    expect(table.removeIf(() => true)).toBe(1)
    expect(table.entry(1)).toBe(undefined)
    const again = new ProducerEntry(1)
    again.setEpoch(4)
    table.set(again)
    expect([table.size, table.entry(1), table.entries()]).toEqual([1, again, [again]])
    const newer = new ProducerEntry(1)
    newer.setEpoch(6)
    table.set(newer)
    expect([table.size, table.entry(1)?.producerEpoch]).toEqual([1, 6])
    table.clear()
    expect(table.entry(1)).toBe(undefined)
  })
})
