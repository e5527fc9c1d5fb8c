import { beforeAll, describe, expect, test } from 'vitest'
import { outcome } from '../../test/support/client-harness.ts'
import { consumerKit, fill, range, readSome, values } from '../../test/support/consumer-kit.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import type { ConsumerSettings } from './types.ts'

beforeAll(() => loadAllCodecs())

const t0 = { topic: 't', partition: 0 }
const group = (settings: ConsumerSettings = {}): ConsumerSettings => ({ 'group.id': 'g', ...settings })
const committed = (kit: ReturnType<typeof consumerKit>): number | undefined => kit.broker.coordinator.committed('g', 't', 0)

describe('where reading begins', () => {
  test.each([['earliest', ['v0', 'v1', 'v2', 'v3']], ['latest', ['v3']]] as const)('without a committed offset: %s', async (policy, expected) => {
    const { consumer, partition, settle, run } = consumerKit({ 'auto.offset.reset': policy })
    fill(partition, 0, 3)
    consumer.assign([t0])
    const polled = consumer.poll({ timeoutMs: 5000 })
    await run(100)
    fill(partition, 3, 4)
    const more = policy === 'earliest' ? await settle(consumer.close().then(() => polled)) : await settle(polled)
    expect(values(more)).toEqual(policy === 'earliest' ? ['v0', 'v1', 'v2'] : expected)
  })
  /** Back to the time of the record with that number. */
  const backTo = (kit: ReturnType<typeof consumerKit>, record: number): `by_duration:${string}` => `by_duration:PT${(kit.scheduler.clock.now() - 1000 - record) / 1000}S`
  test('without a committed offset, by duration: at the first record that is not older, and where the position is out of range too', async () => {
    const kit = consumerKit()
    fill(kit.partition, 0, 9)
    const consumer = kit.clients.consumer({ 'auto.offset.reset': backTo(kit, 6) })
    consumer.assign([t0])
    expect(values(await kit.settle(consumer.poll()))).toEqual(range(6, 9))
    consumer.assign([{ ...t0, offset: 99 }])
    expect(values(await kit.settle(consumer.poll()))).toEqual(range(6, 9))
  })
  test('by duration, where all records are older: at the end as it was before they were looked through', async () => {
    const kit = consumerKit()
    fill(kit.partition, 0, 3)
    const consumer = kit.clients.consumer({ 'auto.offset.reset': backTo(kit, 100) })
    kit.broker.faults = (api, _, call) => {
      if (api === 'listOffsets' && call === 2) fill(kit.partition, 3, 4)
      return undefined
    }
    consumer.assign([t0])
    expect(values(await kit.settle(consumer.poll({ timeoutMs: 5000 })))).toEqual(['v3'])
  })
  test('by duration, an end that is not told is asked for again', async () => {
    const kit = consumerKit()
    fill(kit.partition, 0, 3)
    const consumer = kit.clients.consumer({ 'auto.offset.reset': backTo(kit, 100) })
    kit.broker.faults = (api, _, call) => api === 'listOffsets' && call === 1 ? { errorCode: 6 } : undefined
    consumer.assign([t0])
    const polled = consumer.poll({ timeoutMs: 5000 })
    await kit.run(2000)
    fill(kit.partition, 3, 4)
    expect(values(await kit.settle(polled))).toEqual(['v3'])
  })
  test('none is an error with advice, until there is an offset', async () => {
    const kit = consumerKit(group({ 'auto.offset.reset': 'none' }))
    fill(kit.partition, 0, 3)
    kit.consumer.assign([t0])
    for (let i = 0; i < 2; i++) await expect(kit.settle(kit.consumer.poll())).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', topic: 't', partition: 0 })
    await kit.settle(kit.consumer.seek({ ...t0, offset: 1 }))
    expect(values(await kit.settle(kit.consumer.poll()))).toEqual(['v1', 'v2'])
  })
  test('at the committed offset, or where assign says', async () => {
    const kit = consumerKit(group())
    fill(kit.partition, 0, 5)
    await kit.settle(kit.clients.admin.alterGroupOffsets('g', [{ ...t0, offset: 3 }]))
    kit.consumer.assign([t0])
    expect(values(await kit.settle(kit.consumer.poll()))).toEqual(['v3', 'v4'])
    kit.consumer.assign([{ ...t0, offset: 1 }])
    expect(values(await kit.settle(kit.consumer.poll()))).toEqual(range(1, 5))
  })
  test('an offset that is gone is reset by policy, or an error', async () => {
    const kit = consumerKit()
    fill(kit.partition, 0, 10, 1)
    kit.partition.logStartOffset = 4
    kit.consumer.assign([{ ...t0, offset: 2 }])
    expect(values(await kit.settle(kit.consumer.poll()))[0]).toBe('v4')
    expect(kit.logger.messages('info')).toEqual(['position is out of range: it is reset'])
    const strict = kit.clients.consumer({ 'auto.offset.reset': 'none' })
    strict.assign([{ ...t0, offset: 99 }])
    await expect(kit.settle(strict.poll())).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', offset: 99 })
  })
  test('is asked again when the coordinator is not ready, never taken for 0', async () => {
    const kit = consumerKit(group())
    fill(kit.partition, 0, 5)
    await kit.settle(kit.clients.admin.alterGroupOffsets('g', [{ ...t0, offset: 4 }]))
    kit.broker.faults = (api, _, call) => api === 'offsetFetch' && call <= 4
      ? [{ errorCode: 14 }, { errorCode: 88 }, { errorCode: 16 }, { errorCode: 15 }][call - 1] : api === 'listOffsets' ? { errorCode: 78 } : undefined
    kit.consumer.assign([t0])
    expect(values(await kit.settle(kit.consumer.poll({ timeoutMs: 10_000 })))).toEqual(['v4'])
  })
  test('at an end that a broker failed to find is asked for again, as by Kafka', async () => {
    const kit = consumerKit()
    fill(kit.partition, 0, 2)
    kit.broker.faults = (api, _, call) => api === 'listOffsets' && call <= 2 ? { errorCode: -1 } : undefined
    kit.consumer.assign([t0])
    expect(values(await kit.settle(kit.consumer.poll({ timeoutMs: 10_000 })))).toEqual(['v0', 'v1'])
  })
  test('a final failure of the lookup is told', async () => {
    const kit = consumerKit(group())
    kit.broker.faults = (api) => api === 'offsetFetch' ? { errorCode: 24 } : undefined
    kit.consumer.assign([t0])
    expect(await kit.settle(outcome(kit.consumer.poll()))).toBe('INVALID_GROUP_ID')
  })
})

