import { describe, expect, test } from 'vitest'
import { harness, outcome } from '../../test/support/client-harness.ts'
import type { DescribeConfigsRequest } from '../protocol/broker-api.ts'
import { encodeAssignment } from '../protocol/consumer-protocol.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import type { FakeBroker } from '../../test/support/fake-broker.ts'
import type { ConfigTarget } from './types.ts'

const setUp = () => {
  const h = harness()
  return { ...h, h, admin: h.clients.admin }
}
const join = (broker: FakeBroker, groupId: string, memberId = '') => broker.coordinator.joinGroup({
  groupId, memberId, groupInstanceId: 'i', sessionTimeoutMs: 1000, rebalanceTimeoutMs: 1000, protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: new Uint8Array(0) }], clientId: 'c', clientHost: 'h', requireKnownMemberId: false,
})

describe('topics', () => {
  test('are created, described, listed, grown and deleted', async () => {
    const { admin, broker, settle } = setUp()
    expect(await settle(admin.createTopic('b', { partitions: 2, config: { 'retention.ms': 5 } }))).toMatchObject({
      name: 'b', internal: false, partitions: [{ partition: 0, leader: 1, replicas: [1], isr: [1], leaderEpoch: 0 }, { partition: 1 }],
    })
    expect(broker.topics.get('b')!.configs.get('retention.ms')).toBe('5')
    await settle(admin.createTopic('a'))
    broker.createTopic('__consumer_offsets', 1, true)
    expect(await settle(admin.listTopics())).toEqual(['a', 'b'])
    expect(await settle(admin.listTopics({ internal: true }))).toEqual(['__consumer_offsets', 'a', 'b'])
    await settle(admin.createPartitions('b', 5))
    expect((await settle(admin.describeTopic('b'))).partitions).toHaveLength(5)
    await settle(admin.deleteTopic('b'))
    expect(await settle(admin.listTopics())).toEqual(['a'])
  })
  test('that exist already', async () => {
    const { admin, broker, settle } = setUp()
    broker.createTopic('t', 3)
    expect(await outcome(settle(admin.createTopic('t')))).toBe('TOPIC_ALREADY_EXISTS')
    expect((await settle(admin.createTopic('t', { ifNotExists: true, partitions: 9 }))).partitions).toHaveLength(3)
  })
  test('may only be tried out, or placed by hand', async () => {
    const { admin, broker, settle } = setUp()
    await settle(admin.createTopic('t', { validateOnly: true }))
    expect(broker.topics.has('t')).toBe(false)
    expect((await settle(admin.createTopic('t', { assignment: [[1], [1]] }))).partitions).toHaveLength(2)
    expect(broker.requests.filter(({ api }) => api === 'createTopics').at(-1)!.request).toMatchObject({
      topics: [{ numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }, { partitionIndex: 1, brokerIds: [1] }] }],
    })
  })
  test.each([
    ['describeTopic', []], ['deleteTopic', []], ['createPartitions', [3]], ['describeConfigs', null], ['alterConfigs', null], ['listOffsets', ['latest']],
      ['deleteRecords', [[{ partition: 0, offset: 1 }]]],
  ])('%s of one that does not exist names the nearest, at once', async (method, args) => {
    const { admin, broker, settle, scheduler } = setUp()
    broker.createTopic('truck_gps', 1)
    const call = (admin as unknown as Record<string, (...list: unknown[]) => Promise<unknown>>)[method]!.bind(admin)
    const promise = args === null ? call({ topic: 'truck_gsp' }, {}) : call('truck_gsp', ...args)
    await expect(settle(promise)).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: 'there is no topic truck_gsp: did you mean truck_gps?', topic: 'truck_gsp' })
    expect(scheduler.clock.monotonic()).toBeLessThan(100)
  })
  test('wrong arguments are told before anything is asked', async () => {
    const { admin, broker } = setUp()
    for (const [call, message] of [
      [() => admin.createTopic('a b'), /characters other than/],
      [() => admin.createTopic('t', { numPartitions: 3 } as never), /no option "numPartitions": it takes partitions/],
      [() => admin.createTopic('t', { partitions: 1.5 }), /partitions is 1.5/],
      [() => admin.createTopic('t', { partitions: 3, assignment: [[1]] }), /partitions is 3, but assignment has 1/],
      [() => admin.createTopic('t', { config: { 'retention.ms': {} as never } }), /value of retention.ms is object/],
      [() => admin.createPartitions('t', 0), /give a whole number/],
      [() => admin.describeConfigs({} as never), /\{ topic: name \} or \{ broker: id \}/],
      [() => admin.listOffsets('t', 'newest' as never), /not "newest"/],
      [() => admin.listOffsets('t', new Date(Number.NaN)), /invalid Date/],
      [() => admin.deleteRecords('t', [{ partition: 0, offset: -2 }]), /offset is -2/],
      [() => admin.describeGroup(''), /not an empty one/],
      [() => admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: -1 }]), /offset for t-0 is -1/],
      [() => admin.deleteGroupOffsets('g', [{ topic: 't', partition: -1 }]), /partition of topic t is -1/],
      [() => admin.deleteGroupOffsets('g', {} as never), /takes an array/],
    ] as [() => Promise<unknown>, RegExp][]) await expect(call()).rejects.toThrow(message)
    expect(broker.requests).toEqual([])
  })
})

