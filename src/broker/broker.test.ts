import { beforeEach, describe, expect, test } from 'vitest'
import { batchOf, openBroker, type BrokerKit } from '../../test/support/broker-kit.ts'
import { ZERO_UUID } from '../common/uuid.ts'
import type { CreateTopicsRequest, IncrementalAlterConfigsRequest, ProducePartitionResponse, ProduceRequest } from '../protocol/broker-api.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { readBatch } from '../record/record-cursor.ts'

let kit: BrokerKit
beforeEach(async () => { kit = await openBroker() })

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString())

async function create(name: string, partitions = 1, configs: Record<string, string | null> = {}, more: Partial<CreateTopicsRequest['topics'][number]> = {}): Promise<number> {
  const topic = { name, numPartitions: partitions, replicationFactor: -1, assignments: [], configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })), ...more }
  return (await kit.settle(kit.broker.createTopics({ validateOnly: false, topics: [topic] }))).topics[0]!.errorCode
}

async function produce(topic: string, values: (string | null)[], more: Partial<ProduceRequest> & { partition?: number; key?: string; timestamp?: number } = {}): Promise<ProducePartitionResponse> {
  const { partition = 0, key, timestamp, ...request } = more
  const records = batchOf(values, { ...(key === undefined ? {} : { key }), ...(timestamp === undefined ? {} : { timestamp }) })
  return (await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1000, partitions: [{ topic, partition, records }], ...request }))).partitions[0]!
}

async function values(topic: string, partition = 0, fetchOffset = 0): Promise<(string | null)[]> {
  const partitions = [{ topic, partition, fetchOffset, partitionMaxBytes: 1e6 }]
  const [answer] = (await kit.settle(kit.broker.fetch({ maxWaitMs: 0, minBytes: 1, maxBytes: 1e6, isolationLevel: 0, partitions }))).partitions
  const found: (string | null)[] = []
  for (let at = 0; at < answer!.records.length;) {
    const { header, records } = readBatch(answer!.records, at)
    for (const record of records) if (record.offset >= fetchOffset) found.push(text(record.value))
    at += header.size
  }
  return found
}

const alter = (resourceType: number, resourceName: string, configs: [string, 0 | 1 | 2 | 3, string | null][], validateOnly = false): ReturnType<typeof kit.broker.incrementalAlterConfigs> => {
  const request: IncrementalAlterConfigsRequest = {
    validateOnly, resources: [{ resourceType, resourceName, configs: configs.map(([name, configOperation, value]) => ({ name, configOperation, value })) }],
  }
  return kit.settle(kit.broker.incrementalAlterConfigs(request))
}

async function config(resourceType: number, resourceName: string, name: string): Promise<{ value: string | null; source: number; synonyms: string[] }> {
  const answer = await kit.broker.describeConfigs({ resources: [{ resourceType, resourceName, configurationKeys: [name] }] })
  const [entry] = answer.results[0]!.configs
  return { value: entry!.value, source: entry!.configSource, synonyms: entry!.synonyms.map((each) => `${each.name}=${each.value}:${each.source}`) }
}

