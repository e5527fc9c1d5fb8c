import { beforeAll, describe, expect, test } from 'vitest'
import { harness, outcome, type Harness } from '../../test/support/client-harness.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import type { FakePartition } from '../../test/support/fake-log.ts'
import type { Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings } from './types.ts'

beforeAll(() => loadAllCodecs())

const fill = (partition: FakePartition, from: number, to: number, perBatch = 10): void => {
  for (let at = from; at < to; at += perBatch) {
    partition.store(buildBatch(Array.from({ length: Math.min(perBatch, to - at) }, (_, i) => ({ timestamp: 1000 + at + i, key: `k${at + i}`, value: `v${at + i}` }))))
  }
}
const text = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('utf8')
const values = (batches: ConsumerBatch[]): (string | null)[] => batches.flatMap((batch) => [...batch].map((record) => text(record.value)))
const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `v${from + i}`)

const setUp = (settings: ConsumerSettings = {}, partitions = 1) => {
  const h = harness()
  const made = h.broker.createTopic('t', partitions)
  const consumer = h.clients.consumer({ 'auto.offset.reset': 'earliest', ...settings })
  return { ...h, h, partitions: made, partition: made[0]!, consumer }
}

/** Reads `count` records by for await, and leaves the loop by break. */
const readSome = async (consumer: Consumer, count: number): Promise<ConsumerRecord[]> => {
  const records: ConsumerRecord[] = []
  for await (const record of consumer) {
    records.push(record)
    if (records.length === count) break
  }
  return records
}

describe('reading by hand-made assignment', () => {
  test('gives records in order, with all their fields', async () => {
    const { consumer, partition, settle } = setUp()
    partition.store(buildBatch([{ timestamp: 5, key: 'k', value: null, headers: [{ key: 'h', value: Buffer.from('x') }, { key: 'h', value: null }] }, { timestamp: 6, key: null, value: Buffer.from([255]) }]))
    consumer.assign([{ topic: 't', partition: 0 }])
    const [first, second] = await settle(readSome(consumer, 2))
    expect({ ...(first as unknown as { toJSON(): object }).toJSON() }).toEqual({
      topic: 't', partition: 0, offset: 0, timestamp: 5, timestampType: 'CreateTime', key: Buffer.from('k'), value: null,
      headers: [{ key: 'h', value: Buffer.from('x') }, { key: 'h', value: null }], leaderEpoch: 0,
    })
    expect([second!.key, second!.value, second!.offset]).toEqual([null, Buffer.from([255]), 1])
    expect(Buffer.isBuffer(second!.value)).toBe(true)
  })
  test('reads on as records arrive', async () => {
    const { consumer, partition, settle, run } = setUp()
    consumer.assign([{ topic: 't', partition: 0 }])
    const reading = readSome(consumer, 25)
    await run(2000)
    fill(partition, 0, 20)
    await run(10)
    fill(partition, 20, 30)
    expect((await settle(reading)).map((record) => record.offset)).toEqual(Array.from({ length: 25 }, (_, i) => i))
  })
})
