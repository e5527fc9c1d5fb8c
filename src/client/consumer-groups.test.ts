import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { harness, outcome } from '../../test/support/client-harness.ts'
import { fill, readSome, values } from '../../test/support/consumer-kit.ts'
import { GroupMember as Member } from '../../test/support/group-member.ts'
import { OttlaError } from '../common/errors.ts'
import { decodeSubscription } from '../protocol/consumer-protocol.ts'
import { loadAllCodecs } from '../record/compression.ts'
import type { ConsumerSettings } from './types.ts'

beforeAll(() => loadAllCodecs())

const setUp = (partitions = 4) => {
  const h = harness()
  const made = h.broker.createTopic('t', partitions)
  return { h, partitions: made }
}

describe('a group of one', () => {
  test('is assigned everything, reads it, and leaves on close', async () => {
    const { h, partitions } = setUp(3)
    for (const partition of partitions) fill(partition, 0, 5)
    const member = new Member(h, 't')
    await h.run(100)
    expect(member.events).toEqual(['assigned t-0 t-1 t-2'])
    expect(member.read).toHaveLength(15)
    await h.settle(member.consumer.close())
    expect(member.events.at(-1)).toBe('revoked t-0 t-1 t-2')
    expect(member.error).toBeNull()
    expect(h.broker.coordinator.group('g').members.size).toBe(0)
    expect([0, 1, 2].map((partition) => h.broker.coordinator.committed('g', 't', partition))).toEqual([5, 5, 5])
    await h.run(1000)
    expect(h.scheduler.pendingTimers).toBe(0)
  })
  test('goes on where it stopped', async () => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 20)
    const first = h.clients.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    first.subscribe('t')
    expect((await h.settle(readSome(first, 7))).at(-1)!.offset).toBe(6)
    await h.settle(first.close())
    const second = h.clients.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    second.subscribe(['t'])
    expect((await h.settle(readSome(second, 1)))[0]!.offset).toBe(7)
    await h.settle(second.close())
  })
  test('keeps its session by heartbeats while the application works, for max.poll.interval.ms', async () => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 3)
    let release = (): void => {}
    const member = new Member(h, 't', { 'session.timeout.ms': 10_000, 'heartbeat.interval.ms': 3000, 'max.poll.interval.ms': 60_000 },
      () => new Promise((resolve) => { release = resolve }))
    await h.run(50_000)
    expect(h.broker.coordinator.group('g').members.size).toBe(1)
    release()
    await h.run(50_000)
    expect(member.read).toEqual(['t-0:0', 't-0:1'])
    await h.run(20_000)
    expect(h.broker.coordinator.group('g').members.size).toBe(0)
    expect(h.logger.messages('warn').some((message) => message.includes('max.poll.interval.ms'))).toBe(true)
    release()
    await h.run(100)
    // Back as a new member: what was in hand was never committed, and comes again.
    expect(member.events).toEqual(['assigned t-0', 'lost t-0', 'assigned t-0'])
    expect(member.read.slice(2)).toEqual(['t-0:1'])
    release()
    await h.run(0)
    release()
    await h.settle(member.consumer.close())
  })
  test('waiting for records is not too slow', async () => {
    const { h } = setUp(1)
    const member = new Member(h, 't', { 'max.poll.interval.ms': 1000 })
    await h.run(20_000)
    expect(member.events).toEqual(['assigned t-0'])
    await h.settle(member.consumer.close())
  })
})

