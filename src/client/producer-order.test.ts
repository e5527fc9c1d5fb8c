/** In which order, and when, those who wait for sends hear of them: random mixtures of all ways to send, over one broker. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../test/support/client-harness.ts'
import type { Fault } from '../../test/support/fake-broker.ts'
import { OttlaError } from '../common/errors.ts'
import { resolveProducer } from '../config/resolve.ts'
import type { ProduceRequest } from '../protocol/broker-api.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { Accumulator, PartitionQueue } from './accumulator.ts'
import type { ProducerBatch } from './producer-batch.ts'
import { KafkaProducer } from './producer.ts'
import { SendBudget } from './send-budget.ts'
import { NEW_PROMISE, SendGroup, SendWaiter } from './send-outcome.ts'
import type { ProducerRecord, ProducerSettings, RecordMetadata } from './types.ts'

/** One call and what became of it; `told` counts all that was told, in order. */
interface Call { kind: 'send' | 'signal' | 'batch'; partition: number; told: number; values: string[]; at?: RecordMetadata[]; error?: unknown }
interface Course { calls: Call[]; partitions: number; maxMessageBytes?: number; fault?: (random: SeededRandom) => Fault | undefined; settings: ProducerSettings; promises: number }

function producerOf(h: Harness, budget: SendBudget, settings: ProducerSettings, pipeline: number = 5): KafkaProducer<Uint8Array, Uint8Array> {
  const values = resolveProducer(settings, true)
  return new KafkaProducer(h.broker, h.ports, {
    values, budget, pipeline, ended: () => {}, embedded: true, sequenced: values.acks !== 0, keySerializer: null, valueSerializer: null, partitioner: 'default',
  })
}

/** Plays a random program; raises what is wrong at any time, flushes that end early among it. */
async function play(seed: number, course: Omit<Course, 'calls'>): Promise<Course & { log: string[][] }> {
  const random = new SeededRandom(seed)
  const h = harness(seed)
  const partitions = h.broker.createTopic('t', course.partitions)
  h.broker.maxMessageBytes = course.maxMessageBytes ?? Infinity
  h.broker.faults = (api) => api === 'produce' ? course.fault?.(random) : undefined
  const budget = new SendBudget(course.promises, random.pick([0, 10, 20]))
  const producer = producerOf(h, budget, course.settings, course.fault === undefined ? random.pick([1, 5, 16]) : 1)
  producer.on('error', () => {})
  const calls: Call[] = []
  let told = 0
  const wait = (call: Call, promise: Promise<RecordMetadata | RecordMetadata[]>): void => {
    calls.push(call)
    expect(Object.getPrototypeOf(promise)).toBe(Promise.prototype)
    promise.then((at) => { call.told = told++; call.at = Array.isArray(at) ? at : [at] }, (error: unknown) => { call.told = told++; call.error = error })
  }
  const { signal } = new AbortController()
  for (let i = 0; i < 150; i++) {
    const partition = random.int(course.partitions)
    const make = (): ProducerRecord => ({ topic: 't', partition, timestamp: 1000 + random.int(1000), value: `${i}:`.padEnd(1 + random.int(60), '.') })
    const kind = random.int(20)
    if (kind < 10) {
      const record = make()
      wait({ kind: 'send', partition, told: -1, values: [String(record.value)] }, producer.send(record))
    } else if (kind < 12) {
      const record = make()
      wait({ kind: 'signal', partition, told: -1, values: [String(record.value)] }, producer.send(record, { signal }))
    } else if (kind < 15) {
      const records = Array.from({ length: 1 + random.int(5) }, make)
      wait({ kind: 'batch', partition, told: -1, values: records.map(({ value }) => String(value)) }, producer.sendBatch(records))
    } else if (kind < 17) producer.post(make())
    else if (kind < 18) {
      const before = calls.filter((call) => call.told < 0)
      void producer.flush().then(() => expect(before.filter((call) => call.told < 0)).toEqual([]))
    } else await h.run(random.pick([0, 0, 1, 20]))
  }
  const all = [...calls]
  await h.settle(producer.close().then(() => expect(all.filter((call) => call.told < 0)).toEqual([])))
  for (let i = 0; i < course.promises; i++) {
    expect(budget.isSpent).toBe(false)
    budget.take()
  }
  expect(budget.isSpent).toBe(true)
  return { ...course, calls, log: partitions.map((each) => each.values()) }
}

