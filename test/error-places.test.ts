/** Errors of calls that concern one topic name it, and the partition where it is one: in process and through a port. */
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, open, OttlaError, silentLogger, type Kafka } from '../src/index.ts'

const stray = 'a b'
const offset = -5

async function placeOf(call: () => unknown): Promise<[string, string | undefined, number | undefined]> {
  try {
    await call()
  } catch (error) {
    if (OttlaError.is(error)) return [error.code, error.topic, error.partition]
    throw error
  }
  throw new Error('nothing was raised')
}

describe.each(['in process', 'through a port'])('%s', (way) => {
  let kafka: Kafka
  let close: () => Promise<void>

  beforeAll(async () => {
    const ottla = await open('unused', { inMemory: true, logger: silentLogger })
    kafka = ottla
    if (way !== 'in process') kafka = await connect(`127.0.0.1:${(await ottla.listen({ port: 0 })).port}`, { logger: silentLogger })
    close = async () => {
      await kafka.close()
      await ottla.close()
    }
    await kafka.admin.createTopic('t', { partitions: 2 })
  })
  afterAll(() => close())

  test.each<[string, () => unknown]>([
    ['createTopic', () => kafka.admin.createTopic(stray)], ['deleteTopic', () => kafka.admin.deleteTopic(stray)], ['describeTopic', () => kafka.admin.describeTopic(stray)],
    ['createPartitions', () => kafka.admin.createPartitions(stray, 3)], ['listOffsets', () => kafka.admin.listOffsets(stray, 'latest')],
    ['deleteRecords', () => kafka.admin.deleteRecords(stray, [])], ['describeConfigs', () => kafka.admin.describeConfigs({ topic: stray })],
    ['alterConfigs', () => kafka.admin.alterConfigs({ topic: stray }, {})], ['send', () => kafka.producer().send({ topic: stray, value: 'v' })],
    ['subscribe', () => kafka.consumer({ 'group.id': 'g' }).subscribe(stray)], ['assign', () => kafka.consumer().assign([{ topic: stray, partition: 0 }])],
    ['alterGroupOffsets', () => kafka.admin.alterGroupOffsets('g', [{ topic: stray, partition: 0, offset: 0 }])],
  ])('a name that cannot be one, given to %s', async (_call, run) => {
    expect(await placeOf(run)).toEqual(['INVALID_TOPIC_EXCEPTION', stray, undefined])
  })

  test.each<[string, string, () => unknown]>([
    ['createTopic, a value', 'INVALID_CONFIG', () => kafka.admin.createTopic('t2', { config: { 'retention.ms': 'soon' as never } })],
    ['createTopic, an unknown setting', 'INVALID_CONFIG', () => kafka.admin.createTopic('t2', { config: { 'retention.hours': 5 } as never })],
    ['createTopic, an object as value', 'INVALID_ARGUMENT', () => kafka.admin.createTopic('t2', { config: { 'retention.ms': {} as never } })],
    ['createTopic, an unknown option', 'INVALID_ARGUMENT', () => kafka.admin.createTopic('t2', { partition: 5 } as never)],
    ['createTopic, no options', 'INVALID_ARGUMENT', () => kafka.admin.createTopic('t2', null as never)],
    ['createTopic, half a partition', 'INVALID_ARGUMENT', () => kafka.admin.createTopic('t2', { partitions: 0.5 })],
    ['createTopic, no settings', 'INVALID_ARGUMENT', () => kafka.admin.createTopic('t2', { config: [] as never })],
    ['createTopic, an assignment', 'INVALID_ARGUMENT', () => kafka.admin.createTopic('t2', { assignment: 1 as never })],
    ['createTopic, two counts', 'INVALID_ARGUMENT', () => kafka.admin.createTopic('t2', { partitions: 1, assignment: [[1], [1]] })],
    ['createTopic, no such broker', 'INVALID_REPLICA_ASSIGNMENT', () => kafka.admin.createTopic('t2', { assignment: [[77]] })],
    ['createTopic, replicas', 'INVALID_REPLICATION_FACTOR', () => kafka.admin.createTopic('t2', { replicationFactor: 3 })],
    ['createTopic, no partitions', 'INVALID_PARTITIONS', () => kafka.admin.createTopic('t2', { partitions: 0 })],
    ['createPartitions', 'INVALID_ARGUMENT', () => kafka.admin.createPartitions('t2', 'many' as never)],
    ['listOffsets', 'INVALID_ARGUMENT', () => kafka.admin.listOffsets('t2', 'soon' as never)],
    ['deleteRecords', 'INVALID_ARGUMENT', () => kafka.admin.deleteRecords('t2', {} as never)],
    ['describeConfigs', 'UNKNOWN_TOPIC_OR_PARTITION', () => kafka.admin.describeConfigs({ topic: 't2' })],
    ['alterConfigs', 'UNKNOWN_TOPIC_OR_PARTITION', () => kafka.admin.alterConfigs({ topic: 't2' }, { 'retention.ms': 5 })],
    ['alterConfigs, an object as value', 'INVALID_ARGUMENT', () => kafka.admin.alterConfigs({ topic: 't2' }, { 'retention.ms': {} as never })],
    ['alterConfigs, no changes', 'INVALID_ARGUMENT', () => kafka.admin.alterConfigs({ topic: 't2' }, null as never)],
    ['assign', 'INVALID_ARGUMENT', () => kafka.consumer().assign([{ topic: 't2', partition: 0.5 }])],
  ])('the topic: %s', async (_what, code, run) => {
    expect(await placeOf(run)).toEqual([code, 't2', undefined])
  })

  test.each([[{ 'retention.ms': 'soon' }], [{ 'retention.hours': 5 }]])('settings %o of a topic that is there', async (changes) => {
    expect(await placeOf(() => kafka.admin.alterConfigs({ topic: 't' }, changes as never))).toEqual(['INVALID_CONFIG', 't', undefined])
  })

  test.each<[string, string, () => unknown]>([
    ['deleteRecords, an offset', 'INVALID_ARGUMENT', () => kafka.admin.deleteRecords('t', [{ partition: 1, offset }])],
    ['deleteRecords, beyond the end', 'OFFSET_OUT_OF_RANGE', () => kafka.admin.deleteRecords('t', [{ partition: 1, offset: 99 }])],
    ['alterGroupOffsets', 'INVALID_ARGUMENT', () => kafka.admin.alterGroupOffsets('g', [{ topic: 't', partition: 1, offset }])],
    ['alterGroupOffsets, an epoch', 'INVALID_ARGUMENT', () => kafka.admin.alterGroupOffsets('g', [{ topic: 't', partition: 1, offset: 0, leaderEpoch: 0.5 }])],
    ['alterGroupOffsets, no text', 'INVALID_ARGUMENT', () => kafka.admin.alterGroupOffsets('g', [{ topic: 't', partition: 1, offset: 0, metadata: 5 as never }])],
    ['commit', 'INVALID_ARGUMENT', () => kafka.consumer({ 'group.id': 'g' }).commit([{ topic: 't', partition: 1, offset }])],
    ['commit, much text', 'OFFSET_METADATA_TOO_LARGE', () => kafka.consumer({ 'group.id': 'g' }).commit([{ topic: 't', partition: 1, offset: 0, metadata: 'm'.repeat(5000) }])],
    ['seek', 'INVALID_ARGUMENT', () => kafka.consumer().seek({ topic: 't', partition: 1, offset: 0 })],
  ])('the partition: %s', async (_what, code, run) => {
    expect(await placeOf(run)).toEqual([code, 't', 1])
  })

  test('a partition that is not there', async () => {
    expect(await placeOf(() => kafka.admin.deleteRecords('t', [{ partition: 9, offset: 0 }]))).toEqual(['UNKNOWN_TOPIC_OR_PARTITION', 't', 9])
  })

  test('dates and patterns of another realm are what they are', async () => {
    const { when, pattern } = runInNewContext('({ when: new Date(1_600_000_000_000), pattern: /^nothing$/ })') as { when: Date; pattern: RegExp }
    await kafka.producer().send({ topic: 't', partition: 0, value: 'v', timestamp: when })
    expect(await kafka.admin.listOffsets('t', when)).toContainEqual({ partition: 0, offset: 0, timestamp: 1_600_000_000_000 })
    const consumer = kafka.consumer({ 'group.id': 'elsewhere' })
    consumer.subscribe(pattern)
    await consumer.close()
    const reader = kafka.consumer()
    reader.assign([{ topic: 't', partition: 0, offset: 0 }])
    await reader.seek({ topic: 't', partition: 0, timestamp: when })
    expect(reader.position({ topic: 't', partition: 0 })).toBe(0)
    await reader.close()
  })
})
