/** Settings that are altered while the database is open: what was opened before goes by them, too. */
import '../../test/support/loaded-parts.ts'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { batchOf, openBroker, type BrokerKit } from '../../test/support/broker-kit.ts'
import { errorTable } from '../common/errors.ts'
import type { ProducePartitionResponse } from '../protocol/broker-api.ts'
import { LogManager } from '../log/log-manager.ts'

const TOPIC = 2
const BROKER = 4

async function create(kit: BrokerKit, name: string, configs: Record<string, string> = {}): Promise<number> {
  const topic = { name, numPartitions: 1, replicationFactor: -1, assignments: [], configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }
  return (await kit.settle(kit.broker.createTopics({ validateOnly: false, topics: [topic] }))).topics[0]!.errorCode
}

async function alter(kit: BrokerKit, resourceType: number, resourceName: string, configs: Record<string, string>): Promise<number> {
  const changes = Object.entries(configs).map(([name, value]) => ({ name, configOperation: 0 as const, value }))
  const { responses } = await kit.settle(kit.broker.incrementalAlterConfigs({ validateOnly: false, resources: [{ resourceType, resourceName, configs: changes }] }))
  return responses[0]!.errorCode
}

async function told(kit: BrokerKit, resourceType: number, resourceName: string, ...names: string[]): Promise<(string | null)[]> {
  const { results } = await kit.settle(kit.broker.describeConfigs({ resources: [{ resourceType, resourceName, configurationKeys: names }] }))
  return names.map((name) => results[0]!.configs.find((each) => each.name === name)!.value)
}

/** Loaded with the first look, which the time of the tests does not wait for. */
beforeAll(async () => { await import('../log/retention.ts') })

describe('a setting of a topic holds for logs that are open:', () => {
  const NOW = 1_704_067_200_000
  const send = async (kit: BrokerKit, key?: string): Promise<ProducePartitionResponse> => {
    const records = batchOf(['x'.repeat(100)], { timestamp: NOW, ...(key === undefined ? {} : { key }) })
    return (await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1000, partitions: [{ topic: 't', partition: 0, records }] }))).partitions[0]!
  }
  const segments = (kit: BrokerKit): number => kit.disk.readDirectory('/t-0').filter(({ name }) => name.endsWith('.log')).length
  const opened = async (altered: Record<string, string>): Promise<BrokerKit> => {
    const kit = await openBroker({ 'log.retention.check.interval.ms': 1000, 'log.initial.task.delay.ms': 1000 })
    await create(kit, 't')
    expect(await send(kit)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await alter(kit, TOPIC, 't', altered)).toBe(0)
    return kit
  }

  test.each([
    [{ 'max.message.bytes': '100' }, 'MESSAGE_TOO_LARGE'], [{ 'cleanup.policy': 'compact' }, 'INVALID_RECORD'],
    [{ 'message.timestamp.before.max.ms': '1000' }, 'INVALID_TIMESTAMP'],
  ] as const)('%j refuses what it took before', async (altered, code) => {
    const kit = await opened(altered)
    kit.scheduler.clock.setWall(NOW + 3_600_000)
    expect((await send(kit)).errorCode).toBe(errorTable[code].errorCode)
    await kit.broker.close()
  })

  test('message.timestamp.after.max.ms refuses what it took before', async () => {
    const kit = await opened({ 'message.timestamp.after.max.ms': '1000' })
    kit.scheduler.clock.setWall(NOW - 60_000)
    expect((await send(kit)).errorCode).toBe(errorTable.INVALID_TIMESTAMP.errorCode)
  })

  test('message.timestamp.type gives the time of the append', async () => {
    const kit = await opened({ 'message.timestamp.type': 'LogAppendTime' })
    kit.scheduler.clock.setWall(NOW + 77)
    expect(await send(kit)).toMatchObject({ errorCode: 0, logAppendTimeMs: NOW + 77 })
  })

  test.each([[{ 'internal.segment.bytes': '350' }, 4], [{ 'segment.bytes': '1048576' }, 1], [{ 'segment.bytes': '1048576', 'internal.segment.bytes': '350' }, 4]])(
    '%j is the size of a segment, and the internal one goes before', async (altered, count) => {
      const kit = await opened(altered)
      for (let i = 0; i < 6; i++) await send(kit)
      expect(segments(kit)).toBe(count)
    })

  test.each([
    [{ 'retention.bytes': '400', 'internal.segment.bytes': '350' }, 4], [{ 'retention.ms': '1000', 'internal.segment.bytes': '350' }, 7],
  ])('%j drops old segments with the next look', async (altered, logStart) => {
    const kit = await opened(altered)
    for (let i = 0; i < 6; i++) await send(kit)
    kit.scheduler.clock.setWall(NOW + 5000)
    await kit.scheduler.advance(2000)
    const { partitions } = await kit.settle(kit.broker.listOffsets({ isolationLevel: 0, partitions: [{ topic: 't', partition: 0, timestamp: -2 }] }))
    expect(partitions[0]!.offset).toBe(logStart)
  })
})

