/** Requests that no client should send, as raw requests. The answers were seen at Apache Kafka 4.1. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apis } from '../../src/protocol/api-registry.ts'
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
  expect(byName.responses.map(({ errorCode }) => errorCode)).toEqual([42, 42, 3, 0])
  const remove = async (...topics: { name: string | null; topicId: string }[]): Promise<number[]> => (
    (await client.call(apis.deleteTopics, 6, { topics, timeoutMs: 1000 })).responses.map(({ errorCode }) => errorCode))
  expect(await remove({ name: 'a', topicId: ZERO }, { name: null, topicId })).toEqual([42, 42])
  expect(await remove({ name: 'a', topicId })).toEqual([42])
  expect(await remove({ name: null, topicId: ZERO })).toEqual([42])
  expect(await kit.ottla.admin.listTopics()).toEqual(['a', 'c'])
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

test.each([[5, -1, 1], [-1, -1, 1], [0, 3, 75]])('Fetch from %i at leader epoch %i tells the error %i and no offsets', async (fetchOffset, currentLeaderEpoch, code) => {
  const { responses } = await client.call(apis.fetch, 12, {
    maxWaitMs: 0, minBytes: 0, sessionEpoch: -1, forgottenTopicsData: [], isolationLevel: 0,
    topics: [{ topic: 'c', topicId: ZERO, partitions: [{ partition: 0, fetchOffset, currentLeaderEpoch, partitionMaxBytes: 1000 }] }],
  })
  expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: code, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 })
})
