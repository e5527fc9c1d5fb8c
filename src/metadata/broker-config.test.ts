import { describe, expect, test } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { BROKER_CONFIG, BrokerConfig } from './broker-config.ts'
import { MemoryMetadataStore } from './memory-metadata-store.ts'

const load = (store: MemoryMetadataStore, given: object = {}): Promise<BrokerConfig> => BrokerConfig.load(store, given, silentLogger)

describe('the broker settings in force', () => {
  test('are those given to open, as text too', async () => {
    const config = await load(new MemoryMetadataStore(), { 'num.partitions': '4', 'log.retention.hours': 2, 'auto.create.topics.enable': undefined })
    expect(config.values).toMatchObject({ 'num.partitions': 4, 'log.retention.hours': 2, 'auto.create.topics.enable': true })
    expect(config.given).toEqual({ 'num.partitions': '4', 'log.retention.hours': '2' })
  })

  test('that were changed at run time win, and hold again after reopening, until they are taken back', async () => {
    const store = new MemoryMetadataStore()
    const config = await load(store, { 'num.partitions': 4 })
    await config.alter((dynamic) => ({ ...dynamic, 'num.partitions': '7', 'fetch.max.bytes': '9999' }), false)
    expect([config.values['num.partitions'], config.live['num.partitions'], config.live['fetch.max.bytes']]).toEqual([7, 7, 9999])
    const again = await load(store, { 'num.partitions': 4 })
    expect([again.values['num.partitions'], again.dynamic]).toEqual([7, { 'num.partitions': '7', 'fetch.max.bytes': '9999' }])
    await again.alter((dynamic) => Object.fromEntries(Object.entries(dynamic).filter(([name]) => name !== 'num.partitions')), false)
    expect([again.values['num.partitions'], again.live['num.partitions']]).toEqual([4, 4])
  })

  test('of all brokers hold where this one has none of its own, through reopening, and are taken back by themselves', async () => {
    const store = new MemoryMetadataStore()
    const config = await load(store, { 'num.partitions': 4 })
    await config.alter(() => ({ 'num.partitions': '7', 'fetch.max.bytes': '9999' }), false, 'all')
    await config.alter(() => ({ 'num.partitions': '8' }), false)
    const again = await load(store, { 'num.partitions': 4 })
    for (const each of [config, again]) {
      expect([each.values['num.partitions'], each.values['fetch.max.bytes'], each.dynamic]).toEqual([8, 9999, { 'num.partitions': '8' }])
      expect(each.defaults).toEqual({ 'num.partitions': '7', 'fetch.max.bytes': '9999' })
    }
    await again.alter(() => ({}), false)
    expect([again.values['num.partitions'], (await load(store)).values['num.partitions']]).toEqual([7, 7])
    await again.alter(() => ({}), false, 'all')
    expect(again.values['num.partitions']).toBe(4)
    await expect(again.alter(() => ({ 'node.id': '5' }), false, 'all')).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  })

  test('of groups and of metrics that clients are asked for stand beside them, through changes of either and reopening', async () => {
    const store = new MemoryMetadataStore()
    const config = await load(store)
    await config.alterNamed('groups', 'g', () => ({ a: '1' }), false)
    await config.alterNamed('groups', 'h', () => ({ a: '2' }), true)
    await config.alterNamed('clientMetrics', 'g', () => ({ metrics: '*' }), false)
    await config.alter(() => ({ 'num.partitions': '7' }), false)
    const again = await load(store)
    expect([again.named('groups', 'g'), again.named('groups', 'h'), again.named('groups', 'toString'), again.dynamic]).toEqual([{ a: '1' }, {}, {}, { 'num.partitions': '7' }])
    expect([again.configured('groups'), again.configured('clientMetrics'), again.named('clientMetrics', 'g')]).toEqual([['g'], ['g'], { metrics: '*' }])
    await again.alterNamed('groups', 'g', () => ({}), false)
    expect([again.named('groups', 'g'), (await load(store)).named('groups', 'g')]).toEqual([{}, {}])
  })

  test('do not change when a change is not valid, is only tried, or touches what is fixed', async () => {
    const config = await load(new MemoryMetadataStore())
    await expect(config.alter(() => ({ 'num.partitions': '0' }), false)).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    await expect(config.alter(() => ({ 'node.id': '5' }), false)).rejects.toThrow('node.id cannot change while the database is open: give it to open()')
    await config.alter(() => ({ 'num.partitions': '3' }), true)
    expect([config.values['num.partitions'], config.live['num.partitions'], config.dynamic]).toEqual([1, 1, {}])
  })

  test.each([
    '', 'no json', '{"version":2,"configs":{}}', '{"version":1,"configs":{"num.partitions":3}}', '{"version":1,"configs":{"num.partitions":"none"}}',
    '{"version":1,"configs":{"gone.setting":"1"}}', '{"version":1,"configs":{},"groups":{"g":1}}', '{"version":1,"configs":{},"groups":"g"}',
  ])('are those of open when what is stored is %j', async (stored) => {
    const store = new MemoryMetadataStore()
    await store.set(BROKER_CONFIG, Buffer.from(stored))
    const errors: string[] = []
    const config = await BrokerConfig.load(store, { 'num.partitions': 2 }, { ...silentLogger, error: (line) => { errors.push(line) } })
    expect([config.values['num.partitions'], config.dynamic, errors.length]).toEqual([2, {}, 1])
  })

  test.each([
    ['that is out of range now', { 'fetch.max.bytes': '1' }, {}, 'fetch.max.bytes'],
    ['that is not known any more', { 'gone.setting': '1' }, {}, 'gone.setting'],
    ['that does not go with what open is given now', { 'group.max.session.timeout.ms': '10000' }, { 'group.min.session.timeout.ms': 20_000 }, 'group.max.session.timeout.ms'],
  ])('lose of what is stored the one %s, and keep the others: retention must not fall back to a default that deletes', async (_, wrong, given, name) => {
    const store = new MemoryMetadataStore()
    const stored = { version: 1, configs: { 'log.retention.ms': '-1', ...wrong }, defaults: { 'num.partitions': '7', ...wrong }, groups: { g: { 'consumer.session.timeout.ms': '50000' } } }
    await store.set(BROKER_CONFIG, Buffer.from(JSON.stringify(stored)))
    const errors: unknown[] = []
    const config = await BrokerConfig.load(store, given, { ...silentLogger, error: (_line, fields) => { errors.push(fields?.['setting']) } })
    expect([config.values['log.retention.ms'], config.values['num.partitions'], config.named('groups', 'g'), errors])
      .toEqual([-1, 7, { 'consumer.session.timeout.ms': '50000' }, [name, name]])
    await config.alter((dynamic) => ({ ...dynamic, 'fetch.max.bytes': '9999' }), false)
    expect((await load(store, given)).dynamic).toEqual({ 'log.retention.ms': '-1', 'fetch.max.bytes': '9999' })
  })

  test('that are wrong at open raise', async () => {
    await expect(load(new MemoryMetadataStore(), { 'num.partition': 2 })).rejects.toThrow('did you mean "num.partitions"?')
  })
})
