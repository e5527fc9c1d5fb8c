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

test('a run of expiry that comes while the one before waits for the disk takes nothing a second time', async () => {
  const h = await GroupHarness.create({ 'offsets.retention.minutes': 1, 'offsets.retention.check.interval.ms': 50_000 })
  await h.commit('g', 5)
  const log = h.logs[0]!
  const before = log.records().length
  log.held = []
  await h.scheduler.advance(100_000)
  await h.scheduler.advance(100_000)
  expect(log.held).toHaveLength(1)
  log.release()
  await h.scheduler.advance(1)
  await h.coordinator.expireOffsets()
  // Tombstones: of an offset (1), of the group (2).
  expect(log.records().slice(before).map(({ type, value }) => [type, value])).toEqual([[1, null], [2, null]])
  expect(await h.committed('g')).toBe(-1)
})