describe('two members in one process', () => {
  test('share the partitions, eagerly: all are revoked first, and nothing is lost or read twice', async () => {
    const { h, partitions } = setUp()
    for (const partition of partitions) fill(partition, 0, 5)
    const first = new Member(h, 't')
    await h.run(100)
    const second = new Member(h, 't')
    await h.run(200)
    expect([first.owns, second.owns]).toEqual(['t-0 t-1', 't-2 t-3'])
    expect(first.events).toEqual(['assigned t-0 t-1 t-2 t-3', 'revoked t-0 t-1 t-2 t-3', 'assigned t-0 t-1'])
    expect(second.events).toEqual(['assigned t-2 t-3'])
    for (const partition of partitions) fill(partition, 5, 10)
    await h.run(100)
    await h.settle(first.consumer.close())
    await h.run(200)
    expect(second.owns).toBe('t-0 t-1 t-2 t-3')
    for (const partition of partitions) fill(partition, 10, 15)
    await h.run(100)
    const all = [...first.read, ...second.read]
    expect(new Set(all).size).toBe(60)
    expect(all).toHaveLength(60)
    await h.settle(second.consumer.close())
  })
  test('share them cooperatively: only what moves is revoked, and reading goes on', async () => {
    const { h, partitions } = setUp()
    const settings = { 'partition.assignment.strategy': ['cooperative-sticky' as const] }
    const first = new Member(h, 't', settings)
    await h.run(100)
    const second = new Member(h, 't', settings)
    await h.run(500)
    const [moved] = first.events.filter((event) => event.startsWith('revoked'))
    expect(first.events[0]).toBe('assigned t-0 t-1 t-2 t-3')
    expect(moved!.split(' ')).toHaveLength(3)
    expect(second.events.at(-1)).toBe(moved!.replace('revoked', 'assigned'))
    expect(`${first.owns} ${second.owns}`.split(' ').sort()).toEqual(['t-0', 't-1', 't-2', 't-3'])
    for (const partition of partitions) fill(partition, 0, 5)
    await h.run(100)
    expect(first.read.length).toBe(10)
    expect(second.read.length).toBe(10)
    await h.settle(Promise.all([first.consumer.close(), second.consumer.close()]))
  })
  test('cooperative members read what they keep while others take their time to join', async () => {
    const { h, partitions } = setUp(2)
    const settings = { 'partition.assignment.strategy': ['cooperative-sticky' as const] }
    let release = (): void => {}
    const slow = new Member(h, 't', settings, () => new Promise((resolve) => { release = resolve }))
    const quick = new Member(h, 't', settings)
    await h.run(500)
    fill(partitions[Number(slow.owns.slice(-1))]!, 0, 1)
    await h.run(100)
    expect(slow.read).toHaveLength(1)
    const third = new Member(h, 't', settings)
    await h.run(5000)
    fill(partitions[Number(quick.owns.slice(-1))]!, 0, 5)
    await h.run(5000)
    expect(quick.read).toHaveLength(5)
    expect(third.owns).toBe('')
    release()
    await h.run(1000)
    expect(third.events.at(-1)).toBe('assigned')
    release()
    await h.settle(Promise.all([slow, quick, third].map((member) => member.consumer.close())))
  })
  test('more members than partitions: some idle, and step in', async () => {
    const { h, partitions } = setUp(2)
    const members = [1, 2, 3].map(() => new Member(h, 't'))
    await h.run(1000)
    expect(members.map((member) => member.owns).sort()).toEqual(['', 't-0', 't-1'])
    const busy = members.find((member) => member.owns === 't-0')!
    await h.settle(busy.consumer.close())
    await h.run(500)
    fill(partitions[0]!, 0, 3)
    await h.run(100)
    const rest = members.filter((member) => member !== busy)
    expect(rest.flatMap((member) => member.read)).toHaveLength(3)
    await h.settle(Promise.all(rest.map((member) => member.consumer.close())))
  })
})