describe('a log that was truncated', () => {
  /** From its next answer on, the broker says once that its log is another from `offset` on. */
  const truncateAt = ({ broker }: ReturnType<typeof consumerKit>, offset: number): { asked: (number | undefined)[] } => {
    const { fetch } = broker
    const asked: (number | undefined)[] = []
    broker.fetch = async (request) => {
      asked.push(request.partitions[0]!.lastFetchedEpoch)
      if (asked.length > 1) return fetch.call(broker, request)
      const nothing = { errorCode: 0, highWatermark: 20, lastStableOffset: 20, logStartOffset: 0, abortedTransactions: null, records: new Uint8Array(0) }
      return { partitions: [{ ...t0, ...nothing, divergesAt: offset }] }
    }
    return { asked }
  }

  test('is read on from where it was cut, and so committed', async () => {
    const kit = consumerKit(group())
    fill(kit.partition, 0, 20)
    kit.consumer.assign([t0])
    expect(values(await kit.settle(kit.consumer.poll()))).toHaveLength(20)
    const { asked } = truncateAt(kit, 15)
    kit.consumer.resume()
    expect(values(await kit.settle(kit.consumer.poll({ timeoutMs: 5000 })))).toEqual(['v15', 'v16', 'v17', 'v18', 'v19'])
    expect(asked.slice(0, 2)).toEqual([kit.partition.records()[19]!.leaderEpoch, -1])
    expect(kit.logger.messages('warn')).toEqual(['the log was truncated: reading goes on where it was'])
    await kit.settle(kit.consumer.commit([{ ...t0, offset: 15 }]))
    await kit.settle(kit.consumer.close())
  })
  test('is noticed from a commit on by the epoch that was committed', async () => {
    const kit = consumerKit(group())
    fill(kit.partition, 0, 20)
    await kit.settle(kit.consumer.commit([{ ...t0, offset: 10, leaderEpoch: 6 }]))
    kit.consumer.assign([t0])
    const { asked } = truncateAt(kit, 8)
    expect(values(await kit.settle(kit.consumer.poll({ timeoutMs: 5000 })))[0]).toBe('v8')
    expect(asked.slice(0, 2)).toEqual([6, -1])
  })
  test('behind what the application has had so far leaves nothing out', async () => {
    const kit = consumerKit({ 'max.poll.records': 4 })
    fill(kit.partition, 0, 10)
    kit.consumer.assign([t0])
    expect(values(await kit.settle(kit.consumer.poll()))).toEqual(['v0', 'v1', 'v2', 'v3'])
    truncateAt(kit, 8)
    await kit.run(2000)
    expect(values(await kit.settle(kit.consumer.poll({ timeoutMs: 5000 })))).toEqual(['v4', 'v5', 'v6', 'v7'])
  })
  test('is told with the offset where auto.offset.reset is none', async () => {
    const kit = consumerKit({ 'auto.offset.reset': 'none' })
    fill(kit.partition, 0, 10)
    kit.consumer.assign([{ ...t0, offset: 0 }])
    expect(values(await kit.settle(kit.consumer.poll()))).toHaveLength(10)
    truncateAt(kit, 8)
    kit.consumer.resume()
    await expect(kit.settle(kit.consumer.poll({ timeoutMs: 5000 }))).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', offset: 8 })
    await kit.settle(kit.consumer.seek({ ...t0, offset: 8 }))
    expect(values(await kit.settle(kit.consumer.poll()))).toEqual(['v8', 'v9'])
  })
})

