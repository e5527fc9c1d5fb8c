/** Any message there and back, and any bytes refused or read in bounded memory. Byte-exactness is in messages.test.ts. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { ZERO_UUID } from '../common/uuid.ts'
import { apiList, apis } from './api-registry.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { decodeBody, encodeBody, readMessage } from './message-codec.ts'
import { versionsOf } from './plan.ts'
import type { MessageInput, MessageSchema } from './schema.ts'
import { toKafkaJson } from '../../test/support/kafka-json.ts'
import { messageArbitrary } from '../../test/support/message-arbitrary.ts'

const schemas = apiList.flatMap((api) => [api.request, api.response])

function encode<S extends MessageSchema>(schema: S, version: number, value: MessageInput<S>): Uint8Array {
  const writer = new ByteWriter()
  encodeBody(schema, version, value, writer)
  return writer.copy()
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const refused = (code: string): unknown => expect.objectContaining({ code })

describe('any message', () => {
  test.each(schemas.map((schema) => [schema.name, schema] as const))('%s comes back as it went, at every version', (_, schema) => {
    const { first, last } = versionsOf(schema)
    for (let version = first; version <= last; version++) {
      fc.assert(fc.property(messageArbitrary(schema, version), (message) => {
        const bytes = encode(schema, version, message)
        const reader = new ByteReader(bytes)
        const decoded = readMessage(schema, version, reader)
        expect(reader.remaining).toBe(0)
        expect(toKafkaJson(schema, version, decoded)).toEqual(toKafkaJson(schema, version, message))
        expect(encode(schema, version, decoded)).toEqual(bytes)
      }), { numRuns: 6 })
    }
  })

  test.each(schemas.map((schema) => [schema.name, schema] as const))('%s cut or changed anywhere is refused by an error of ours or read', (_, schema) => {
    const { first, last } = versionsOf(schema)
    for (let version = first; version <= last; version++) {
      fc.assert(fc.property(messageArbitrary(schema, version), fc.nat(), fc.nat(255), (message, at, byte) => {
        const bytes = encode(schema, version, message)
        for (let end = 0; end < Math.min(bytes.length, 30); end++) expectBounded(schema, version, bytes.subarray(0, end))
        if (bytes.length === 0) return
        bytes[at % bytes.length] = byte
        expectBounded(schema, version, bytes)
      }), { numRuns: 2 })
    }
  })
})

function expectBounded(schema: MessageSchema, version: number, bytes: Uint8Array): void {
  try {
    decodeBody(schema, version, bytes)
  } catch (error) {
    if (!OttlaError.is(error, 'CORRUPT_MESSAGE') || error.position === undefined) throw error
  }
}

describe('fields', () => {
  test('that are left out are written at their default', () => {
    const message = decodeBody(apis.fetch.request, 17, encode(apis.fetch.request, 17, { maxWaitMs: 1, minBytes: 2, isolationLevel: 0, topics: [] }))
    expect(message).toEqual({
      clusterId: null, replicaId: -1, replicaState: { replicaId: -1, replicaEpoch: -1 }, maxWaitMs: 1, minBytes: 2, maxBytes: 2147483647, isolationLevel: 0,
      sessionId: 0, sessionEpoch: -1, topics: [], forgottenTopicsData: [], rackId: '',
    })
  })
  test('that the version lacks are not written, and are read at their default', () => {
    const { request } = apis.joinGroup
    const bytes = encode(request, 0, {
      groupId: 'g', sessionTimeoutMs: 5, rebalanceTimeoutMs: 9, memberId: '', groupInstanceId: 'i', protocolType: 'consumer', protocols: [], reason: 'r',
    })
    expect(decodeBody(request, 0, bytes)).toMatchObject({ groupId: 'g', rebalanceTimeoutMs: -1, groupInstanceId: null, reason: null })
    expect(decodeBody(apis.metadata.response, 0, encode(apis.metadata.response, 0, {
      brokers: [], topics: [{ errorCode: 0, name: 't', topicId: 'ASNFZ4mrze_-3LqYdlQyEA', partitions: [] }],
    })).topics[0]!.topicId).toBe(ZERO_UUID)
  })
  test('that may not be null are refused as null, both ways', () => {
    expect(() => encode(apis.joinGroup.response, 6, {
      errorCode: 0, generationId: 1, protocolName: null, leader: '', memberId: '', members: [],
    })).toThrow(refused('INVALID_REQUEST'))
    expect(encode(apis.joinGroup.response, 7, { errorCode: 0, generationId: 1, protocolName: null, leader: '', memberId: '', members: [] })).toBeInstanceOf(Uint8Array)
    expect(() => decodeBody(apis.heartbeat.request, 0, hex('ffff 00000001 0000'))).toThrow(refused('CORRUPT_MESSAGE'))
    expect(() => decodeBody(apis.metadata.request, 0, hex('ffffffff'))).toThrow(refused('CORRUPT_MESSAGE'))
    expect(decodeBody(apis.metadata.request, 1, hex('ffffffff')).topics).toBeNull()
  })
  test('of bytes are views of what was read', () => {
    const bytes = encode(apis.saslAuthenticate.request, 2, { authBytes: new Uint8Array([7, 8, 9]) })
    const { authBytes } = decodeBody(apis.saslAuthenticate.request, 2, bytes)
    expect(authBytes.buffer).toBe(bytes.buffer)
    expect(authBytes).toEqual(new Uint8Array([7, 8, 9]))
  })
  test('of an unknown version are refused', () => {
    for (const version of [-1, 14, 0.5, NaN]) expect(() => decodeBody(apis.metadata.request, version, new Uint8Array(50))).toThrow(refused('UNSUPPORTED_VERSION'))
  })
})

describe('tagged fields', () => {
  const { request } = apis.fetch
  const plain = encode(request, 12, { maxWaitMs: 1, minBytes: 2, isolationLevel: 0, topics: [] })
  const withTags = (tags: string): Uint8Array => new Uint8Array([...plain.subarray(0, plain.length - 1), ...hex(tags)])

  test('that are unknown are stepped over, empty and repeated ones too', () => {
    expect(decodeBody(request, 12, withTags('03 6300 6303010203 63020000'))).toEqual(decodeBody(request, 12, plain))
  })
  test('that are known are read up to their size', () => {
    expect(decodeBody(request, 12, withTags('01 0002 0261')).clusterId).toBe('a')
    expect(decodeBody(request, 12, withTags('01 0004 0261 ffff')).clusterId).toBe('a')
    expect(() => decodeBody(request, 12, withTags('01 0001 0261'))).toThrow(refused('CORRUPT_MESSAGE'))
    expect(() => decodeBody(request, 12, withTags('01 0009 0261'))).toThrow(refused('CORRUPT_MESSAGE'))
  })
  test('surplus bytes are left, as librdkafka sends them with its Metadata requests (spec/wire-protocol 2.2)', () => {
    expect(decodeBody(apis.metadata.request, 9, hex('00 00 00 00 01 00 00'))).toMatchObject({ topics: null, allowAutoTopicCreation: false })
  })
})

describe('hostile bytes', () => {
  test.each([
    ['a count beyond the bytes', 1, '7fffffff 0001'],
    ['a flexible count beyond the bytes', 9, 'ffffffff0f 01 02'],
    ['a varint without end', 9, 'ffffffffffffffff'],
    ['a string beyond the bytes', 1, '00000001 7fff 61'],
  ])('%s is refused at once', (_, version, text) => {
    expect(() => decodeBody(apis.metadata.request, version, hex(text))).toThrow(refused('CORRUPT_MESSAGE'))
  })
  test('a string longer than Kafka allows is refused', () => {
    const bytes = new Uint8Array(40_000).fill(0x61)
    bytes.set(hex('02 8180 02'))
    expect(() => decodeBody(apis.metadata.request, 9, bytes)).toThrow(/32767 at most/)
  })
  test('a message that would take more memory than its size justifies is refused', () => {
    const topics = 1_000_000
    const bytes = new Uint8Array(topics * 2 + 16)
    new DataView(bytes.buffer).setUint32(0, topics)
    expect(() => decodeBody(apis.metadata.request, 1, bytes)).toThrow(/more memory/)
    const few = bytes.subarray(0, 10_000 * 2 + 16)
    new DataView(bytes.buffer).setUint32(0, 10_000)
    expect(decodeBody(apis.metadata.request, 1, few).topics).toHaveLength(10_000)
  })
  test('so is one of empty lists', () => {
    const bytes = new Uint8Array(600_016)
    bytes.set(hex('0001 61 000186a0'))
    expect(() => decodeBody(apis.offsetFetch.request, 1, bytes)).toThrow(/more memory/)
  })
  test('so is one that takes more than there is for one message, whatever its size', () => {
    const bytes = new Uint8Array(64 * 1024 * 1024)
    bytes.set(hex('0001 61 00000001 0001 62'))
    new DataView(bytes.buffer).setUint32(10, 16_000_000)
    expect(() => decodeBody(apis.offsetFetch.request, 1, bytes)).toThrow(/more memory/)
  })
  test('64-bit integers that are no safe number are refused, not rounded', () => {
    const bytes = encode(apis.endTxn.request, 0, { transactionalId: 't', producerId: 5, producerEpoch: 0, committed: true })
    bytes[3] = 0x7f
    expect(() => decodeBody(apis.endTxn.request, 0, bytes)).toThrow(/outside/)
  })
  test('but for those that only bound something: they are the nearest safe number', () => {
    const bytes = encode(apis.deleteRecords.request, 0, { topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 5 }] }], timeoutMs: 1 })
    const offset = (): number => decodeBody(apis.deleteRecords.request, 0, bytes).topics[0]!.partitions[0]!.offset
    bytes[bytes.length - 12] = 0x7f
    expect(offset()).toBe(Number.MAX_SAFE_INTEGER)
    bytes[bytes.length - 12] = 0x80
    expect(offset()).toBe(Number.MIN_SAFE_INTEGER)
  })
})
