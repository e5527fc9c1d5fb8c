import { describe, expect, test } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { ByteBudget } from './byte-budget.ts'
import { Connection, type RequestHandler } from './connection.ts'
import { defaultLimits, type ConnectionLimits } from './connection-limits.ts'
import { MemoryPool } from './memory-pool.ts'

/** Requests of one byte: its value says what it is. */
const PRODUCE = 1
const PARKED = 2
const OTHER = 3

interface Rig {
  readonly connection: Connection
  readonly clock: ManualClock
  /** What was written, paused, resumed and ended, in order. */
  readonly events: string[]
  readonly problems: (string | null)[]
  /** Requests begun and not answered, by name. */
  readonly begun: Map<string, { answer(text: string | null): Promise<void>; fail(problem: string): Promise<void> }>
  auth: boolean
  isFull: boolean
  /** The answers that are nobody's any more, in order. */
  readonly taken: string[]
  /** Has the system take what was written so far. */
  take(): void
  readonly pool: MemoryPool
}

const tick = async (): Promise<void> => { for (let i = 0; i < 5; i++) await Promise.resolve() }

function rig(limits: Partial<ConnectionLimits> = {}, budget = new ByteBudget(1_000_000)): Rig {
  const clock = new ManualClock()
  const events: string[] = []
  const taken: string[] = []
  const written: ((() => void) | undefined)[] = []
  const pool = new MemoryPool(1_000_000)
  const problems: (string | null)[] = []
  const begun: Rig['begun'] = new Map()
  const handler: RequestHandler = {
    get isAuthenticated() { return state.auth },
    farewell: null,
    isOverlappable: (frame) => frame[0] === PRODUCE,
    isParked: (frame) => frame[0] === PARKED,
    isTransient: (frame) => frame[0] === PRODUCE,
    handle: (frame) => new Promise((resolve, reject) => {
      const name = Buffer.from(frame.subarray(1)).toString()
      begun.set(name, {
        answer: (text) => {
          begun.delete(name)
          resolve(text === null ? null : { chunks: [Buffer.from(text)], taken: () => taken.push(text) })
          return tick()
        },
        fail: (problem) => {
          begun.delete(name)
          reject(new Error(problem))
          return tick()
        },
      })
    }),
  }
  const connection = new Connection({
    limits: { ...defaultLimits, ...limits }, budget, memory: pool, handler, now: () => clock.monotonic(), closed: (problem) => problems.push(problem),
    output: {
      write: (chunks, done) => {
        events.push(Buffer.concat(chunks).toString())
        written.push(done)
        return !state.isFull
      },
      pause: () => events.push('pause'), resume: () => events.push('resume'), end: () => events.push('end'),
    },
  })
  const state: Rig = { connection, clock, events, problems, begun, auth: true, isFull: false, taken, take: () => { for (const done of written.splice(0)) done?.() }, pool }
  return state
}