const settings: ProducerSettings = { 'batch.size': 1000, 'linger.ms': 0 }
const inOrder = (calls: Call[]): Call[] => [...calls].sort((a, b) => a.told - b.told)

describe('of many ways to send at once', () => {
  test.each<[string, Omit<Course, 'calls'>]>([
    ['one partition', { partitions: 1, promises: 1000, settings }],
    ['one partition, not synced', { partitions: 1, promises: 1000, settings: { ...settings, acks: 1 } }],
    ['one partition, no answers', { partitions: 1, promises: 1000, settings: { ...settings, acks: 0 } }],
    ['one partition, few batches', { partitions: 1, promises: 1000, settings: { 'linger.ms': 5 } }],
    ['one partition, little memory', { partitions: 1, promises: 1000, settings: { ...settings, 'buffer.memory': 1000 } }],
    ['one partition, few promises', { partitions: 1, promises: 12, settings }],
    ['one partition, answers late or lost', { partitions: 1, promises: 1000, settings, fault: (random) => random.pick([{ delayMs: 20 }, { lostAnswer: 7 }, { errorCode: 7 }, undefined]) }],
  ])('%s: those who wait are told in the order of the calls, each what is there', async (_, course) => {
    for (let seed = 1; seed <= 40; seed++) {
      const { calls, log } = await play(seed, course)
      const direct = calls.filter(({ kind }) => kind !== 'signal')
      expect(inOrder(direct)).toEqual(direct)
      const withSignal = calls.filter(({ kind }) => kind === 'signal')
      expect(inOrder(withSignal)).toEqual(withSignal)
      for (const call of calls) if (course.settings.acks !== 0) expect(call.at!.map(({ offset }) => log[0]![offset])).toEqual(call.values)
    }
  })
  test.each<[string, Omit<Course, 'calls'>]>([
    ['refused', { partitions: 2, promises: 1000, settings, fault: (random) => random.pick([{ delayMs: 20 }, { errorCode: 87 }, { errorCode: 7 }, undefined]) }],
    ['split', { partitions: 2, promises: 1000, maxMessageBytes: 200, settings: { 'batch.size': 1000 } }],
    ['split and refused', { partitions: 2, promises: 1000, maxMessageBytes: 200, settings: { 'batch.size': 1000 },
      fault: (random) => random.pick([{ delayMs: 20 }, { errorCode: 87 }, { lostAnswer: 7 }, undefined, undefined]) }],
    ['split, few promises', { partitions: 2, promises: 12, maxMessageBytes: 120, settings: { 'batch.size': 1000, 'linger.ms': 5 } }],
  ])('batches that are %s: what was written is told as it lies there, and each hears once', async (_, course) => {
    for (let seed = 1; seed <= 40; seed++) {
      const { calls, log } = await play(seed, course)
      expect(inOrder(calls).map(({ told }) => told)).toEqual(calls.map((__, i) => i))
      for (let partition = 0; partition < course.partitions; partition++) {
        const written = inOrder(calls.filter((call) => call.partition === partition && call.at !== undefined))
        for (const some of [written.filter(({ kind }) => kind !== 'signal'), written.filter(({ kind }) => kind === 'signal')]) {
          const offsets = some.map(({ at }) => at!.at(-1)!.offset)
          expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
        }
      }
      for (const { at, partition, values } of calls) if (at !== undefined) expect(at.map(({ offset }) => log[partition]![offset])).toEqual(values)
    }
  })
})

