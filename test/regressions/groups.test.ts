/** Groups and offsets: incidents G1–G6 of spec/reliability 2.5, named after what must not happen here. The wider tests: src/coordinator/*.test.ts. */
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../../src/common/errors.ts'
import { buildBatch } from '../../src/record/record-batch-builder.ts'
import { consumerKit, fill } from '../support/consumer-kit.ts'
import { GroupHarness, Waiting } from '../support/group-harness.ts'

const DAY = 86_400_000
const LOADING = 14
const ILLEGAL_GENERATION = 22

test('G1 KIP-211: offsets of a quiet group must not expire under a living member, nor before the group has been empty long enough', async () => {
  const h = await GroupHarness.create()
  const [member] = await h.stable('g')
  await h.commit('g', 5, member)
  for (let day = 0; day < 8; day++) {
    h.scheduler.clock.setWall(h.scheduler.clock.now() + DAY)
    await h.coordinator.expireOffsets()
    expect(await h.heartbeat('g', member!)).toBe(0)
  }
  expect(await h.committed('g')).toBe(5)
  await h.leave('g', member!.memberId)
  await h.settle()
  h.scheduler.clock.setWall(h.scheduler.clock.now() + 6 * DAY)
  await h.coordinator.expireOffsets()
  expect(await h.committed('g')).toBe(5)
  h.scheduler.clock.setWall(h.scheduler.clock.now() + 2 * DAY)
  await h.coordinator.expireOffsets()
  expect(await h.committed('g')).toBe(-1)
})

test('G2: a fetch of offsets while they are being loaded must not be answered with a number', async () => {
  const h = await GroupHarness.create()
  await h.commit('g', 41)
  for (let turn = 0; turn < 3; turn++) {
    const coordinator = h.start()
    const asked = await coordinator.offsetFetch({ groupId: 'g', requireStable: false, partitions: [{ topic: 't', partition: 0 }] })
    expect(asked).toEqual({ ...asked, errorCode: LOADING, partitions: [] })
    expect(await h.commit('g', 1)).toBe(LOADING)
    await coordinator.loaded
    expect(await h.committed('g')).toBe(41)
    await coordinator.close()
  }
})

describe('G3 KIP-394: a storm of joins', () => {
  test('must not leak ids of members that never came back, and must end in one generation', async () => {
    const h = await GroupHarness.create()
    for (let i = 0; i < 100; i++) {
      h.join('g', { requireKnownMemberId: true })
      await h.settle()
    }
    const members = await h.stable('g', 100)
    await h.advance(10_000)
    expect(new Set(members.map((each) => each.generationId)).size).toBe(1)
    const { groups } = await h.coordinator.describeGroups({ groups: ['g'] })
    expect(groups[0]!.members.length).toBeLessThanOrEqual(100)
    await h.leave('g', ...members.map((each) => each.memberId))
    await h.advance(60_000)
    expect(await h.state('g')).toBe('Empty')
  })

  test('must not be made by static members that bounce', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2, [{ groupInstanceId: 'a' }, { groupInstanceId: 'b' }])
    for (let i = 0; i < 10; i++) {
      const back = h.join('g', { groupInstanceId: 'b' })
      await h.settle()
      expect(back.value).toMatchObject({ errorCode: 0, generationId: b!.generationId })
      expect(await h.heartbeat('g', a!, 'a')).toBe(0)
    }
  })
})

describe('G4: a commit of a generation that is over', () => {
  test('must not be taken: the offset never goes back by itself', async () => {
    const h = await GroupHarness.create()
    const [zombie] = await h.stable('g')
    await h.commit('g', 3, zombie)
    await h.leave('g', zombie!.memberId)
    const [heir] = await h.stable('g')
    expect(await h.commit('g', 9, heir)).toBe(0)
    for (const stale of [zombie!, { ...heir!, generationId: heir!.generationId - 1 }]) expect(await h.commit('g', 4, stale)).not.toBe(0)
    expect(await h.commit('g', 4, { ...heir!, generationId: heir!.generationId - 1 })).toBe(ILLEGAL_GENERATION)
    expect(await h.committed('g')).toBe(9)
  })

  test('nor be answered before it is in the log, where the next owner reads it', async () => {
    const h = await GroupHarness.create()
    await h.commit('g', 1)
    h.log.held = []
    const commit = new Waiting(h.commit('g', 2))
    await h.settle()
    expect(commit.isAnswered).toBe(false)
    h.log.failure = new OttlaError('LOG_OFFLINE', 'the sync failed')
    h.log.release()
    await h.settle()
    expect(commit.value).not.toBe(0)
    h.log.failure = null
    await h.crash()
    expect(await h.committed('g')).toBe(1)
  })
})

test('G5: auto-commit must not run ahead of what the application has asked for', async () => {
  const kit = consumerKit({ 'group.id': 'g', 'auto.commit.interval.ms': 1, 'max.poll.records': 10 })
  fill(kit.partition, 0, 100)
  kit.consumer.subscribe(['t'])
  const committed = async (): Promise<number> => {
    const answer = await kit.settle(kit.h.broker.offsetFetch({ groupId: 'g', requireStable: false, partitions: [{ topic: 't', partition: 0 }] }))
    return answer.partitions[0]?.committedOffset ?? -1
  }
  let handled = 0
  for (let poll = 0; poll < 5; poll++) {
    const batches = await kit.settle(kit.consumer.poll({ timeoutMs: 1000 }))
    const count = batches.reduce((sum, each) => sum + each.count, 0)
    await kit.run(1000)
    // What this poll gave is in hands, not handled.
    expect(await committed()).toBeLessThanOrEqual(handled)
    handled += count
  }
  expect(handled).toBeGreaterThan(30)
})

test('G6: one bad record in the offsets log must not take the other groups along', async () => {
  const h = await GroupHarness.create()
  for (const [group, offset] of [['a', 1], ['b', 2], ['c', 3]] as const) await h.commit(group, offset)
  h.log.put(buildBatch([{ timestamp: 1, key: new Uint8Array([0, 1, 0, 9]), value: new Uint8Array([0, 4]) }], { baseOffset: 3 }))
  await h.commit('d', 4)
  const flipped = h.log.batches[1]!.bytes
  flipped[flipped.length - 20]! ^= 0x40
  await h.crash()
  expect([await h.committed('a'), await h.committed('b'), await h.committed('c'), await h.committed('d')]).toEqual([1, -1, 3, 4])
  expect(h.logger.messages('error').length).toBeGreaterThan(0)
})
