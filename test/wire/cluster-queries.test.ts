/** What administration tools ask a cluster beside topics and groups, as raw requests: the answers that a single broker has. */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open, silentLogger } from '../../src/index.ts'
import type { OttlaHandle } from '../../src/ottla.ts'
import { apis, type Apis } from '../../src/protocol/api-registry.ts'
import type { RequestInput, ResponseOf } from '../../src/protocol/api.ts'
import { openListener } from '../../src/server/wire-listener.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
/** read, write, create, delete, alter, describe, describe configs, alter configs */
const EVERYTHING = 0b1101_1111_1000

let kit: WireKit
let client: RawClient
beforeAll(async () => {
  kit = await listening()
  client = await RawClient.open(kit.port)
  for (const [name, partitions] of [['b', 3], ['a', 2], ['c', 1]] as const) await kit.ottla.admin.createTopic(name, { partitions })
})
afterAll(async () => {
  client.end()
  await kit.ottla.close()
})

describe('DescribeTopicPartitions', () => {
  type Request = RequestInput<Apis['describeTopicPartitions']>
  type Answer = ResponseOf<Apis['describeTopicPartitions']>
  const ask = (topics: readonly string[], more: Partial<Request> = {}): Promise<Answer> => (
    client.call(apis.describeTopicPartitions, 0, { topics: topics.map((name) => ({ name })), ...more }))
  const rows = ({ topics }: Answer): unknown[] => topics.map(({ name, errorCode, partitions }) => [name, errorCode, partitions.map((each) => each.partitionIndex)])

  test('tells all topics by name, each once, with ids, leaders and what may be done', async () => {
    const answer = await ask([])
    expect(rows(answer)).toEqual([['a', 0, [0, 1]], ['b', 0, [0, 1, 2]], ['c', 0, [0]]])
    expect(answer.nextCursor).toBeNull()
    const { topicId } = await kit.ottla.admin.describeTopic('c')
    expect(answer.topics[2]).toEqual({
      errorCode: 0, name: 'c', topicId, isInternal: false, topicAuthorizedOperations: EVERYTHING, partitions: [{
        errorCode: 0, partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], eligibleLeaderReplicas: [], lastKnownElr: [], offlineReplicas: [],
      }],
    })
    expect(rows(await ask(['c', 'a', 'c']))).toEqual([['a', 0, [0, 1]], ['c', 0, [0]]])
  })

  test('tells of each name that is no topic, and makes none', async () => {
    const answer = await ask(['c', 'missing', 'not a name'])
    expect(rows(answer)).toEqual([['c', 0, [0]], ['missing', 3, []], ['not a name', 17, []]])
    expect(answer.topics[1]).toMatchObject({ topicId: NO_ID })
    expect(await kit.ottla.admin.listTopics()).toEqual(['a', 'b', 'c'])
  })

  test.each([1, 2, 3, 4, 5, 6, 7])('gives pages of %i partitions that add up to everything', async (responsePartitionLimit) => {
    const seen: string[] = []
    let cursor: Request['cursor'] = null
    for (let pages = 0; pages === 0 || cursor !== null; pages += 1) {
      const answer: Answer = await ask([], { responsePartitionLimit, cursor })
      const here = answer.topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`))
      expect(here).toHaveLength(Math.min(responsePartitionLimit, 6 - seen.length))
      seen.push(...here)
      cursor = answer.nextCursor
      expect(pages).toBeLessThan(6)
    }
    expect(seen).toEqual(['a-0', 'a-1', 'b-0', 'b-1', 'b-2', 'c-0'])
  })

  test('goes on at a cursor, whose topic may be gone meanwhile', async () => {
    expect(rows(await ask([], { cursor: { topicName: 'b', partitionIndex: 2 } }))).toEqual([['b', 0, [2]], ['c', 0, [0]]])
    expect(rows(await ask([], { cursor: { topicName: 'aa', partitionIndex: 1 } }))).toEqual([['b', 0, [0, 1, 2]], ['c', 0, [0]]])
    expect(rows(await ask(['a', 'b'], { cursor: { topicName: 'b', partitionIndex: 9 } }))).toEqual([['b', 0, []]])
    expect((await ask(['a', 'b'], { responsePartitionLimit: -5 })).nextCursor).toEqual({ topicName: 'a', partitionIndex: 1 })
  })

  test('refuses a cursor that cannot be', async () => {
    expect(rows(await ask(['a'], { cursor: { topicName: 'a', partitionIndex: -1 } }))).toEqual([['a', 42, []]])
    expect(rows(await ask(['a'], { cursor: { topicName: 'b', partitionIndex: 0 } }))).toEqual([['a', 42, []]])
  })
})

describe('leaders and places of partitions', () => {
  test('need no election', async () => {
    const body = { electionType: 0, timeoutMs: 1000, topicPartitions: [{ topic: 'a', partitions: [0, 2] }, { topic: 'missing', partitions: [0] }] }
    for (const version of [0, 1, 2]) {
      const { errorCode, replicaElectionResults } = await client.call(apis.electLeaders, version, body)
      expect(errorCode).toBe(0)
      expect(replicaElectionResults.map(({ topic, partitionResult }) => [topic, partitionResult.map((each) => [each.partitionId, each.errorCode])])).toEqual([
        ['a', [[0, 84], [2, 3]]], ['missing', [[0, 3]]],
      ])
    }
    const all = await client.call(apis.electLeaders, 2, { ...body, topicPartitions: null })
    expect(all).toMatchObject({ errorCode: 0, replicaElectionResults: ['a', 'b', 'c'].map((topic) => ({ topic, partitionResult: [] })) })
    expect(await client.call(apis.electLeaders, 2, { ...body, electionType: 5, topicPartitions: [] })).toMatchObject({ errorCode: 0, replicaElectionResults: [] })
  })

  test('are never on their way, and can be where they are only', async () => {
    for (const topics of [null, [{ name: 'a', partitionIndexes: [0] }]]) {
      expect(await client.call(apis.listPartitionReassignments, 0, { topics })).toMatchObject({ errorCode: 0, topics: [] })
    }
    const place = (replicas: number[] | null, partitionIndex = 0) => ({ partitionIndex, replicas })
    const { responses } = await client.call(apis.alterPartitionReassignments, 1, {
      topics: [{ name: 'a', partitions: [place([1]), place(null), place([]), place([1, 2]), place([1, 1]), place([1], 2)] }, { name: 'missing', partitions: [place([1])] }],
    })
    expect(responses.map(({ name, partitions }) => [name, partitions.map(({ errorCode }) => errorCode)])).toEqual([['a', [0, 85, 39, 39, 39, 3]], ['missing', [3]]])
  })
})

test('partitions are in the one data directory and can go to no other', async () => {
  const { results: [home] } = await client.call(apis.describeLogDirs, 4, { topics: [] })
  const place = (path: string) => ({ path, topics: [{ name: 'a', partitions: [0, 2] }, { name: 'missing', partitions: [0] }] })
  for (const [path, codes] of [[home!.logDir, [0, 3, 3]], ['/elsewhere', [57, 57, 57]]] as const) {
    for (const version of [1, 2]) {
      const { results } = await client.call(apis.alterReplicaLogDirs, version, { dirs: [place(path)] })
      expect(results.flatMap(({ topicName, partitions }) => partitions.map(({ partitionIndex }) => `${topicName}-${partitionIndex}`))).toEqual(['a-0', 'a-2', 'missing-0'])
      expect(results.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual(codes)
    }
  }
})

test('a topic whose name leaves no room for the folder of a move is refused before all else, as in Kafka', async () => {
  const place = (name: string) => ({ path: '/elsewhere', topics: [{ name, partitions: [0, 10] }] })
  const { results } = await client.call(apis.alterReplicaLogDirs, 2, { dirs: [place('x'.repeat(212)), place('y'.repeat(213)), place('z'.repeat(249))] })
  expect(results.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([[57, 57], [57, 17], [17, 17]])
})

test('sizes are told of the partitions that were asked for, all together, and of a topic without partitions of none', async () => {
  const asked = [{ topic: 'b', partitions: [0] }, { topic: 'b', partitions: [2, 9] }, { topic: 'a', partitions: [] }, { topic: 'missing', partitions: [0] }]
  for (const version of [1, 4]) {
    const { results: [dir] } = await client.call(apis.describeLogDirs, version, { topics: asked })
    expect(dir!.topics.map(({ name, partitions }) => [name, partitions.map(({ partitionIndex }) => partitionIndex)])).toEqual([['b', [0, 2]]])
  }
})

test('how large the disk is, and how much of it is free, is told as the system tells it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ottla-disk-'))
  const ottla = await open(directory, { logger: silentLogger })
  const { port } = await ottla.listen({ port: 0 })
  const raw = await RawClient.open(port)
  const { results: [dir] } = await raw.call(apis.describeLogDirs, 4, { topics: null })
  const { blocks, bsize } = statfsSync(directory)
  expect(dir).toMatchObject({ logDir: directory, totalBytes: blocks * bsize })
  expect(dir!.usableBytes).toBeGreaterThan(0)
  expect(dir!.usableBytes).toBeLessThan(blocks * bsize)
  raw.end()
  await ottla.close()
  rmSync(directory, { recursive: true })
})

test('the one broker decides by itself', async () => {
  const partitions = [{ partitionIndex: 0 }]
  const answer = await client.call(apis.describeQuorum, 2, { topics: [{ topicName: '__cluster_metadata', partitions }, { topicName: 'a', partitions }] })
  expect(answer).toMatchObject({ errorCode: 0, errorMessage: '', nodes: [{ nodeId: 1, listeners: [{ host: '127.0.0.1', port: kit.port }] }] })
  expect(answer.topics[0]!.partitions).toMatchObject([{ errorCode: 0, leaderId: 1, leaderEpoch: 0, highWatermark: 0, currentVoters: [{ replicaId: 1, logEndOffset: 0 }], observers: [] }])
  expect(answer.topics[1]!.partitions).toMatchObject([{ errorCode: 3, leaderId: -1, currentVoters: [] }])
})

test('the one broker is at one with itself at the moment it is asked, as the leader of a quorum says of itself', async () => {
  const ottla = await open('', { inMemory: true, logger: silentLogger }) as OttlaHandle
  const { parts, release } = ottla.listenerParts()
  const listener = await openListener({ ...parts, ports: { ...parts.ports, clock: new ManualClock(1_700_000_000_000) } }, { port: 0 }, release)
  const raw = await RawClient.open(listener.port)
  const voters = async (version: number): Promise<unknown> => {
    const { topics: [metadata] } = await raw.call(apis.describeQuorum, version, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })
    return metadata!.partitions[0]!.currentVoters.map(({ lastFetchTimestamp, lastCaughtUpTimestamp }) => [lastFetchTimestamp, lastCaughtUpTimestamp])
  }
  for (const version of [1, 2]) expect(await voters(version)).toEqual([[1_700_000_000_000, 1_700_000_000_000]])
  expect(await voters(0)).toEqual([[-1, -1]])
  raw.end()
  await listener.close({ timeoutMs: 0 })
  await ottla.close()
})

test('transactions are none', async () => {
  const none = { throttleTimeMs: 0, errorCode: 0, transactionStates: [] }
  expect(await client.call(apis.listTransactions, 0, { stateFilters: [], producerIdFilters: [] })).toEqual({ ...none, unknownStateFilters: [] })
  const filtered = await client.call(apis.listTransactions, 2, { stateFilters: ['Ongoing', 'Odd'], producerIdFilters: [5], durationFilter: 1, transactionalIdPattern: 'x.*' })
  expect(filtered).toEqual({ ...none, unknownStateFilters: ['Odd'] })
  const list = { stateFilters: ['Odd', 'Odd'], producerIdFilters: [] }
  expect(await client.call(apis.listTransactions, 2, list)).toEqual({ ...none, unknownStateFilters: ['Odd'] })
  for (const transactionalIdPattern of ['*', '[', 'x(']) {
    expect(await client.call(apis.listTransactions, 2, { ...list, transactionalIdPattern })).toEqual({ ...none, errorCode: 128, unknownStateFilters: [] })
  }
  const { transactionStates } = await client.call(apis.describeTransactions, 0, { transactionalIds: ['tx', ''] })
  expect(transactionStates).toMatchObject([{ errorCode: 105, transactionalId: 'tx', producerId: -1 }, { errorCode: 42, transactionalId: '' }])
})

test('what has settings is listed by kind: brokers and topics, groups with settings of their own, no client metrics', async () => {
  const list = async (version: number, resourceTypes: number[]): Promise<unknown> => {
    const { errorCode, configResources } = await client.call(apis.listConfigResources, version, { resourceTypes })
    return [errorCode, configResources.map(({ resourceName, resourceType }) => `${resourceType} ${resourceName}`)]
  }
  expect(await list(0, [])).toEqual([0, []])
  expect(await list(1, [])).toEqual([0, ['2 a', '2 b', '2 c', '4 1', '8 1']])
  expect(await list(1, [4, 32, 16])).toEqual([0, ['4 1']])
  expect(await list(1, [4, 3])).toEqual([35, []])
})

test('settings of all brokers are those that were set, and min.insync.replicas', async () => {
  const describe = async (resourceType: number, resourceName: string): Promise<unknown> => {
    const { results } = await client.call(apis.describeConfigs, 4, { resources: [{ resourceType, resourceName, configurationKeys: null }], includeSynonyms: false })
    return results.map(({ errorCode, configs }) => [errorCode, ...configs.map(({ name, value, configSource }) => `${name}=${value} ${configSource}`)])
  }
  const always = 'min.insync.replicas=1 3'
  expect(await describe(4, '')).toEqual([[0, always]])
  for (const [name, value] of [['num.partitions', '3'], ['leader.replication.throttled.rate', '1000']] as const) {
    const resources = [{ resourceType: 4, resourceName: '', configs: [{ name, configOperation: 0, value }] }]
    expect((await client.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false })).responses).toMatchObject([{ errorCode: 0 }])
  }
  expect(await describe(4, '')).toEqual([[0, 'leader.replication.throttled.rate=1000 3', always, 'num.partitions=3 3']])
  expect(await describe(4, '1')).toEqual([expect.arrayContaining([0, 'num.partitions=3 3'])])
  // Of one broker it wins over that of all; each is taken back by itself.
  const ofOne = async (configOperation: number, value: string | null): Promise<void> => {
    const one = [{ resourceType: 4, resourceName: '1', configs: [{ name: 'num.partitions', configOperation, value }] }]
    expect((await client.call(apis.incrementalAlterConfigs, 1, { resources: one, validateOnly: false })).responses).toMatchObject([{ errorCode: 0 }])
  }
  await ofOne(0, '4')
  expect([await describe(4, '1'), await describe(4, '')]).toEqual([[expect.arrayContaining(['num.partitions=4 2'])], [[0, 'leader.replication.throttled.rate=1000 3', always, 'num.partitions=3 3']]])
  await ofOne(1, null)
  expect(await describe(4, '1')).toEqual([expect.arrayContaining(['num.partitions=3 3'])])
  const replace = async (...configs: { name: string; value: string }[]): Promise<number> => {
    const resources = [{ resourceType: 4, resourceName: '', configs }]
    return (await client.call(apis.alterConfigs, 2, { resources, validateOnly: false })).responses[0]!.errorCode
  }
  expect(await replace({ name: 'num.partitions', value: '5' })).toBe(40)
  expect(await replace({ name: 'num.partitions', value: '5' }, { name: 'min.insync.replicas', value: '1' })).toBe(0)
  expect(await describe(4, '')).toEqual([[0, always, 'num.partitions=5 3']])
})

describe('min.insync.replicas', () => {
  const alter = async (resourceType: number, resourceName: string, configOperation: number, value: string | null): Promise<number> => {
    const resources = [{ resourceType, resourceName, configs: [{ name: 'min.insync.replicas', configOperation, value }] }]
    return (await client.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false })).responses[0]!.errorCode
  }
  const told = async (resourceType: number, resourceName: string): Promise<unknown> => {
    const { results: [result] } = await client.call(apis.describeConfigs, 4, { resources: [{ resourceType, resourceName, configurationKeys: ['min.insync.replicas'] }], includeSynonyms: true })
    return result!.configs.map(({ value, configSource, synonyms }) => [value, configSource, ...synonyms.map((each) => `${each.value} ${each.source}`)])
  }

  test('is told as set for all brokers, of topics and of the broker too: so Kafka 4.1 tells it', async () => {
    expect([await told(2, 'a'), await told(4, '1'), await told(4, '')]).toEqual([[['1', 3, '1 3', '1 5']], [['1', 3, '1 3', '1 5']], [['1', 3, '1 3']]])
  })

  test('is set for all brokers or for a topic, not for one broker, and not taken away from all', async () => {
    expect([await alter(4, '1', 0, '1'), await alter(4, '1', 1, null), await alter(4, '', 1, null), await alter(4, '', 0, 'x')]).toEqual([40, 40, 40, 42])
    expect(await alter(4, '', 0, '2')).toBe(0)
    expect(await told(2, 'a')).toEqual([['2', 3, '2 3', '1 5']])
    expect([await alter(4, '', 0, '1'), await alter(2, 'a', 0, '2')]).toEqual([0, 0])
    expect(await told(2, 'a')).toEqual([['2', 1, '2 1', '1 3', '1 5']])
    expect(await alter(2, 'a', 1, null)).toBe(0)
  })
})

test('a broker tells where it listens, how one logs in there and what it is, none of which can be altered', async () => {
  const own = await listening({}, { name: 'INSIDE-9092', advertisedHost: 'kafka.local', sasl: { mechanisms: ['SCRAM-SHA-256'] }, acls: { superUsers: ['User:a', 'User:b'] } })
  const second = await own.ottla.listen({ port: 0, host: '::1' })
  const told = async (): Promise<unknown> => Object.fromEntries((await own.ottla.admin.describeConfigs({ broker: 1 })).map(({ name, value }) => [name, value]))
  expect(await told()).toMatchObject({
    listeners: `INSIDE-9092://127.0.0.1:${own.port},PLAINTEXT://[::1]:${second.port}`, 'advertised.listeners': `INSIDE-9092://kafka.local:${own.port},PLAINTEXT://[::1]:${second.port}`,
    'listener.security.protocol.map': 'INSIDE-9092:SASL_PLAINTEXT,PLAINTEXT:PLAINTEXT', 'sasl.enabled.mechanisms': 'SCRAM-SHA-256', 'super.users': 'User:a;User:b',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'broker.id': '1', 'node.id': '1', 'log.dirs': '/', 'process.roles': 'broker,controller',
  })
  await own.listener.close()
  expect(await told()).toMatchObject({ listeners: `PLAINTEXT://[::1]:${second.port}`, 'authorizer.class.name': '', 'sasl.enabled.mechanisms': '' })
  await expect(own.ottla.admin.alterConfigs({ broker: 1 }, { listeners: 'PLAINTEXT://:1' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  await expect(own.ottla.listen({ port: 0, name: 'a b' })).rejects.toThrow('name is')
  await own.ottla.close()
})

test('settings of groups are kept and told', async () => {
  const alter = async (name: string, configOperation: number, value: string | null, group = 'g'): Promise<number> => {
    const resources = [{ resourceType: 32, resourceName: group, configs: [{ name, configOperation, value }] }]
    return (await client.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false })).responses[0]!.errorCode
  }
  const told = async (group: string): Promise<unknown> => {
    const resources = [{ resourceType: 32, resourceName: group, configurationKeys: ['consumer.session.timeout.ms'] }]
    const { results } = await client.call(apis.describeConfigs, 4, { resources, includeSynonyms: false })
    return results.map(({ errorCode, configs }) => [errorCode, ...configs.map(({ value, configSource }) => `${value} ${configSource}`)])
  }
  expect(await told('g')).toEqual([[0, '45000 5']])
  expect(await alter('consumer.session.timeout.ms', 0, '50000')).toBe(0)
  expect(await told('g')).toEqual([[0, '50000 8']])
  expect((await client.call(apis.listConfigResources, 1, { resourceTypes: [32] })).configResources).toEqual([{ resourceName: 'g', resourceType: 32 }])
  expect(await told('__proto__')).toEqual([[0, '45000 5']])
  expect([await alter('consumer.session.timeout.ms', 0, 'x'), await alter('retention.ms', 0, '1'), await alter('consumer.session.timeout.ms', 0, '1', '')]).toEqual([40, 40, 42])
  expect(await alter('consumer.session.timeout.ms', 1, null)).toBe(0)
  expect(await told('g')).toEqual([[0, '45000 5']])
})

describe('features', () => {
  const software = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
  const update = (version: number, ...featureUpdates: { feature: string; maxVersionLevel: number; upgradeType?: number }[]) => (
    client.call(apis.updateFeatures, version, { featureUpdates: featureUpdates.map((each) => ({ allowDowngrade: false, ...each })), validateOnly: false }))

  test('metadata.version is told at the level of Kafka 4.1, for kafka-features to describe', async () => {
    for (const version of [3, 4]) {
      expect(await client.call(apis.apiVersions, version, software)).toMatchObject({
        supportedFeatures: [{ name: 'metadata.version', minVersion: 7, maxVersion: 27 }],
        finalizedFeatures: [{ name: 'metadata.version', minVersionLevel: 27, maxVersionLevel: 27 }], finalizedFeaturesEpoch: 0,
      })
    }
  })

  test('what is at its level can be asked to be there', async () => {
    const metadataVersion = { feature: 'metadata.version', maxVersionLevel: 27 }
    expect(await update(2)).toMatchObject({ errorCode: 0, results: [] })
    expect(await update(2, metadataVersion)).toMatchObject({ errorCode: 0, results: [] })
    expect(await update(1, metadataVersion)).toMatchObject({ errorCode: 0, results: [{ feature: 'metadata.version', errorCode: 0 }] })
    expect(await update(2, { ...metadataVersion, upgradeType: 2 })).toMatchObject({ errorCode: 0 })
  })

  test.each([
    ['metadata.version', 28, 1], ['metadata.version', 26, 1], ['metadata.version', 6, 2], ['metadata.version', -1, 2], ['metadata.version', 27, 0], ['metadata.version', 27, 9],
    ['nope', 1, 1], ['nope', 0, 2],
  ])('%s to level %i by upgrade type %i fails all updates of the request', async (feature, maxVersionLevel, upgradeType) => {
    const answer = await update(1, { feature: 'metadata.version', maxVersionLevel: 27 }, { feature, maxVersionLevel, upgradeType })
    expect(answer).toMatchObject({ errorCode: 95, results: [] })
    expect(answer.errorMessage).toContain(feature)
  })
})
