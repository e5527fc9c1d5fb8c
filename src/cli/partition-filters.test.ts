import { expect, test } from 'vitest'
import { filterNames, partitionFilters } from './partition-filters.ts'

/** Which filters leave a partition of brokers 1, 2 and 3 with these in sync, two at least. */
function leaving(isr: readonly number[], leader: number, live: readonly number[]): string[] {
  const partition = { partition: 0, leader, replicas: [1, 2, 3], isr: [...isr], leaderEpoch: 0 }
  return filterNames.filter((name) => partitionFilters[name](partition, { live: new Set(live), minInSync: 2 }))
}

test.each([
  ['all in sync', [1, 2, 3], 1, [1, 2, 3], []],
  ['one behind', [1, 2], 1, [1, 2, 3], ['under-replicated-partitions', 'at-min-isr-partitions']],
  ['two behind', [1], 1, [1, 2, 3], ['under-replicated-partitions', 'under-min-isr-partitions']],
  ['none in sync, nobody leads', [], -1, [1, 2, 3], ['under-replicated-partitions', 'unavailable-partitions', 'under-min-isr-partitions']],
  ['led by a broker that is not there', [1, 2, 3], 1, [2, 3], ['unavailable-partitions']],
])('a partition of three replicas, %s', (_, isr, leader, live, left) => {
  expect(leaving(isr, leader, live)).toEqual(left)
})
