import { getEventListeners } from 'node:events'
import { runInNewContext } from 'node:vm'
import { describe, expect, test, vi } from 'vitest'
import { harness, outcome } from '../../test/support/client-harness.ts'
import { OttlaError } from '../common/errors.ts'
import type { ProduceRequest } from '../protocol/broker-api.ts'
import { readBatchHeader, viewOf } from '../record/batch-format.ts'
import { serializers } from './serializers.ts'
import type { ProducerRecord, RecordMetadata } from './types.ts'

const settled = async (promises: Promise<unknown>[]): Promise<unknown[]> => Promise.all(promises.map((promise) => outcome(promise)))

describe('send', () => {
  test('resolves with where the record is', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer()
    expect(await settle(producer.send({ topic: 't', key: 'k', value: 'v', timestamp: 5 }))).toEqual({ topic: 't', partition: 0, offset: 0, timestamp: 5 })
    expect(await settle(producer.send({ topic: 't', key: 'k', value: 'w', timestamp: new Date(6) }))).toMatchObject({ offset: 1, timestamp: 6 })
    expect(broker.partition('t', 0).values()).toEqual(['v', 'w'])
  })

  test('stamps the time of the call', async () => {
    const { clients, broker, settle, scheduler } = harness()
    broker.createTopic('t', 1)
    scheduler.clock.setWall(1_700_000_000_000)
    expect(await settle(clients.producer().send({ topic: 't', value: 'v' }))).toMatchObject({ timestamp: 1_700_000_000_000 })
    expect(broker.partition('t', 0).records()[0]?.timestamp).toBe(1_700_000_000_000)
  })

  test('writes keys, values and headers as they are, null included', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer()
    const records: ProducerRecord[] = [
      { topic: 't', value: null },
      { topic: 't', key: '', value: Buffer.from([0, 255]) },
      { topic: 't', key: null, value: 'é', headers: { a: 'x', b: null, c: Buffer.from([1]) } },
      { topic: 't', key: Buffer.from('k'), value: new Uint8Array(0), headers: [{ key: 'a', value: 'x' }, { key: 'a', value: 'y' }] },
    ]
    await settle(Promise.all(records.map((record) => producer.send(record))))
    const text = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('latin1')
    expect(broker.partition('t', 0).records().map((r) => [text(r.key), text(r.value), r.headers.map((h) => [h.key, text(h.value)])])).toEqual([
      [null, null, []], ['', '\0\xff', []], [null, 'Ã©', [['a', 'x'], ['b', null], ['c', '\x01']]], ['k', '', [['a', 'x'], ['a', 'y']]],
    ])
  })

  test('takes byte arrays of another realm and plain array buffers', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const foreign = runInNewContext('new Uint8Array([1, 2])') as Uint8Array
    expect(foreign instanceof Uint8Array).toBe(false)
    const producer = clients.producer()
    await settle(producer.send({ topic: 't', key: foreign, value: new Uint8Array([3]).buffer as never, headers: { h: foreign } }))
    const [record] = broker.partition('t', 0).records()
    expect([record!.key, record!.value, record!.headers[0]!.value]).toEqual([Buffer.from([1, 2]), Buffer.from([3]), Buffer.from([1, 2])])
  })

  test('has copied the buffers when it returns, also where the record has to wait', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'linger.ms': 10 })
    const value = Buffer.from('first')
    const header = Buffer.from('h1')
    const sends = [producer.send({ topic: 't', value, headers: { h: header } })] // waits for metadata
    value.fill('x')
    header.fill('x')
    await settle(Promise.all(sends))
    value.set(Buffer.from('again'))
    sends.push(producer.send({ topic: 't', value })) // straight into the batch
    value.fill('x')
    await settle(Promise.all(sends))
    expect(broker.partition('t', 0).values()).toEqual(['first', 'again'])
    expect(Buffer.from(broker.partition('t', 0).records()[0]!.headers[0]!.value!).toString()).toBe('h1')
  })

  test('goes where the key, the record, the partitioner or the turn says', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 3)
    const where = async (settings: object, ...records: object[]): Promise<number[]> => {
      const producer = clients.producer(settings)
      const sent = await settle(Promise.all(records.map((record) => producer.send({ topic: 't', value: 'v', ...record }))))
      return sent.map((each) => each.partition)
    }
    expect(await where({}, { key: 'a' }, { key: 'k' }, { key: '21' }, { key: Buffer.from('abc') })).toEqual([1, 2, 0, 0]) // spec 13.9
    expect(await where({}, { key: 'a', partition: 2 }, { partition: 0 })).toEqual([2, 0])
    expect(await where({ partitioner: 'round-robin' }, {}, { key: 'a' }, {}, {})).toEqual([0, 1, 2, 0])
    expect(await where({ partitioner: (record: ProducerRecord) => record.key === 'left' ? 1 : 2 }, { key: 'left' }, { key: 'right' })).toEqual([1, 2])
    const ignoring = await where({ 'partitioner.ignore.keys': true }, { key: 'a' }, { key: 'k' }, { key: '21' })
    expect(new Set(ignoring).size).toBe(1)
    const sticky = await where({}, {}, {}, {})
    expect(new Set(sticky).size).toBe(1)
  })

  test('serializes, with topic and headers in reach', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const contexts: unknown[] = []
    const producer = clients.producer({
      'key.serializer': { serialize: (value: number, context) => { contexts.push(context); return Buffer.from(`#${value}`) } },
      'value.serializer': serializers.json<{ lat: number }>(),
    })
    await settle(Promise.all([
      producer.send({ topic: 't', key: 7, value: { lat: 1.5 }, headers: { h: 'x' } }), producer.send({ topic: 't', value: null }),
    ]))
    expect(broker.partition('t', 0).values()).toEqual(['{"lat":1.5}', 'null'])
    expect(broker.partition('t', 0).records()[0]!.key).toEqual(Buffer.from('#7'))
    expect(contexts).toEqual([{ topic: 't', headers: [{ key: 'h', value: Buffer.from('x') }] }])
  })

  test('what a serializer does to the headers is sent, whichever of the two it is', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const seen: unknown[] = []
    const producer = clients.producer({
      'key.serializer': { serialize: (key: string, { headers }) => { headers.push({ key: 'added', value: Buffer.from('by the key') }); return Buffer.from(key) } },
      'value.serializer': { serialize: (value: string, { headers }) => { seen.push(structuredClone(headers)); headers[0]!.value = null; return Buffer.from(value) } },
    })
    await settle(Promise.all([producer.send({ topic: 't', key: 'k', value: 'v', headers: { first: 'ü' } }), producer.send({ topic: 't', value: 'v', headers: { only: 'é' } })]))
    const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))
    expect(seen).toEqual([[{ key: 'first', value: bytes('ü') }, { key: 'added', value: bytes('by the key') }], [{ key: 'only', value: bytes('é') }]])
    const sent = broker.partition('t', 0).records().map((record) => record.headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()]))
    expect(sent).toEqual([[['first', null], ['added', 'by the key']], [['only', null]]])
  })

  test('rejects with SERIALIZATION_ERROR, the cause in it', async () => {
    const { clients } = harness()
    const cause = new Error('no')
    const producer = clients.producer({ 'value.serializer': { serialize: () => { throw cause } } })
    await expect(producer.send({ topic: 't', value: 1 as never })).rejects.toMatchObject({ code: 'SERIALIZATION_ERROR', topic: 't', cause })
    const odd = clients.producer({ 'value.serializer': { serialize: () => 5 as never } })
    await expect(odd.send({ topic: 't', value: 1 as never })).rejects.toThrow(/gave a number, not a Uint8Array/)
  })

  test.each([
    [null, /a record is an object/],
    [{ topic: 't' }, /value is undefined: give null/],
    [{ topic: 't', messages: [{ value: 'v' }] }, /a record is \{ topic, value \}, and a list of records goes to sendBatch/],
    [{ topic: 't', value: { lat: 1 } }, /value is an object: give bytes or a string, or set 'value.serializer'/],
    [{ topic: 't', value: 5 }, /value is a number/],
    [{ topic: 't', value: 'v', key: new Date(0) }, /key is a Date/],
    [{ topic: 't', value: 'v', key: 5 }, /set 'key.serializer'/],
    [{ topic: 't', value: 'v', timestamp: Number.NaN }, /timestamp is NaN/],
    [{ topic: 't', value: 'v', timestamp: -1 }, /timestamp is -1/],
    [{ topic: 't', value: 'v', timestamp: 1.5 }, /timestamp is 1.5/],
    [{ topic: 't', value: 'v', timestamp: new Date(Number.NaN) }, /an invalid Date/],
    [{ topic: 't', value: 'v', timestamp: '2024-01-01' }, /timestamp is a string/],
    [{ topic: 't', value: 'v', partition: -1 }, /partition is -1/],
    [{ topic: 't', value: 'v', partition: 0.5 }, /partition is 0.5/],
    [{ topic: 't', value: 'v', partition: '0' }, /partition is a string/],
    [{ topic: 't', value: 'v', headers: { a: 5 } }, /header "a" is a number/],
    [{ topic: 't', value: 'v', headers: 'a=b' }, /headers are a string/],
    [{ topic: 't', value: 'v', headers: new Map() }, /headers are a Map/],
    [{ topic: 't', value: 'v', headers: [['a', 'b']] }, /a header is an array/],
    [{ topic: 't', value: 'v', headers: [{ key: 1, value: 'b' }] }, /a header key is a number/],
  ])('refuses %j', async (record, message) => {
    const { clients } = harness()
    const error: unknown = await clients.producer().send(record as never).catch((e: unknown) => e)
    expect(OttlaError.is(error, 'INVALID_ARGUMENT')).toBe(true)
    expect((error as Error).message).toMatch(message)
  })

  test.each(['', 'a b', '..', 5])('refuses the topic name %j', async (topic) => {
    await expect(harness().clients.producer().send({ topic: topic as string, value: 'v' })).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
  })

  test('refuses records over max.request.size, and sends those just below it', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'max.request.size': 1000, 'batch.size': 100 })
    await expect(producer.send({ topic: 't', value: 'x'.repeat(950) })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await settle(producer.send({ topic: 't', value: 'x'.repeat(900) }))
    await settle(producer.send({ topic: 't', value: Buffer.alloc(918) }))
    await expect(producer.send({ topic: 't', value: 'x', headers: { h: Buffer.alloc(950) } })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(broker.partition('t', 0).records().map((record) => record.value!.length)).toEqual([900, 918])
  })
})

