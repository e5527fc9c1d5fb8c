/** The first send of a producer waits for metadata, a producer id, and linger.ms: not for one after the other. */
import { expect, test } from 'vitest'
import { harness, type Harness } from '../../test/support/client-harness.ts'
import type { ProducerSettings } from './types.ts'

/** Metadata takes so long, in milliseconds. */
function slowMetadata(delayMs: number, embedded: boolean): Harness {
  const h = harness(1, { embedded })
  h.broker.createTopic('t', 2)
  h.broker.faults = (api) => api === 'metadata' ? { delayMs } : undefined
  return h
}

/** Runs until nothing more happens at this time, whose milliseconds are then on the clock. */
async function sentAfter({ clients, broker, run, scheduler }: Harness, settings: ProducerSettings, records: readonly [atMs: number, partition: number][]): Promise<number[][]> {
  const producer = clients.producer(settings)
  const times: number[][] = records.map(() => [])
  for (let now = 0; now < 400; now++) {
    for (const [place, [atMs, partition]] of records.entries()) {
      if (atMs === now) void producer.send({ topic: 't', partition, value: 'v' }).then(({ offset }) => times[place]!.push(scheduler.clock.monotonic(), offset))
    }
    await run(1)
  }
  expect(broker.calls('initProducerId')).toBe(1)
  return times
}

test.each([true, false])('who waited for metadata for linger.ms does not linger any more (embedded %s)', async (embedded) => {
  const h = slowMetadata(60, embedded)
  const sent = await sentAfter(h, { 'linger.ms': 50, 'enable.idempotence': true }, [[0, 0], [30, 0], [30, 1], [100, 0]])
  expect(sent).toEqual([[60, 0], [60, 1], [60, 0], [150, 2]])
  expect(h.broker.partition('t', 0).batches.map(({ header }) => header.count)).toEqual([2, 1])
})

test('who waited less lingers as ever', async () => {
  const h = slowMetadata(40, true)
  const sent = await sentAfter(h, { 'linger.ms': 50, 'enable.idempotence': true }, [[0, 0], [60, 0]])
  expect(sent).toEqual([[90, 0], [90, 1]])
})

test('batches of other topics linger on', async () => {
  const h = slowMetadata(60, true)
  h.broker.createTopic('other', 1)
  const producer = h.clients.producer({ 'linger.ms': 500 })
  void producer.send({ topic: 'other', value: 'v' })
  await h.run(600)
  const counts = (topic: string): number[] => h.broker.partition(topic, 0).batches.map(({ header }) => header.count)
  expect(counts('other')).toEqual([1])
  h.broker.faults = (api) => api === 'metadata' ? { delayMs: 500 } : undefined
  void producer.send({ topic: 't', partition: 0, value: 'v' })
  await h.run(499)
  void producer.send({ topic: 'other', value: 'v' })
  await h.run(1)
  expect([counts('t'), counts('other')]).toEqual([[1], [1]])
  await h.run(499)
  expect(counts('other')).toEqual([1, 1])
})

test('a producer id is asked for while metadata is, but not in process, where it is there at once', async () => {
  const asked = async (embedded: boolean): Promise<number[]> => {
    const h = slowMetadata(60, embedded)
    const producer = h.clients.producer({ 'enable.idempotence': true })
    void producer.send({ topic: 't', value: 'v' })
    await h.run(59)
    const early = h.broker.calls('initProducerId')
    await h.run(100)
    expect(h.broker.partition('t', 0).values().length + h.broker.partition('t', 1).values().length).toBe(1)
    return [early, h.broker.calls('initProducerId')]
  }
  expect(await asked(false)).toEqual([1, 1])
  expect(await asked(true)).toEqual([0, 1])
})

test('an id that could not be had while nobody had records to send is asked for again', async () => {
  const h = slowMetadata(60, false)
  let refusals = 0
  h.broker.faults = (api) => api === 'metadata' ? { delayMs: 60 } : api === 'initProducerId' && refusals++ === 0 ? { errorCode: 31 } : undefined
  const producer = h.clients.producer({ 'enable.idempotence': true })
  expect(await h.settle(producer.send({ topic: 't', partition: 0, value: 'v' }))).toMatchObject({ offset: 0 })
  expect(h.broker.calls('initProducerId')).toBe(2)
})

test('what is posted when drained resolves goes along with the record that waited for metadata', async () => {
  const h = slowMetadata(60, false)
  const producer = h.clients.producer({ 'linger.ms': 50 })
  expect(producer.post({ topic: 't', partition: 0, value: 'first' })).toBe(false)
  const posting = producer.drained().then(() => { for (const value of ['second', 'third']) producer.post({ topic: 't', partition: 0, value }) })
  await h.run(61)
  await posting
  expect(h.broker.partition('t', 0).batches.map(({ header }) => header.count)).toEqual([3])
})