describe('revocation', () => {
  test('waits for the listener, which may commit, also on close', async () => {
    for (const closing of [false, true]) {
      const { h, partitions } = setUp(2)
      for (const partition of partitions) fill(partition, 0, 3)
      const member = new Member(h, 't', { 'enable.auto.commit': false })
      member.consumer.on('revoked', async () => {
        await new Promise<void>((resolve) => { h.scheduler.after(300, resolve) })
        await member.consumer.commit()
        member.events.push('committed')
      })
      await h.run(100)
      const other = closing ? null : new Member(h, 't')
      if (closing) await h.settle(member.consumer.close())
      else await h.run(1000)
      expect(member.events.slice(1, 3)).toEqual(['revoked t-0 t-1', 'committed'])
      expect([0, 1].map((partition) => h.broker.coordinator.committed('g', 't', partition))).toEqual([3, 3])
      if (other !== null) expect(other.read).toEqual([])
      await h.settle(Promise.all([member.consumer.close(), other?.consumer.close()]))
    }
  })
  test('commits what is finished first, and the record in hand counts as the next is asked for', async () => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 10)
    let release = (): void => {}
    const first = new Member(h, 't', { 'auto.commit.interval.ms': 1_000_000 },
      (record) => record.offset < 4 ? undefined : new Promise((resolve) => { release = resolve }))
    await h.run(100)
    const second = new Member(h, 't')
    await h.run(1000)
    expect(h.broker.coordinator.committed('g', 't', 0)).toBeUndefined()
    release()
    await h.run(1000)
    expect(h.broker.coordinator.commits[0]).toMatchObject({ offset: 5 })
    expect([...first.read.slice(0, 5), ...second.read, ...first.read.slice(5)].slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5].map((offset) => `t-0:${offset}`))
    release()
    await h.settle(Promise.all([first.consumer.close(), second.consumer.close()]))
  })
  test('a listener that throws is logged and stops nothing', async () => {
    const { h } = setUp(1)
    const consumer = h.clients.consumer({ 'group.id': 'g' })
    consumer.on('assigned', () => { throw new Error('mine') })
    const listener = (): void => { throw new Error('never called') }
    consumer.on('assigned', listener).off('assigned', listener)
    consumer.subscribe('t')
    await h.settle(consumer.poll({ timeoutMs: 100 }))
    expect(consumer.assignment()).toHaveLength(1)
    expect(h.logger.messages('error')).toEqual(["a listener of the consumer's 'assigned' event threw"])
    await h.settle(consumer.close())
  })
  test('a batch of a partition that has gone cannot be committed', async () => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 3)
    const consumer = h.clients.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    consumer.subscribe('t')
    const [batch] = await h.settle(consumer.poll())
    const group = h.broker.coordinator.group('g')
    h.broker.coordinator.expire(group, [...group.members.keys()][0]!)
    expect(await h.settle(outcome(consumer.commit()))).toBe('UNKNOWN_MEMBER_ID')
    await h.settle(consumer.poll({ timeoutMs: 500 }))
    expect(await h.settle(outcome(batch!.commit()))).toBe('ILLEGAL_GENERATION')
    await h.settle(consumer.close())
  })
  test('close inside a listener does not lock up', async () => {
    const { h } = setUp(1)
    const consumer = h.clients.consumer({ 'group.id': 'g' })
    let closed: Promise<void> | null = null
    consumer.on('assigned', async () => { closed = consumer.close(); await closed })
    consumer.subscribe('t')
    expect(await h.settle(consumer.poll({ timeoutMs: 60_000 }), 5000)).toEqual([])
    await closed
    expect(h.broker.coordinator.group('g').members.size).toBe(0)
  })
})

