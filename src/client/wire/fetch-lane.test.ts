import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import { systemPorts } from '../../common/ports.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { FetchRequest, FetchResponse } from '../../protocol/broker-api.ts'
import { ScriptedBroker, type Answer, type Asked } from '../../../test/support/scripted-broker.ts'
import { nextTurn } from '../waiting.ts'
import { Cluster } from './cluster.ts'
import { FetchLane } from './fetch-lane.ts'
import { LinkPool } from './link-pool.ts'

type Fetch = typeof apis.fetch

/** Two brokers: partition n of topic t is led by broker n % 2, unless `leaders` says otherwise. */
const brokers: ScriptedBroker[] = []
let leaders: number[]
let lane: FetchLane
let pool: LinkPool

const ports = { ...systemPorts, logger: silentLogger }
const settings = {
  clientId: '', softwareVersion: '1', requestTimeoutMs: 5000, maxFrameBytes: 1_000_000, tls: null, credentials: null,
  setupTimeoutMs: 5000, maxSetupTimeoutMs: 5000, reconnectBackoffMs: 1, maxReconnectBackoffMs: 10, maxIdleMs: -1,
}

beforeEach(async () => {
  brokers.push(await ScriptedBroker.open(), await ScriptedBroker.open())
  leaders = [0, 1, 0, 1]
  for (const broker of brokers) {
    broker.on(apis.metadata, () => ({
      brokers: brokers.map((each, nodeId) => ({ nodeId, host: '127.0.0.1', port: each.port, rack: null })), controllerId: 0,
      topics: [{ errorCode: 0, name: 't', topicId: ZERO_UUID, isInternal: false,
        partitions: leaders.map((leaderId, partitionIndex) => ({ errorCode: 0, partitionIndex, leaderId, leaderEpoch: 3, replicaNodes: [0, 1], isrNodes: [0, 1], offlineReplicas: [] })) }],
    }))
  }
  pool = new LinkPool(settings, ports)
  const cluster = new Cluster([{ host: '127.0.0.1', port: brokers[0]!.port }], pool, { metadataMaxAgeMs: 300_000 }, ports)
  await cluster.locate(['t'])
  lane = new FetchLane(cluster, pool, { rackId: '', requestTimeoutMs: 5000, metadataMaxAgeMs: 300_000 }, ports)
})
afterEach(async () => {
  pool.close()
  await Promise.all(brokers.splice(0).map((each) => each.close()))
})

const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await nextTurn(systemPorts.scheduler) }

/** Whatever was sent to the brokers before has been answered. */
async function roundTrip(): Promise<void> {
  for (const { port } of brokers) await (await pool.get({ host: '127.0.0.1', port }, 'main')).call(apis.metadata, { topics: [] })
}

/** `records` of each partition are its name, so that an answer can be recognised. */
function answer(asked: Asked<Fetch>, only: (partition: number) => boolean = () => true, more: object = {}): Answer<Fetch> {
  return {
    throttleTimeMs: 0, errorCode: 0, sessionId: 0, ...more,
    responses: asked.body.topics.map(({ topic, partitions }) => ({
      topic, partitions: partitions.filter((each) => only(each.partition)).map((each) => ({
        partitionIndex: each.partition, errorCode: 0, highWatermark: 9, abortedTransactions: null, records: Buffer.from(`${topic}-${each.partition}@${each.fetchOffset}`),
      })),
    })),
  }
}
/** An answer about partition 0. */
const refusal = (errorCode: number, more: object = {}): Answer<Fetch> => ({
  throttleTimeMs: 0, errorCode: 0, sessionId: 0,
  responses: [{ topic: 't', partitions: [{ partitionIndex: 0, errorCode, highWatermark: 9, abortedTransactions: null, records: null, ...more }] }],
})
type Wish = readonly [partition: number, fetchOffset: number]
const ask = (partitions: readonly Wish[], signal: AbortSignal = new AbortController().signal): Promise<FetchResponse> => {
  const request: FetchRequest = {
    maxWaitMs: 1000, minBytes: 1, maxBytes: 1000, isolationLevel: 0, signal,
    partitions: partitions.map(([partition, fetchOffset]) => ({ topic: 't', partition, fetchOffset, partitionMaxBytes: 100 })),
  }
  return lane.fetch(request)
}
const texts = (response: FetchResponse): string[] => response.partitions
  .map((each) => each.errorCode === 0 ? Buffer.from(each.records).toString() : `${each.partition}: error ${each.errorCode}`).sort()