describe('seek', () => {
  const seeking = async (target: object) => {
    const kit = consumerKit()
    for (let i = 0; i < 20; i += 5) kit.partition.store(buildBatch(Array.from({ length: 5 },
      (_, k) => ({ timestamp: 1000 + 10 * (i + k), value: `v${i + k}` }))))
    kit.consumer.assign([t0])
    await kit.settle(readSome(kit.consumer, 7))
    await kit.settle(kit.consumer.seek({ ...t0, ...target } as never))
    return { ...kit, position: kit.consumer.position(t0) }
  }
  test.each([[{ offset: 12 }, 12], [{ offset: 'earliest' }, 0], [{ offset: 'latest' }, 20], [{ timestamp: 1031 }, 4], [{ timestamp: new Date(1190) }, 19],
    [{ timestamp: 5000 }, 20], [{ timestamp: 0 }, 0]])('to %j', async (target, expected) => {
    const { position, settle, consumer } = await seeking(target)
    expect(position).toBe(expected)
    expect(values(await settle(consumer.poll({ timeoutMs: 50 })))[0]).toBe(expected === 20 ? undefined : `v${expected}`)
  })
  test('inside a loop takes effect with the next record, and what was buffered is dropped', async () => {
    const { consumer, partition, settle } = consumerKit()
    fill(partition, 0, 20)
    consumer.assign([t0])
    const seen: number[] = []
    await settle((async () => {
      for await (const record of consumer) {
        seen.push(record.offset)
        if (seen.length === 3) await consumer.seek({ ...t0, offset: 15 })
        if (seen.length === 5) await consumer.seek({ ...t0, offset: 1 })
        if (seen.length === 7) break
      }
    })())
    expect(seen).toEqual([0, 1, 2, 15, 16, 1, 2])
  })
  test.each([[{ topic: 't', partition: 3, offset: 1 }, /t-3 is not assigned/], [{ ...t0, offset: 1.5 }, /offset for t-0 is 1.5/],
    [{ ...t0, offset: -1 }, /is -1/], [{ ...t0, offset: 'end' }, /seek takes/], [{ ...t0, timestamp: 'x' }, /seek takes/],
    [t0, /seek takes/]])('refuses %j', async (target, message) => {
    const { consumer } = consumerKit()
    consumer.assign([t0])
    await expect(consumer.seek(target as never)).rejects.toThrow(message)
  })
})

