import { expect, test } from 'vitest'
import { harness } from '../../test/support/client-harness.ts'
import { loadAllCodecs } from '../record/compression.ts'

test('of 600 partitions everything comes, and the broker is asked a few times for all of them, not for every part that was read', async () => {
  await loadAllCodecs() // by itself the consumer would wait for the disk, which no scheduler of a test can hurry
  const { clients, broker, settle } = harness()
  const partitions = broker.createTopic('t', 600)
  const producer = clients.producer()
  await settle(Promise.all(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: `${partition}` }))))
  const consumer = clients.consumer()
  consumer.assign(partitions.map((_, partition) => ({ topic: 't', partition, offset: 0 })))
  const seen: number[] = []
  const read = async (): Promise<void> => {
    for await (const batch of consumer.batches()) {
      for (const record of batch) seen.push(Number(String(record.value)))
      if (seen.length === 600) return
    }
  }
  await settle(read())
  expect(seen.toSorted((a, b) => a - b)).toEqual(partitions.map((_, partition) => partition))
  expect(broker.calls('fetch')).toBeLessThanOrEqual(4)
})
