import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import type { Protocol } from './classic-group.ts'
import { GroupHarness, subscription, textOf } from '../../test/support/group-harness.ts'

const UNKNOWN_MEMBER_ID = 25
const ILLEGAL_GENERATION = 22
const REBALANCE_IN_PROGRESS = 27
const FENCED_INSTANCE_ID = 82
const NOT_AVAILABLE = 15

const range = { name: 'range', metadata: subscription(['t']) }
const sticky = { name: 'sticky', metadata: subscription(['t']) }

describe('joining', () => {
  test('the first member leads, and alone gets the list of members', async () => {
    const h = await GroupHarness.create()
    const a = h.join('g')
    const b = h.join('g')
    expect(a.isAnswered).toBe(false)
    await h.advance(0)
    expect(a.value).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', protocolType: 'consumer', skipAssignment: false })
    expect(a.value.leader).toBe(a.value.memberId)
    expect(a.value.members.map((member) => member.memberId)).toEqual([a.value.memberId, b.value.memberId])
    expect(b.value).toMatchObject({ errorCode: 0, generationId: 1, leader: a.value.memberId, members: [] })
    expect(a.value.memberId).toMatch(/^c-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(await h.state('g')).toBe('CompletingRebalance')
  })

  test('a client that must know its id first is told one, and holds the others up until it is back or late', async () => {
    const h = await GroupHarness.create()
    const asked = h.join('g', { requireKnownMemberId: true })
    await h.settle()
    expect(asked.value).toMatchObject({ errorCode: 79, generationId: -1 })
    expect(await h.state('g')).toBe('Empty')
    const back = h.join('g', { requireKnownMemberId: true, memberId: asked.value.memberId })
    await h.advance(0)
    expect(back.value).toMatchObject({ errorCode: 0, memberId: asked.value.memberId })
    await h.sync('g', back.value, { [back.value.memberId]: 'x' })
    await h.settle()
    h.join('g', { requireKnownMemberId: true })
    const again = h.join('g', { memberId: back.value.memberId })
    await h.advance(9999)
    expect(again.isAnswered).toBe(false)
    await h.advance(1)
    expect(again.value).toMatchObject({ errorCode: 0, generationId: 2 })
  })

  test('ids handed out and never used leave nothing behind', async () => {
    const h = await GroupHarness.create()
    for (let i = 0; i < 50; i++) h.join('g', { requireKnownMemberId: true })
    await h.advance(10_000)
    expect(h.scheduler.pendingTimers).toBe(1)
    await h.advance(600_000)
    expect((await h.coordinator.listGroups({ statesFilter: [] })).groups).toEqual([])
    expect(h.logs).toEqual([])
  })

  test('is refused with a bad group id, session timeout, unknown member id, no protocol or none in common', async () => {
    const h = await GroupHarness.create()
    const code = async (groupId: string, fields: object): Promise<number> => {
      const waiting = h.join(groupId, fields)
      await h.settle()
      return waiting.value.errorCode
    }
    expect(await code('', {})).toBe(24)
    expect(await code('g', { sessionTimeoutMs: 5999 })).toBe(26)
    expect(await code('g', { sessionTimeoutMs: 1_800_001 })).toBe(26)
    expect(await code('g', { memberId: 'nobody' })).toBe(UNKNOWN_MEMBER_ID)
    expect(await code('g', { protocols: [] })).toBe(23)
    expect(await code('g', { protocolType: '' })).toBe(23)
    await h.stable('g')
    expect(await code('g', { protocolType: 'connect' })).toBe(23)
    expect(await code('g', { protocols: [sticky] })).toBe(23)
    expect(await code('g', { memberId: 'nobody' })).toBe(UNKNOWN_MEMBER_ID)
  })

  test('an id that nobody was given makes no group', async () => {
    const h = await GroupHarness.create()
    const stranger = h.join('g', { memberId: 'nobody' })
    await h.settle()
    expect(stranger.value.errorCode).toBe(UNKNOWN_MEMBER_ID)
    expect((await h.coordinator.listGroups({ statesFilter: [] })).groups).toEqual([])
  })

  test('the protocol is the one that all support and most prefer', async () => {
    const h = await GroupHarness.create()
    const both = { protocols: [sticky, range] }
    const waiting = [h.join('g', { protocols: [range, sticky] }), h.join('g', both), h.join('g', both)]
    await h.advance(0)
    expect(waiting.map((each) => each.value.protocolName)).toEqual(['sticky', 'sticky', 'sticky'])
    const last = h.join('g', { protocols: [range] })
    for (const each of waiting) h.join('g', { ...both, memberId: each.value.memberId })
    await h.settle()
    expect(last.value.protocolName).toBe('range')
  })

  // Kafka counts the votes in a map of Java's and takes the first that none beats.
  test.each([['x', 'y', 'x'], ['y', 'x', 'x'], ['c', 'b', 'b'], ['cooperative-sticky', 'range', 'range'], ['range', 'cooperative-sticky', 'range']])(
    'where one member prefers %s and another %s it is %s',
    async (one, other, chosen) => {
      const h = await GroupHarness.create()
      const protocols = (...names: string[]): Protocol[] => names.map((name) => ({ name, metadata: subscription(['t']) }))
      const a = h.join('g', { protocols: protocols(one, other) })
      const b = h.join('g', { protocols: protocols(other, one) })
      await h.advance(0)
      expect([a.value.protocolName, b.value.protocolName]).toEqual([chosen, chosen])
    },
  )

  test('a full group turns newcomers away and keeps its members', async () => {
    const h = await GroupHarness.create({ 'group.max.size': 2 })
    const [a, b] = await h.stable('g', 2)
    const c = h.join('g')
    await h.settle()
    expect(c.value.errorCode).toBe(81)
    const again = h.join('g', { memberId: a!.memberId })
    await h.settle()
    expect(again.isAnswered).toBe(false)
    expect(await h.heartbeat('g', b!)).toBe(REBALANCE_IN_PROGRESS)
  })

  test('the first rebalance waits for more members, a little longer with each, but not beyond the rebalance timeout', async () => {
    const h = await GroupHarness.create({ 'group.initial.rebalance.delay.ms': 3000 })
    const first = h.join('g', { rebalanceTimeoutMs: 8000 })
    await h.advance(2000)
    const second = h.join('g', { rebalanceTimeoutMs: 8000 })
    await h.advance(3000)
    expect(first.isAnswered).toBe(false)
    h.join('g', { rebalanceTimeoutMs: 8000 })
    await h.advance(2900)
    h.join('g', { rebalanceTimeoutMs: 8000 })
    expect(first.isAnswered).toBe(false)
    await h.advance(100)
    expect(first.value.members.length).toBe(4)
    expect(second.value.generationId).toBe(1)
  })

  test('a member that repeats its join while the group completes gets the same answer, one that changed starts over', async () => {
    const h = await GroupHarness.create()
    const a = h.join('g')
    const b = h.join('g')
    await h.advance(0)
    const repeat = h.join('g', { memberId: b.value.memberId })
    await h.settle()
    expect(repeat.value).toMatchObject({ errorCode: 0, generationId: 1, members: [] })
    const leader = h.join('g', { memberId: a.value.memberId })
    await h.settle()
    expect(leader.value.members.length).toBe(2)
    const changed = h.join('g', { memberId: b.value.memberId, protocols: [{ name: 'range', metadata: subscription(['u']) }] })
    await h.settle()
    expect(changed.isAnswered).toBe(false)
    expect(await h.heartbeat('g', a.value)).toBe(REBALANCE_IN_PROGRESS)
  })

  test('in a stable group the leader may ask for a new assignment, an unchanged follower gets the current one', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2)
    const follower = h.join('g', { memberId: b!.memberId })
    await h.settle()
    expect(follower.value).toMatchObject({ errorCode: 0, generationId: 1 })
    expect(await h.state('g')).toBe('Stable')
    h.join('g', { memberId: a!.memberId })
    await h.settle()
    expect(await h.state('g')).toBe('PreparingRebalance')
  })

  test('members that do not rejoin in time are out, and another member leads if the leader is one of them', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2, [{ sessionTimeoutMs: 90_000 }, { sessionTimeoutMs: 90_000 }])
    const rejoined = h.join('g', { memberId: b!.memberId, sessionTimeoutMs: 90_000, protocols: [{ name: 'range', metadata: subscription(['u']) }] })
    await h.advance(59_999)
    expect(rejoined.isAnswered).toBe(false)
    await h.advance(1)
    expect(rejoined.value).toMatchObject({ errorCode: 0, generationId: 2, leader: b!.memberId })
    expect(rejoined.value.members.length).toBe(1)
    expect(await h.heartbeat('g', a!)).toBe(UNKNOWN_MEMBER_ID)
  })

  test('a join or sync that its member sends twice leaves no request hanging', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2)
    const first = h.join('g', { memberId: a!.memberId })
    const second = h.join('g', { memberId: a!.memberId })
    await h.settle()
    expect(first.value.errorCode).toBe(REBALANCE_IN_PROGRESS)
    const other = h.join('g', { memberId: b!.memberId })
    await h.settle()
    expect(second.value.generationId).toBe(2)
    const sync = h.sync('g', other.value)
    const repeated = h.sync('g', other.value)
    await h.settle()
    expect(sync.value.errorCode).toBe(REBALANCE_IN_PROGRESS)
    expect(repeated.isAnswered).toBe(false)
  })
})

