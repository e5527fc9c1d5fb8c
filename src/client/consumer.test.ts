import { beforeAll, describe, expect, test } from 'vitest'
import { inspect } from 'node:util'
import { countFetched, outcome } from '../../test/support/client-harness.ts'
import { consumerKit, fill, range, readSome, text, values } from '../../test/support/consumer-kit.ts'
import { OttlaError } from '../common/errors.ts'
import { BATCH_HEADER_SIZE } from '../record/batch-format.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { buildBatch, buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { serializers } from './serializers.ts'
import type { FetchRequest } from '../protocol/broker-api.ts'
import type { ConsumerBatch, ConsumerRecord } from './types.ts'

beforeAll(() => loadAllCodecs())

const only = [{ topic: 't', partition: 0 }]

describe('for await', () => {
  test('gives records in order, with all their fields', async () => {
    const { consumer, partition, settle } = consumerKit()
    partition.store(buildBatch([{ timestamp: 5, key: 'k', value: null, headers: [{ key: 'h', value: Buffer.from('x') }, { key: 'h', value: null }] },
      { timestamp: 6, key: null, value: Buffer.from([255]) }]))
    consumer.assign(only)
    const [first, second] = await settle(readSome(consumer, 2))
    const fields = {
      topic: 't', partition: 0, offset: 0, timestamp: 5, timestampType: 'CreateTime', key: Buffer.from('k'), value: null,
      headers: [{ key: 'h', value: Buffer.from('x') }, { key: 'h', value: null }], leaderEpoch: 0,
    }
    expect((first as ConsumerRecord & { toJSON(): object }).toJSON()).toEqual(fields)
    expect(inspect(first)).toContain("topic: 't'")
    expect([second!.key, second!.value, second!.offset, second!.headers]).toEqual([null, Buffer.from([255]), 1, []])
    expect(Buffer.isBuffer(second!.value)).toBe(true)
  })
  test('goes on as records arrive, however they are batched and compressed', async () => {
    const { consumer, partition, settle, run } = consumerKit({ 'max.poll.records': 7 })
    consumer.assign(only)
    const reading = readSome(consumer, 90)
    await run(2000)
    fill(partition, 0, 20)
    await run(10)
    fill(partition, 20, 40, 1)
    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd', 'none'] as const) {
      const from = partition.endOffset
      partition.store(buildBatch(Array.from({ length: 10 }, (_, i) => ({ value: `v${from + i}` })), { compression }))
    }
    const records = await settle(reading)
    expect(records.map((record) => record.offset)).toEqual(Array.from({ length: 90 }, (_, i) => i))
    expect(records.map((record) => text(record.value))).toEqual(range(0, 90))
  })
  test('records stay valid after many more fetches', async () => {
    const { consumer, partition, settle } = consumerKit({ 'max.partition.fetch.bytes': 200 })
    fill(partition, 0, 200)
    consumer.assign(only)
    const records = await settle(readSome(consumer, 200))
    expect(records.map((record) => text(record.key))).toEqual(range(0, 200).map((value) => value.replace('v', 'k')))
  })
  test('decodes a value once, when it is asked for', async () => {
    const { h, partition, settle } = consumerKit()
    const seen: unknown[] = []
    const consumer = h.clients.consumer<string, { n: number }>({
      'auto.offset.reset': 'earliest', 'key.deserializer': 'string',
      'value.deserializer': { deserialize: (bytes, context) => { seen.push(context); return JSON.parse(Buffer.from(bytes).toString()) as { n: number } } },
    })
    partition.store(buildBatch([{ key: 'a', value: '{"n":1}', headers: [{ key: 'h', value: null }] }, { key: null, value: null }, { key: 'c', value: 'oops' }]))
    consumer.assign(only)
    const records: ConsumerRecord<string, { n: number }>[] = []
    const reading = (async () => {
      for await (const record of consumer) {
        records.push(record)
        if (records.length === 3) break
      }
    })()
    await settle(reading)
    expect(seen).toEqual([])
    expect([records[0]!.value, records[0]!.value, records[0]!.key]).toEqual([{ n: 1 }, { n: 1 }, 'a'])
    expect(seen).toEqual([{ topic: 't', headers: [{ key: 'h', value: null }] }])
    expect([records[1]!.key, records[1]!.value]).toEqual([null, null])
    expect(() => records[2]!.value).toThrow(expect.objectContaining({ code: 'SERIALIZATION_ERROR', topic: 't', partition: 0, offset: 2 }) as Error)
  })
  test('JSON and text need no bytes in between', async () => {
    const { h, partition, settle } = consumerKit()
    const consumer = h.clients.consumer({ 'auto.offset.reset': 'earliest', 'key.deserializer': serializers.string,
      'value.deserializer': serializers.json<{ n: string }>() })
    partition.store(buildBatch([{ key: 'é', value: '{"n":"ü"}' }, { key: '', value: '{' }]))
    consumer.assign(only)
    const [batch] = await settle(consumer.poll())
    const [first, second] = [...batch!]
    expect([first!.key, first!.value?.n, second!.key]).toEqual(['é', 'ü', ''])
    expect(() => second!.value).toThrow(/value at offset 1 of t-0/)
  })
  test('ends when the consumer is closed, also while it waits', async () => {
    const { consumer, partition, settle, run, scheduler } = consumerKit()
    fill(partition, 0, 3)
    consumer.assign(only)
    const seen: number[] = []
    const loop = (async () => { for await (const record of consumer) seen.push(record.offset) })()
    await run(100)
    expect(scheduler.keepAliveTimers).toBeGreaterThan(0)
    const closed = consumer.close()
    expect(consumer.close()).toBe(closed)
    await settle(Promise.all([closed, loop]))
    expect(seen).toEqual([0, 1, 2])
    expect(await outcome(consumer.poll())).toBe('CLOSED')
    expect(() => consumer.assign(only)).toThrow(/closed/)
    await run(1000)
    expect(scheduler.pendingTimers).toBe(0)
    expect(scheduler.keepAliveTimers).toBe(0)
  })
  test('one reader at a time, and the next goes on where the last was left', async () => {
    const { consumer, partition, settle } = consumerKit()
    fill(partition, 0, 30)
    consumer.assign(only)
    expect((await settle(readSome(consumer, 3))).map((record) => record.offset)).toEqual([0, 1, 2])
    expect(values(await settle(consumer.poll())).slice(0, 2)).toEqual(['v3', 'v4'])
    const iterator = consumer[Symbol.asyncIterator]()
    fill(partition, 30, 33)
    expect((await settle(iterator.next())).value?.offset).toBe(30)
    await expect(consumer.poll()).rejects.toThrow(/being read already/)
    await expect(consumer[Symbol.asyncIterator]().next()).rejects.toThrow(/being read already/)
    expect(await iterator.return!()).toEqual({ done: true, value: undefined })
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(values(await settle(consumer.poll()))).toEqual(['v31', 'v32'])
  })
  test('yields to the event loop while it reads what is buffered', async () => {
    const { consumer, partition, settle, scheduler } = consumerKit({ 'max.poll.records': 10 })
    fill(partition, 0, 1000, 100)
    consumer.assign(only)
    let turns = 0
    const tick = (): void => { turns++; if (turns < 10_000) scheduler.soon(tick) }
    const reading = (async () => {
      let count = 0
      for await (const _ of consumer) {
        if (++count === 10) tick()
        if (count === 1000) return
        scheduler.clock.advance(0.5)
      }
    })()
    await settle(reading)
    expect(turns).toBeGreaterThan(90)
  })
})