test('a quiet broker holds up nobody else, and is not asked twice', async () => {
  brokers[0]!.on(apis.fetch, (asked) => answer(asked))
  brokers[1]!.on(apis.fetch, () => 'silence')
  expect(texts(await ask([[0, 0], [1, 0]]))).toEqual(['t-0@0'])
  expect(texts(await ask([[0, 1], [1, 0]]))).toEqual(['t-0@1'])
  expect(brokers[1]!.bodies(apis.fetch).length).toBe(1)
})

test('each partition is asked of its leader, with the epoch that is known of it', async () => {
  for (const broker of brokers) broker.on(apis.fetch, (asked) => answer(asked))
  const seen: string[] = []
  while (seen.length < 4) seen.push(...texts(await ask([[0, 1], [1, 2], [2, 3], [3, 4]].filter(([p]) => !seen.some((each) => each.startsWith(`t-${p}`))) as [number, number][])))
  expect(seen.sort()).toEqual(['t-0@1', 't-1@2', 't-2@3', 't-3@4'])
  expect(brokers.map((each) => each.bodies(apis.fetch).flatMap((body) => body.topics.flatMap((topic) => topic.partitions.map((p) => [p.partition, p.currentLeaderEpoch])))))
    .toEqual([[[0, 3], [2, 3]], [[1, 3], [3, 3]]])
})

test('the epoch of what was read last goes along, and a log that took another turn is told', async () => {
  brokers[0]!.on(apis.fetch, () => refusal(0, { divergingEpoch: { epoch: 2, endOffset: 7 } }))
  const { partitions } = await lane.fetch({
    maxWaitMs: 1000, minBytes: 1, maxBytes: 1000, isolationLevel: 0, signal: new AbortController().signal,
    partitions: [{ topic: 't', partition: 0, fetchOffset: 9, lastFetchedEpoch: 3, partitionMaxBytes: 100 }],
  })
  expect(brokers[0]!.bodies(apis.fetch)[0]!.topics[0]!.partitions[0]).toMatchObject({ fetchOffset: 9, lastFetchedEpoch: 3 })
  expect(partitions).toMatchObject([{ partition: 0, errorCode: 0, divergesAt: 7 }])
})

test('a signal ends the call at once; what comes later is there for the next, unless that wants another offset', async () => {
  const gates: (() => void)[] = []
  brokers[0]!.on(apis.fetch, async (asked) => {
    await new Promise<void>((resolve) => gates.push(resolve))
    return answer(asked)
  })
  const controller = new AbortController()
  const call = ask([[0, 5], [2, 6]], controller.signal)
  await until(() => gates.length === 1)
  controller.abort()
  expect(texts(await call)).toEqual([])
  gates[0]!()
  await until(() => brokers[0]!.asked.length > 0)
  await roundTrip()
  // Partition 0 has been seeked meanwhile.
  expect(texts(await ask([[0, 50], [2, 6]]))).toEqual(['t-2@6'])
  const next = ask([[0, 50]])
  await until(() => gates.length === 2)
  gates[1]!()
  expect(texts(await next)).toEqual(['t-0@50'])
})

test('what is wanted while a long poll is out is asked for beside it, once', async () => {
  brokers[0]!.on(apis.fetch, (asked) => asked.body.maxWaitMs > 0 ? 'silence' : answer(asked, (partition) => partition === 2))
  const controller = new AbortController()
  const call = ask([[0, 0]], controller.signal)
  await until(() => brokers[0]!.bodies(apis.fetch).length === 1)
  controller.abort()
  await call
  expect(texts(await ask([[0, 0], [2, 7]]))).toEqual(['t-2@7'])
  const beside = brokers[0]!.bodies(apis.fetch)[1]!
  expect([beside.maxWaitMs, beside.sessionId, beside.sessionEpoch, beside.topics[0]!.partitions.map((each) => each.partition)]).toEqual([0, 0, -1, [2]])
  // Moved, and nothing there: asked for once, and no more until the long poll is over.
  brokers[0]!.on(apis.fetch, (asked) => answer(asked, () => false))
  const later = new AbortController()
  const quiet = ask([[0, 0], [2, 8]], later.signal)
  await until(() => brokers[0]!.bodies(apis.fetch).length === 3)
  await roundTrip()
  expect(brokers[0]!.bodies(apis.fetch).length).toBe(3)
  later.abort()
  await quiet
})