test('configs are described and altered one by one', async () => {
  const { admin, broker, settle } = setUp()
  broker.createTopic('t', 1)
  const entry = { name: 'retention.ms', default: '604800000', readOnly: false, sensitive: false, documentation: 'about retention.ms', synonyms: [] }
  expect(await settle(admin.describeConfigs({ topic: 't' }))).toEqual([{ ...entry, value: '604800000', source: 'default' }])
  await settle(admin.alterConfigs({ topic: 't' }, { 'retention.ms': 1000, 'write.caching': true }))
  expect(await settle(admin.describeConfigs({ topic: 't' }))).toEqual([{ ...entry, value: '1000', source: 'topic' }])
  await settle(admin.alterConfigs({ topic: 't' }, { 'retention.ms': null }))
  expect([...broker.topics.get('t')!.configs]).toEqual([['write.caching', 'true']])
  expect(await settle(admin.describeConfigs({ broker: 1 }))).toHaveLength(1)
})

test('settings are those of topics, brokers, all brokers, loggers, groups and client metrics', async () => {
  const { admin, broker, settle } = setUp()
  const asked = async (target: ConfigTarget): Promise<unknown> => {
    await settle(admin.describeConfigs(target))
    const { resources } = broker.requests.findLast(({ api }) => api === 'describeConfigs')!.request as DescribeConfigsRequest
    return [resources[0]!.resourceType, resources[0]!.resourceName]
  }
  expect(await asked({ broker: 1 })).toEqual([4, '1'])
  expect(await asked({ broker: null })).toEqual([4, ''])
  expect(await asked({ brokerLogger: 1 })).toEqual([8, '1'])
  expect(await asked({ clientMetrics: 'm' })).toEqual([16, 'm'])
  expect(await asked({ group: 'g' })).toEqual([32, 'g'])
})

