import { beforeAll, describe, expect, test } from 'vitest'
import { testConfig } from '../../test/support/test-log.ts'
import { readBatchHeader, verifyBatchCrc, viewOf } from '../record/batch-format.ts'
import { compressionTypes, loadAllCodecs } from '../record/compression.ts'
import { crc32c } from '../record/crc32c.ts'
import { buildBatch, buildEndTransactionMarker, type BatchFields, type RecordInput } from '../record/record-batch-builder.ts'
import { readBatch } from '../record/record-cursor.ts'
import { validateAppend, validateReplicated } from './append-validator.ts'
import type { LogTopicValues } from './log-config.ts'

const NOW = 1_700_000_000_000
const HOUR = 3_600_000

function batch(
  records: readonly RecordInput[] = [{ key: 'k', value: 'v', timestamp: NOW }], fields: BatchFields = {},
): Buffer { return Buffer.from(buildBatch(records, fields)) }

/** Changes header bytes and puts the checksum right again. */
function forged(bytes: Buffer, change: (view: DataView) => void): Buffer {
  const copy = Buffer.from(bytes)
  const view = viewOf(copy)
  change(view)
  view.setUint32(17, crc32c(copy, 21, copy.length))
  return copy
}

function check(
  bytes: Uint8Array, config: Partial<LogTopicValues> = {}, origin: 'client' | 'in-process' | 'coordinator' = 'client',
): ReturnType<typeof validateAppend> {
  return validateAppend(bytes, origin, testConfig(config), NOW)
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'accepted'
}

beforeAll(() => loadAllCodecs())