test('a log that took another turn is told of beside a long poll, too', async () => {
  const told = refusal(0, { divergingEpoch: { epoch: 2, endOffset: 7 } })
  brokers[0]!.on(apis.fetch, (asked) => asked.body.maxWaitMs > 0 ? 'silence' : told)
  const controller = new AbortController()
  const call = ask([[2, 0]], controller.signal)
  await until(() => brokers[0]!.bodies(apis.fetch).length === 1)
  controller.abort()
  await call
  expect((await ask([[2, 0], [0, 9]])).partitions).toMatchObject([{ partition: 0, divergesAt: 7 }])
})

test('a session names only what changed, and begins anew when the broker forgot it', async () => {
  let forgets = false
  brokers[0]!.on(apis.fetch, (asked) => forgets && asked.body.sessionId !== 0 ? { throttleTimeMs: 0, errorCode: 70, sessionId: 0, responses: [] } : answer(asked, undefined, { sessionId: 42 }))
  await ask([[0, 0], [2, 0]])
  await ask([[0, 1], [2, 0]])
  forgets = true
  await ask([[0, 2], [2, 0]])
  expect(texts(await ask([[0, 2], [2, 0]]))).toEqual(['t-0@2', 't-2@0'])
  expect(brokers[0]!.bodies(apis.fetch).map((body) => [body.sessionId, body.sessionEpoch, body.topics.flatMap((topic) => topic.partitions.map((each) => each.partition))])).toEqual([
    [0, 0, [0, 2]], [42, 1, [0]], [42, 2, [0]], [0, 0, [0, 2]],
  ])
})

test('a partition whose leader moved is asked of the new one', async () => {
  brokers[0]!.on(apis.fetch, () => refusal(6))
  brokers[1]!.on(apis.fetch, (asked) => answer(asked))
  expect(texts(await ask([[0, 0]]))).toEqual(['0: error 6'])
  leaders = [1, 1, 0, 1]
  const seen: string[] = []
  while (seen.length === 0) seen.push(...texts(await ask([[0, 0]])))
  expect(seen).toEqual(['t-0@0'])
})

test('a broker that cuts the connection is an error of its partitions alone', async () => {
  brokers[0]!.on(apis.fetch, () => 'cut')
  brokers[1]!.on(apis.fetch, async (asked) => { await until(() => brokers[0]!.bodies(apis.fetch).length > 0); return answer(asked) })
  const seen: string[] = []
  for (let i = 0; i < 2; i += 1) seen.push(...texts(await ask([[0, 0], [1, 0]].filter(([p]) => !seen.some((each) => each.startsWith(String(p)) || each.startsWith(`t-${p}`))) as [number, number][])))
  expect(seen.sort()).toEqual(['0: error 13', 't-1@0'])
})

test('a nearer replica is read from when the leader names one, and the leader again when it fails', async () => {
  brokers[0]!.on(apis.fetch, () => refusal(0, { preferredReadReplica: 1 }))
  brokers[1]!.on(apis.fetch, (asked) => answer(asked))
  expect(texts(await ask([[0, 0]]))).toEqual([])
  expect(texts(await ask([[0, 0]]))).toEqual(['t-0@0'])
  brokers[1]!.on(apis.fetch, () => refusal(1))
  brokers[0]!.on(apis.fetch, (asked) => answer(asked))
  expect(texts(await ask([[0, 1]]))).toEqual([])
  expect(texts(await ask([[0, 1]]))).toEqual(['t-0@1'])
})

test('a single question is asked without a session, and a broker that does not answer is its error', async () => {
  brokers[0]!.on(apis.fetch, (asked) => answer(asked))
  brokers[1]!.on(apis.fetch, () => 'cut')
  const partitions = [0, 1].map((partition) => ({ topic: 't', partition, fetchOffset: 4, partitionMaxBytes: 1 }))
  expect(texts(await lane.once({ maxWaitMs: 0, minBytes: 0, maxBytes: 1, isolationLevel: 0, partitions }))).toEqual(['1: error 13', 't-0@4'])
  expect(brokers[0]!.bodies(apis.fetch).map((body) => [body.sessionId, body.sessionEpoch])).toEqual([[0, -1]])
})
