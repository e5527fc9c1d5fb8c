import { describe, expect, test } from 'vitest'
import { harness, outcome } from '../../test/support/client-harness.ts'
import { OttlaError } from '../common/errors.ts'

const detached = (): Uint8Array => {
  const bytes = new Uint8Array(8)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

describe('what no call should be given', () => {
  test('a first record without a topic is refused by name', async () => {
    const producer = harness().clients.producer()
    expect(await outcome(producer.send({ value: 'v' } as never))).toBe('INVALID_TOPIC_EXCEPTION')
  })

  test.each([null, 5, [], { timeout: 5 }, { signal: null }, { signal: {} }, { signal: { aborted: false } }])('options %p are refused', async (options) => {
    const { clients, broker } = harness()
    broker.createTopic('t', 1)
    const consumer = clients.consumer()
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    expect(await outcome(clients.producer().send({ topic: 't', value: 'v' }, options as never))).toBe('INVALID_ARGUMENT')
    expect(await outcome(consumer.poll(options as never))).toBe('INVALID_ARGUMENT')
    expect(await outcome((async () => { for await (const batch of consumer.batches(options as never)) return batch })())).toBe('INVALID_ARGUMENT')
    expect(await outcome(clients.admin.listTopics(options as never))).toBe('INVALID_ARGUMENT')
    await consumer.close()
  })

  test('bytes whose buffer was transferred away are not stored as empty ones', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer()
    expect(await outcome(producer.send({ topic: 't', value: detached() }))).toBe('INVALID_ARGUMENT')
    expect(await outcome(producer.send({ topic: 't', key: detached(), value: 'v' }))).toBe('INVALID_ARGUMENT')
    expect(await outcome(producer.send({ topic: 't', value: 'v', headers: { h: detached() } }))).toBe('INVALID_ARGUMENT')
    await settle(producer.send({ topic: 't', value: new Uint8Array(0) }))
    expect(broker.partition('t', 0).values()).toEqual([''])
  })

  test('a getter that throws is an error of ours around its own', async () => {
    const producer = harness().clients.producer()
    const record = { get topic(): string { throw new RangeError('no') }, value: 'v' }
    for (const call of [producer.send(record), producer.sendBatch([record])]) {
      const error = await call.then(() => null, (reason: unknown) => reason)
      expect([OttlaError.is(error), (error as Error).cause]).toEqual([true, expect.any(RangeError)])
    }
  })

  test('post reports records whatever they are made of', () => {
    const { clients } = harness()
    const producer = clients.producer()
    const errors: Error[] = []
    producer.on('error', (error) => errors.push(error))
    for (const topic of [Symbol('t'), Object.create(null), [Symbol('t')]]) producer.post({ topic, value: 'v' })
    producer.post(new Proxy({}, { get: () => { throw new RangeError('no') } }) as never)
    expect(errors.map((error) => OttlaError.is(error))).toEqual([true, true, true, true])
  })

  test('a listener that throws, or is async and rejects, hears of every record, and nobody else of it', async () => {
    const { clients, broker, logger, settle } = harness()
    broker.createTopic('t', 1)
    const heard: string[] = []
    const producer = clients.producer({ partitioner: () => 7 })
    producer.on('error', () => { heard.push('throws'); throw new RangeError('no') })
    producer.on('error', async () => { heard.push('rejects'); await Promise.resolve(); throw new RangeError('no') })
    producer.post({ topic: 't', value: 'a' })
    producer.post({ topic: 't', value: 'b' })
    await settle(producer.flush())
    expect(heard).toEqual(['throws', 'rejects', 'throws', 'rejects'])
    expect(logger.messages('error')).toEqual(Array.from({ length: 4 }, () => "a listener of the producer's 'error' event threw"))
    await producer.close()
  })

  test('an object or a promise where a partition, a promise where bytes are asked for, are refused; their rejections are handled', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const sent = (settings: object): Promise<unknown> => settle(clients.producer(settings).send({ topic: 't', value: 'v' }).catch((reason: unknown) => reason))
    const fail = async (): Promise<never> => { await Promise.resolve(); throw new RangeError('no') }
    expect(await sent({ partitioner: () => Object.create(null) as unknown })).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'the partitioner gave an object, but topic t has partitions 0 to 0' })
    expect(await sent({ partitioner: fail })).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'the partitioner gave an object, but topic t has partitions 0 to 0' })
    expect(await sent({ 'value.serializer': { serialize: fail } })).toMatchObject({ code: 'SERIALIZATION_ERROR' })
  })

  test.each(['1', {}, true, -2, 1.5, 2 ** 31])('a leader epoch of %p is refused, not retried until the call times out', async (leaderEpoch) => {
    const { clients } = harness()
    expect(await outcome(clients.admin.alterGroupOffsets('g',
      [{ topic: 't', partition: 0, offset: 0, leaderEpoch: leaderEpoch as number }]))).toBe('INVALID_ARGUMENT')
  })

  test('admin calls refuse nothings and things without text', async () => {
    const { admin } = harness().clients
    expect(await outcome(admin.createTopic('t', { config: null as never }))).toBe('INVALID_ARGUMENT')
    expect(await outcome(admin.deleteRecords('t', [null as never]))).toBe('INVALID_ARGUMENT')
    expect(await outcome(admin.deleteRecords('t', [{ partition: Object.create(null) as number, offset: 0 }]))).toBe('INVALID_ARGUMENT')
    expect(await outcome(admin.listOffsets('t', 5n as never))).toBe('INVALID_ARGUMENT')
    expect(await outcome(admin.createPartitions('t', Object.create(null) as number))).toBe('INVALID_ARGUMENT')
    expect(await outcome(admin.createTopic('t', { assignment: [[Object.create(null) as number]] }))).toBe('INVALID_ARGUMENT')
    expect(await outcome(admin.deleteAcls(undefined as never))).toBe('INVALID_ARGUMENT')
    for (const nobody of [undefined, null, 5, {}]) expect(await outcome(admin.alterQuotas(nobody as never, { producer_byte_rate: 5 }))).toBe('INVALID_ARGUMENT')
  })
})