describe('batches', () => {
  test('of linger 0: one turn is one batch, and what comes during a request is the next', async () => {
    const { clients, broker, settle, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer()
    await settle(producer.send({ topic: 't', value: 'warm' }))
    broker.faults = () => ({ delayMs: 10 })
    const sends = [1, 2, 3].map((i) => producer.send({ topic: 't', value: `a${i}` }))
    await run(5)
    sends.push(...[1, 2].map((i) => producer.send({ topic: 't', value: `b${i}` })))
    await run(3)
    sends.push(producer.send({ topic: 't', value: 'b3' }))
    await settle(Promise.all(sends))
    expect(broker.partition('t', 0).batches.map(({ header }) => header.count)).toEqual([1, 3, 3])
  })

  test('of linger 0: the rest goes along with full batches, unless something was in flight before', async () => {
    const { clients, broker, settle, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'batch.size': 200 })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    broker.faults = () => ({ delayMs: 10 })
    const sends = Array.from({ length: 5 }, () => producer.send({ topic: 't', value: 'x'.repeat(50) }))
    await run(1)
    expect(broker.calls('produce')).toBe(4)
    sends.push(producer.send({ topic: 't', value: 'later' }))
    await run(3)
    expect(broker.calls('produce')).toBe(4)
    await settle(Promise.all(sends))
    expect(broker.partition('t', 0).batches.map(({ header }) => header.count)).toEqual([1, 2, 2, 1, 1])
  })

  test.each([
    ['work for longer than the disk takes', 1, 'all', true], ['hardly work', 0.01, 'all', false], ['work long, but do not ask for the disk', 1, 1, false],
  ] as const)('come in turns from many senders only if these %s', async (_, workMs, acks, inTurns) => {
    const { clients, broker, settle, scheduler } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'batch.size': 61 + 24 * 58, acks })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    broker.faults = (api) => api === 'produce' ? { delayMs: 5 } : undefined
    const values: string[] = []
    const sender = async (_sender: unknown, name: number): Promise<void> => {
      for (let i = 0; i < 80; i++) {
        const value = `${name} ${i}`.padEnd(50, '.')
        values.push(value)
        await producer.send({ topic: 't', value })
        scheduler.clock.advance(workMs)
      }
    }
    await settle(Promise.all(Array.from({ length: 40 }, sender)))
    expect(partition!.values()).toEqual(['warm', ...values])
    const produced = broker.requests.filter(({ api }) => api === 'produce')
    expect(produced.some(({ request }) => (request as ProduceRequest).urgent)).toBe(inTurns)
  })

  test('of linger 5: wait for company, but full ones go at once', async () => {
    const { clients, broker, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'linger.ms': 5, 'batch.size': 200, 'enable.idempotence': false })
    const got: RecordMetadata[] = []
    const send = (value: string): void => { void producer.send({ topic: 't', value }).then((metadata) => got.push(metadata)) }
    send('a')
    await run(0)
    send('b')
    await run(4)
    expect(broker.calls('produce')).toBe(0)
    await run(1)
    expect(broker.partition('t', 0).batches.map(({ header }) => header.count)).toEqual([2])
    for (let i = 0; i < 10; i++) send('x'.repeat(50))
    await run(0)
    expect(broker.partition('t', 0).batches.map(({ header }) => header.count)).toEqual([2, 2, 2, 2, 2])
    send('c')
    await run(5)
    expect(got).toHaveLength(13)
  })

  test('flush does not wait for linger, and settles all', async () => {
    const { clients, broker, settle, scheduler } = harness()
    broker.createTopic('t', 2)
    const producer = clients.producer({ 'linger.ms': 60_000 })
    const sends = [0, 1, 0].map((partition) => producer.send({ topic: 't', value: 'v', partition }))
    await settle(producer.flush())
    expect(scheduler.clock.monotonic()).toBeLessThan(1000)
    expect(await settled(sends)).toMatchObject([{ offset: 0 }, { offset: 0 }, { offset: 1 }])
    await settle(producer.flush())
  })

  test('batch.size 0: each record travels alone', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'batch.size': 0 })
    await settle(Promise.all([1, 2, 3].map(() => producer.send({ topic: 't', value: 'v' }))))
    expect(broker.partition('t', 0).batches.map(({ header }) => header.count)).toEqual([1, 1, 1])
  })

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('are compressed with %s', async (type) => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'compression.type': type })
    const values = Array.from({ length: 50 }, (_, i) => `value ${i} `.repeat(10))
    // The codec loads for real, outside the manual scheduler's time.
    const sends = Promise.all(values.map((value) => producer.send({ topic: 't', value })))
    await vi.waitFor(() => settle(sends, 10), 10_000)
    const batches = broker.partition('t', 0).batches
    expect(batches.every(({ header }) => header.compression === type)).toBe(true)
    expect(batches.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(2500)
    expect(broker.partition('t', 0).values()).toEqual(values)
  })

  test.each([
    [{}, 32], [{ acks: 1 }, 32], [{ 'max.in.flight.requests.per.connection': 3 }, 3], [{ 'enable.idempotence': false }, 5],
  ] as const)('with %j are in flight %i at a time',
    async (settings, most) => {
    const { clients, broker, settle } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'batch.size': 100, ...settings })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    let inFlight = 0
    let peak = 0
    broker.faults = (api) => {
      if (api !== 'produce') return undefined
      peak = Math.max(peak, ++inFlight)
      return { delayMs: 10 }
    }
    const { produce } = broker
    broker.produce = (request) => produce.call(broker, request).finally(() => { inFlight-- })
    const values = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(60, '.'))
    await settle(Promise.all(values.map((value) => producer.send({ topic: 't', value }))))
    expect(peak).toBe(most)
    expect(partition!.values()).toEqual(['warm', ...values])
  })

  test('that the topic finds too large are split until they fit', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    broker.maxMessageBytes = 300
    const producer = clients.producer()
    const values = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(50, '.'))
    const sent = await settle(Promise.all(values.map((value) => producer.send({ topic: 't', value }))))
    expect(sent.map((each) => each.offset)).toEqual(values.map((_, i) => i))
    expect(broker.partition('t', 0).values()).toEqual(values)
    await expect(settle(producer.send({ topic: 't', value: 'x'.repeat(400) }))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(await settle(producer.send({ topic: 't', value: 'after' }))).toMatchObject({ offset: 40 })
  })
})