test('what came meanwhile is handed out when those that were to follow are paused', async () => {
  const { consumer, partitions, settle, scheduler } = consumerKit({ 'max.poll.records': 2 }, 12)
  for (const partition of partitions.slice(0, 11)) fill(partition, 0, 4)
  consumer.assign(partitions.map((_, partition) => ({ topic: 't', partition })))
  const seen: string[] = []
  await settle((async () => {
    for await (const record of consumer) {
      seen.push(`${record.partition}:${record.offset}`)
      if (seen.length === 1) {
        fill(partitions[11]!, 0, 1)
        await new Promise((resolve) => { scheduler.soon(() => resolve(null)) })
        consumer.pause(partitions.slice(0, 11).map((_, partition) => ({ topic: 't', partition })))
      }
      if (record.partition === 11) break
    }
  })())
  expect(seen).toEqual(['0:0', '11:0'])
})

test.each([1, 200])('what is paused and holds more than fetch.max.bytes of %i does not keep the others waiting', async (most) => {
  const { consumer, partitions, settle } = consumerKit({ 'fetch.max.bytes': most, 'max.poll.records': 1 }, 3)
  for (const partition of partitions) fill(partition, 0, 10)
  consumer.assign(partitions.map((_, partition) => ({ topic: 't', partition })))
  const seen: string[] = []
  for (let i = 0; i < 12; i++) {
    const [batch] = await settle(consumer.poll({ timeoutMs: 5000 }))
    for (const record of batch ?? []) seen.push(`${record.partition}:${record.offset}`)
    // Of the first two what was fetched with it stays behind.
    if (i < 2) consumer.pause([{ topic: 't', partition: batch!.partition }])
  }
  expect(seen.slice(2)).toEqual(Array.from({ length: 10 }, (_, i) => `2:${i}`))
})

test('pause keeps what is buffered and hands out others; resume goes on', async () => {
  const { consumer, partitions, settle } = consumerKit({ 'max.poll.records': 5 }, 2)
  for (const partition of partitions) fill(partition, 0, 10)
  const t1 = { topic: 't', partition: 1 }
  consumer.assign([t0, t1])
  const seen: string[] = []
  await settle((async () => {
    for await (const record of consumer) {
      seen.push(`${record.partition}:${record.offset}`)
      if (seen.length === 2) consumer.pause([t0])
      if (seen.length === 12) break
    }
  })())
  expect(seen.slice(0, 2)).toEqual(['0:0', '0:1'])
  expect(seen.slice(2)).toEqual(Array.from({ length: 10 }, (_, i) => `1:${i}`))
  expect(await settle(consumer.poll({ timeoutMs: 100 }))).toEqual([])
  consumer.resume()
  expect(values(await settle(consumer.poll()))).toEqual(range(2, 7))
  consumer.pause()
  expect(await settle(consumer.poll({ timeoutMs: 100 }))).toEqual([])
})