test('sends that are given up, many batches of them, are told in the order of the calls', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed)
    const h = harness(seed)
    const { broker, run } = h
    broker.createTopic('t', 1)
    const producer = producerOf(h, new SendBudget(1000, 0), { 'batch.size': 1000 })
    await h.settle(producer.send({ topic: 't', value: 'warm' }))
    broker.faults = (api) => api === 'produce' ? { silent: true } : undefined
    const told: unknown[] = []
    const sends = Array.from({ length: 200 }, (_, i) => {
      const record = { topic: 't', value: 'v'.repeat(random.int(20)) }
      const promise: Promise<unknown> = random.int(4) > 0 ? producer.send(record) : producer.sendBatch([record, record])
      return promise.catch(({ code }: { code: string }) => told.push([i, code]))
    })
    await run(1)
    producer.abandon()
    await Promise.all(sends)
    expect(told).toEqual(sends.map((_, i) => [i, 'CLOSED']))
  }
})

test('parts of a batch that are settled, and used again, before anybody heard of the split tell what became of theirs', async () => {
  const accumulator = new Accumulator(new ManualScheduler().clock, 65_536, 1_000_000)
  const error = new OttlaError('CLOSED', 'over')
  for (const half of [1, 5, 15, 29, 30, 31]) {
    const [whole, first, second] = [0, 1, 2].map(() => accumulator.newBatch(65_536, 0, 0, 0)) as [ProducerBatch, ProducerBatch, ProducerBatch]
    const told = new Map<number, unknown>()
    const send = (i: number): void => {
      const signal = i % 7 === 2 ? new SendWaiter() : null
      const promise = whole.register(i, i, signal ?? NEW_PROMISE, 0, true) ?? signal!.promise
      promise.then(({ offset }) => told.set(i, offset), (thrown: unknown) => told.set(i, thrown))
    }
    for (let i = 0; i < 28; i++) send(i)
    let settled = 0
    const group = new SendGroup(2, (results) => told.set(28, results.map(({ offset }) => offset)), (thrown) => told.set(28, thrown), () => { settled++ })
    void whole.register(28, 28, group, 0, true)
    send(29)
    void whole.register(30, 30, group, 1, true)
    whole.splitInto(first, second, half)
    expect(second.fail(error) + first.succeed('t', 0, 100, -1)).toBe(29)
    const later: (Promise<RecordMetadata> | null)[] = []
    for (const part of [first, second]) {
      for (const offset of [500, 600]) {
        part.open(0, 0, 0)
        later.push(part.register(0, 0, NEW_PROMISE, 0, true))
        part.succeed('t', 0, offset, -1)
      }
    }
    expect((await Promise.all(later)).map((at) => at!.offset)).toEqual([500, 600, 500, 600])
    await new Promise(setImmediate)
    const expected = Array.from({ length: 30 }, (_, i) => [i, i < half ? 100 + i : error] as const)
    expect(told).toEqual(new Map<number, unknown>([...expected, [28, half > 30 ? [128, 130] : error]]))
    expect(settled).toBe(1)
  }
})

