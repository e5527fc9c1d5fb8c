import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ScriptedBroker } from '../test/support/scripted-broker.ts'
import { connect, type RemoteKafka } from './connect.ts'
import { silentLogger } from './common/logger.ts'
import { systemScheduler } from './common/scheduler.ts'
import { nextTurn } from './client/waiting.ts'
import { open } from './open.ts'
import type { ResponseInput } from './protocol/api.ts'
import { apis } from './protocol/api-registry.ts'

const complaint = (...given: unknown[]): Promise<string> => (
  (connect as (...args: unknown[]) => Promise<unknown>)(...given).then(() => 'connected', (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`))

test.each([
  [[], "INVALID_CONFIG: a broker is given as 'host:port', not undefined"],
  [[null], "INVALID_CONFIG: a broker is given as 'host:port', not null"],
  [[9092], "INVALID_CONFIG: a broker is given as 'host:port', not 9092"],
  [[['a:1', 7]], "INVALID_CONFIG: a broker is given as 'host:port', not 7"],
  [[{}], 'INVALID_CONFIG: connect(bootstrap, settings): name at least one broker'],
  [[{ 'client.id': 'x' }], 'INVALID_CONFIG: connect(bootstrap, settings): name at least one broker'],
  [['a:1', null], 'INVALID_CONFIG: connect(bootstrap, settings): the settings are an object, not null'],
  [['a:1', 'settings'], 'INVALID_CONFIG: connect(bootstrap, settings): the settings are an object, not "settings"'],
  [['a:1', []], 'INVALID_CONFIG: connect(bootstrap, settings): the settings are an object, not an object'],
  [['a:1', { 'bootstrap.servers': 'b:1' }], 'INVALID_CONFIG: the brokers are given twice'],
  [['a:1', { clientId: 'x' }], 'INVALID_CONFIG: unknown client setting "clientId": write it as "client.id"'],
  [['a:1', { acks: 'all' }], 'INVALID_CONFIG: unknown client setting "acks": acks is a producer setting'],
  [['a:1', { brokers: [] }], 'INVALID_CONFIG: unknown client setting "brokers": give the servers as first argument'],
  [['a:1', { ssl: 'yes' }], 'INVALID_CONFIG: option ssl of connect() is true, or an object for tls.connect, not "yes"'],
  [['a:1', { ssl: null }], 'INVALID_CONFIG: option ssl of connect() is true, or an object for tls.connect, not null'],
  [['a:1', { logger: console.log }], 'INVALID_CONFIG: option logger of connect() lacks debug'],
  [['a:1', { signal: {} }], 'INVALID_ARGUMENT: connect: the signal is'],
  [['a:1', { signal: AbortSignal.abort() }], 'ABORTED'],
  [['a:1', { 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': 'PlainLoginModule required;' }], 'INVALID_CONFIG: sasl.jaas.config needs username'],
  [['a:1', { 'security.protocol': 'SSL', 'ssl.truststore.location': '/nowhere.pem' }], 'INVALID_CONFIG: ssl.truststore.location: /nowhere.pem cannot be read'],
  [['a:1', { 'security.protocol': 'SSL', 'ssl.keystore.location': process.execPath.replace(/node$/, '../LICENSE') }], 'INVALID_CONFIG: ssl.keystore.location'],
])('connect(%j) is refused', async (given, message) => {
  expect(await complaint(...given)).toMatch(message.slice(0, 20))
  expect((await complaint(...given)).startsWith(message)).toBe(true)
})

test('brokers may be among the settings', async () => {
  expect(await complaint({ 'bootstrap.servers': '127.0.0.1:1', logger: silentLogger })).toMatch(/^NETWORK_EXCEPTION: broker 127.0.0.1:1: nothing listens there/)
  expect(await complaint(undefined, { 'bootstrap.servers': '127.0.0.1:1', logger: silentLogger })).toMatch(/^NETWORK_EXCEPTION: broker 127.0.0.1:1/)
})

test.each([
  ['throws', () => { throw new RangeError('no') }], ['is async, and rejects', () => Promise.reject(new RangeError('no'))],
])('a logger that %s is no failure of what is logged', async (_, fail) => {
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const logger = { debug: fail, info: fail, warn: fail, error: fail }
  try {
    const ottla = await open('', { inMemory: true, logger })
    const listener = await ottla.listen({ port: 0 })
    const kafka = await connect(`127.0.0.1:${listener.port}`, { logger })
    await kafka.admin.createTopic('t')
    expect(await kafka.producer().send({ topic: 't', value: 'v' })).toMatchObject({ offset: 0 })
    await kafka.close()
    await ottla.close()
    expect(told.mock.calls[0]).toEqual([expect.stringMatching(/^ottla error the logger that was given fails.* error=no\n$/), expect.any(Function)])
  } finally {
    told.mockRestore()
  }
})

test('what a group refuses is told with its name, in the process as over the wire', async () => {
  await using ottla = await open('', { inMemory: true, logger: silentLogger })
  const listener = await ottla.listen({ port: 0 })
  await using kafka = await connect(`127.0.0.1:${listener.port}`, { logger: silentLogger })
  await ottla.admin.createTopic('t')
  for (const each of [ottla, kafka]) {
    const consumer = each.consumer({ 'group.id': 'odd', 'session.timeout.ms': 1000, 'heartbeat.interval.ms': 100 })
    consumer.subscribe('t')
    await expect(consumer.poll()).rejects.toMatchObject({ code: 'INVALID_SESSION_TIMEOUT', message: expect.stringMatching(/^joining group odd: /) as unknown })
    await expect(each.admin.alterGroupOffsets('odd', [{ topic: 't', partition: 0, offset: 0, metadata: 'x'.repeat(5000) }]))
      .rejects.toMatchObject({ code: 'OFFSET_METADATA_TOO_LARGE', message: expect.stringContaining('group odd in t-0: ') as unknown })
    await consumer.close()
  }
})

describe('a first broker that says', () => {
  const answer = (port: number, errorCode: number): ResponseInput<typeof apis.metadata> => (
    { errorCode, brokers: [{ nodeId: 0, host: '127.0.0.1', port, rack: null }], controllerId: 0, clusterId: 'c', topics: [] })
  let broker: ScriptedBroker
  let kafka: RemoteKafka | null = null
  beforeEach(async () => { broker = await ScriptedBroker.open() })
  afterEach(async () => {
    await kafka?.close()
    kafka = null
    await broker.close()
  })
  const settings = { 'logger': silentLogger, 'retry.backoff.ms': 1, 'retry.backoff.max.ms': 1 }

  test('nothing hears from a consumer where it stands (client.rack)', async () => {
    const topic = { errorCode: 0, name: 't', topicId: 'ASNFZ4mrze_-3LqYdlQyEA', isInternal: false, partitions: [
      { errorCode: 0, partitionIndex: 0, leaderId: 0, leaderEpoch: 0, replicaNodes: [0], isrNodes: [0], offlineReplicas: [] }] }
    broker.on(apis.metadata, () => ({ ...answer(broker.port, 0), topics: [topic] })).on(apis.fetch, () => 'silence')
    kafka = await connect(`127.0.0.1:${broker.port}`, settings)
    const consumer = kafka.consumer({ 'client.rack': 'r1' })
    consumer.assign([{ topic: 't', partition: 0, offset: 5 }])
    const stop = new AbortController()
    const polled = consumer.poll({ signal: stop.signal }).catch(() => {})
    while (broker.bodies(apis.fetch).length === 0) await nextTurn(systemScheduler)
    expect(broker.bodies(apis.fetch)[0]).toMatchObject({ rackId: 'r1' })
    stop.abort()
    await polled
    await consumer.close()
  })

  test('more than receive.message.max.bytes is told which setting to look at', async () => {
    broker.on(apis.metadata, () => ({ ...answer(broker.port, 0), clusterId: 'c'.repeat(65_536) }))
    const small = { ...settings, 'receive.message.max.bytes': 65_536, 'default.api.timeout.ms': 1 }
    expect(await complaint(`127.0.0.1:${broker.port}`, small)).toMatch(/^NETWORK_EXCEPTION: .*a frame of 65\d{3} bytes is not between 0 and 65536; receive.message.max.bytes says/)
  })

  test.each([
    ['a negative length', [255, 255, 255, 251], 'a frame of -5 bytes is not between 0 and 100000000'],
    ['an answer that nobody waits for', [0, 0, 0, 4, 0, 0, 48, 57], 'an answer to request 12345, which was not asked'],
    ['an answer without a number', [0, 0, 0, 1, 7], 'an answer to request -1, which was not asked'],
  ])('%s in place of an answer is told so, and what the setting has nothing to do with is not laid on it', async (_what, bytes, problem) => {
    broker.on(apis.metadata, () => Uint8Array.from(bytes))
    expect(await complaint(`127.0.0.1:${broker.port}`, { ...settings, 'default.api.timeout.ms': 1 }))
      .toBe(`NETWORK_EXCEPTION: broker 127.0.0.1:${broker.port}: it sent bytes that are no answer (${problem})`)
  })

  test.each([5, 14, 15])('that it is not ready (%i) is asked again until it is', async (errorCode) => {
    broker.on(apis.metadata, () => answer(broker.port, broker.asked.filter(({ api }) => api === 'Metadata').length < 4 ? errorCode : 0))
    kafka = await connect(`127.0.0.1:${broker.port}`, settings)
    expect(broker.bodies(apis.metadata)).toHaveLength(4)
  })

  test('so for longer than default.api.timeout.ms is no broker to connect to', async () => {
    broker.on(apis.metadata, () => answer(broker.port, 5))
    expect(await complaint(`127.0.0.1:${broker.port}`, { ...settings, 'default.api.timeout.ms': 20 })).toMatch(/^LEADER_NOT_AVAILABLE: metadata of broker/)
    expect(broker.bodies(apis.metadata).length).toBeGreaterThan(1)
  })

  test('what will not pass, or hangs up, is asked no more', async () => {
    broker.on(apis.metadata, () => answer(broker.port, 31))
    expect(await complaint(`127.0.0.1:${broker.port}`, settings)).toMatch(/^CLUSTER_AUTHORIZATION_FAILED/)
    expect(broker.bodies(apis.metadata)).toHaveLength(1)
    broker.on(apis.metadata, () => 'cut')
    expect(await complaint(`127.0.0.1:${broker.port}`, settings)).toMatch(/^NETWORK_EXCEPTION/)
    expect(broker.bodies(apis.metadata)).toHaveLength(2)
  })

  test('that it is not ready is not waited for behind an abort', async () => {
    const abort = new AbortController()
    broker.on(apis.metadata, () => {
      if (broker.bodies(apis.metadata).length === 3) abort.abort()
      return answer(broker.port, 5)
    })
    expect(await complaint(`127.0.0.1:${broker.port}`, { ...settings, signal: abort.signal })).toMatch(/^ABORTED/)
    expect(broker.bodies(apis.metadata)).toHaveLength(3)
  })
})
