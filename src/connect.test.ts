import { expect, test } from 'vitest'
import { connect } from './connect.ts'
import { silentLogger } from './common/logger.ts'

const complaint = (...given: unknown[]): Promise<string> => (
  (connect as (...args: unknown[]) => Promise<unknown>)(...given).then(() => 'connected', (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`))

test.each([
  [[], "INVALID_CONFIG: a broker is given as 'host:port', not undefined"],
  [[null], "INVALID_CONFIG: a broker is given as 'host:port', not null"],
  [[9092], "INVALID_CONFIG: a broker is given as 'host:port', not 9092"],
  [[['a:1', 7]], "INVALID_CONFIG: a broker is given as 'host:port', not 7"],
  [[{}], 'INVALID_CONFIG: connect(bootstrap, settings): name at least one broker'],
  [[{ 'client.id': 'x' }], 'INVALID_CONFIG: connect(bootstrap, settings): name at least one broker'],
  [['a:1', null], 'INVALID_CONFIG: connect(bootstrap, settings): the settings are an object, not null'],
  [['a:1', 'settings'], 'INVALID_CONFIG: connect(bootstrap, settings): the settings are an object, not "settings"'],
  [['a:1', []], 'INVALID_CONFIG: connect(bootstrap, settings): the settings are an object, not an object'],
  [['a:1', { 'bootstrap.servers': 'b:1' }], 'INVALID_CONFIG: the brokers are given twice'],
  [['a:1', { clientId: 'x' }], 'INVALID_CONFIG: unknown client setting "clientId": write it as "client.id"'],
  [['a:1', { acks: 'all' }], 'INVALID_CONFIG: unknown client setting "acks": acks is a producer setting'],
  [['a:1', { brokers: [] }], 'INVALID_CONFIG: unknown client setting "brokers": give the servers as first argument'],
  [['a:1', { ssl: 'yes' }], 'INVALID_CONFIG: option ssl of connect() is true, or an object for tls.connect, not "yes"'],
  [['a:1', { ssl: null }], 'INVALID_CONFIG: option ssl of connect() is true, or an object for tls.connect, not null'],
  [['a:1', { logger: console.log }], 'INVALID_CONFIG: option logger of connect() lacks debug'],
  [['a:1', { signal: {} }], 'INVALID_ARGUMENT: connect: the signal is'],
  [['a:1', { signal: AbortSignal.abort() }], 'ABORTED'],
  [['a:1', { 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': 'PlainLoginModule required;' }], 'INVALID_CONFIG: sasl.jaas.config needs username'],
  [['a:1', { 'security.protocol': 'SSL', 'ssl.truststore.location': '/nowhere.pem' }], 'INVALID_CONFIG: ssl.truststore.location: /nowhere.pem cannot be read'],
  [['a:1', { 'security.protocol': 'SSL', 'ssl.keystore.location': process.execPath.replace(/node$/, '../LICENSE') }], 'INVALID_CONFIG: ssl.keystore.location'],
])('connect(%j) is refused', async (given, message) => {
  expect(await complaint(...given)).toMatch(message.slice(0, 20))
  expect((await complaint(...given)).startsWith(message)).toBe(true)
})

test('brokers may be among the settings', async () => {
  expect(await complaint({ 'bootstrap.servers': '127.0.0.1:1', logger: silentLogger })).toMatch(/^NETWORK_EXCEPTION: broker 127.0.0.1:1: nothing listens there/)
  expect(await complaint(undefined, { 'bootstrap.servers': '127.0.0.1:1', logger: silentLogger })).toMatch(/^NETWORK_EXCEPTION: broker 127.0.0.1:1/)
})