function request(kind: number, name: string): Buffer {
  const body = Buffer.concat([Buffer.from([kind]), Buffer.from(name)])
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

const send = (r: Rig, ...requests: [kind: number, name: string][]): void => r.connection.receive(Buffer.concat(requests.map(([kind, name]) => request(kind, name))))

describe('pipelined requests', () => {
  test('begin one after another, and are answered in order', async () => {
    const r = rig()
    send(r, [OTHER, 'a'], [OTHER, 'b'], [PRODUCE, 'c'])
    expect([...r.begun.keys()]).toEqual(['a'])
    await r.begun.get('a')!.answer('A')
    expect([...r.begun.keys()]).toEqual(['b'])
    await r.begun.get('b')!.answer('B')
    await r.begun.get('c')!.answer('C')
    expect(r.events).toEqual(['A', 'B', 'C'])
  })

  test('of the kind that may overlap begin together, and are still answered in order', async () => {
    const r = rig()
    send(r, [PRODUCE, 'a'], [PRODUCE, 'b'], [PRODUCE, 'c'], [OTHER, 'd'], [PRODUCE, 'e'])
    expect([...r.begun.keys()]).toEqual(['a', 'b', 'c'])
    await r.begun.get('c')!.answer('C')
    await r.begun.get('b')!.answer('B')
    expect(r.events).toEqual([])
    await r.begun.get('a')!.answer('A')
    expect(r.events).toEqual(['A', 'B', 'C'])
    expect([...r.begun.keys()]).toEqual(['d'])
  })

  test('without an answer let the next one through', async () => {
    const r = rig()
    send(r, [PRODUCE, 'a'], [OTHER, 'b'])
    await r.begun.get('a')!.answer(null)
    await r.begun.get('b')!.answer('B')
    expect(r.events).toEqual(['B'])
  })

  test('that fail close the connection after the answers before them, and none behind them is answered', async () => {
    const r = rig()
    send(r, [PRODUCE, 'a'], [PRODUCE, 'b'], [PRODUCE, 'c'])
    await r.begun.get('b')!.fail('broken')
    await r.begun.get('c')!.answer('C')
    expect(r.problems).toEqual([])
    await r.begun.get('a')!.answer('A')
    expect(r.events).toEqual(['A', 'end'])
    expect(r.problems).toEqual(['broken'])
  })
})

describe('back-pressure', () => {
  test('stops reading above the number of requests, and goes on below it', async () => {
    const r = rig({ maxPendingRequests: 2 })
    send(r, [OTHER, 'a'], [OTHER, 'b'], [OTHER, 'c'], [OTHER, 'd'])
    expect(r.connection.pendingRequests).toBe(2)
    expect(r.events).toEqual(['pause'])
    await r.begun.get('a')!.answer('A')
    expect(r.connection.pendingRequests).toBe(2)
    await r.begun.get('b')!.answer('B')
    await r.begun.get('c')!.answer('C')
    expect(r.events).toEqual(['pause', 'A', 'B', 'C', 'resume'])
  })

  test('stops reading above the number of bytes', () => {
    const r = rig({ maxPendingBytes: 8 })
    send(r, [OTHER, 'a'.repeat(20)], [OTHER, 'b'])
    expect(r.connection.pendingRequests).toBe(1)
    expect(r.events).toEqual(['pause'])
  })

  test('begins nothing while the peer does not take its answers', async () => {
    const r = rig()
    send(r, [OTHER, 'a'], [OTHER, 'b'])
    r.isFull = true
    await r.begun.get('a')!.answer('A')
    expect([...r.begun.keys()]).toEqual([])
    r.clock.advance(700)
    expect(r.connection.stalledMs).toBe(700)
    r.isFull = false
    r.connection.drained()
    expect([...r.begun.keys()]).toEqual(['b'])
    expect(r.connection.stalledMs).toBe(0)
    await r.begun.get('b')!.answer('B')
    expect(r.events).toEqual(['A', 'B'])
  })

  test('of a listener stops a connection that has nothing pending until others are answered', async () => {
    const budget = new ByteBudget(10)
    const busy = rig({}, budget)
    const idle = rig({}, budget)
    send(busy, [OTHER, 'x'.repeat(30)])
    send(idle, [OTHER, 'y'])
    expect(idle.begun.size).toBe(0)
    expect(idle.events).toEqual(['pause'])
    await [...busy.begun.values()][0]!.answer('X')
    expect([...idle.begun.keys()]).toEqual(['y'])
    expect(idle.events).toEqual(['pause', 'resume'])
    idle.connection.close()
    expect(budget.used).toBe(0)
  })
})

describe('memory', () => {
  const large = 'x'.repeat(50_000)

  test('that requests came in is the caller\'s again at once, whatever of it is left', async () => {
    const r = rig({ maxPendingRequests: 2 })
    const bytes = Buffer.concat(['a', 'b', 'c', 'd'].map((name) => request(OTHER, name)))
    for (const chunk of [bytes.subarray(0, 3), bytes.subarray(3, 20), bytes.subarray(20)]) {
      const lent = Buffer.from(chunk)
      r.connection.receive(lent)
      lent.fill(0xee)
    }
    for (const name of ['a', 'b', 'c', 'd']) await r.begun.get(name)!.answer(name)
    expect(r.events.filter((event) => event.length === 1)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('of a request that nobody looks at later is used again once its handler is done, though its answer waits', async () => {
    const r = rig()
    send(r, [PRODUCE, 'a'], [PRODUCE, large])
    expect(r.pool.idleBytes).toBe(0)
    await r.begun.get(large)!.answer('B')
    expect(r.pool.idleBytes).toBeGreaterThan(large.length)
    expect(r.events).toEqual([])
    await r.begun.get('a')!.answer('A')
    expect(r.events).toEqual(['A', 'B'])
  })

  test('of other requests is not used again', async () => {
    const r = rig()
    send(r, [OTHER, large])
    await r.begun.get(large)!.answer('A')
    expect(r.pool.idleBytes).toBe(0)
  })

  test('of a request under way is not used again when the connection goes, before its handler is done', async () => {
    const r = rig()
    send(r, [PRODUCE, large])
    r.connection.close()
    expect(r.pool.idleBytes).toBe(0)
    await r.begun.get(large)!.answer('A')
    expect(r.pool.idleBytes).toBeGreaterThan(large.length)
  })

  test('of an answer is free when the system has it, once', async () => {
    const r = rig()
    send(r, [PRODUCE, 'a'], [PRODUCE, 'b'], [PRODUCE, 'c'])
    await r.begun.get('b')!.answer('B')
    await r.begun.get('a')!.answer('A')
    expect([r.events, r.taken]).toEqual([['A', 'B'], []])
    r.take()
    await r.begun.get('c')!.answer('C')
    expect(r.taken).toEqual(['A', 'B'])
    r.connection.close()
    r.take()
    expect(r.taken).toEqual(['A', 'B', 'C'])
  })

  test('of an answer that is never sent is free at once; of one that is being sent when the connection goes, not before it is', async () => {
    const r = rig()
    send(r, [PRODUCE, 'a'], [PRODUCE, 'b'], [PRODUCE, 'c'], [PRODUCE, 'd'])
    await r.begun.get('a')!.answer('A')
    await r.begun.get('c')!.answer('C')
    r.connection.close()
    expect(r.taken).toEqual(['C'])
    await r.begun.get('d')!.answer('D')
    expect(r.taken).toEqual(['C', 'D'])
    r.take()
    expect(r.taken).toEqual(['C', 'D', 'A'])
  })

  test('of answers before one that fails is free when the system has them', async () => {
    const r = rig()
    send(r, [PRODUCE, 'a'], [PRODUCE, 'b'], [PRODUCE, 'c'])
    await r.begun.get('c')!.answer('C')
    await r.begun.get('b')!.fail('broken')
    await r.begun.get('a')!.answer('A')
    expect([r.events, r.taken]).toEqual([['A', 'end'], ['C']])
    r.take()
    expect(r.taken).toEqual(['C', 'A'])
  })
})

describe('deadlines', () => {
  test('cut off a peer that does not send a whole first request', () => {
    const r = rig()
    r.connection.receive(Buffer.from([0, 0, 0]))
    r.clock.advance(10_000)
    expect(r.connection.overdue()).toBeNull()
    r.clock.advance(1)
    expect(r.connection.overdue()).toContain('no whole request within 10000 ms')
  })

  test('cut off a request that trickles in, and allow a large one more time', async () => {
    const r = rig({ maxPendingBytes: 1e9 })
    send(r, [OTHER, 'a'])
    await r.begun.get('a')!.answer('A')
    const large = request(OTHER, 'b'.repeat(10 * 65_536))
    r.connection.receive(large.subarray(0, 5 * 65_536))
    r.clock.advance(30_001)
    expect(r.connection.overdue()).toBeNull()
    r.clock.advance(5000)
    expect(r.connection.overdue()).toContain('a request is unfinished after 35001 ms')
  })

  test('do not count while the peer waits for us', () => {
    const r = rig()
    send(r, [OTHER, 'a'])
    r.clock.advance(10_000_000)
    expect(r.connection.overdue()).toBeNull()
  })

  test('cut off a peer that asks and does not take its answers', async () => {
    const r = rig()
    send(r, [OTHER, 'a'], [OTHER, 'b'])
    r.isFull = true
    await r.begun.get('a')!.answer('A')
    r.clock.advance(600_000)
    expect(r.connection.overdue()).toBeNull()
    r.clock.advance(1)
    expect(r.connection.overdue()).toContain('none of its answers')
  })

  test('end a connection on which nothing is asked', async () => {
    const r = rig()
    send(r, [OTHER, 'a'])
    await r.begun.get('a')!.answer('A')
    r.clock.advance(600_000)
    expect(r.connection.overdue()).toBeNull()
    r.clock.advance(1)
    expect(r.connection.overdue()).toContain('connections.max.idle.ms')
  })

  test('cut off a peer that asks and asks but does not authenticate', async () => {
    const r = rig()
    r.auth = false
    send(r, [OTHER, 'a'])
    await r.begun.get('a')!.answer('A')
    r.clock.advance(10_001)
    expect(r.connection.overdue()).toContain('no authentication within')
  })
})

describe('before authentication', () => {
  test('frames are small, and come one at a time', async () => {
    const r = rig({ maxFrameBytesBefore: 10 })
    r.auth = false
    send(r, [OTHER, 'a'], [OTHER, 'b'.repeat(100)])
    expect(r.connection.pendingRequests).toBe(1)
    r.auth = true
    await r.begun.get('a')!.answer('A')
    expect([...r.begun.keys()]).toEqual(['b'.repeat(100)])
    const s = rig({ maxFrameBytesBefore: 10 })
    s.auth = false
    send(s, [OTHER, 'a'.repeat(100)])
    expect(s.problems[0]).toContain('a frame of 101 bytes is not between 0 and 10')
  })
})

describe('what is not Kafka', () => {
  test.each([
    ['GET /index.html HTTP/1.1\r\nHost: x\r\n', 'it sent an HTTP request ("GET /index.html HTTP/1.1")'],
    ['PRI * HTTP/2.0\r\n\r\n', 'it sent an HTTP request'],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'it sent a TLS handshake'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'it sent an SSH greeting'],
    ['\xff\xff\xff\xff', 'a frame of -1 bytes'],
  ])('%j is closed with a line that says what it was', (text, problem) => {
    const r = rig()
    r.connection.receive(Buffer.from(text, 'latin1'))
    expect(r.problems).toHaveLength(1)
    expect(r.problems[0]).toContain(problem)
    expect(r.events).toEqual(['end'])
  })
})

describe('draining', () => {
  test('answers what was read, reads no more, and ends', async () => {
    const r = rig()
    send(r, [OTHER, 'a'], [OTHER, 'b'])
    r.connection.drain()
    send(r, [OTHER, 'c'])
    await r.begun.get('a')!.answer('A')
    await r.begun.get('b')!.answer('B')
    expect(r.events).toEqual(['pause', 'A', 'B', 'end'])
    expect(r.problems).toEqual([null])
  })

  test('does not wait for what is parked, or when nothing is asked', () => {
    const parked = rig()
    send(parked, [PARKED, 'a'])
    parked.connection.drain()
    expect(parked.connection.isClosed).toBe(true)
    const idle = rig()
    idle.connection.drain()
    expect(idle.connection.isClosed).toBe(true)
  })
})
