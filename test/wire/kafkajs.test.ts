/** kafkajs 2.2.4 against the port, unchanged: produce and consume, groups that rebalance, offsets, administration, errors. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { Kafka, logLevel, CompressionTypes, ConfigResourceTypes, type Admin, type Consumer, type KafkaMessage, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listening, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
let kafka: Kafka
let admin: Admin
let producer: Producer
const opened: { disconnect(): Promise<void> }[] = []

beforeAll(async () => {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1'
  kit = await listening()
  kafka = new Kafka({ brokers: [kit.broker], clientId: 'kjs', logLevel: logLevel.NOTHING })
  admin = await connected(kafka.admin())
  producer = await connected(kafka.producer())
})
afterAll(async () => {
  for (const each of opened) await each.disconnect()
  await kit.ottla.close()
})

async function connected<C extends { connect(): Promise<void>; disconnect(): Promise<void> }>(client: C): Promise<C> {
  opened.push(client)
  await client.connect()
  return client
}

const consumerOf = (groupId: string): Promise<Consumer> => connected(kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 200, rebalanceTimeout: 6000, maxWaitTimeInMs: 100 }))

/** Runs the consumer until `count` messages came. */
async function take(consumer: Consumer, topic: string, count: number): Promise<{ partition: number; message: KafkaMessage }[]> {
  const taken: { partition: number; message: KafkaMessage }[] = []
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    consumer.run({ eachMessage: async ({ partition, message }) => {
      taken.push({ partition, message })
      if (taken.length === count) resolve()
    } }).catch(reject)
  })
  return taken
}

describe('records', () => {
  test('come back with key, value, headers and timestamp, tombstones and empty values apart', async () => {
    await admin.createTopics({ topics: [{ topic: 'records' }] })
    const timestamp = String(Date.now() - 1000)
    await producer.send({
      topic: 'records', acks: -1, messages: [
        { key: 'k', value: 'v', headers: { one: 'x', two: ['a', 'b'] }, timestamp }, { key: 'gone', value: null }, { key: null, value: '' }, { value: Buffer.from([0, 255, 128]) },
      ],
    })
    const taken = await take(await consumerOf('records'), 'records', 4)
    expect(taken.map(({ message }) => message.offset)).toEqual(['0', '1', '2', '3'])
    const [first, second, third, fourth] = taken.map(({ message }) => message)
    expect([first!.key!.toString(), first!.value!.toString(), first!.timestamp]).toEqual(['k', 'v', timestamp])
    expect(first!.headers).toEqual({ one: Buffer.from('x'), two: [Buffer.from('a'), Buffer.from('b')] })
    expect([second!.value, third!.key, third!.value!.length, [...fourth!.value!]]).toEqual([null, null, 0, [0, 255, 128]])
  })

  test('compressed by the client are stored as they are, and read back, large ones too', async () => {
    const value = Buffer.alloc(200_000, 'abcdefgh')
    await producer.send({ topic: 'gzip', messages: [{ value }, { value: 'small' }], compression: CompressionTypes.GZIP })
    const stored = await kit.ottla.log('gzip', 0).read(0, { maxBytes: 1e6, isolation: 'highWatermark' })
    expect(stored.records[22]! & 7).toBe(1)
    expect(gunzipSync(stored.records.subarray(61)).length).toBeGreaterThan(200_000)
    expect(gzipSync(value).length).toBeLessThan(stored.records.length + 500)
    const taken = await take(await consumerOf('gzip'), 'gzip', 2)
    expect([taken[0]!.message.value!.equals(value), taken[1]!.message.value!.toString()]).toEqual([true, 'small'])
  })

  test('of an idempotent producer, and with acks 0 and 1, arrive', async () => {
    const idempotent = await connected(kafka.producer({ idempotent: true, maxInFlightRequests: 1 }))
    for (let i = 0; i < 20; i++) await idempotent.send({ topic: 'acks', messages: [{ value: `i${i}` }] })
    await producer.send({ topic: 'acks', acks: 1, messages: [{ value: 'one' }] })
    expect(await producer.send({ topic: 'acks', acks: 0, messages: [{ value: 'zero' }] })).toEqual([])
    const taken = await take(await consumerOf('acks'), 'acks', 22)
    expect(taken.map(({ message }) => message.value!.toString())).toEqual([...Array.from({ length: 20 }, (_, i) => `i${i}`), 'one', 'zero'])
  })
})

