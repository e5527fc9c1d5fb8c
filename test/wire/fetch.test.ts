/** Fetch, ListOffsets and OffsetForLeaderEpoch as raw requests: limits, epochs, topic ids, sessions, special timestamps. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { apis, type Apis } from '../../src/protocol/api-registry.ts'
import type { RequestInput, ResponseOf } from '../../src/protocol/api.ts'
import { batchOf } from '../support/broker-kit.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

const T0 = 1_704_067_200_000

let kit: WireKit
let client: RawClient
let topicId: string
beforeEach(async () => {
  kit = await listening()
  client = await RawClient.open(kit.port)
  topicId = (await kit.ottla.admin.createTopic('t', { partitions: 2 })).topicId
  for (const [index, values] of [['a', 'b'], ['c'], ['d']].entries()) {
    await kit.ottla.log('t', 0).append(batchOf(values, { timestamp: T0 + index * 1000 }), { origin: 'client', durable: false })
  }
})
afterEach(async () => {
  client.end()
  await kit.ottla.close()
})

type Partition = RequestInput<Apis['fetch']>['topics'][number]['partitions'][number]
type Answered = ResponseOf<Apis['fetch']>
const at = (partition: number, fetchOffset: number, more: Partial<Partition> = {}): Partition => ({ partition, fetchOffset, partitionMaxBytes: 100_000, ...more })

function fetch(version: number, partitions: readonly Partition[], more: Partial<RequestInput<Apis['fetch']>> = {}): Promise<Answered> {
  return client.call(apis.fetch, version, {
    maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 0, forgottenTopicsData: [], ...more,
    topics: partitions.length === 0 ? [] : [{ topic: 't', topicId, partitions, ...more.topics?.[0] }],
  })
}

const rowsOf = (answer: Answered): unknown[] => answer.responses.flatMap(({ partitions }) => partitions.map((each) => (
  [each.partitionIndex, each.errorCode, each.records?.length === 0 ? null : Number(Buffer.from(each.records!).readBigInt64BE(0)), each.highWatermark])))

describe('a fetch', () => {
  test.each([4, 11, 12, 13, 17])('gives whole batches from the one that holds the offset on, in version %i', async (version) => {
    expect(rowsOf(await fetch(version, [at(0, 1), at(1, 0)]))).toEqual([[0, 0, 0, 4], [1, 0, null, 0]])
    expect(rowsOf(await fetch(version, [at(0, 2)]))).toEqual([[0, 0, 2, 4]])
    expect(rowsOf(await fetch(version, [at(0, 4)]))).toEqual([[0, 0, null, 4]])
  })

  test('gives at least one batch, and no more than fits otherwise', async () => {
    const size = batchOf(['c']).length
    const lengths = async (partitions: Partition[], maxBytes: number): Promise<number[]> => (
      (await fetch(11, partitions, { maxBytes })).responses[0]!.partitions.map(({ records }) => records!.length))
    expect(await lengths([at(0, 2, { partitionMaxBytes: 1 })], 1_000_000)).toEqual([size])
    expect(await lengths([at(0, 2), at(0, 3)], size)).toEqual([size, 0])
  })

  test.each([11, 13])('answers in the order of the request, where topics take turns in it, in version %i', async (version) => {
    const u = await kit.ottla.admin.createTopic('u')
    const [first, second] = [{ topic: 't', topicId }, { topic: 'u', topicId: u.topicId }]
    const { responses } = await client.call(apis.fetch, version, {
      maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 0, forgottenTopicsData: [],
      topics: [{ ...first, partitions: [at(1, 0)] }, { ...second, partitions: [at(0, 0)] }, { ...first, partitions: [at(0, 0)] }, { ...first, partitions: [at(7, 0)] }],
    })
    const names = responses.map((each) => (version < 13 ? each.topic : each.topicId === topicId ? 't' : 'u'))
    expect(responses.map(({ partitions }, index) => [names[index], partitions.map(({ partitionIndex }) => partitionIndex)])).toEqual([['t', [1]], ['u', [0]], ['t', [0, 7]]])
  })

  test('tells what is out of range, unknown, and led by another epoch', async () => {
    const codesOf = (answer: Answered): number[] => answer.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
    expect(codesOf(await fetch(12, [at(0, 9)]))).toEqual([1])
    expect(codesOf(await fetch(12, [at(7, 0)]))).toEqual([3])
    expect(codesOf(await fetch(12, [at(0, 0, { currentLeaderEpoch: 5 })]))).toEqual([75])
    expect(codesOf(await fetch(12, [at(0, 0, { currentLeaderEpoch: 0 })]))).toEqual([0])
    const unknown = await client.call(apis.fetch, 13, {
      maxWaitMs: 60_000, minBytes: 1, isolationLevel: 0, forgottenTopicsData: [],
      topics: [{ topicId: 'BBBBBBBBBBBBBBBBBBBBBA', partitions: [at(0, 0)] }, { topicId, partitions: [at(0, 4)] }],
    })
    expect(codesOf(unknown)).toEqual([100, 0])
  })

  test('waits for what is not there yet, and comes back with it', async () => {
    const waiting = fetch(11, [at(0, 4)], { maxWaitMs: 60_000 })
    while (kit.ottla.metrics().fetchRequests === 0) await new Promise((resolve) => { setImmediate(resolve) })
    await kit.ottla.log('t', 0).append(batchOf(['e']), { origin: 'client', durable: false })
    expect(rowsOf(await waiting)).toEqual([[0, 0, 4, 5]])
  })
})

describe('a fetch session', () => {
  test('is given, tells only news, and is refused out of turn', async () => {
    const first = await fetch(12, [at(0, 4), at(1, 0)], { sessionId: 0, sessionEpoch: 0 })
    const { sessionId } = first
    expect([first.errorCode, sessionId > 0, rowsOf(first).length]).toEqual([0, true, 2])
    expect((await fetch(12, [], { sessionId, sessionEpoch: 1 })).responses).toEqual([])
    await kit.ottla.log('t', 1).append(batchOf(['x']), { origin: 'client', durable: false })
    const news = await fetch(12, [], { sessionId, sessionEpoch: 2 })
    expect([news.sessionId, rowsOf(news)]).toEqual([sessionId, [[1, 0, 0, 1]]])
    expect(await fetch(12, [], { sessionId, sessionEpoch: 2 })).toMatchObject({ errorCode: 71, responses: [] })
    expect(await fetch(13, [], { sessionId, sessionEpoch: 3 })).toMatchObject({ errorCode: 106 })
    expect(rowsOf(await fetch(12, [at(0, 3)], { sessionId, sessionEpoch: -1 }))).toEqual([[0, 0, 3, 4]])
    expect(await fetch(12, [], { sessionId, sessionEpoch: 3 })).toMatchObject({ errorCode: 70 })
  })
})

describe('an offset', () => {
  const listed = async (version: number, timestamps: readonly number[], partition = 0): Promise<unknown[]> => {
    const rows: unknown[] = []
    for (const timestamp of timestamps) {
      const answer = await client.call(apis.listOffsets, version, { replicaId: -1, topics: [{ name: 't', partitions: [{ partitionIndex: partition, timestamp }] }] })
      const { errorCode, offset, timestamp: found } = answer.topics[0]!.partitions[0]!
      rows.push([errorCode, offset, found])
    }
    return rows
  }

  test('is found at the end, at the start, and by time', async () => {
    expect(await listed(1, [-1, -2, 0, T0 + 500, T0 + 1000, T0 + 9999])).toEqual([[0, 4, -1], [0, 0, -1], [0, 0, T0], [0, 2, T0 + 1000], [0, 2, T0 + 1000], [0, -1, -1]])
  })

  test('of special timestamps is told from the version on that knows them', async () => {
    expect(await listed(6, [-3, -4, -5])).toEqual([[35, -1, -1], [35, -1, -1], [35, -1, -1]])
    expect(await listed(7, [-3, -4])).toEqual([[0, 3, T0 + 2000], [35, -1, -1]])
    expect(await listed(9, [-4, -5, -6])).toEqual([[0, 0, -1], [0, -1, -1], [35, -1, -1]])
  })

  test('asked for twice, or of what there is not, is an error of its own', async () => {
    const ask = { partitionIndex: 0, timestamp: -1 }
    const partitions = [ask, ask, { partitionIndex: 1, timestamp: -1 }, { partitionIndex: 8, timestamp: -1 }]
    const answer = await client.call(apis.listOffsets, 5, { replicaId: -1, topics: [{ name: 't', partitions }] })
    expect(answer.topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([42, 0, 3])
    const fenced = await client.call(apis.listOffsets, 5, { replicaId: -1, topics: [{ name: 't', partitions: [{ ...ask, currentLeaderEpoch: 4 }] }] })
    expect(fenced.topics[0]!.partitions[0]!.errorCode).toBe(75)
  })

  test('at the end of an epoch is told, and the question is fenced', async () => {
    const ask = (leaderEpoch: number, currentLeaderEpoch: number): Promise<ResponseOf<Apis['offsetForLeaderEpoch']>> => (
      client.call(apis.offsetForLeaderEpoch, 4, { topics: [{ topic: 't', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }] }))
    expect((await ask(0, -1)).topics[0]!.partitions).toEqual([{ errorCode: 0, partition: 0, leaderEpoch: 0, endOffset: 4 }])
    expect((await ask(0, 9)).topics[0]!.partitions).toEqual([{ errorCode: 75, partition: 0, leaderEpoch: -1, endOffset: -1 }])
  })
})
