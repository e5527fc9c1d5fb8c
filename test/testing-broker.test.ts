/** `startBroker` as users' tests have it: real clients meet every fault, and each test finds a broker as just started. */
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { Consumer as PlatformaticConsumer, Producer as PlatformaticProducer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connect, silentLogger } from '../src/index.ts'
import { describeCluster } from '../src/protocol/messages/describe-cluster.ts'
import { servedList } from '../src/server/served-apis.ts'
import { failableApis } from '../src/testing/error-answers.ts'
import { ManualScheduler, RecordingLogger, startBroker, type TestBroker } from '../src/testing/index.ts'
import { readSome, text } from './support/consumer-kit.ts'
import { RawClient } from './support/wire-kit.ts'

const logger = new RecordingLogger()
let broker: TestBroker
const cleanups: (() => unknown)[] = []
beforeAll(async () => { broker = await startBroker({ logger }) })
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
  await broker.reset()
})
afterAll(() => broker.close())

function kafkajs(): Kafka {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1'
  return new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20, retries: 8 } })
}

/** What is in a topic, read beside the port: as many records as its partitions end at, or so many, be they there or on their way. */
async function valuesIn(topic: string, onTheirWay?: number): Promise<string[]> {
  const ends = await broker.ottla.admin.listOffsets(topic, 'latest')
  const count = onTheirWay ?? ends.reduce((sum, { offset }) => sum + offset, 0)
  if (count === 0) return []
  const consumer = broker.ottla.consumer({ 'auto.offset.reset': 'earliest' })
  consumer.assign(ends.map(({ partition }) => ({ topic, partition })))
  const records = await readSome(consumer, count)
  await consumer.close()
  return records.map(({ value }) => text(value)!)
}

/** Producers of three clients, as one sends with them and expects a retry: `isIdempotent` those that a lost answer must not make write twice. */
const producers: readonly (readonly [name: string, isIdempotent: boolean, make: () => Promise<(value: string) => Promise<unknown>>])[] = [
  ['kafkajs', false, () => kafkajsProducer(false)],
  ['kafkajs, idempotent', true, () => kafkajsProducer(true)],
  ['@platformatic/kafka', false, async () => {
    const producer = new PlatformaticProducer({ clientId: 'plt', bootstrapBrokers: [broker.bootstrap], serializers: stringSerializers, retries: 8, retryDelay: 20, autocreateTopics: true })
    cleanups.push(() => producer.close(true))
    return (value) => producer.send({ messages: [{ topic: 'orders', value, partition: 0 }] })
  }],
  ['ottla', true, async () => {
    const kafka = await connect(broker.bootstrap, { logger: silentLogger })
    cleanups.push(() => kafka.close())
    const producer = kafka.producer({ 'linger.ms': 0 })
    return (value) => producer.send({ topic: 'orders', value })
  }],
]

async function kafkajsProducer(idempotent: boolean): Promise<(value: string) => Promise<unknown>> {
  const producer = kafkajs().producer({ idempotent, retry: { initialRetryTime: 20, retries: 8 } })
  await producer.connect()
  cleanups.push(() => producer.disconnect())
  return (value) => producer.send({ topic: 'orders', messages: [{ value }] })
}