describe('a setting of the broker', () => {
  test('producer.id.expiration.ms holds for producers of logs that are open', async () => {
    const kit = await openBroker({ 'producer.id.expiration.check.interval.ms': 1000, 'producer.id.expiration.ms': 3_600_000 })
    await create(kit, 't')
    const records = batchOf(['a'], { timestamp: kit.scheduler.clock.now(), producerId: 7, producerEpoch: 0, baseSequence: 0 })
    await kit.settle(kit.broker.produce({ acks: -1, timeoutMs: 1000, partitions: [{ topic: 't', partition: 0, records }] }))
    const producers = async (): Promise<number> => (await kit.settle(kit.broker.describeProducers({ partitions: [{ topic: 't', partition: 0 }] }))).partitions[0]!.activeProducers.length
    await kit.scheduler.advance(60_000)
    expect(await producers()).toBe(1)
    expect(await alter(kit, BROKER, '', { 'producer.id.expiration.ms': '50000' })).toBe(0)
    await kit.scheduler.advance(1000)
    expect(await producers()).toBe(0)
  })

  test('log.segment.delete.delay.ms holds for topics that are deleted from then on', async () => {
    const kit = await openBroker()
    await create(kit, 't')
    expect(await alter(kit, BROKER, '1', { 'log.segment.delete.delay.ms': '5000' })).toBe(0)
    await kit.settle(kit.broker.deleteTopics({ names: ['t'] }))
    const folders = (): number => kit.disk.readDirectory('/').filter(({ name }) => name.endsWith('-delete')).length
    await kit.scheduler.advance(4999)
    expect(folders()).toBe(1)
    await kit.scheduler.advance(1)
    expect(folders()).toBe(0)
  })

  test('is brought to all logs with one look at them, however many topics there are', async () => {
    const kit = await openBroker()
    const looks: number[] = []
    for (const count of [1, 20]) {
      for (let i = 0; i < count; i++) await create(kit, `t${count}-${i}`)
      const logs = vi.spyOn(LogManager.prototype, 'logs')
      expect(await alter(kit, BROKER, '1', { 'log.retention.bytes': String(count) })).toBe(0)
      looks.push(logs.mock.calls.length)
      logs.mockRestore()
    }
    expect(looks[1]).toBe(looks[0])
  })

  test('that does not go together with one of a topic leaves the topic with its own, as in Kafka', async () => {
    const kit = await openBroker()
    await create(kit, 't', { 'cleanup.policy': 'compact', 'max.compaction.lag.ms': '1000', 'segment.ms': '77' })
    expect(await alter(kit, BROKER, '1', { 'log.cleaner.min.compaction.lag.ms': '5000' })).toBe(0)
    expect(await told(kit, TOPIC, 't', 'cleanup.policy', 'min.compaction.lag.ms', 'max.compaction.lag.ms', 'segment.ms')).toEqual(['compact', '5000', '1000', '77'])
    expect(kit.logger.messages('error')).toEqual([])
    expect([await create(kit, 'u', { 'max.compaction.lag.ms': '1000' }), await alter(kit, TOPIC, 't', { 'retention.ms': '5' })]).toEqual([40, 40])
  })
})

test('a fraction that is whole is told as Kafka tells it', async () => {
  const kit = await openBroker({ 'log.cleaner.io.buffer.load.factor': 1 })
  await create(kit, 't', { 'min.cleanable.dirty.ratio': '1' })
  expect(await told(kit, TOPIC, 't', 'min.cleanable.dirty.ratio')).toEqual(['1.0'])
  expect(await alter(kit, TOPIC, 't', { 'min.cleanable.dirty.ratio': '0' })).toBe(0)
  expect(await told(kit, TOPIC, 't', 'min.cleanable.dirty.ratio')).toEqual(['0.0'])
  expect(await told(kit, BROKER, '1', 'log.cleaner.io.buffer.load.factor', 'log.cleaner.min.cleanable.ratio')).toEqual(['1.0', '0.5'])
})
