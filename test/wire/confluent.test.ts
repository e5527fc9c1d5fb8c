/**
 * @confluentinc/kafka-javascript (librdkafka 2.15) against the port, unchanged. Its binary has to be compiled: `node scripts/confluent-client.mjs`, which `.ci/run` does. Where it
 * is not there this file says so and tests nothing.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Admin, Consumer, KafkaMessage, Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { confluentClient } from '../../scripts/confluent-client.mjs'
import { listening, type WireKit } from '../support/wire-kit.ts'

if (confluentClient === null) process.stderr.write('SKIPPED: @confluentinc/kafka-javascript is not built, so nothing was tested with it (node scripts/confluent-client.mjs)\n')

/** What of the client is used here; settings of librdkafka stand beside those in the manner of kafkajs. */
type Settings = Readonly<Record<string, unknown>>
interface Client {
  admin(): Admin
  producer(settings?: Settings): Producer
  consumer(settings: Settings): Consumer & { assignment(): { topic: string; partition: number }[] }
}
interface Module { readonly KafkaJS: { Kafka: new (settings: Settings) => Client } }
type GroupConsumer = ReturnType<Client['consumer']>
interface Taken { readonly partition: number; readonly message: KafkaMessage }

let kit: WireKit
let kafka: Client
let admin: Admin
let producer: Producer
const opened: { disconnect(): Promise<void> }[] = []

function clientOf(settings: Settings, more: Settings = {}): Client {
  const { KafkaJS } = createRequire(import.meta.url)(confluentClient!) as Module
  return new KafkaJS.Kafka({ kafkaJS: { clientId: 'ck', logLevel: 0, ...settings }, ...more })
}

async function connected<C extends { connect(): Promise<void>; disconnect(): Promise<void> }>(client: C): Promise<C> {
  opened.push(client)
  await client.connect()
  return client
}

const consumerOf = (groupId: string, more: Settings = {}): Promise<GroupConsumer> => connected(kafka.consumer({
  'group.id': groupId, 'auto.offset.reset': 'earliest', 'session.timeout.ms': 6000, 'heartbeat.interval.ms': 200, 'fetch.wait.max.ms': 100, ...more,
}))

const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await new Promise((resolve) => { setImmediate(resolve) }) }

/** Runs the consumer until `count` messages came. */
async function take(consumer: GroupConsumer, topic: string, count: number): Promise<Taken[]> {
  const taken: Taken[] = []
  await consumer.subscribe({ topics: [topic] })
  await consumer.run({ eachMessage: async ({ partition, message }) => { taken.push({ partition, message }) } })
  await until(() => taken.length >= count)
  return taken
}