describe('topics', () => {
  test('are created by the first send where the broker does that, with one request', async () => {
    const { clients, broker, settle } = harness()
    broker.autoCreatePartitions = 4
    const producer = clients.producer()
    await settle(Promise.all([1, 2, 3].map((i) => producer.send({ topic: 'new', value: `${i}`, partition: 3 }))))
    expect(broker.partition('new', 3).values()).toEqual(['1', '2', '3'])
    expect(broker.calls('metadata')).toBe(1)
  })

  test('that do not exist fail at once in process, with the nearest name', async () => {
    const { clients, broker, settle, scheduler } = harness()
    broker.autoCreate = false
    broker.createTopic('truck_gps', 1)
    const producer = clients.producer()
    await expect(settle(producer.send({ topic: 'truck_gsp', value: 'v' }))).rejects.toThrow('there is no topic truck_gsp: did you mean truck_gps?')
    expect(scheduler.clock.monotonic()).toBeLessThan(100)
    broker.createTopic('truck_gsp', 1)
    expect(await settle(producer.send({ topic: 'truck_gsp', value: 'v' }))).toMatchObject({ offset: 0 })
  })

  test('that a remote broker does not know yet are asked for again, for max.block.ms', async () => {
    const { clients, broker, settle, scheduler, run } = harness(1, { embedded: false })
    broker.autoCreate = false
    const producer = clients.producer({ 'max.block.ms': 5000 })
    await expect(settle(producer.send({ topic: 't', value: 'v' }))).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(scheduler.clock.monotonic()).toBeGreaterThan(3500)
    expect(scheduler.clock.monotonic()).toBeLessThan(7000)
    const late = producer.send({ topic: 't', value: 'v' })
    await run(2000)
    broker.createTopic('t', 1)
    expect(await settle(late)).toMatchObject({ offset: 0 })
  })

  test('whose metadata never comes fail after max.block.ms', async () => {
    const { clients, broker, settle } = harness()
    broker.faults = (api) => api === 'metadata' ? { silent: true } : undefined
    await expect(settle(clients.producer({ 'max.block.ms': 1000 }).send({ topic: 't', value: 'v' }))).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
  })

  test('know partitions that were added when one is named', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer()
    await settle(producer.send({ topic: 't', value: 'v', partition: 0 }))
    await expect(settle(producer.send({ topic: 't', value: 'v', partition: 5 }))).rejects.toThrow('topic t has partitions 0 to 0, not 5')
    await settle(broker.createPartitions({ validateOnly: false, topics: [{ name: 't', count: 6 }] }))
    expect(await settle(producer.send({ topic: 't', value: 'v', partition: 5 }))).toMatchObject({ partition: 5, offset: 0 })
  })

  test('are looked up again every metadata.max.age.ms', async () => {
    const { clients, broker, settle, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'metadata.max.age.ms': 1000, partitioner: 'round-robin' })
    await settle(producer.send({ topic: 't', value: 'v' }))
    broker.topics.get('t')!.partitions.push(...broker.createTopic('other', 1))
    await run(1100)
    const sent = await settle(Promise.all([1, 2, 3].map(() => producer.send({ topic: 't', value: 'v' }))))
    expect(new Set(sent.map((each) => each.partition))).toEqual(new Set([0, 1]))
  })
})

