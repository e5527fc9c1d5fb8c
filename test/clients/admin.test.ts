/** The admin client: the same on every kind of cluster. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Admin, Kafka } from '../../src/index.ts'
import { fresh, targets, type Target } from './targets.ts'

/** Leadership and deletion travel through a cluster: what is true in the end may take a moment. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !await holds(); tries += 1) if (tries > 200) throw new Error('it does not come true')
}

async function fill(kafka: Kafka, topic: string, count: number): Promise<void> {
  await using producer = kafka.producer()
  await producer.sendBatch(Array.from({ length: count }, (_, i) => ({ topic, partition: 0, value: Buffer.from(`${i}`), timestamp: 1_700_000_000_000 + i })))
}

describe.each(targets)('the admin client of %s', (name, start) => {
  let target: Target
  let admin: Admin
  beforeAll(async () => {
    target = await start()
    admin = target.kafka.admin
  })
  afterAll(() => target.close())

  test('makes, describes, lists, widens and deletes topics', async () => {
    const topic = fresh('made')
    const made = await admin.createTopic(topic, { partitions: 3 })
    expect(made).toMatchObject({ name: topic, internal: false, partitions: [{ partition: 0 }, { partition: 1 }, { partition: 2 }] })
    expect(made.topicId).toMatch(/^[\w-]{22}$/)
    expect(await admin.createTopic(topic, { ifNotExists: true })).toMatchObject({ name: topic, topicId: made.topicId })
    expect(await admin.listTopics()).toContain(topic)
    await admin.createPartitions(topic, 5)
    await until(async () => (await admin.describeTopic(topic)).partitions.length === 5)
    await admin.deleteTopic(topic)
    await until(async () => !(await admin.listTopics()).includes(topic))
  })

  test('plans without making', async () => {
    const topic = fresh('planned')
    expect(await admin.createTopic(topic, { partitions: 2, validateOnly: true })).toMatchObject({ name: topic })
    expect(await admin.listTopics()).not.toContain(topic)
  })

  test('says what is wrong', async () => {
    const topic = fresh('wrong')
    await admin.createTopic(topic, { partitions: 2 })
    await expect(admin.createTopic(topic)).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' })
    await expect(admin.createTopic(fresh('wide'), { replicationFactor: 5 })).rejects.toMatchObject({ code: 'INVALID_REPLICATION_FACTOR' })
    await expect(admin.createTopic(fresh('config'), { config: { 'retention.ms': -5 } })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    await expect(admin.createPartitions(topic, 1)).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
    await expect(admin.describeTopic(`${topic}x`)).rejects.toThrow(`there is no topic ${topic}x: did you mean ${topic}?`)
    await expect(admin.deleteTopic(fresh('nothing'))).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await expect(admin.describeGroup(fresh('nobody'))).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
    await expect(admin.deleteGroup(fresh('nobody'))).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
  })

  test('reads and changes settings of topics', async () => {
    const topic = fresh('configs')
    await admin.createTopic(topic, { config: { 'retention.ms': 1_000_000, 'cleanup.policy': ['compact', 'delete'] } })
    const entry = async (setting: string): Promise<object | undefined> => (await admin.describeConfigs({ topic })).find((each) => each.name === setting)
    expect(await entry('retention.ms')).toMatchObject({ value: '1000000', default: '604800000', source: 'topic', readOnly: false, sensitive: false })
    expect(await entry('cleanup.policy')).toMatchObject({ value: 'compact,delete', default: 'delete', source: 'topic' })
    expect(await entry('max.message.bytes')).toMatchObject({ value: '1048588', source: 'default' })
    expect((await entry('max.message.bytes') as { documentation: string }).documentation.length).toBeGreaterThan(20)
    await admin.alterConfigs({ topic }, { 'retention.ms': null, 'max.message.bytes': 5000 })
    await until(async () => (await entry('max.message.bytes') as { value: string }).value === '5000')
    expect(await entry('retention.ms')).toMatchObject({ value: '604800000', source: 'default' })
    for (const value of ['many', Number.NaN]) await expect(admin.alterConfigs({ topic }, { 'max.message.bytes': value })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    await expect(admin.describeConfigs({ topic: fresh('nothing') })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  test('reads settings of brokers', async () => {
    const { brokers } = await admin.describeCluster()
    const configs = await admin.describeConfigs({ broker: brokers[0]!.id })
    expect(configs.find((each) => each.name === 'message.max.bytes')).toMatchObject({ readOnly: false })
  })

  test('finds offsets', async () => {
    const topic = fresh('offsets')
    await admin.createTopic(topic, { partitions: 2 })
    await fill(target.kafka, topic, 10)
    const at = async (...args: Parameters<Admin['listOffsets']> extends [string, infer T] ? [T] : never): Promise<number[]> => (await admin.listOffsets(topic, ...args)).map((each) => each.offset)
    expect(await at('earliest')).toEqual([0, 0])
    expect(await at('latest')).toEqual([10, 0])
    expect(await at(1_700_000_000_004)).toEqual([4, -1])
    expect(await at(new Date(1_800_000_000_000))).toEqual([-1, -1])
    expect(await admin.listOffsets(topic, 'maxTimestamp')).toMatchObject([{ partition: 0, offset: 9, timestamp: 1_700_000_000_009 }, { partition: 1, offset: -1 }])
  })

  test('deletes records', async () => {
    const topic = fresh('deleted')
    await admin.createTopic(topic)
    await fill(target.kafka, topic, 10)
    expect(await admin.deleteRecords(topic, [{ partition: 0, offset: 4 }])).toEqual([{ partition: 0, lowWatermark: 4 }])
    expect((await admin.listOffsets(topic, 'earliest'))[0]!.offset).toBe(4)
    await expect(admin.deleteRecords(topic, [{ partition: 0, offset: 100 }])).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(await admin.deleteRecords(topic, [{ partition: 0, offset: -1 }])).toEqual([{ partition: 0, lowWatermark: 10 }])
  })

  test('tells of the cluster and its disks', async () => {
    const topic = fresh('disks')
    await admin.createTopic(topic)
    await fill(target.kafka, topic, 100)
    const { clusterId, brokers, controller } = await admin.describeCluster()
    expect(clusterId).toMatch(/^[\w-]{22}$/)
    expect(brokers.map((each) => each.id)).toContain(controller)
    const logs = (await admin.describeLogDirs()).flatMap((each) => each.partitions)
    expect(logs.find((each) => each.topic === topic)).toMatchObject({ partition: 0, offsetLag: 0, size: expect.any(Number) as number })
    expect(name).not.toBe('')
  })

  test('keeps offsets for groups without members', async () => {
    const topic = fresh('kept')
    const group = fresh('group')
    await admin.createTopic(topic, { partitions: 2 })
    await fill(target.kafka, topic, 5)
    await admin.alterGroupOffsets(group, [{ topic, partition: 0, offset: 3, metadata: 'by hand' }, { topic, partition: 1, offset: 0 }])
    expect(await admin.listGroupOffsets(group)).toMatchObject([{ topic, partition: 0, offset: 3, metadata: 'by hand' }, { topic, partition: 1, offset: 0 }])
    expect((await admin.listGroups()).find((each) => each.groupId === group)).toMatchObject({ state: 'Empty', type: 'classic' })
    await admin.deleteGroupOffsets(group, [{ topic, partition: 1 }])
    expect((await admin.listGroupOffsets(group)).map((each) => each.partition)).toEqual([0])
    await admin.deleteGroup(group)
    expect(await admin.listGroupOffsets(group)).toEqual([])
  })
})