describe('metadata', () => {
  test('describes every topic, or those asked for', async () => {
    await create('b', 2)
    await create('a')
    const all = await kit.broker.metadata({ topics: null, allowAutoTopicCreation: false })
    expect(all.topics.map((each) => [each.name, each.partitions.length, each.errorCode])).toEqual([['a', 1, 0], ['b', 2, 0]])
    expect(all.brokers).toEqual([{ nodeId: all.controllerId, host: 'localhost', port: 0, rack: null }])
    expect(all.clusterId).toMatch(/^[\w-]{22}$/)
    const one = await kit.broker.metadata({ topics: ['b'], allowAutoTopicCreation: false })
    expect(one.topics[0]).toMatchObject({ name: 'b', isInternal: false, topicId: all.topics[1]!.topicId })
    const epoch = one.topics[0]!.partitions[0]!.leaderEpoch
    expect(epoch).toBeGreaterThanOrEqual(0)
    expect(one.topics[0]!.partitions[1]).toMatchObject({ partitionIndex: 1, leaderId: all.controllerId, replicaNodes: [all.controllerId], isrNodes: [all.controllerId] })
  })

  test('tells the rack of the broker, where it has one', async () => {
    kit = await openBroker({ 'broker.rack': 'a/1' })
    const answers = [await kit.broker.metadata({ topics: [], allowAutoTopicCreation: false }), await kit.broker.describeCluster()]
    expect(answers.map(({ brokers }) => brokers.map(({ rack }) => rack))).toEqual([['a/1'], ['a/1']])
    expect(await config(4, '1', 'broker.rack')).toEqual({ value: 'a/1', source: 4, synonyms: ['broker.rack=a/1:4'] })
  })

  test('creates a missing topic when the client and the broker allow it', async () => {
    await alter(4, '', [['num.partitions', 0, '3']])
    const ask = (topics: string[], allowAutoTopicCreation = true): ReturnType<typeof kit.broker.metadata> => kit.settle(kit.broker.metadata({ topics, allowAutoTopicCreation }))
    expect((await ask(['x'], false)).topics[0]).toMatchObject({ errorCode: 3, topicId: ZERO_UUID, partitions: [] })
    expect((await ask(['x'])).topics[0]).toMatchObject({ errorCode: 0, partitions: [{}, {}, {}] })
    const both = await Promise.all([ask(['y']), ask(['y'])])
    expect(both.map((each) => each.topics[0]!.errorCode)).toEqual([0, 0])
    expect((await ask(['bad name', '__consumer_offsets', 'x_', 'x.'])).topics.map((each) => each.errorCode).slice(0, 2)).toEqual([17, 3])
    await alter(4, '', [['auto.create.topics.enable', 0, 'false']])
    expect((await ask(['z'])).topics[0]).toMatchObject({ errorCode: 3 })
  })
})