describe('acks', () => {
  test.each([[0, 0], [1, 1], ['all', -1], [-1, -1]] as const)('%s travels as %s', async (acks, expected) => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const sent = await settle(clients.producer({ acks }).send({ topic: 't', value: 'v' }))
    expect(sent.offset).toBe(acks === 0 ? -1 : 0)
    expect((broker.requests.find(({ api }) => api === 'produce')!.request as { acks: number }).acks).toBe(expected)
  })
  test('0 resolves without an answer; what is lost goes to the error event', async () => {
    const { clients, broker, settle, run } = harness()
    broker.createTopic('t', 1)
    broker.faults = (api) => api === 'produce' ? { errorCode: 10, delayMs: 1000 } : undefined
    const producer = clients.producer({ acks: 0 })
    const lost: unknown[] = []
    producer.on('error', (error, record) => lost.push([error.code, record]))
    const sends = [producer.send({ topic: 't', value: 'v' }), producer.send({ topic: 't', value: 'v' })]
    expect(await settle(Promise.all(sends), 50)).toMatchObject([{ offset: -1 }, { offset: -1 }])
    await run(1000)
    expect(lost).toEqual([['MESSAGE_TOO_LARGE', { topic: 't', partition: 0 }], ['MESSAGE_TOO_LARGE', { topic: 't', partition: 0 }]])
  })
  test('1 in process carries sequences unless idempotence is switched off', async () => {
    const { clients, broker, settle } = harness()
    const [partition] = broker.createTopic('t', 1)
    await settle(clients.producer({ acks: 1 }).send({ topic: 't', value: 'v' }))
    await settle(clients.producer({ acks: 1, 'enable.idempotence': false }).send({ topic: 't', value: 'v' }))
    expect(partition!.batches.map(({ header }) => header.producerId >= 0)).toEqual([true, false])
  })
})

