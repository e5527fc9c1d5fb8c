import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { systemScheduler } from '../common/scheduler.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { AnswerMemory, AnswerShare, type AnswerLease } from './answer-memory.ts'
import { defaultLimits } from './connection-limits.ts'
import { PortListener } from './listener.ts'
import { MemoryPool } from './memory-pool.ts'

const MIB = 2 ** 20
const tick = (): Promise<void> => new Promise((resolve) => { systemScheduler.soon(resolve) })

function shares(memory: AnswerMemory, count: number, pool = new MemoryPool(16 * MIB)): { share: AnswerShare; lease: AnswerLease; gone: AbortController }[] {
  return Array.from({ length: count }, () => {
    const gone = new AbortController()
    const share = new AnswerShare(memory, pool, gone.signal)
    return { share, lease: share.lease(), gone }
  })
}

test('a fetch may read less, the less is left, but a batch always', async () => {
  const memory = new AnswerMemory(16 * MIB)
  const granted: number[] = []
  for (const { lease } of shares(memory, 40)) granted.push(await lease.take(8 * MIB))
  expect(granted.slice(0, 3)).toEqual([4 * MIB, 3 * MIB, 2.25 * MIB])
  expect(granted.at(-1)).toBe(65_536)
  expect(memory.used).toBe(granted.reduce((sum, each) => sum + each, 0))
})

test('what a fetch did not read, and what its socket took, can be read by others', async () => {
  const memory = new AnswerMemory(16 * MIB)
  const [a, b] = shares(memory, 2)
  expect(await a!.lease.take(1000)).toBe(1000)
  a!.lease.give(400)
  expect([a!.share.held, memory.used]).toEqual([600, 600])
  // A first batch comes whole, however large.
  a!.lease.give(-5 * MIB)
  expect(memory.used).toBe(600 + 5 * MIB)
  await b!.lease.take(10)
  const next = a!.share.lease()
  await next.take(7)
  a!.lease.release()
  expect([a!.share.held, memory.used]).toEqual([7, 17])
  a!.lease.release()
  next.release()
  expect(memory.used).toBe(10)
})

test('at twice the limit fetches wait until there is room, or until nobody waits for them any more', async () => {
  const memory = new AnswerMemory(MIB)
  const [hog, patient, leaving] = shares(memory, 3)
  await hog!.lease.take(1)
  hog!.lease.give(-2 * MIB)
  let granted = 0
  const waiting = patient!.lease.take(MIB).then((bytes) => { granted = bytes })
  const left = leaving!.lease.take(MIB)
  await tick()
  expect(granted).toBe(0)
  leaving!.gone.abort()
  await left
  leaving!.share.end()
  expect(granted).toBe(0)
  hog!.lease.release()
  await waiting
  expect(granted).toBe(MIB / 4)
})

test('a connection that is gone holds nothing, whatever its fetch still does', async () => {
  const memory = new AnswerMemory(MIB)
  const { share, lease } = shares(memory, 1)[0]!
  await lease.take(1000)
  share.end()
  lease.give(1000 - 70_000)
  await lease.take(5)
  lease.release()
  expect(memory.used).toBe(0)
})

test('where memory is short, connections that do not read are closed, those that do stay', async () => {
  const scheduler = new ManualScheduler(new ManualClock())
  const logger = new RecordingLogger()
  const answers = new AnswerMemory(8 * MIB)
  const listener = await PortListener.open({
    host: '127.0.0.1', port: 0, tls: null, nameOf: String, limits: defaultLimits, maxConnections: 10, maxConnectionsOf: () => 10, maxPendingBytes: MIB, answers,
    pool: new MemoryPool(0),
    ports: { clock: scheduler.clock, scheduler, logger, random: new SeededRandom(1) },
    newSession: () => {
      const share = new AnswerShare(answers, new MemoryPool(0), new AbortController().signal)
      return {
        isAuthenticated: true, farewell: null, isOverlappable: () => false, isParked: () => false, isTransient: () => false, drain() {}, close() { share.end() },
        async handle() {
          const lease = share.lease()
          lease.give(-20 * MIB)
          return { chunks: [Buffer.alloc(20 * MIB)], taken: lease.release }
        },
      }
    },
  })
  const request = Buffer.from([0, 0, 0, 1, 7])
  const [reader, deaf] = [connect(listener.port, '127.0.0.1'), connect(listener.port, '127.0.0.1')]
  for (const socket of [reader, deaf]) socket.on('error', () => {})
  let read = 0
  reader.on('data', (chunk) => { read += chunk.length })
  reader.write(request)
  while (read < 20 * MIB || answers.used > 0) await tick()
  deaf.pause()
  deaf.write(request)
  while (answers.used === 0) await tick()
  await scheduler.advance(1500)
  expect(listener.connections).toBe(2)
  await scheduler.advance(1500)
  while (listener.connections === 2) await tick()
  expect(answers.used).toBe(0)
  expect(logger.messages()).toEqual([expect.stringMatching(/^closed the connection from .*: it has read none of its answers for \d+ ms, and the memory for answers is short$/)])
  reader.write(request)
  while (read < 40 * MIB) await tick()
  for (const socket of [reader, deaf]) socket.destroy()
  await listener.close(0)
})

describe('what a fetch reads into', () => {
  const lease = (pool: MemoryPool): AnswerLease => shares(new AnswerMemory(64 * MIB), 1, pool)[0]!.lease

  test('is used again once the socket has taken the answer, and not before', () => {
    const pool = new MemoryPool(16 * MIB)
    const [a, b] = [lease(pool), lease(pool)]
    const first = a.allocate(MIB)
    a.keep(first)
    expect(b.allocate(MIB).buffer === first.buffer).toBe(false)
    a.release()
    a.release()
    expect(lease(pool).allocate(MIB).buffer === first.buffer).toBe(true)
    expect(lease(pool).allocate(MIB).buffer === first.buffer).toBe(false)
  })

  test('lies one behind the other, of each read what the answer keeps', () => {
    const pool = new MemoryPool(16 * MIB)
    const one = lease(pool)
    const kept: Uint8Array[] = []
    for (let i = 0; i < 40; i++) {
      const memory = one.allocate(20_000)
      expect(memory.length).toBe(20_000)
      memory.fill(255)
      const records = memory.subarray(100, 1100).fill(i)
      one.keep(records)
      kept.push(records)
    }
    for (const [i, records] of kept.entries()) expect([records[0], records.every((byte) => byte === i)]).toEqual([i, true])
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(3)
  })

  test('is as large as the read where there is only one, and given back when a larger is wanted', () => {
    const pool = new MemoryPool(16 * MIB)
    const one = lease(pool)
    expect(one.allocate(700).buffer.byteLength).toBe(700)
    one.allocate(20_000)
    one.allocate(MIB)
    expect(pool.idleBytes).toBeGreaterThanOrEqual(20_000)
    expect(pool.idleBytes).toBeLessThan(MIB)
  })

  test('does not count what lies elsewhere', () => {
    const one = lease(new MemoryPool(16 * MIB))
    const first = one.allocate(MIB)
    one.keep(Buffer.alloc(5000))
    expect(one.allocate(1000).byteOffset).toBe(first.byteOffset)
  })
})
