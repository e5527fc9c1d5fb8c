/** Every limit of an append at its very value and one beyond it, and what a batch carries over when it is compressed anew. */
import { beforeAll, describe, expect, test } from 'vitest'
import { testConfig } from '../../test/support/test-log.ts'
import { crc32c } from '../record/crc32c.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { readBatch } from '../record/record-cursor.ts'
import { buildBatch, type BatchFields, type RecordInput } from '../record/record-batch-builder.ts'
import { validateAppend, validateReplicated } from './append-validator.ts'

beforeAll(() => loadAllCodecs())

const NOW = 1_700_000_000_000
const HOUR = 3_600_000
const one = (timestamp: number, fields: BatchFields = {}): Uint8Array => buildBatch([{ value: 'value', timestamp }], fields)
const taken = (bytes: Uint8Array, settings: Parameters<typeof testConfig>[0] = {}): string => {
  try {
    validateAppend(bytes, 'client', testConfig(settings), NOW)
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a limit', () => {
  test('of age, to the millisecond; records without a time have none', () => {
    const settings = { 'message.timestamp.before.max.ms': HOUR, 'message.timestamp.after.max.ms': 2 * HOUR }
    expect([NOW - HOUR, NOW - HOUR - 1, NOW + 2 * HOUR, NOW + 2 * HOUR + 1, -1, 0].map((timestamp) => taken(one(timestamp), settings))).toEqual([
      'taken', 'INVALID_TIMESTAMP', 'taken', 'INVALID_TIMESTAMP', 'taken', 'INVALID_TIMESTAMP',
    ])
    const stamped = { ...settings, 'message.timestamp.type': 'LogAppendTime' } as const
    expect([NOW - 2 * HOUR, NOW + 9 * HOUR].map((timestamp) => taken(one(timestamp), stamped))).toEqual(['taken', 'taken'])
  })

  test('of what a time can be is that of whole numbers', () => {
    for (const at of [27, 35]) {
      const bytes = Buffer.from(one(NOW))
      bytes.writeBigInt64BE(2n ** 60n, at)
      bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length), 17)
      expect(() => validateAppend(bytes, 'client', testConfig(), NOW)).toThrow(expect.objectContaining({ code: 'INVALID_TIMESTAMP', message: expect.stringContaining('2^53') as unknown }))
    }
  })

  test('of age holds for the oldest and the newest record, wherever they stand', () => {
    const settings = { 'message.timestamp.before.max.ms': HOUR, 'message.timestamp.after.max.ms': HOUR }
    const of = (...timestamps: number[]): string => taken(buildBatch(timestamps.map((timestamp) => ({ value: 'x', timestamp }))), settings)
    expect([of(NOW, NOW - HOUR - 1, NOW), of(NOW, NOW + HOUR + 1, NOW), of(NOW - HOUR, NOW + HOUR, NOW)]).toEqual([
      'INVALID_TIMESTAMP', 'INVALID_TIMESTAMP', 'taken',
    ])
  })

  test('of age is told with the age', () => {
    const old = (): unknown => validateAppend(one(NOW - HOUR - 5), 'client', testConfig({ 'message.timestamp.before.max.ms': HOUR }), NOW)
    expect(old).toThrow(`timestamp ${NOW - HOUR - 5} is ${HOUR + 5} ms old`)
    const ahead = (): unknown => validateAppend(one(NOW + HOUR + 5), 'client', testConfig({ 'message.timestamp.after.max.ms': HOUR }), NOW)
    expect(ahead).toThrow(`timestamp ${NOW + HOUR + 5} is ${HOUR + 5} ms ahead`)
  })

  test('of age is asked of our own clients too', () => {
    const ours = (timestamp: number, settings: Parameters<typeof testConfig>[0]): unknown => validateAppend(
      one(timestamp), 'in-process', testConfig(settings), NOW,
    )
    expect(ours(5, {})).toMatchObject({ maxTimestamp: 5, stamp: null })
    expect(() => ours(NOW - HOUR - 1, { 'message.timestamp.before.max.ms': HOUR })).toThrow(expect.objectContaining({ code: 'INVALID_TIMESTAMP' }))
    expect(() => ours(NOW + 9 * HOUR, { 'message.timestamp.after.max.ms': HOUR })).toThrow(expect.objectContaining({ code: 'INVALID_TIMESTAMP' }))
  })

  test('of size, to the byte', () => {
    const bytes = one(NOW)
    const { length } = bytes
    expect([length, length - 1].map((limit) => taken(bytes, { 'max.message.bytes': limit }))).toEqual(['taken', 'MESSAGE_TOO_LARGE'])
    expect([length, length - 1].map((limit) => taken(bytes, { 'segment.bytes': limit }))).toEqual(['taken', 'RECORD_LIST_TOO_LARGE'])
    const two = Buffer.concat([one(NOW), one(NOW, { baseOffset: 1 })])
    const replicated = (limit: number): unknown => validateReplicated(two, 0, testConfig({ 'segment.bytes': limit }))
    expect(replicated(two.length)).toHaveLength(2)
    expect(() => replicated(two.length - 1)).toThrow(expect.objectContaining({ code: 'RECORD_LIST_TOO_LARGE' }))
  })

  test('of size holds for a batch that is compressed anew', () => {
    const bytes = buildBatch([{ value: 'again '.repeat(150), timestamp: NOW }], { compression: 'gzip' })
    const whole = validateAppend(bytes, 'client', testConfig({ 'compression.type': 'uncompressed' }), NOW).size
    expect(whole).toBeGreaterThan(bytes.length)
    const limited = [whole, whole - 1].map((limit) => taken(bytes, { 'compression.type': 'uncompressed', 'max.message.bytes': limit }))
    expect(limited).toEqual(['taken', 'MESSAGE_TOO_LARGE'])
  })
})