describe('a signal', () => {
  test('that has fired sends nothing', async () => {
    const { clients, broker, settle } = harness()
    const producer = clients.producer()
    const reason = new Error('enough')
    await expect(producer.send({ topic: 't', value: 'v' }, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    await settle(producer.flush())
    expect(broker.requests).toEqual([])
  })
  test('withdraws a record that is in line', async () => {
    const { clients, broker, settle, run } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'buffer.memory': 1000, 'batch.size': 1000 })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    broker.faults = (api) => api === 'produce' ? { delayMs: 50 } : undefined
    const controller = new AbortController()
    const value = 'x'.repeat(700)
    const sends = [producer.send({ topic: 't', value }), producer.send({ topic: 't', value }, { signal: controller.signal }),
      producer.send({ topic: 't', value: 'last' })].map(outcome)
    await run(10)
    controller.abort()
    expect(await settle(Promise.all(sends))).toMatchObject([{ offset: 1 }, 'ABORTED', { offset: 2 }])
    expect(partition!.values()).toEqual(['warm', value, 'last'])
  })
  test('leaves the outcome open for a record that is in a batch', async () => {
    const { clients, broker, settle, run } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'linger.ms': 100 })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    const controller = new AbortController()
    const send = outcome(producer.send({ topic: 't', value: 'v' }, { signal: controller.signal }))
    await run(10)
    controller.abort()
    expect(await send).toBe('ABORTED')
    await settle(producer.flush())
    expect(partition!.values()).toEqual(['warm', 'v'])
  })
  test('given to many calls has one listener, of which Node does not warn, ends them all, and has none once they are settled', async () => {
    const { clients, broker, settle, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'linger.ms': 100 })
    const controller = new AbortController()
    const { signal } = controller
    const listeners = (): number => getEventListeners(signal, 'abort').length
    const send = async (): Promise<unknown> => outcome(producer.send({ topic: 't', value: 'v' }, { signal }))
    const sends = Promise.all(Array.from({ length: 20 }, send))
    await run(10)
    expect(listeners()).toBe(1)
    expect(await settle(sends)).not.toContain('ABORTED')
    expect(listeners()).toBe(0)
    await expect(producer.send({ topic: 'no/good', value: 'v' }, { signal })).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
    expect(listeners()).toBe(0)

    const consumers = Array.from({ length: 20 }, () => clients.consumer())
    const polls = Promise.all([send(), ...consumers.map(async (consumer) => {
      consumer.assign([{ topic: 't', partition: 0 }])
      return outcome(consumer.poll({ timeoutMs: 1000, signal }))
    })])
    await run(10)
    expect(listeners()).toBe(1)
    controller.abort()
    expect(new Set(await settle(polls))).toEqual(new Set(['ABORTED']))
    expect(listeners()).toBe(0)
  })
  test('that fires after the answer changes nothing', async () => {
    const { clients, settle } = harness()
    const controller = new AbortController()
    expect(await settle(clients.producer().send({ topic: 't', value: 'v' }, { signal: controller.signal }))).toMatchObject({ offset: 0 })
    controller.abort()
  })
})