test('of settings whose source a later Kafka may add the broker is told, and a refusal names whose settings were meant', async () => {
  const { admin, broker, settle } = setUp()
  const config = { name: 'x', value: '1', defaultValue: null, readOnly: false, isSensitive: false, type: 'string' as const, documentation: '' }
  broker.describeConfigs = async () => ({
    results: [{ errorCode: 0, resourceType: 4, resourceName: '1', configs: [{ ...config, configSource: 99, synonyms: [{ name: 'x', value: '1', source: 3 }] }] }],
  })
  expect(await settle(admin.describeConfigs({ broker: 1 }))).toMatchObject([{ name: 'x', source: 'broker', synonyms: [{ source: 'allBrokers' }] }])
  const refusal = (resourceType: number, resourceName: string): typeof broker.incrementalAlterConfigs => async () => ({
    responses: [{ errorCode: 40, errorMessage: 'no', resourceType, resourceName }],
  })
  for (const [target, type, name, message] of [
    [{ broker: null }, 4, '', 'altering configs of all brokers'], [{ broker: 1 }, 4, '1', 'altering configs of broker 1'],
    [{ brokerLogger: 1 }, 8, '1', 'altering configs of the loggers of broker 1'], [{ group: 'g' }, 32, 'g', 'altering configs of group g'],
    // A broker that does not know the kind (before Kafka 3.8) answers with none.
    [{ group: 'g' }, 0, 'g', 'altering configs of group g'],
  ] as [ConfigTarget, number, string, string][]) {
    broker.incrementalAlterConfigs = refusal(type, name)
    await expect(settle(admin.alterConfigs(target, { x: 1 }))).rejects.toMatchObject({ code: 'INVALID_CONFIG', message: expect.stringContaining(message) as string })
  }
})

test('offsets are listed by place and by time, and records deleted', async () => {
  const { admin, broker, settle } = setUp()
  const [first] = broker.createTopic('t', 2)
  first!.store(buildBatch([{ timestamp: 100, value: 'a' }, { timestamp: 300, value: 'b' }, { timestamp: 200, value: 'c' }]))
  const none = { partition: 1, offset: -1, timestamp: -1 }
  expect(await settle(admin.listOffsets('t', 'earliest'))).toEqual([{ partition: 0, offset: 0, timestamp: -1 }, { partition: 1, offset: 0, timestamp: -1 }])
  expect(await settle(admin.listOffsets('t', 'latest'))).toMatchObject([{ offset: 3 }, { offset: 0 }])
  expect(await settle(admin.listOffsets('t', 'maxTimestamp'))).toEqual([{ partition: 0, offset: 1, timestamp: 300 }, none])
  expect(await settle(admin.listOffsets('t', 150))).toEqual([{ partition: 0, offset: 1, timestamp: 300 }, none])
  expect(await settle(admin.listOffsets('t', new Date(400)))).toEqual([{ ...none, partition: 0 }, none])
  expect(await settle(admin.deleteRecords('t', [{ partition: 0, offset: 2 }]))).toEqual([{ partition: 0, lowWatermark: 2 }])
  expect(await outcome(settle(admin.deleteRecords('t', [{ partition: 0, offset: 9 }])))).toBe('OFFSET_OUT_OF_RANGE')
  expect(await settle(admin.deleteRecords('t', [{ partition: 0, offset: -1 }]))).toEqual([{ partition: 0, lowWatermark: 3 }])
})

test('log dirs and cluster', async () => {
  const { admin, broker, settle } = setUp()
  broker.createTopic('t', 1)
  expect(await settle(admin.describeLogDirs())).toEqual([{ path: '/d', error: null, totalBytes: 100, usableBytes: 40,
    partitions: [{ topic: 't', partition: 0, size: 0, offsetLag: 0 }] }])
  expect(await settle(admin.describeCluster())).toEqual({ clusterId: 'cluster', controller: 1, brokers: [{ id: 1, host: 'h', port: 9 }] })
})