describe('batches', () => {
  test('are of one partition, at most max.poll.records, and walk without objects', async () => {
    const { consumer, partitions, settle } = consumerKit({ 'max.poll.records': 8 }, 2)
    for (const partition of partitions) fill(partition, 0, 20)
    consumer.assign([0, 1].map((partition) => ({ topic: 't', partition })))
    const seen: ConsumerBatch[] = []
    const reading = (async () => { for await (const batch of consumer.batches()) if (seen.push(batch) === 6) break })()
    await settle(reading)
    expect(seen.map((batch) => batch.partition)).toEqual([0, 1, 0, 1, 0, 1])
    expect(seen.filter((batch) => batch.partition === 0).map(({ baseOffset, lastOffset, count, highWatermark, topic }) =>
      [baseOffset, lastOffset, count, highWatermark, topic]))
      .toEqual([[0, 7, 8, 20, 't'], [8, 15, 8, 20, 't'], [16, 19, 4, 20, 't']])
    const cursor = seen[2]!.cursor()
    const rows: unknown[] = []
    while (cursor.next()) rows.push([cursor.offset, cursor.timestamp, cursor.keyLength, cursor.valueLength, text(cursor.key()), text(cursor.value()),
      cursor.headers()])
    expect(rows).toHaveLength(8)
    expect(rows[0]).toEqual([8, 1008, 2, 2, 'k8', 'v8', []])
    expect(cursor.next()).toBe(false)
    expect([...seen[2]!].map((record) => record.offset)).toEqual([8, 9, 10, 11, 12, 13, 14, 15])
  })
  test('end with ABORTED when the signal fires, and the consumer goes on', async () => {
    const { consumer, partition, settle, run } = consumerKit()
    consumer.assign(only)
    const controller = new AbortController()
    const loop = outcome((async () => { for await (const _ of consumer.batches({ signal: controller.signal })) { /* waits for more */ } })())
    await run(100)
    controller.abort()
    expect(await settle(loop)).toBe('ABORTED')
    expect(await outcome(consumer.poll({ signal: controller.signal }))).toBe('ABORTED')
    fill(partition, 0, 2)
    expect(values(await settle(consumer.poll()))).toEqual(['v0', 'v1'])
  })
  test('thrown into by hand are given back', async () => {
    const { consumer, partition, settle } = consumerKit()
    fill(partition, 0, 10)
    consumer.assign(only)
    const batches = consumer.batches()[Symbol.asyncIterator]()
    expect((await settle(batches.next())).value?.count).toBe(10)
    await expect(batches.throw!(new Error('mine'))).rejects.toThrow('mine')
    const records = consumer[Symbol.asyncIterator]()
    expect((await settle(records.next())).value?.offset).toBe(0)
    expect((await settle(records.next())).value?.offset).toBe(1)
    await expect(records.throw!(new Error('mine'))).rejects.toThrow('mine')
    expect(values(await settle(consumer.poll()))).toEqual(range(1, 10))
  })
})

