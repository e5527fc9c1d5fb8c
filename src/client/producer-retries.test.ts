import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { harness, outcome, type Harness } from '../../test/support/client-harness.ts'
import type { Fault } from '../../test/support/fake-broker.ts'
import { errorTable, OttlaError, type ErrorCode } from '../common/errors.ts'
import { PartitionQueue } from './accumulator.ts'
import { assignSequence, moveBehind, restart } from './producer-sequences.ts'
import type { ProducerBatch } from './producer-batch.ts'

/** Faults for produce requests, by number of the call. */
const onProduce = (h: Harness, faults: Record<number, Fault>): void => { h.broker.faults = (api, _, call) => api === 'produce' ? faults[call] : undefined }

const setUp = (settings: object = {}) => {
  const h = harness()
  const [partition] = h.broker.createTopic('t', 1)
  return { ...h, h, partition: partition!, producer: h.clients.producer(settings) }
}

describe('an error code', () => {
  const codes = Object.entries(errorTable).filter(([, row]) => row.local === undefined) as [ErrorCode, (typeof errorTable)[ErrorCode]][]
  const special = new Set(['MESSAGE_TOO_LARGE', 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH', 'DUPLICATE_SEQUENCE_NUMBER'])

  test.each(codes.filter(([code, row]) => row.retriable && !special.has(code)))('%s is retried', async (_, row) => {
    const { h, partition, producer, settle } = setUp()
    onProduce(h, { 1: { errorCode: row.errorCode }, 2: { errorCode: row.errorCode } })
    expect(await settle(producer.send({ topic: 't', value: 'v' }))).toMatchObject({ offset: 0 })
    expect(partition.values()).toEqual(['v'])
    expect(h.broker.calls('produce')).toBe(3)
  })

  test.each(codes.filter(([code, row]) => !row.retriable && !special.has(code)))('%s is final', async (code, row) => {
    const { h, producer, settle } = setUp()
    onProduce(h, { 1: { errorCode: row.errorCode } })
    const error: unknown = await settle(producer.send({ topic: 't', value: 'v' })).catch((e: unknown) => e)
    expect(error).toMatchObject({ code, topic: 't', partition: 0 })
    expect(h.broker.calls('produce')).toBe(1)
    expect(await settle(producer.send({ topic: 't', value: 'w' }))).toMatchObject({ offset: 0 })
  })

  test('that nobody knows is an UNKNOWN_SERVER_ERROR with its number', async () => {
    const { h, producer, settle } = setUp()
    onProduce(h, { 1: { errorCode: 9999 } })
    await expect(settle(producer.send({ topic: 't', value: 'v' }))).rejects.toThrow(/error 9999/)
  })

  test("comes as the broker's own error where it gives one", async () => {
    const { h, producer, settle } = setUp()
    onProduce(h, { 1: { rejects: new OttlaError('LOG_OFFLINE', 'the disk is gone', { file: 'f' }) } })
    await expect(settle(producer.send({ topic: 't', value: 'v' }))).rejects.toMatchObject({ code: 'LOG_OFFLINE', file: 'f' })
  })
})

describe('a full disk', () => {
  test('is told at once, and the next send takes the place of what was not appended', async () => {
    const { h, partition, producer, settle } = setUp()
    onProduce(h, { 1: { rejects: new OttlaError('DISK_FULL', 'no room') } })
    await expect(settle(producer.send({ topic: 't', value: 'v' }))).rejects.toMatchObject({ code: 'DISK_FULL', retriable: true })
    expect(h.broker.calls('produce')).toBe(1)
    expect(await settle(producer.send({ topic: 't', value: 'w' }))).toMatchObject({ offset: 0 })
    expect(partition.values()).toEqual(['w'])
  })
})

describe('retries', () => {
  test('wait with backoff that doubles up to its limit', async () => {
    const { h, producer, settle, scheduler } = setUp({ 'retry.backoff.ms': 100, 'retry.backoff.max.ms': 400 })
    const times: number[] = []
    h.broker.faults = (api, _, call) => {
      if (api !== 'produce') return undefined
      times.push(scheduler.clock.monotonic())
      return call <= 5 ? { errorCode: 5 } : undefined
    }
    await settle(producer.send({ topic: 't', value: 'v' }))
    const pauses = times.slice(1).map((time, i) => time - times[i]!)
    for (const [i, expected] of [100, 200, 400, 400, 400].entries()) {
      expect(pauses[i]!).toBeGreaterThan(expected * 0.79)
      expect(pauses[i]!).toBeLessThan(expected * 1.21 + 1)
    }
  })
  test('are as many as the setting says', async () => {
    const { h, producer, settle } = setUp({ retries: 2 })
    h.broker.faults = (api) => api === 'produce' ? { errorCode: 5 } : undefined
    expect(await outcome(settle(producer.send({ topic: 't', value: 'v' })))).toBe('LEADER_NOT_AVAILABLE')
    expect(h.broker.calls('produce')).toBe(3)
  })
  test('end with delivery.timeout.ms', async () => {
    const { h, producer, settle, scheduler } = setUp({ 'delivery.timeout.ms': 40_000, 'request.timeout.ms': 30_000 })
    h.broker.faults = (api) => api === 'produce' ? { errorCode: 5 } : undefined
    const refused: unknown = await settle(producer.send({ topic: 't', value: 'v' })).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'REQUEST_TIMED_OUT', cause: { code: 'LEADER_NOT_AVAILABLE' } })
    expect((refused as Error).message).toMatch(
      /1 records for t-0 were not acknowledged within delivery.timeout.ms \(40000\); the last attempt failed with LEADER_NOT_AVAILABLE/,
    )
    expect(scheduler.clock.monotonic()).toBeGreaterThan(39_000)
    expect(scheduler.clock.monotonic()).toBeLessThan(45_000)
  })
  test('keep the order of what was in flight behind the failure', async () => {
    const { h, partition, producer, settle } = setUp({ 'batch.size': 100 })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    onProduce(h, { 2: { errorCode: 56, delayMs: 30 }, 3: { delayMs: 5 }, 4: { delayMs: 10 } })
    const values = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(30, '.'))
    const sent = await settle(Promise.all(values.map((value) => producer.send({ topic: 't', value }))))
    expect(partition.values()).toEqual(['warm', ...values])
    expect(sent.map((each) => each.offset)).toEqual(values.map((_, i) => i + 1))
  })
  test('of a topic that was deleted create it again where the broker does that', async () => {
    const { h, producer, settle } = setUp()
    await settle(producer.send({ topic: 't', value: 'v' }))
    h.broker.topics.delete('t')
    expect(await settle(producer.send({ topic: 't', value: 'w' }))).toMatchObject({ offset: 0 })
    expect(h.broker.partition('t', 0).values()).toEqual(['w'])
  })
})

