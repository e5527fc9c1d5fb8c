/** TLS and SASL on the port: who gets in, who does not, and what they can tell from it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemRandom } from '../../src/common/random.ts'
import { scramAttributes, scramHmac, scramKeys, scramXor } from '../../src/common/scram.ts'
import { saslExchange } from '../../src/client/wire/sasl.ts'
import { connect, type ListenOptions, type Listener } from '../../src/index.ts'
import { apis } from '../../src/protocol/api-registry.ts'
import { isInstalled, run } from '../support/program.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

const pem = (name: string): string => readFileSync(join(import.meta.dirname, `../data/tls/${name}.pem`), 'utf8')
const first = { cert: pem('first.cert'), key: pem('first.key') }
const second = { cert: pem('second.cert'), key: pem('second.key') }
const every = { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] } as const

let kit: WireKit
const clients: RawClient[] = []
beforeEach(async () => {
  kit = await listening()
  await kit.ottla.users.set('alice', 'secret, of course = 1', { iterations: 4096 })
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.end()
  await kit.ottla.close()
})

const listen = (options: ListenOptions): Promise<Listener> => kit.ottla.listen({ port: 0, ...options })

async function topicsSeenBy(listener: Listener, options: { sasl?: SASLOptions; ca?: string }): Promise<string[]> {
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${listener.port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 },
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }), ...(options.ca === undefined ? {} : { ssl: { ca: [options.ca] } }),
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

async function raw(listener: Listener): Promise<RawClient> {
  const client = await RawClient.open(listener.port)
  clients.push(client)
  return client
}

describe('a listener with SASL', () => {
  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('lets kafkajs in by %s with the password, and not with another', async (mechanism) => {
    await kit.ottla.admin.createTopic('seen')
    const listener = await listen({ sasl: every })
    // A fresh object each time: kafkajs keeps the first login in it.
    const as = (username: string, password: string): { sasl: SASLOptions } => ({ sasl: { mechanism, username, password } })
    expect(await topicsSeenBy(listener, as('alice', 'secret, of course = 1'))).toEqual(['seen'])
    await expect(topicsSeenBy(listener, as('alice', 'wrong'))).rejects.toThrow('Invalid username or password')
    await expect(topicsSeenBy(listener, as('mallory', 'secret, of course = 1'))).rejects.toThrow('Invalid username or password')
    await expect(topicsSeenBy(listener, {})).rejects.toThrow()
  })

  test('answers ApiVersions before, and closes over everything else', async () => {
    const listener = await listen({ sasl: every })
    const client = await raw(listener)
    expect((await client.call(apis.apiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })).errorCode).toBe(0)
    await expect(client.call(apis.metadata, 1, { topics: null })).rejects.toThrow('the connection was closed')
    expect(kit.logger.messages('warn').at(-1)).toContain('it sent Metadata before it authenticated')
  })

  test('names its mechanisms to who asks for another, and closes', async () => {
    const client = await raw(await listen({ sasl: { mechanisms: ['SCRAM-SHA-512'] } }))
    expect(await client.call(apis.saslHandshake, 1, { mechanism: 'GSSAPI' })).toEqual({ errorCode: 33, mechanisms: ['SCRAM-SHA-512'] })
    expect(await client.frame()).toBeNull()
  })

  test('does not take a token without a handshake, nor a second handshake', async () => {
    const listener = await listen({ sasl: every })
    const early = await raw(listener)
    expect((await early.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from('\0alice\0secret, of course = 1') })).errorCode).toBe(58)
    expect(await early.frame()).toBeNull()
    const twice = await raw(listener)
    await twice.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
    expect((await twice.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })).errorCode).toBe(34)
    expect(await twice.frame()).toBeNull()
  })

  test('refuses ApiVersions in the middle of a login, and closes, as Kafka does', async () => {
    const client = await raw(await listen({ sasl: every }))
    const ask = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
    expect((await client.call(apis.apiVersions, 4, ask)).errorCode).toBe(0)
    await client.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
    expect(await client.call(apis.apiVersions, 4, ask)).toMatchObject({ errorCode: 34, apiKeys: [] })
    expect(await client.frame()).toBeNull()
  })

  test('does not let one log in again as somebody else', async () => {
    const client = await raw(await listen({ sasl: every }))
    await client.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
    expect((await client.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0secret, of course = 1') })).errorCode).toBe(0)
    expect((await client.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })).errorCode).toBe(34)
    expect((await client.call(apis.metadata, 1, { topics: null })).brokers).toHaveLength(1)
  })

  test.each([
    ['a PLAIN token for another identity', 'PLAIN', ['bob\0alice\0secret, of course = 1']],
    ['a PLAIN token of two parts', 'PLAIN', ['alice\0secret, of course = 1']],
    ['a PLAIN token without a user', 'PLAIN', ['\0\0secret, of course = 1']],
    ['a SCRAM message that is none', 'SCRAM-SHA-256', ['hello']],
    ['a SCRAM message that asks for channel binding', 'SCRAM-SHA-256', ['p=tls-unique,,n=alice,r=abc']],
    ['a SCRAM message for another identity', 'SCRAM-SHA-256', ['n,a=bob,n=alice,r=abc']],
    ['a SCRAM proof over a nonce of its own', 'SCRAM-SHA-256', ['n,,n=alice,r=abc', 'c=biws,r=abc,p=AAAA']],
    ['a SCRAM proof that is empty', 'SCRAM-SHA-256', ['n,,n=alice,r=abc', 'c=biws,r={nonce},p=']],
    ['a SCRAM final message without a proof', 'SCRAM-SHA-256', ['n,,n=alice,r=abc', 'c=biws,r={nonce}']],
  ])('refuses %s', async (_, mechanism, tokens) => {
    const client = await raw(await listen({ sasl: every }))
    await client.call(apis.saslHandshake, 1, { mechanism })
    let nonce = ''
    for (const [index, token] of tokens.entries()) {
      const answer = await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from(token.replace('{nonce}', nonce)) })
      expect(answer.errorCode).toBe(index === tokens.length - 1 ? 58 : 0)
      if (answer.errorCode !== 0) expect(answer.errorMessage).toBe('Authentication failed: Invalid username or password')
      nonce = /r=([^,]*)/.exec(Buffer.from(answer.authBytes).toString())?.[1] ?? ''
    }
    expect(await client.frame()).toBeNull()
  })

  test.each([
    ['the nonce that was sent', (nonce: string) => nonce, 0],
    ['that nonce behind its own, as librdkafka did', (nonce: string) => `abc${nonce}`, 0],
    ['a nonce of its own', () => 'abc', 58],
    ['that nonce cut short', (nonce: string) => nonce.slice(0, -1), 58],
    ['that nonce behind another', (nonce: string) => `xyz${nonce}`, 58],
  ])('takes a sound SCRAM proof over %s: %#', async (_, nonceOf, errorCode) => {
    const client = await raw(await listen({ sasl: every }))
    await client.call(apis.saslHandshake, 1, { mechanism: 'SCRAM-SHA-256' })
    const challenge = Buffer.from((await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from('n,,n=alice,r=abc') })).authBytes).toString()
    const attributes = scramAttributes(challenge)!
    const keys = await scramKeys('SCRAM-SHA-256', 'secret, of course = 1', Buffer.from(attributes.get('s')!, 'base64'), Number(attributes.get('i')))
    const final = `c=biws,r=${nonceOf(attributes.get('r')!)}`
    const proof = scramXor(keys.clientKey, scramHmac('SCRAM-SHA-256', keys.storedKey, `n=alice,r=abc,${challenge},${final}`))
    const answer = await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from(`${final},p=${proof.toString('base64')}`) })
    expect(answer.errorCode).toBe(errorCode)
  })

  test('takes a user that is not there through the same steps, with the same salt each time', async () => {
    const listener = await listen({ sasl: every })
    const challengeFor = async (user: string): Promise<Map<string, string>> => {
      const client = await raw(listener)
      await client.call(apis.saslHandshake, 1, { mechanism: 'SCRAM-SHA-512' })
      const { authBytes, errorCode } = await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from(`n,,n=${user},r=abc`) })
      expect(errorCode).toBe(0)
      return new Map(Buffer.from(authBytes).toString().split(',').map((part) => [part[0]!, part.slice(2)]))
    }
    const [once, again, other] = [await challengeFor('ghost'), await challengeFor('ghost'), await challengeFor('phantom')]
    expect(once.get('s')).toBe(again.get('s'))
    expect(once.get('s')).not.toBe(other.get('s'))
    expect(once.get('r')).not.toBe(again.get('r'))
  })

  test('speaks the first form of SASL, too: bare tokens after a handshake of version 0', async () => {
    const client = await raw(await listen({ sasl: every }))
    expect((await client.call(apis.saslHandshake, 0, { mechanism: 'SCRAM-SHA-256' })).errorCode).toBe(0)
    const exchange = saslExchange({ mechanism: 'SCRAM-SHA-256', username: 'alice', password: 'secret, of course = 1' }, systemRandom)
    let challenge: Uint8Array = new Uint8Array(0)
    for (let token = await exchange.next(challenge); token !== null; token = await exchange.next(challenge)) {
      const length = Buffer.alloc(4)
      length.writeInt32BE(token.length)
      client.write(Buffer.concat([length, token]))
      challenge = (await client.frame())!
    }
    expect((await client.call(apis.metadata, 1, { topics: null })).brokers).toHaveLength(1)
  })
})

describe('users', () => {
  test('are made, changed and removed through the port as kafka-configs does, and at once count', async () => {
    const client = await raw(kit.listener)
    const salt = Buffer.from('salt of the client')
    const upsertion = { name: 'bob', mechanism: 1, iterations: 4096, salt, saltedPassword: Buffer.alloc(32, 1) }
    expect((await client.call(apis.alterUserScramCredentials, 0, { deletions: [], upsertions: [upsertion] })).results).toEqual([{ user: 'bob', errorCode: 0, errorMessage: null }])
    const described = await client.call(apis.describeUserScramCredentials, 0, { users: null })
    expect(described.results.map(({ user, credentialInfos }) => [user, credentialInfos])).toEqual([
      ['alice', [{ mechanism: 1, iterations: 4096 }, { mechanism: 2, iterations: 4096 }]], ['bob', [{ mechanism: 1, iterations: 4096 }]],
    ])
    const altered = await client.call(apis.alterUserScramCredentials, 0, {
      deletions: [{ name: 'bob', mechanism: 1 }, { name: 'carol', mechanism: 1 }, { name: 'alice', mechanism: 9 }], upsertions: [{ ...upsertion, name: 'dave', iterations: 5 }],
    })
    expect(altered.results.map(({ user, errorCode }) => [user, errorCode])).toEqual([['bob', 0], ['carol', 91], ['alice', 33], ['dave', 93]])
    expect((await kit.ottla.users.list()).map(({ name }) => name)).toEqual(['alice'])
    // Kafka 4.1: once for each user, and nothing of it is done, though the mechanisms differ.
    const twice = await client.call(apis.alterUserScramCredentials, 0, {
      deletions: [{ name: 'alice', mechanism: 1 }], upsertions: [{ ...upsertion, name: 'eve' }, { ...upsertion, name: 'eve', mechanism: 2 }, { ...upsertion, name: 'alice', mechanism: 2 }],
    })
    expect(twice.results.map(({ user, errorCode }) => [user, errorCode])).toEqual([['eve', 92], ['alice', 92]])
    expect((await kit.ottla.users.list()).map(({ name, mechanisms }) => [name, mechanisms.length])).toEqual([['alice', 2]])
  })

  test('that are named again are refused for what was wrong the first time, as in Kafka', async () => {
    const client = await raw(kit.listener)
    const upsertion = { mechanism: 1, iterations: 4096, salt: Buffer.from('salt of the client'), saltedPassword: Buffer.alloc(32, 1) }
    const { results } = await client.call(apis.alterUserScramCredentials, 0, {
      deletions: [{ name: 'alice', mechanism: 9 }, { name: 'alice', mechanism: 1 }, { name: '', mechanism: 1 }, { name: '', mechanism: 1 }, { name: 'carol', mechanism: 1 }],
      upsertions: [{ ...upsertion, name: '' }, { ...upsertion, name: 'carol' }, { ...upsertion, name: 'dave', mechanism: 0 }, { ...upsertion, name: 'dave' }],
    })
    expect(results.map(({ user, errorCode }) => [user, errorCode])).toEqual([['alice', 33], ['', 93], ['carol', 91], ['dave', 33]])
    expect((await kit.ottla.users.list()).map(({ name, mechanisms }) => [name, mechanisms.length])).toEqual([['alice', 2]])
  })

  test('that are removed do not get in', async () => {
    const listener = await listen({ sasl: every })
    const sasl = (): SASLOptions => ({ mechanism: 'scram-sha-256', username: 'alice', password: 'secret, of course = 1' })
    expect(await topicsSeenBy(listener, { sasl: sasl() })).toEqual([])
    expect(await kit.ottla.users.remove('alice')).toBe(true)
    expect(await kit.ottla.users.remove('alice')).toBe(false)
    await expect(topicsSeenBy(listener, { sasl: sasl() })).rejects.toThrow('Invalid username or password')
  })
})

describe('a listener with TLS', () => {
  test('lets in who trusts its certificate, and says to others what it is not', async () => {
    const listener = await listen({ tls: first })
    expect(await topicsSeenBy(listener, { ca: first.cert })).toEqual([])
    await expect(topicsSeenBy(listener, { ca: second.cert })).rejects.toThrow()
    const plain = await raw(listener)
    plain.write(Buffer.from([0, 0, 0, 20, 0, 18, 0, 0, 0, 0, 0, 1]))
    await plain.closed
    expect(kit.logger.messages('warn').at(-1)).toContain('a TLS handshake with 127.0.0.1 failed')
  })

  test('changes its certificate without closing', async () => {
    const listener = await listen({ tls: first })
    const subject = (): Promise<string> => new Promise((resolve, reject) => {
      const socket = connectTls({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      })
      socket.once('error', reject)
    })
    expect(await subject()).toBe('first.test')
    listener.replaceCertificate(second)
    expect(await subject()).toBe('second.test')
    expect(() => listener.replaceCertificate({ cert: first.cert, key: second.key })).toThrow('cannot be used')
    expect(await subject()).toBe('second.test')
  })

  test('wants a certificate of its clients when told to', async () => {
    const listener = await listen({ tls: { ...first, ca: second.cert, clientAuth: 'required' } })
    await expect(topicsSeenBy(listener, { ca: first.cert })).rejects.toThrow()
    const kafka = new Kafka({ brokers: [`127.0.0.1:${listener.port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 }, ssl: { ca: [first.cert], cert: second.cert, key: second.key } })
    const admin = kafka.admin()
    await admin.connect()
    expect(await admin.listTopics()).toEqual([])
    await admin.disconnect()
  })

  test('still knows whose certificates count when its own has changed', async () => {
    const listener = await listen({ tls: { ...first, ca: second.cert, clientAuth: 'required' } })
    listener.replaceCertificate(first)
    const kafka = await connect(`127.0.0.1:${listener.port}`, { ssl: { ca: first.cert, ...second, checkServerIdentity: () => undefined } })
    expect(await kafka.admin.listTopics()).toEqual([])
    await kafka.close()
  })

  test.each([[{ clientAuth: 'require' }, 'none, requested or required'], [{ clientauth: 'required' }, 'no option "clientauth"']])('does not open with %j', async (misspelt, text) => {
    await expect(listen({ tls: { ...first, ...misspelt as object } })).rejects.toThrow(text)
  })

  test('is what has a certificate to replace', () => {
    expect(() => kit.listener.replaceCertificate(first)).toThrow('has no TLS')
  })

  test('asks for a login, and so says who comes without', async () => {
    const listener = await listen({ tls: first, sasl: every })
    await expect(connect(`127.0.0.1:${listener.port}`, { ssl: { ca: first.cert, checkServerIdentity: () => undefined } })).rejects.toThrow('it may want authentication')
  })

  test('may be reached from other machines; PLAIN without it may not', async () => {
    await listen({ tls: first, host: '0.0.0.0' })
    await listen({ sasl: { mechanisms: ['SCRAM-SHA-256'] }, host: '0.0.0.0' })
    await expect(listen({ sasl: every, host: '0.0.0.0' })).rejects.toThrow('PLAIN without TLS sends passwords in the clear')
    await expect(listen({ sasl: { mechanisms: ['GSSAPI' as never] } })).rejects.toThrow('PLAIN, SCRAM-SHA-256, SCRAM-SHA-512')
    await expect(listen({ tls: { cert: 'x', key: 'y' } })).rejects.toThrow('cannot be used')
  })

  test.runIf(isInstalled('kcat'))('and SCRAM are what librdkafka calls SASL_SSL', async () => {
    const listener = await listen({ tls: first, sasl: every })
    const ca = join(import.meta.dirname, '../data/tls/first.cert.pem')
    const settings = ['security.protocol=SASL_SSL', `ssl.ca.location=${ca}`, 'sasl.username=alice', 'sasl.password=secret, of course = 1']
    const security = settings.flatMap((each) => ['-X', each])
    for (const mechanism of every.mechanisms) {
      const { code, error } = await run('kcat', ['-b', `127.0.0.1:${listener.port}`, '-P', '-t', 'secured', ...security, '-X', `sasl.mechanisms=${mechanism}`], `by ${mechanism}\n`)
      expect([code, error]).toEqual([0, ''])
    }
    expect(kit.ottla.log('secured', 0).logEndOffset).toBe(3)
  })
})
