import { afterEach, beforeEach, expect, test } from 'vitest'
import { OttlaError } from '../../common/errors.ts'
import { systemPorts, type Ports } from '../../common/ports.ts'
import { silentLogger } from '../../common/logger.ts'
import { apis } from '../../protocol/api-registry.ts'
import { encodeResponse } from '../../protocol/frames.ts'
import { ManualScheduler } from '../../testing/manual-scheduler.ts'
import { ScriptedBroker } from '../../../test/support/scripted-broker.ts'
import { nextTurn } from '../waiting.ts'
import { openLink, type BrokerLink, type LinkSettings } from './broker-link.ts'
import { LinkPool } from './link-pool.ts'

const base: LinkSettings = { clientId: 'me', softwareVersion: '1', requestTimeoutMs: 30_000, maxFrameBytes: 1_000_000, tls: null, credentials: null }
let broker: ScriptedBroker
let scheduler: ManualScheduler
let ports: Ports
const links: BrokerLink[] = []

beforeEach(async () => {
  broker = await ScriptedBroker.open()
  scheduler = new ManualScheduler()
  ports = { ...systemPorts, clock: scheduler.clock, scheduler, logger: silentLogger }
})
afterEach(async () => {
  for (const link of links.splice(0)) link.fail(new OttlaError('CLOSED', 'the test is over'))
  await broker.close()
})

const connect = async (settings: Partial<LinkSettings> = {}): Promise<BrokerLink> => {
  const link = await openLink({ host: '127.0.0.1', port: broker.port }, { ...base, ...settings }, ports, 10_000).link
  links.push(link)
  return link
}
const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await nextTurn(systemPorts.scheduler) }
const codeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', (error: unknown) => (error as OttlaError).code)
const heartbeat = { groupId: 'g', generationId: 1, memberId: 'm' }

test('both sides use the highest version that they share', async () => {
  broker.versions.set('Heartbeat', [1, 2]).set('Metadata', [0, 99])
  broker.on(apis.heartbeat, () => ({ errorCode: 0 })).on(apis.metadata, () => ({ brokers: [], topics: [] }))
  const link = await connect()
  await link.call(apis.heartbeat, heartbeat)
  await link.call(apis.metadata, { topics: [] })
  expect(broker.asked.map((each) => [each.api, each.version, each.clientId])).toEqual([['ApiVersions', 4, 'me'], ['Heartbeat', 2, 'me'], ['Metadata', 13, 'me']])
})

test('a request that the broker does not know, or not in our versions, names the API', async () => {
  broker.versions.set('Heartbeat', null).set('Fetch', [0, 3]).set('Metadata', [90, 99])
  const link = await connect()
  await expect(link.call(apis.heartbeat, heartbeat)).rejects.toThrow('does not know Heartbeat: it is too old for this, or has no such thing')
  await expect(link.call(apis.metadata, { topics: [] })).rejects.toThrow('knows versions 90 to 99 of Metadata, and 0 to 13 are needed here: this version of Ottla is too old for it')
  const fetch = link.call(apis.fetch, { maxWaitMs: 0, minBytes: 0, isolationLevel: 0, topics: [] })
  await expect(fetch).rejects.toThrow('knows versions 0 to 3 of Fetch, and 4 to 17 are needed here: it is too old for this')
  expect(await codeOf(link.call(apis.heartbeat, heartbeat))).toBe('UNSUPPORTED_VERSION')
  expect(link.isOpen).toBe(true)
})

test.each([[2, 2], [0, 0], [-1, 0]])('a broker that knows ApiVersions up to %i is asked again in version %i', async (known, asked) => {
  broker.on(apis.apiVersions, ({ version }) => {
    if (version === asked) return { errorCode: 0, apiKeys: [{ apiKey: apis.heartbeat.key, minVersion: 0, maxVersion: 1 }] }
    // In version 0, whatever was asked (KIP-511).
    return encodeResponse(apis.apiVersions, 0, 1, { errorCode: 35, apiKeys: known < 0 ? [] : [{ apiKey: 18, minVersion: 0, maxVersion: known }] })
  })
  broker.on(apis.heartbeat, () => ({ errorCode: 27 }))
  const link = await connect()
  expect((await link.call(apis.heartbeat, heartbeat)).errorCode).toBe(27)
  expect(broker.asked.map((each) => each.version)).toEqual([4, asked, 1])
})

test.each([4, 3, 0])('a broker that knows ApiVersions up to %i and hangs up at the next request may want a login', async (known) => {
  broker.on(apis.apiVersions, ({ version }) => {
    if (version > known) return encodeResponse(apis.apiVersions, 0, 1, { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: known }] })
    return { errorCode: 0, apiKeys: [{ apiKey: apis.heartbeat.key, minVersion: 0, maxVersion: 1 }] }
  })
  broker.on(apis.heartbeat, () => 'cut')
  const link = await connect()
  await expect(link.call(apis.heartbeat, heartbeat)).rejects.toThrow('closed the connection before it answered Heartbeat: it may want authentication (security.protocol)')
})

