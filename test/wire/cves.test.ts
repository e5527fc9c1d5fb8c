/**
 * What went wrong in other brokers, tried on ours: one test each, named after the entry (spec/reliability section 3). Where a rule has many cases they
 * stand elsewhere; here stands the attack.
 */
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { scramAttributes, scramHmac, scramKeys, scramXor } from '../../src/common/scram.ts'
import type { ListenOptions } from '../../src/index.ts'
import { apis } from '../../src/protocol/api-registry.ts'
import { buildBatch } from '../../src/record/record-batch-builder.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
const clients: RawClient[] = []
beforeEach(async () => {
  kit = await listening()
  for (const user of ['alice', 'bob']) await kit.ottla.users.set(user, `${user}-secret`, { iterations: 4096 })
  await kit.ottla.admin.createTopic('orders')
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.end()
  await kit.ottla.close()
})

async function connection(options: ListenOptions = {}): Promise<RawClient> {
  const client = await RawClient.open((await kit.ottla.listen({ port: 0, ...options })).port)
  clients.push(client)
  return client
}

const sasl = { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] } as const
async function alice(options: ListenOptions = {}): Promise<RawClient> {
  const client = await connection({ sasl, ...options })
  await client.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
  expect((await client.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0alice-secret') })).errorCode).toBe(0)
  return client
}

const framed = (...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}
/** How much more memory the process holds at most while the work is under way. */
async function grownBy(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss
  await work()
  return process.memoryUsage().rss - before
}
const MIB = 1_048_576

describe('counts that a peer declares', () => {
  /** ApiVersions version 3: key, version, correlation id, client id null. */
  const header = [0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff]

  test('CVE-2026-111115: a header before login with two hundred thousand tagged fields, or with a count of four thousand million, takes no memory to speak of', async () => {
    const fields = Buffer.alloc(400_000)
    // Tags 1, 2, 3 … would have to rise; what repeats is refused, what is declared is not allocated.
    const claims = await connection({ sasl })
    expect(await grownBy(async () => {
      claims.write(framed(header, [0xff, 0xff, 0xff, 0xff, 0x0f], [0, 0]))
      await claims.closed
    })).toBeLessThan(32 * MIB)
    const many = await connection({ sasl })
    expect(await grownBy(async () => {
      many.write(framed(header, [0xc0, 0x9a, 0x0c], fields))
      await many.closed
    })).toBeLessThan(32 * MIB)
    expect((await (await connection({ sasl })).call(apis.apiVersions, 3, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })).errorCode).toBe(0)
  })

  test('CVE-2026-111108: an array that claims two thousand million elements is refused before anything is allocated', async () => {
    const client = await connection()
    expect(await grownBy(async () => {
      // Metadata version 1: key, version, correlation id, client id null, count.
      client.write(framed([0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff]))
      await client.closed
    })).toBeLessThan(32 * MIB)
  })

  test('CVE-2023-34455: a snappy chunk of two thousand million bytes, and a bomb of gzip, are kept as they came and opened by nobody here', async () => {
    const client = await connection()
    const send = async (records: Uint8Array): Promise<number> => {
      const { responses } = await client.call(apis.produce, 9, { acks: 1, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }] })
      return responses[0]!.partitionResponses[0]!.errorCode
    }
    const compressed = (codec: number, body: Uint8Array): Uint8Array => {
      const batch = Buffer.concat([buildBatch([{ key: null, value: 'x', timestamp: Date.now() }]).subarray(0, 61), body])
      batch.writeInt32BE(batch.length - 12, 8)
      batch[22] = codec
      return batch
    }
    const grown = await grownBy(async () => {
      // Their checksums are not those of their bytes any more: refused, and not because anything was opened.
      expect(await send(compressed(2, Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff])))).toBe(2)
      expect(await send(compressed(1, gzipSync(Buffer.alloc(64 * MIB))))).toBe(2)
    })
    expect(grown).toBeLessThan(96 * MIB)
  })
})