describe('close', () => {
  test('settles what was sent, refuses what comes after, and may be called twice', async () => {
    const { clients, broker, settle, scheduler } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'linger.ms': 10_000 })
    const sent = outcome(producer.send({ topic: 't', value: 'v' }))
    const closing = producer.close()
    expect(producer.close()).toBe(closing)
    expect(await outcome(producer.send({ topic: 't', value: 'late' }))).toBe('CLOSED')
    await settle(closing)
    expect(await sent).toMatchObject({ offset: 0 })
    expect(partition!.values()).toEqual(['v'])
    expect(await outcome(producer.sendBatch([]))).toBe('CLOSED')
    await settle(producer.flush())
    await settle(producer.drained())
    expect(scheduler.pendingTimers).toBe(0)
  })
  test('by the database gives up what a stuck broker does not answer', async () => {
    const { clients, broker, run } = harness()
    broker.createTopic('t', 1)
    broker.faults = (api) => api === 'produce' ? { silent: true } : undefined
    const producer = clients.producer({ 'buffer.memory': 1000, 'batch.size': 1000, 'max.block.ms': 100_000 })
    const sends = Array.from({ length: 5 }, () => outcome(producer.send({ topic: 't', value: Buffer.alloc(500) })))
    const drained = producer.drained()
    const flushed = producer.flush()
    const closed = clients.closeAll(2000)
    await run(2000)
    await closed
    expect(await Promise.all(sends)).toEqual(['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED', 'CLOSED'])
    await Promise.all([drained, flushed])
  })
  test('is what await using calls', async () => {
    const { clients, broker, settle } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'linger.ms': 1000 })
    producer.post({ topic: 't', value: 'v' })
    await settle(Promise.resolve(producer[Symbol.asyncDispose]()))
    expect(partition!.values()).toEqual(['v'])
  })
})