describe('poll', () => {
  test('gives at most max.poll.records, over all partitions', async () => {
    const { consumer, partitions, settle, run } = consumerKit({ 'max.poll.records': 15 }, 3)
    for (const partition of partitions) fill(partition, 0, 10)
    consumer.assign([0, 1, 2].map((partition) => ({ topic: 't', partition })))
    const first = await settle(consumer.poll())
    await run(10)
    const second = await settle(consumer.poll())
    const third = await settle(consumer.poll({ timeoutMs: 10 }))
    for (const batches of [first, second, third]) expect(batches.reduce((sum, batch) => sum + batch.count, 0)).toBeLessThanOrEqual(15)
    const all = [...first, ...second, ...third]
    for (const partition of [0, 1, 2]) expect(values(all.filter((batch) => batch.partition === partition))).toEqual(range(0, 10))
  })
  test('waits for a second, or as long as it is told', async () => {
    const { consumer, settle, scheduler } = consumerKit()
    consumer.assign(only)
    const waited = async (options?: object): Promise<number> => {
      const start = scheduler.clock.monotonic()
      expect(await settle(consumer.poll(options))).toEqual([])
      return scheduler.clock.monotonic() - start
    }
    expect(await waited()).toBeGreaterThanOrEqual(1000)
    expect(await waited({ timeoutMs: 5000 })).toBeGreaterThanOrEqual(5000)
    expect(await waited({ timeoutMs: 0 })).toBeLessThan(5)
    await expect(consumer.poll({ timeoutMs: -1 })).rejects.toThrow(/timeoutMs is -1/)
  })
  test('without anything to read says so', async () => {
    const { consumer } = consumerKit()
    await expect(consumer.poll()).rejects.toThrow(/subscribe to topics or assign partitions first/)
  })
})

