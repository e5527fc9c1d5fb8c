/** The classic group protocol as raw requests: member ids, static members, long polls, protocols of others than consumers. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { apis } from '../../src/protocol/api-registry.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
const clients: RawClient[] = []
beforeEach(async () => { kit = await listening() })
afterEach(async () => {
  for (const client of clients.splice(0)) client.end()
  await kit.ottla.close()
})

async function member(): Promise<RawClient> {
  const client = await RawClient.open(kit.port)
  clients.push(client)
  return client
}

const joining = (memberId: string, groupInstanceId: string | null = null) => ({
  groupId: 'g', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId, groupInstanceId, protocolType: 'connect',
  protocols: [{ name: 'sessioned', metadata: Buffer.from('m') }], reason: null,
})
const syncing = (memberId: string, generationId: number, groupInstanceId: string | null = null, assigned: readonly string[] = []) => ({
  groupId: 'g', generationId, memberId, groupInstanceId, protocolType: 'connect', protocolName: 'sessioned',
  assignments: assigned.map((each) => ({ memberId: each, assignment: Buffer.from(`for ${each}`) })),
})

/** Joins as the only member and hands itself its assignment. */
async function lead(client: RawClient, version: number, instance: string | null = null): Promise<{ memberId: string; generationId: number }> {
  const { memberId: given } = instance === null ? await client.call(apis.joinGroup, version, joining('')) : { memberId: '' }
  const { memberId, generationId, errorCode } = await client.call(apis.joinGroup, version, joining(given, instance))
  expect(errorCode).toBe(0)
  const { assignment } = await client.call(apis.syncGroup, 5, syncing(memberId, generationId, instance, [memberId]))
  expect(Buffer.from(assignment).toString()).toBe(`for ${memberId}`)
  return { memberId, generationId }
}

describe('a member without an id', () => {
  test('is told one from version 4 on, and taken in as it is below', async () => {
    const client = await member()
    const refused = await client.call(apis.joinGroup, 4, joining(''))
    expect(refused).toMatchObject({ errorCode: 79, memberId: expect.stringMatching(/^raw-[0-9a-f-]{36}$/), protocolName: '' })
    const taken = await (await member()).call(apis.joinGroup, 3, { ...joining(''), groupId: 'old' })
    expect(taken).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'sessioned', leader: taken.memberId, members: [{ memberId: taken.memberId }] })
  })

  test('is not parked for ever: the second join ends the wait of the first', async () => {
    const [one, two] = [await member(), await member()]
    const first = await lead(one, 9)
    const { memberId } = await two.call(apis.joinGroup, 9, joining(''))
    const parked = two.call(apis.joinGroup, 9, joining(memberId))
    while ((await one.call(apis.heartbeat, 4, { groupId: 'g', generationId: 1, memberId: first.memberId, groupInstanceId: null })).errorCode !== 27);
    const again = await one.call(apis.joinGroup, 9, joining(first.memberId))
    expect(again).toMatchObject({ errorCode: 0, generationId: 2, leader: first.memberId, members: expect.objectContaining({ length: 2 }) })
    expect(await parked).toMatchObject({ errorCode: 0, generationId: 2, leader: first.memberId, members: [] })
  })
})

describe('a static member that comes back', () => {
  test('keeps its place without a rebalance, is told so from version 9 on, and its old id is fenced', async () => {
    const old = await lead(await member(), 9, 'i')
    const back = await (await member()).call(apis.joinGroup, 9, joining('', 'i'))
    expect(back).toMatchObject({ errorCode: 0, generationId: old.generationId, leader: back.memberId, skipAssignment: true })
    expect(back.memberId).not.toBe(old.memberId)
    const stale = { groupId: 'g', generationId: old.generationId, memberId: old.memberId, groupInstanceId: 'i' }
    expect((await (await member()).call(apis.heartbeat, 3, stale)).errorCode).toBe(82)
  })

  test('below version 9 is told the leader that it was, so that it follows and takes the assignment that stands', async () => {
    const old = await lead(await member(), 8, 'i')
    const client = await member()
    const back = await client.call(apis.joinGroup, 8, joining('', 'i'))
    expect(back).toMatchObject({ errorCode: 0, generationId: old.generationId, leader: old.memberId, members: [], skipAssignment: false })
    const { assignment } = await client.call(apis.syncGroup, 5, syncing(back.memberId, back.generationId, 'i'))
    expect(Buffer.from(assignment).toString()).toBe(`for ${old.memberId}`)
  })

  test('is removed by its administrator, by instance id alone', async () => {
    await lead(await member(), 9, 'i')
    const members = [{ memberId: '', groupInstanceId: 'i' }, { memberId: 'nobody', groupInstanceId: null }]
    const answer = await (await member()).call(apis.leaveGroup, 4, { groupId: 'g', members })
    expect([answer.errorCode, answer.members.map(({ errorCode }) => errorCode)]).toEqual([0, [0, 25]])
    expect((await kit.ottla.admin.describeGroup('g')).state).toBe('Empty')
  })
})