describe('an append of a client', () => {
  test('is taken as it is when nothing is wrong with it', () => {
    const bytes = batch()
    const valid = check(bytes)
    expect(valid.bytes).toBe(bytes)
    expect(valid).toMatchObject({ size: bytes.length, stamp: null, maxTimestamp: NOW, logAppendTimeMs: -1 })
  })

  test.each([
    ['an empty append', Buffer.alloc(0), 'INVALID_RECORD'],
    ['a batch that is cut', batch().subarray(0, 60), 'INVALID_RECORD'],
    ['two batches', Buffer.concat([batch(), batch()]), 'INVALID_RECORD'],
    ['magic 1', (() => { const b = batch(); b[16] = 1; return b })(), 'INVALID_RECORD'],
    ['magic 3', (() => { const b = batch(); b[16] = 3; return b })(), 'CORRUPT_MESSAGE'],
    ['a base offset', batch(undefined, { baseOffset: 7 }), 'INVALID_RECORD'],
    ['a flipped bit', (() => { const b = batch(); b[65]! ^= 4; return b })(), 'CORRUPT_MESSAGE'],
    ['a count that is too large', forged(batch(), (view) => view.setInt32(57, 2)), 'INVALID_RECORD'],
    ['no records', forged(batch(), (view) => view.setInt32(57, 0)), 'INVALID_RECORD'],
    ['a negative last offset delta', forged(batch(), (view) => view.setInt32(23, -5)), 'INVALID_RECORD'],
    ['a control batch', Buffer.from(
      buildEndTransactionMarker({ type: 'COMMIT', timestamp: NOW, producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 }),
    ), 'INVALID_RECORD'],
    ['a producer without sequence', batch(undefined, { producerId: 5, producerEpoch: 0, baseSequence: -1 }), 'INVALID_RECORD'],
    ['offsets with holes', forged(batch([0, 1, 3].map((offsetDelta) => ({ value: 'v', timestamp: NOW, offsetDelta }))), (view) => view.setInt32(23, 2)), 'INVALID_RECORD'],
    ['records that do not parse', forged(batch(), (view) => view.setUint8(61, 0x7e)), 'INVALID_RECORD'],
  ] as const)('is refused for %s', (_what, bytes, code) => {
    expect(refusal(() => check(bytes))).toBe(code)
  })

  test('is refused for a header that contradicts itself before its records are looked at', () => {
    const unreadable = (delta: number): Buffer => forged(batch(), (view) => { view.setInt32(23, delta); view.setUint8(61, 0x7e) })
    expect(() => check(unreadable(3))).toThrow('1 records do not fit lastOffsetDelta 3')
    expect(() => check(unreadable(0))).toThrow('the batch cannot be parsed')
  })

  test('may carry a cut batch behind the whole one, which is ignored', () => {
    const bytes = Buffer.concat([batch(), batch().subarray(0, 30)])
    expect(check(bytes).size).toBe(batch().length)
  })

  test('may be as large as max.message.bytes and no larger', () => {
    const bytes = batch()
    expect(refusal(() => check(bytes, { 'max.message.bytes': bytes.length }))).toBe('accepted')
    expect(refusal(() => check(bytes, { 'max.message.bytes': bytes.length - 1 }))).toBe('MESSAGE_TOO_LARGE')
    expect(refusal(() => check(bytes, { 'segment.bytes': bytes.length }))).toBe('accepted')
    expect(refusal(() => check(bytes, { 'segment.bytes': bytes.length - 1 }))).toBe('RECORD_LIST_TOO_LARGE')
  })

  test('needs keys where the topic is compacted', () => {
    const bytes = batch([{ key: 'k', value: 'a', timestamp: NOW }, { value: 'b', timestamp: NOW }])
    expect(refusal(() => check(bytes))).toBe('accepted')
    expect(refusal(() => check(bytes, { 'cleanup.policy': 'compact' }))).toBe('INVALID_RECORD')
    expect(refusal(() => check(bytes, { 'cleanup.policy': ['delete', 'compact'] }))).toBe('INVALID_RECORD')
  })

  test.each([
    [HOUR, 'accepted'], [HOUR + 1, 'INVALID_TIMESTAMP'], [-2 * HOUR, 'accepted'], [-2 * HOUR - 1, 'INVALID_TIMESTAMP'],
  ])('has timestamps within the bounds of the topic (%i ms from now: %s)', (distance, code) => {
    const bytes = batch([{ value: 'a', timestamp: NOW }, { value: 'b', timestamp: NOW + distance }])
    expect(refusal(() => check(bytes, { 'message.timestamp.after.max.ms': HOUR, 'message.timestamp.before.max.ms': 2 * HOUR }))).toBe(code)
    expect(refusal(() => check(bytes, { 'message.timestamp.after.max.ms': HOUR, 'message.timestamp.before.max.ms': 2 * HOUR }, 'in-process'))).toBe(code)
    expect(refusal(() => check(bytes, { 'message.timestamp.type': 'LogAppendTime', 'message.timestamp.after.max.ms': HOUR }))).toBe('accepted')
  })

  test('tells of the timestamp when key and timestamp are wrong', () => {
    const bytes = batch([{ value: 'b', timestamp: NOW + 2 * HOUR }])
    expect(refusal(() => check(bytes, { 'cleanup.policy': 'compact', 'message.timestamp.after.max.ms': HOUR }))).toBe('INVALID_TIMESTAMP')
  })

  test('is stamped where the topic keeps the broker\'s time, and its claim to be stamped is refused', () => {
    const stamped = batch(undefined, { timestampType: 'LogAppendTime', logAppendTime: 5 })
    const topic = { 'message.timestamp.type': 'LogAppendTime' }
    expect(check(batch(), topic)).toMatchObject({ stamp: { timestampType: 'LogAppendTime', maxTimestamp: NOW }, maxTimestamp: NOW, logAppendTimeMs: NOW })
    expect(refusal(() => check(stamped, topic))).toBe('INVALID_TIMESTAMP')
    expect(check(stamped, { 'message.timestamp.type': 'CreateTime' })).toMatchObject({ stamp: { timestampType: 'CreateTime', maxTimestamp: 5 } })
  })

  test('gets a largest timestamp that is true', () => {
    const lying = forged(batch(), (view) => view.setInt32(39, view.getInt32(39) - 1000))
    expect(check(lying).stamp).toEqual({ timestampType: 'CreateTime', maxTimestamp: NOW })
  })
})