describe('syncing', () => {
  test('followers wait for the leader, everybody gets its part, and whoever is left out gets nothing', async () => {
    const h = await GroupHarness.create()
    const waiting = [h.join('g'), h.join('g'), h.join('g')]
    await h.advance(0)
    const [a, b, c] = waiting.map((each) => each.value)
    const follower = h.sync('g', b!)
    await h.settle()
    expect(follower.isAnswered).toBe(false)
    const leader = h.sync('g', a!, { [a!.memberId]: 'for a', [b!.memberId]: 'for b' })
    await h.settle()
    expect(textOf(leader.value.assignment)).toBe('for a')
    expect(textOf(follower.value.assignment)).toBe('for b')
    const late = h.sync('g', c!)
    await h.settle()
    expect(late.value).toMatchObject({ errorCode: 0, protocolName: 'range' })
    expect(late.value.assignment.length).toBe(0)
    expect(await h.state('g')).toBe('Stable')
  })

  test('is answered only when the assignment is in the log', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    const rejoined = h.join('g', { memberId: a!.memberId })
    await h.settle()
    h.log.held = []
    const sync = h.sync('g', rejoined.value, { [a!.memberId]: 'new' })
    await h.settle()
    expect(sync.isAnswered).toBe(false)
    expect(await h.state('g')).toBe('CompletingRebalance')
    h.log.release()
    await h.settle()
    expect(textOf(sync.value.assignment)).toBe('new')
    expect(h.log.records().at(-1)).toMatchObject({ type: 2, version: 3, value: { generation: 2, protocol: 'range', leader: a!.memberId } })
  })

  test('each member finds its own part again after a crash', async () => {
    const h = await GroupHarness.create()
    const members = await h.stable('g', 2)
    await h.crash()
    const syncs = members.map((member) => h.sync('g', member))
    await h.settle()
    expect(syncs.map((sync) => textOf(sync.value.assignment))).toEqual(['part 0', 'part 1'])
  })

  test('when the log cannot be written the members are told to retry, and the group is as before', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    const written = h.log.records().length
    h.log.failure = new OttlaError('DISK_FULL', 'no space left')
    const rejoined = h.join('g', { memberId: a!.memberId })
    await h.settle()
    const sync = h.sync('g', rejoined.value, { [a!.memberId]: 'new' })
    await h.settle()
    expect(sync.value).toMatchObject({ errorCode: NOT_AVAILABLE, error: { code: 'DISK_FULL', retriable: true } })
    expect(h.log.records().length).toBe(written)
    h.log.failure = null
    const third = h.join('g', { memberId: a!.memberId })
    await h.settle()
    const ok = h.sync('g', third.value, { [a!.memberId]: 'new' })
    await h.settle()
    expect(ok.value.errorCode).toBe(0)
    expect(third.value.generationId).toBeGreaterThan(rejoined.value.generationId)
  })

  test('an assignment that reaches the log after the group moved on is void', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    const rejoined = h.join('g', { memberId: a!.memberId })
    await h.settle()
    h.log.held = []
    const sync = h.sync('g', rejoined.value, { [a!.memberId]: 'late' })
    const newcomer = h.join('g')
    await h.settle()
    expect(sync.value.errorCode).toBe(REBALANCE_IN_PROGRESS)
    h.log.release()
    await h.settle()
    expect(await h.state('g')).toBe('PreparingRebalance')
    h.join('g', { memberId: a!.memberId })
    await h.settle()
    expect(newcomer.value.generationId).toBe(3)
  })

  test('of an old generation, a stranger or with another protocol is refused', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    const code = async (fields: object): Promise<number> => (await h.coordinator.syncGroup({
      groupId: 'g', memberId: a!.memberId, groupInstanceId: null, generationId: 1, protocolType: 'consumer', protocolName: 'range', assignments: [], ...fields,
    })).errorCode
    expect(await code({})).toBe(0)
    expect(await code({ generationId: 0 })).toBe(ILLEGAL_GENERATION)
    expect(await code({ generationId: 2 })).toBe(ILLEGAL_GENERATION)
    expect(await code({ memberId: 'nobody' })).toBe(UNKNOWN_MEMBER_ID)
    expect(await code({ groupId: 'other' })).toBe(UNKNOWN_MEMBER_ID)
    expect(await code({ protocolName: 'sticky' })).toBe(23)
    expect(await code({ protocolType: 'connect' })).toBe(23)
  })

  test('a member that joined and never syncs does not hold the group up for ever', async () => {
    const h = await GroupHarness.create()
    const waiting = [h.join('g', { sessionTimeoutMs: 90_000 }), h.join('g', { sessionTimeoutMs: 90_000 })]
    await h.advance(0)
    const [a, b] = waiting.map((each) => each.value)
    const follower = h.sync('g', b!)
    await h.advance(60_000)
    expect(follower.value.errorCode).toBe(REBALANCE_IN_PROGRESS)
    expect(await h.heartbeat('g', a!)).toBe(UNKNOWN_MEMBER_ID)
    const again = h.join('g', { memberId: b!.memberId, sessionTimeoutMs: 90_000 })
    await h.settle()
    expect(again.value).toMatchObject({ errorCode: 0, leader: b!.memberId, generationId: 2 })
  })

  test('a member that joins while the leader assigns sends everybody back', async () => {
    const h = await GroupHarness.create()
    const waiting = [h.join('g'), h.join('g')]
    await h.advance(0)
    const [a, b] = waiting.map((each) => each.value)
    const follower = h.sync('g', b!)
    const third = h.join('g')
    await h.settle()
    expect(follower.value.errorCode).toBe(REBALANCE_IN_PROGRESS)
    const stale = h.sync('g', a!, { [a!.memberId]: 'old' })
    await h.settle()
    expect(stale.value.errorCode).toBe(REBALANCE_IN_PROGRESS)
    const again = [h.join('g', { memberId: a!.memberId }), h.join('g', { memberId: b!.memberId })]
    await h.settle()
    expect([third, ...again].map((each) => each.value.generationId)).toEqual([2, 2, 2])
  })
})

