import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { hex, newDisk, toHex, writeFile } from '../../test/support/segment-harness.ts'
import { OffsetIndex } from './offset-index.ts'

const path = '/log/00000000000000000100.index'
const base = 100

function load(bytes: Uint8Array, logSize: number = 1_000_000): OffsetIndex {
  const disk = newDisk()
  writeFile(disk, path, bytes)
  return OffsetIndex.load(disk, path, base, logSize)
}

const entries = (index: OffsetIndex): [number, number][] => Array.from({ length: index.entryCount }, (_, n) => [index.offsetAt(n), index.positionAt(n)])

describe('the offset index', () => {
  test('has eight bytes an entry, big-endian, and nothing else', () => {
    const disk = newDisk()
    const index = new OffsetIndex(base)
    index.append(107, 4200)
    index.append(100 + 0x01020304, 0x7fffffff)
    index.writeTo(disk, path)
    expect(toHex(disk.readFile(path))).toBe('0000000700001068010203047fffffff')
    expect(entries(OffsetIndex.load(disk, path, base, 2 ** 40))).toEqual([[107, 4200], [100 + 0x01020304, 0x7fffffff]])
  })

  test('of an empty segment is an empty file', () => {
    const disk = newDisk()
    const index = new OffsetIndex(base)
    expect(index.isDirty).toBe(true)
    index.writeTo(disk, path)
    expect(disk.stat(path)?.size).toBe(0)
    expect(index.isDirty).toBe(false)
    expect([index.lastOffset, index.lastPosition, index.floorEntry(1000)]).toEqual([-1, 0, -1])
  })

  test('takes relative offset 2^31−1 and refuses 2^31', () => {
    const index = new OffsetIndex(base)
    expect(() => index.append(base + 2 ** 31, 10)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    index.append(base + 2 ** 31 - 1, 10)
    expect(index.lastOffset).toBe(base + 2 ** 31 - 1)
    expect(index.floorEntry(Number.MAX_SAFE_INTEGER)).toBe(0)
  })

  test.each<[number, number]>([[5, 20], [10, 10], [10, 5], [-1, 30], [4, 30]])('refuses (%d, %d) after (5, 10)', (offset, position) => {
    const index = new OffsetIndex(0)
    index.append(5, 10)
    expect(() => index.append(offset, position)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })

  test('stops at what cannot be true', () => {
    const good = '00000005000000640000000a000000c8'
    const table: [string, number, boolean][] = [
      [good, 2, true], [good + '00'.repeat(2032), 2, false], [good + '0000000a00000190', 2, false], [good + '0000000b000000c8', 2, false],
        [good + '0000000b000f4240', 2, false],
      [good + '0000000b0000', 2, false], [good + 'ffffffff00000190', 2, false], ['0000000000000000' + good, 0, false], ['00'.repeat(2048), 0, false],
        ['', 0, true],
    ]
    for (const [bytes, count, whole] of table) {
      const index = load(hex(bytes))
      expect([bytes.slice(32, 64), index.entryCount, !index.isDirty]).toEqual([bytes.slice(32, 64), count, whole])
    }
  })

  test('of a live broker, full of zeros, is trimmed by the next write', () => {
    const disk = newDisk()
    writeFile(disk, path, hex('0000000500000064' + '00'.repeat(2040)))
    const index = OffsetIndex.load(disk, path, base, 1000)
    expect(index.isDirty).toBe(true)
    index.append(110, 500)
    index.writeTo(disk, path)
    expect(toHex(disk.readFile(path))).toBe('00000005000000640000000a000001f4')
  })

  test('that is missing is empty and to be written', () => {
    const index = OffsetIndex.load(newDisk(), path, base, 10)
    expect([index.entryCount, index.isDirty]).toEqual([0, true])
  })

  test('agrees with a sorted array, in memory and after any writes and truncations', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), offset: fc.integer({ min: 1, max: 9 }), position: fc.integer({ min: 1, max: 99 }) }),
      fc.record({ kind: fc.constant('truncate' as const), offset: fc.integer({ min: base - 2, max: base + 200 }) }),
      fc.constant({ kind: 'write' as const }), fc.constant({ kind: 'reload' as const }),
    )
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.integer({ min: base - 5, max: base + 400 }), { maxLength: 10 }), (steps, targets) => {
      const disk = newDisk()
      let index = new OffsetIndex(base)
      let model: [number, number][] = []
      for (const s of steps) {
        const last = model[model.length - 1] ?? [base - 1, 0]
        if (s.kind === 'append') {
          const entry: [number, number] = [last[0] + s.offset, last[1] + s.position]
          index.append(...entry)
          model.push(entry)
        } else if (s.kind === 'truncate') {
          index.truncateTo(s.offset)
          model = model.filter(([offset]) => offset < s.offset)
        } else {
          index.writeTo(disk, path)
          expect(index.isDirty).toBe(false)
          expect(disk.stat(path)!.size).toBe(model.length * 8)
          if (s.kind === 'reload') index = OffsetIndex.load(disk, path, base, 1_000_000)
        }
        expect(entries(index)).toEqual(model)
        expect(index.lastOffset).toBe(model[model.length - 1]?.[0] ?? -1)
        expect(index.lastPosition).toBe(model[model.length - 1]?.[1] ?? 0)
        for (const target of targets) {
          expect(index.floorEntry(target)).toBe(model.findLastIndex(([offset]) => offset <= target))
          expect(index.floorPosition(target - base)).toBe(model.findLast(([, position]) => position <= target - base)?.[1] ?? 0)
        }
      }
    }), { numRuns: 300 })
  })

  test('writes only what is new', () => {
    const disk = newDisk()
    const index = new OffsetIndex(0)
    for (let n = 1; n <= 1000; n++) index.append(n, n * 100)
    index.writeTo(disk, path)
    index.append(1001, 100_100)
    const before = disk.operations.length
    index.writeTo(disk, path)
    const written = disk.operations.slice(before).filter((o) => o.kind === 'write')
    expect(written).toHaveLength(1)
    expect(disk.readFile(path)).toHaveLength(8008)
    index.writeTo(disk, path)
    expect(disk.operations.slice(before).filter((o) => o.kind === 'write')).toHaveLength(1)
  })
})
