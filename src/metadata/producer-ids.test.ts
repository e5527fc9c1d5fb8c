import { describe, expect, test } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { MemoryMetadataStore } from './memory-metadata-store.ts'
import { PRODUCER_IDS, ProducerIds } from './producer-ids.ts'

const mark = async (store: MemoryMetadataStore): Promise<string | null> => {
  const node = await store.get(PRODUCER_IDS)
  return node === null ? null : Buffer.from(node.value).toString()
}

describe('producer ids', () => {
  test('for other processes lie below a durable mark that rises by a thousand', async () => {
    const store = new MemoryMetadataStore()
    const ids = await ProducerIds.load(store, -1, silentLogger)
    expect(await ids.take(false)).toBe(0)
    expect(await mark(store)).toBe('1000')
    for (let i = 1; i < 1000; i += 1) expect(await ids.take(false)).toBe(i)
    expect(await mark(store)).toBe('1000')
    expect(await ids.take(false)).toBe(1000)
    expect(await mark(store)).toBe('2000')
  })

  test('are never given again to other processes after a restart', async () => {
    const store = new MemoryMetadataStore()
    await (await ProducerIds.load(store, -1, silentLogger)).take(false)
    expect(await (await ProducerIds.load(store, -1, silentLogger)).take(false)).toBe(1000)
  })

  test('of this process need no write, and lie above those in the logs and those of other processes', async () => {
    const store = new MemoryMetadataStore()
    const ids = await ProducerIds.load(store, 41, silentLogger)
    expect([await ids.take(true), await ids.take(true), await mark(store)]).toEqual([42, 43, null])
    expect([await ids.take(false), await mark(store)]).toEqual([44, '1044'])
    expect(await (await ProducerIds.load(store, 44, silentLogger)).take(true)).toBe(1044)
    expect(await (await ProducerIds.load(store, 5000, silentLogger)).take(true)).toBe(5001)
  })

  test('are all different when asked for at once', async () => {
    const ids = await ProducerIds.load(new MemoryMetadataStore(), -1, silentLogger)
    const taken = await Promise.all(Array.from({ length: 3000 }, async (_, i) => ids.take(i % 3 === 0)))
    expect(new Set(taken).size).toBe(3000)
  })

  test('are not given when the mark cannot be written', async () => {
    const store = new MemoryMetadataStore()
    const ids = await ProducerIds.load(store, -1, silentLogger)
    await store.close()
    await expect(ids.take(false)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('go on above the logs when the mark is unreadable', async () => {
    const store = new MemoryMetadataStore()
    await store.set(PRODUCER_IDS, Buffer.from('many'))
    expect(await (await ProducerIds.load(store, 7, silentLogger)).take(true)).toBe(8)
  })
})