describe('produce', () => {
  beforeEach(() => create('t', 2))

  test('appends, gives offsets, and keeps the order of calls that do not wait', async () => {
    expect(await produce('t', ['a', 'b'])).toMatchObject({ errorCode: 0, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 })
    const more = await Promise.all(['c', 'd', 'e'].map((value) => produce('t', [value], { acks: value === 'd' ? 1 : -1 })))
    expect(more.map((each) => each.baseOffset)).toEqual([2, 3, 4])
    expect(await values('t')).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(await values('t', 1)).toEqual([])
  })

  test('with acks 0 tells no offset', async () => {
    expect(await produce('t', ['a'], { acks: 0 })).toMatchObject({ errorCode: 0, baseOffset: -1 })
    expect(await values('t')).toEqual(['a'])
  })

  test('syncs before it answers acks=all, and not for acks 1 or with write.caching, and says so', async () => {
    await create('cached', 1, { 'write.caching': 'true' })
    const syncs = async (run: () => Promise<ProducePartitionResponse>): Promise<number> => {
      const before = kit.disk.operations.length
      const { errorCode, isSynced } = await run()
      expect(errorCode).toBe(0)
      const after = kit.disk.operations.slice(before)
      expect(after.some((each) => each.kind === 'write')).toBe(true)
      const made = after.filter((each) => each.kind === 'datasync').length
      expect(isSynced).toBe(made > 0)
      return made
    }
    expect(await syncs(() => produce('t', ['a'], { acks: -1 }))).toBeGreaterThan(0)
    expect(await syncs(() => produce('t', ['a'], { acks: 1 }))).toBe(0)
    expect(await syncs(() => produce('t', ['a'], { acks: 0 }))).toBe(0)
    expect(await syncs(() => produce('cached', ['a'], { acks: -1 }))).toBe(0)
    await alter(2, 'cached', [['write.caching', 0, 'false']])
    expect(await syncs(() => produce('cached', ['a'], { acks: -1 }))).toBeGreaterThan(0)
  })

  test('answers for each partition by itself', async () => {
    const partitions = [{ topic: 't', partition: 1, records: batchOf(['x']) }, { topic: 'none', partition: 0, records: batchOf(['x']) }, { topic: 't', partition: 2, records: batchOf(['x']) }]
    const answer = await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1000, partitions }))
    expect(answer.partitions.map((each) => [each.topic, each.partition, each.errorCode, each.baseOffset])).toEqual([['t', 1, 0, 0], ['none', 0, 3, -1], ['t', 2, 3, -1]])
    expect(answer.partitions[2]!.error?.message).toBe('topic t has partitions 0 to 1, not 2')
  })

  test('refuses wrong acks, internal topics, too large and damaged batches', async () => {
    expect(await produce('t', ['a'], { acks: 2 })).toMatchObject({ errorCode: 21 })
    expect(await produce('__consumer_offsets', ['a'])).toMatchObject({ errorCode: 3 })
    const partitions = [{ topic: 't', partition: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: null }]
    await kit.settle(kit.broker.offsetCommit({ groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1, partitions }))
    expect(await produce('__consumer_offsets', ['a'])).toMatchObject({ errorCode: 17 })
    await create('small', 1, { 'max.message.bytes': '100' })
    expect(await produce('small', ['a'.repeat(200)])).toMatchObject({ errorCode: 10 })
    const damaged = batchOf(['abc'])
    damaged[damaged.length - 2]! ^= 1
    expect((await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1, partitions: [{ topic: 't', partition: 0, records: damaged }] }))).partitions[0]).toMatchObject({ errorCode: 2 })
    await create('compacted', 1, { 'cleanup.policy': 'compact' })
    expect(await produce('compacted', ['a'])).toMatchObject({ errorCode: 87 })
    expect(await produce('compacted', ['a'], { key: 'k' })).toMatchObject({ errorCode: 0 })
  })

  test('accepts acks=all where min.insync.replicas asks for more replicas than there are, as Kafka does of a topic with one replica', async () => {
    await create('many', 1, { 'min.insync.replicas': '2' })
    expect(await produce('many', ['a'])).toMatchObject({ errorCode: 0, baseOffset: 0 })
  })

  test('tells which records of a batch are out of the time that the topic takes', async () => {
    await create('timely', 1, { 'message.timestamp.before.max.ms': '1000', 'message.timestamp.after.max.ms': '2000' })
    const now = kit.scheduler.clock.now()
    const records = buildBatch([now, now - 1001, -1, now + 2001, now + 2000, now - 1000].map((timestamp) => ({ timestamp, key: null, value: null })))
    const [answer] = (await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1, partitions: [{ topic: 'timely', partition: 0, records }] }))).partitions
    expect([answer!.errorCode, answer!.recordErrors!.map(({ batchIndex }) => batchIndex)]).toEqual([32, [1, 3]])
    expect(answer!.recordErrors![1]!.message).toBe(`Timestamp ${now + 2001} of message with offset 3 is out of range. The timestamp should be within [${now - 1000}, ${now + 2000}]`)
  })

  test('blames no record where it is the batch that is refused, though none has a key', async () => {
    const records = Buffer.concat([batchOf(['x']), batchOf(['y'])])
    const [answer] = (await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1, partitions: [{ topic: 't', partition: 0, records }] }))).partitions
    expect([answer!.errorCode, answer!.recordErrors]).toEqual([87, undefined])
  })

  test('is counted: what was appended once, what came twice not again, what was refused', async () => {
    const send = (baseSequence: number): Promise<ProducePartitionResponse> => {
      const records = batchOf(['x', 'y', 'z'], { producerId: 7, producerEpoch: 0, baseSequence })
      return kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1, partitions: [{ topic: 't', partition: 0, records }] })).then(({ partitions }) => partitions[0]!)
    }
    const codes: number[] = []
    for (const sequence of [0, 3, 3, 9]) codes.push((await send(sequence)).errorCode)
    expect(codes).toEqual([0, 0, 0, 45])
    expect(kit.database.metrics).toMatchObject({ produceRequests: 4, producedBatches: 3, producedRecords: 6, failedBatches: 1 })
  })

  test('stamps LogAppendTime where the topic says so', async () => {
    await create('stamped', 1, { 'message.timestamp.type': 'LogAppendTime' })
    expect(await produce('stamped', ['a'], { timestamp: 5 })).toMatchObject({ logAppendTimeMs: kit.scheduler.clock.now() })
  })

  test('on a full disk fails retriably, tells, and goes on when there is room', async () => {
    await produce('t', ['a'])
    kit.disk.capacityBytes = kit.disk.usedBytes
    const refused = await produce('t', ['b'.repeat(10_000)])
    expect(refused).toMatchObject({ errorCode: 56, baseOffset: -1 })
    expect(refused.error).toMatchObject({ code: 'DISK_FULL', retriable: true })
    expect(await values('t')).toEqual(['a'])
    kit.disk.capacityBytes = Infinity
    expect(await produce('t', ['c'])).toMatchObject({ errorCode: 0, baseOffset: 1 })
    await kit.scheduler.runUntilIdle()
    expect(kit.events).toEqual(['diskFull', 'diskResumed'])
  })
})