describe('back-pressure', () => {
  test('fetches two loads ahead of a partition that nobody reads, and no more', async () => {
    const { consumer, partition, settle, run, broker } = consumerKit({ 'max.partition.fetch.bytes': 300, 'max.poll.records': 1 })
    fill(partition, 0, 500)
    consumer.assign(only)
    await settle(consumer.poll())
    await run(10_000)
    expect(broker.calls('fetch')).toBeLessThanOrEqual(4)
  })
  test('holds no more than fetch.max.bytes, over many partitions', async () => {
    const { consumer, partitions, settle, run, broker } = consumerKit({ 'max.partition.fetch.bytes': 1000, 'fetch.max.bytes': 3000, 'max.poll.records': 1 }, 20)
    for (const partition of partitions) fill(partition, 0, 500, 20)
    const fetched = countFetched(broker)
    consumer.assign(partitions.map((_, partition) => ({ topic: 't', partition })))
    await settle(consumer.poll())
    await run(10_000)
    expect(fetched()).toBeLessThan(7000)
  })
  test('all partitions get their turn though one has much more', async () => {
    const { consumer, partitions, settle } = consumerKit({ 'max.poll.records': 5 }, 3)
    fill(partitions[0]!, 0, 1000)
    fill(partitions[1]!, 0, 20)
    fill(partitions[2]!, 0, 20)
    consumer.assign([0, 1, 2].map((partition) => ({ topic: 't', partition })))
    const order: number[] = []
    await settle((async () => { for await (const batch of consumer.batches()) if (order.push(batch.partition) === 12) break })())
    expect(order.filter((partition) => partition === 1)).toHaveLength(4)
    expect(order.filter((partition) => partition === 2)).toHaveLength(4)
  })
  test('a quiet partition does not hold up one that is seeked', async () => {
    const { consumer, partitions, settle, scheduler } = consumerKit({ 'fetch.max.wait.ms': 60_000 }, 2)
    fill(partitions[0]!, 0, 10)
    consumer.assign([0, 1].map((partition) => ({ topic: 't', partition })))
    await settle(consumer.poll())
    await settle(consumer.poll())
    const start = scheduler.clock.monotonic()
    await settle(consumer.seek({ topic: 't', partition: 0, offset: 5 }))
    expect(values(await settle(consumer.poll()))).toEqual(range(5, 10))
    expect(scheduler.clock.monotonic() - start).toBeLessThan(100)
  })
  test('asks for a megabyte first, for more while it reads on, for no more than max.partition.fetch.bytes, and for a megabyte again behind a seek', async () => {
    const { consumer, partition, settle, broker } = consumerKit({ 'max.poll.records': 8 })
    for (let i = 0; i < 30; i++) partition.store(buildBatch([{ timestamp: 1, key: null, value: Buffer.alloc(700_000) }]))
    consumer.assign(only)
    await settle(readSome(consumer, 30))
    const asked = (): number[] => broker.requests.filter(({ api }) => api === 'fetch').map(({ request }) => (request as FetchRequest).partitions[0]!.partitionMaxBytes)
    expect([...new Set(asked())]).toEqual([1_048_576, 2_097_152, 4_194_304])
    await consumer.seek({ topic: 't', partition: 0, offset: 3 })
    await settle(readSome(consumer, 1))
    expect(asked().at(-1)).toBe(1_048_576)
  })

  test('fetch.max.bytes 0 still lets a batch through at a time', async () => {
    const { consumer, partition, settle } = consumerKit({ 'fetch.max.bytes': 0, 'max.partition.fetch.bytes': 0 })
    fill(partition, 0, 30)
    consumer.assign(only)
    expect((await settle(readSome(consumer, 30))).length).toBe(30)
  })
  test('fetch.max.wait.ms 0 does not spin', async () => {
    const { consumer, settle, broker } = consumerKit({ 'fetch.max.wait.ms': 0 })
    consumer.assign(only)
    await settle(consumer.poll({ timeoutMs: 1000 }))
    expect(broker.calls('fetch')).toBeLessThan(130)
  })
})

