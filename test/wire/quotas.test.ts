/** Quotas on the port: who sends or reads more than its share is answered at once, told how long to wait, and not heard before that (KIP-219). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Kafka, logLevel } from 'kafkajs'
import { systemPorts } from '../../src/common/ports.ts'
import { open, silentLogger } from '../../src/index.ts'
import type { OttlaHandle } from '../../src/ottla.ts'
import { apis, type Apis } from '../../src/protocol/api-registry.ts'
import type { RequestInput, ResponseOf } from '../../src/protocol/api.ts'
import { encodeRequest, decodeResponse } from '../../src/protocol/frames.ts'
import { buildBatch } from '../../src/record/record-batch-builder.ts'
import { openListener, type Listener } from '../../src/server/wire-listener.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { RawClient } from '../support/wire-kit.ts'

let ottla: OttlaHandle
let listener: Listener
let scheduler: ManualScheduler
let client: RawClient
beforeEach(async () => {
  ottla = await open('', { inMemory: true, logger: silentLogger }) as OttlaHandle
  await ottla.admin.createTopic('t')
  scheduler = new ManualScheduler()
  const { parts, release } = ottla.listenerParts()
  listener = await openListener({ ...parts, ports: { ...systemPorts, logger: silentLogger, clock: scheduler.clock, scheduler } }, { port: 0 }, release)
  client = await RawClient.open(listener.port)
})
afterEach(async () => {
  client.end()
  await listener.close({ timeoutMs: 0 })
  await ottla.close()
})

const production = (bytes: number, acks = 1): RequestInput<Apis['produce']> => ({
  acks, timeoutMs: 1000, topicData: [{ name: 't', partitionData: [{ index: 0, records: buildBatch([{ key: null, value: 'x'.repeat(bytes), timestamp: Date.now() }]) }] }],
})
const produce = async (bytes: number): Promise<ResponseOf<Apis['produce']>> => client.call(apis.produce, 9, production(bytes))
const consumption = (offset: number, more: Partial<RequestInput<Apis['fetch']>> = {}): RequestInput<Apis['fetch']> => ({
  maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 0, forgottenTopicsData: [], sessionEpoch: -1, ...more,
  topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }] }],
})
/** Sends without waiting. */
const ask = (id: number): void => client.write(encodeRequest(apis.metadata, 1, id, 'raw', { topics: null }))
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => { setImmediate(resolve) })
}

describe('a producer over its quota', () => {
  beforeEach(() => ottla.admin.alterQuotas({ clientId: 'raw' }, { producer_byte_rate: 1000 }))

  test('is answered at once with the time to wait, and not heard until it is over', async () => {
    expect((await produce(5000)).throttleTimeMs).toBe(0)
    const { throttleTimeMs, responses } = await produce(15_000)
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
    expect(throttleTimeMs).toBeGreaterThan(9000)
    expect(throttleTimeMs).toBeLessThan(12_000)
    let isAnswered = false
    ask(77)
    const answer = client.frame().then((frame) => {
      isAnswered = true
      return frame
    })
    await scheduler.advance(throttleTimeMs - 1)
    await settled()
    expect(isAnswered).toBe(false)
    await scheduler.advance(1)
    expect(decodeResponse(apis.metadata, 1, (await answer)!).brokers).toHaveLength(1)
  })

  test('does not keep others waiting, nor its own requests on another connection', async () => {
    await produce(50_000)
    const other = await RawClient.open(listener.port)
    expect((await other.call(apis.metadata, 1, { topics: null })).brokers).toHaveLength(1)
    other.end()
  })

  test('is held to it without acknowledgements, too', async () => {
    client.write(encodeRequest(apis.produce, 9, 1, 'raw', production(50_000, 0)))
    while (ottla.log('t', 0).logEndOffset === 0) await settled()
    ask(2)
    let isAnswered = false
    const answer = client.frame().then(() => { isAnswered = true })
    await settled()
    expect(isAnswered).toBe(false)
    await scheduler.advance(60_000)
    await answer
  })

  test('keeps its records in order through the wait', async () => {
    await produce(50_000)
    for (let id = 100; id < 104; id += 1) client.write(encodeRequest(apis.produce, 9, id, 'raw', production(10 + id)))
    await settled()
    expect(ottla.log('t', 0).logEndOffset).toBe(1)
    await scheduler.advance(600_000)
    const offsets: number[] = []
    for (let id = 100; id < 104; id += 1) offsets.push(decodeResponse(apis.produce, 9, (await client.frame())!).responses[0]!.partitionResponses[0]!.baseOffset)
    expect(offsets).toEqual([1, 2, 3, 4])
  })

  test('is let go by a listener that closes', async () => {
    await produce(50_000)
    ask(5)
    await settled()
    const frame = client.frame()
    const closing = listener.close({ timeoutMs: 60_000 })
    expect(await frame).not.toBeNull()
    client.end()
    await closing
  })

  test('has no quota any more once it is taken back', async () => {
    await ottla.admin.alterQuotas({ clientId: 'raw' }, { producer_byte_rate: null })
    expect((await produce(50_000)).throttleTimeMs).toBe(0)
    expect(await ottla.admin.listQuotas()).toEqual([])
  })
})