describe('sessions', () => {
  test('a silent member is out after its session timeout; heartbeats, syncs and commits keep it in', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2)
    for (let i = 0; i < 5; i++) {
      await h.advance(4000)
      expect(await h.heartbeat('g', a!)).toBe(0)
      expect(await h.commit('g', i, b)).toBe(0)
    }
    await h.advance(9999)
    expect(await h.heartbeat('g', a!)).toBe(0)
    await h.advance(1)
    expect(await h.heartbeat('g', a!)).toBe(REBALANCE_IN_PROGRESS)
    expect(await h.heartbeat('g', b!)).toBe(UNKNOWN_MEMBER_ID)
    const again = h.join('g', { memberId: a!.memberId })
    await h.settle()
    expect(again.value.members.map((member) => member.memberId)).toEqual([a!.memberId])
  })

  test('do not run out because the event loop stood still', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g', 1, [{ inProcess: true }])
    await h.advance(1000)
    h.scheduler.clock.advance(300_000)
    await h.settle()
    expect(await h.heartbeat('g', a!)).toBe(0)
    h.scheduler.clock.advance(300_000)
    await h.advance(9000)
    expect(await h.heartbeat('g', a!)).toBe(0)
    await h.advance(10_000)
    expect(await h.heartbeat('g', a!)).toBe(UNKNOWN_MEMBER_ID)
  })

  test('of parked members do not run out, but a first join is given up after five minutes', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2, [{ rebalanceTimeoutMs: 900_000 }, { rebalanceTimeoutMs: 900_000 }])
    const parked = h.join('g', { memberId: a!.memberId, rebalanceTimeoutMs: 900_000, protocols: [{ name: 'range', metadata: subscription(['u']) }] })
    const newcomer = h.join('g', { rebalanceTimeoutMs: 900_000 })
    for (let elapsed = 0; elapsed < 299_000; elapsed += 5000) {
      await h.advance(5000)
      expect(await h.heartbeat('g', b!)).toBe(REBALANCE_IN_PROGRESS)
    }
    expect(parked.isAnswered).toBe(false)
    await h.advance(5000)
    expect(newcomer.value.errorCode).toBe(UNKNOWN_MEMBER_ID)
    expect(parked.isAnswered).toBe(false)
  })

  test('a hundred flapping members end in one stable generation', async () => {
    const h = await GroupHarness.create()
    let members = await h.stable('g', 100)
    for (let round = 0; round < 5; round++) {
      const leaving = members.filter((_, index) => index % 3 === round % 3)
      await h.leave('g', ...leaving.map(({ memberId }) => memberId))
      const staying = members.filter((member) => !leaving.includes(member))
      const waiting = [...leaving.map(() => h.join('g')), ...staying.map(({ memberId }) => h.join('g', { memberId }))]
      await h.settle()
      members = waiting.map((each) => each.value)
      expect(new Set(members.map((member) => member.generationId)).size).toBe(1)
      expect(new Set(members.map((member) => member.leader)).size).toBe(1)
      const leader = members.find((member) => member.memberId === member.leader)!
      expect(leader.members.length).toBe(100)
      for (const member of members) h.sync('g', member, member === leader ? { [leader.memberId]: 'x' } : {})
      await h.settle()
      expect(await h.state('g')).toBe('Stable')
    }
  })
})

