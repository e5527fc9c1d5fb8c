import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, open, silentLogger, type Ottla, type OttlaError, type RemoteKafka, type Users } from './index.ts'
import { startBroker } from './testing/index.ts'

const outcome = (call: () => Promise<unknown>): Promise<string> => call().then(() => 'done', (error: unknown) => (error as OttlaError).code)

describe('users', () => {
  let ottla: Ottla
  let remote: RemoteKafka
  beforeAll(async () => {
    ottla = await open('/', { inMemory: true, logger: silentLogger })
    remote = await connect(`127.0.0.1:${(await ottla.listen({ port: 0 })).port}`, { logger: silentLogger })
  }, 60_000)
  afterAll(async () => {
    await remote.close()
    await ottla.close()
  })

  test.each(['embedded', 'remote'])('of a database that is %s refuse what is no name, password or mechanism', async (kind) => {
    const users: Users = kind === 'embedded' ? ottla.users : remote.users
    for (const mechanisms of [null, [], [null], [undefined], ['SCRAM-SHA-1'], 'SCRAM-SHA-256', 5]) {
      expect([mechanisms, await outcome(() => users.set('alice', 'secret', { mechanisms: mechanisms as never }))]).toEqual([mechanisms, 'INVALID_ARGUMENT'])
    }
    for (const name of [undefined, null, '', 5, {}, Symbol('x')] as never[]) {
      expect([name, await outcome(() => users.set(name, 'secret')), await outcome(() => users.remove(name))]).toEqual([name, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'])
    }
    for (const password of [undefined, null, '', 5] as never[]) expect(await outcome(() => users.set('alice', password))).toBe('INVALID_ARGUMENT')
    expect(await users.list()).toEqual([])
    expect(await users.remove('alice')).toBe(false)
  })

  test('are asked for and changed again when the brokers could not do it now', async () => {
    const broker = await startBroker()
    const kafka = await connect(broker.bootstrap, { logger: silentLogger, 'retry.backoff.ms': 1, 'reconnect.backoff.ms': 1 })
    broker.fail('AlterUserScramCredentials', { error: 'NOT_CONTROLLER' })
    broker.drop('AlterUserScramCredentials', { carriedOut: true })
    await kafka.users.set('alice', 'secret', { mechanisms: ['SCRAM-SHA-256'], iterations: 4096 })
    broker.fail('DescribeUserScramCredentials', { error: 'REQUEST_TIMED_OUT' })
    expect(await kafka.users.list()).toMatchObject([{ name: 'alice' }])
    // The answer to a deletion that was made is lost: the next attempt finds nothing to delete.
    broker.drop('AlterUserScramCredentials', { carriedOut: true })
    expect(await kafka.users.remove('alice')).toBe(true)
    expect(await kafka.users.list()).toEqual([])
    await kafka.close()
    await broker.close()
  })

  test('are closed with their database', async () => {
    const other = await open('/', { inMemory: true, logger: silentLogger })
    const { users } = other
    await users.set('alice', 'secret', { mechanisms: ['SCRAM-SHA-256'], iterations: 4096 })
    await other.close()
    for (const call of [() => users.list(), () => users.set('bob', 'secret'), () => users.remove('alice'), () => other.users.list()]) expect(await outcome(call)).toBe('CLOSED')
  })
})
