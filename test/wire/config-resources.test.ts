/**
 * Settings of what is neither topic nor broker, and requests to alter that make no sense, as raw requests. The error codes were seen at Apache Kafka 4.1: 40 is
 * INVALID_CONFIG, 42 INVALID_REQUEST.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apis, type Apis } from '../../src/protocol/api-registry.ts'
import type { RequestInput } from '../../src/protocol/api.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

type Resource = RequestInput<Apis['incrementalAlterConfigs']>['resources'][number]

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const METRICS = 16
const GROUP = 32
const SET = 0
const DELETE = 1
const APPEND = 2

let kit: WireKit
let client: RawClient
beforeAll(async () => {
  kit = await listening()
  client = await RawClient.open(kit.port)
  await kit.ottla.admin.createTopic('t')
  await kit.ottla.admin.createTopic('grown')
})
afterAll(async () => {
  client.end()
  await kit.ottla.close()
})

const alterAll = async (resources: readonly Resource[], validateOnly = false): Promise<number[]> => (
  (await client.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly })).responses.map(({ errorCode }) => errorCode))
const alter = async (resourceType: number, resourceName: string, name: string, value: string | null, configOperation = SET, validateOnly = false): Promise<number> => (
  (await alterAll([{ resourceType, resourceName, configs: [{ name, configOperation, value }] }], validateOnly))[0]!)
/** By the older API. */
const replace = async (resourceType: number, resourceName: string, name: string, value: string): Promise<number> => (
  (await client.call(apis.alterConfigs, 2, { resources: [{ resourceType, resourceName, configs: [{ name, value }] }], validateOnly: false })).responses[0]!.errorCode)
async function told(resourceType: number, resourceName: string, configurationKeys: readonly string[] | null = null): Promise<unknown> {
  const { results } = await client.call(apis.describeConfigs, 4, { resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms: true })
  const { errorCode, configs } = results[0]!
  return errorCode === 0 ? configs.map(({ name, value, configSource, synonyms }) => `${name}=${value} ${configSource} ${synonyms.length}`) : errorCode
}

describe('subscriptions to the metrics of clients', () => {
  const defaults = ['interval.ms=300000 5 0', 'match= 5 0', 'metrics= 5 0']
  const listed = async (): Promise<unknown> => (await client.call(apis.listConfigResources, 0, {})).configResources.map(({ resourceName }) => resourceName)

  test('are kept, told and taken back, and no client is asked for any', async () => {
    expect([await told(METRICS, 'none'), await listed()]).toEqual([defaults, []])
    expect(await alterAll([{ resourceType: METRICS, resourceName: 'all', configs: [
      { name: 'metrics', configOperation: SET, value: '*' }, { name: 'match', configOperation: SET, value: 'client_id=a.*,client_source_port=9' },
    ] }])).toEqual([0])
    expect(await alter(METRICS, 'all', 'metrics', 'org.apache.', APPEND)).toBe(0)
    expect(await told(METRICS, 'all')).toEqual(['interval.ms=300000 5 0', 'match=client_id=a.*,client_source_port=9 7 1', 'metrics=*,org.apache. 7 1'])
    expect(await listed()).toEqual(['all'])
    expect((await client.call(apis.listConfigResources, 1, { resourceTypes: [METRICS] })).configResources).toEqual([{ resourceName: 'all', resourceType: METRICS }])
    expect(await replace(METRICS, 'all', 'interval.ms', '100')).toBe(0)
    expect(await told(METRICS, 'all')).toEqual(['interval.ms=100 7 1', 'match= 5 0', 'metrics= 5 0'])
    expect(await alter(METRICS, 'all', 'interval.ms', null, DELETE)).toBe(0)
    expect([await told(METRICS, 'all'), await listed()]).toEqual([defaults, []])
    const offered = (await client.call(apis.apiVersions, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })).apiKeys.map(({ apiKey }) => apiKey)
    expect([offered.includes(71), offered.includes(72), offered.includes(74)]).toEqual([false, false, true])
  })

  test.each([
    ['interval.ms', '99', 42], ['interval.ms', '3600001', 42], ['interval.ms', 'soon', 40], ['nothing', '1', 42], ['match', 'client=a', 40], ['match', 'client_id', 40],
    ['match', 'client_id=', 40], ['match', 'client_id=a=b', 40], ['match', 'client_id=[', 40],
  ])('cannot have %s=%s', async (name, value, code) => {
    expect(await alter(METRICS, 'm', name, value)).toBe(code)
    expect(await told(METRICS, 'm')).toEqual(defaults)
  })

  test('have a name', async () => {
    expect([await alter(METRICS, '', 'metrics', '*'), await told(METRICS, '')]).toEqual([42, 42])
  })
})

