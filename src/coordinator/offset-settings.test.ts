/** Settings of the broker that bear on committed offsets. */
import { expect, test } from 'vitest'
import { GroupHarness } from '../../test/support/group-harness.ts'

test('metadata of a commit has offset.metadata.max.bytes characters at most', async () => {
  const h = await GroupHarness.create({ 'offset.metadata.max.bytes': 3 })
  expect([await h.commit('g', 1, undefined, 't', 0, 'xyz'), await h.commit('g', 1, undefined, 't', 0, 'wxyz')]).toEqual([0, 12])
})

test('expiry comes every offsets.retention.check.interval.ms, and takes what is older than offsets.retention.minutes', async () => {
  const h = await GroupHarness.create({ 'offsets.retention.minutes': 1, 'offsets.retention.check.interval.ms': 50_000 })
  await h.commit('g', 5)
  const seen: number[] = []
  for (let second = 10; second <= 110; second += 10) {
    await h.scheduler.advance(10_000)
    if (await h.committed('g') === 5) seen.push(second)
  }
  expect(seen).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90])
})