describe('what is passed over', () => {
  test('gaps, emptied batches and records below the position', async () => {
    const { consumer, partition, settle } = consumerKit()
    partition.store(buildBatch([{ value: 'v0' }, { value: 'v3', offsetDelta: 3 }], { lastOffsetDelta: 5 }))
    partition.store(buildBatch([], { lastOffsetDelta: 9 }), 6)
    partition.store(buildBatch([{ value: 'v20' }, { value: 'v21' }]), 20)
    consumer.assign([{ topic: 't', partition: 0, offset: 2 }])
    const batches = [...await settle(consumer.poll()), ...await settle(consumer.poll({ timeoutMs: 10 }))]
    expect(batches.flatMap((batch) => [...batch].map((record) => record.offset))).toEqual([3, 20, 21])
    expect(consumer.position(only[0]!)).toBe(22)
  })
  test('control records, whatever the isolation', async () => {
    const { consumer, partition, settle, run } = consumerKit()
    partition.store(buildEndTransactionMarker({ type: 'COMMIT', timestamp: 1, producerId: 5, producerEpoch: 0, coordinatorEpoch: 0 }))
    fill(partition, 1, 3)
    partition.store(buildEndTransactionMarker({ type: 'ABORT', timestamp: 1, producerId: 5, producerEpoch: 0, coordinatorEpoch: 0 }))
    consumer.assign(only)
    expect(values(await settle(consumer.poll()))).toEqual(['v1', 'v2'])
    await run(10)
    await settle(consumer.poll({ timeoutMs: 10 }))
    expect(consumer.position(only[0]!)).toBe(4)
  })
  test('aborted transactions under read_committed, and what is not stable yet', async () => {
    const { h, partition, settle, consumer: uncommitted } = consumerKit()
    const send = (producerId: number, value: string): void =>
      { partition.store(buildBatch([{ value }], { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true })) }
    const end = (producerId: number, type: 'COMMIT' | 'ABORT'): void =>
      { partition.store(buildEndTransactionMarker({ type, timestamp: 1, producerId, producerEpoch: 0, coordinatorEpoch: 0 })) }
    send(1, 'aborted a') // 0
    send(2, 'kept b') // 1
    fill(partition, 2, 3) // 2, no transaction
    end(1, 'ABORT') // 3
    send(1, 'kept c') // 4
    end(2, 'COMMIT') // 5
    end(1, 'COMMIT') // 6
    send(3, 'open') // 7
    partition.aborted = [{ producerId: 1, firstOffset: 0 }]
    partition.stableOffset = 7
    const consumer = h.clients.consumer({ 'auto.offset.reset': 'earliest', 'isolation.level': 'read_committed' })
    consumer.assign(only)
    expect(values(await settle(consumer.poll()))).toEqual(['kept b', 'v2', 'kept c'])
    expect(values(await settle(consumer.poll({ timeoutMs: 20 })))).toEqual([])
    expect(consumer.position(only[0]!)).toBe(7)
    uncommitted.assign(only)
    expect(values(await settle(uncommitted.poll()))).toEqual(['aborted a', 'kept b', 'v2', 'kept c', 'open'])
    const latest = h.clients.consumer({ 'isolation.level': 'read_committed', 'auto.offset.reset': 'latest' })
    latest.assign(only)
    await settle(latest.poll({ timeoutMs: 20 }))
    expect(latest.position(only[0]!)).toBe(7)
  })
})