test('lag counts records and age, of partitions near and far', async () => {
  const kit = consumerKit(group(), 2)
  kit.scheduler.clock.setWall(100_000)
  fill(kit.partition, 0, 10)
  kit.consumer.assign([t0, { topic: 't', partition: 1 }])
  expect(await kit.settle(kit.consumer.lag())).toEqual([
    { topic: 't', partition: 0, committed: -1, position: 0, highWatermark: 10, lag: 10, ageMs: 99_000 },
    { topic: 't', partition: 1, committed: -1, position: 0, highWatermark: 0, lag: 0, ageMs: 0 },
  ])
  await kit.settle(readSome(kit.consumer, 4))
  await kit.settle(kit.consumer.commit())
  fill(kit.partition, 10, 12)
  kit.scheduler.clock.setWall(200_000)
  expect((await kit.settle(kit.consumer.lag()))[0]).toEqual({ topic: 't', partition: 0, committed: 4, position: 4, highWatermark: 12, lag: 8,
    ageMs: 200_000 - 1004 })
})

test('lag of a partition that is given up meanwhile tells where it stood, not of position 0', async () => {
  const kit = consumerKit()
  fill(kit.partition, 0, 10)
  kit.consumer.assign([t0])
  await kit.settle(readSome(kit.consumer, 4))
  kit.broker.faults = (api) => api === 'listOffsets' ? { delayMs: 100 } : undefined
  const lag = kit.consumer.lag()
  await kit.run(50)
  kit.consumer.assign([])
  expect(await kit.settle(lag)).toMatchObject([{ position: 4, highWatermark: 10, lag: 6 }])
})

