/** The memory that requests come into and answers are read into is used again: many at a time, slow ones among them, get what is theirs. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { systemScheduler } from '../../src/common/scheduler.ts'
import { apis } from '../../src/protocol/api-registry.ts'
import { decodeCorrelationId, encodeRequest } from '../../src/protocol/frames.ts'
import { buildBatch } from '../../src/record/record-batch-builder.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { decode } from '../support/test-log.ts'
import { listening, RawClient } from '../support/wire-kit.ts'

const PRODUCERS = 6
const BATCHES = 50
const turn = (): Promise<void> => new Promise((resolve) => { systemScheduler.soon(resolve) })

/** What producer `p` sends as its `n`th: told apart from every other byte by byte. */
function valueOf(random: SeededRandom, p: number, n: number): Buffer {
  const value = Buffer.alloc(8 + random.int(random.int(3) === 0 ? 150_000 : 30_000), (p * BATCHES + n) * 31 & 255)
  value.writeInt32BE(p)
  value.writeInt32BE(n, 4)
  return value
}
const isWhole = (value: Uint8Array, p: number, n: number): boolean => value.subarray(8).every((byte) => byte === ((p * BATCHES + n) * 31 & 255))

/** All it wants to say at once, in chunks as they come, without waiting for answers. */
async function produce(port: number, p: number): Promise<void> {
  const random = new SeededRandom(p + 1)
  const client = await RawClient.open(port)
  for (let n = 0; n < BATCHES; n++) {
    const records = buildBatch([{ timestamp: 1, value: valueOf(random, p, n) }])
    const bytes = encodeRequest(apis.produce, 9, n, 'raw', { acks: 1, timeoutMs: 5000, topicData: [{ name: 't', partitionData: [{ index: p % 2, records }] }] })
    const cut = random.int(bytes.length)
    client.write(bytes.subarray(0, cut))
    if (random.int(4) === 0) await turn()
    client.write(bytes.subarray(cut))
  }
  for (let n = 0; n < BATCHES; n++) expect(decodeCorrelationId((await client.frame())!)).toBe(n)
  client.end()
}

/** Reads both partitions as they grow, sometimes slowly; the order of each producer's batches. */
async function consume(port: number, seed: number): Promise<Map<number, number[]>> {
  const random = new SeededRandom(seed)
  const client = await RawClient.open(port)
  const seen = new Map<number, number[]>()
  const offsets = [0, 0]
  for (let count = 0; count < PRODUCERS * BATCHES;) {
    const partitions = offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: 1 + random.int(1_500_000) }))
    const call = client.call(apis.fetch, 11, {
      maxWaitMs: 200, minBytes: 1 + random.int(100_000), maxBytes: 3_000_000, isolationLevel: 0, topics: [{ topic: 't', partitions }], forgottenTopicsData: [],
    })
    if (random.int(3) === 0) {
      client.socket.pause()
      for (let turns = random.int(30); turns > 0; turns--) await turn()
      client.socket.resume()
    }
    for (const { partitionIndex, errorCode, records } of (await call).responses[0]?.partitions ?? []) {
      expect(errorCode).toBe(0)
      for (const record of decode(records!)) {
        if (record.offset < offsets[partitionIndex]!) continue
        const value = Buffer.from(record.value!)
        const [p, n] = [value.readInt32BE(0), value.readInt32BE(4)]
        expect(isWhole(value, p, n)).toBe(true)
        seen.set(p, [...seen.get(p) ?? [], n])
        offsets[partitionIndex] = record.offset + 1
        count += 1
      }
    }
  }
  client.end()
  return seen
}

/** Asks for much and goes before it has it. */
async function leave(port: number, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await new Promise<void>((resolve) => { socket.once('connect', resolve) })
    socket.pause()
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 9_000_000 }]
    socket.write(encodeRequest(apis.fetch, 11, 1, 'raw', {
      maxWaitMs: 0, minBytes: 1, maxBytes: 9_000_000, isolationLevel: 0, topics: [{ topic: 't', partitions }], forgottenTopicsData: [],
    }))
    for (let turns = 0; turns < 20; turns++) await turn()
    socket.destroy()
    await turn()
  }
}

test('producers that pipeline, consumers that are slow and clients that go away do not see each other\'s bytes', { timeout: 60_000 }, async () => {
  const kit = await listening()
  await kit.ottla.admin.createTopic('t', { partitions: 2, config: { 'write.caching': true } })
  let isDone = false
  const leaving = leave(kit.port, () => isDone)
  const producing = Promise.all(Array.from({ length: PRODUCERS }, (_, p) => produce(kit.port, p)))
  const consumed = await Promise.all([21, 22, 23, 24].map((seed) => consume(kit.port, seed)))
  await producing
  isDone = true
  await leaving
  const all = Array.from({ length: BATCHES }, (_, n) => n)
  for (const seen of consumed) expect([...seen].sort(([a], [b]) => a - b)).toEqual(Array.from({ length: PRODUCERS }, (_, p) => [p, all]))
  await kit.ottla.close()
})