describe('a consumer over its quota', () => {
  beforeEach(async () => {
    for (let index = 0; index < 4; index += 1) await produce(4000)
    await ottla.admin.alterQuotas({ user: 'ANONYMOUS' }, { consumer_byte_rate: 500 })
  })

  /** Asks as often as it is told to wait: the rate of the last seconds falls when the seconds are over. */
  async function bytesOf(next: () => RequestInput<Apis['fetch']>): Promise<number> {
    for (let tries = 0; tries < 5; tries += 1) {
      const asked = client.call(apis.fetch, 11, next())
      await scheduler.advance(11_000)
      const { throttleTimeMs, responses } = await asked
      if (throttleTimeMs === 0) return responses[0]!.partitions[0]!.records!.length
      expect(responses).toEqual([])
    }
    return 0
  }

  test('gets no more at once than the quota could ever allow, then nothing but the time to wait, then the next', async () => {
    const first = await client.call(apis.fetch, 11, consumption(0))
    expect(first.throttleTimeMs).toBe(0)
    expect(first.responses[0]!.partitions[0]!.records!.length).toBeLessThan(5000)
    const second = await client.call(apis.fetch, 11, consumption(1))
    expect(second.throttleTimeMs).toBeGreaterThan(0)
    expect(second.responses).toEqual([])
    expect(await bytesOf(() => consumption(1))).toBeGreaterThan(4000)
  })

  test('keeps its session through the wait', async () => {
    const { sessionId } = await client.call(apis.fetch, 11, consumption(0, { sessionEpoch: 0 }))
    expect(sessionId).toBeGreaterThan(0)
    const waits = await client.call(apis.fetch, 11, consumption(1, { sessionId, sessionEpoch: 1 }))
    expect([waits.sessionId, waits.errorCode, waits.responses]).toEqual([sessionId, 0, []])
    let sessionEpoch = 2
    expect(await bytesOf(() => ({ ...consumption(1, { sessionId, sessionEpoch: sessionEpoch++ }), topics: [] }))).toBeGreaterThan(4000)
  })
})