describe('a group', () => {
  test('shares partitions, gives them over when a member leaves, and reads every record', async () => {
    await admin.createTopics({ topics: [{ topic: 'shared', numPartitions: 4 }] })
    const [first, second] = [await consumerOf('sharing'), await consumerOf('sharing')]
    const assigned = new Map<Consumer, number[]>()
    const seen = new Set<string>()
    const joined = (consumer: Consumer): Promise<void> => new Promise((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        assigned.set(consumer, payload.memberAssignment['shared'] ?? [])
        resolve()
      })
    })
    const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await new Promise((resolve) => { setImmediate(resolve) }) }
    const run = async (consumer: Consumer): Promise<void> => {
      await consumer.subscribe({ topics: ['shared'], fromBeginning: true })
      const hasJoined = joined(consumer)
      await consumer.run({ eachMessage: async ({ partition, message }) => { seen.add(`${partition}/${message.offset}`) } })
      await hasJoined
    }
    await run(first)
    expect(assigned.get(first)).toEqual([0, 1, 2, 3])
    await run(second)
    await until(() => [...assigned.values()].every((partitions) => partitions.length === 2))
    for (let partition = 0; partition < 4; partition++) await producer.send({ topic: 'shared', messages: [{ partition, value: 'a' }, { partition, value: 'b' }] })
    await until(() => seen.size === 8)
    const { groups } = await admin.describeGroups(['sharing'])
    expect(groups[0]).toMatchObject({ groupId: 'sharing', state: 'Stable', protocolType: 'consumer', protocol: 'RoundRobinAssigner' })
    expect(groups[0]!.members.map(({ clientId, clientHost }) => [clientId, clientHost])).toEqual([['kjs', '/127.0.0.1'], ['kjs', '/127.0.0.1']])
    await second.disconnect()
    await until(() => assigned.get(first)!.length === 4)
    await producer.send({ topic: 'shared', messages: [0, 1, 2, 3].map((partition) => ({ partition, value: 'c' })) })
    await until(() => seen.size === 12)
  })

  test('goes on where it committed, and is set back by its administrator', async () => {
    await producer.send({ topic: 'offsets', messages: ['a', 'b', 'c', 'd'].map((value) => ({ value })) })
    const before = await consumerOf('going-on')
    await take(before, 'offsets', 4)
    await before.commitOffsets([{ topic: 'offsets', partition: 0, offset: '2', metadata: 'half' }])
    await before.stop()
    await admin.setOffsets({ groupId: 'going-on', topic: 'offsets', partitions: [{ partition: 0, offset: '2' }] })
    await before.disconnect()
    expect(await admin.fetchOffsets({ groupId: 'going-on', topics: ['offsets'] })).toEqual([{ topic: 'offsets', partitions: [{ partition: 0, offset: '2', metadata: null }] }])
    const taken = await take(await consumerOf('going-on'), 'offsets', 2)
    expect(taken.map(({ message }) => message.value!.toString())).toEqual(['c', 'd'])
  })
})

