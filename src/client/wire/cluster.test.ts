import { afterEach, beforeEach, expect, test } from 'vitest'
import { OttlaError } from '../../common/errors.ts'
import { systemPorts } from '../../common/ports.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import type { RequestOf, ResponseInput } from '../../protocol/api.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi, ProduceResponse } from '../../protocol/broker-api.ts'
import { RecordingLogger } from '../../testing/recording-logger.ts'
import { ScriptedBroker } from '../../../test/support/scripted-broker.ts'
import { nextTurn } from '../waiting.ts'
import { Cluster } from './cluster.ts'
import { LinkPool } from './link-pool.ts'
import { wireApi } from './wire-api.ts'

const brokers: ScriptedBroker[] = []
let leaders: number[]
let controllerId: number
let pool: LinkPool
let cluster: Cluster
let api: BrokerApi

const logger = new RecordingLogger()
const ports = { ...systemPorts, logger }
const settings = {
  clientId: '', softwareVersion: '1', requestTimeoutMs: 5000, maxFrameBytes: 1_000_000, tls: null, credentials: null,
  setupTimeoutMs: 5000, maxSetupTimeoutMs: 5000, reconnectBackoffMs: 1, maxReconnectBackoffMs: 10, maxIdleMs: -1,
}

function serveMetadata(broker: ScriptedBroker): void {
  broker.on(apis.metadata, ({ body }) => ({
    brokers: brokers.map((each, nodeId) => ({ nodeId, host: '127.0.0.1', port: each.port, rack: null })), controllerId, clusterId: 'c',
    topics: (body.topics ?? []).map(({ name }) => ({
      errorCode: name === 't' ? 0 : 3, name, topicId: ZERO_UUID, isInternal: false,
      partitions: leaders.map((leaderId, partitionIndex) => (
        { errorCode: leaderId < 0 ? 5 : 0, partitionIndex, leaderId, leaderEpoch: 3, replicaNodes: [0], isrNodes: [0], offlineReplicas: [] })),
    })),
  }))
}

beforeEach(async () => {
  logger.clear()
  for (let i = 0; i < 3; i += 1) brokers.push(await ScriptedBroker.open())
  leaders = [0, 1, 2]
  controllerId = 1
  for (const each of brokers) serveMetadata(each)
  pool = new LinkPool(settings, ports)
  cluster = new Cluster([{ host: '127.0.0.1', port: brokers[0]!.port }, { host: '127.0.0.1', port: brokers[1]!.port }], pool, { metadataMaxAgeMs: 300_000 }, ports)
  api = wireApi(cluster, pool, { requestTimeoutMs: 5000, maxRequestBytes: 1000, maxInFlight: 2, rackId: '', metadataMaxAgeMs: 300_000 }, ports)
})
afterEach(async () => {
  pool.close()
  await Promise.all(brokers.splice(0).map((each) => each.close()))
})

const asked = (name: string): number[] => brokers.map((each) => each.asked.filter((one) => one.api === name).length)
const codeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', (error: unknown) => (error as OttlaError).code)
const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await nextTurn(systemPorts.scheduler) }

test('metadata that a broker refuses as a whole is asked of the others, and is an error when none gives it', async () => {
  brokers[0]!.on(apis.metadata, () => ({ errorCode: -1, brokers: [], controllerId: -1, topics: [] }))
  expect((await cluster.metadata(['t'], false)).topics).toHaveLength(1)
  brokers[1]!.on(apis.metadata, () => ({ errorCode: 7, brokers: [], controllerId: -1, topics: [] }))
  brokers[2]!.on(apis.metadata, () => ({ errorCode: 31, brokers: [], controllerId: -1, topics: [] }))
  expect(await codeOf(cluster.metadata(null, false))).toMatch(/UNKNOWN_SERVER_ERROR|CLUSTER_AUTHORIZATION_FAILED/)
})