describe.runIf(confluentClient !== null)('@confluentinc/kafka-javascript', () => {
  beforeAll(async () => {
    kit = await listening()
    kafka = clientOf({ brokers: [kit.broker] })
    admin = await connected(kafka.admin())
    producer = await connected(kafka.producer())
  }, 60_000)
  afterAll(async () => {
    await Promise.all(opened.map((each) => each.disconnect()))
    await kit.ottla.close()
  })

  describe('records', () => {
    test('come back with key, value, headers and timestamp, tombstones and empty values apart', async () => {
      await admin.createTopics({ topics: [{ topic: 'records', numPartitions: 1 }] })
      const timestamp = String(Date.now() - 1000)
      await producer.send({
        topic: 'records', messages: [
          { key: 'k', value: 'v', headers: { one: 'x', two: ['a', 'b'] }, timestamp }, { key: 'gone', value: null }, { key: null, value: '' }, { value: Buffer.from([0, 255, 128]) },
        ],
      })
      const taken = await take(await consumerOf('records'), 'records', 4)
      expect(taken.map(({ message }) => message.offset)).toEqual(['0', '1', '2', '3'])
      const [first, second, third, fourth] = taken.map(({ message }) => message)
      expect([first!.key!.toString(), first!.value!.toString(), first!.timestamp]).toEqual(['k', 'v', timestamp])
      expect(first!.headers).toEqual({ one: Buffer.from('x'), two: [Buffer.from('a'), Buffer.from('b')] })
      // The binding shows an empty value as none.
      expect([second!.value, third!.value, [...fourth!.value!]]).toEqual([null, null, [0, 255, 128]])
    })

    test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('compressed with %s are stored as they are, and read back by it and by the embedded consumer', async (codec) => {
      const topic = `codec-${codec}`
      const values = Array.from({ length: 300 }, (_, i) => `value-${i}-${'x'.repeat(500 + i % 50)}`)
      const compressing = await connected(kafka.producer({ 'compression.codec': codec, 'linger.ms': 20 }))
      const sent = await compressing.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) })
      expect(sent[0]).toMatchObject({ topicName: topic, partition: 0, errorCode: 0 })
      const stored = await kit.ottla.log(topic, 0).read(0, { maxBytes: 1, isolation: 'highWatermark' })
      expect(stored.records[22]! & 7).toBe(['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(codec))
      expect((await take(await consumerOf(topic), topic, 300)).map(({ message }) => message.value!.toString())).toEqual(values)
      const embedded = kit.ottla.consumer({ 'value.deserializer': 'string' })
      embedded.assign([{ topic, partition: 0, offset: 0 }])
      const read: unknown[] = []
      for await (const record of embedded) if (read.push(record.value) === values.length) break
      await embedded.close()
      expect(read).toEqual(values)
    })

    test('of an idempotent producer, and with acks 0 and 1, arrive', async () => {
      for (const settings of [{ 'enable.idempotence': true }, { acks: 1 }, { acks: 0 }]) {
        const each = await connected(kafka.producer(settings))
        for (let i = 0; i < 10; i++) await each.send({ topic: 'acks', messages: [{ value: `${JSON.stringify(settings)} ${i}` }] })
        await each.disconnect()
      }
      const taken = await take(await consumerOf('acks'), 'acks', 30)
      expect(new Set(taken.map(({ message }) => message.value!.toString())).size).toBe(30)
    })

    test('are larger than one fetch may be', async () => {
      await producer.send({ topic: 'large', messages: [{ value: Buffer.alloc(900_000, 'y') }, { value: 'small' }] })
      const taken = await take(await consumerOf('large', { 'fetch.message.max.bytes': 1000 }), 'large', 2)
      expect(taken.map(({ message }) => message.value!.length)).toEqual([900_000, 5])
    })
  })

  describe('a group', () => {
    test.each(['range', 'roundrobin', 'cooperative-sticky'])('shares partitions by %s, gives them over when a member leaves, and reads every record', async (strategy) => {
      const topic = `shared-${strategy}`
      await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] })
      const seen = new Set<string>()
      const run = async (): Promise<GroupConsumer> => {
        const consumer = await consumerOf(strategy, { 'partition.assignment.strategy': strategy })
        await consumer.subscribe({ topics: [topic] })
        await consumer.run({ eachMessage: async ({ partition, message }) => { seen.add(`${partition}/${message.offset}`) } })
        return consumer
      }
      const first = await run()
      await until(() => first.assignment().length === 4)
      const second = await run()
      await until(() => first.assignment().length === 2 && second.assignment().length === 2)
      for (let partition = 0; partition < 4; partition++) await producer.send({ topic, messages: [{ partition, value: 'a' }, { partition, value: 'b' }] })
      await until(() => seen.size === 8)
      const { groups } = await admin.describeGroups([strategy])
      expect(groups[0]).toMatchObject({ groupId: strategy, protocol: strategy, isSimpleConsumerGroup: false })
      expect(groups[0]!.members.map(({ clientId, clientHost }) => [clientId, clientHost.replace('/', '')])).toEqual([['ck', '127.0.0.1'], ['ck', '127.0.0.1']])
      await second.disconnect()
      await until(() => first.assignment().length === 4)
      await producer.send({ topic, messages: [0, 1, 2, 3].map((partition) => ({ partition, value: 'c' })) })
      await until(() => seen.size === 12)
    })

    test('goes on where it committed, and forgets what its administrator deletes', async () => {
      await producer.send({ topic: 'offsets', messages: ['a', 'b', 'c', 'd'].map((value) => ({ value, partition: 0 })) })
      const before = await consumerOf('going-on', { 'enable.auto.commit': false })
      await take(before, 'offsets', 4)
      await before.commitOffsets([{ topic: 'offsets', partition: 0, offset: '2', metadata: 'half' }])
      await before.disconnect()
      expect(await admin.fetchOffsets({ groupId: 'going-on', topics: ['offsets'] })).toMatchObject([{ topic: 'offsets', partitions: [{ partition: 0, offset: '2', metadata: 'half' }] }])
      const after = await consumerOf('going-on')
      expect((await take(after, 'offsets', 2)).map(({ message }) => message.value!.toString())).toEqual(['c', 'd'])
      await expect(admin.deleteGroups(['going-on'])).rejects.toMatchObject({ groups: [{ groupId: 'going-on', errorCode: 68 }] })
      await after.disconnect()
      await admin.deleteGroups(['going-on'])
      expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('going-on')
    })
  })

  describe('the admin client', () => {
    test('makes, describes and deletes topics', async () => {
      const configEntries = [{ name: 'retention.ms', value: '1000' }]
      expect(await admin.createTopics({ topics: [{ topic: 'made', numPartitions: 2, replicationFactor: 1, configEntries }] })).toBe(true)
      expect(await admin.createTopics({ topics: [{ topic: 'made' }] })).toBe(false)
      const topics = await admin.fetchTopicMetadata({ topics: ['made'] }) as unknown as { partitions: { partitionId: number; leader: number }[] }[]
      expect(topics[0]!.partitions.map(({ partitionId, leader }) => [partitionId, leader])).toEqual([[0, 1], [1, 1]])
      expect((await kit.ottla.admin.describeConfigs({ topic: 'made' })).find(({ name }) => name === 'retention.ms')!.value).toBe('1000')
      expect(await admin.listTopics()).toContain('made')
      await admin.deleteTopics({ topics: ['made'] })
      expect(await admin.listTopics()).not.toContain('made')
    })

    test('finds offsets by time, and deletes records', async () => {
      const topic = 'timed'
      const start = Date.now() - 10_000
      await producer.send({ topic, messages: [0, 1000, 2000].map((after) => ({ value: 'x', partition: 0, timestamp: String(start + after) })) })
      expect(await admin.fetchTopicOffsets(topic)).toEqual([{ partition: 0, offset: '3', high: '3', low: '0' }])
      expect(await admin.fetchTopicOffsetsByTimestamp(topic, start + 500)).toEqual([{ partition: 0, offset: '1' }])
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
      expect(await admin.fetchTopicOffsets(topic)).toEqual([{ partition: 0, offset: '3', high: '3', low: '2' }])
    })
  })

  describe('errors', () => {
    test('come under their names', async () => {
      await kit.ottla.admin.createTopic('small', { partitions: 1, config: { 'max.message.bytes': 1000 } })
      await kit.ottla.admin.createTopic('keyed', { partitions: 1, config: { 'cleanup.policy': 'compact' } })
      await expect(producer.send({ topic: 'small', messages: [{ value: 'x'.repeat(2000) }] })).rejects.toMatchObject({ type: 'ERR_MSG_SIZE_TOO_LARGE' })
      await expect(producer.send({ topic: 'keyed', messages: [{ value: 'no key' }] })).rejects.toMatchObject({ type: 'ERR_INVALID_RECORD' })
      await expect(producer.send({ topic: 'not a name', messages: [{ value: 'x' }] })).rejects.toMatchObject({ type: 'ERR_TOPIC_EXCEPTION' })
      await expect(admin.createTopics({ topics: [{ topic: 'many', replicationFactor: 3 }] })).rejects.toMatchObject({ errors: [{ type: 'ERR_INVALID_REPLICATION_FACTOR' }] })
      await expect(admin.deleteTopics({ topics: ['nowhere'] })).rejects.toMatchObject({ type: 'ERR_UNKNOWN_TOPIC_OR_PART' })
    })

    test('of transactions, which are not there, come at once and say why', async () => {
      const transactional = kafka.producer({ 'transactional.id': 'tx' })
      await expect(transactional.connect()).rejects.toThrow('Ottla has no transactions yet: leave transactional.id out')
      await transactional.disconnect()
    })
  })

  test.each(['scram-sha-256', 'scram-sha-512', 'plain'])('logs in by %s over TLS, and not with a wrong password', async (mechanism) => {
    const [cert, key] = ['cert', 'key'].map((part) => readFileSync(join(import.meta.dirname, `../data/tls/first.${part}.pem`), 'utf8')) as [string, string]
    const secure = await listening({}, { tls: { cert, key }, sasl: { mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'] } })
    await secure.ottla.users.set('alice', 'secret')
    const login = (password: string): Admin => (
      clientOf({ brokers: [secure.broker], ssl: true, sasl: { mechanism, username: 'alice', password } }, { 'ssl.ca.pem': cert }).admin())
    const known = login('secret')
    await known.connect()
    await known.createTopics({ topics: [{ topic: 'secured' }] })
    expect(await known.listTopics()).toEqual(['secured'])
    await known.disconnect()
    const stranger = login('wrong')
    await stranger.connect()
    await expect((stranger.listTopics as (options: { timeout: number }) => Promise<string[]>)({ timeout: 1000 })).rejects.toThrow(/transport failure|timed out/i)
    await stranger.disconnect()
    await secure.ottla.close()
  })
})