describe.each(producers)('the producer of %s', (_, isIdempotent, make) => {
  test('sends again when the broker says that it does not lead, and the record is there once', async () => {
    await broker.ottla.admin.createTopic('orders')
    const send = await make()
    const fault = broker.fail('Produce', { error: 'NOT_LEADER_OR_FOLLOWER', times: 2 })
    await send('one')
    await send('two')
    expect([fault.hits, broker.requests('Produce')]).toEqual([2, 4])
    expect(await valuesIn('orders')).toEqual(['one', 'two'])
  })

  test('is told of an error for which there is no second try', async () => {
    await broker.ottla.admin.createTopic('orders')
    const send = await make()
    broker.fail('Produce', { error: 'MESSAGE_TOO_LARGE' })
    await expect(send('one')).rejects.toThrow()
    expect([broker.requests('Produce'), await valuesIn('orders')]).toEqual([1, []])
  })

  test('sends again over a new connection when the old one ends before the broker did anything', async () => {
    await broker.ottla.admin.createTopic('orders')
    const send = await make()
    await send('one')
    broker.drop('Produce')
    await send('two')
    expect([broker.requests('Produce'), await valuesIn('orders')]).toEqual([3, ['one', 'two']])
  })

  test(`writes a record ${isIdempotent ? 'once' : 'twice'} when only the answer was lost`, async () => {
    await broker.ottla.admin.createTopic('orders')
    const send = await make()
    await send('one')
    broker.drop('Produce', { carriedOut: true })
    await send('two')
    expect([broker.requests('Produce'), await valuesIn('orders')]).toEqual([3, isIdempotent ? ['one', 'two'] : ['one', 'two', 'two']])
  })

  test('waits for an answer that is late', async () => {
    await broker.ottla.admin.createTopic('orders')
    const send = await make()
    let release = (): void => {}
    const fault = broker.delay('Produce', { until: new Promise<void>((resolve) => { release = resolve }) })
    let isAnswered = false
    const sent = send('one').then(() => { isAnswered = true })
    await fault.hit()
    expect([await valuesIn('orders', 1), isAnswered]).toEqual([['one'], false])
    release()
    await sent
  })
})

/** Consumers of three clients: each reads topic `orders` from its beginning until `count` values came. */
const consumers: readonly (readonly [name: string, read: (count: number) => Promise<string[]>])[] = [
  ['kafkajs', async (count) => {
    const consumer = kafkajs().consumer({ groupId: 'g', maxWaitTimeInMs: 50, heartbeatInterval: 100, retry: { initialRetryTime: 20, retries: 8 } })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const values: string[] = []
    await new Promise<void>((resolve, reject) => {
      consumer.run({ eachMessage: async ({ message }) => {
        values.push(message.value!.toString())
        if (values.length === count) resolve()
      } }).catch(reject)
    })
    await consumer.disconnect()
    return values
  }],
  ['@platformatic/kafka', async (count) => {
    const consumer = new PlatformaticConsumer({ clientId: 'plt', bootstrapBrokers: [broker.bootstrap], groupId: 'g', deserializers: stringDeserializers, retries: 8, retryDelay: 20 })
    const stream = await consumer.consume({ topics: ['orders'], mode: 'earliest', maxWaitTime: 50 })
    const values: string[] = []
    for await (const message of stream) {
      values.push(message.value)
      if (values.length === count) break
    }
    await consumer.close(true)
    return values
  }],
  ['ottla', async (count) => {
    const kafka = await connect(broker.bootstrap, { logger: silentLogger })
    const consumer = kafka.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest', 'value.deserializer': 'string' })
    consumer.subscribe('orders')
    const values: string[] = []
    for await (const { value } of consumer) {
      values.push(value as unknown as string)
      if (values.length === count) break
    }
    await kafka.close()
    return values
  }],
]

describe.each(consumers)('the consumer of %s', (_, read) => {
  const faults: readonly (readonly [what: string, inject: () => void])[] = [
    ['fetches that the broker refuses', () => broker.fail('Fetch', { error: 'NOT_LEADER_OR_FOLLOWER', times: 2 })],
    ['a connection that ends over a fetch', () => broker.drop('Fetch')],
    ['a coordinator that is not ready', () => broker.fail('FindCoordinator', { error: 'COORDINATOR_NOT_AVAILABLE', times: 2 })],
    ['a join that is refused for now', () => broker.fail('JoinGroup', { error: 'COORDINATOR_LOAD_IN_PROGRESS' })],
    ['offsets that cannot be read yet', () => broker.fail('OffsetFetch', { error: 'COORDINATOR_LOAD_IN_PROGRESS' })],
  ]
  test.each(faults)('reads all of it in spite of %s', async (_what, inject) => {
    const producer = broker.ottla.producer()
    for (const value of ['one', 'two', 'three']) await producer.send({ topic: 'orders', value })
    inject()
    expect(await read(3)).toEqual(['one', 'two', 'three'])
  })
})