describe('logins', () => {
  /** The answer to a client-final message over `nonceOf` the nonce that was sent, with the proof of `user`'s password. */
  async function scram(first: string, user: string, nonceOf: (nonce: string) => string): Promise<number> {
    const client = await connection({ sasl })
    await client.call(apis.saslHandshake, 1, { mechanism: 'SCRAM-SHA-256' })
    const { authBytes, errorCode } = await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from(first) })
    if (errorCode !== 0) return errorCode
    const challenge = Buffer.from(authBytes).toString()
    const attributes = scramAttributes(challenge)!
    const keys = await scramKeys('SCRAM-SHA-256', `${user}-secret`, Buffer.from(attributes.get('s')!, 'base64'), Number(attributes.get('i')))
    const final = `c=biws,r=${nonceOf(attributes.get('r')!)}`
    const proof = scramXor(keys.clientKey, scramHmac('SCRAM-SHA-256', keys.storedKey, `${first.slice(first.indexOf('n='))},${challenge},${final}`))
    return (await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from(`${final},p=${proof.toString('base64')}`) })).errorCode
  }

  test('CVE-2024-56128: a proof over a nonce of another exchange is refused, though it is sound', async () => {
    expect(await scram('n,,n=alice,r=abc', 'alice', (nonce) => nonce)).toBe(0)
    expect(await scram('n,,n=alice,r=abc', 'alice', () => 'abcofanotherexchange')).toBe(58)
  })

  test('CVE-2017-12610: who knows his own password is not let in under another name', async () => {
    expect(await scram('n,a=bob,n=alice,r=abc', 'alice', (nonce) => nonce)).toBe(58)
    const client = await connection({ sasl })
    await client.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
    expect((await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from('bob\0alice\0alice-secret') })).errorCode).toBe(58)
  })

  test('CVE-2021-38153: a proof that is right up to its last byte fails as one that is wrong from the first, after the same pause', async () => {
    const failures = new Set<string>()
    for (const flipped of [0, 31]) {
      const client = await connection({ sasl })
      await client.call(apis.saslHandshake, 1, { mechanism: 'SCRAM-SHA-256' })
      const { authBytes } = await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from('n,,n=alice,r=abc') })
      const challenge = Buffer.from(authBytes).toString()
      const attributes = scramAttributes(challenge)!
      const keys = await scramKeys('SCRAM-SHA-256', 'alice-secret', Buffer.from(attributes.get('s')!, 'base64'), Number(attributes.get('i')))
      const final = `c=biws,r=${attributes.get('r')}`
      const proof = scramXor(keys.clientKey, scramHmac('SCRAM-SHA-256', keys.storedKey, `n=alice,r=abc,${challenge},${final}`))
      proof[flipped]! ^= 1
      const answer = await client.call(apis.saslAuthenticate, 1, { authBytes: Buffer.from(`${final},p=${proof.toString('base64')}`) })
      failures.add(`${answer.errorCode} ${answer.errorMessage}`)
    }
    expect([...failures]).toEqual(['58 Authentication failed: Invalid username or password'])
  })

  test('CVE-2026-33557, CVE-2026-110985: tokens that nobody here could verify are not accepted, in whatever form they come', async () => {
    for (const mechanism of ['OAUTHBEARER', 'GSSAPI', 'ANONYMOUS', 'EXTERNAL', '']) {
      const client = await connection({ sasl })
      expect(await client.call(apis.saslHandshake, 1, { mechanism })).toEqual({ errorCode: 33, mechanisms: sasl.mechanisms })
      expect(await client.frame()).toBeNull()
    }
    // A delegation token, which is another kind of user with another kind of password.
    expect(await scram('n,,n=alice,r=abc,tokenauth=true', 'alice', (nonce) => nonce)).toBe(58)
    await expect(kit.ottla.listen({ port: 0, sasl: { mechanisms: ['OAUTHBEARER' as never] } })).rejects.toThrow('PLAIN, SCRAM-SHA-256, SCRAM-SHA-512')
  })
})