describe('idempotence', () => {
  test('a producer id is asked for as long as somebody waits, and who waited in vain hears why', async () => {
    const { h, producer, settle, scheduler } = setUp({ 'delivery.timeout.ms': 40_000, 'request.timeout.ms': 30_000 })
    h.broker.faults = (api) => api === 'initProducerId' ? { errorCode: 14 } : undefined
    await expect(settle(producer.send({ topic: 't', value: 'v' }))).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT', cause: { code: 'COORDINATOR_LOAD_IN_PROGRESS' } })
    await h.run(5000)
    const asked = h.broker.calls('initProducerId')
    await h.run(60_000)
    expect(h.broker.calls('initProducerId')).toBe(asked)
    expect(scheduler.pendingTimers).toBe(1)
    h.broker.faults = () => undefined
    expect(await settle(producer.send({ topic: 't', value: 'w' }))).toMatchObject({ offset: 0 })
  })
  test('a broker that finds every place wrong is not asked without a pause', async () => {
    const { h, partition, producer, settle } = setUp({ 'delivery.timeout.ms': 40_000, 'request.timeout.ms': 30_000 })
    h.broker.faults = (api) => api === 'produce' ? { errorCode: 45 } : undefined
    expect(await outcome(settle(producer.send({ topic: 't', value: 'v' })))).toBe('REQUEST_TIMED_OUT')
    expect(h.broker.calls('produce')).toBeGreaterThan(20)
    expect(h.broker.calls('produce')).toBeLessThan(80)
    h.broker.faults = () => undefined
    expect(await settle(producer.send({ topic: 't', value: 'w' }))).toMatchObject({ offset: 0 })
    expect(partition.values()).toEqual(['w'])
  })
  test('an answer that was lost does not write twice, and gives the first offset', async () => {
    const { h, partition, producer, settle } = setUp()
    onProduce(h, { 1: { lostAnswer: 7 }, 2: { lostRejects: new OttlaError('NETWORK_EXCEPTION', 'cut') } })
    expect(await settle(producer.send({ topic: 't', value: 'v' }))).toMatchObject({ offset: 0 })
    expect(partition.values()).toEqual(['v'])
  })
  test('without it a lost answer writes twice, as in Kafka', async () => {
    const { h, partition, producer, settle } = setUp({ 'enable.idempotence': false })
    onProduce(h, { 1: { lostAnswer: 7 } })
    await settle(producer.send({ topic: 't', value: 'v' }))
    expect(partition.values()).toEqual(['v', 'v'])
  })
  test('a batch that is refused for good leaves no gap for those behind it', async () => {
    const { h, partition, producer, settle } = setUp({ 'batch.size': 100 })
    await settle(producer.send({ topic: 't', value: 'warm' }))
    onProduce(h, { 3: { errorCode: 32, delayMs: 20 } })
    const values = Array.from({ length: 10 }, (_, i) => `${i}`.padEnd(30, '.'))
    const sent = await settle(Promise.all(values.map((value) => outcome(producer.send({ topic: 't', value })))))
    expect(sent.filter((each) => each === 'INVALID_TIMESTAMP')).toHaveLength(1)
    expect(partition.values()).toEqual(['warm', ...values.filter((_, i) => sent[i] !== 'INVALID_TIMESTAMP')])
    expect(partition.batches.every(({ header }) => header.producerEpoch === 0)).toBe(true)
  })
  test('sequences start anew under the next epoch when the broker has lost its place', async () => {
    const { h, partition, producer, settle, logger } = setUp()
    await settle(producer.send({ topic: 't', value: 'a' }))
    onProduce(h, { 2: { errorCode: 45 }, 3: { errorCode: 45 } })
    expect(await settle(producer.send({ topic: 't', value: 'b' }))).toMatchObject({ offset: 1 })
    await settle(producer.send({ topic: 't', value: 'c' }))
    expect(partition.batches.map(({ header }) => [header.producerEpoch, header.baseSequence])).toEqual([[0, 0], [1, 0], [1, 1]])
    expect(logger.messages('warn')).toEqual(['producer starts its sequence anew'])
  })
  test('a batch that may have been appended is not written anew: it fails', async () => {
    const { h, partition, producer, settle } = setUp()
    await settle(producer.send({ topic: 't', value: 'a' }))
    onProduce(h, { 2: { lostAnswer: 7 }, 3: { errorCode: 45 }, 4: { errorCode: 45 } })
    expect(await outcome(settle(producer.send({ topic: 't', value: 'b' })))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await settle(producer.send({ topic: 't', value: 'c' }))).toMatchObject({ offset: 2 })
    expect(partition.values()).toEqual(['a', 'b', 'c'])
  })
  test('after an unknown outcome the next batch finds out, and nothing is lost or doubled', async () => {
    for (const applied of [true, false]) {
      const { h, partition, producer, settle, run } = setUp({ 'delivery.timeout.ms': 31_000, 'request.timeout.ms': 30_000 })
      await settle(producer.send({ topic: 't', value: 'a' }))
      h.broker.faults = (api) => api === 'produce' ? applied ? { lostAnswer: 7 } : { rejects: new OttlaError('NETWORK_EXCEPTION', 'cut') } : undefined
      expect(await outcome(settle(producer.send({ topic: 't', value: 'b' })))).toBe('REQUEST_TIMED_OUT')
      h.broker.faults = () => undefined
      await run(0)
      expect(await settle(producer.send({ topic: 't', value: 'c' }))).toMatchObject({ offset: applied ? 2 : 1 })
      expect(partition.values()).toEqual(applied ? ['a', 'b', 'c'] : ['a', 'c'])
    }
  })
  test('no more than five batches pass one that is in doubt: the broker would forget it', async () => {
    const { h, partition, producer, settle } = setUp({ 'batch.size': 0, 'max.in.flight.requests.per.connection': 2 })
    onProduce(h, { 2: { lostAnswer: 7 }, 3: { delayMs: 1 }, 4: { errorCode: 5, delayMs: 50 } })
    const values = Array.from({ length: 12 }, (_, i) => `${i}`)
    const sent = await settle(Promise.all(values.map((value) => producer.send({ topic: 't', value }))))
    expect(sent.map((each) => each.offset)).toEqual(values.map(Number))
    expect(partition.values()).toEqual(values)
  })
  test('another producer with the same id: a new id is asked for', async () => {
    const { h, partition, producer, settle } = setUp()
    await settle(producer.send({ topic: 't', value: 'a' }))
    onProduce(h, { 2: { errorCode: 47 }, 3: { errorCode: 47 } })
    await settle(producer.send({ topic: 't', value: 'b' }))
    expect(partition.batches.map(({ header }) => [header.producerId, header.baseSequence])).toEqual([[1000, 0], [1001, 0]])
  })
  test('an answer that the batch was there already counts as success', async () => {
    const { h, producer, settle } = setUp()
    onProduce(h, { 1: { errorCode: 46 } })
    expect(await settle(producer.send({ topic: 't', value: 'v' }))).toMatchObject({ offset: -1 })
  })
  test('a producer id that cannot be had: retried, or final for what waits', async () => {
    const { h, producer, settle } = setUp()
    h.broker.faults = (api, _, call) => api === 'initProducerId' ? call <= 2 ? { errorCode: 15 } : call === 3 ? { errorCode: 42 } : undefined : undefined
    expect(await outcome(settle(producer.send({ topic: 't', value: 'v' })))).toBe('INVALID_REQUEST')
    expect(h.broker.calls('initProducerId')).toBe(3)
    expect(await settle(producer.send({ topic: 't', value: 'v' }))).toMatchObject({ offset: 0 })
  })
  test('a renewed id that cannot be had fails only those who need it, and forgets nothing that may have been written', async () => {
    const h = harness()
    h.broker.createTopic('t', 2)
    const producer = h.clients.producer({ 'max.in.flight.requests.per.connection': 1 })
    const send = (partition: number, value: string) => outcome(producer.send({ topic: 't', partition, value }))
    await h.settle(Promise.all([send(0, 'a'), send(1, 'b')]))
    h.broker.faults = (api, request, call) => api === 'initProducerId' ? { errorCode: 42 }
      : api !== 'produce' ? undefined
        : (request as { partitions: { partition: number }[] }).partitions[0]!.partition === 1 ? { errorCode: 47 } : call === 3 ? { lostAnswer: 7 } : undefined
    const doubtful = send(0, 'c')
    await h.run(0)
    expect(await h.settle(Promise.all([doubtful, send(1, 'd')]))).toMatchObject([{ offset: 1 }, 'INVALID_REQUEST'])
    h.broker.faults = () => undefined
    expect(await h.settle(Promise.all([send(0, 'e'), send(1, 'f')]))).toMatchObject([{ offset: 2 }, { offset: 1 }])
    expect([0, 1].map((partition) => h.broker.partition('t', partition).values())).toEqual([['a', 'c', 'e'], ['b', 'f']])
  })
  test('sequences wrap to 0 after 2147483647', () => {
    const queue = new PartitionQueue('t', 0)
    restart(queue, 7, 3)
    queue.nextSequence = 2_147_483_646
    const batch = { count: 3, baseSequence: -1, producerId: -1, producerEpoch: -1, uncertain: false, order: 0 } as ProducerBatch
    expect(assignSequence(queue, batch)).toBe(true)
    expect(batch).toMatchObject({ producerId: 7, producerEpoch: 3, baseSequence: 2_147_483_646 })
    expect(queue.nextSequence).toBe(1)
    moveBehind(queue, batch)
    expect(queue.expectedSequence).toBe(1)
  })
})

