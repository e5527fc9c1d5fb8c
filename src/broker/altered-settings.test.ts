/** Settings that are altered while the database is open: what was opened before goes by them, too. */
import { describe, expect, test, vi } from 'vitest'
import { batchOf, openBroker, type BrokerKit } from '../../test/support/broker-kit.ts'
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