test.each(['flush', 'close'] as const)('%s waits until the broker has answered what acks 0 sent', async (call) => {
  const { clients, broker, settle, scheduler } = harness()
  broker.createTopic('t', 1)
  broker.faults = (api) => api === 'produce' ? { delayMs: 50 } : undefined
  const producer = clients.producer({ acks: 0 })
  const sent = await settle(producer.send({ topic: 't', value: 'a' }).then(() => scheduler.clock.monotonic()))
  await settle(producer[call]())
  expect(scheduler.clock.monotonic() - sent).toBeGreaterThanOrEqual(50)
})

describe('pending batches, for the exit handler', () => {
  test('are everything the broker has not been given, in order, sealed', async () => {
    const { clients, broker, settle } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'batch.size': 200, 'buffer.memory': 1000, 'linger.ms': 10_000 })
    await settle(Promise.all([producer.send({ topic: 't', value: 'warm' }), producer.flush()]))
    const values = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(60, '.'))
    for (const value of values) producer.post({ topic: 't', value })
    const pending = clients.pendingBatches(() => 1)
    expect(pending.every((batch) => batch.topic === 't' && batch.partition === 0 && batch.acks === -1)).toBe(true)
    for (const { records } of pending) {
      const header = readBatchHeader(records, viewOf(records), 0, records.length)
      expect(header.size).toBe(records.length)
      expect(partition!.append(records).errorCode).toBe(0)
    }
    expect(partition!.values()).toEqual(['warm', ...values])
    expect(await outcome(producer.send({ topic: 't', value: 'late' }))).toBe('CLOSED')
    expect(clients.pendingBatches(() => 1)).toEqual([])
  })

  test('hold what was sent before the metadata of its topic came', async () => {
    const { clients, broker } = harness()
    const partitions = broker.createTopic('t', 2)
    const producer = clients.producer()
    const errors: string[] = []
    producer.on('error', (error, { topic }) => errors.push(`${OttlaError.from(error).code} ${topic}`))
    producer.post({ topic: 't', value: 'a', partition: 1 })
    producer.post({ topic: 't', value: 'b', partition: 1 })
    producer.post({ topic: 't', value: 'c' })
    producer.post({ topic: 't', value: 'd', partition: 2 })
    producer.post({ topic: 'nowhere', value: 'e' })
    const pending = clients.pendingBatches((topic) => topic === 't' ? 2 : 0)
    for (const { topic, partition, records } of pending) expect([topic, partitions[partition]!.append(records).errorCode]).toEqual(['t', 0])
    expect(partitions[1]!.values().slice(0, 2)).toEqual(['a', 'b'])
    expect(partitions.flatMap((partition) => partition.values()).sort()).toEqual(['a', 'b', 'c'])
    expect(errors).toEqual(['UNKNOWN_TOPIC_OR_PARTITION t', 'UNKNOWN_TOPIC_OR_PARTITION nowhere'])
  })
})

test.each([
  [{ partitioner: 'sticky' }, /partitioner takes/], [{ 'value.serializer': 'jsn' }, /did you mean "json"/], [{ lingerMs: 5 }, /linger.ms/],
])('settings %j are refused', (settings, message) => {
  expect(() => harness().clients.producer(settings as never)).toThrow(message)
})