test('late answers to expired batches free their memory, and the slab is not reused before', async () => {
  const { h, partition, producer, settle, run } = setUp({ 'buffer.memory': 1000, 'batch.size': 1000, 'delivery.timeout.ms': 31_000,
    'request.timeout.ms': 30_000, 'max.block.ms': 1000 })
  await settle(producer.send({ topic: 't', value: 'warm' }))
  onProduce(h, { 2: { delayMs: 60_000 } })
  const held = outcome(producer.send({ topic: 't', value: 'held' }))
  await run(32_000)
  expect(await held).toBe('REQUEST_TIMED_OUT')
  const request = h.broker.requests.at(-1)!.request as { partitions: { records: Uint8Array }[] }
  const before = Buffer.from(request.partitions[0]!.records)
  expect(await outcome(settle(producer.send({ topic: 't', value: 'blocked' })))).toBe('BUFFER_EXHAUSTED')
  expect(Buffer.from(request.partitions[0]!.records).equals(before)).toBe(true)
  await run(60_000)
  await settle(producer.send({ topic: 't', value: 'after' }))
  expect(partition.values()).toEqual(['warm', 'held', 'after'])
})

describe('whatever the broker does', () => {
  const fault = fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: fc.record({ delayMs: fc.integer({ min: 1, max: 300 }) }) },
    { weight: 2, arbitrary: fc.record({ errorCode: fc.constantFrom(5, 6, 7, 56, 13, 3), delayMs: fc.integer({ min: 0, max: 300 }) }) },
    { weight: 2, arbitrary: fc.record({ lostAnswer: fc.constantFrom(7, 56, 13), delayMs: fc.integer({ min: 0, max: 300 }) }) },
    { weight: 1, arbitrary: fc.constant({ lostRejects: new OttlaError('NETWORK_EXCEPTION', 'cut') }) },
    { weight: 1, arbitrary: fc.constant({ rejects: new OttlaError('NETWORK_EXCEPTION', 'cut') }) },
  )
  const steps = fc.array(fc.record({ partition: fc.integer({ min: 0, max: 2 }), size: fc.integer({ min: 1, max: 120 }),
    waitMs: fc.constantFrom(0, 0, 0, 1, 50) }), { minLength: 1, maxLength: 60 })
  const settings = fc.record({ 'batch.size': fc.constantFrom(0, 150, 65_536), 'linger.ms': fc.constantFrom(0, 5),
    'max.in.flight.requests.per.connection': fc.integer({ min: 1, max: 5 }), 'buffer.memory': fc.constantFrom(2000, 1_000_000) })

  const play = async (settings: object, list: { partition: number; size: number; waitMs: number }[], faults: (Fault | undefined)[]) => {
    const h = harness()
    h.broker.createTopic('t', 3)
    h.broker.faults = (api, _, call) => api === 'produce' || api === 'initProducerId' ? faults[call] : undefined
    const producer = h.clients.producer(settings)
    const sent: { value: string; partition: number; result: Promise<unknown> }[] = []
    for (const [i, { partition, size, waitMs }] of list.entries()) {
      const value = `${i}:`.padEnd(size, '.')
      sent.push({ value, partition, result: outcome(producer.send({ topic: 't', value, partition })) })
      if (waitMs > 0) await h.run(waitMs)
    }
    const results = await h.settle(Promise.all(sent.map((each) => each.result)), 400_000)
    await h.settle(producer.close())
    return { h, sent, results }
  }

  test('every record arrives exactly once, in order, at the offset that send gave', async () => {
    await fc.assert(fc.asyncProperty(settings, steps, fc.array(fault, { maxLength: 60 }), async (config, list, faults) => {
      const { h, sent, results } = await play(config, list, faults)
      for (const partition of [0, 1, 2]) {
        const mine = sent.map((each, i) => ({ ...each, metadata: results[i] as { offset: number } })).filter((each) => each.partition === partition)
        expect(h.broker.partition('t', partition).values()).toEqual(mine.map((each) => each.value))
        expect(mine.map((each) => each.metadata.offset)).toEqual(mine.map((_, i) => i))
      }
    }), { numRuns: 400 })
  })

  const harsh = fc.oneof({ weight: 4, arbitrary: fault },
    { weight: 1, arbitrary: fc.record({ errorCode: fc.constantFrom(32, 87, 45, 47, 59), delayMs: fc.integer({ min: 0, max: 100 }) }) })
  test('with refusals and lost places in between: what was acknowledged is there once and in order, what was refused is not', async () => {
    const wide = fc.record({ 'batch.size': fc.constantFrom(0, 150), 'linger.ms': fc.constantFrom(0, 5) })
    await fc.assert(fc.asyncProperty(fc.oneof(settings, wide), steps, fc.array(harsh, { maxLength: 60 }), async (config, list, faults) => {
      const { h, sent, results } = await play({ ...config, retries: 5 }, list, faults)
      for (const partition of [0, 1, 2]) {
        const log = h.broker.partition('t', partition).values()
        expect(new Set(log).size).toBe(log.length)
        const indexes = log.map((value) => Number.parseInt(value, 10))
        expect(indexes).toEqual([...indexes].sort((a, b) => a - b))
        sent.forEach((each, i) => {
          if (each.partition !== partition) return
          if (typeof results[i] === 'object') expect(log).toContain(each.value)
          if (results[i] === 'INVALID_TIMESTAMP' || results[i] === 'INVALID_RECORD') expect(log.includes(each.value)
            && !faults.some((f) => f !== undefined && ('lostAnswer' in f || 'lostRejects' in f))).toBe(false)
        })
      }
    }), { numRuns: 400 })
  })
})

test('a send times out when its time is up, also where sums of fractions of milliseconds are a little less', async () => {
  const h = harness()
  h.broker.createTopic('t', 1)
  h.broker.faults = (api) => api === 'produce' ? { silent: true } : undefined
  const producer = h.clients.producer({ 'delivery.timeout.ms': 200, 'request.timeout.ms': 100 })
  await h.run(60.28)
  expect(await h.settle(outcome(producer.send({ topic: 't', value: 'v' })))).toBe('REQUEST_TIMED_OUT')
  producer.close().catch(() => {})
})