describe('a client over its quota of changes', () => {
  const topicOf = (name: string, numPartitions: number) => ({ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] })
  const create = (version: number, ...names: string[]) => client.call(apis.createTopics, version, { validateOnly: false, timeoutMs: 1000, topics: names.map((name) => topicOf(name, 10)) })
  beforeEach(() => ottla.admin.alterQuotas({ clientId: 'raw' }, { controller_mutation_rate: 1 }))

  test('may spend what eleven seconds save up, and more than is left once; then it is refused, told when, and not heard before', async () => {
    const first = await create(6, 'a', 'b', 'c')
    expect(first.topics.map(({ errorCode }) => errorCode)).toEqual([0, 0, 89])
    expect(first.throttleTimeMs).toBe(9000)
    expect(await ottla.admin.listTopics()).toEqual(['a', 'b', 't'])
    const next = create(6, 'c')
    await settled()
    expect(await ottla.admin.listTopics()).not.toContain('c')
    await scheduler.advance(9000)
    expect((await next).topics[0]!.errorCode).toBe(0)
    await scheduler.advance(10_000)
    const grown = client.call(apis.createPartitions, 3, { timeoutMs: 1000, validateOnly: false, topics: [{ name: 'a', count: 11, assignments: null }, { name: 'b', count: 12, assignments: null }] })
    expect((await grown).results.map(({ errorCode }) => errorCode)).toEqual([0, 89])
    await scheduler.advance(2000)
    const removed = await client.call(apis.deleteTopics, 5, { topicNames: ['a', 'b'], timeoutMs: 1000 })
    expect(removed.responses.map(({ errorCode }) => errorCode)).toEqual([0, 89])
    expect(removed.throttleTimeMs).toBe(10_000)
  })

  test('has it done all the same when it asks by a version that knows no refusal, and waits', async () => {
    const { topics, throttleTimeMs } = await create(5, 'a', 'b', 'c')
    expect(topics.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0])
    expect(throttleTimeMs).toBe(19_000)
  })

  test('has no more topics made by asking for them than it could make', async () => {
    expect((await create(6, 'a')).topics[0]!.errorCode).toBe(0)
    const ask = async (): Promise<unknown> => (await client.call(apis.metadata, 5, { topics: ['x', 'y', 'z', 'a'].map((name) => ({ name })), allowAutoTopicCreation: true })).topics
      .map(({ name, errorCode, partitions }) => `${name} ${errorCode} ${partitions.length}`)
    expect(await ask()).toEqual(['x 0 1', 'y 0 1', 'z 3 0', 'a 0 10'])
    await scheduler.advance(1000)
    expect(await ask()).toEqual(['x 0 1', 'y 0 1', 'z 0 1', 'a 0 10'])
  })

  test('spends nothing on what is refused for other reasons', async () => {
    expect((await create(6, 't', 't', 'bad name', 'a', 'b')).topics.map(({ errorCode }) => errorCode)).toEqual([42, 17, 0, 0])
  })
})

describe('a client over its quota of time', () => {
  test('waits for a second at most, whatever it asks', async () => {
    await ottla.admin.alterQuotas({ user: null }, { request_percentage: 10 })
    const before = scheduler.clock.monotonic.bind(scheduler.clock)
    let extra = 0
    // Each look at the clock takes 200 ms: a request takes as long as two looks are apart.
    scheduler.clock.monotonic = () => before() + (extra += 200)
    const first = await client.call(apis.metadata, 3, { topics: null })
    for (let tries = 0; tries < 4; tries += 1) await client.call(apis.heartbeat, 1, { groupId: 'g', generationId: 1, memberId: 'm' })
    const asked = client.call(apis.metadata, 3, { topics: null })
    expect(first.throttleTimeMs).toBe(0)
    const { throttleTimeMs } = await asked
    expect(throttleTimeMs).toBeGreaterThan(0)
    expect(throttleTimeMs).toBeLessThanOrEqual(1000)
  })
})

describe('an address over its quota of connections', () => {
  test('has those that are too many closed after a second, unanswered, on every port', async () => {
    await ottla.admin.alterQuotas({ ip: null }, { connection_creation_rate: 1 })
    await ottla.admin.alterQuotas({ ip: '127.0.0.1' }, { connection_creation_rate: 3 })
    const clients: RawClient[] = []
    for (let count = 0; count < 31; count += 1) clients.push(await RawClient.open(listener.port))
    expect((await clients[29]!.call(apis.metadata, 1, { topics: null })).brokers).toHaveLength(1)
    const last = clients[30]!
    let isOpen = true
    void last.closed.then(() => { isOpen = false })
    const answer = last.call(apis.metadata, 1, { topics: null }).catch(() => 'closed')
    await settled()
    expect(isOpen).toBe(true)
    await scheduler.advance(1000)
    expect(await answer).toBe('closed')
    const again = await RawClient.open(listener.port)
    await scheduler.advance(11_000)
    expect((await (await RawClient.open(listener.port)).call(apis.metadata, 1, { topics: null })).brokers).toHaveLength(1)
    for (const each of [...clients, again]) each.end()
  })
})

