import { describe, expect, test } from 'vitest'
import { harness, outcome } from '../../test/support/client-harness.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import type { ProducerRecord, RecordMetadata } from './types.ts'

describe('sendBatch', () => {
  test('resolves once, in the order given, over partitions', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 2)
    const producer = clients.producer({ 'batch.size': 150 })
    const records = Array.from({ length: 20 }, (_, i) => ({ topic: 't', value: `v${i}`, partition: i % 2 }))
    const sent = await settle(producer.sendBatch(records))
    expect(sent.map(({ partition, offset }) => [partition, offset])).toEqual(records.map((_, i) => [i % 2, Math.floor(i / 2)]))
    expect(broker.partition('t', 1).values()).toEqual(records.filter((_, i) => i % 2 === 1).map(({ value }) => value))
    expect(await settle(producer.sendBatch([]))).toEqual([])
  })
  test('tells each record its own offset and timestamp, beside those of others in the same batches, split ones too', async () => {
    for (const maxMessageBytes of [1e6, 300]) {
      const { clients, broker, settle } = harness()
      broker.createTopic('t', 3)
      broker.maxMessageBytes = maxMessageBytes
      const producer = clients.producer({ 'batch.size': 1024 })
      const random = new SeededRandom(maxMessageBytes)
      const told: Promise<RecordMetadata[]>[] = []
      const given: ProducerRecord[][] = []
      for (let call = 0; call < 40; call++) {
        const records = Array.from({ length: 1 + random.int(9) }, (_, i) => ({
          topic: 't', value: `${call}.${i}`, partition: random.int(3), timestamp: 1000 + random.int(50), ...(random.int(3) > 0 ? {} : { key: `k${i}`, headers: { call: `${call}` } }),
        }))
        if (random.int(3) === 0) producer.post({ topic: 't', value: 'posted', partition: random.int(3) })
        given.push(records)
        told.push(random.int(4) > 0 ? producer.sendBatch(records) : Promise.all(records.map((record) => producer.send(record))))
      }
      const answers = await settle(Promise.all(told))
      const stored = [0, 1, 2].map((partition) => broker.partition('t', partition).records())
      answers.forEach((answer, call) => expect(answer.map(({ topic, partition, offset, timestamp }) => {
        const record = stored[partition]![offset]!
        expect(record.timestamp).toBe(timestamp)
        const headers = Object.fromEntries(record.headers.map((header) => [header.key, String(header.value)]))
        return { topic, partition, timestamp, value: String(record.value), ...(record.key === null ? {} : { key: String(record.key), headers }) }
      })).toEqual(given[call]))
      expect(stored.flat().length).toBeGreaterThan(answers.flat().length)
    }
  })
  test('tells the right offsets where the partitioner posts between its records', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({
      partitioner: ({ value }) => {
        if (value === 'b') producer.post({ topic: 't', value: 'posted', partition: 0 })
        return 0
      },
    })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    const sent = await settle(producer.sendBatch(['a', 'b', 'c'].map((value) => ({ topic: 't', value }))))
    expect(sent.map(({ offset }) => offset)).toEqual([1, 3, 4])
    expect(broker.partition('t', 0).values()).toEqual(['warm', 'a', 'posted', 'b', 'c'])
  })
  test('takes a hole in the list for a record that is wrong', async () => {
    const { clients, settle } = harness()
    // eslint-disable-next-line no-sparse-arrays
    await expect(settle(clients.producer().sendBatch([{ topic: 't', value: 'v' }, , { topic: 't', value: 'v' }] as never))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
  test('sends nothing when one record is wrong', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer()
    await expect(settle(producer.sendBatch([{ topic: 't', value: 'v' },
      { topic: 't', value: 5 as never }]))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await settle(producer.flush())
    expect(broker.calls('produce')).toBe(0)
    await expect(producer.sendBatch({ topic: 't', value: 'v' } as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
  test('rejects with the first failure, once all are settled', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 2)
    broker.faults = (api, request) => api === 'produce' && (request as { partitions: { partition: number }[] }).partitions[0]!.partition === 0
      ? { errorCode: 87 } : api === 'produce' ? { delayMs: 500 } : undefined
    const batch = clients.producer().sendBatch([0, 1, 0].map((partition) => ({ topic: 't', value: 'v', partition })))
    const early = await Promise.race([outcome(batch), harness().run(0).then(() => 'open')])
    expect(early).toBe('open')
    await expect(settle(batch)).rejects.toMatchObject({ code: 'INVALID_RECORD', topic: 't', partition: 0 })
    expect(broker.partition('t', 1).values()).toEqual(['v'])
  })
})