test('requests are sent at once and answered in order', async () => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => { release = resolve })
  broker.on(apis.heartbeat, async ({ body }) => { await gate; return { errorCode: body.generationId } })
  const link = await connect()
  const answers = [1, 2, 3].map((generationId) => link.call(apis.heartbeat, { ...heartbeat, generationId }))
  release()
  expect((await Promise.all(answers)).map((each) => each.errorCode)).toEqual([1, 2, 3])
})

test('a request that is not answered in time ends the connection, and all behind it', async () => {
  broker.on(apis.heartbeat, () => 'silence')
  const link = await connect()
  const answers = [link.call(apis.heartbeat, heartbeat), link.call(apis.heartbeat, heartbeat, { timeoutMs: 60_000 })].map(codeOf)
  await until(() => broker.asked.length >= 2)
  await scheduler.advance(29_999)
  expect(link.isOpen).toBe(true)
  await scheduler.advance(1)
  expect(await Promise.all(answers)).toEqual(['REQUEST_TIMED_OUT', 'NETWORK_EXCEPTION'])
  expect(link.isOpen).toBe(false)
  expect(scheduler.pendingTimers).toBe(0)
  await until(() => broker.open === 0)
})

test('an answer that cannot be read ends the connection', async () => {
  broker.on(apis.heartbeat, ({ correlationId }) => {
    const frame = Buffer.from([0, 0, 0, 7, 0, 0, 0, 0, 9, 9, 9])
    frame.writeInt32BE(correlationId, 4)
    return frame
  })
  const link = await connect()
  expect(await codeOf(link.call(apis.heartbeat, heartbeat))).toBe('NETWORK_EXCEPTION')
  expect(link.isOpen).toBe(false)
})

test('an answer larger than is taken ends the connection', async () => {
  broker.on(apis.heartbeat, () => Buffer.from([0x7f, 0xff, 0xff, 0xff]))
  const link = await connect()
  expect(await codeOf(link.call(apis.heartbeat, heartbeat))).toBe('NETWORK_EXCEPTION')
})

test('a session is renewed before it ends, and requests wait for that', async () => {
  const order: string[] = []
  let lifetime = 10_000
  let admit = (): void => {}
  broker.on(apis.saslHandshake, () => { order.push('handshake'); return { errorCode: 0, mechanisms: ['PLAIN'] } })
  broker.on(apis.saslAuthenticate, async ({ body }) => {
    order.push(Buffer.from(body.authBytes).toString().replaceAll('\0', '/'))
    if (order.length > 3) await new Promise<void>((resolve) => { admit = resolve })
    return { errorCode: 0, errorMessage: null, authBytes: new Uint8Array(0), sessionLifetimeMs: lifetime }
  })
  broker.on(apis.heartbeat, () => { order.push('heartbeat'); return { errorCode: 0 } })
  const link = await connect({ credentials: { mechanism: 'PLAIN', username: 'u', password: 'p' } })
  await link.call(apis.heartbeat, heartbeat)
  expect(order).toEqual(['handshake', '/u/p', 'heartbeat'])
  lifetime = 0
  await scheduler.advance(9500)
  await until(() => order.length === 5)
  const late = link.call(apis.heartbeat, heartbeat)
  const { received } = broker
  for (let turn = 0; turn < 20; turn += 1) await nextTurn(systemPorts.scheduler)
  expect(broker.received).toBe(received)
  expect(order).toEqual(['handshake', '/u/p', 'heartbeat', 'handshake', '/u/p'])
  admit()
  await late
  expect(order.at(-1)).toBe('heartbeat')
  expect(scheduler.pendingTimers).toBe(0)
})

test('a session that cannot be renewed ends the connection', async () => {
  let isKnown = true
  broker.on(apis.saslHandshake, () => ({ errorCode: 0, mechanisms: ['PLAIN'] }))
  broker.on(apis.saslAuthenticate, () => ({ errorCode: isKnown ? 0 : 58, errorMessage: 'gone', authBytes: new Uint8Array(0), sessionLifetimeMs: 1000 }))
  const link = await connect({ credentials: { mechanism: 'PLAIN', username: 'u', password: 'p' } })
  isKnown = false
  await scheduler.advance(1000)
  await until(() => !link.isOpen)
})