describe('the logger of a broker', () => {
  test('has a level that is told and set while it runs, and writes nothing below', async () => {
    expect(await told(LOGGER, '1')).toEqual(['root=DEBUG 6 0'])
    expect([await alter(LOGGER, '1', 'root', 'FATAL', SET, true), await told(LOGGER, '1')]).toEqual([0, ['root=DEBUG 6 0']])
    expect([await alter(LOGGER, '1', 'root', 'ERROR'), await told(LOGGER, '1', ['root']), await told(LOGGER, '1', ['kafka'])]).toEqual([0, ['root=ERROR 6 0'], []])
    const before = kit.logger.messages('warn').length
    const stray = await RawClient.open(kit.port)
    stray.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await stray.closed
    expect(kit.logger.messages('warn')).toHaveLength(before)
    expect(await alter(LOGGER, '1', 'root', 'TRACE')).toBe(0)
    const second = await RawClient.open(kit.port)
    second.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await second.closed
    expect(kit.logger.messages('warn').length).toBeGreaterThan(before)
  })

  test('is the only one, of this broker, and has one of six levels', async () => {
    expect([await told(LOGGER, ''), await told(LOGGER, '2'), await alter(LOGGER, '2', 'root', 'INFO'), await alter(LOGGER, '1', 'kafka', 'INFO')]).toEqual([42, 42, 42, 40])
    expect([await alter(LOGGER, '1', 'root', 'LOUD'), await alter(LOGGER, '1', 'root', null, DELETE), await alter(LOGGER, '1', 'root', 'INFO', APPEND)]).toEqual([40, 42, 42])
    expect(await replace(LOGGER, '1', 'root', 'INFO')).toBe(42)
  })
})

describe('partitions that are added', () => {
  test.each([
    [2, [[1]], 0], [4, [[1], [1]], 0], [5, [[1], [1]], 39], [5, [], 39], [6, [[1], [7]], 39], [6, [[1], []], 39], [1, [[1]], 37], [5, null, 0],
  ] as const)('up to %i, on %j, are answered as by Kafka 4.1: %i', async (count, brokers, code) => {
    const assignments = brokers === null ? null : brokers.map((brokerIds) => ({ brokerIds }))
    const { results } = await client.call(apis.createPartitions, 3, { topics: [{ name: 'grown', count, assignments }], timeoutMs: 1000, validateOnly: false })
    expect(results[0]!.errorCode).toBe(code)
  })
})

test('the empty name is one that groups may have had, and offsets under it are kept, told and deleted', async () => {
  expect((await client.call(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: [''] })).coordinators).toMatchObject([{ errorCode: 0, nodeId: 1 }])
  const committed = await client.call(apis.offsetCommit, 8, {
    groupId: '', memberId: '', generationIdOrMemberEpoch: -1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }] }],
  })
  expect(committed.topics[0]!.partitions).toMatchObject([{ errorCode: 0 }])
  const { groups } = await client.call(apis.offsetFetch, 8, { groups: [{ groupId: '', topics: null }], requireStable: false })
  expect(groups[0]).toMatchObject({ errorCode: 0, topics: [{ partitions: [{ committedOffset: 5 }] }] })
  expect((await client.call(apis.deleteGroups, 2, { groupsNames: [''] })).results).toMatchObject([{ errorCode: 0 }])
})