describe('compression.type', () => {
  const records = Array.from({ length: 20 }, (_, i): RecordInput => {
    return { key: `key ${i}`, value: 'v'.repeat(40), timestamp: NOW + i, headers: i === 3 ? [{ key: 'h', value: null }] : [] }
  })
  const shown = (bytes: Uint8Array): unknown =>
    readBatch(bytes).records.map(({ offset, timestamp, key, value, headers }) => [offset, timestamp, String(key), String(value), headers.length])

  test.each(
    compressionTypes.flatMap((from) => [...compressionTypes, 'producer'].map((to) => [from, to] as const)),
  )('from %s to %s keeps the records and the producer', (from, to) => {
    const bytes = batch(records, { compression: from, producerId: 8, producerEpoch: 2, baseSequence: 11, isTransactional: true })
    const valid = check(bytes, { 'compression.type': to === 'none' ? 'uncompressed' : to })
    const target = to === 'producer' ? from : to
    if (target === from) expect(valid.bytes).toBe(bytes)
    expect(valid.header).toMatchObject(
      { compression: target, producerId: 8, producerEpoch: 2, baseSequence: 11, isTransactional: true, count: 20, lastOffsetDelta: 19, maxTimestamp: NOW + 19 },
    )
    expect(shown(valid.bytes)).toEqual(shown(bytes))
    expect(verifyBatchCrc(valid.bytes, viewOf(valid.bytes), 0, valid.size)).toBe(true)
  })

  test('judges the size again after recompression', () => {
    const bytes = batch(records, { compression: 'gzip' })
    expect(refusal(() => check(bytes, { 'compression.type': 'uncompressed', 'max.message.bytes': bytes.length }))).toBe('MESSAGE_TOO_LARGE')
  })

  test('stamps what it rebuilds', () => {
    const valid = check(batch(records), { 'compression.type': 'lz4', 'message.timestamp.type': 'LogAppendTime' })
    expect(valid).toMatchObject({ stamp: null, logAppendTimeMs: NOW, header: { timestampType: 'LogAppendTime', maxTimestamp: NOW, compression: 'lz4' } })
  })

  test('leaves control batches as they are', () => {
    const marker = Buffer.from(buildEndTransactionMarker({ type: 'ABORT', timestamp: NOW, producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 }))
    expect(check(marker, { 'compression.type': 'zstd', 'cleanup.policy': 'compact' }, 'coordinator').bytes).toBe(marker)
  })
})

describe('an append of this process', () => {
  test('is not walked and its checksum not computed where the topic asks nothing', () => {
    const bytes = batch()
    bytes[66]! ^= 1
    expect(check(bytes, {}, 'in-process').bytes).toBe(bytes)
    expect(refusal(() => check(bytes, {}, 'client'))).toBe('CORRUPT_MESSAGE')
  })

  test('is held to the topic all the same', () => {
    expect(refusal(() => check(batch([{ value: 'x', timestamp: NOW }]), { 'cleanup.policy': 'compact' }, 'in-process'))).toBe('INVALID_RECORD')
    expect(check(batch(), { 'message.timestamp.type': 'LogAppendTime' }, 'in-process').stamp).toEqual({ timestampType: 'LogAppendTime', maxTimestamp: NOW })
    expect(check(batch(), { 'compression.type': 'gzip' }, 'in-process').header.compression).toBe('gzip')
  })
})

describe('replicated bytes', () => {
  const leader = (...baseOffsets: number[]): Buffer => Buffer.concat(baseOffsets.map((baseOffset) => batch(undefined, { baseOffset, leaderEpoch: 4 })))

  test('are whole batches with rising offsets, a cut one at the end left out', () => {
    const batches = validateReplicated(Buffer.concat([leader(10, 12, 20), batch().subarray(0, 20)]), 10, testConfig())
    expect(batches.map(({ header }) => [header.baseOffset, header.leaderEpoch])).toEqual([[10, 4], [12, 4], [20, 4]])
  })

  test.each([
    ['offsets that do not rise', (): Buffer => leader(10, 10), 10, 'OFFSET_OUT_OF_RANGE'],
    ['offsets below the end', (): Buffer => leader(9), 10, 'OFFSET_OUT_OF_RANGE'],
    ['a bad checksum in a later batch', (): Buffer => { const b = leader(10, 11); b[b.length - 1]! ^= 1; return b }, 10, 'CORRUPT_MESSAGE'],
    ['more than a segment', (): Buffer => leader(...Array.from({ length: 40 }, (_, i) => i)), 0, 'RECORD_LIST_TOO_LARGE'],
  ] as const)('are refused for %s', (_what, bytes, end, code) => {
    expect(refusal(() => validateReplicated(bytes(), end, testConfig({ 'segment.bytes': 1000 })))).toBe(code)
  })
})

test('a header that was rebuilt is the header of the bytes given', () => {
  const valid = check(batch(), { 'compression.type': 'snappy' })
  expect(readBatchHeader(valid.bytes, viewOf(valid.bytes), 0, valid.size)).toEqual(valid.header)
})