test('a cluster that one broker does not describe is asked of the others, and what they say is told, not hidden behind metadata', async () => {
  const described = { throttleTimeMs: 0, brokers: [{ brokerId: 0, host: 'h', port: 1, rack: null }], clusterId: 'c', controllerId: 0 } as const
  brokers[0]!.on(apis.describeCluster, () => ({ ...described, errorCode: 31, errorMessage: 'not you' }))
  brokers[1]!.on(apis.describeCluster, () => ({ ...described, errorCode: 0 }))
  expect(await api.describeCluster()).toMatchObject({ clusterId: 'c', brokers: [{ brokerId: 0 }] })
  brokers[1]!.on(apis.describeCluster, () => ({ ...described, errorCode: 31, errorMessage: 'nor you' }))
  brokers[2]!.on(apis.describeCluster, () => ({ ...described, errorCode: -1 }))
  await expect(api.describeCluster()).rejects.toMatchObject({ code: 'CLUSTER_AUTHORIZATION_FAILED', message: expect.stringContaining('not you') })
  expect(asked('Metadata')).toEqual([0, 0, 0])
})

test('a cluster is described by metadata where its brokers do not know the question', async () => {
  for (const each of brokers) each.versions.set('DescribeCluster', null)
  expect((await api.describeCluster()).brokers.map(({ brokerId }) => brokerId)).toEqual([0, 1, 2])
})

test('metadata is asked last of a broker that has left another client without an answer', async () => {
  await cluster.metadata(['t'], false)
  expect(asked('Metadata')).toEqual([1, 0, 0])
  cluster.lost(0, new OttlaError('REQUEST_TIMED_OUT', 'it did not answer Produce'))
  for (let i = 0; i < 3; i += 1) await cluster.metadata(['t'], false)
  expect(asked('Metadata')[0]).toBe(1)
  for (const each of [1, 2]) await brokers[each]!.close()
  await cluster.metadata(['t'], false)
  expect(asked('Metadata')[0]).toBe(2)
})

test('a heartbeat is waited for no longer than the session lasts', async () => {
  for (const each of brokers) {
    each.on(apis.findCoordinator, ({ body }) => (
      { coordinators: body.coordinatorKeys.map((key) => ({ key, nodeId: 2, host: '127.0.0.1', port: brokers[2]!.port, errorCode: 0, errorMessage: null })) }))
  }
  brokers[2]!.on(apis.heartbeat, () => 'silence')
  await expect(api.heartbeat({ groupId: 'g', memberId: 'm', groupInstanceId: null, generationId: 1, sessionTimeoutMs: 20 })).rejects.toThrow('did not answer Heartbeat within 20 ms')
})

test('metadata is asked of whoever answers: brokers of the list, then those heard of', async () => {
  await brokers[0]!.close()
  await cluster.metadata([], false)
  expect(cluster.nodes.map((each) => each.nodeId)).toEqual([0, 1, 2])
  await brokers[1]!.close()
  await cluster.metadata([], false)
  expect(asked('Metadata')).toEqual([0, 1, 1])
  await brokers[2]!.close()
  expect(await codeOf(cluster.metadata([], false))).toBe('NETWORK_EXCEPTION')
})

test('many who miss the same are one request', async () => {
  await Promise.all([cluster.locate(['t']), cluster.locate(['t']), cluster.locate(['t', 'u'])])
  expect(asked('Metadata')).toEqual([1, 0, 0])
  expect(cluster.locate(['t'])).toBeNull()
  expect(cluster.leader('t', 1)).toMatchObject({ node: { nodeId: 1 }, leaderEpoch: 3 })
  expect([cluster.leader('t', 9), cluster.leader('u', 0), cluster.leader('v', 0)]).toEqual([3, 3, 3])
})