describe('offsets', () => {
  beforeEach(async () => {
    await create('t')
    for (const [value, timestamp] of [['a', 1000], ['b', 3000], ['c', 2000]] as const) await produce('t', [value], { timestamp })
  })
  const list = async (timestamp: number, partition = 0): Promise<unknown[]> => {
    const [found] = (await kit.settle(kit.broker.listOffsets({ isolationLevel: 0, partitions: [{ topic: 't', partition, timestamp }] }))).partitions
    return [found!.errorCode, found!.offset, found!.timestamp]
  }

  test('are listed by end, start, time and largest time', async () => {
    expect(await list(-1)).toEqual([0, 3, -1])
    expect(await list(-2)).toEqual([0, 0, -1])
    expect(await list(-3)).toEqual([0, 1, 3000])
    expect(await list(-4)).toEqual([0, 0, -1])
    expect(await list(-5)).toEqual([0, -1, -1])
    expect(await list(1001)).toEqual([0, 1, 3000])
    expect(await list(3001)).toEqual([0, -1, -1])
    expect(await list(-9)).toEqual([35, -1, -1])
    expect(await list(-1, 1)).toEqual([3, -1, -1])
  })

  test('below a point are deleted', async () => {
    const cut = async (offset: number): Promise<unknown[]> => {
      const [answer] = (await kit.settle(kit.broker.deleteRecords({ partitions: [{ topic: 't', partition: 0, offset }] }))).partitions
      return [answer!.errorCode, answer!.lowWatermark]
    }
    expect(await cut(2)).toEqual([0, 2])
    expect(await list(-2)).toEqual([0, 2, -1])
    expect(await cut(4)).toEqual([1, -1])
    expect(await cut(-1)).toEqual([0, 3])
    expect(await values('t', 0, 3)).toEqual([])
  })

  test('end leader epochs', async () => {
    const epoch = (await kit.broker.metadata({ topics: ['t'], allowAutoTopicCreation: false })).topics[0]!.partitions[0]!.leaderEpoch
    const [end] = (await kit.broker.offsetForLeaderEpoch({ partitions: [{ topic: 't', partition: 0, leaderEpoch: epoch }] })).partitions
    expect(end).toMatchObject({ errorCode: 0, leaderEpoch: epoch, endOffset: 3 })
  })
})