describe('quotas over the wire', () => {
  test('are kept as kafka-configs keeps them', async () => {
    const alter = async (entity: Record<string, string | null>, ops: Record<string, number | null>): Promise<number> => (await client.call(apis.alterClientQuotas, 1, {
      validateOnly: false,
      entries: [{
        entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
        ops: Object.entries(ops).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
      }],
    })).entries[0]!.errorCode
    expect(await alter({ user: 'alice' }, { producer_byte_rate: 1000, consumer_byte_rate: 2000 })).toBe(0)
    expect(await alter({ user: null, 'client-id': 'app' }, { producer_byte_rate: 10 })).toBe(0)
    expect(await alter({ user: 'alice' }, { consumer_byte_rate: null })).toBe(0)
    expect(await alter({ user: 'alice' }, { connection_creation_rate: 5 })).toBe(42)
    expect(await alter({ user: 'alice' }, { producer_byte_rate: 0.5 })).toBe(42)
    expect(await alter({ user: 'alice', ip: '10.0.0.1' }, { connection_creation_rate: 5 })).toBe(42)
    expect(await alter({ ip: 'no such host' }, { connection_creation_rate: 5 })).toBe(42)
    expect(await alter({ ip: '10.0.0.1' }, { connection_creation_rate: 5.5 })).toBe(42)
    expect(await alter({ ip: '10.0.0.1' }, { request_percentage: 5 })).toBe(42)
    expect(await alter({ ip: '10.0.0.1' }, { connection_creation_rate: 5 })).toBe(0)
    expect(await alter({ ip: null }, { connection_creation_rate: 50 })).toBe(0)
    expect(await alter({ user: null, 'client-id': 'app' }, { request_percentage: 50.5, controller_mutation_rate: 2.25 })).toBe(0)
    expect(await ottla.admin.listQuotas()).toEqual([
      { entity: { user: 'alice' }, quotas: { producer_byte_rate: 1000 } },
      { entity: { user: null, clientId: 'app' }, quotas: { producer_byte_rate: 10, request_percentage: 50.5, controller_mutation_rate: 2.25 } },
      { entity: { ip: '10.0.0.1' }, quotas: { connection_creation_rate: 5 } }, { entity: { ip: null }, quotas: { connection_creation_rate: 50 } },
    ])
    const describe = async (components: RequestInput<Apis['describeClientQuotas']>['components'], strict: boolean): Promise<unknown> => (
      (await client.call(apis.describeClientQuotas, 1, { components, strict })).entries?.map(({ entity }) => entity.map(({ entityType, entityName }) => `${entityType}=${entityName ?? ''}`).join()))
    expect(await describe([{ entityType: 'user', matchType: 2, match: null }], false)).toEqual(['user=alice', 'client-id=app,user='])
    expect(await describe([{ entityType: 'user', matchType: 2, match: null }], true)).toEqual(['user=alice'])
    expect(await describe([{ entityType: 'user', matchType: 1, match: null }], false)).toEqual(['client-id=app,user='])
    expect(await describe([{ entityType: 'user', matchType: 0, match: 'bob' }], false)).toEqual([])
    const both = (clientId: string | null): Promise<unknown> => (
      describe([{ entityType: 'user', matchType: 2, match: null }, { entityType: 'client-id', matchType: clientId === null ? 1 : 0, match: clientId }], false))
    expect([await both('app'), await both('other'), await both(null)]).toEqual([['client-id=app,user='], [], []])
    expect(await describe([{ entityType: 'ip', matchType: 0, match: '10.0.0.1' }], true)).toEqual(['ip=10.0.0.1'])
    expect(await describe([{ entityType: 'ip', matchType: 1, match: null }], true)).toEqual(['ip='])
    expect(await describe([{ entityType: 'ip', matchType: 2, match: null }, { entityType: 'user', matchType: 2, match: null }], true)).toBeUndefined()
  })

  test('are borne by kafkajs, which sends all the same', async () => {
    const { port } = await ottla.listen({ port: 0 })
    await ottla.admin.alterQuotas({ clientId: 'slow' }, { producer_byte_rate: 100_000 })
    const producer = new Kafka({ brokers: [`127.0.0.1:${port}`], clientId: 'slow', logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    for (let index = 0; index < 4; index += 1) await producer.send({ topic: 't', messages: [{ value: 'x'.repeat(260_000) }] })
    await producer.disconnect()
    expect(ottla.log('t', 0).logEndOffset).toBe(4)
  })
})
