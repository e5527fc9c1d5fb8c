/** Logins that end (connections.max.reauth.ms, KIP-368): who logs in again goes on, as the same user and by the same mechanism; who does not is put out. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemPorts } from '../../src/common/ports.ts'
import { resolveBroker } from '../../src/config/resolve.ts'
import type { OttlaHandle } from '../../src/ottla.ts'
import { apis } from '../../src/protocol/api-registry.ts'
import { openListener, type Listener } from '../../src/server/wire-listener.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'
import { open } from '../../src/index.ts'
import { RawClient } from '../support/wire-kit.ts'

const SESSION_MS = 60_000
const logger = new RecordingLogger()
let ottla: OttlaHandle
let listener: Listener
let clock: ManualClock
let client: RawClient
beforeEach(async () => {
  ottla = await open('', { inMemory: true, logger }) as OttlaHandle
  for (const user of ['alice', 'bob']) await ottla.users.set(user, `${user}-secret`, { iterations: 4096 })
  clock = new ManualClock()
  const { parts, release } = ottla.listenerParts()
  const settings = resolveBroker({ 'connections.max.reauth.ms': SESSION_MS })
  listener = await openListener({ ...parts, settings, ports: { ...systemPorts, logger, clock } }, { port: 0, sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256'] } }, release)
  client = await RawClient.open(listener.port)
})
afterEach(async () => {
  client.end()
  await listener.close({ timeoutMs: 0 })
  await ottla.close()
})

const token = (user: string): Uint8Array => Buffer.from(`\0${user}\0${user}-secret`)
const shake = async (mechanism = 'PLAIN'): Promise<number> => (await client.call(apis.saslHandshake, 1, { mechanism })).errorCode
const logIn = async (user = 'alice'): Promise<readonly [number, number]> => {
  const { errorCode, sessionLifetimeMs } = await client.call(apis.saslAuthenticate, 2, { authBytes: token(user) })
  return [errorCode, sessionLifetimeMs]
}
const look = async (): Promise<number> => (await client.call(apis.metadata, 1, { topics: null })).brokers.length

describe('a login that ends', () => {
  beforeEach(async () => {
    expect(await shake()).toBe(0)
    expect(await logIn()).toEqual([0, SESSION_MS])
  })

  test('holds until its time is over, and the next request then closes the connection', async () => {
    clock.advance(SESSION_MS)
    expect(await look()).toBe(1)
    clock.advance(1)
    await expect(look()).rejects.toThrow('the connection was closed')
    expect(logger.messages('warn').at(-1)).toContain('its login had run out (connections.max.reauth.ms)')
  })

  test('is renewed on the same connection, before its end and after', async () => {
    for (const passed of [SESSION_MS - 1, SESSION_MS + 10_000, SESSION_MS]) {
      clock.advance(passed)
      expect(await shake()).toBe(0)
      expect(await logIn()).toEqual([0, SESSION_MS])
      expect(await look()).toBe(1)
    }
  })

  test('cannot become the login of somebody else', async () => {
    clock.advance(2000)
    expect(await shake()).toBe(0)
    expect((await logIn('bob'))[0]).toBe(58)
    expect(await client.frame()).toBeNull()
  })

  test('cannot be renewed by another mechanism', async () => {
    clock.advance(2000)
    expect(await shake('SCRAM-SHA-256')).toBe(0)
    expect((await client.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('n,,n=alice,r=abc') })).errorCode).toBe(58)
    expect(await client.frame()).toBeNull()
  })

  test('cannot be renewed with a wrong password, nor all the time', async () => {
    expect(await shake()).toBe(34)
    expect(await look()).toBe(1)
    clock.advance(1000)
    expect(await shake()).toBe(0)
    expect((await client.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0wrong') })).errorCode).toBe(58)
    expect(await client.frame()).toBeNull()
  })

  test('is not renewed by a handshake alone', async () => {
    clock.advance(2000)
    expect(await shake()).toBe(0)
    await expect(look()).rejects.toThrow('the connection was closed')
    expect(logger.messages('warn').at(-1)).toContain('while it logged in again')
  })

  test('does not take a token that no handshake announced', async () => {
    clock.advance(2000)
    expect((await logIn())[0]).toBe(34)
    expect(await look()).toBe(1)
  })
})
