/** Requests that no client should send, as raw requests. The answers were seen at Apache Kafka 4.1. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apis } from '../../src/protocol/api-registry.ts'
import { subscription } from '../support/group-harness.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA'
const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAQ'

let kit: WireKit
let client: RawClient
beforeAll(async () => {
  kit = await listening()
  client = await RawClient.open(kit.port)
  for (const name of ['a', 'b', 'c']) await kit.ottla.admin.createTopic(name)
})
afterAll(async () => {
  client.end()
  await kit.ottla.close()
})

test.each([[1, 1, 0], [1, 2, 114], [1, 3, 115], [2, 0, 115]])('DescribeCluster version %i for endpoints of type %i is %i', async (version, endpointType, code) => {
  const { errorCode, brokers, controllerId } = await client.call(apis.describeCluster, version, { includeClusterAuthorizedOperations: true, endpointType })
  expect([errorCode, brokers.length, controllerId]).toEqual(code === 0 ? [0, 1, 1] : [code, 0, -1])
})

test('a topic that a request names twice, by name or by id, is not deleted', async () => {
  const { topicId } = await kit.ottla.admin.describeTopic('a')
  const byName = await client.call(apis.deleteTopics, 5, { topicNames: ['a', 'a', 'nope', 'b'], timeoutMs: 1000 })
  expect(byName.responses.map(({ errorCode }) => errorCode)).toEqual([42, 3, 0])
  const remove = async (...topics: { name: string | null; topicId: string }[]): Promise<unknown[]> => (
    (await client.call(apis.deleteTopics, 6, { topics, timeoutMs: 1000 })).responses.map((each) => [each.name, each.topicId, each.errorCode]))
  expect(await remove({ name: 'a', topicId: ZERO }, { name: null, topicId })).toEqual([['a', topicId, 42]])
  expect(await remove({ name: null, topicId }, { name: null, topicId })).toEqual([[null, topicId, 42]])
  expect(await remove({ name: 'a', topicId: ZERO }, { name: 'a', topicId: ZERO })).toEqual([['a', ZERO, 42]])
  expect(await remove({ name: 'a', topicId })).toEqual([['a', topicId, 42]])
  expect(await remove({ name: null, topicId: ZERO })).toEqual([[null, ZERO, 42]])
  expect(await kit.ottla.admin.listTopics()).toEqual(['a', 'c'])
})

test('where topics cannot be deleted each that is named is told so before it is looked at, by a code that the client knows', async () => {
  const { topicId } = await kit.ottla.admin.describeTopic('c')
  await kit.ottla.admin.alterConfigs({ broker: 1 }, { 'delete.topic.enable': false })
  const byName = async (version: number): Promise<unknown[]> => (
    (await client.call(apis.deleteTopics, version, { topicNames: ['c', 'nope', 'c'], timeoutMs: 1000 })).responses.map(({ name, errorCode }) => [name, errorCode]))
  for (const version of [1, 2]) expect(await byName(version)).toEqual([['c', 42], ['nope', 42], ['c', 42]])
  for (const version of [3, 4, 5]) expect(await byName(version)).toEqual([['c', 73], ['nope', 73], ['c', 73]])
  const topics = [{ name: null, topicId }, { name: null, topicId: UNKNOWN }, { name: 'c', topicId }]
  const { responses } = await client.call(apis.deleteTopics, 6, { topics, timeoutMs: 1000 })
  expect(responses.map(({ name, topicId: id, errorCode }) => [name, id, errorCode])).toEqual([[null, topicId, 73], [null, UNKNOWN, 73], ['c', topicId, 73]])
  await kit.ottla.admin.alterConfigs({ broker: 1 }, { 'delete.topic.enable': null })
  expect(await kit.ottla.admin.listTopics()).toContain('c')
})

test.each([
  [{ transactionalId: null, producerId: -1, producerEpoch: -1 }, 0], [{ transactionalId: null, producerId: 5, producerEpoch: 3 }, 0],
  [{ transactionalId: null, producerId: 5, producerEpoch: -1 }, 42], [{ transactionalId: null, producerId: -1, producerEpoch: 0 }, 42],
  [{ transactionalId: '', producerId: -1, producerEpoch: -1 }, 42],
])('InitProducerId of %j is %i', async (body, code) => {
  const { errorCode, producerId } = await client.call(apis.initProducerId, 4, { transactionTimeoutMs: 1000, ...body })
  expect([errorCode, producerId >= 0]).toEqual([code, code === 0])
})

test('ElectLeaders of a type that is not known is refused as a whole', async () => {
  const { errorCode, replicaElectionResults } = await client.call(apis.electLeaders, 2, { electionType: 5, topicPartitions: [{ topic: 'c', partitions: [0] }], timeoutMs: 1000 })
  expect([errorCode, replicaElectionResults[0]!.partitionResult[0]!.errorCode]).toEqual([42, 42])
})

test('Fetch of one who says that it follows is told that it does not, and of one who looks in as a debugger is answered', async () => {
  const { topicId } = await kit.ottla.admin.describeTopic('c')
  const fetch = async (version: number, replicaId: number, id: string, topic = 'c'): Promise<number> => (await client.call(apis.fetch, version, {
    replicaId, maxWaitMs: 0, minBytes: 0, sessionEpoch: -1, forgottenTopicsData: [], isolationLevel: 0,
    topics: [{ topic, topicId: id, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  })).responses[0]!.partitions[0]!.errorCode
  expect([await fetch(12, 7, ZERO), await fetch(12, 7, ZERO, 'nope'), await fetch(13, 7, topicId), await fetch(13, 7, UNKNOWN), await fetch(12, -2, ZERO)]).toEqual([6, 3, 6, 100, 0])
})

test.each([[5, -1, 1], [-1, -1, 1], [0, 3, 75], [0, -2, 74]])('Fetch from %i at leader epoch %i tells the error %i and no offsets', async (fetchOffset, currentLeaderEpoch, code) => {
  const { responses } = await client.call(apis.fetch, 12, {
    maxWaitMs: 0, minBytes: 0, sessionEpoch: -1, forgottenTopicsData: [], isolationLevel: 0,
    topics: [{ topic: 'c', topicId: ZERO, partitions: [{ partition: 0, fetchOffset, currentLeaderEpoch, partitionMaxBytes: 1000 }] }],
  })
  expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: code, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 })
})

test('what a request names twice is answered once', async () => {
  const [once, twice] = [{ name: 'c', count: 3, assignments: null }, { name: 'c', count: 4, assignments: null }]
  expect((await client.call(apis.createPartitions, 3, { topics: [once, twice], timeoutMs: 1000, validateOnly: true })).results.map(({ errorCode }) => errorCode)).toEqual([42])
  expect((await client.call(apis.deleteGroups, 2, { groupsNames: ['nope', 'nope', 'no'] })).results.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([['nope', 69], ['no', 69]])
  const topic = { name: 'd', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const made = await client.call(apis.createTopics, 7, { topics: [topic, topic], timeoutMs: 1000, validateOnly: true })
  expect(made.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([['d', 42]])
  const partition = { partitionIndex: 0, timestamp: -1 }
  const offsets = await client.call(apis.listOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: [{ name: 'c', partitions: [partition] }, { name: 'c', partitions: [partition] }] })
  expect(offsets.topics).toMatchObject([{ name: 'c', partitions: [{ partitionIndex: 0, errorCode: 42 }] }])
  const { topics } = await client.call(apis.deleteRecords, 2, { topics: [{ name: 'c', partitions: [{ partitionIndex: 0, offset: 0 }, { partitionIndex: 0, offset: 5 }] }], timeoutMs: 1000 })
  expect(topics).toMatchObject([{ name: 'c', partitions: [{ partitionIndex: 0, errorCode: 1, lowWatermark: -1 }] }])
})

test.each([2, -1])('Fetch and ListOffsets at isolation level %i are failures of the server', async (isolationLevel) => {
  const wanted = [{ topic: 'c', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }]
  const fetch = { replicaId: -1, maxWaitMs: 0, minBytes: 0, sessionId: 0, sessionEpoch: 0, forgottenTopicsData: [], isolationLevel, topics: wanted }
  expect(await client.call(apis.fetch, 11, fetch)).toMatchObject({ errorCode: -1, sessionId: 0, responses: [{ topic: 'c', partitions: [{ partitionIndex: 0, errorCode: -1 }] }] })
  expect((await client.call(apis.fetch, 4, fetch)).responses[0]!.partitions[0]!.errorCode).toBe(-1)
  const offsets = { replicaId: -1, isolationLevel, topics: [{ name: 'c', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }
  expect((await client.call(apis.listOffsets, 7, offsets)).topics[0]!.partitions).toMatchObject([{ partitionIndex: 0, errorCode: -1, offset: -1 }])
})

test('a topic that is only looked at is told with the settings that it would get', async () => {
  const topic = { name: 'later', numPartitions: -1, replicationFactor: -1, assignments: [], configs: [{ name: 'retention.ms', value: '1000' }] }
  const { topics: [later] } = await client.call(apis.createTopics, 7, { topics: [topic], timeoutMs: 1000, validateOnly: true })
  const { topics: [made] } = await client.call(apis.createTopics, 7, { topics: [topic], timeoutMs: 1000, validateOnly: false })
  expect(later).toEqual({ ...made, topicId: ZERO })
  expect(later!.configs!.find(({ name }) => name === 'retention.ms')).toMatchObject({ value: '1000', configSource: 1 })
})

test('the topic of offsets cannot be made by hand, and once it is there, it is there already', async () => {
  const make = async (): Promise<number> => (await client.call(apis.createTopics, 7, {
    topics: [{ name: '__consumer_offsets', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 1000, validateOnly: true,
  })).topics[0]!.errorCode
  expect(await make()).toBe(17)
  const topics = [{ name: 'c', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }]
  await client.call(apis.offsetCommit, 8, { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, topics })
  expect(await make()).toBe(36)
})

test('a user that is described twice and an entity whose quotas are changed twice are refused, once', async () => {
  const { results } = await client.call(apis.describeUserScramCredentials, 0, { users: [{ name: 'u' }, { name: 'u' }, { name: 'v' }] })
  expect(results.map(({ user, errorCode }) => [user, errorCode])).toEqual([['u', 92], ['v', 91]])
  const entry = (value: number, ...entity: { entityType: string; entityName: string }[]) => ({ entity, ops: [{ key: 'producer_byte_rate', value, remove: false }] })
  const [user, clientId] = [{ entityType: 'user', entityName: 'u' }, { entityType: 'client-id', entityName: 'c' }]
  const { entries } = await client.call(apis.alterClientQuotas, 1, { validateOnly: false, entries: [entry(1, user, clientId), entry(2, clientId, user), entry(3, user)] })
  expect(entries.map(({ errorCode, entity }) => [errorCode, entity.length])).toEqual([[42, 2], [0, 1]])
  const described = await client.call(apis.describeClientQuotas, 1, { components: [], strict: false })
  expect(described.entries!.map(({ values }) => values.map(({ value }) => value))).toEqual([[3]])
})

test('a topic of the name of Kafka\'s own metadata is not made by being asked for: its folder would be passed over on the next open', async () => {
  for (const version of [1, 4, 12]) {
    const { topics } = await client.call(apis.metadata, version, { topics: [{ name: '__cluster_metadata', topicId: ZERO }, { name: `asked${version}`, topicId: ZERO }], allowAutoTopicCreation: true })
    expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([['__cluster_metadata', 3], [`asked${version}`, 0]])
  }
  await expect(kit.ottla.producer().send({ topic: '__cluster_metadata', value: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test.each([10, 11])('Metadata version %i that asks by id is refused as a whole', async (version) => {
  const { topicId } = await kit.ottla.admin.describeTopic('c')
  const ask = (topics: { topicId: string; name: string | null }[]): Promise<unknown> => client.call(apis.metadata, version, { topics, allowAutoTopicCreation: false })
  const refused = { brokers: [], clusterId: null, controllerId: -1 }
  expect(await ask([{ topicId: ZERO, name: 'c' }, { topicId, name: null }])).toMatchObject({
    ...refused, topics: [{ errorCode: 42, name: 'c', topicId: ZERO, partitions: [] }, { errorCode: 42, name: '', topicId, partitions: [] }],
  })
  expect(await ask([{ topicId: ZERO, name: null }])).toMatchObject({ ...refused, topics: [{ errorCode: 42, name: '' }] })
  expect(await ask([{ topicId: ZERO, name: 'c' }])).toMatchObject({ controllerId: 1, topics: [{ errorCode: 0, name: 'c', topicId }] })
})

test('of several things wrong with a new topic the first is told: its name, that it is there, its settings, its places, its counts', async () => {
  const topic = { numPartitions: 0, replicationFactor: 5, assignments: [{ partitionIndex: 0, brokerIds: [1] }], configs: [{ name: 'nosuch', value: null }] }
  const { topics } = await client.call(apis.createTopics, 7, {
    topics: [
      { ...topic, name: 'bad/name' }, { ...topic, name: 'c' }, { ...topic, name: 'new1' }, { ...topic, name: 'new2', configs: [{ name: 'retention.ms', value: 'x' }] },
      { ...topic, name: 'new3', configs: [] }, { ...topic, name: 'new4', configs: [], assignments: [] }, { ...topic, name: 'new5', configs: [], assignments: [], replicationFactor: 1 },
    ],
    timeoutMs: 1000, validateOnly: false,
  })
  expect(topics.map(({ errorCode }) => errorCode)).toEqual([17, 36, 40, 40, 42, 38, 37])
})

test('names that differ in "." and "_" only may be made together, but not one after the other', async () => {
  const make = async (...names: string[]): Promise<number[]> => {
    const topics = names.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }))
    return (await client.call(apis.createTopics, 7, { topics, timeoutMs: 1000, validateOnly: false })).topics.map(({ errorCode }) => errorCode)
  }
  expect(await make('x.y', 'x_y')).toEqual([0, 0])
  expect(await make('z.y')).toEqual([0])
  expect(await make('z.y', 'z_y')).toEqual([36, 17])
})

test('a commit or a deletion of offsets of a partition that is not there is told so before anything else', async () => {
  const partitions = [{ partitionIndex: 9, committedOffset: Number.MAX_SAFE_INTEGER, committedMetadata: '' }]
  const committed = await client.call(apis.offsetCommit, 8, { groupId: 'readers', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, topics: [{ name: 'c', partitions }] })
  expect(committed.topics[0]!.partitions[0]!.errorCode).toBe(3)
  const protocols = [{ name: 'range', metadata: subscription(['c', 'gone']) }]
  await client.call(apis.joinGroup, 3, { groupId: 'readers', sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 1000, memberId: '', protocolType: 'consumer', protocols })
  const asked = [{ partitionIndex: 0 }, { partitionIndex: 9 }, { partitionIndex: -1 }]
  const { topics } = await client.call(apis.offsetDelete, 0, { groupId: 'readers', topics: [{ name: 'c', partitions: asked }] })
  expect(topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([86, 3, 3])
})

test('the first look at a topic that was deleted over the network sees that it is gone, the next the one which the first made', async () => {
  const topicNames = ['again', 'made']
  const look = async (): Promise<unknown[]> => {
    const topics = topicNames.map((name) => ({ name, topicId: ZERO }))
    const asked = { topics, allowAutoTopicCreation: true, includeTopicAuthorizedOperations: false, includeClusterAuthorizedOperations: false }
    return (await client.call(apis.metadata, 12, asked)).topics.map(({ name, errorCode, partitions }) => [name, errorCode, partitions.length])
  }
  expect(await look()).toEqual([['again', 0, 1], ['made', 0, 1]])
  const { responses } = await client.call(apis.deleteTopics, 5, { topicNames, timeoutMs: 1000 })
  expect(responses.map(({ errorCode }) => errorCode)).toEqual([0, 0])
  await kit.ottla.admin.createTopic('made')
  expect(await look()).toEqual([['again', 3, 0], ['made', 0, 1]])
  expect(await look()).toEqual([['again', 0, 1], ['made', 0, 1]])
  for (const name of topicNames) await kit.ottla.admin.deleteTopic(name)
  expect(await look(), 'deleted by this process').toEqual([['again', 0, 1], ['made', 0, 1]])
})
