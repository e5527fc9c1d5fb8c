/** What a coordinator says of a member's generation, and when it says so late, or for ever. */
import { beforeAll, expect, test } from 'vitest'
import { harness } from '../../test/support/client-harness.ts'
import { fill } from '../../test/support/consumer-kit.ts'
import { GroupMember } from '../../test/support/group-member.ts'
import { loadAllCodecs } from '../record/compression.ts'

beforeAll(() => loadAllCodecs())

const setUp = (partitions: number) => {
  const h = harness()
  return { h, partitions: h.broker.createTopic('t', partitions) }
}

test.each(['heartbeat', 'offsetCommit'] as const)('ILLEGAL_GENERATION to %s: the member comes back as itself, and nobody waits for its session to end', async (which) => {
  const { h, partitions } = setUp(1)
  fill(partitions[0]!, 0, 3)
  const member = new GroupMember(h, 't', { 'heartbeat.interval.ms': 1000, 'auto.commit.interval.ms': 500 })
  await h.run(100)
  const members = [...h.broker.coordinator.group('g').members.keys()]
  const before = h.broker.calls(which)
  h.broker.faults = (api, _, call) => api === which && call === before + 1 ? { errorCode: 22 } : undefined
  await h.run(2000)
  expect(member.events).toEqual(['assigned t-0', 'lost t-0', 'assigned t-0'])
  expect([...h.broker.coordinator.group('g').members.keys()]).toEqual(members)
  await h.settle(member.consumer.close())
})

test.each([22, 27])('a late answer %i to a commit of the generation before says nothing of this one, in which it is made again', async (errorCode) => {
  const { h, partitions } = setUp(2)
  for (const partition of partitions) fill(partition, 0, 3)
  const member = new GroupMember(h, 't', { 'partition.assignment.strategy': ['cooperative-sticky'], 'heartbeat.interval.ms': 200, 'auto.commit.interval.ms': 1000 })
  await h.run(100)
  h.broker.faults = (api, _, call) => api === 'offsetCommit' && call === 1 ? { errorCode, delayMs: 2000 } : undefined
  await h.run(1000)
  h.broker.coordinator.rebalance(h.broker.coordinator.group('g'))
  await h.run(1000)
  const joins = h.broker.calls('joinGroup')
  await h.run(2000)
  expect(member.events).toEqual(['assigned t-0 t-1', 'assigned'])
  expect(h.broker.calls('joinGroup')).toBe(joins)
  expect([0, 1].map((partition) => h.broker.coordinator.committed('g', 't', partition))).toEqual([3, 3])
  await h.settle(member.consumer.close())
})

test.each([[79, 'joinGroup'], [25, 'joinGroup'], [27, 'syncGroup']] as const)('a coordinator that goes on answering with %i to %s is not asked without a pause', async (errorCode, which) => {
  const { h } = setUp(1)
  h.broker.faults = (api) => api === which ? { errorCode } : undefined
  const member = new GroupMember(h, 't')
  await h.run(60_000)
  expect(h.broker.calls('joinGroup')).toBeGreaterThan(20)
  expect(h.broker.calls('joinGroup')).toBeLessThan(100)
  h.broker.faults = () => undefined
  await h.run(2000)
  expect(member.owns).toBe('t-0')
  await h.settle(member.consumer.close())
})
