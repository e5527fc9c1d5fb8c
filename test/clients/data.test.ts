/** Records there and back: the same on every kind of cluster. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConsumerRecord, ConsumerSettings, Kafka, ProducerRecord } from '../../src/index.ts'
import { fresh, targets, type Target } from './targets.ts'

const plain = (record: ConsumerRecord): object => ({
  partition: record.partition, offset: record.offset, timestamp: record.timestamp, key: text(record.key), value: text(record.value),
  headers: record.headers.map(({ key, value }) => [key, text(value)]),
})
const text = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('utf8')

async function read(kafka: Kafka, topic: string, count: number, settings: ConsumerSettings = {}): Promise<ConsumerRecord[]> {
  const consumer = kafka.consumer({ 'auto.offset.reset': 'earliest', ...settings })
  const { partitions } = await kafka.admin.describeTopic(topic)
  consumer.assign(partitions.map(({ partition }) => ({ topic, partition })))
  const records: ConsumerRecord[] = []
  for await (const record of consumer) {
    records.push(record)
    if (records.length === count) break
  }
  await consumer.close()
  return records
}

describe.each(targets)('records on %s', (_, start) => {
  let target: Target
  beforeAll(async () => { target = await start() })
  afterAll(() => target.close())

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('come back as they were sent, with codec %s', async (codec) => {
    const topic = fresh('codec')
    await target.kafka.admin.createTopic(topic)
    const producer = target.kafka.producer({ 'compression.type': codec })
    const records: ProducerRecord<string, string>[] = [
      { topic, key: 'k', value: 'v', timestamp: 1_700_000_000_000, headers: { a: 'x', b: null, c: '' } },
      { topic, key: null, value: 'ž'.repeat(5000), timestamp: 1_700_000_000_001 },
      { topic, key: 'tombstone', value: null, timestamp: 1_700_000_000_002, headers: [{ key: 'h', value: Buffer.from('1') }, { key: 'h', value: Buffer.from('2') }] },
      { topic, key: '', value: '', timestamp: new Date(1_600_000_000_000) },
    ]
    const sent = await producer.sendBatch(records as never)
    expect(sent.map((each) => each.offset)).toEqual([0, 1, 2, 3])
    expect((await read(target.kafka, topic, 4)).map(plain)).toEqual([
      { partition: 0, offset: 0, timestamp: 1_700_000_000_000, key: 'k', value: 'v', headers: [['a', 'x'], ['b', null], ['c', '']] },
      { partition: 0, offset: 1, timestamp: 1_700_000_000_001, key: null, value: 'ž'.repeat(5000), headers: [] },
      { partition: 0, offset: 2, timestamp: 1_700_000_000_002, key: 'tombstone', value: null, headers: [['h', '1'], ['h', '2']] },
      { partition: 0, offset: 3, timestamp: 1_600_000_000_000, key: '', value: '', headers: [] },
    ])
    await producer.close()
  })

  test.each([0, 1, 'all'] as const)('arrive in order by partition with acks %s', async (acks) => {
    const topic = fresh('acks')
    await target.kafka.admin.createTopic(topic, { partitions: 7 })
    // With acks 0 nobody says that the leaders are not ready yet.
    await target.kafka.admin.listOffsets(topic, 'latest')
    const producer = target.kafka.producer({ acks, 'batch.size': 2000 })
    const count = 5000
    for (let i = 0; i < count; i += 1) if (!producer.post({ topic, value: Buffer.from(String(i)), partition: i % 7 })) await producer.drained()
    await producer.flush()
    await producer.close()
    const records = await read(target.kafka, topic, count)
    for (let partition = 0; partition < 7; partition += 1) {
      const mine = records.filter((each) => each.partition === partition)
      expect(mine.map((each) => Number(text(each.value)))).toEqual(Array.from({ length: Math.ceil((count - partition) / 7) }, (__, i) => i * 7 + partition))
      expect(mine.map((each) => each.offset)).toEqual(mine.map((__, i) => i))
    }
  })

  test('with the same key go where Kafka puts them', async () => {
    const topic = fresh('keys')
    await target.kafka.admin.createTopic(topic, { partitions: 10 })
    const producer = target.kafka.producer()
    // murmur2 of Kafka's own test vectors, modulo ten.
    const expected: [string, number][] = [['21', -973932308], ['foobar', -790332482], ['a-little-bit-long-string', -985981536], ['abc', 479470107]]
    for (const [key, hash] of expected) {
      expect((await producer.send({ topic, key: Buffer.from(key), value: Buffer.from('v') })).partition).toBe((hash & 0x7fff_ffff) % 10)
    }
    await producer.close()
  })

  test('are read from many partitions, some of them quiet', async () => {
    const topic = fresh('many')
    await target.kafka.admin.createTopic(topic, { partitions: 40 })
    const producer = target.kafka.producer()
    const consumer = target.kafka.consumer({ 'auto.offset.reset': 'earliest' })
    consumer.assign(Array.from({ length: 40 }, (__, partition) => ({ topic, partition })))
    const seen: string[] = []
    for (let round = 0; round < 5; round += 1) {
      await producer.sendBatch(Array.from({ length: 10 }, (__, i) => ({ topic, partition: (round * 3 + i * 4) % 40, value: Buffer.from(`${round}-${i}`) })))
      while (seen.length < (round + 1) * 10) for (const batch of await consumer.poll({ timeoutMs: 5000 })) for (const record of batch) seen.push(text(record.value)!)
    }
    expect(seen.sort()).toEqual(Array.from({ length: 50 }, (__, i) => `${Math.floor(i / 10)}-${i % 10}`))
    await consumer.close()
    await producer.close()
  })

  test('larger than a fetch come whole', async () => {
    const topic = fresh('large')
    await target.kafka.admin.createTopic(topic, { config: { 'max.message.bytes': 5_000_000 } })
    const producer = target.kafka.producer({ 'max.request.size': 5_000_000 })
    const value = Buffer.alloc(3_000_000, 'x')
    await producer.send({ topic, value })
    await producer.send({ topic, value: Buffer.from('after') })
    const records = await read(target.kafka, topic, 2, { 'max.partition.fetch.bytes': 1000, 'fetch.max.bytes': 2000 })
    expect(records.map((each) => each.value!.length)).toEqual([3_000_000, 5])
    await producer.close()
  })

  test('are found by offset and by time, and passed over when paused', async () => {
    const topic = fresh('seek')
    await target.kafka.admin.createTopic(topic)
    const producer = target.kafka.producer({ 'batch.size': 100 })
    for (let i = 0; i < 20; i += 1) await producer.send({ topic, value: Buffer.from(String(i)), timestamp: 1_700_000_000_000 + i * 1000 })
    const consumer = target.kafka.consumer({ 'auto.offset.reset': 'earliest', 'max.poll.records': 1 })
    consumer.assign([{ topic, partition: 0 }])
    const next = async (): Promise<number> => {
      for (;;) for (const batch of await consumer.poll({ timeoutMs: 5000 })) for (const record of batch) return record.offset
    }
    expect(await next()).toBe(0)
    await consumer.seek({ topic, partition: 0, offset: 7 })
    expect(await next()).toBe(7)
    await consumer.seek({ topic, partition: 0, timestamp: 1_700_000_011_500 })
    expect(await next()).toBe(12)
    await consumer.seek({ topic, partition: 0, offset: 'earliest' })
    expect(await next()).toBe(0)
    consumer.pause()
    expect(await consumer.poll({ timeoutMs: 50 })).toEqual([])
    consumer.resume()
    expect(await next()).toBe(1)
    expect((await consumer.lag()).map(({ position, highWatermark, lag }) => ({ position, highWatermark, lag }))).toEqual([{ position: 2, highWatermark: 20, lag: 18 }])
    await consumer.seek({ topic, partition: 0, offset: 'latest' })
    await producer.send({ topic, value: Buffer.from('20') })
    expect(await next()).toBe(20)
    await consumer.close()
    await producer.close()
  })

  test('that are refused say why', async () => {
    const topic = fresh('refused')
    await target.kafka.admin.createTopic(topic, { partitions: 2, config: { 'max.message.bytes': 1000, 'cleanup.policy': 'compact' } })
    const producer = target.kafka.producer({ 'max.block.ms': 1500 })
    await expect(producer.send({ topic, key: Buffer.from('k'), value: Buffer.alloc(2000, 'x') })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE', topic })
    await expect(producer.send({ topic, value: Buffer.from('no key') })).rejects.toMatchObject({ code: 'INVALID_RECORD' })
    const nowhere = producer.send({ topic, partition: 9, value: Buffer.from('x'), key: Buffer.from('k') })
    await expect(nowhere).rejects.toMatchObject({ code: expect.stringMatching(/UNKNOWN_TOPIC_OR_PARTITION|REQUEST_TIMED_OUT/) as string })
    expect((await producer.send({ topic, key: Buffer.from('k'), value: Buffer.from('small') })).offset).toBe(0)
    await producer.close()
  })

  test('of a topic nobody made make it', async () => {
    const topic = fresh('auto')
    const producer = target.kafka.producer()
    expect(await producer.send({ topic, value: Buffer.from('first') })).toMatchObject({ topic, partition: 0, offset: 0 })
    expect((await read(target.kafka, topic, 1)).map((each) => text(each.value))).toEqual(['first'])
    await producer.close()
  })

  test('out of range are an error without a reset, and begin anew with one', async () => {
    const topic = fresh('range')
    await target.kafka.admin.createTopic(topic)
    const producer = target.kafka.producer()
    for (let i = 0; i < 5; i += 1) await producer.send({ topic, value: Buffer.from(String(i)) })
    const strict = target.kafka.consumer({ 'auto.offset.reset': 'none' })
    strict.assign([{ topic, partition: 0, offset: 1000 }])
    await expect(strict.poll({ timeoutMs: 10_000 })).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    const lenient = target.kafka.consumer({ 'auto.offset.reset': 'earliest' })
    lenient.assign([{ topic, partition: 0, offset: 1000 }])
    for await (const record of lenient) {
      expect(record.offset).toBe(0)
      break
    }
    await Promise.all([strict.close(), lenient.close(), producer.close()])
  })

  test('that wait end with the signal, and with close', async () => {
    const topic = fresh('quiet')
    await target.kafka.admin.createTopic(topic)
    const consumer = target.kafka.consumer({ 'fetch.max.wait.ms': 30_000 })
    consumer.assign([{ topic, partition: 0 }])
    const controller = new AbortController()
    const waiting = consumer.poll({ timeoutMs: 60_000, signal: controller.signal })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    const loop = (async () => { for await (const record of consumer) throw new Error(`nobody sent ${record.offset}`) })()
    await consumer.poll({ timeoutMs: 1 }).catch(() => {})
    await consumer.close()
    await loop
  })
})
