import { describe, expect, test } from 'vitest'
import { countFetched, harness } from '../../test/support/client-harness.ts'
import { OttlaError } from '../common/errors.ts'
import type { FetchRequest } from '../protocol/broker-api.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { buildBatch } from '../record/record-batch-builder.ts'

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

describe('of many partitions in process', () => {
  const MIB = 1_048_576

  async function scene(count: number, settings: Record<string, unknown> = {}, embedded = true) {
    await loadAllCodecs()
    const kit = harness(1, { embedded })
    const partitions = kit.broker.createTopic('t', count)
    const consumer = kit.clients.consumer({ 'fetch.max.wait.ms': 60_000, ...settings })
    const assign = (): void => consumer.assign(partitions.map((_, partition) => ({ topic: 't', partition, offset: 0 })))
    const asked = (): FetchRequest[] => kit.broker.requests.filter(({ api }) => api === 'fetch').map(({ request }) => request as FetchRequest)
    const add = (partition: number, values: string[]): void => {
      for (const value of values) partitions[partition]!.append(buildBatch([{ timestamp: 1, key: null, value, headers: null }]))
    }
    /** The values of the next `count` records, by a cursor. */
    const read = (count: number): Promise<string[]> => kit.settle((async () => {
      const seen: string[] = []
      while (seen.length < count) {
        for await (const batch of consumer.batches()) {
          const cursor = batch.cursor()
          while (cursor.next()) seen.push(Buffer.from(cursor.value()!).toString())
          if (seen.length >= count) break
        }
      }
      return seen
    })())
    return { ...kit, partitions, consumer, assign, asked, add, read }
  }

  test('a slice is asked for at a time, without waiting, and all of them once nobody is known to have more', async () => {
    const { partitions, assign, asked, add, read, scheduler, settle } = await scene(1000)
    for (const [partition] of partitions.entries()) add(partition, [`${partition}`])
    assign()
    expect((await read(1000)).map(Number).toSorted((a, b) => a - b)).toEqual(partitions.map((_, partition) => partition))
    const first = asked().slice(0, 3)
    expect(first.map((request) => [request.partitions.length, request.maxWaitMs])).toEqual([[256, 0], [256, 0], [256, 0]])
    expect(new Set(first.flatMap((request) => request.partitions.map(({ partition }) => partition))).size).toBe(768)
    // Whoever waits for records waits for those of all.
    const next = read(1)
    await settle(new Promise((resolve) => { scheduler.soon(() => resolve(null)) }))
    const began = scheduler.clock.monotonic()
    add(999, ['late'])
    expect([await next, scheduler.clock.monotonic()]).toEqual([['late'], began])
    expect([asked().at(-1)!.partitions.length, asked().at(-1)!.maxWaitMs]).toEqual([1000, 60_000])
    expect(asked().length).toBeLessThan(14)
  })

  test('those that are assigned later are asked for, those given up are not', async () => {
    const { consumer, asked, add, read } = await scene(4)
    for (const partition of [0, 1, 2, 3]) add(partition, [`${partition}`])
    const assign = (...partitions: number[]): void => consumer.assign(partitions.map((partition) => ({ topic: 't', partition, offset: 0 })))
    assign(0, 1)
    await read(2)
    assign(0, 1, 2)
    expect((await read(3)).toSorted()).toEqual(['0', '1', '2'])
    assign(1, 2, 3)
    expect((await read(3)).toSorted()).toEqual(['1', '2', '3'])
    expect(asked().at(-1)!.partitions.map(({ partition }) => partition).toSorted()).toEqual([1, 2, 3])
  })

  test('over a network all are asked for at a time', async () => {
    const { partitions, assign, asked, add, read } = await scene(600, {}, false)
    for (const [partition] of partitions.entries()) add(partition, [`${partition}`])
    assign()
    await read(600)
    expect([asked()[0]!.partitions.length, asked()[0]!.maxWaitMs, asked()[0]!.maxBytes]).toEqual([600, 60_000, 52_428_800])
  })

  test('one that has much more does not keep the others from being asked for', async () => {
    const { assign, add, read, consumer } = await scene(600, { 'max.poll.records': 5, 'max.partition.fetch.bytes': 500 })
    add(300, Array.from({ length: 4000 }, (_, i) => `busy ${i}`))
    assign()
    await read(500)
    for (const partition of [0, 299, 301, 599]) add(partition, ['quiet'])
    const seen = await read(300)
    expect(seen.filter((value) => value === 'quiet')).toHaveLength(4)
    expect(consumer.position({ topic: 't', partition: 300 })).toBeLessThan(1500)
  })

  test('those whose transactions are open do not keep it asking', async () => {
    const { partitions, assign, asked, add, read, run } = await scene(600, { 'isolation.level': 'read_committed' })
    for (const [partition, each] of partitions.entries()) {
      add(partition, ['stable', 'open'])
      each.stableOffset = 1
    }
    assign()
    expect(await read(600)).toEqual(partitions.map(() => 'stable'))
    const next = read(1)
    await run(5000)
    expect(asked().length).toBeLessThan(12)
    partitions[4]!.stableOffset = 2
    add(4, [])
    partitions[4]!.append(buildBatch([{ timestamp: 1, key: null, value: 'more', headers: null }]))
    expect(await next).toEqual(['open'])
  })

  test('no more than some megabytes are read ahead, whatever fetch.max.bytes allows, and paused ones count for nothing', async () => {
    const { partitions, assign, add, read, consumer, broker, run } = await scene(40, { 'max.poll.records': 1 })
    const value = 'x'.repeat(100_000)
    for (const [partition] of partitions.entries()) add(partition, Array.from({ length: 20 }, () => value))
    const fetched = countFetched(broker)
    assign()
    expect(await read(1)).toEqual([value])
    await run(1000)
    expect([fetched() > 4 * MIB, fetched() < 9 * MIB]).toEqual([true, true])
    // All that is buffered now is of paused partitions.
    for (const pauses of [1, 2, 3]) {
      consumer.pause(partitions.map((_, partition) => ({ topic: 't', partition })).slice(0, pauses * 10))
      expect((await read(20)).length).toBeGreaterThanOrEqual(20)
    }
    consumer.resume()
    await read(700)
    consumer.pause(partitions.map((_, partition) => ({ topic: 't', partition })).slice(1))
    consumer.resume()
    expect(await read(10)).toHaveLength(10)
  })

  test('memory of a fetch that found no answer is not used again: nobody knows who still writes to it', async () => {
    const { broker, partitions, assign, add, read } = await scene(20)
    for (const [partition] of partitions.entries()) add(partition, [`${partition}`])
    const memory: ArrayBufferLike[] = []
    const { fetch } = broker
    broker.fetch = async (request) => {
      memory.push(request.allocate!(100).buffer)
      if (memory.length === 1) throw new OttlaError('REQUEST_TIMED_OUT', 'no answer')
      return fetch.call(broker, request)
    }
    assign()
    expect(await read(20)).toHaveLength(20)
    expect(memory.length).toBeGreaterThan(1)
    expect(memory.slice(1)).not.toContain(memory[0])
  })

  test('no memory is held by a consumer that has caught up, once a fetch has found nothing', async () => {
    const { broker, assign, add, consumer, settle, run } = await scene(1)
    const memory: ArrayBufferLike[] = []
    const { fetch } = broker
    broker.fetch = async (request) => {
      const [answer] = (await fetch.call(broker, request)).partitions
      const records = answer!.records.length === 0 ? answer!.records : request.allocate!(20_000).subarray(0, answer!.records.length)
      records.set(answer!.records)
      if (records.length > 0) memory.push(records.buffer)
      return { partitions: [{ ...answer!, records }] }
    }
    assign()
    const batches = consumer.batches()[Symbol.asyncIterator]()
    for (const quietMs of [0, 0, 70_000, 0]) {
      const next = batches.next()
      await run(quietMs)
      add(0, ['v'])
      const cursor = (await settle(next)).value!.cursor()
      expect([cursor.next(), cursor.valueLength]).toEqual([true, 1])
    }
    expect([memory[1] === memory[0], memory[2] === memory[1], memory[3] === memory[2]]).toEqual([true, false, true])
  })
})