describe('a request to alter', () => {
  const set = (name: string, value: string | null) => ({ name, configOperation: SET, value })

  test('that names a resource or a setting twice, or gives no value, is refused for that resource', async () => {
    const resources = [
      { resourceType: TOPIC, resourceName: 't', configs: [set('retention.ms', '1')] }, { resourceType: TOPIC, resourceName: 't', configs: [set('retention.bytes', '1')] },
      { resourceType: GROUP, resourceName: 'g', configs: [set('consumer.session.timeout.ms', '50000')] },
      { resourceType: GROUP, resourceName: 'h', configs: [set('consumer.session.timeout.ms', '50000'), set('consumer.session.timeout.ms', '50001')] },
      { resourceType: GROUP, resourceName: 'i', configs: [set('consumer.session.timeout.ms', null)] },
    ]
    expect(await alterAll(resources)).toEqual([42, 42, 0, 42, 42])
    const older = resources.map((each) => ({ ...each, configs: each.configs.map(({ name, value }) => ({ name, value })) }))
    const legacy = await client.call(apis.alterConfigs, 2, { resources: older, validateOnly: false })
    expect(legacy.responses.map(({ errorCode }) => errorCode)).toEqual([42, 42, 0, 42, 42])
  })

  test.each([
    [TOPIC, 't', 'cleanup.policy', '', 0], [TOPIC, 't', 'follower.replication.throttled.replicas', '0:1, 1:1', 0], [TOPIC, 't', 'leader.replication.throttled.replicas', '*', 0],
    [TOPIC, 't', 'leader.replication.throttled.replicas', 'nope', 40], [TOPIC, 't', 'remote.storage.enable', 'true', 40], [TOPIC, 't', 'remote.storage.enable', 'false', 0],
    [TOPIC, 't', 'retention.ms', '9223372036854775807', 0], [TOPIC, 't', 'retention.ms', '9223372036854775808', 40],
    [TOPIC, '', 'retention.ms', '1', 42], [TOPIC, 'a b', 'retention.ms', '1', 17], [TOPIC, 'nope', 'retention.ms', '1', 3],
    [BROKER, '1', 'max.connections', '50', 0], [BROKER, '', 'max.connections.per.ip', '99', 0], [BROKER, '1', 'node.id', '5', 42], [BROKER, '1', 'log.segment.bytes', '10', 42],
    [BROKER, '1', 'max.connections', '0', 42], [BROKER, '', 'max.connections.per.ip', '0', 42], [BROKER, '1', 'max.connections.per.ip.overrides', '127.0.0.1:5', 0],
    [BROKER, '', 'max.connections.per.ip.overrides', 'x', 42], [BROKER, '', 'max.connections.per.ip.overrides', '127.0.0.1:x', 42], [BROKER, '', 'max.connections.per.ip.overrides', '', 0],
    [BROKER, '1', 'log.retention.ms', '0', 42], [BROKER, '1', 'log.retention.ms', '-1', 0],
    [BROKER, '1', 'log.cleaner.dedupe.buffer.size', '1048576', 42], [BROKER, '1', 'num.recovery.threads.per.data.dir', '4', 0],
    [BROKER, '1', 'min.insync.replicas', '0', 42], [BROKER, '1', 'min.insync.replicas', 'x', 42], [BROKER, '1', 'min.insync.replicas', '1', 40],
    [BROKER, '1', 'log.cleanup.policy', 'foo', 42], [BROKER, '7', 'num.io.threads', '5', 42],
    [GROUP, 'g', 'consumer.session.timeout.ms', '1', 40], [GROUP, 'g', 'consumer.heartbeat.interval.ms', '60000', 40], [GROUP, 'g', 'streams.num.standby.replicas', '99', 40],
    [GROUP, 'g', 'share.record.lock.duration.ms', '1', 40], [GROUP, 'g', 'share.auto.offset.reset', 'none', 40], [GROUP, 'g', 'share.auto.offset.reset', 'by_duration:PT1H', 0],
    [GROUP, 'g', 'share.auto.offset.reset', 'by_duration:x', 40], [GROUP, 'g', 'share.auto.offset.reset', 'by_duration:pt1h', 0],
    [GROUP, 'g', 'share.auto.offset.reset', 'BY_DURATION:PT1H', 40], [GROUP, 'g', 'share.auto.offset.reset', 'EARLIEST', 40],
  ] as const)('is answered as by Kafka 4.1: resource %i %j, %s=%s is %i', async (type, resource, name, value, code) => {
    expect(await alter(type, resource, name, value)).toBe(code)
  })

  test('of a broker that is no list cannot be appended to', async () => {
    expect([await alter(BROKER, '1', 'num.io.threads', '9', APPEND), await alter(BROKER, '', 'num.io.threads', '9', APPEND), await alter(BROKER, '1', 'num.io.threads', 'x')]).toEqual([40, 40, 42])
  })

  test('that the old way takes min.insync.replicas back is refused for that, unless a value is wrong', async () => {
    expect([await replace(BROKER, '', 'num.io.threads', '5'), await replace(BROKER, '', 'num.io.threads', 'x'), await replace(BROKER, '', 'node.id', '5')]).toEqual([40, 42, 42])
  })

  test('can append to no setting that is not known', async () => {
    expect([await alter(METRICS, 'm', 'nothing', '1', APPEND), await alter(TOPIC, 't', 'nothing', '1', APPEND), await alter(METRICS, 'm', 'nothing', '1')]).toEqual([40, 40, 42])
  })

  test('may lower the number of connections while the port is open', async () => {
    expect(await alter(4, '1', 'max.connections', '1')).toBe(0)
    const refused = await RawClient.open(kit.port)
    await refused.closed
    expect(await alter(4, '1', 'max.connections', '50')).toBe(0)
    const admitted = await RawClient.open(kit.port)
    expect((await admitted.call(apis.metadata, 1, { topics: [] })).brokers).toHaveLength(1)
    admitted.end()
  })

  test('may take back what there never was', async () => {
    expect(await alter(TOPIC, 't', 'message.format.version', null, DELETE)).toBe(0)
    expect(await alter(TOPIC, 't', 'message.format.version', '3.0')).toBe(40)
  })
})

test('a topic with a setting that is named as what every object has is not made', async () => {
  const topics = ['__proto__', 'constructor'].map((name, i) => ({ name: `odd${i}`, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [{ name, value: '1' }] }))
  const made = await client.call(apis.createTopics, 7, { topics, timeoutMs: 1000, validateOnly: false })
  expect(made.topics.map(({ errorCode }) => errorCode)).toEqual([40, 40])
})

test('a replication factor is told as the short number that Kafka has it as', async () => {
  const resources = [{ resourceType: BROKER, resourceName: '1', configurationKeys: ['offsets.topic.replication.factor'] }]
  const { results } = await client.call(apis.describeConfigs, 4, { resources, includeSynonyms: false })
  expect(results[0]!.configs[0]).toMatchObject({ value: '1', configType: 4 })
})