describe('being fenced', () => {
  test('partitions are lost without a commit, and the member comes back', async () => {
    const { h, partitions } = setUp(2)
    for (const partition of partitions) fill(partition, 0, 3)
    const member = new Member(h, 't', { 'auto.commit.interval.ms': 1_000_000 })
    await h.run(100)
    const group = h.broker.coordinator.group('g')
    h.broker.coordinator.expire(group, [...group.members.keys()][0]!)
    await h.run(5000)
    expect(member.events).toEqual(['assigned t-0 t-1', 'lost t-0 t-1', 'assigned t-0 t-1'])
    expect(h.broker.coordinator.commits).toEqual([])
    expect(member.read).toHaveLength(12)
    await h.settle(member.consumer.close())
  })
  test.each([true, false])('a member that is closed before it heard of it has lost its partitions; auto commit %s', async (isAuto) => {
    const { h, partitions } = setUp(2)
    for (const partition of partitions) fill(partition, 0, 3)
    const member = new Member(h, 't', { 'max.poll.interval.ms': 1000, 'enable.auto.commit': isAuto }, () => new Promise(() => {}))
    await h.run(5000)
    expect(h.broker.coordinator.group('g').members.size).toBe(0)
    await h.settle(member.consumer.close())
    expect(member.events).toEqual(['assigned t-0 t-1', 'lost t-0 t-1'])
    expect(h.broker.coordinator.commits).toEqual([])
  })
  test('a member that hears of it as it commits what it is to give up has lost that', async () => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 3)
    const member = new Member(h, 't', { 'heartbeat.interval.ms': 40_000, 'auto.commit.interval.ms': 60_000 })
    await h.run(100)
    const group = h.broker.coordinator.group('g')
    h.broker.coordinator.expire(group, [...group.members.keys()][0]!)
    member.consumer.subscribe(['t'])
    await h.run(100)
    expect(member.events).toEqual(['assigned t-0', 'lost t-0', 'assigned t-0'])
    await h.settle(member.consumer.close())
  })
  test('by another with the same group.instance.id is final', async () => {
    const { h } = setUp(1)
    const settings = { 'group.instance.id': 'i' }
    const first = new Member(h, 't', settings)
    await h.run(100)
    const second = new Member(h, 't', settings)
    await h.run(10_000)
    expect(first.error).toMatchObject({ code: 'FENCED_INSTANCE_ID' })
    expect(first.events).toEqual(['assigned t-0', 'lost t-0'])
    expect(await h.settle(outcome(first.consumer.poll()))).toBe('FENCED_INSTANCE_ID')
    expect(second.owns).toBe('t-0')
    await h.settle(Promise.all([first.consumer.close(), second.consumer.close()]))
  })
  test('is not read out of a late answer to a heartbeat of the generation before', async () => {
    const { h } = setUp(2)
    h.broker.faults = (api, _, call) => api === 'heartbeat' && call === 1 ? { errorCode: 22, delayMs: 2000 } : undefined
    const first = new Member(h, 't', { 'heartbeat.interval.ms': 3000 })
    await h.run(3500)
    // The beat is under way; another one makes the member see the rebalance.
    const second = new Member(h, 't')
    h.broker.coordinator.rebalance(h.broker.coordinator.group('g'))
    first.consumer.subscribe(['t'])
    await h.run(5000)
    expect(first.events.filter((event) => event.startsWith('lost'))).toEqual([])
    expect([first.owns, second.owns].sort()).toEqual(['t-0', 't-1'])
    await h.settle(Promise.all([first.consumer.close(), second.consumer.close()]))
  })
  test('a static member stays in the group on close, and comes back without a rebalance', async () => {
    const { h, partitions } = setUp(2)
    const first = new Member(h, 't', { 'group.instance.id': 'a' })
    const other = new Member(h, 't', { 'group.instance.id': 'b' })
    await h.run(1000)
    const owned = first.owns
    await h.settle(first.consumer.close())
    expect(h.broker.coordinator.group('g').members.size).toBe(2)
    const { generation } = h.broker.coordinator.group('g')
    const again = new Member(h, 't', { 'group.instance.id': 'a' })
    await h.run(1000)
    expect(again.owns).toBe(owned)
    expect(h.broker.coordinator.group('g').generation).toBe(generation)
    fill(partitions[Number(owned.slice(-1))]!, 0, 2)
    await h.run(100)
    expect(again.read).toHaveLength(2)
    await h.settle(Promise.all([again.consumer.close(), other.consumer.close()]))
  })
})