describe('what a group says', () => {
  test('is told in the shapes of each version', async () => {
    const client = await member()
    const { memberId } = await lead(client, 9)
    const { groups } = await client.call(apis.describeGroups, 5, { groups: ['g'], includeAuthorizedOperations: true })
    expect(groups[0]).toMatchObject({
      groupState: 'Stable', protocolType: 'connect', protocolData: 'sessioned', authorizedOperations: 3400,
      members: [{ memberId, clientId: 'raw', clientHost: '/127.0.0.1' }],
    })
    const { groups: stable } = await client.call(apis.listGroups, 5, { statesFilter: ['stable'], typesFilter: ['Classic'] })
    expect(stable).toEqual([{ groupId: 'g', protocolType: 'connect', groupState: 'Stable', groupType: 'classic' }])
    expect((await client.call(apis.listGroups, 5, { statesFilter: [], typesFilter: ['consumer'] })).groups).toEqual([])
    expect((await client.call(apis.syncGroup, 5, { ...syncing(memberId, 1), protocolName: null })).errorCode).toBe(23)
    expect((await client.call(apis.joinGroup, 9, { ...joining(memberId), sessionTimeoutMs: 1 })).errorCode).toBe(26)
    expect((await client.call(apis.joinGroup, 9, { ...joining(''), groupId: '' })).errorCode).toBe(24)
    expect((await client.call(apis.joinGroup, 9, { ...joining(''), protocolType: 'consumer' })).errorCode).toBe(23)
    expect((await client.call(apis.deleteGroups, 2, { groupsNames: ['g', 'nobody'] })).results.map(({ errorCode }) => errorCode)).toEqual([68, 69])
    expect((await client.call(apis.leaveGroup, 0, { groupId: 'g', memberId, members: [] })).errorCode).toBe(0)
    expect((await client.call(apis.leaveGroup, 0, { groupId: 'g', memberId, members: [] })).errorCode).toBe(25)
  })

  test('is committed, read and forgotten, of all topics and of some', async () => {
    await kit.ottla.admin.createTopic('t', { partitions: 2 })
    const client = await member()
    const partition = { partitionIndex: 1, committedOffset: 7, committedLeaderEpoch: 3, committedMetadata: 'note' }
    const unknown = { partitionIndex: 9, committedOffset: 7, committedMetadata: null }
    const committed = await client.call(apis.offsetCommit, 8, { groupId: 'g', memberId: '', topics: [{ name: 't', partitions: [partition, unknown] }] })
    expect(committed.topics).toEqual([{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 0 }, { partitionIndex: 9, errorCode: 3 }] }])
    const expected = { partitionIndex: 1, committedOffset: 7, committedLeaderEpoch: 3, metadata: 'note', errorCode: 0 }
    const nothing = { partitionIndex: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }
    expect((await client.call(apis.offsetFetch, 7, { groupId: 'g', topics: null })).topics).toEqual([{ name: 't', partitions: [expected] }])
    const asked = [{ name: 't', partitionIndexes: [0, 1] }]
    expect((await client.call(apis.offsetFetch, 8, { groups: [{ groupId: 'g', topics: asked }, { groupId: 'h', topics: null }] })).groups).toEqual([
      { groupId: 'g', errorCode: 0, topics: [{ name: 't', partitions: [nothing, expected] }] }, { groupId: 'h', errorCode: 0, topics: [] },
    ])
    expect((await client.call(apis.offsetDelete, 0, { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 1 }] }] })).errorCode).toBe(0)
    expect((await client.call(apis.offsetFetch, 1, { groupId: 'g', topics: asked })).topics[0]!.partitions.map(({ committedOffset }) => committedOffset)).toEqual([-1, -1])
  })
})