describe('explicit commits', () => {
  test('without arguments cover what was handed out, what is in hand included', async () => {
    const kit = consumerKit(group({ 'enable.auto.commit': false }))
    fill(kit.partition, 0, 10)
    kit.consumer.assign([t0])
    await kit.settle((async () => {
      let count = 0
      for await (const _ of kit.consumer) {
        if (++count === 3) {
          await kit.consumer.commit()
          break
        }
      }
    })())
    expect(committed(kit)).toBe(3)
    await kit.settle(kit.consumer.poll())
    await kit.settle(kit.consumer.commit())
    expect(committed(kit)).toBe(10)
    expect(await kit.settle(kit.consumer.committed())).toEqual([{ ...t0, offset: 10, leaderEpoch: 0, metadata: '' }])
    expect(await kit.settle(kit.consumer.committed([{ topic: 't', partition: 7 }]))).toEqual([])
  })
  test('of a batch: its last offset + 1', async () => {
    const kit = consumerKit(group({ 'enable.auto.commit': false, 'max.poll.records': 4 }))
    fill(kit.partition, 0, 10)
    kit.consumer.assign([t0])
    const seen: unknown[] = []
    await kit.settle((async () => {
      for await (const batch of kit.consumer.batches()) {
        await batch.commit()
        seen.push(committed(kit))
        if (seen.length === 3) break
      }
    })())
    expect(seen).toEqual([4, 8, 10])
  })
  test('of offsets given, with metadata', async () => {
    const kit = consumerKit(group())
    kit.consumer.assign([t0])
    await kit.settle(kit.consumer.commit([{ topic: 't', partition: 0, offset: 7, metadata: 'why' }]))
    expect(kit.broker.coordinator.group('g').offsets.get('t-0')).toEqual({ offset: 7, leaderEpoch: -1, metadata: 'why' })
    for (const wrong of [[{ ...t0, offset: -1 }], [{ ...t0, offset: Number.NaN }], 't', [{ topic: 't', offset: 1 }]]) {
      await expect(kit.consumer.commit(wrong as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })
  test('need a group', async () => {
    const { consumer } = consumerKit()
    consumer.assign([t0])
    expect(await outcome(consumer.commit())).toBe('INVALID_GROUP_ID')
    expect(await outcome(consumer.committed())).toBe('INVALID_GROUP_ID')
  })
  test('retry what may pass, and say what does not', async () => {
    const kit = consumerKit(group())
    kit.consumer.assign([t0])
    kit.broker.faults = (api, _, call) => api === 'offsetCommit' && call <= 3 ? { errorCode: 15 } : api === 'offsetCommit' && call === 5 ? { errorCode: 12 }
      : undefined
    await kit.settle(kit.consumer.commit([{ ...t0, offset: 1 }]))
    expect(committed(kit)).toBe(1)
    expect(await kit.settle(outcome(kit.consumer.commit([{ ...t0, offset: 2 }])))).toBe('OFFSET_METADATA_TOO_LARGE')
    kit.broker.faults = (api) => api === 'offsetCommit' ? { errorCode: 15 } : undefined
    expect(await kit.settle(outcome(kit.consumer.commit([{ ...t0, offset: 2 }])))).toBe('COORDINATOR_NOT_AVAILABLE')
  })
  test('never overtake each other', async () => {
    const kit = consumerKit(group())
    kit.consumer.assign([t0])
    kit.broker.faults = (api, _, call) => api === 'offsetCommit' && call === 1 ? { errorCode: 15 } : undefined
    await kit.settle(Promise.all([1, 2, 3].map((offset) => kit.consumer.commit([{ ...t0, offset }]))))
    expect(kit.broker.coordinator.commits.map(({ offset }) => offset)).toEqual([1, 2, 3])
  })
})

describe('auto commit', () => {
  const reading = (settings: ConsumerSettings = {}) => {
    const kit = consumerKit(group({ 'auto.commit.interval.ms': 100, ...settings }))
    fill(kit.partition, 0, 20)
    kit.consumer.assign([t0])
    return kit
  }
  test('takes only what is processed: the record in hand is not, until the next is asked for', async () => {
    const kit = reading()
    const iterator = kit.consumer[Symbol.asyncIterator]()
    for (let offset = 0; offset < 5; offset++) {
      expect((await kit.settle(iterator.next())).value?.offset).toBe(offset)
      await kit.run(150)
      expect(committed(kit)).toBe(offset)
    }
  })
  test('of batches and polls: what was asked beyond', async () => {
    const kit = reading({ 'max.poll.records': 6 })
    const batches = kit.consumer.batches()[Symbol.asyncIterator]()
    await kit.settle(batches.next())
    await kit.run(150)
    expect(committed(kit)).toBe(0)
    await kit.settle(batches.next())
    await kit.run(150)
    expect(committed(kit)).toBe(6)
    await batches.return!()
    await kit.run(150)
    expect(committed(kit)).toBe(12)
    await kit.settle(kit.consumer.poll())
    await kit.run(150)
    expect(committed(kit)).toBe(12)
    await kit.settle(kit.consumer.poll())
    await kit.run(150)
    expect(committed(kit)).toBe(18)
  })
  test('of a loop that was left by break: the record in hand too; thrown into: not', async () => {
    const kit = reading()
    await kit.settle(readSome(kit.consumer, 3))
    await kit.run(150)
    expect(committed(kit)).toBe(3)
    const iterator = kit.consumer[Symbol.asyncIterator]()
    await kit.settle(iterator.next())
    await iterator.throw!(new Error('mine')).catch(() => {})
    await kit.run(150)
    expect(committed(kit)).toBe(3)
    expect((await kit.settle(readSome(kit.consumer, 1)))[0]!.offset).toBe(3)
  })
  test('a process that dies while it works has committed nothing of that work', async () => {
    for (const dieAt of [0, 1, 7, 19]) {
      const kit = reading({ 'max.poll.records': 4 })
      const processed: number[] = []
      void (async () => {
        for await (const record of kit.consumer) {
          await new Promise<void>((resolve) => { if (record.offset < dieAt) kit.scheduler.after(70, resolve) })
          processed.push(record.offset)
        }
      })()
      await kit.run(30_000)
      expect(processed).toHaveLength(dieAt)
      expect(committed(kit)).toBe(dieAt)
    }
  })
  test('on close: what is finished; what poll gave is, the batch of a running loop is not', async () => {
    const polled = reading({ 'auto.commit.interval.ms': 60_000 })
    await polled.settle(polled.consumer.poll())
    await polled.settle(polled.consumer.close())
    expect(committed(polled)).toBe(20)
    const looping = reading({ 'auto.commit.interval.ms': 60_000, 'max.poll.records': 5 })
    const batches = looping.consumer.batches()[Symbol.asyncIterator]()
    await looping.settle(batches.next())
    await looping.settle(batches.next())
    await looping.settle(looping.consumer.close())
    expect(committed(looping)).toBe(5)
    expect(await batches.next()).toEqual({ done: true, value: undefined })
    const byDatabase = reading({ 'auto.commit.interval.ms': 60_000 })
    await byDatabase.settle(byDatabase.consumer.poll())
    await byDatabase.settle(byDatabase.clients.closeAll())
    expect(committed(byDatabase)).toBe(0)
  })
  test('keeps the place of a consumer that began at the end and got nothing', async () => {
    const kit = consumerKit(group({ 'auto.offset.reset': 'latest', 'auto.commit.interval.ms': 100 }))
    fill(kit.partition, 0, 5)
    kit.consumer.assign([t0])
    await kit.settle(kit.consumer.poll({ timeoutMs: 50 }))
    await kit.settle(kit.consumer.close())
    expect(committed(kit)).toBe(5)
  })
  test('moves behind what is not for the application, and does not repeat itself', async () => {
    const kit = reading()
    kit.partition.store(buildBatch([{ value: 'x' }], { isControl: true, isTransactional: true, producerId: 1, producerEpoch: 0 }))
    await kit.settle(kit.consumer.poll())
    await kit.settle(kit.consumer.poll({ timeoutMs: 200 }))
    await kit.run(1000)
    expect(committed(kit)).toBe(21)
    expect(kit.broker.coordinator.commits.length).toBeLessThan(4)
  })
  test('never takes back an explicit commit', async () => {
    const kit = reading()
    const iterator = kit.consumer[Symbol.asyncIterator]()
    await kit.settle(iterator.next())
    await kit.settle(iterator.next())
    await kit.settle(kit.consumer.commit())
    expect(committed(kit)).toBe(2)
    await kit.run(500)
    expect(committed(kit)).toBe(2)
  })
  test('that falls due while an explicit commit is under way goes no less far', async () => {
    const kit = reading()
    kit.broker.faults = (api) => api === 'offsetCommit' ? { delayMs: 250 } : undefined
    await kit.settle(kit.consumer.poll())
    const { commits } = kit.broker.coordinator
    await kit.settle(Promise.all([kit.consumer.commit(), kit.run(150)]))
    await kit.run(1000)
    expect(commits.map(({ offset }) => offset)).toEqual(commits.map(() => 20))
    expect(commits.length).toBeGreaterThan(0)
  })
  test('after a seek back takes nothing of what was in hand before', async () => {
    const kit = reading()
    const iterator = kit.consumer[Symbol.asyncIterator]()
    for (let i = 0; i < 8; i++) await kit.settle(iterator.next())
    await kit.settle(kit.consumer.seek({ ...t0, offset: 2 }))
    expect((await kit.settle(iterator.next())).value?.offset).toBe(2)
    await kit.run(150)
    expect(committed(kit)).toBe(2)
    const batches = kit.consumer.batches()[Symbol.asyncIterator]()
    await iterator.return!()
    await kit.settle(batches.next())
    await kit.settle(kit.consumer.seek({ ...t0, offset: 1 }))
    void batches.next()
    await kit.run(150)
    expect(committed(kit)).toBe(1)
  })
  test('that fails is logged and tried again; switched off it commits nothing', async () => {
    const kit = reading({ 'default.api.timeout.ms': 50 })
    kit.broker.faults = (api, _, call) => api === 'offsetCommit' && call <= 3 ? { errorCode: 12 } : undefined
    await kit.settle(readSome(kit.consumer, 3))
    await kit.run(1000)
    expect(kit.logger.messages('warn')).toEqual(Array.from({ length: 3 }, () => 'auto commit failed: records may be read again'))
    expect(committed(kit)).toBe(3)
    const off = reading({ 'enable.auto.commit': false })
    await off.settle(readSome(off.consumer, 3))
    await off.run(1000)
    await off.settle(off.consumer.close())
    expect(committed(off)).toBeUndefined()
  })
})
