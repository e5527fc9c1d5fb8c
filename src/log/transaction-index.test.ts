import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { hex, newDisk, toHex, writeFile } from '../../test/support/segment-harness.ts'
import { TransactionIndex, type TransactionIndexEntry } from './transaction-index.ts'

const path = '/log/00000000000000000000.txnindex'
const vector = '00000000000000000fa0000000000000006400000000000000670000000000000068'
const entry: TransactionIndexEntry = { producerId: 4000, firstOffset: 100, lastOffset: 103, lastStableOffset: 104 }

function load(text: string, base: number = 0): TransactionIndex {
  const disk = newDisk()
  writeFile(disk, path, hex(text))
  return TransactionIndex.load(disk, path, base)
}

describe('the transaction index', () => {
  test('has exactly the bytes of Kafka', () => {
    const disk = newDisk()
    const index = new TransactionIndex(0)
    index.append(entry)
    index.writeTo(disk, path)
    expect(toHex(disk.readFile(path))).toBe(vector)
    expect(TransactionIndex.load(disk, path, 0).entries).toEqual([entry])
  })

  test('without an entry has no file, and takes an old one away', () => {
    const disk = newDisk()
    writeFile(disk, path, hex(vector))
    const index = new TransactionIndex(0)
    expect(index.isDirty).toBe(true)
    index.writeTo(disk, path)
    expect(disk.stat(path)).toBeNull()
    expect(index.isDirty).toBe(false)
    expect(TransactionIndex.load(disk, path, 0).isDirty).toBe(false)
  })

  test.each([
    ['a cut entry', vector + '0000'], ['another version', '01' + vector.slice(2)], ['last offsets that do not rise', vector + vector],
    ['a first offset above the last', '00000000000000000fa0000000000000006800000000000000670000000000000068'],
      ['a negative producer', '0000ffffffffffffffff000000000000006400000000000000670000000000000068'],
    ['zeros at the end', vector + '00'.repeat(34)], ['an offset beyond 2^53', '00000000000000000fa0000000000000006400200000000000670000000000000068'],
  ])('with %s is refused with file and position', (_, bytes) => {
    expect(() => load(bytes)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', file: path }))
  })

  test('of markers below its segment is refused',
    () => { expect(() => load(vector, 104)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', position: 0 })) })
  test('looks at the first byte of the version only, as Kafka does', () => { expect(load('0007' + vector.slice(4)).entries).toEqual([entry]) })

  test('finds what overlaps and says when no later segment can add to it', () => {
    const spans = fc.array(fc.record({ length: fc.nat(10), gap: fc.integer({ min: 1, max: 5 }), open: fc.nat(12) }), { maxLength: 12 })
    fc.assert(fc.property(spans, fc.nat(60), fc.nat(60), (list, from, to) => {
      const index = new TransactionIndex(0)
      let last = -1
      const all: TransactionIndexEntry[] = []
      for (const { length, gap, open } of list) {
        last += gap
        const one = { producerId: 1, firstOffset: Math.max(0, last - length), lastOffset: last, lastStableOffset: Math.max(0, last + 1 - open) }
        index.append(one)
        all.push(one)
      }
      const found: TransactionIndexEntry[] = []
      const complete = index.collect(from, to, found)
      const stop = all.findIndex((e) => e.lastOffset >= from && e.lastStableOffset >= to)
      expect(complete).toBe(stop >= 0)
      const looked = stop >= 0 ? all.slice(0, stop + 1) : all
      expect(found).toEqual(looked.filter((e) => e.lastOffset >= from && e.firstOffset < to))
    }), { numRuns: 300 })
  })

  test('is cut at the first transaction that ends at or after the offset', () => {
    const disk = newDisk()
    const index = new TransactionIndex(0)
    index.append({ ...entry, lastOffset: 103 })
    index.append({ ...entry, lastOffset: 110 })
    index.writeTo(disk, path)
    index.truncateTo(110)
    expect(index.entries.map((e) => e.lastOffset)).toEqual([103])
    index.writeTo(disk, path)
    expect(disk.stat(path)?.size).toBe(34)
    index.truncateTo(103)
    index.writeTo(disk, path)
    expect(disk.stat(path)).toBeNull()
  })

  test('refuses markers out of order', () => {
    const index = new TransactionIndex(0)
    index.append(entry)
    expect(() => index.append(entry)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })
})
