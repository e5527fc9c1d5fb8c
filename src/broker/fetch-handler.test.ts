import { beforeEach, describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { systemRandom } from '../common/random.ts'
import type { ReadOptions, ReadResult } from '../log/log-types.ts'
import type { FetchRequest, FetchResponse } from '../protocol/broker-api.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import type { BrokerContext, BrokerLog } from './broker-context.ts'
import { BrokerMetrics } from './broker-metrics.ts'
import { handleFetch } from './fetch-handler.ts'
import { FetchWaiters } from './fetch-waiters.ts'

/** A log whose record n is one batch of `batchSize` bytes holding n. */
class FakeLog {
  readonly topic: string
  readonly partition: number
  batchSize: number
  logStartOffset = 0
  highWatermark: number
  lastStableOffset: number
  leaderEpoch = 3
  reads = 0
  failure: OttlaError | null = null
  readonly #listeners = new Set<() => void>()

  constructor(topic: string, partition: number, count: number, batchSize = 100) {
    this.topic = topic
    this.partition = partition
    this.highWatermark = count
    this.lastStableOffset = count
    this.batchSize = batchSize
  }

  get size(): number { return this.highWatermark * this.batchSize }
  get listeners(): number { return this.#listeners.size }
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  grow(count: number, stable = true): void {
    this.highWatermark += count
    if (stable) this.lastStableOffset = this.highWatermark
    this.wake()
  }
  wake(): void { for (const listener of this.#listeners) listener() }
  async read(offset: number, { maxBytes, isolation, minOneMessage }: ReadOptions): Promise<ReadResult> {
    this.reads += 1
    if (this.failure !== null) throw this.failure
    const end = isolation === 'committed' ? this.lastStableOffset : this.highWatermark
    if (offset < this.logStartOffset || offset > this.highWatermark) throw new OttlaError('OFFSET_OUT_OF_RANGE', 'out of range')
    let count = Math.min(Math.max(0, end - offset), Math.floor(maxBytes / this.batchSize))
    if (count === 0 && minOneMessage === true && offset < end) count = 1
    const { highWatermark, lastStableOffset, logStartOffset } = this
    const records = new Uint8Array(count * this.batchSize).fill(this.partition + 1)
    return { records, nextOffset: offset + count, highWatermark, lastStableOffset, logStartOffset, abortedTransactions: isolation === 'committed' ? [] : null }
  }
}

describe('fetch', () => {
  let scheduler: ManualScheduler
  let logs: FakeLog[]
  let topics: Set<string>
  let waiters: FetchWaiters
  let context: BrokerContext

  beforeEach(() => {
    scheduler = new ManualScheduler()
    logs = [new FakeLog('a', 0, 10), new FakeLog('a', 1, 10), new FakeLog('b', 0, 0)]
    topics = new Set(['a', 'b'])
    waiters = new FetchWaiters()
    context = {
      logs: { get: (topic: string, partition: number) => logs.find((log) => topics.has(topic) && log.topic === topic && log.partition === partition) as unknown as BrokerLog },
      topics: { get: (topic: string) => (topics.has(topic) ? { partitionCount: topic === 'many' ? 300 : 2 } : undefined) },
      config: { values: { 'fetch.max.bytes': 5000 } },
      waiters, metrics: new BrokerMetrics(), ports: { clock: scheduler.clock, scheduler, random: systemRandom, logger: new RecordingLogger() },
    } as unknown as BrokerContext
  })

  function request(partitions: [string, number, number][], more: Partial<FetchRequest> = {}): FetchRequest {
    return {
      maxWaitMs: 500, minBytes: 1, maxBytes: 1000, isolationLevel: 0,
      partitions: partitions.map(([topic, partition, fetchOffset]) => ({ topic, partition, fetchOffset, partitionMaxBytes: 300 })), ...more,
    }
  }
  const sizes = (response: FetchResponse): number[] => response.partitions.map((each) => each.records.length)
  const codes = (response: FetchResponse): number[] => response.partitions.map((each) => each.errorCode)

  /** Begins a fetch; `done` tells whether it was answered, once everything due has run. */
  function begin(what: FetchRequest): { answer: Promise<FetchResponse>; done(): Promise<boolean> } {
    let isDone = false
    const answer = handleFetch(context, what)
    answer.then(() => { isDone = true }, () => { isDone = true })
    return { answer, done: async () => { await scheduler.runUntilIdle(); return isDone } }
  }

  test('answers at once when there is data, and listens to nothing', async () => {
    const fetch = begin(request([['a', 0, 0], ['b', 0, 0]]))
    expect(await fetch.done()).toBe(true)
    expect(sizes(await fetch.answer)).toEqual([300, 0])
    expect([scheduler.pendingTimers, logs[0]!.listeners, waiters.size]).toEqual([0, 0, 0])
  })

  test('serves partitions in their order within the budget of the request, then of the broker', async () => {
    expect(sizes(await handleFetch(context, request([['a', 1, 0], ['a', 0, 0]], { maxBytes: 450 })))).toEqual([300, 100])
    for (const log of logs) log.batchSize = 2000
    expect(sizes(await handleFetch(context, request([['a', 0, 0], ['a', 1, 0]], { maxBytes: 1e9, partitions: [
      { topic: 'a', partition: 0, fetchOffset: 0, partitionMaxBytes: 1e9 }, { topic: 'a', partition: 1, fetchOffset: 0, partitionMaxBytes: 1e9 }] })))).toEqual([4000, 0])
  })

  test('reads no more than there is room for, answers with that, and gives back what it did not use', async () => {
    let used = 0
    const kept: number[] = []
    const room = {
      take: (most: number) => { used += Math.min(most, 250); return Promise.resolve(Math.min(most, 250)) }, give: (bytes: number) => { used -= bytes },
      allocate: (bytes: number) => Buffer.alloc(bytes), keep: ({ length }: Uint8Array) => { kept.push(length) }, release: () => { kept.length = used = 0 },
    }
    const short = begin(request([['a', 0, 0], ['a', 1, 0]], { minBytes: 400, room }))
    expect(await short.done()).toBe(true)
    expect([sizes(await short.answer), used, kept]).toEqual([[200, 0], 200, [200, 0]])
    room.release()
    const waiting = begin(request([['b', 0, 0], ['a', 0, 10]], { minBytes: 200, maxBytes: 250, room }))
    expect([await waiting.done(), used]).toEqual([false, 0])
    logs[2]!.grow(1)
    expect([await waiting.done(), used]).toEqual([false, 0])
    logs[2]!.grow(1)
    expect([await waiting.done(), sizes(await waiting.answer), used, kept]).toEqual([true, [200, 0], 200, [200, 0]])
    room.release()
    const late = begin(request([['b', 0, 1]], { minBytes: 250, maxBytes: 250, room }))
    expect(await late.done()).toBe(false)
    await scheduler.advance(500)
    expect([sizes(await late.answer), used]).toEqual([[100], 100])
  })

  test('gives the first batch whole however large, but only of the first partition with data', async () => {
    for (const log of logs) log.batchSize = 4000
    expect(sizes(await handleFetch(context, request([['b', 0, 0], ['a', 0, 0], ['a', 1, 0]])))).toEqual([0, 4000, 0])
  })

  test('in process does not read what is asked for behind a batch that found no room', async () => {
    logs.push(new FakeLog('b', 1, 10))
    logs[1]!.batchSize = 400
    const response = await handleFetch(context, request([['a', 0, 0], ['a', 1, 0], ['b', 1, 0], ['b', 0, 1]], { maxBytes: 500 }))
    expect([sizes(response), logs.map((log) => log.reads)]).toEqual([[300, 0, 0, 0], [1, 1, 0, 0]])
    expect(response.partitions.map((each) => [each.errorCode, each.highWatermark])).toEqual([[0, 10], [0, 10], [0, 10], [0, 0]])
    // What is used up to the last byte leaves nothing to look for either.
    const full = await handleFetch(context, request([['a', 0, 0], ['b', 1, 0]], { maxBytes: 300 }))
    expect([sizes(full), logs[3]!.reads]).toEqual([[300, 0], 0])
  })

  test('waits for data and answers as soon as it comes', async () => {
    const fetch = begin(request([['b', 0, 0], ['a', 0, 10]]))
    expect(await fetch.done()).toBe(false)
    await scheduler.advance(100)
    logs[2]!.grow(1)
    expect(await fetch.done()).toBe(true)
    expect(sizes(await fetch.answer)).toEqual([100, 0])
    expect([scheduler.pendingTimers, logs[0]!.listeners, logs[2]!.listeners, waiters.size]).toEqual([0, 0, 0, 0])
  })

  test('answers with nothing when the wait is over', async () => {
    const fetch = begin(request([['b', 0, 0]]))
    await scheduler.advance(499)
    expect(await fetch.done()).toBe(false)
    await scheduler.advance(1)
    expect(sizes(await fetch.answer)).toEqual([0])
    expect(codes(await fetch.answer)).toEqual([0])
  })

  test('waits for min bytes, does not read again before they are there, and at the end gives what there is', async () => {
    const fetch = begin(request([['b', 0, 0]], { minBytes: 250 }))
    expect(await fetch.done()).toBe(false)
    const reads = logs[2]!.reads
    logs[2]!.grow(2)
    expect(await fetch.done()).toBe(false)
    expect(logs[2]!.reads).toBe(reads)
    await scheduler.advance(500)
    expect(sizes(await fetch.answer)).toEqual([200])

    const second = begin(request([['b', 0, 0]], { minBytes: 250 }))
    expect(await second.done()).toBe(false)
    logs[2]!.grow(1)
    expect(await second.done()).toBe(true)
    expect(sizes(await second.answer)).toEqual([300])
  })

  test('counts towards min bytes only what came since it read', async () => {
    const fetch = begin(request([['a', 0, 10]], { minBytes: 250 }))
    expect(await fetch.done()).toBe(false)
    logs[0]!.grow(2)
    expect(await fetch.done()).toBe(false)
    expect(logs[0]!.reads).toBe(0)
    logs[0]!.grow(1)
    expect(await fetch.done()).toBe(true)
    expect(sizes(await fetch.answer)).toEqual([300])
  })

  test('does not wait for more than it may return', async () => {
    expect(sizes(await handleFetch(context, request([['a', 0, 0]], { minBytes: 1e9, maxBytes: 300 })))).toEqual([300])
  })

  test('does not wait when told not to', async () => {
    expect(sizes(await handleFetch(context, request([['b', 0, 0]], { maxWaitMs: 0 })))).toEqual([0])
    expect(sizes(await handleFetch(context, request([])))).toEqual([])
  })

  test('does not wait when a partition has an error', async () => {
    const response = await handleFetch(context, request([['b', 0, 0], ['a', 0, 11], ['a', 1, 0], ['none', 0, 0], ['a', 2, 0]]))
    expect(codes(response)).toEqual([0, 1, 0, 3, 3])
    expect(sizes(response)).toEqual([0, 0, 300, 0, 0])
    expect(response.partitions[1]).toMatchObject({ highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 })
    expect(response.partitions[4]?.error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'a', partition: 2 })
  })

  test('checks the leader epoch when one is given', async () => {
    const at = (currentLeaderEpoch: number): FetchRequest => request([], { partitions: [{ topic: 'a', partition: 0, fetchOffset: 0, partitionMaxBytes: 100, currentLeaderEpoch }] })
    expect(codes(await handleFetch(context, at(-1)))).toEqual([0])
    expect(codes(await handleFetch(context, at(3)))).toEqual([0])
    expect(codes(await handleFetch(context, at(2)))).toEqual([74])
    expect(codes(await handleFetch(context, at(4)))).toEqual([75])
  })

  test('ends early on its signal, with what is there', async () => {
    const controller = new AbortController()
    const fetch = begin(request([['b', 0, 0]], { signal: controller.signal, minBytes: 250 }))
    expect(await fetch.done()).toBe(false)
    logs[2]!.grow(1)
    controller.abort()
    expect(await fetch.done()).toBe(true)
    expect(sizes(await fetch.answer)).toEqual([100])
    expect(sizes(await handleFetch(context, request([['b', 0, 0]], { signal: controller.signal, minBytes: 250 })))).toEqual([100])
    expect(scheduler.pendingTimers).toBe(0)
  })

  test('wakes when a topic goes', async () => {
    const fetch = begin(request([['a', 0, 10], ['b', 0, 0]]))
    expect(await fetch.done()).toBe(false)
    topics.delete('b')
    waiters.wake('b')
    expect(await fetch.done()).toBe(true)
    expect(codes(await fetch.answer)).toEqual([0, 3])
  })

  test('ends when the broker closes, and waits no more', async () => {
    const fetch = begin(request([['b', 0, 0]]))
    expect(await fetch.done()).toBe(false)
    waiters.close()
    expect(await fetch.done()).toBe(true)
    const later = begin(request([['b', 0, 0]]))
    expect(await later.done()).toBe(true)
  })

  test('with read_committed sees stable records only, and wakes when old ones become stable', async () => {
    logs[2]!.grow(2, false)
    const fetch = begin(request([['b', 0, 0]], { isolationLevel: 1, minBytes: 150 }))
    expect(await fetch.done()).toBe(false)
    logs[2]!.lastStableOffset = 2
    logs[2]!.wake()
    expect(await fetch.done()).toBe(true)
    expect((await fetch.answer).partitions[0]).toMatchObject({ records: new Uint8Array(200).fill(1), abortedTransactions: [] })
  })

  test('reports damage with its error and goes on with other partitions', async () => {
    logs[0]!.failure = new OttlaError('LOG_CORRUPT', 'bad batch', { file: 'x', position: 5, offset: 7 })
    const response = await handleFetch(context, request([['a', 0, 0], ['a', 1, 0]]))
    expect(codes(response)).toEqual([2, 0])
    expect(response.partitions[0]?.error).toMatchObject({ code: 'LOG_CORRUPT', position: 5, offset: 7 })
  })

  test('counts what it gave', async () => {
    await handleFetch(context, request([['a', 0, 0]]))
    await handleFetch(context, request([['a', 0, 11]]))
    expect(context.metrics).toMatchObject({ fetchRequests: 2, fetchedBytes: 300, failedFetches: 1 })
  })

  test('over hundreds of partitions goes on waiting while more comes, not longer than a look at all of them takes', async () => {
    const many = Array.from({ length: 300 }, (_, partition) => new FakeLog('many', partition, 0))
    logs.push(...many)
    topics.add('many')
    const fetch = begin(request(many.map(({ partition }) => ['many', partition, 0]), { maxBytes: 5000 }))
    expect(await fetch.done()).toBe(false)
    // One a turn: the turns are the scheduler's, and its clock stands still until it is told otherwise.
    let sent = 0
    const more = (): void => {
      many[sent++]!.grow(1)
      if (sent < 40) scheduler.soon(more)
    }
    more()
    expect(await fetch.done()).toBe(true)
    expect(sizes(await fetch.answer).filter((size) => size > 0)).toHaveLength(40)
  })
})