describe('damage', () => {
  const damaged = (checkCrcs: boolean) => {
    const kit = consumerKit({ 'check.crcs': checkCrcs })
    fill(kit.partition, 0, 30)
    const { bytes } = kit.partition.batches[1]!
    if (checkCrcs) bytes[bytes.length - 1]! ^= 0xff
    else bytes.fill(0xff, BATCH_HEADER_SIZE + 30, BATCH_HEADER_SIZE + 60)
    kit.consumer.assign(only)
    return kit
  }
  test('is told with its place after all before it was read; the position stays, and a seek goes past it', async () => {
    const { consumer, settle, broker } = damaged(true)
    expect(values(await settle(consumer.poll()))).toEqual(range(0, 10))
    for (let times = 0; times < 3; times++) {
      const error: unknown = await settle(consumer.poll()).catch((e: unknown) => e)
      expect(error).toMatchObject({ code: 'CORRUPT_MESSAGE', topic: 't', partition: 0, offset: 10 })
      expect((error as Error).message).toMatch(/batch of offsets 10 to 19 fails its checksum.*seek past it/)
      expect(consumer.position(only[0]!)).toBe(10)
    }
    // The epoch of what was fetched behind it says nothing of what lies in front of it.
    const again = broker.requests.flatMap(({ api, request }) => api === 'fetch' ? (request as FetchRequest).partitions : []).filter((each) => each.fetchOffset === 10)
    expect(new Set(again.map((each) => each.lastFetchedEpoch))).toEqual(new Set([-1]))
    await settle(consumer.seek({ topic: 't', partition: 0, offset: 20 }))
    expect(values(await settle(consumer.poll()))).toEqual(range(20, 30))
  })
  test('ends a loop, and the next loop meets it again', async () => {
    const { consumer, settle } = damaged(true)
    const seen: number[] = []
    const loop = (): Promise<unknown> => outcome((async () => { for await (const record of consumer) seen.push(record.offset) })())
    expect(await settle(loop())).toBe('CORRUPT_MESSAGE')
    expect(await settle(loop())).toBe('CORRUPT_MESSAGE')
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
  test('inside a batch whose checksum is not checked: what can be read is', async () => {
    const { consumer, settle } = damaged(false)
    expect(values(await settle(consumer.poll())).slice(0, 11)).toEqual(range(0, 11))
    const error: unknown = await settle(consumer.poll()).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'CORRUPT_MESSAGE', topic: 't', partition: 0 })
    expect(consumer.position(only[0]!)).toBe((error as OttlaError).offset)
  })
  test('that the broker met is told too', async () => {
    const { consumer, settle, broker, partition } = consumerKit()
    fill(partition, 0, 3)
    broker.faults = (api, _, call) => api === 'fetch' && call === 1 ? { errorCode: 2 } : undefined
    consumer.assign(only)
    await expect(settle(consumer.poll())).rejects.toMatchObject({ code: 'CORRUPT_MESSAGE', topic: 't', partition: 0, offset: 0 })
    expect(values(await settle(consumer.poll()))).toEqual(range(0, 3))
  })
})

