/** Settings of clients that a broker goes by: what it is asked says so. */
import { beforeAll, expect, test } from 'vitest'
import { consumerKit, fill, readSome } from '../../test/support/consumer-kit.ts'
import { harness, outcome } from '../../test/support/client-harness.ts'
import type { FetchRequest, JoinGroupRequest } from '../protocol/broker-api.ts'
import { loadAllCodecs } from '../record/compression.ts'

beforeAll(() => loadAllCodecs())

test('a fetch waits for fetch.min.bytes, for fetch.max.wait.ms', async () => {
  const { consumer, partition, broker, settle } = consumerKit({ 'fetch.min.bytes': 432, 'fetch.max.wait.ms': 321 })
  fill(partition, 0, 10)
  consumer.assign([{ topic: 't', partition: 0 }])
  await settle(readSome(consumer, 1))
  const [first] = broker.requests.flatMap(({ api, request }) => (api === 'fetch' ? [request as FetchRequest] : []))
  expect(first).toMatchObject({ minBytes: 432, maxWaitMs: 321 })
  await settle(consumer.close())
})

test('a group waits for a member max.poll.interval.ms when it rebalances, and session.timeout.ms for a sign of life', async () => {
  const { consumer, broker, settle, partition } = consumerKit({ 'group.id': 'g', 'max.poll.interval.ms': 54_321, 'session.timeout.ms': 12_345 })
  fill(partition, 0, 10)
  consumer.subscribe('t')
  await settle(readSome(consumer, 1))
  const joins = broker.requests.flatMap(({ api, request }) => (api === 'joinGroup' ? [request as JoinGroupRequest] : []))
  expect(joins.at(-1)).toMatchObject({ rebalanceTimeoutMs: 54_321, sessionTimeoutMs: 12_345 })
  await settle(consumer.close())
})

test('a record that is larger than buffer.memory is refused at once', async () => {
  const { clients, broker, settle } = harness()
  broker.createTopic('t', 1)
  const producer = clients.producer({ 'buffer.memory': 2000, 'batch.size': 1000, 'max.block.ms': 3000 })
  const record = { topic: 't', value: Buffer.alloc(3000) }
  expect(await settle(outcome(producer.send(record)))).toBe('MESSAGE_TOO_LARGE')
  expect(await settle(outcome(producer.sendBatch([record])))).toBe('MESSAGE_TOO_LARGE')
  await settle(producer.close())
})
