import { expect, test } from 'vitest'
import { SegmentList } from './segment-list.ts'
import type { Segment } from './segment.ts'

const at = (baseOffset: number, size: number): Segment => ({ baseOffset, size }) as Segment

test('segments stand in the order of their offsets, and there is at least one', () => {
  const list = new SegmentList([at(3, 10), at(7, 20), at(9, 30)])
  expect([list.count, list.size, list.first.baseOffset, list.active.baseOffset]).toEqual([3, 60, 3, 9])
  for (const wrong of [[], [at(3, 1), at(3, 1)], [at(4, 1), at(3, 1)], [at(1, 1), at(5, 1), at(4, 1)]]) {
    expect(() => new SegmentList(wrong)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  }
})

test('the segment of an offset is the last that begins at or below it', () => {
  const list = new SegmentList([at(3, 10), at(7, 20), at(9, 30), at(20, 0)])
  expect([2, 3, 6, 7, 8, 9, 19, 20, 99].map((offset) => list.floorIndex(offset))).toEqual([-1, 0, 0, 1, 1, 2, 2, 3, 3])
  const alone = new SegmentList([at(3, 10)])
  expect([2, 3, 4].map((offset) => alone.floorIndex(offset))).toEqual([-1, 0, 0])
})

test('the size follows the segment that is being written', () => {
  const active = { baseOffset: 7, size: 5 }
  const list = new SegmentList([at(3, 10)]).withActive(active as Segment)
  expect(list.size).toBe(15)
  active.size = 50
  expect(list.size).toBe(60)
  expect([list.withoutFirst(1).count, list.withoutFirst(1).size, list.firstOnes(1).size]).toEqual([1, 50, 10])
})