describe('topics', () => {
  test('are created as asked, or not at all', async () => {
    expect(await create('a', 3, { 'retention.ms': '5', 'segment.ms': '60000' })).toBe(0)
    expect((await kit.broker.metadata({ topics: ['a'], allowAutoTopicCreation: false })).topics[0]!.partitions).toHaveLength(3)
    expect(await create('a')).toBe(36)
    expect(await create('b', -1)).toBe(0)
    expect(await create('c', 0)).toBe(37)
    expect(await create('d', 1, {}, { replicationFactor: 3 })).toBe(38)
    expect(await create('e', 1, { 'retention.ms': 'soon' })).toBe(40)
    expect(await create('f', 1, { 'retention.secs': '5' })).toBe(40)
    expect(await create('g', 1, { 'retention.ms': null })).toBe(40)
    expect(await create('h', 1, { 'remote.storage.enable': 'true' })).toBe(40)
    expect(await create('bad/name')).toBe(17)
    expect(await create('__consumer_offsets')).toBe(17)
    expect(await create('__cluster_metadata')).toBe(42)
    expect((await kit.broker.metadata({ topics: null, allowAutoTopicCreation: false })).topics.map((each) => each.name)).toEqual(['a', 'b'])
  })

  test('may be assigned to the one broker only', async () => {
    const { controllerId } = await kit.broker.describeCluster()
    const assigned = (...brokers: number[][]): { partitionIndex: number; brokerIds: number[] }[] => brokers.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
    expect(await create('a', -1, {}, { assignments: assigned([controllerId], [controllerId]) })).toBe(0)
    expect(await create('b', -1, {}, { assignments: assigned([controllerId], [controllerId + 1]) })).toBe(39)
    expect(await create('c', -1, {}, { assignments: [{ partitionIndex: 1, brokerIds: [controllerId] }] })).toBe(39)
    for (const count of [1, 3]) expect(await create('d', count, {}, { assignments: assigned([controllerId]) })).toBe(42)
    expect(await create('e', -1, {}, { assignments: assigned([controllerId]), replicationFactor: 1 })).toBe(42)
    expect((await kit.broker.metadata({ topics: ['a'], allowAutoTopicCreation: false })).topics[0]!.partitions).toHaveLength(2)
  })

  test('are only checked with validateOnly, and refused when named twice', async () => {
    const topic = { name: 'a', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    expect((await kit.broker.createTopics({ validateOnly: true, topics: [topic] })).topics[0]).toMatchObject({ errorCode: 0, numPartitions: 1 })
    expect((await kit.broker.createTopics({ validateOnly: false, topics: [topic, topic] })).topics.map((each) => each.errorCode)).toEqual([42, 42])
    expect((await kit.broker.metadata({ topics: null, allowAutoTopicCreation: false })).topics).toEqual([])
  })

  test('are deleted with their records and their groups\' offsets', async () => {
    await create('a')
    await produce('a', ['x'])
    const group = { groupId: 'g', memberId: '', groupInstanceId: null }
    const partitions = [{ topic: 'a', partition: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: null }]
    expect((await kit.settle(kit.broker.offsetCommit({ ...group, generationId: -1, partitions }))).partitions[0]!.errorCode).toBe(0)
    const remove = (names: string[]): ReturnType<typeof kit.broker.deleteTopics> => kit.settle(kit.broker.deleteTopics({ names }))
    expect((await remove(['a', 'none', '__consumer_offsets'])).topics.map((each) => each.errorCode)).toEqual([0, 3, 17])
    expect((await kit.settle(kit.broker.offsetFetch({ groupId: 'g', requireStable: false, partitions: null }))).partitions).toEqual([])
    expect(await create('a')).toBe(0)
    expect(await values('a')).toEqual([])
    await alter(4, '', [['delete.topic.enable', 0, 'false']])
    expect((await remove(['a', 'none'])).topics).toMatchObject([{ errorCode: 73 }, { errorCode: 73 }])
  })

  test('whose deletion interrupts a waiting fetch answer it', async () => {
    await create('a')
    const partitions = [{ topic: 'a', partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const fetch = kit.broker.fetch({ maxWaitMs: 10_000, minBytes: 1, maxBytes: 1000, isolationLevel: 0, partitions })
    await kit.scheduler.runUntilIdle()
    await kit.settle(kit.broker.deleteTopics({ names: ['a'] }))
    expect((await kit.settle(fetch)).partitions[0]!.errorCode).toBe(3)
  })

  test('grow but never shrink', async () => {
    await create('a', 2)
    const grow = async (name: string, count: number, validateOnly = false): Promise<number> => (
      (await kit.settle(kit.broker.createPartitions({ validateOnly, topics: [{ name, count }] }))).topics[0]!.errorCode)
    expect([await grow('a', 4, true), await grow('a', 3), await grow('a', 3), await grow('a', 2), await grow('none', 2)]).toEqual([0, 0, 37, 37, 3])
    expect(await produce('a', ['x'], { partition: 2 })).toMatchObject({ errorCode: 0 })
    expect(await produce('a', ['x'], { partition: 3 })).toMatchObject({ errorCode: 3 })
  })
})

describe('configs', () => {
  test('of a topic show value, source and what stands behind it', async () => {
    await create('a', 1, { 'retention.ms': '5' })
    expect(await config(2, 'a', 'retention.ms')).toEqual({ value: '5', source: 1, synonyms: ['retention.ms=5:1'] })
    await alter(4, '', [['log.retention.hours', 0, '2']])
    await alter(2, 'a', [['retention.ms', 1, null]])
    expect(await config(2, 'a', 'retention.ms')).toEqual({ value: '7200000', source: 3, synonyms: ['log.retention.hours=2:3'] })
    expect(await config(4, '', 'log.retention.hours')).toMatchObject({ value: '2', source: 3 })
    // As kafka-configs --all shows them of Kafka 4.1.
    await alter(4, '', [['log.retention.hours', 1, null], ['log.retention.ms', 0, '9']])
    expect(await config(2, 'a', 'retention.ms')).toEqual({ value: '9', source: 3, synonyms: ['log.retention.ms=9:3', 'log.retention.hours=168:5'] })
    expect(await config(4, '1', 'log.retention.ms')).toEqual({ value: '9', source: 3, synonyms: ['log.retention.ms=9:3', 'log.retention.hours=168:5'] })
    await alter(4, '', [['log.retention.ms', 1, null]])
    expect(await config(4, '1', 'log.retention.ms')).toEqual({ value: null, source: 5, synonyms: [] })
    expect(await config(2, 'a', 'flush.ms')).toEqual({ value: '9223372036854775807', source: 5, synonyms: [] })
    expect(await config(2, 'a', 'segment.bytes')).toEqual({ value: '1073741824', source: 5, synonyms: ['log.segment.bytes=1073741824:5'] })
    expect(await config(4, '1', 'log.segment.bytes')).toEqual({ value: '1073741824', source: 5, synonyms: ['log.segment.bytes=1073741824:5'] })
    expect(await config(4, '1', 'log.roll.hours')).toEqual({ value: '168', source: 5, synonyms: ['log.roll.hours=168:5'] })
    expect(await config(4, '1', 'log.roll.ms')).toEqual({ value: null, source: 5, synonyms: [] })
    const resources = ([[2, 'none'], [8, ''], [64, ''], [4, '77']] as const).map(([resourceType, resourceName]) => ({ resourceType, resourceName, configurationKeys: null }))
    expect((await kit.broker.describeConfigs({ resources })).results.map((each) => each.errorCode)).toEqual([3, 42, 42, 42])
  })

  test('given to open are static', async () => {
    kit = await openBroker({ 'num.partitions': 4 })
    expect(await config(4, String((await kit.broker.describeCluster()).controllerId), 'num.partitions')).toMatchObject({ value: '4', source: 4 })
  })

  test('changed at run time hold at once', async () => {
    await create('a')
    expect(await produce('a', ['x'.repeat(300)])).toMatchObject({ errorCode: 0 })
    expect((await alter(2, 'a', [['max.message.bytes', 0, '200']])).responses[0]!.errorCode).toBe(0)
    expect(await produce('a', ['x'.repeat(300)])).toMatchObject({ errorCode: 10 })
    await alter(2, 'a', [['max.message.bytes', 1, null]])
    await alter(4, '', [['message.max.bytes', 0, '200']])
    expect(await produce('a', ['x'.repeat(300)])).toMatchObject({ errorCode: 10 })
  })

  test('that are lists of the broker are added to what is in force, though nothing was set', async () => {
    await create('a')
    await alter(4, '1', [['log.cleanup.policy', 2, 'compact']])
    expect([await config(4, '1', 'log.cleanup.policy'), await config(2, 'a', 'cleanup.policy')]).toMatchObject([{ value: 'delete,compact' }, { value: 'delete,compact' }])
    await alter(4, '1', [['log.cleanup.policy', 3, 'compact']])
    expect(await config(2, 'a', 'cleanup.policy')).toMatchObject({ value: 'delete' })
  })

  test('that are lists can be added to and taken from', async () => {
    await create('a')
    await alter(2, 'a', [['cleanup.policy', 2, 'compact']])
    expect((await config(2, 'a', 'cleanup.policy')).value).toBe('delete,compact')
    await alter(2, 'a', [['cleanup.policy', 3, 'delete']])
    expect((await config(2, 'a', 'cleanup.policy')).value).toBe('compact')
    expect((await alter(2, 'a', [['retention.ms', 2, '5']])).responses[0]).toMatchObject({ errorCode: 40 })
  })

  test('change all together or not at all, and not with validateOnly', async () => {
    await create('a')
    expect((await alter(2, 'a', [['retention.ms', 0, '5'], ['segment.ms', 0, '0']])).responses[0]).toMatchObject({ errorCode: 40 })
    expect((await alter(2, 'a', [['retention.ms', 0, '5']], true)).responses[0]).toMatchObject({ errorCode: 0 })
    expect((await alter(2, 'a', [['retention.ms', 0, '-7']], true)).responses[0]).toMatchObject({ errorCode: 40 })
    expect((await config(2, 'a', 'retention.ms')).source).toBe(5)
    expect((await alter(2, 'none', [['retention.ms', 0, '5']])).responses[0]).toMatchObject({ errorCode: 3 })
    const answer = await alter(2, 'a', [['retentionMs', 0, '5']])
    expect(answer.responses[0]!.errorMessage).toContain('write it as "retention.ms"')
    expect((await alter(4, '', [['node.id', 0, '9']])).responses[0]).toMatchObject({ errorCode: 40 })
  })
})

describe('the rest', () => {
  test('log directories tell sizes by partition', async () => {
    await create('a', 2)
    await produce('a', ['x'.repeat(100)], { partition: 1 })
    const all = (await kit.broker.describeLogDirs({ topics: null })).results[0]!
    expect(all).toMatchObject({ errorCode: 0, logDir: '/', topics: [{ name: 'a', partitions: [{ partitionIndex: 0, partitionSize: 0 }, { partitionIndex: 1 }] }] })
    expect(all.topics[0]!.partitions[1]!.partitionSize).toBeGreaterThan(100)
    expect((await kit.broker.describeLogDirs({ topics: [{ topic: 'a', partitions: [1] }] })).results[0]!.topics[0]!.partitions).toHaveLength(1)
    expect((await kit.broker.describeLogDirs({ topics: [{ topic: 'none', partitions: [] }] })).results[0]!.topics).toEqual([])
  })

  test('producer ids are fresh each time, and transactions are refused', async () => {
    const ask = (transactionalId: string | null): ReturnType<typeof kit.broker.initProducerId> => (
      kit.settle(kit.broker.initProducerId({ transactionalId, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 })))
    const [first, second, refused] = [await ask(null), await ask(null), await ask('tx')]
    expect([first, second]).toMatchObject([{ errorCode: 0, producerEpoch: 0 }, { errorCode: 0, producerEpoch: 0 }])
    expect(second.producerId).not.toBe(first.producerId)
    expect(refused).toMatchObject({ errorCode: 35, producerId: -1 })
  })

  test.each([[2_097_152, ['segment.bytes=2097152:1']], [16_384, ['internal.segment.bytes=16384:1', 'segment.bytes=1073741824:5']]])(
    'committed offsets lie in segments of offsets.topic.segment.bytes, %i, also of fewer bytes than a topic of its own may ask for', async (bytes, settings) => {
      kit = await openBroker({ 'offsets.topic.segment.bytes': bytes, 'offsets.topic.num.partitions': 1 })
      await create('t')
      const partitions = [{ topic: 't', partition: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: null }]
      await kit.settle(kit.broker.offsetCommit({ groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1, partitions }))
      const [described] = (await kit.settle(kit.broker.describeConfigs({ resources: [{ resourceType: 2, resourceName: '__consumer_offsets', configurationKeys: null }] }))).results
      expect(described!.configs.filter(({ name }) => name.endsWith('segment.bytes')).map(({ name, value, configSource }) => `${name}=${value}:${configSource}`)).toEqual(settings)
    })

  test('active producers are shown', async () => {
    await create('a')
    const records = batchOf(['x'], { producerId: 7, producerEpoch: 2, baseSequence: 0 })
    await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1, partitions: [{ topic: 'a', partition: 0, records }] }))
    const [answer] = (await kit.broker.describeProducers({ partitions: [{ topic: 'a', partition: 0 }] })).partitions
    expect(answer).toMatchObject({ errorCode: 0, activeProducers: [{ producerId: 7, producerEpoch: 2, lastSequence: 0, currentTxnStartOffset: -1 }] })
    const none = await kit.broker.describeProducers({ partitions: [{ topic: 'b', partition: 0 }, { topic: 'a b', partition: 0 }] })
    expect(none.partitions.map(({ errorCode }) => errorCode)).toEqual([3, 17])
  })

  test('this broker coordinates every group', async () => {
    const { coordinators } = await kit.broker.findCoordinator({ keyType: 0, keys: ['g', ''] })
    expect(coordinators).toMatchObject([{ key: 'g', errorCode: 0 }, { key: '', errorCode: 0 }])
    expect((await kit.broker.findCoordinator({ keyType: 1, keys: ['tx'] })).coordinators[0]).toMatchObject({ errorCode: 35 })
  })

  test('after close every call rejects', async () => {
    await create('a')
    const partitions = [{ topic: 'a', partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const fetch = kit.broker.fetch({ maxWaitMs: 10_000, minBytes: 1, maxBytes: 1000, isolationLevel: 0, partitions })
    await kit.scheduler.runUntilIdle()
    kit.broker.close()
    expect((await kit.settle(fetch)).partitions[0]!.records).toHaveLength(0)
    await expect(kit.broker.metadata({ topics: null, allowAutoTopicCreation: false })).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(kit.broker.produce({ acks: 1, timeoutMs: 1, partitions: [] })).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(kit.broker.listGroups({ statesFilter: [] })).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
