/** The port, byte by byte: order, splitting, what is too large, broken or not Kafka at all, caps, and the end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OttlaError } from '../../src/common/errors.ts'
import { apis, apiList } from '../../src/protocol/api-registry.ts'
import { decodeCorrelationId, decodeResponse, encodeRequest } from '../../src/protocol/frames.ts'
import { buildBatch } from '../../src/record/record-batch-builder.ts'
import { batchOf } from '../support/broker-kit.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
const clients: RawClient[] = []
beforeEach(async () => { kit = await listening() })
afterEach(async () => {
  for (const client of clients.splice(0)) client.end()
  await kit.ottla.close()
})

async function client(): Promise<RawClient> {
  const opened = await RawClient.open(kit.port)
  clients.push(opened)
  return opened
}

const produceTo = (topic: string, records: Uint8Array, acks = -1) => ({ acks, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] })
const warnings = (): string[] => kit.logger.messages('warn')
const software = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
const versionsRequest = (correlationId: number, version = 0): Uint8Array => encodeRequest(apis.apiVersions, version, correlationId, 'raw', software)

describe('requests in a row', () => {
  test('are answered in their order, a long poll among them, and the last sees what the first did', async () => {
    await kit.ottla.admin.createTopic('t')
    const raw = await client()
    const fetchBody = (fetchOffset: number, maxWaitMs: number) => ({
      maxWaitMs, minBytes: 1, maxBytes: 1000, isolationLevel: 0, forgottenTopicsData: [],
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1000 }] }],
    })
    raw.write(Buffer.concat([
      encodeRequest(apis.fetch, 4, 1, 'raw', fetchBody(0, 50)),
      encodeRequest(apis.produce, 3, 2, 'raw', produceTo('t', batchOf(['a']))),
      encodeRequest(apis.produce, 3, 3, 'raw', produceTo('t', batchOf(['b']))),
      encodeRequest(apis.fetch, 4, 4, 'raw', fetchBody(0, 1000)),
      versionsRequest(5),
    ]))
    const frames: Uint8Array[] = []
    for (let i = 0; i < 5; i++) frames.push((await raw.frame())!)
    expect(frames.map((frame) => decodeCorrelationId(frame))).toEqual([1, 2, 3, 4, 5])
    expect(decodeResponse(apis.fetch, 4, frames[0]!).responses[0]!.partitions[0]!.records).toHaveLength(0)
    expect([1, 2].map((i) => decodeResponse(apis.produce, 3, frames[i]!).responses[0]!.partitionResponses[0]!.baseOffset)).toEqual([0, 1])
    expect(decodeResponse(apis.fetch, 4, frames[3]!).responses[0]!.partitions[0]!.highWatermark).toBe(2)
  })

  test('may come in two pieces, cut anywhere', async () => {
    const whole = Buffer.concat([versionsRequest(1, 3), versionsRequest(2)])
    for (let cut = 1; cut < whole.length; cut++) {
      const raw = await client()
      raw.write(whole.subarray(0, cut))
      await new Promise((resolve) => { setImmediate(resolve) })
      raw.write(whole.subarray(cut))
      expect([decodeCorrelationId((await raw.frame())!), decodeCorrelationId((await raw.frame())!)]).toEqual([1, 2])
      raw.end()
    }
  })

  test('with acks 0 are not answered', async () => {
    await kit.ottla.admin.createTopic('t')
    const raw = await client()
    raw.write(Buffer.concat([encodeRequest(apis.produce, 3, 1, 'raw', produceTo('t', batchOf(['a']), 0)), versionsRequest(2)]))
    expect(decodeCorrelationId((await raw.frame())!)).toBe(2)
    expect(kit.ottla.log('t', 0).logEndOffset).toBe(1)
  })

  test('with acks 0 that fail close the connection', async () => {
    const raw = await client()
    raw.write(encodeRequest(apis.produce, 3, 1, 'raw', produceTo('nowhere', batchOf(['a']), 0)))
    expect(await raw.frame()).toBeNull()
    expect(warnings()[0]).toContain('a Produce request with acks 0 failed: there is no topic "nowhere"')
  })
})

describe('a batch that is refused', () => {
  test('is told with the records that are to blame', async () => {
    await kit.ottla.admin.createTopic('keyed', { config: { 'cleanup.policy': 'compact' } })
    const records = buildBatch(['a', null, 'b', null].map((key) => ({ timestamp: 1_704_067_200_000, key: key === null ? null : Buffer.from(key), value: Buffer.from('v') })))
    const { responses } = await (await client()).call(apis.produce, 8, produceTo('keyed', records))
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 87, recordErrors: [{ batchIndex: 1 }, { batchIndex: 3 }] })
    expect(kit.ottla.log('keyed', 0).logEndOffset).toBe(0)
  })

  test.each([
    ['with a checksum that is wrong', (bytes: Buffer) => { bytes[bytes.length - 1]! ^= 1 }, 3, 2],
    ['of an old message format', (bytes: Buffer) => { bytes[16] = 1 }, 3, 87],
    ['of a transaction', (bytes: Buffer) => { bytes[22]! |= 0x10 }, 3, 48],
    ['compressed with zstd, from a client that is too old for it', (bytes: Buffer) => { bytes[22]! |= 4 }, 3, 76],
    ['compressed with what is no codec', (bytes: Buffer) => { bytes[22]! |= 7 }, 7, 2],
  ])('%s leaves no trace in the log', async (_, spoil, version, errorCode) => {
    await kit.ottla.admin.createTopic('t')
    const records = Buffer.from(batchOf(['a']))
    spoil(records)
    const { responses } = await (await client()).call(apis.produce, version, produceTo('t', records))
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(errorCode)
    expect(kit.ottla.log('t', 0).logEndOffset).toBe(0)
  })
})

describe('codes that old clients do not know', () => {
  test('are told only from the versions on that have them', async () => {
    await kit.ottla.admin.createTopic('t')
    const raw = await client()
    const commit = {
      groupId: 'nobody', generationIdOrMemberEpoch: 3, memberId: 'm',
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] }],
    }
    const codeOf = async (version: number): Promise<number> => (await raw.call(apis.offsetCommit, version, commit)).topics[0]!.partitions[0]!.errorCode
    expect([await codeOf(8), await codeOf(9)]).toEqual([22, 69])
    const deadGroup = async (version: number): Promise<unknown> => (await raw.call(apis.describeGroups, version, { groups: ['nobody'], includeAuthorizedOperations: false })).groups[0]
    expect(await deadGroup(5)).toMatchObject({ errorCode: 0, groupState: 'Dead' })
    expect(await deadGroup(6)).toMatchObject({ errorCode: 69, groupState: 'Dead' })
  })

  test('do not keep a topic that is asked for by an unknown id from being answered', async () => {
    const raw = await client()
    const topics = [{ topicId: 'BBBBBBBBBBBBBBBBBBBBBA', name: null }]
    // Kafka knows no ids before version 12.
    expect((await raw.call(apis.metadata, 11, { topics, includeTopicAuthorizedOperations: false })).topics).toMatchObject([{ errorCode: 42, name: '' }])
    expect((await raw.call(apis.metadata, 12, { topics, includeTopicAuthorizedOperations: false })).topics).toMatchObject([{ errorCode: 100, name: null }])
  })

  test("has a topic's name by its id, also beside the empty name that Java's clients send with it", async () => {
    const raw = await client()
    const { topicId } = await kit.ottla.admin.createTopic('known', { partitions: 2 })
    for (const name of [null, '']) {
      const { topics } = await raw.call(apis.metadata, 13, { topics: [{ topicId, name }, { topicId: '5ZTnOJDVTKuEkCsFuzlISg', name }] })
      expect(topics.map((each) => [each.errorCode, each.name, each.topicId, each.partitions.length])).toEqual([[0, 'known', topicId, 2], [100, null, '5ZTnOJDVTKuEkCsFuzlISg', 0]])
    }
  })
})

describe('every API that ApiVersions names', () => {
  test('is one whose messages are known at both ends of its range', async () => {
    const { apiKeys } = await (await client()).call(apis.apiVersions, 4, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
    expect(apiKeys.length).toBeGreaterThanOrEqual(29)
    for (const { apiKey, minVersion, maxVersion } of apiKeys) {
      const api = apiList.find((each) => each.key === apiKey)!
      expect(maxVersion).toBeLessThanOrEqual(api.maxVersion)
      if (apiKey !== apis.produce.key) expect(minVersion).toBeGreaterThanOrEqual(api.minVersion)
    }
    expect(apiKeys.find(({ apiKey }) => apiKey === apis.produce.key)).toMatchObject({ minVersion: 0, maxVersion: 13 })
  })

  test('is told in version 0, with an error and the way down, to a client that is too new', async () => {
    const raw = await client()
    const request = Buffer.from(versionsRequest(9, 4))
    request.writeInt16BE(12, 6)
    raw.write(request)
    expect(decodeResponse(apis.apiVersions, 0, (await raw.frame())!)).toMatchObject({ errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] })
    expect((await raw.call(apis.apiVersions, 4, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })).errorCode).toBe(0)
  })

  test('refuses a software name that is none', async () => {
    expect((await (await client()).call(apis.apiVersions, 3, { clientSoftwareName: '', clientSoftwareVersion: '' })).errorCode).toBe(42)
  })
})

describe('what cannot be served closes the connection without an answer, and says so once:', () => {
  const header = (key: number, version: number): Buffer => {
    const bytes = Buffer.from(versionsRequest(1))
    bytes.writeInt16BE(key, 4)
    bytes.writeInt16BE(version, 6)
    return bytes
  }
  test.each([
    ['an API that is not known', header(999, 0), 'it asked for API 999'],
    ['an API of brokers', header(4, 0), 'it asked for API 4'],
    ['a version that is too old', header(0, 2), 'it sent Produce version 2; 3 to 13 are served'],
    ['a version that is too new', header(3, 14), 'it sent Metadata version 14'],
    ['a frame that is too large', Buffer.from([0x7f, 0xff, 0xff, 0xff]), 'a frame of 2147483647 bytes is not between 0 and 104857600'],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xfe]), 'a frame of -2 bytes'],
    ['an empty frame', Buffer.from([0, 0, 0, 0]), 'bytes are needed'],
    ['a body that ends too soon', Buffer.concat([Buffer.from([0, 0, 0, 12]), header(3, 1).subarray(4, 14), Buffer.from([0, 0])]), 'left'],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'it sent an HTTP request ("GET / HTTP/1.1")'],
    ['a TLS handshake', Buffer.from([0x16, 3, 1, 2, 0, 1]), 'it sent a TLS handshake'],
  ])('%s', async (_, bytes, problem) => {
    const raw = await client()
    raw.write(bytes)
    expect(await raw.frame()).toBeNull()
    expect(warnings()).toHaveLength(1)
    expect(warnings()[0]).toMatch(/^closed the connection from 127\.0\.0\.1:\d+: /)
    expect(warnings()[0]).toContain(problem)
    expect((await (await client()).call(apis.apiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })).errorCode).toBe(0)
  })

  test('a request above socket.request.max.bytes, by a byte', async () => {
    const own = await listening({ 'socket.request.max.bytes': 1000 })
    try {
      const request = (bytes: number): Uint8Array => {
        const without = encodeRequest(apis.saslHandshake, 1, 1, 'raw', { mechanism: '' }).length
        return encodeRequest(apis.saslHandshake, 1, 1, 'raw', { mechanism: 'm'.repeat(4 + bytes - without) })
      }
      const raw = await RawClient.open(own.port)
      clients.push(raw)
      raw.write(request(1000))
      expect(decodeCorrelationId((await raw.frame())!)).toBe(1)
      raw.write(request(1001))
      expect(await raw.frame()).toBeNull()
      expect(own.logger.messages('warn').join()).toContain('a frame of 1001 bytes is not between 0 and 1000')
    } finally {
      await own.ottla.close()
    }
  })

  test('random bytes, whatever they are', async () => {
    let state = 12_345
    const next = (): number => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >> 8
    for (let round = 0; round < 200; round++) {
      const raw = await client()
      const body = Buffer.from(Array.from({ length: next() % 200 }, () => next() & 255))
      if (body.length >= 4 && round % 2 === 0) body.writeInt16BE(next() % 62, 0)
      if (body.length >= 4 && round % 2 === 0) body.writeInt16BE(next() % 8, 2)
      const length = Buffer.alloc(4)
      length.writeInt32BE(body.length)
      raw.write(Buffer.concat([length, body]))
      raw.socket.end()
      await raw.closed
    }
    expect((await (await client()).call(apis.metadata, 2, { topics: null })).clusterId).toHaveLength(22)
  })
})

describe('a port', () => {
  test('refuses more connections than it may have, in all and from one address', async () => {
    await kit.ottla.close()
    kit = await listening({ 'max.connections.per.ip': 1 })
    const first = await client()
    expect(await (await client()).frame()).toBeNull()
    expect(warnings()).toEqual(['refused a connection from 127.0.0.1: 1 connections of it are open (max.connections.per.ip)'])
    first.end()
    await first.closed
    await kit.ottla.close()
    kit = await listening({ 'max.connections.per.ip': 0, 'max.connections.per.ip.overrides': '10.0.0.1:5, 127.0.0.1:1' })
    const known = await client()
    expect(await (await client()).frame()).toBeNull()
    await kit.ottla.admin.alterConfigs({ broker: null }, { 'max.connections.per.ip.overrides': '::ffff:127.0.0.1:2' })
    const second = await client()
    expect(await (await client()).frame()).toBeNull()
    await kit.ottla.admin.alterConfigs({ broker: null }, { 'max.connections.per.ip.overrides': '10.0.0.1:5' })
    expect(await (await client()).frame()).toBeNull()
    expect(warnings()).toEqual([1, 2, 2].map((count) => `refused a connection from 127.0.0.1: ${count} connections of it are open (max.connections.per.ip)`))
    for (const each of [known, second]) each.end()
    await kit.ottla.close()
    kit = await listening({ 'max.connections': 1 })
    const only = await client()
    expect(await (await client()).frame()).toBeNull()
    expect(warnings()[0]).toContain('max.connections)')
    only.end()
  })

  test('closes with its database: a long poll is answered with what there is', async () => {
    await kit.ottla.admin.createTopic('t')
    const raw = await client()
    const answer = raw.call(apis.fetch, 4, {
      maxWaitMs: 60_000, minBytes: 1, maxBytes: 1000, isolationLevel: 0, forgottenTopicsData: [],
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    })
    while (kit.ottla.metrics().fetchRequests === 0) await new Promise((resolve) => { setImmediate(resolve) })
    await kit.ottla.close()
    expect((await answer).responses[0]!.partitions[0]!.errorCode).toBe(0)
    expect(await raw.frame()).toBeNull()
    await expect(RawClient.open(kit.port)).rejects.toThrow('ECONNREFUSED')
  })

  test('can be closed alone, and opened anew on the same number', async () => {
    await kit.listener.close()
    const again = await kit.ottla.listen({ port: kit.port })
    expect((await (await client()).call(apis.apiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })).errorCode).toBe(0)
    await expect(kit.ottla.listen({ port: again.port })).rejects.toThrow('another process listens there')
  })

  test.each([
    [{ host: '0.0.0.0' }, 'INVALID_CONFIG', 'allowInsecure'],
    [{ host: '::' }, 'INVALID_CONFIG', 'allowInsecure'],
    [{ port: -1 }, 'INVALID_ARGUMENT', 'from 0 to 65535'],
    [{ port: '9092' }, 'INVALID_ARGUMENT', 'from 0 to 65535'],
    [{ prot: 9092 }, 'INVALID_ARGUMENT', 'listen has no option "prot"'],
    [{ host: '' }, 'INVALID_ARGUMENT', 'host'],
  ])('does not open with %j', async (options, code, text) => {
    const refused = kit.ottla.listen(options as never)
    await expect(refused).rejects.toSatisfy((error) => OttlaError.is(error, code as never) && error.message.includes(text))
  })

  test.each(['0.0.0.0', '::', ''])('does not tell clients to come to %j', async (advertisedHost) => {
    await expect(kit.ottla.listen({ port: 0, advertisedHost })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('tells clients the address by which they came, or the one it was given', async () => {
    const everywhere = await kit.ottla.listen({ port: 0, host: '0.0.0.0', allowInsecure: true })
    const advertised = await kit.ottla.listen({ port: 0, advertisedHost: 'kafka.example', advertisedPort: 19_092 })
    const brokersAt = async (port: number): Promise<unknown> => {
      const raw = await RawClient.open(port)
      clients.push(raw)
      return (await raw.call(apis.metadata, 1, { topics: [] })).brokers
    }
    expect(await brokersAt(everywhere.port)).toMatchObject([{ host: '127.0.0.1', port: everywhere.port }])
    expect(await brokersAt(advertised.port)).toMatchObject([{ host: 'kafka.example', port: 19_092 }])
  })
})
