/** `ottla configs` beside kafka-configs of 4.1: what that one printed of the same broker is what is expected here, where a broker runs and of its directory alike. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBroker, type TestBroker } from '../src/testing/index.ts'
import { build, ottla } from './support/cli.ts'

let scratch: string
let broker: TestBroker
beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-configs-'))
  broker = await startBroker({ users: { alice: 'secret' } })
  await broker.ottla.admin.createTopic('t')
}, 120_000)
afterAll(async () => {
  await broker.close()
  rmSync(scratch, { recursive: true, force: true })
})

const sources: readonly (readonly [string, () => readonly string[]])[] = [
  ['a broker', () => ['--bootstrap-server', broker.bootstrap]],
  ['a directory', () => ['--data', join(scratch, 'data')]],
]
describe.each(sources)('of %s', (name, source) => {
  const on = async (flags: string): Promise<string> => {
    const { code, text, error } = await ottla(['configs', ...source(), ...flags.split(' ')])
    expect([code, error]).toEqual([0, ''])
    return text
  }
  beforeAll(async () => { await ottla(['topics', '--create', '--if-not-exists', '--topic', 't', ...source()]) }, 60_000)

  test('settings of all brokers are altered and described, and where a value comes from', async () => {
    expect(await on('--alter --entity-type brokers --entity-default --add-config log.retention.ms=3000')).toBe('Completed updating default config for brokers in the cluster.\n')
    expect(await on('--describe --broker-defaults')).toBe([
      'Default configs for brokers in the cluster are:', '  log.retention.ms=3000 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=3000}',
      '  min.insync.replicas=1 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1}', '',
    ].join('\n'))
    expect(await on('--alter --broker 1 --add-config log.retention.ms=2000')).toBe('Completed updating config for broker 1.\n')
    expect(await on('--alter --topic t --add-config retention.ms=1000')).toBe('Completed updating config for topic t.\n')
    const broker1 = 'DYNAMIC_BROKER_CONFIG:log.retention.ms=2000, DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=3000, DEFAULT_CONFIG:log.retention.hours=168'
    expect(await on('--describe --entity-type brokers'))
      .toContain(`Dynamic configs for broker 1 are:\n  log.retention.ms=2000 sensitive=false synonyms={${broker1}}\nDefault configs for brokers in the cluster are:\n`)
    expect(await on('--describe --topic t')).toBe(`Dynamic configs for topic t are:\n  retention.ms=1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000, ${broker1}}\n`)
    await on('--alter --entity-type brokers --entity-default --delete-config log.retention.ms')
    expect(await on('--describe --broker-defaults')).not.toContain('log.retention.ms')
    const wrong = await ottla(['configs', ...source(), '--alter', '--broker-defaults', '--delete-config', 'log.retention.msx'])
    expect([wrong.code, wrong.error]).toEqual([2, expect.stringContaining('did you mean log.retention.ms?')])
  }, 120_000)

  test('so are those of groups and of subscriptions to client metrics', async () => {
    expect(await on('--alter --group g --add-config consumer.session.timeout.ms=50000')).toBe('Completed updating config for group g.\n')
    expect(await on('--describe --entity-type groups --entity-name g'))
      .toBe('Dynamic configs for group g are:\n  consumer.session.timeout.ms=50000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=50000}\n')
    expect(await on('--alter --entity-type client-metrics --entity-name m --add-config interval.ms=1000')).toBe('Completed updating config for client-metric m.\n')
    expect(await on('--describe --client-metrics m --all')).toBe([
      'All configs for client-metric m are:', '  interval.ms=1000 sensitive=false synonyms={DYNAMIC_CLIENT_METRICS_CONFIG:interval.ms=1000}', '  match= sensitive=false synonyms={}',
      '  metrics= sensitive=false synonyms={}', '',
    ].join('\n'))
  }, 60_000)

  test('quotas are doubles, and users have what they log in with beside them', async () => {
    await ottla(['users', ...source(), '--set', 'alice', '--iterations', '4096'], { input: 'secret\n' })
    expect(await on('--alter --user alice --add-config consumer_byte_rate=1024,request_percentage=12.5,producer_byte_rate=12345678')).toBe('Completed updating config for user alice.\n')
    expect(await on('--describe --entity-type users')).toBe([
      'Quota configs for user-principal \'alice\' are consumer_byte_rate=1024.0, producer_byte_rate=1.2345678E7, request_percentage=12.5',
      'SCRAM credential configs for user-principal \'alice\' are SCRAM-SHA-256=iterations=4096, SCRAM-SHA-512=iterations=4096', '',
    ].join('\n'))
    expect(await on('--alter --client-defaults --add-config request_percentage=50')).toBe('Completed updating default config for clients in the cluster.\n')
    await ottla(['users', ...source(), '--set', 'bob', '--iterations', '4096'], { input: 'secret\n' })
    await on('--alter --user alice --client c --add-config request_percentage=1')
    await on('--alter --user-defaults --add-config request_percentage=2')
    const ofAlice = 'Quota configs for user-principal \'alice\' are consumer_byte_rate=1024.0, producer_byte_rate=1.2345678E7, request_percentage=12.5\n'
    expect((await on('--describe --user alice')).replace(/^SCRAM .*'alice'.*\n/m, '')).toBe(ofAlice)
    expect(await on('--describe --user-defaults')).toBe('Quota configs for the default user-principal are request_percentage=2.0\n')
    expect(await on('--describe --user alice --entity-type clients')).toBe('Quota configs for user-principal \'alice\', client-id \'c\' are request_percentage=1.0\n')
  }, 60_000)

  test('a file of settings is one of Java\'s properties', async () => {
    const file = join(scratch, `${name}.properties`)
    writeFileSync(file, '# of t\nretention.ms : 5000\nleader.replication.throttled.replicas=0:1,\\\n  1:2\n')
    const { code } = await ottla(['configs', ...source(), '--alter', '--topic', 't', '--add-config-file', file])
    expect(code).toBe(0)
    expect(await on('--describe --topic t')).toMatch(/^ {2}leader.replication.throttled.replicas=0:1,1:2 .*\n {2}retention.ms=5000 /m)
  }, 60_000)
})

test('the level of a broker\'s logger is told and changed while it runs', async () => {
  const on = (flags: string) => ottla(['configs', '--bootstrap-server', broker.bootstrap, ...flags.split(' ')])
  expect((await on('--alter --entity-type broker-loggers --entity-name 1 --add-config root=ERROR')).text).toBe('Completed updating config for broker-logger 1.\n')
  expect((await on('--describe --broker-logger 1')).text).toBe('Dynamic configs for broker-logger 1 are:\n  root=ERROR sensitive=false synonyms={}\n')
  const wrong = await on('--alter --broker-logger 1 --add-config ROOT=INFO')
  expect([wrong.code, wrong.error]).toEqual([1, expect.stringContaining('there is no logger ROOT: the only one is root')])
}, 60_000)
