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
    expect(await alter({ user: 'alice' }, { request_percentage: 5 })).toBe(42)
    expect(await alter({ ip: '127.0.0.1' }, { connection_creation_rate: 5 })).toBe(42)
    expect(await alter({ user: 'alice' }, { producer_byte_rate: 0.5 })).toBe(42)
    expect(await ottla.admin.listQuotas()).toEqual([
      { entity: { user: 'alice' }, quotas: { producer_byte_rate: 1000 } }, { entity: { user: null, clientId: 'app' }, quotas: { producer_byte_rate: 10 } },
    ])
    const describe = async (components: RequestInput<Apis['describeClientQuotas']>['components'], strict: boolean): Promise<unknown> => (
      (await client.call(apis.describeClientQuotas, 1, { components, strict })).entries?.map(({ entity }) => entity.map(({ entityType, entityName }) => `${entityType}=${entityName ?? ''}`).join()))
    expect(await describe([{ entityType: 'user', matchType: 2, match: null }], false)).toEqual(['user=alice', 'user=,client-id=app'])
    expect(await describe([{ entityType: 'user', matchType: 2, match: null }], true)).toEqual(['user=alice'])
    expect(await describe([{ entityType: 'user', matchType: 1, match: null }], false)).toEqual(['user=,client-id=app'])
    expect(await describe([{ entityType: 'user', matchType: 0, match: 'bob' }], false)).toEqual([])
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
