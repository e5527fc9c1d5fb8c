import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { hex, newDisk, toHex, writeFile } from '../../test/support/segment-harness.ts'
import { TimeIndex } from './time-index.ts'

const path = '/log/00000000000000000100.timeindex'
const base = 100

function load(bytes: Uint8Array): TimeIndex {
  const disk = newDisk()
  writeFile(disk, path, bytes)
  return TimeIndex.load(disk, path, base)
}

const entries = (index: TimeIndex): [number, number][] => Array.from({ length: index.entryCount }, (_, n) => [index.timestampAt(n), index.offsetAt(n)])

describe('the time index', () => {
  test('has twelve bytes an entry, big-endian', () => {
    const disk = newDisk()
    const index = new TimeIndex(base)
    index.maybeAppend(1700000000000, 103)
    index.writeTo(disk, path)
    expect(toHex(disk.readFile(path))).toBe('0000018bcfe5680000000003')
    expect(entries(TimeIndex.load(disk, path, base))).toEqual([[1700000000000, 103]])
  })

  test('takes a timestamp only when it is above the last', () => {
    const index = new TimeIndex(base)
    index.maybeAppend(-1, 100)
    index.maybeAppend(5, 101)
    index.maybeAppend(5, 102)
    index.maybeAppend(4, 103)
    index.maybeAppend(6, 103)
    expect(entries(index)).toEqual([[5, 101], [6, 103]])
    expect([index.lastTimestamp, index.lastOffset]).toEqual([6, 103])
    expect([new TimeIndex(base).lastTimestamp, new TimeIndex(base).lastOffset]).toEqual([-1, base])
  })

  test('takes relative offset 2^31−1, and refuses 2^31 and offsets that fall', () => {
    const index = new TimeIndex(base)
    expect(() => index.maybeAppend(1, base + 2 ** 31)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    index.maybeAppend(1, base + 2 ** 31 - 1)
    expect(() => index.maybeAppend(2, base)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })

  test('stops at what cannot be true', () => {
    const good = '000000000000000500000002000000000000000900000002'
    const table: [string, number, boolean][] = [
      [good, 2, true], [good + '00'.repeat(24), 2, false], [good + '000000000000000900000003', 2, false],
        [good + '000000000000000a00000001', 2, false], [good + '00000000', 2, false],
      [good + '7fffffffffffffff00000004', 2, false], ['ffffffffffffffff00000000', 0, false], ['00'.repeat(2040), 0, false],
        ['000000000000000000000001', 1, true], ['', 0, true],
    ]
    for (const [bytes, count, whole] of table) {
      const index = load(hex(bytes))
      expect([bytes, index.entryCount, !index.isDirty]).toEqual([bytes, count, whole])
    }
  })

  test('agrees with a sorted array, in memory and after any writes and truncations', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), timestamp: fc.integer({ min: -1, max: 60 }), offset: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ kind: fc.constant('truncate' as const), offset: fc.integer({ min: base - 2, max: base + 60 }) }),
      fc.constant({ kind: 'write' as const }), fc.constant({ kind: 'reload' as const }),
    )
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const disk = newDisk()
      let index = new TimeIndex(base)
      let model: [number, number][] = []
      for (const s of steps) {
        const last = model[model.length - 1] ?? [-1, base]
        if (s.kind === 'append') {
          // An entry of 12 zero bytes at the front reads as unused (spec 3.3).
          if (model.length === 0 && s.timestamp === 0) continue
          index.maybeAppend(s.timestamp, last[1] + s.offset)
          if (s.timestamp > last[0]) model.push([s.timestamp, last[1] + s.offset])
        } else if (s.kind === 'truncate') {
          index.truncateTo(s.offset)
          model = model.filter(([, offset]) => offset < s.offset)
        } else {
          index.writeTo(disk, path)
          expect(disk.stat(path)!.size).toBe(model.length * 12)
          if (s.kind === 'reload') index = TimeIndex.load(disk, path, base)
        }
        expect(entries(index)).toEqual(model)
        for (const target of [-5, 0, 7, 30, 99]) expect(index.floorEntry(target)).toBe(model.findLastIndex(([timestamp]) => timestamp <= target))
      }
    }), { numRuns: 300 })
  })
})