describe('leaving', () => {
  test('the last to leave leaves an empty group of the next generation, in the log too', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2)
    const left = await h.leave('g', a!.memberId, 'nobody')
    expect(left.members.map((member) => member.errorCode)).toEqual([0, UNKNOWN_MEMBER_ID])
    expect(await h.heartbeat('g', b!)).toBe(REBALANCE_IN_PROGRESS)
    await h.leave('g', b!.memberId)
    await h.settle()
    expect(await h.state('g')).toBe('Empty')
    expect(h.log.records().at(-1)!.value).toMatchObject({ protocolType: 'consumer', generation: 2, protocol: null, leader: null, members: [] })
    const again = h.join('g')
    await h.advance(0)
    expect(again.value.generationId).toBe(3)
  })

  test('answers what the leaving member still has parked', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2)
    const parked = h.join('g', { memberId: a!.memberId })
    await h.settle()
    await h.leave('g', a!.memberId)
    await h.settle()
    expect(parked.value.errorCode).toBe(UNKNOWN_MEMBER_ID)
    const again = h.join('g', { memberId: b!.memberId })
    await h.settle()
    expect(again.value.leader).toBe(b!.memberId)
  })

  test('answers a sync that the leaving member has parked', async () => {
    const h = await GroupHarness.create()
    const waiting = [h.join('g'), h.join('g')]
    await h.advance(0)
    const follower = waiting[1]!.value
    const parked = h.sync('g', follower)
    await h.leave('g', follower.memberId)
    await h.settle()
    expect(parked.value.errorCode).toBe(UNKNOWN_MEMBER_ID)
  })

  test('of a group that is not there is unknown', async () => {
    const h = await GroupHarness.create()
    const left = await h.leave('none', 'm')
    expect(left).toMatchObject({ errorCode: 0, members: [{ errorCode: UNKNOWN_MEMBER_ID }] })
  })
})