test('offsets are asked of each leader, and a broker that fails is the error of its own', async () => {
  brokers.forEach((each, i) => each.on(apis.listOffsets, ({ body }) => i === 2 ? 'cut' : ({
    topics: body.topics.map(({ name, partitions }) => (
      { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0, timestamp: -1, offset: 100 + i, leaderEpoch: 3 })) })),
  })))
  const answer = await api.listOffsets({ isolationLevel: 0, partitions: [2, 1, 0].map((partition) => ({ topic: 't', partition, timestamp: -1 })) })
  expect(answer.partitions.map((each) => [each.partition, each.errorCode, each.offset])).toEqual([[2, 13, -1], [1, 0, 101], [0, 0, 100]])
  await api.listOffsets({ isolationLevel: 0, partitions: [{ topic: 't', partition: 2, timestamp: -1 }] })
  // Told once in a while, not every time.
  expect(logger.messages('warn')).toEqual(['a broker does not answer'])
})

const batch = (text: string): Uint8Array => Buffer.from(text)
const produce = (partition: number, text: string): Promise<ProduceResponse> => (
  api.produce({ acks: -1, timeoutMs: 1000, partitions: [{ topic: 't', partition, records: batch(text) }] }))
const sentTo = (node: number): string[][] => brokers[node]!.bodies(apis.produce)
  .map((body) => body.topicData.flatMap((topic) => topic.partitionData.map((each) => Buffer.from(each.records!).toString())))

type Topics = RequestOf<typeof apis.produce>['topicData']
const produced = (topics: Topics, errorCode: number = 0): ResponseInput<typeof apis.produce> => ({
  throttleTimeMs: 0,
  responses: topics.map(({ name, partitionData }) => ({ name, partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: 7 })) })),
})

function serveProduce(node: number, errorCode: () => number = () => 0): void {
  brokers[node]!.on(apis.produce, ({ body }) => produced(body.topicData, errorCode()))
}

test('batches of one turn share a request by broker, one of a partition in each', async () => {
  leaders = [0, 0, 2]
  for (const node of [0, 2]) serveProduce(node)
  const answers = await Promise.all([produce(0, 'a1'), produce(1, 'b1'), produce(0, 'a2'), produce(2, 'c1'), produce(1, 'b2'), produce(0, 'a3')])
  expect(answers.map((each) => each.partitions[0]!.baseOffset)).toEqual([7, 7, 7, 7, 7, 7])
  expect(sentTo(0)).toEqual([['a1', 'b1'], ['a2', 'b2'], ['a3']])
  expect(sentTo(2)).toEqual([['c1']])
})

test('a request is no larger than allowed, but for one batch', async () => {
  leaders = [0, 0, 0]
  serveProduce(0)
  const large = 'x'.repeat(900)
  await Promise.all([produce(0, large), produce(1, large), produce(2, 'y'.repeat(5000)), produce(0, 'z')])
  expect(sentTo(0).map((each) => each.map((text) => text.length))).toEqual([[900], [900, 1], [5000]])
})

test('no more requests are on the way than allowed', async () => {
  leaders = [0, 0, 0]
  const gates: (() => void)[] = []
  brokers[0]!.on(apis.produce, async ({ body }) => {
    await new Promise<void>((resolve) => gates.push(resolve))
    return produced(body.topicData)
  })
  const answers = Promise.all(['1', '2', '3', '4'].map((text) => produce(0, text)))
  await until(() => gates.length === 1)
  // ApiVersions, Metadata, and two of four.
  await until(() => brokers[0]!.received === 4)
  for (let turn = 0; turn < 20; turn += 1) await nextTurn(systemPorts.scheduler)
  expect(brokers[0]!.received).toBe(4)
  for (let i = 0; i < 4; i += 1) {
    await until(() => gates.length === i + 1)
    gates[i]!()
  }
  await answers
  expect(sentTo(0)).toEqual([['1'], ['2'], ['3'], ['4']])
})