describe('a batch that is compressed anew', () => {
  const headers = [{ key: 'h', value: Buffer.from('1') }, { key: 'none', value: null }]
  const records: RecordInput[] = [
    { key: 'k', value: 'v'.repeat(500), timestamp: NOW - 5, headers }, { key: null, value: null, timestamp: NOW - 9 }, { value: 'w', timestamp: NOW },
  ]
  const fields: BatchFields = { producerId: 7, producerEpoch: 2, baseSequence: 9, isTransactional: true }

  test.each(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'] as const)('as %s keeps its records, their headers and its producer', (type) => {
    const bytes = buildBatch(records, { ...fields, compression: type === 'gzip' ? 'lz4' : 'gzip' })
    for (const batch of [bytes, buildBatch([{ value: 'small', timestamp: NOW }], { ...fields, compression: type === 'gzip' ? 'lz4' : 'gzip' }), bytes]) {
      const valid = validateAppend(batch, 'client', testConfig({ 'compression.type': type }), NOW)
      expect(valid.header).toMatchObject({ ...fields, compression: type === 'uncompressed' ? 'none' : type, size: valid.bytes.length })
      expect(valid).toMatchObject({ size: valid.bytes.length, stamp: null, maxTimestamp: NOW, logAppendTimeMs: -1 })
      expect(readBatch(valid.bytes).records).toEqual(readBatch(batch).records)
    }
  })

  test('is stamped where the topic says so', () => {
    const settings = { 'compression.type': 'gzip', 'message.timestamp.type': 'LogAppendTime' } as const
    const valid = validateAppend(buildBatch(records, fields), 'client', testConfig(settings), NOW + 50)
    expect(valid).toMatchObject({ stamp: null, maxTimestamp: NOW + 50, logAppendTimeMs: NOW + 50, header: {
      timestampType: 'LogAppendTime', maxTimestamp: NOW + 50,
    } })
  })

  test('in the codec it has is left as it is', () => {
    const bytes = buildBatch(records, { ...fields, compression: 'gzip' })
    for (const type of ['gzip', 'producer'] as const) expect(validateAppend(bytes, 'client', testConfig({ 'compression.type': type }), NOW).bytes).toBe(bytes)
  })
})

describe('what is stamped', () => {
  test('is the time of the topic, or a header that does not tell the largest time', () => {
    const stampOf = (bytes: Uint8Array, settings: Parameters<typeof testConfig>[0] = {}): unknown => validateAppend(
      bytes, 'coordinator', testConfig(settings), NOW,
    )
    expect(stampOf(one(5))).toMatchObject({ stamp: null, maxTimestamp: 5, logAppendTimeMs: -1 })
    expect(stampOf(one(5, { maxTimestamp: 9 }))).toMatchObject({
      stamp: { timestampType: 'CreateTime', maxTimestamp: 5 }, maxTimestamp: 5, logAppendTimeMs: -1,
    })
    expect(stampOf(one(5), { 'message.timestamp.type': 'LogAppendTime' })).toMatchObject({
      stamp: { timestampType: 'LogAppendTime', maxTimestamp: NOW }, maxTimestamp: NOW, logAppendTimeMs: NOW,
    })
  })

  test('of a replicated batch is what the leader stamped', () => {
    const bytes = Buffer.concat([one(5), one(5, { baseOffset: 1, timestampType: 'LogAppendTime', logAppendTime: 77 })])
    expect(validateReplicated(bytes, 0, testConfig())).toMatchObject([
      { stamp: null, maxTimestamp: 5, logAppendTimeMs: -1, size: one(5).length }, { stamp: null, maxTimestamp: 77, logAppendTimeMs: 77 },
    ])
  })
})

test.each([
  ['an offset that is taken', () => one(5), 1, 'OFFSET_OUT_OF_RANGE'],
  ['an end before its beginning', () => buildBatch([], { baseOffset: 3, lastOffsetDelta: -1 }), 0, 'OFFSET_OUT_OF_RANGE'],
  ['a checksum that does not match', () => Buffer.from(one(5)).fill(1, 30, 31), 0, 'CORRUPT_MESSAGE'],
  ['an old magic', () => Buffer.from(one(5)).fill(1, 16, 17), 0, 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
] as const)('a replicated batch with %s is refused', (_what, make, nextOffset, code) => {
  expect(() => validateReplicated(make(), nextOffset, testConfig())).toThrow(expect.objectContaining({ code }))
  const emptied = buildBatch([], { baseOffset: 3, lastOffsetDelta: 0 })
  expect(validateReplicated(emptied, 3, testConfig())).toHaveLength(1)
})