test('a mechanism that the broker does not have is told with those it has', async () => {
  broker.on(apis.saslHandshake, () => ({ errorCode: 33, mechanisms: ['GSSAPI', 'OAUTHBEARER'] }))
  await expect(connect({ credentials: { mechanism: 'PLAIN', username: 'u', password: 'p' } })).rejects.toThrow(/it knows GSSAPI, OAUTHBEARER/)
})

test('a listener without a login says so to whoever wants to log in', async () => {
  broker.on(apis.saslHandshake, () => ({ errorCode: 34, mechanisms: [] }))
  await expect(connect({ credentials: { mechanism: 'PLAIN', username: 'u', password: 'p' } })).rejects.toThrow('nobody logs in there')
})

const poolOf = (settings: object = {}): LinkPool => new LinkPool(
  { ...base, setupTimeoutMs: 10_000, maxSetupTimeoutMs: 30_000, reconnectBackoffMs: 100, maxReconnectBackoffMs: 1000, maxIdleMs: 60_000, ...settings }, ports)

test('a pool has one connection for a broker and lane, and a new one for one that broke', async () => {
  const pool = poolOf()
  const address = { host: '127.0.0.1', port: broker.port }
  const [a, b, other] = await Promise.all([pool.get(address, 'main'), pool.get(address, 'main'), pool.get(address, 'fetch')])
  expect([a === b, a === other, broker.connections]).toEqual([true, false, 2])
  broker.cut()
  await until(() => !a.isOpen && !other.isOpen)
  const again = pool.get(address, 'main')
  await scheduler.advance(100)
  expect((await again).isOpen).toBe(true)
  pool.close()
  await until(() => broker.open === 0)
  expect(await codeOf(pool.get(address, 'main'))).toBe('CLOSED')
  expect(scheduler.pendingTimers).toBe(0)
})

test('a broker that takes a connection and says nothing gets twice the time with every try, up to socket.connection.setup.timeout.max.ms', async () => {
  broker.on(apis.apiVersions, () => 'silence')
  const pool = poolOf({ setupTimeoutMs: 1000, maxSetupTimeoutMs: 3000, reconnectBackoffMs: 0, maxReconnectBackoffMs: 0 })
  const told: string[] = []
  for (let tries = 1; tries <= 4; tries++) {
    const failing = pool.get({ host: '127.0.0.1', port: broker.port }, 'main').catch((error: unknown) => { told.push(/\((\d+ ms)\)/.exec((error as Error).message)?.[1] ?? String(error)) })
    await until(() => broker.asked.length === tries)
    await scheduler.advance(4000)
    await failing
  }
  pool.close()
  expect(told).toEqual(['1000 ms', '2000 ms', '3000 ms', '3000 ms'])
})

test('a broker that cannot be reached is tried again after pauses that double', async () => {
  const { port } = broker
  await broker.close()
  const pool = poolOf()
  const address = { host: '127.0.0.1', port }
  const waits: number[] = []
  for (let tries = 0; tries < 4; tries += 1) {
    const start = scheduler.clock.monotonic()
    const state = { done: false }
    const failing = codeOf(pool.get(address, 'main')).finally(() => { state.done = true })
    while (!state.done) {
      await nextTurn(systemPorts.scheduler)
      if (scheduler.keepAliveTimers > 0) await scheduler.advance(1)
    }
    expect(await failing).toBe('NETWORK_EXCEPTION')
    waits.push(scheduler.clock.monotonic() - start)
  }
  expect(waits[0]).toBe(0)
  // Doubling, give or take a fifth.
  for (const [i, base] of [100, 200, 400].entries()) expect(waits[i + 1]! > base * 0.79 && waits[i + 1]! < base * 1.22 + 1, String(waits)).toBe(true)
  pool.close()
  broker = await ScriptedBroker.open()
})

test('a connection unused for long is closed', async () => {
  broker.on(apis.heartbeat, () => ({ errorCode: 0 }))
  const pool = poolOf()
  const link = await pool.get({ host: '127.0.0.1', port: broker.port }, 'main')
  await scheduler.advance(40_000)
  await link.call(apis.heartbeat, heartbeat)
  await scheduler.advance(59_000)
  expect(link.isOpen).toBe(true)
  await scheduler.advance(1000)
  expect(link.isOpen).toBe(false)
  await until(() => broker.open === 0)
  pool.close()
  expect(scheduler.pendingTimers).toBe(0)
})

test('closing a pool ends what is being opened', async () => {
  broker.on(apis.apiVersions, () => 'silence')
  const pool = poolOf()
  const opening = codeOf(pool.get({ host: '127.0.0.1', port: broker.port }, 'main'))
  await until(() => broker.asked.length === 1)
  pool.close()
  expect(await opening).toBe('CLOSED')
  await until(() => broker.open === 0)
  expect(scheduler.pendingTimers).toBe(0)
})