describe('a broker that fails', () => {
  test.each([3, 5, 6, 74, 75, 78, 56, -1])('passing errors are waited out: %i', async (errorCode) => {
    const { consumer, settle, broker, partition } = consumerKit()
    fill(partition, 0, 3)
    broker.faults = (api, _, call) => api === 'fetch' && call <= 3 ? { errorCode } : undefined
    consumer.assign(only)
    expect(values(await settle(consumer.poll({ timeoutMs: 10_000 })))).toEqual(range(0, 3))
  })
  test('requests that are lost are sent again, with pauses', async () => {
    const { consumer, settle, broker, partition } = consumerKit()
    fill(partition, 0, 3)
    broker.faults = (api, _, call) => api === 'fetch' && call <= 5 ? { rejects: new OttlaError('NETWORK_EXCEPTION', 'cut') } : undefined
    consumer.assign(only)
    expect(values(await settle(consumer.poll({ timeoutMs: 10_000 })))).toEqual(range(0, 3))
    expect(broker.calls('fetch')).toBeLessThan(10)
  })
  test('final errors come out once per read, and reading can go on', async () => {
    const { consumer, settle, broker, partition } = consumerKit()
    fill(partition, 0, 3)
    broker.faults = (api, _, call) => api === 'fetch' && call === 1 ? { errorCode: 42 } : api === 'fetch' && call === 2
      ? { rejects: new OttlaError('LOG_OFFLINE', 'gone', { topic: 't' }) } : undefined
    consumer.assign(only)
    await expect(settle(consumer.poll())).rejects.toMatchObject({ code: 'INVALID_REQUEST', topic: 't', partition: 0 })
    await expect(settle(consumer.poll())).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    expect(values(await settle(consumer.poll()))).toEqual(range(0, 3))
  })
  test('topics that do not exist are waited for, and created where that is allowed', async () => {
    const { broker, settle, h, run } = consumerKit()
    const consumer = h.clients.consumer({ 'auto.offset.reset': 'earliest' })
    consumer.assign([{ topic: 'new', partition: 0 }])
    const polled = consumer.poll({ timeoutMs: 10_000 })
    await run(500)
    expect(broker.topics.has('new')).toBe(true)
    fill(broker.partition('new', 0), 0, 1)
    expect(values(await settle(polled))).toEqual(['v0'])
    const strict = h.clients.consumer({ 'auto.offset.reset': 'earliest', 'allow.auto.create.topics': false })
    strict.assign([{ topic: 'absent', partition: 0 }])
    expect(await settle(strict.poll({ timeoutMs: 2000 }))).toEqual([])
    expect(broker.topics.has('absent')).toBe(false)
  })
  test('who waits for a topic or a partition that is not there is told so, once, by the log', async () => {
    const { settle, h, partition } = consumerKit()
    fill(partition, 0, 1)
    const consumer = h.clients.consumer({ 'auto.offset.reset': 'earliest', 'allow.auto.create.topics': false })
    consumer.assign([{ topic: 't', partition: 0 }, { topic: 't', partition: 7 }, { topic: 'absent', partition: 0 }])
    expect(values(await settle(consumer.poll()))).toEqual(['v0'])
    expect(await settle(consumer.poll({ timeoutMs: 20_000 }))).toEqual([])
    expect(h.logger.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields).sort((a, b) => String(a['topic']) < String(b['topic']) ? -1 : 1)).toEqual([
      { topic: 'absent', problem: expect.stringContaining('there is no topic absent') },
      { topic: 't', problem: 'it has partitions 0 to 0, not 7' },
    ])
  })
})

test.each([
  [() => consumerKit().consumer.subscribe('t'), /subscribe needs a 'group.id'/],
  [() => consumerKit({ 'group.id': 'g' }).consumer.subscribe([]), /at least one/],
  [() => consumerKit({ 'group.id': 'g' }).consumer.subscribe('a b'), /characters other than/],
  [() => consumerKit({ 'group.id': 'g' }).consumer.subscribe([5 as never]), /a topic name is a string/],
  [() => consumerKit().consumer.assign('t' as never), /assign takes an array/],
  [() => consumerKit().consumer.assign([{ topic: 't' } as never]), /partition of topic t is undefined/],
  [() => consumerKit().consumer.assign([{ topic: 't', partition: 0, offset: -1 }]), /offset for t-0 is -1/],
  [() => consumerKit().consumer.assign([null as never]), /a partition is \{ topic, partition \}, not null/],
  [() => consumerKit().consumer.pause([{ topic: 't', partition: 0 }]), /t-0 is not assigned/],
  [() => consumerKit().consumer.on('rebalance' as never, () => {}), /events 'assigned', 'revoked' and 'lost'/],
  [() => consumerKit().consumer.on('assigned', 5 as never), /a listener is a function/],
  [() => { const { consumer } = consumerKit({ 'group.id': 'g' }); consumer.assign(only); consumer.subscribe('t') }, /either subscribes or is assigned/],
  [() => { const { consumer } = consumerKit({ 'group.id': 'g' }); consumer.subscribe('t'); consumer.assign(only) }, /either subscribes or is assigned/],
])('wrong use %# is told', (use, message) => { expect(use).toThrow(message) })