describe('subscriptions', () => {
  test('by pattern follow topics as they come, internal ones left out', async () => {
    const h = harness()
    h.broker.createTopic('truck_a', 1)
    h.broker.createTopic('boat', 1)
    h.broker.createTopic('__truck_internal', 1, true)
    const member = new Member(h, [/truck/g], { 'metadata.max.age.ms': 5000 })
    await h.run(100)
    expect(member.owns).toBe('truck_a-0')
    h.broker.createTopic('truck_b', 2)
    await h.run(6000)
    expect(member.owns).toBe('truck_a-0 truck_b-0 truck_b-1')
    h.broker.topics.delete('truck_a')
    await h.run(6000)
    expect(member.owns).toBe('truck_b-0 truck_b-1')
    await h.settle(member.consumer.close())
  })
  test('by pattern of nothing wait for the first', async () => {
    const h = harness()
    const member = new Member(h, /^later$/, { 'metadata.max.age.ms': 1000 })
    await h.run(500)
    expect(member.events).toEqual(['assigned'])
    fill(h.broker.createTopic('later', 1)[0]!, 0, 1)
    await h.run(2500)
    expect(member.read).toEqual(['later-0:0'])
    await h.settle(member.consumer.close())
  })
  test.each([[true, ''], [false, 'own_topic-0']])('by pattern leave internal topics out by exclude.internal.topics: %s', async (excluded, owns) => {
    const h = harness()
    h.broker.createTopic('own_topic', 1, true)
    const member = new Member(h, /^own_/, { 'exclude.internal.topics': excluded })
    await h.run(500)
    expect(member.owns).toBe(owns)
    await h.settle(member.consumer.close())
  })
  test('tell the group where they stand (client.rack)', async () => {
    const { h } = setUp(1)
    const member = new Member(h, 't', { 'client.rack': 'r1' })
    await h.run(100)
    const [joined] = [...h.broker.coordinator.group('g').members.values()]
    expect(joined!.request.protocols.map(({ metadata }) => decodeSubscription(metadata).rackId)).toEqual(joined!.request.protocols.map(() => 'r1'))
    await h.settle(member.consumer.close())
  })
  test('take in partitions that are added', async () => {
    const { h } = setUp(1)
    const member = new Member(h, 't', { 'metadata.max.age.ms': 5000 })
    await h.run(100)
    await h.settle(h.clients.admin.createPartitions('t', 3))
    await h.run(6000)
    expect(member.owns).toBe('t-0 t-1 t-2')
    await h.settle(member.consumer.close())
  })
  test('of a topic that is missing begin soon after it is made', async () => {
    const h = harness()
    h.broker.autoCreate = false
    const member = new Member(h, 'later')
    await h.run(3000)
    fill(h.broker.createTopic('later', 1)[0]!, 0, 2)
    await h.run(1500)
    expect(member.read).toEqual(['later-0:0', 'later-0:1'])
    await h.settle(member.consumer.close())
  })
  test('of a topic that goes as it is assigned, and comes back as it was, take it in', async () => {
    const { h } = setUp(1)
    h.broker.autoCreate = false
    h.broker.createTopic('u', 1)
    h.broker.faults = (api, _, call) => {
      if (api === 'metadata' && call === 2) h.broker.topics.delete('u')
      return undefined
    }
    const member = new Member(h, ['t', 'u'])
    await h.run(100)
    expect(member.owns).toBe('t-0')
    h.broker.createTopic('u', 1)
    await h.run(1500)
    expect(member.owns).toBe('t-0 u-0')
    await h.settle(member.consumer.close())
  })
  test('may change', async () => {
    const { h } = setUp(1)
    h.broker.createTopic('u', 1)
    const member = new Member(h, 't')
    await h.run(100)
    member.consumer.subscribe(['u', 't'])
    await h.run(500)
    expect(member.owns).toBe('t-0 u-0')
    member.consumer.subscribe('u')
    await h.run(500)
    expect(member.owns).toBe('u-0')
    await h.settle(member.consumer.close())
  })
  test('differ between members of a group', async () => {
    const { h } = setUp(2)
    h.broker.createTopic('u', 2)
    const first = new Member(h, 't')
    const second = new Member(h, ['t', 'u'])
    await h.run(1000)
    expect(first.owns.includes('u')).toBe(false)
    expect(`${first.owns} ${second.owns}`.trim().split(' ').sort()).toEqual(['t-0', 't-1', 'u-0', 'u-1'])
    await h.settle(Promise.all([first.consumer.close(), second.consumer.close()]))
  })
})