describe('a test broker', () => {
  test('can make every API fail that it serves', () => {
    expect(servedList.map(({ api }) => api.name).filter((name) => !failableApis.includes(name))).toEqual([])
  })

  test('says nothing of connections that it drops on purpose', async () => {
    await broker.ottla.admin.createTopic('orders')
    const send = await kafkajsProducer(false)
    logger.entries.length = 0
    broker.drop('Produce', { times: 2 })
    await send('one')
    expect(logger.entries).toEqual([])
  })

  test('is as just started after a reset, on the same port, and clients that live on find it so', async () => {
    const admin = kafkajs().admin()
    await admin.connect()
    cleanups.push(() => admin.disconnect())
    const send = await kafkajsProducer(true)
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 3 }] })
    await admin.setOffsets({ groupId: 'g', topic: 'orders', partitions: [{ partition: 0, offset: '0' }] })
    await broker.ottla.admin.alterConfigs({ broker: (await broker.ottla.admin.describeCluster()).controller }, { 'num.partitions': 5 })
    await broker.ottla.users.set('alice', 'secret')
    await send('one')
    // A member that never leaves.
    const consumer = kafkajs().consumer({ groupId: 'stays', maxWaitTimeInMs: 100 })
    await consumer.connect()
    cleanups.push(() => consumer.disconnect())
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({ eachMessage: async () => {} })
    const fault = broker.fail('Metadata', { error: 'LEADER_NOT_AVAILABLE', times: Infinity })
    const { port } = broker

    await broker.reset()
    expect([broker.port, fault.left]).toEqual([port, 0])
    expect(await broker.ottla.users.list()).toEqual([])
    expect(await broker.ottla.admin.listGroupOffsets('g')).toEqual([])
    // Of a producer and an administrator that were there before; kafkajs may have its topic made anew before we look.
    await send('two')
    expect(await valuesIn('orders')).toEqual(['two'])
    expect((await broker.ottla.admin.describeTopic('orders')).partitions).toHaveLength(1)
    expect(await admin.fetchOffsets({ groupId: 'g', topics: ['orders'] })).toMatchObject([{ partitions: [{ offset: '-1' }] }])
  })

  test('resets in a few milliseconds, again and again, and holds on to nothing', async () => {
    const producer = broker.ottla.producer()
    await producer.send({ topic: 'warm', value: 'x' })
    for (let i = 0; i < 20; i += 1) await broker.reset()
    const started = performance.now()
    for (let i = 0; i < 100; i += 1) {
      await broker.ottla.producer().send({ topic: 'filled', value: Buffer.alloc(100_000) })
      await broker.reset()
    }
    expect((performance.now() - started) / 100).toBeLessThan(50)
    expect(await broker.ottla.admin.listTopics({ internal: true })).toEqual([])
  })

  test('counts delays by the scheduler of the test', async () => {
    const scheduler = new ManualScheduler()
    const own = await startBroker({ scheduler })
    cleanups.push(() => own.close())
    const kafka = await connect(own.bootstrap, { logger: silentLogger })
    cleanups.push(() => kafka.close())
    const fault = own.delay('DescribeCluster', { ms: 3_600_000 })
    let isAnswered = false
    const asked = kafka.admin.describeCluster().then(() => { isAnswered = true })
    await fault.hit()
    await scheduler.advance(3_599_999)
    expect(isAnswered).toBe(false)
    await scheduler.advance(1)
    await asked
  })

  test('closes at once whoever is connected and whatever is held back, and frees its port', async () => {
    const own = await startBroker()
    const { port } = own
    const raw = await RawClient.open(port)
    const kafka = await connect(own.bootstrap, { logger: silentLogger })
    const consumer = kafka.consumer({ 'group.id': 'g', 'fetch.max.wait.ms': 30_000 })
    await own.ottla.admin.createTopic('orders')
    consumer.subscribe('orders')
    const polled = consumer.poll({ timeoutMs: 30_000 }).catch(() => [])
    await own.delay('Fetch', { until: new Promise(() => {}) }).hit()
    const started = performance.now()
    await Promise.all([own.close(), own.close()])
    expect(performance.now() - started).toBeLessThan(1000)
    await raw.closed
    await expect(RawClient.open(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(own.reset()).rejects.toMatchObject({ code: 'CLOSED' })
    await kafka.close({ timeoutMs: 100 })
    await polled
  })

  test('keeps its files in a directory of its own, new for each test, and removes it', async () => {
    const mine = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('ottla-test-'))
    const before = new Set(mine())
    const own = await startBroker({ temporaryDirectory: true })
    const first = own.ottla.directory
    await own.ottla.producer().send({ topic: 'orders', value: 'x' })
    await own.reset()
    expect([existsSync(first), existsSync(own.ottla.directory), await own.ottla.admin.listTopics()]).toEqual([false, true, []])
    await own[Symbol.asyncDispose]()
    expect(mine().filter((name) => !before.has(name))).toEqual([])
  })

  test('lets in who may log in, after a reset, too', async () => {
    const own = await startBroker({ sasl: { mechanisms: ['SCRAM-SHA-256'] }, users: { alice: 'secret' } })
    cleanups.push(() => own.close())
    const settings = { 'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.username': 'alice', 'sasl.password': 'secret', logger: silentLogger } as const
    await own.reset()
    const kafka = await connect(own.bootstrap, settings)
    expect(await kafka.admin.listTopics()).toEqual([])
    await kafka.close()
    await expect(connect(own.bootstrap, { ...settings, 'sasl.password': 'wrong' })).rejects.toMatchObject({ code: 'SASL_AUTHENTICATION_FAILED' })
  })

  test('heeds ACLs where they are asked for, which a reset takes away', async () => {
    const own = await startBroker({ sasl: { mechanisms: ['SCRAM-SHA-256'] }, users: { alice: 'a', root: 'r' }, acls: { superUsers: ['User:root'] } })
    cleanups.push(() => own.close())
    const topicsOf = async (name: string, password: string): Promise<readonly string[]> => {
      await using kafka = await connect(own.bootstrap, { 'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.username': name, 'sasl.password': password, logger: silentLogger })
      return await kafka.admin.listTopics()
    }
    await own.ottla.admin.createTopic('orders')
    expect([await topicsOf('alice', 'a'), await topicsOf('root', 'r')]).toEqual([[], ['orders']])
    await own.ottla.admin.createAcls([{ principal: 'User:alice', operation: 'DESCRIBE', resourceType: 'TOPIC', resourceName: 'orders' }])
    expect(await topicsOf('alice', 'a')).toEqual(['orders'])
    await own.reset()
    await own.ottla.admin.createTopic('orders')
    expect([await topicsOf('alice', 'a'), await topicsOf('root', 'r')]).toEqual([[], ['orders']])
  })

  test('tells clients to come to the address that it is given, after a reset, too', async () => {
    const own = await startBroker({ advertisedHost: 'broker.example', advertisedPort: 19_092 })
    cleanups.push(() => own.close())
    await own.reset()
    const raw = await RawClient.open(own.port)
    cleanups.push(() => raw.end())
    expect((await raw.call(describeCluster, 0, { includeClusterAuthorizedOperations: false })).brokers).toMatchObject([{ brokerId: 1, host: 'broker.example', port: 19_092 }])
  })

  test.each([
    [{ acls: { superUsers: ['root'] } }, 'acls.superUsers is a list of principals'],
    [{ 'num.partition': 2 }, 'did you mean "num.partitions"'],
    [{ temporaryDirectory: 'yes' }, 'temporaryDirectory is true or false'],
    [{ users: ['alice'] }, 'users are passwords by name'],
    [{ port: 70_000 }, 'port is 70000'],
    [{ host: '0.0.0.0' }, 'can be reached from other machines'],
  ])('refuses %j', async (options, text) => { await expect(startBroker(options as object)).rejects.toThrow(text) })
})
