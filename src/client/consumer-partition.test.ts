import { describe, expect, test } from 'vitest'
import { ConsumerPartition } from './consumer-partition.ts'
import type { FetchedRecords } from './fetched-records.ts'

function at(position: number): ConsumerPartition<string, string> {
  const partition = new ConsumerPartition<string, string>('t', 0, { bytes: 0, paused: 0 })
  partition.moveTo(position)
  return partition
}

const course = ({ position, finished, fetchOffset }: ConsumerPartition<string, string>): number[] => [position, finished, fetchOffset]

test('whether there is more is not known any more once it reads on elsewhere', () => {
  const partition = at(5)
  partition.visibleEnd = 7
  expect(partition.isBehind).toBe(true)
  partition.moveTo(7)
  expect([partition.visibleEnd, partition.isBehind]).toEqual([-1, true])
  partition.visibleEnd = 7
  expect(partition.isBehind).toBe(false)
})

describe('a hole with which a log ends', () => {
  test('is passed over by who stands in front of it', () => {
    const partition = at(5)
    partition.passHole(5, 9)
    expect(course(partition)).toEqual([9, 9, 9])
  })

  test('is not taken for finished before what was handed out is', () => {
    const partition = at(3)
    partition.position = 5
    partition.passHole(5, 9)
    expect(course(partition)).toEqual([9, 3, 9])
  })

  test.each([[4, 9], [5, 5], [6, 9]])('from %d to %d is nothing to who stands at 5', (from, to) => {
    const partition = at(5)
    partition.passHole(from, to)
    expect(course(partition)).toEqual([5, 5, 5])
  })

  test('waits for records that were fetched and not handed out', () => {
    const partition = at(5)
    partition.add({ size: 100, isRead: false, nextOffset: 7 } as FetchedRecords<string, string>, 5)
    partition.passHole(5, 9)
    expect(course(partition)).toEqual([5, 5, 5])
  })
})