describe('a coordinator that fails', () => {
  test.each([14, 15, 16])('joining is tried again after %i', async (errorCode) => {
    const { h } = setUp(1)
    h.broker.faults = (api, _, call) => (api === 'joinGroup' || api === 'syncGroup') && call <= 2 ? { errorCode } : undefined
    const member = new Member(h, 't')
    await h.run(5000)
    expect(member.owns).toBe('t-0')
    await h.settle(member.consumer.close())
  })
  test.each([[79, 'a new id'], [25, 'forgotten'], [27, 'rebalancing'], [22, 'old generation']])('joining goes on at once after %i: %s', async (errorCode) => {
    const { h } = setUp(1)
    h.broker.faults = (api, _, call) => api === (errorCode === 79 ? 'joinGroup' : 'syncGroup') && call === 1 ? { errorCode } : undefined
    const member = new Member(h, 't')
    await h.run(50)
    // The old member id is still in the group of the fake, which waits for it until its session ends.
    if (errorCode === 25) await h.run(300_000)
    expect(member.owns).toBe('t-0')
    await h.settle(member.consumer.close())
  })
  test.each([[23, 'INCONSISTENT_GROUP_PROTOCOL'], [26, 'INVALID_SESSION_TIMEOUT'], [24, 'INVALID_GROUP_ID'],
    [81, 'GROUP_MAX_SIZE_REACHED']])('%i is told to the application, and joining tried again at the next poll', async (errorCode, code) => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 1)
    h.broker.faults = (api, _, call) => api === 'joinGroup' && call <= 2 ? { errorCode } : undefined
    const consumer = h.clients.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    consumer.subscribe('t')
    expect(await h.settle(outcome(consumer.poll()))).toBe(code)
    expect(await h.settle(outcome(consumer.poll()))).toBe(code)
    expect(values(await h.settle(consumer.poll()))).toEqual(['v0'])
    await h.settle(consumer.close())
  })
  test.each(['DISK_FULL', 'TOO_MANY_OPEN_FILES'] as const)('%s is told by poll, and once there is room the group goes on by itself', async (code) => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 1)
    h.broker.faults = (api, _, call) => api === 'joinGroup' && call <= 2 ? { rejects: new OttlaError(code, 'no room') } : undefined
    const consumer = h.clients.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    consumer.subscribe('t')
    expect(await h.settle(outcome(consumer.poll()))).toBe(code)
    await h.run(5000)
    expect(values(await h.settle(consumer.poll().catch(() => consumer.poll())))).toEqual(['v0'])
    await h.settle(consumer.close())
  })
  test('poll does not wait longer for a rebalance than it is told', async () => {
    const { h } = setUp(1)
    h.broker.faults = (api) => api === 'joinGroup' ? { silent: true } : undefined
    const consumer = h.clients.consumer({ 'group.id': 'g' })
    consumer.subscribe('t')
    expect(await h.settle(consumer.poll({ timeoutMs: 300 }), 1000)).toEqual([])
    await h.settle(consumer.close(), 1000)
  })
  test('a consumer that is closed while it joins leaves when the join completes', async () => {
    const { h } = setUp(1)
    h.broker.faults = (api) => api === 'joinGroup' ? { delayMs: 2000 } : undefined
    const consumer = h.clients.consumer({ 'group.id': 'g' })
    consumer.subscribe('t')
    await h.settle(consumer.poll({ timeoutMs: 100 }))
    await h.settle(consumer.close())
    expect(h.broker.coordinator.group('g').members.size).toBe(1)
    await h.run(3000)
    expect(h.broker.coordinator.group('g').members.size).toBe(0)
  })
  test('close ends though the coordinator does not answer', async () => {
    const { h } = setUp(1)
    const consumer = h.clients.consumer({ 'group.id': 'g', 'default.api.timeout.ms': 5000 })
    consumer.subscribe('t')
    await h.settle(consumer.poll({ timeoutMs: 100 }))
    h.broker.faults = (api) => api === 'offsetCommit' || api === 'leaveGroup' ? { silent: true } : undefined
    await h.settle(consumer.close(), 20_000)
  })
  test('a commit that is tried again is not made for a member that was put out and has come back meanwhile', async () => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 3)
    const consumer = h.clients.consumer({
      'group.id': 'g', 'auto.offset.reset': 'earliest', 'enable.auto.commit': false, 'retry.backoff.ms': 20_000, 'retry.backoff.max.ms': 20_000, 'heartbeat.interval.ms': 1000,
    })
    consumer.subscribe('t')
    await h.settle(consumer.poll())
    let failures = 0
    let fenced = 0
    h.broker.faults = (api) => {
      if (api === 'offsetCommit' && failures++ === 0) return { errorCode: 13 }
      return api === 'heartbeat' && failures > 0 && fenced++ === 0 ? { errorCode: 25 } : undefined
    }
    const commit = consumer.commit().then(() => 'committed', (error: OttlaError) => error.code)
    for (let polls = 0; polls < 8 && (await h.settle(consumer.poll({ timeoutMs: 1000 }))).length === 0;) polls++
    expect(fenced).toBeGreaterThan(0)
    expect(await h.settle(commit, 60_000)).toBe('ILLEGAL_GENERATION')
    expect(failures).toBe(1)
    await h.settle(consumer.close())
  })
  test('a consumer that subscribes commits nothing while it is in no generation, although the group is empty', async () => {
    const { h } = setUp(1)
    const consumer = h.clients.consumer({ 'group.id': 'g' })
    consumer.subscribe('t')
    const asked = h.broker.calls('offsetCommit')
    await expect(h.settle(consumer.commit([{ topic: 't', partition: 0, offset: 1 }]))).rejects.toMatchObject({ code: 'ILLEGAL_GENERATION' })
    expect(h.broker.calls('offsetCommit')).toBe(asked)
    await h.settle(consumer.close())
  })
  test('a commit during a rebalance waits for the new generation', async () => {
    const { h, partitions } = setUp(1)
    fill(partitions[0]!, 0, 3)
    const consumer = h.clients.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    consumer.subscribe('t')
    await h.settle(consumer.poll())
    h.broker.faults = (api, _, call) => api === 'offsetCommit' && call <= 2 ? { errorCode: 27 } : undefined
    await h.settle(consumer.commit())
    expect(h.broker.coordinator.committed('g', 't', 0)).toBe(3)
    await h.settle(consumer.close())
  })
})

