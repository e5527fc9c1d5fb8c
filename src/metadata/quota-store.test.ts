import { describe, expect, test } from 'vitest'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { MemoryMetadataStore } from './memory-metadata-store.ts'
import { QUOTAS, QuotaStore } from './quota-store.ts'

const logger = new RecordingLogger()
const load = (store: MemoryMetadataStore, readOnly = false): Promise<QuotaStore> => QuotaStore.load(store, readOnly, logger)

describe('quotas', () => {
  test('are kept by entity, changed one by one, and there again after loading', async () => {
    const store = new MemoryMetadataStore()
    const quotas = await load(store)
    await quotas.alter({ user: 'alice' }, { producer_byte_rate: 1000 }, false)
    await quotas.alter({ user: 'alice' }, { consumer_byte_rate: 2000 }, false)
    await quotas.alter({ user: 'alice', clientId: null }, { producer_byte_rate: 10 }, false)
    await quotas.alter({ clientId: 'app' }, { producer_byte_rate: 10 }, true)
    const expected = [
      { entity: { user: 'alice' }, quotas: { producer_byte_rate: 1000, consumer_byte_rate: 2000 } }, { entity: { user: 'alice', clientId: null }, quotas: { producer_byte_rate: 10 } },
    ]
    expect(quotas.all()).toEqual(expected)
    expect((await load(store)).all()).toEqual(expected)
    await quotas.alter({ user: 'alice' }, { producer_byte_rate: null, consumer_byte_rate: null }, false)
    expect((await load(store)).all()).toEqual(expected.slice(1))
    expect(await store.children(QUOTAS)).toHaveLength(1)
  })

  test('that cannot be are refused, and so is every change of a database that is read only', async () => {
    const quotas = await load(new MemoryMetadataStore())
    expect(() => quotas.alter({}, { producer_byte_rate: 1 }, false)).toThrow('for a user, a client id, or both')
    expect(() => quotas.alter({ user: 'a' }, { producer_byte_rate: 0 }, false)).toThrow('above 0')
    expect(() => quotas.alter({ user: 'a' }, { request_percent: 5 } as never, false)).toThrow('quotas of users and clients are consumer_byte_rate, controller_mutation_rate')
    expect(() => quotas.alter({ user: 'a' }, { connection_creation_rate: 5 }, false)).toThrow('not "connection_creation_rate"')
    expect(() => quotas.alter({ ip: 'a.b' }, { connection_creation_rate: 5 }, false)).toThrow('is no address')
    expect(() => quotas.alter({ ip: '::1', user: 'a' }, { connection_creation_rate: 5 }, false)).toThrow('not for all of them')
    expect(() => quotas.alter({ ip: '::1' }, { connection_creation_rate: 2 ** 31 }, false)).toThrow('up to 2147483647')
    expect(() => quotas.alter({ user: 'a' }, { consumer_byte_rate: 1.5 }, false)).toThrow('whole number')
    expect(() => quotas.alter({ name: 'a' } as never, {}, false)).toThrow('it takes user, clientId')
    const closed = await load(new MemoryMetadataStore(), true)
    expect(() => closed.alter({ user: 'a' }, { producer_byte_rate: 1 }, false)).toThrow('readOnly')
  })

  test('that cannot be read are named in the log', async () => {
    const store = new MemoryMetadataStore()
    await store.set(`${QUOTAS}/3`, Buffer.from('{}'))
    expect((await load(store)).all()).toEqual([])
    expect(logger.messages('error').at(-1)).toContain('a quota cannot be read')
  })
})