describe('groups', () => {
  test('are listed, described and deleted', async () => {
    const { admin, broker, settle, run } = setUp()
    broker.coordinator.group('old')
    const joined = join(broker, 'live')
    await run(0)
    const { memberId, generationId } = await joined
    await settle(broker.syncGroup({
      groupId: 'live', memberId, groupInstanceId: null, generationId, protocolType: null, protocolName: null,
      assignments: [{ memberId, assignment: encodeAssignment({ assignedPartitions: [{ topic: 't', partitions: [0, 2] }], userData: null }) }],
    }))
    expect(await settle(admin.listGroups())).toEqual([
      { groupId: 'live', state: 'Stable', protocolType: 'consumer', type: 'classic' },
        { groupId: 'old', state: 'Empty', protocolType: 'consumer', type: 'classic' },
    ])
    expect(await settle(admin.describeGroup('live'))).toEqual({
      groupId: 'live', state: 'Stable', protocolType: 'consumer', protocol: 'range',
      members: [{ memberId, groupInstanceId: 'i', clientId: 'c', clientHost: 'h', assignment: [{ topic: 't', partition: 0 }, { topic: 't', partition: 2 }] }],
    })
    await expect(settle(admin.describeGroup('lvie'))).rejects.toThrow('there is no group lvie: did you mean live?')
    expect(await outcome(settle(admin.deleteGroup('live')))).toBe('NON_EMPTY_GROUP')
    await settle(admin.deleteGroup('old'))
    expect(await outcome(settle(admin.deleteGroup('old')))).toBe('GROUP_ID_NOT_FOUND')
  })
  test('offsets are listed, moved and forgotten', async () => {
    const { admin, settle, broker, run } = setUp()
    await settle(admin.alterGroupOffsets('g',
      [{ topic: 'u', partition: 0, offset: 1 }, { topic: 't', partition: 1, offset: 7, metadata: 'why', leaderEpoch: 3 },
      { topic: 't', partition: 0, offset: 0 }]))
    expect(await settle(admin.listGroupOffsets('g'))).toEqual([
      { topic: 't', partition: 0, offset: 0, leaderEpoch: -1, metadata: '' }, { topic: 't', partition: 1, offset: 7, leaderEpoch: 3, metadata: 'why' },
        { topic: 'u', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' },
    ])
    await settle(admin.deleteGroupOffsets('g', [{ topic: 't', partition: 1 }]))
    expect(await settle(admin.listGroupOffsets('g'))).toHaveLength(2)
    expect(await outcome(settle(admin.deleteGroupOffsets('g', [{ topic: 't', partition: 1 }])))).toBe('GROUP_SUBSCRIBED_TO_TOPIC')
    expect(await settle(admin.listGroupOffsets('nobody'))).toEqual([])
    void join(broker, 'g')
    await run(0)
    expect(await outcome(settle(admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 0 }])))).toBe('NON_EMPTY_GROUP')
  })
})

describe('failures', () => {
  test('that may pass are tried again', async () => {
    const { admin, broker, settle } = setUp()
    broker.createTopic('t', 1)
    broker.faults = (api, _, call) => api === 'listOffsets' && call <= 3 ? { errorCode: 78 } : api === 'describeCluster' && call === 1
      ? { rejects: Object.assign(new Error('x')) } : undefined
    expect(await settle(admin.listOffsets('t', 'latest'))).toHaveLength(1)
    expect(broker.calls('listOffsets')).toBe(4)
    expect(await outcome(settle(admin.describeCluster()))).toBe('INTERNAL')
  })
  test('of the coordinator are waited out when groups and offsets are deleted, too', async () => {
    const { admin, broker, settle } = setUp()
    broker.createTopic('t', 1)
    await settle(admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 1 }]))
    broker.faults = (api, _, call) => (api === 'offsetDelete' || api === 'deleteGroups') && call <= 2 ? { errorCode: [14, 16][call - 1]! } : undefined
    await settle(admin.deleteGroupOffsets('g', [{ topic: 't', partition: 0 }]))
    await settle(admin.deleteGroup('g'))
    expect([broker.calls('offsetDelete'), broker.calls('deleteGroups')]).toEqual([3, 3])
  })
  test('end with default.api.timeout.ms', async () => {
    const { admin, broker, settle, scheduler } = setUp()
    broker.faults = () => ({ errorCode: 15 })
    expect(await outcome(settle(admin.listGroups()))).toBe('COORDINATOR_NOT_AVAILABLE')
    expect(scheduler.clock.monotonic()).toBeGreaterThan(58_000)
    broker.faults = () => ({ silent: true })
    expect(await outcome(settle(admin.describeCluster()))).toBe('REQUEST_TIMED_OUT')
    expect(scheduler.pendingTimers).toBe(0)
  })
})