test('order holds while the leader is looked up, and after it moved', async () => {
  for (const node of [0, 1]) serveProduce(node, () => node === 0 ? 6 : 0)
  const first = await Promise.all([produce(0, '1'), produce(0, '2')])
  expect(first.map((each) => each.partitions[0]!.errorCode)).toEqual([6, 6])
  leaders = [1, 1, 1]
  await Promise.all([produce(0, '3'), produce(0, '4'), produce(0, '5')])
  expect(sentTo(0)).toEqual([['1'], ['2']])
  expect(sentTo(1)).toEqual([['3'], ['4'], ['5']])
})

test('a partition without leader is its own error, and others go on', async () => {
  leaders = [0, -1, 0]
  serveProduce(0)
  const answers = await Promise.all([produce(0, 'a'), produce(1, 'b'), produce(2, 'c')])
  expect(answers.map((each) => each.partitions[0]!.errorCode)).toEqual([0, 5, 0])
})

test('what was sent and not answered rejects', async () => {
  brokers[0]!.on(apis.produce, () => 'cut')
  expect(await codeOf(produce(0, 'a'))).toBe('NETWORK_EXCEPTION')
})

test('a broker that knows no Produce of ours rejects the batch and nothing else', async () => {
  brokers[0]!.versions.set('Produce', [0, 2])
  expect(await codeOf(produce(0, 'a'))).toBe('UNSUPPORTED_VERSION')
})

test('a coordinator is looked up once, and again when it moved', async () => {
  let coordinator = 1
  for (const each of brokers) {
    each.on(apis.findCoordinator, ({ body, version }) => version >= 4
      ? { coordinators: body.coordinatorKeys.map((key) => ({ key, nodeId: coordinator, host: '127.0.0.1', port: brokers[coordinator]!.port, errorCode: 0, errorMessage: null })) }
      : { errorCode: 0, errorMessage: null, nodeId: coordinator, host: '127.0.0.1', port: brokers[coordinator]!.port })
  }
  brokers[1]!.on(apis.heartbeat, () => ({ errorCode: coordinator === 1 ? 0 : 16 }))
  brokers[2]!.on(apis.heartbeat, () => ({ errorCode: 27 }))
  const beat = async (): Promise<number> => (await api.heartbeat({ groupId: 'g', memberId: 'm', groupInstanceId: null, generationId: 1 })).errorCode
  expect([await beat(), await beat()]).toEqual([0, 0])
  coordinator = 2
  expect([await beat(), await beat()]).toEqual([16, 27])
  expect(asked('FindCoordinator').reduce((a, b) => a + b)).toBe(2)
  for (const each of brokers) each.versions.set('FindCoordinator', [0, 2])
  await brokers[2]!.close()
  expect(await codeOf(beat())).toBe('NETWORK_EXCEPTION')
  brokers[1]!.on(apis.heartbeat, () => ({ errorCode: 0 }))
  coordinator = 1
  expect(await beat()).toBe(0)
})

test('groups of brokers whose listing tells of no states (before Kafka 2.6) are asked for them', async () => {
  brokers.forEach((each, i) => each.on(apis.listGroups, () => ({ errorCode: 0, groups: [{ groupId: `g${i}`, protocolType: 'consumer', groupState: i === 2 ? 'Dead' : '' }] }))
    .on(apis.findCoordinator, ({ body }) => (
      { coordinators: body.coordinatorKeys.map((key) => ({ key, nodeId: Number(key.slice(1)), host: '127.0.0.1', port: brokers[Number(key.slice(1))]!.port, errorCode: 0, errorMessage: null })) }))
    .on(apis.describeGroups, ({ body }) => (
      { groups: body.groups.map((groupId) => ({ errorCode: 0, groupId, groupState: i === 0 ? 'Empty' : 'Stable', protocolType: 'consumer', protocolData: '', members: [] })) })))
  for (const i of [0, 1]) brokers[i]!.versions.set('ListGroups', [0, 3])
  const listed = async (statesFilter: string[]): Promise<unknown> => (await api.listGroups({ statesFilter })).groups.map((each) => [each.groupId, each.groupState])
  expect(await listed([])).toEqual([['g0', 'Empty'], ['g1', 'Stable'], ['g2', 'Dead']])
  expect(asked('DescribeGroups')).toEqual([1, 1, 0])
  expect(await listed(['Stable', 'Dead'])).toEqual([['g1', 'Stable'], ['g2', 'Dead']])
})