describe('rights', () => {
  const allow = (operation: 'READ' | 'WRITE'): Promise<void> => (
    kit.ottla.admin.createAcls([{ principal: 'User:alice', operation, resourceType: 'TOPIC', resourceName: 'orders' }]))

  test('CVE-2018-17196: a batch that is transactional needs the right to be, whatever the request around it says', async () => {
    await allow('WRITE')
    const client = await alice({ acls: {} })
    const records = buildBatch([{ key: null, value: 'x', timestamp: Date.now() }], { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true })
    for (const transactionalId of [null, 'tx']) {
      const { responses } = await client.call(apis.produce, 9, { transactionalId, acks: 1, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData: [{ index: 0, records: records.slice() }] }] })
      expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(53)
    }
    expect(kit.ottla.log('orders', 0).logEndOffset).toBe(0)
  })

  test('CVE-2018-1288: who says that it is a replica needs the rights of one', async () => {
    await allow('READ')
    const client = await alice({ acls: {} })
    const fetch = async (version: number, who: object): Promise<number> => {
      const topicId = (await kit.ottla.admin.describeTopic('orders')).topicId
      const { responses } = await client.call(apis.fetch, version, {
        ...who, maxWaitMs: 0, minBytes: 1, maxBytes: 1000, isolationLevel: 0, forgottenTopicsData: [],
        topics: [{ topic: 'orders', topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
      })
      return responses[0]!.partitions[0]!.errorCode
    }
    expect(await fetch(11, {})).toBe(0)
    expect(await fetch(11, { replicaId: 1 })).toBe(29)
    expect(await fetch(15, { replicaState: { replicaId: 1, replicaEpoch: 1 } })).toBe(29)
  })

  test('CVE-2024-27309: an ACL that goes takes no other with it', async () => {
    await allow('READ')
    await allow('WRITE')
    await kit.ottla.admin.createAcls([{ principal: 'User:bob', operation: 'ALL', resourceType: 'TOPIC', resourceName: 'orders', permission: 'DENY' }])
    await kit.ottla.admin.deleteAcls({ principal: 'User:alice', operation: 'READ' })
    expect((await kit.ottla.admin.listAcls()).map(({ principal, operation, permission }) => `${permission} ${principal} ${operation}`)).toEqual([
      'ALLOW User:alice WRITE', 'DENY User:bob ALL',
    ])
  })

  test('a right that is taken away is gone for a connection that stands, in the middle of a fetch session, too', async () => {
    await allow('READ')
    const client = await alice({ acls: {} })
    const body = { maxWaitMs: 0, minBytes: 1, maxBytes: 1000, isolationLevel: 0, forgottenTopicsData: [] }
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }]
    const { sessionId, responses } = await client.call(apis.fetch, 11, { ...body, sessionEpoch: 0, topics })
    expect([responses[0]!.partitions[0]!.errorCode, sessionId > 0]).toEqual([0, true])
    await kit.ottla.admin.deleteAcls({})
    const next = await client.call(apis.fetch, 11, { ...body, sessionId, sessionEpoch: 1, topics: [] })
    expect(next.responses[0]!.partitions[0]!.errorCode).toBe(29)
  })
})

describe('settings', () => {
  test('CVE-2023-25194, CVE-2024-31141, CVE-2025-27817, CVE-2025-27818, CVE-2025-27819: a client can name no class, file or address in them', async () => {
    const client = await connection()
    const names = ['sasl.jaas.config', 'sasl.login.callback.handler.class', 'sasl.oauthbearer.token.endpoint.url', 'config.providers', 'ssl.keystore.location', 'authorizer.class.name']
    for (const [resourceType, resourceName] of [[2, 'orders'], [4, '1']] as const) {
      for (const name of names) {
        const { responses } = await client.call(apis.incrementalAlterConfigs, 1, {
          validateOnly: false, resources: [{ resourceType, resourceName, configs: [{ name, configOperation: 0, value: 'com.sun.security.auth.module.JndiLoginModule required;' }] }],
        })
        // As in Kafka: what a broker cannot have set is an invalid request, what a topic cannot an invalid setting.
        expect([name, responses[0]!.errorCode]).toEqual([name, resourceType === 4 ? 42 : 40])
      }
      // What would be a reference to a file elsewhere is text here, and no value of a number.
      const { responses } = await client.call(apis.incrementalAlterConfigs, 1, {
        validateOnly: false, resources: [{ resourceType: 2, resourceName: 'orders', configs: [{ name: 'retention.ms', configOperation: 0, value: ['$', '{file:/etc/passwd:root}'].join('') }] }],
      })
      expect(responses[0]!.errorCode).toBe(40)
    }
  })
})
