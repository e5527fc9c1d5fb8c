/** Requests with 64-bit integers that JavaScript's numbers cannot hold (Java's Long.MAX_VALUE and Long.MIN_VALUE): each gets the answer that Kafka gives, or an error of its own partition. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { apis } from '../../src/protocol/api-registry.ts'
import type { Api, RequestInput, ResponseOf } from '../../src/protocol/api.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/frames.ts'
import { crc32c } from '../../src/record/crc32c.ts'
import { batchOf } from '../support/broker-kit.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

/** Stands in requests where a wide integer goes. */
const MARK = 0x0005_1e5e_1e5e_1e5e
const MARK_BYTES = Buffer.from('00051e5e1e5e1e5e', 'hex')
const MAX = Buffer.from('7fffffffffffffff', 'hex')
const MIN = Buffer.from('8000000000000000', 'hex')

let kit: WireKit
let client: RawClient
beforeEach(async () => {
  kit = await listening()
  client = await RawClient.open(kit.port)
  await kit.ottla.admin.createTopic('t', { partitions: 1 })
  await kit.ottla.log('t', 0).append(batchOf(['a', 'b']), { origin: 'client', durable: false })
})
afterEach(async () => {
  client.end()
  await kit.ottla.close()
})

/** Sends `body` with `wide` in place of every MARK. */
async function call<A extends Api>(api: A, version: number, body: RequestInput<A>, wide: Buffer): Promise<ResponseOf<A>> {
  const frame = Buffer.from(encodeRequest(api, version, 1, 'raw', body))
  let marks = 0
  for (let at = frame.indexOf(MARK_BYTES); at >= 0; at = frame.indexOf(MARK_BYTES, at + 8)) {
    wide.copy(frame, at)
    marks += 1
  }
  expect(marks).toBeGreaterThan(0)
  client.write(frame)
  const answer = await client.frame()
  if (answer === null) throw new Error('the connection was closed')
  return decodeResponse(api, version, answer)
}

test('a time beyond all records is found nowhere', async () => {
  const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: MARK }] }] }
  for (const version of [1, 10]) {
    const { topics } = await call(apis.listOffsets, version, body, MAX)
    expect(topics[0]!.partitions).toMatchObject([{ errorCode: 0, offset: -1, timestamp: -1 }])
  }
  expect((await call(apis.listOffsets, 10, body, MIN)).topics[0]!.partitions).toMatchObject([{ errorCode: 35, offset: -1 }])
})

test('records cannot be deleted before, nor fetched from, where none can be', async () => {
  for (const wide of [MAX, MIN]) {
    const deleted = await call(apis.deleteRecords, 2, { timeoutMs: 1000, topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: MARK }] }] }, wide)
    expect(deleted.topics[0]!.partitions).toMatchObject([{ errorCode: 1, lowWatermark: -1 }])
    const fetched = await call(apis.fetch, 12, {
      maxWaitMs: 0, minBytes: 1, maxBytes: 1000, isolationLevel: 0, forgottenTopicsData: [],
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: MARK, logStartOffset: MARK, partitionMaxBytes: 1000 }] }],
    }, wide)
    expect(fetched.responses[0]!.partitions).toMatchObject([{ errorCode: 1 }])
  }
  expect(await kit.ottla.admin.listOffsets('t', 'earliest')).toMatchObject([{ offset: 0 }])
})

test('an offset is kept as long as the client likes, and is not committed when it would read back as another', async () => {
  const commit = (retentionTimeMs: number, offset: number) => ({
    groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', retentionTimeMs,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }] }],
  })
  expect((await call(apis.offsetCommit, 3, commit(MARK, 1), MAX)).topics[0]!.partitions).toEqual([{ partitionIndex: 0, errorCode: 0 }])
  for (const wide of [MAX, MIN]) expect((await call(apis.offsetCommit, 9, commit(0, MARK), wide)).topics[0]!.partitions).toEqual([{ partitionIndex: 0, errorCode: 28 }])
  const { topics } = await client.call(apis.offsetFetch, 2, { groupId: 'g', topics: null })
  expect(topics[0]!.partitions).toMatchObject([{ committedOffset: 1, errorCode: 0 }])
})

test('an idempotent producer may name any producer that it once was', async () => {
  const answer = await call(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000, producerId: MARK, producerEpoch: 1 }, MAX)
  expect(answer).toMatchObject({ errorCode: 0, producerEpoch: 0 })
})

test.each([['greatest', 35], ['base', 27]])('a record whose %s timestamp is Long.MAX_VALUE is refused, and the connection goes on', async (_name, at) => {
  const records = Buffer.from(batchOf(['x']))
  MAX.copy(records, at)
  records.writeUInt32BE(crc32c(records, 21, records.length), 17)
  const body = (bytes: Uint8Array) => ({ acks: -1, timeoutMs: 1000, topicData: [{ name: 't', partitionData: [{ index: 0, records: bytes }] }] })
  const refused = await client.call(apis.produce, 9, body(records))
  expect(refused.responses[0]!.partitionResponses).toMatchObject([{ errorCode: 32, baseOffset: -1 }])
  const taken = await client.call(apis.produce, 9, body(batchOf(['x'])))
  expect(taken.responses[0]!.partitionResponses).toMatchObject([{ errorCode: 0, baseOffset: 2 }])
})
