import { beforeEach, describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { systemRandom } from '../common/random.ts'
import type { ReadOptions, ReadResult } from '../log/log-types.ts'
import type { FetchRequest, FetchResponse } from '../protocol/broker-api.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
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
  /** Reads are answered when this says so, as those of another thread are. */
  held: ((bytes: number) => Promise<void>) | null = null
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
    await this.held?.(maxBytes)
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
    expect([await waiting.done(), sizes(await waiting.answer), used, kept]).toEqual([true, [200, 0], 200, [200]])
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

  test('that was woken for nothing waits on, and does not look again until something comes', async () => {
    const fetch = begin(request([['b', 0, 0]]))
    expect(await fetch.done()).toBe(false)
    const find = context.logs.get.bind(context.logs)
    let looks = 0
    Object.assign(context.logs, { get: (topic: string, partition: number) => {
      // Who looks for ever never gives way.
      if (++looks > 100) throw new Error('looks again and again')
      return find(topic, partition)
    } })
    waiters.wake('b')
    expect([await fetch.done(), looks]).toEqual([false, 1])
    logs[2]!.grow(1)
    expect([await fetch.done(), sizes(await fetch.answer)]).toEqual([true, [100]])
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

  test.each([[0, null], [1, []]] as const)('with isolation level %i tells of aborted transactions %j, at the end and before it', async (isolationLevel, abortedTransactions) => {
    const { partitions } = await handleFetch(context, request([['a', 0, 0], ['a', 1, 10]], { isolationLevel, maxWaitMs: 0 }))
    expect(partitions.map((each) => [each.records.length, each.abortedTransactions])).toEqual([[300, abortedTransactions], [0, abortedTransactions]])
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

  /** Reads that are under way, and the bytes that each may bring. */
  class Desk {
    readonly out: { bytes: number; answer: () => void }[] = []
    most = 0

    readonly hold = (bytes: number): Promise<void> => new Promise((answer) => {
      this.out.push({ bytes, answer })
      this.most = Math.max(this.most, this.out.length)
    })

    /** Answers them in any order, until nothing is asked any more; `look` is called before each. */
    async run(random: SeededRandom, look: () => void = () => {}): Promise<void> {
      await scheduler.runUntilIdle()
      while (this.out.length > 0) {
        look()
        this.out.splice(random.int(this.out.length), 1)[0]!.answer()
        await scheduler.runUntilIdle()
      }
    }
  }

  function heldLogs(counts: readonly number[], batchSize: number): Desk {
    const desk = new Desk()
    logs = counts.map((count, partition) => new FakeLog('many', partition, count, batchSize))
    topics.add('many')
    for (const log of logs) log.held = desk.hold
    Object.assign(context.config.values, { 'fetch.max.bytes': 1e9 })
    return desk
  }

  test('in process reads three partitions at a time once there is something, and answers in the order of the request', async () => {
    const desk = heldLogs(Array.from({ length: 10 }, (_, i) => 10 + i), 1000)
    const fetch = begin({ ...request([]), maxBytes: 8e6, partitions: logs.map(({ partition }) => ({ topic: 'many', partition, fetchOffset: 0, partitionMaxBytes: 4e6 })) })
    expect(await fetch.done()).toBe(false)
    expect(desk.out).toHaveLength(1)
    await desk.run(new SeededRandom(1))
    expect(desk.most).toBe(3)
    const { partitions } = await fetch.answer
    expect(partitions.map(({ partition, records }) => [partition, records.length, records[0]])).toEqual(logs.map(({ partition, size }) => [partition, size, partition + 1]))
  })

  test('over the wire reads one after another, into room that was taken for it', async () => {
    const desk = heldLogs([10, 10, 10, 10], 1000)
    const room = { take: (most: number) => Promise.resolve(most), give: () => {}, allocate: (bytes: number) => Buffer.alloc(bytes), keep: () => {}, release: () => {} }
    const fetch = begin({ ...request([]), maxBytes: 8e6, room, partitions: logs.map(({ partition }) => ({ topic: 'many', partition, fetchOffset: 0, partitionMaxBytes: 4e6 })) })
    await desk.run(new SeededRandom(1))
    expect([sizes(await fetch.answer), desk.most]).toEqual([[10_000, 10_000, 10_000, 10_000], 1])
  })

  test('reads at a time never bring more than the fetch may, and leave nothing out that fits', async () => {
    let beside = 0
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed)
      const batchSize = random.pick([1000, 100_000, 400_000])
      const desk = heldLogs(Array.from({ length: 1 + random.int(12) }, () => random.int(15)), batchSize)
      for (const log of logs) if (random.int(8) === 0) log.failure = new OttlaError('KAFKA_STORAGE_ERROR', 'gone')
      const maxBytes = random.pick([500_000, 2_000_000, 20_000_000, 1e9])
      const partitionMaxBytes = random.pick([300_000, 4_000_000])
      const fetch = begin({ ...request([]), maxWaitMs: 0, maxBytes, partitions: logs.map(({ partition }) => ({ topic: 'many', partition, fetchOffset: 0, partitionMaxBytes })) })
      await desk.run(random, () => { expect(desk.out.length === 1 || desk.out.reduce((sum, { bytes }) => sum + bytes, 0) <= maxBytes).toBe(true) })
      const { partitions } = await fetch.answer
      const got = partitions.map(({ records }) => records.length)
      const total = got.reduce((sum, size) => sum + size, 0)
      const isFirst = (place: number): boolean => got.findIndex((size) => size > 0) === place
      const whole = logs.map((log, place) => log.failure === null || log.size === 0 ? Math.min(log.size, Math.max(Math.floor(partitionMaxBytes / batchSize), isFirst(place) ? 1 : 0) * batchSize) : 0)
      expect(total <= maxBytes || got.filter((size) => size > 0).length === 1).toBe(true)
      const failures = logs.map(({ failure, size }) => failure === null || size === 0 ? 0 : 56)
      for (const [place, code] of codes(await fetch.answer).entries()) expect([0, failures[place]]).toContain(code)
      if (whole.reduce((sum, size) => sum + size, 0) <= maxBytes && batchSize <= partitionMaxBytes) expect([got, codes(await fetch.answer)]).toEqual([whole, failures])
      if (desk.most > 1) beside += 1
    }
    expect(beside).toBeGreaterThan(100)
  })
})