test('groups are listed of all brokers', async () => {
  brokers.forEach((each, i) => each.on(apis.listGroups, () => ({ errorCode: 0, groups: [{ groupId: `g${i}`, protocolType: 'consumer' }] })))
  expect((await api.listGroups({ statesFilter: [] })).groups.map((each) => each.groupId)).toEqual(['g0', 'g1', 'g2'])
})

test('groups and log directories are told with the broker that has them', async () => {
  for (const each of brokers) {
    each.on(apis.findCoordinator, ({ body, version }) => version >= 4
      ? { coordinators: body.coordinatorKeys.map((key) => ({ key, nodeId: 2, host: '127.0.0.1', port: brokers[2]!.port, errorCode: 0, errorMessage: null })) }
      : { errorCode: 0, errorMessage: null, nodeId: 2, host: '127.0.0.1', port: brokers[2]!.port })
    each.on(apis.describeGroups, ({ body }) => ({
      groups: body.groups.map((groupId) => ({ errorCode: 0, groupId, groupState: 'Empty', protocolType: 'consumer', protocolData: '', members: [] })),
    }))
  }
  const { groups: [group] } = await api.describeGroups({ groups: ['g'] })
  expect(group!.coordinator).toMatchObject({ nodeId: 2, host: '127.0.0.1', port: brokers[2]!.port })
  expect(asked('DescribeGroups')).toEqual([0, 0, 1])
  brokers.forEach((each, i) => each.on(apis.describeLogDirs, () => ({ throttleTimeMs: 0, errorCode: i === 1 ? 31 : 0, results: [{ errorCode: 0, logDir: `/d${i}`, topics: [] }] })))
  expect((await api.describeLogDirs({ topics: null })).results.map(({ brokerId, logDir, errorCode }) => [brokerId, logDir, errorCode])).toEqual([[0, '/d0', 0], [1, '', 31], [2, '/d2', 0]])
})

test('changes go to the controller, and to the next when it moved', async () => {
  brokers[1]!.on(apis.deleteTopics, ({ body }) => ({ throttleTimeMs: 0, responses: body.topics.map(({ name }) => ({ name, topicId: ZERO_UUID, errorCode: 41, errorMessage: null })) }))
  brokers[0]!.on(apis.deleteTopics, ({ body }) => ({ throttleTimeMs: 0, responses: body.topics.map(({ name }) => ({ name, topicId: ZERO_UUID, errorCode: 0, errorMessage: null })) }))
  expect((await api.deleteTopics({ names: ['t'] })).topics[0]!.errorCode).toBe(41)
  controllerId = 0
  expect((await api.deleteTopics({ names: ['t'] })).topics[0]!.errorCode).toBe(0)
  expect(asked('DeleteTopics')).toEqual([1, 1, 0])
})

test('what is asked about one broker goes to that one, or is refused by name', async () => {
  for (const each of brokers) each.on(apis.describeConfigs, ({ body }) => ({ throttleTimeMs: 0, results: body.resources.map((one) => ({ ...one, errorCode: 0, errorMessage: null, configs: [] })) }))
  await api.describeConfigs({ resources: [{ resourceType: 4, resourceName: '2', configurationKeys: null }] })
  expect(asked('DescribeConfigs')).toEqual([0, 0, 1])
  await api.describeConfigs({ resources: [{ resourceType: 8, resourceName: '1', configurationKeys: null }] })
  expect(asked('DescribeConfigs')).toEqual([0, 1, 1])
  await expect(api.describeConfigs({ resources: [{ resourceType: 4, resourceName: '8', configurationKeys: null }] })).rejects.toThrow('there is no broker 8: the brokers are 0, 1, 2')
})