describe('the admin client', () => {
  test('makes, describes, grows and deletes topics', async () => {
    expect(await admin.createTopics({ topics: [{ topic: 'made', numPartitions: 2, replicationFactor: 1, configEntries: [{ name: 'retention.ms', value: '1000' }] }] })).toBe(true)
    expect(await admin.createTopics({ topics: [{ topic: 'made' }] })).toBe(false)
    await admin.createPartitions({ topicPartitions: [{ topic: 'made', count: 3 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: ['made'] })
    expect(topics[0]!.partitions.map(({ partitionId, leader, isr, replicas }) => [partitionId, leader, isr, replicas])).toEqual([0, 1, 2].map((id) => [id, 1, [1], [1]]))
    expect(await admin.listTopics()).toContain('made')
    await admin.deleteTopics({ topics: ['made'] })
    expect(await admin.listTopics()).not.toContain('made')
  })

  test('reads and changes settings, and the old way puts back what is not named', async () => {
    await admin.createTopics({ topics: [{ topic: 'configured', configEntries: [{ name: 'retention.ms', value: '1000' }] }] })
    const describe = async (): Promise<Record<string, unknown>> => {
      const configNames = ['retention.ms', 'cleanup.policy']
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: 'configured', configNames }] })
      return Object.fromEntries(resources[0]!.configEntries.map(({ configName, configValue, isDefault }) => [configName, [configValue, isDefault]]))
    }
    expect(await describe()).toEqual({ 'retention.ms': ['1000', false], 'cleanup.policy': ['delete', true] })
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: 'configured', configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }] })
    expect(await describe()).toEqual({ 'retention.ms': ['604800000', true], 'cleanup.policy': ['compact', false] })
  })

  test('finds offsets by time, deletes records and groups', async () => {
    const topic = 'timed'
    const start = Date.now() - 10_000
    await producer.send({ topic, messages: [0, 1000, 2000].map((after) => ({ value: 'x', timestamp: String(start + after) })) })
    expect(await admin.fetchTopicOffsets(topic)).toEqual([{ partition: 0, offset: '3', high: '3', low: '0' }])
    expect(await admin.fetchTopicOffsetsByTimestamp(topic, start + 500)).toEqual([{ partition: 0, offset: '1' }])
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    expect(await admin.fetchTopicOffsets(topic)).toEqual([{ partition: 0, offset: '3', high: '3', low: '2' }])
    await admin.setOffsets({ groupId: 'to-go', topic, partitions: [{ partition: 0, offset: '2' }] })
    expect((await admin.listGroups()).groups).toContainEqual({ groupId: 'to-go', protocolType: 'consumer' })
    await admin.deleteGroups(['to-go'])
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('to-go')
  })

  test('describes the cluster by the address of the port', async () => {
    expect(await admin.describeCluster()).toMatchObject({ brokers: [{ nodeId: 1, host: '127.0.0.1', port: kit.port }], controller: 1, clusterId: expect.stringMatching(/^[\w-]{22}$/) })
  })
})

describe('errors', () => {
  test('come under their names', async () => {
    const once = await connected(kafka.producer({ retry: { retries: 0 } }))
    await admin.createTopics({
      topics: [{ topic: 'small', configEntries: [{ name: 'max.message.bytes', value: '1000' }] }, { topic: 'keyed', configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    })
    await expect(once.send({ topic: 'small', messages: [{ value: 'x'.repeat(2000) }] })).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    await expect(once.send({ topic: 'keyed', messages: [{ value: 'no key' }] })).rejects.toMatchObject({ type: 'INVALID_RECORD' })
    await expect(once.send({ topic: 'not a name', messages: [{ value: 'x' }] })).rejects.toMatchObject({ cause: { type: 'INVALID_TOPIC_EXCEPTION' } })
    const refused = admin.createTopics({ topics: [{ topic: 'many', replicationFactor: 3 }] })
    await expect(refused).rejects.toMatchObject({ errors: [expect.objectContaining({ type: 'INVALID_REPLICATION_FACTOR' })] })
    const impatient = await connected(kafka.admin({ retry: { retries: 0 } }))
    await expect(impatient.deleteTopics({ topics: ['nowhere'] })).rejects.toMatchObject({ cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } })
  })

  test('of transactions, which are not there, come at once', async () => {
    const transactional = await connected(kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1 }))
    await expect(transactional.transaction()).rejects.toThrow('Failed to find group coordinator')
  })
})