test('a send that fails and nobody handles is one unhandled rejection, and there is no other', async () => {
  const h = harness()
  const { broker, run } = h
  broker.createTopic('t', 1)
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const unhandled: unknown[] = []
  process.on('unhandledRejection', (reason) => unhandled.push((reason as { code: string }).code))
  try {
    // Whole, and in parts.
    for (const limit of [1e6, 300]) {
      const producer = producerOf(h, new SendBudget(1000, 0), { 'batch.size': 2000 })
      broker.maxMessageBytes = limit
      broker.faults = (api, request) => api === 'produce' && (request as ProduceRequest).partitions[0]!.records.length <= limit ? { errorCode: 87 } : undefined
      for (const length of [1, 30]) {
        unhandled.length = 0
        const { signal } = new AbortController()
        const send = (i: number): Promise<RecordMetadata> => producer.send({ topic: 't', value: 'v'.repeat(20) }, i % 3 === 0 ? { signal } : undefined)
        for (let i = 0; i < length; i++) void send(i)
        const handled = Promise.allSettled(Array.from({ length }, (_, i) => send(i)))
        await run(1000)
        await handled
        await new Promise(setImmediate)
        expect(unhandled).toEqual(Array.from({ length }, () => 'INVALID_RECORD'))
      }
    }
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
})

test('what waits for a send goes on in the context of whoever waits', async () => {
  const h = harness()
  h.broker.createTopic('t', 1)
  const producer = producerOf(h, new SendBudget(1000, 0), {})
  const storage = new AsyncLocalStorage<number>()
  const contexts = Array.from({ length: 30 }, (_, i) => storage.run(i, async () => {
    await producer.send({ topic: 't', value: 'v' })
    const after = storage.getStore()
    return producer.send({ topic: 't', value: 'v' }).then(() => [after, storage.getStore()])
  }))
  expect(await h.settle(Promise.all(contexts))).toEqual(contexts.map((_, i) => [i, i]))
})

test('posts that are lost with parts of a batch are counted once each', async () => {
  const h = harness()
  h.broker.createTopic('t', 1)
  const producer = producerOf(h, new SendBudget(), { 'batch.size': 1000 })
  let lost = 0
  producer.on('error', () => lost++)
  h.broker.maxMessageBytes = 300
  h.broker.faults = (api, request) => api === 'produce' && (request as ProduceRequest).partitions[0]!.records.length <= 300 ? { errorCode: 87 } : undefined
  for (let i = 0; i < 21; i++) producer.post({ topic: 't', value: 'v'.repeat(20) })
  await h.settle(producer.flush())
  expect(lost).toBe(21)
})

test('who flushes while a batch is sent in parts hears of it behind those who sent, with a signal too', async () => {
  const h = harness()
  h.broker.createTopic('t', 1)
  const producer = producerOf(h, new SendBudget(), { 'batch.size': 1000 })
  await h.settle(producer.send({ topic: 't', value: 'warm' }))
  h.broker.maxMessageBytes = 100
  h.broker.faults = (api) => api === 'produce' ? { delayMs: 10 } : undefined
  const told: string[] = []
  const { signal } = new AbortController()
  for (let i = 0; i < 2; i++) void producer.send({ topic: 't', value: 'v'.repeat(20) }, { signal }).then(() => told.push('sent'))
  await h.run(15)
  await h.settle(producer.flush().then(() => told.push('flushed')))
  expect(told).toEqual(['sent', 'sent', 'flushed'])
})

test('a send whose serializer both aborts it and throws is aborted, and no rejection is left over', async () => {
  const h = harness()
  const controller = new AbortController()
  const valueSerializer = { serialize(): Uint8Array { controller.abort(); throw new Error('no') } }
  const producer = h.clients.producer({ 'value.serializer': valueSerializer })
  await expect(producer.send({ topic: 't', value: 'v' }, { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
  await new Promise(setImmediate)
})

test('a sendBatch is told of the first failure, and of an append time of 0', async () => {
  const accumulator = new Accumulator(new ManualScheduler().clock, 65_536, 1_000_000)
  const [one, two, three] = ['CLOSED', 'INTERNAL', 'ABORTED'].map((code) => new OttlaError(code as 'CLOSED', 'over')) as [OttlaError, OttlaError, OttlaError]
  const told = (use: (group: SendGroup) => void): Promise<RecordMetadata[]> => new Promise((resolve, reject) => use(new SendGroup(2, resolve, reject, () => {})))
  await expect(told((group) => { group.failed(one); group.failed(two) })).rejects.toBe(one)
  const registered = (group: SendGroup): ProducerBatch => {
    const batch = accumulator.newBatch(512, 0, 0, 0)
    for (const index of [0, 1]) void batch.register(index, 7, group, index, false)
    return batch
  }
  await expect(told((group) => {
    const [first, second] = [accumulator.newBatch(512, 0, 0, 0), accumulator.newBatch(512, 0, 0, 0)]
    registered(group).splitInto(first, second, 1)
    second.fail(three)
    first.fail(two)
  })).rejects.toBe(two)
  expect((await told((group) => { registered(group).succeed('t', 0, 5, 0) })).map(({ timestamp }) => timestamp)).toEqual([0, 0])
})

test('a record that cannot be appended leaves neither an open batch nor memory taken', () => {
  const accumulator = new Accumulator(new ManualScheduler().clock, 1000, 1000)
  const queue = new PartitionQueue('t', 0)
  expect(() => accumulator.append(queue, Number.NaN, null, 'v', null)).toThrow('not a timestamp')
  expect([queue.open, accumulator.used, accumulator.filled]).toEqual([null, 0, 0])
  expect(accumulator.append(queue, 1, null, 'v', null)).toBe(queue.open)
  const { used, filled } = accumulator
  expect(() => accumulator.append(queue, Number.NaN, null, 'v', null)).toThrow('not a timestamp')
  expect([queue.open!.count, accumulator.used, accumulator.filled]).toEqual([1, used, filled])
  accumulator.release(accumulator.close(queue)!)
  expect([queue.open, accumulator.used, accumulator.filled]).toEqual([null, 0, 0])
})

test('a partition that never got a producer id gives up each of its sends, later ones too', async () => {
  const h = harness()
  h.broker.createTopic('t', 1)
  h.broker.faults = (api) => api === 'initProducerId' ? { silent: true } : undefined
  const producer = producerOf(h, new SendBudget(), { 'request.timeout.ms': 100, 'delivery.timeout.ms': 200 })
  for (let i = 0; i < 3; i++) {
    await expect(h.settle(producer.send({ topic: 't', value: 'v' }), 5000)).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    await h.run(1000)
  }
})

test('a batch grows as far as a record needs it to, and one that is full takes no more', () => {
  const accumulator = new Accumulator(new ManualScheduler().clock, 8192, 1_000_000)
  const queue = new PartitionQueue('t', 0)
  const first = accumulator.append(queue, 1, null, 'v', null)
  expect(accumulator.append(queue, 1, null, 'v'.repeat(3000), null)).toBe(first)
  const large = accumulator.append(queue, 1, null, 'v'.repeat(9000), null)
  expect([queue.sealed, queue.open]).toEqual([[first, large], null])
})

test('what waits for a producer id lingers no longer than it should after an earlier batch of its partition was given up', async () => {
  const h = harness()
  h.broker.createTopic('t', 2)
  h.broker.faults = (api) => api === 'initProducerId' ? { delayMs: 140 } : undefined
  const producer = producerOf(h, new SendBudget(), { 'linger.ms': 100, 'request.timeout.ms': 100, 'delivery.timeout.ms': 200 })
  const send = (partition: number): Promise<string> => producer.send({ topic: 't', partition, value: 'v' }).then(() => 'sent', ({ code }: { code: string }) => code)
  const early = send(0)
  await h.run(50)
  const other = send(1)
  await h.run(160)
  const late = send(0)
  expect(await h.settle(Promise.all([early, other, late]))).toEqual(['REQUEST_TIMED_OUT', 'sent', 'sent'])
})

test('records that linger together bear the time of their sends', async () => {
  const h = harness()
  const [partition] = h.broker.createTopic('t', 1)
  const producer = producerOf(h, new SendBudget(), { 'linger.ms': 1000 })
  await h.settle(producer.send({ topic: 't', value: 'warm' }))
  producer.post({ topic: 't', value: 'a' })
  await h.run(10)
  producer.post({ topic: 't', value: 'b' })
  await h.settle(producer.flush())
  const [, a, b] = partition!.records()
  expect(b!.timestamp - a!.timestamp).toBe(10)
})

test('posts do not wait for promises', async () => {
  const h = harness()
  h.broker.createTopic('t', 1)
  const producer = producerOf(h, new SendBudget(1), {})
  await h.settle(producer.send({ topic: 't', value: 'warm' }))
  void producer.send({ topic: 't', value: 'v' })
  expect(producer.post({ topic: 't', value: 'v' })).toBe(true)
  await h.settle(producer.flush())
})

test('a send finds room when all that waited for memory were withdrawn', async () => {
  const h = harness()
  h.broker.createTopic('t', 1)
  const producer = producerOf(h, new SendBudget(), { 'buffer.memory': 512, 'batch.size': 512 })
  const record = { topic: 't', value: 'v'.repeat(300) }
  await h.settle(producer.send(record))
  const sent = producer.send(record)
  const controller = new AbortController()
  const withdrawn = producer.send(record, { signal: controller.signal })
  controller.abort()
  await expect(withdrawn).rejects.toMatchObject({ code: 'ABORTED' })
  await h.settle(sent)
  await h.settle(producer.send(record))
  expect(h.broker.partition('t', 0).values()).toHaveLength(3)
})