describe('static members', () => {
  const instance = (groupInstanceId: string): { groupInstanceId: string } => ({ groupInstanceId })

  test('come back without a rebalance, with the assignment they had', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2, [instance('i1'), instance('i2')])
    const back = h.join('g', instance('i2'))
    await h.settle()
    expect(back.value).toMatchObject({ errorCode: 0, generationId: 1, leader: a!.memberId, members: [], skipAssignment: false })
    expect(back.value.memberId).not.toBe(b!.memberId)
    expect(back.value.memberId).toMatch(/^i2-/)
    const sync = h.sync('g', back.value, {}, 'i2')
    await h.settle()
    expect(textOf(sync.value.assignment)).toBe('part 1')
    expect(await h.heartbeat('g', a!, 'i1')).toBe(0)
    expect(await h.heartbeat('g', b!, 'i2')).toBe(FENCED_INSTANCE_ID)
    expect(await h.heartbeat('g', b!)).toBe(UNKNOWN_MEMBER_ID)
  })

  test('a leader that comes back still leads and need not assign', async () => {
    const h = await GroupHarness.create()
    await h.stable('g', 2, [instance('i1'), instance('i2')])
    const back = h.join('g', instance('i1'))
    await h.settle()
    expect(back.value).toMatchObject({ generationId: 1, leader: back.value.memberId, skipAssignment: true })
    expect(back.value.members.length).toBe(2)
    expect(await h.state('g')).toBe('Stable')
  })

  test('rebalance when the one that comes back changes the protocol', async () => {
    const h = await GroupHarness.create()
    const both = { protocols: [sticky, range] }
    const [a] = await h.stable('g', 2, [{ ...both, ...instance('i1') }, { ...both, ...instance('i2') }])
    const back = h.join('g', { ...instance('i2'), protocols: [range] })
    await h.settle()
    expect(back.isAnswered).toBe(false)
    expect(await h.heartbeat('g', a!, 'i1')).toBe(REBALANCE_IN_PROGRESS)
  })

  test('whose new id cannot be written stay who they were', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2, [instance('i1'), instance('i2')])
    h.log.failure = new OttlaError('DISK_FULL', 'no space left')
    const back = h.join('g', instance('i2'))
    await h.settle()
    expect(back.value).toMatchObject({ errorCode: NOT_AVAILABLE, memberId: '' })
    expect(await h.heartbeat('g', b!, 'i2')).toBe(0)
    expect(await h.heartbeat('g', a!, 'i1')).toBe(0)
  })

  test('fence what the one before had parked', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2, [instance('i1'), instance('i2')])
    const parked = h.join('g', { ...instance('i1'), memberId: a!.memberId })
    const taker = h.join('g', instance('i1'))
    await h.settle()
    expect(parked.value.errorCode).toBe(FENCED_INSTANCE_ID)
    const other = h.join('g', { ...instance('i2'), memberId: b!.memberId })
    await h.settle()
    expect(taker.value).toMatchObject({ errorCode: 0, generationId: 2, leader: taker.value.memberId })
    expect(other.value).toMatchObject({ errorCode: 0, generationId: 2 })
  })

  test('keep their instance id when it is named with an id that was told to another', async () => {
    const h = await GroupHarness.create()
    const [holder] = await h.stable('g', 1, [instance('i')])
    const told = h.join('g', { requireKnownMemberId: true })
    await h.settle()
    const { memberId } = told.value
    const thief = h.join('g', { ...instance('i'), memberId })
    const stranger = h.join('g', { ...instance('j'), memberId })
    await h.settle()
    expect(thief.value.errorCode).toBe(FENCED_INSTANCE_ID)
    expect(stranger.value.errorCode).toBe(UNKNOWN_MEMBER_ID)
    expect(await h.heartbeat('g', holder!, 'i')).toBe(0)
  })

  test('are waited for like others when they come anew during their first join', async () => {
    const h = await GroupHarness.create()
    await h.stable('g', 1, [{ ...instance('i1'), sessionTimeoutMs: 100_000 }])
    h.join('g', instance('i2'))
    const again = h.join('g', instance('i2'))
    await h.advance(59_999)
    expect(again.isAnswered).toBe(false)
    await h.advance(1)
    expect(again.value).toMatchObject({ errorCode: 0, generationId: 2 })
  })

  test('stay through a rebalance that they miss, and fall out by their session', async () => {
    const h = await GroupHarness.create()
    const long = { sessionTimeoutMs: 100_000 }
    const [a, b] = await h.stable('g', 2, [{ ...instance('i1'), ...long }, { ...instance('i2'), ...long }])
    const rejoined = h.join('g', { ...instance('i1'), ...long, memberId: a!.memberId })
    await h.advance(60_000)
    expect(rejoined.value).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(rejoined.value.members.map((member) => member.groupInstanceId)).toEqual(['i1', 'i2'])
    expect(rejoined.value.members.map((member) => member.memberId)).toContain(b!.memberId)
  })

  test('can be removed by an administrator, by instance id', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g', 2, [instance('i1'), instance('i2')])
    const left = await h.coordinator.leaveGroup({ groupId: 'g', members: [{ memberId: '', groupInstanceId: 'i2' }, { memberId: '', groupInstanceId: 'i9' }] })
    expect(left.members.map((member) => member.errorCode)).toEqual([0, UNKNOWN_MEMBER_ID])
    expect(await h.heartbeat('g', a!, 'i1')).toBe(REBALANCE_IN_PROGRESS)
  })
})

describe('watching a group', () => {
  test('tells of a rebalance in a macrotask, once, and no more after stopping', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    let calls = 0
    const stop = h.coordinator.watchGroup('g', () => { calls++ })
    h.join('g')
    await Promise.resolve()
    expect(calls).toBe(0)
    await h.settle()
    expect(calls).toBe(1)
    expect(await h.heartbeat('g', a!)).toBe(REBALANCE_IN_PROGRESS)
    stop()
    await h.leave('g', a!.memberId)
    await h.settle()
    expect(calls).toBe(1)
  })
})

describe('closing', () => {
  test('answers whoever is parked and leaves no timer', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g', 2)
    const parked = h.join('g', { memberId: a!.memberId })
    await h.coordinator.close()
    await h.settle()
    expect(parked.value).toMatchObject({ errorCode: NOT_AVAILABLE, error: { code: 'CLOSED' } })
    expect(h.scheduler.pendingTimers).toBe(0)
    expect(await h.commit('g', 1)).toBe(NOT_AVAILABLE)
    expect(await h.heartbeat('g', a!)).toBe(NOT_AVAILABLE)
  })
})