describe('whatever members do', () => {
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('join' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const), which: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const), which: fc.nat(5) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const), partition: fc.nat(3), count: fc.integer({ min: 1, max: 12 }) }) },
  )
  const story = fc.array(fc.record({ action, waitMs: fc.constantFrom(0, 1, 5, 40, 400) }), { minLength: 5, maxLength: 25 })

  test.each(['range', 'cooperative-sticky', 'sticky'] as const)('with %s every record is processed, and nothing is committed before it is',
    async (strategy) => {
    await fc.assert(fc.asyncProperty(story, async (steps) => {
      const { h, partitions } = setUp(4)
      const settings: ConsumerSettings = { 'partition.assignment.strategy': [strategy], 'auto.commit.interval.ms': 20, 'max.poll.records': 3,
        'session.timeout.ms': 9000, 'heartbeat.interval.ms': 3000 }
      const processed = new Set<string>()
      const members: Member[] = []
      const join = (): void => {
        const member: Member = new Member(h, 't', settings, async (record) => {
          const name = `t-${record.partition}:${record.offset}`
          if (record.offset % 3 === 0) await new Promise<void>((resolve) => { h.scheduler.after(7, resolve) })
          processed.add(name)
        })
        members.push(member)
      }
      const check = (): void => {
        for (const { partition, offset } of h.broker.coordinator.commits.splice(0)) {
          for (let before = 0; before < offset; before++) expect(processed.has(`t-${partition}:${before}`)).toBe(true)
        }
      }
      join()
      for (const { action: step, waitMs } of steps) {
        if (step.kind === 'join' && members.length < 5) join()
        if (step.kind === 'close' && members.length > 1) void members.splice(step.which % members.length, 1)[0]!.consumer.close()
        if (step.kind === 'expire') {
          const group = h.broker.coordinator.group('g')
          const ids = [...group.members.keys()]
          if (ids.length > 0) h.broker.coordinator.expire(group, ids[step.which % ids.length]!)
        }
        if (step.kind === 'send') fill(partitions[step.partition]!, partitions[step.partition]!.endOffset, partitions[step.partition]!.endOffset + step.count)
        await h.run(waitMs)
        check()
      }
      await h.run(30_000)
      check()
      expect(members.map((member) => member.error)).toEqual(members.map(() => null))
      for (const [partition, log] of partitions.entries()) {
        for (let offset = 0; offset < log.endOffset; offset++) expect(processed.has(`t-${partition}:${offset}`)).toBe(true)
      }
      expect(members.flatMap((member) => member.consumer.assignment()).length).toBe(4)
      await h.settle(Promise.all(members.map((member) => member.consumer.close())))
    }), { numRuns: 40 })
  }, 60_000)
})
