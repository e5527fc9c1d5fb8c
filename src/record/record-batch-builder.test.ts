import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { OttlaError } from '../common/errors.ts'
import { readBatchHeader, verifyBatchCrc, viewOf } from './batch-format.ts'
import { compressionTypes, loadAllCodecs } from './compression.ts'
import { buildBatch, buildEndTransactionMarker, RecordBatchBuilder, type RecordInput } from './record-batch-builder.ts'
import { readBatch, RecordCursor } from './record-cursor.ts'

beforeAll(() => loadAllCodecs())

const T = 1700000000000
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const text = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString()

/** Batch "B" of spec 13.4. */
const three: RecordInput[] = [
  { timestamp: T, key: 'key1', value: 'value1', headers: [{ key: 'h1', value: Buffer.from('x') }] },
  { timestamp: T + 5, value: 'v2' },
  { timestamp: T - 3, key: 'key3', headers: [{ key: 'h', value: null }] },
]
const fieldsOfB = { baseOffset: 100, leaderEpoch: 5, producerId: 4000, producerEpoch: 2, baseSequence: 7 }
const horizon = 1700086500000

describe('the bytes of Kafka (spec 13.3 to 13.6)', () => {
  test('one record', () => {
    expect(hexOf(buildBatch([{ timestamp: T, key: 'k', value: 'v' }], { leaderEpoch: 0 }))).toBe(
      '00000000000000000000003a0000000002e99b8dd80000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000110000000026b027600')
  })

  test('three records with a producer, headers, nulls and a timestamp that goes back', () => {
    expect(hexOf(buildBatch(three, fieldsOfB))).toBe(
      '00000000000000640000005e0000000502fcb848580000000000020000018bcfe568000000018bcfe568050000000000000fa000020000000700000003'
      + '2a000000086b6579310c76616c75653102046831027810000a0201047632001a000504086b6579330102026801')
  })

  test('end transaction markers', () => {
    const marker = { offset: 103, timestamp: T + 10, leaderEpoch: 5, producerId: 4000, producerEpoch: 2, coordinatorEpoch: 3 }
    expect(hexOf(buildEndTransactionMarker({ type: 'COMMIT', ...marker }))).toBe(
      '00000000000000670000004200000005029d6739a10030000000000000018bcfe5680a0000018bcfe5680a0000000000000fa00002ffffffff00000001'
      + '2000000008000000010c00000000000300')
    expect(hexOf(buildEndTransactionMarker({ type: 'ABORT', ...marker }))).toBe(
      '00000000000000670000004200000005026959efe90030000000000000018bcfe5680a0000018bcfe5680a0000000000000fa00002ffffffff00000001'
      + '2000000008000000000c00000000000300')
  })

  test('a tombstone kept by compaction, relative to the delete horizon', () => {
    expect(hexOf(buildBatch([{ ...three[2], offsetDelta: 2 }], { ...fieldsOfB, deleteHorizonMs: horizon }))).toBe(
      '0000000000000064000000420000000502339514590040000000020000018bd50d4aa00000018bcfe567fd0000000000000fa000020000000700000001'
      + '2000c58abf5204086b6579330102026801')
  })

  test('the first record kept by compaction', () => {
    expect(hexOf(buildBatch([three[0]!], { ...fieldsOfB, lastOffsetDelta: 2 }))).toBe(
      '0000000000000064000000470000000502d5268ec30000000000020000018bcfe568000000018bcfe568000000000000000fa000020000000700000001'
      + '2a000000086b6579310c76616c756531020468310278')
  })

  test('an emptied batch', () => {
    expect(hexOf(buildBatch([], { ...fieldsOfB, lastOffsetDelta: 2, maxTimestamp: T + 5 }))).toBe(
      '0000000000000064000000310000000502843f1ed2000000000002ffffffffffffffff0000018bcfe568050000000000000fa000020000000700000000')
  })

  test('an emptied batch may have a delete horizon, though no record is relative to it', () => {
    const { header } = readBatch(buildBatch([], { ...fieldsOfB, lastOffsetDelta: 2, deleteHorizonMs: horizon }))
    expect(header).toMatchObject({ count: 0, deleteHorizonMs: -1 })
  })

  test('a marker given a delete horizon', () => {
    const abort = { type: 'ABORT' as const, offset: 103, timestamp: T + 10, leaderEpoch: 5, producerId: 4000, producerEpoch: 2, coordinatorEpoch: 3 }
    const marker = readBatch(buildEndTransactionMarker(abort)).records
    const fields = { baseOffset: 103, leaderEpoch: 5, producerId: 4000, producerEpoch: 2, isTransactional: true, isControl: true, deleteHorizonMs: horizon }
    expect(hexOf(buildBatch(marker, fields))).toBe(
      '000000000000006700000045000000050283b077650070000000000000018bd50d4aa00000018bcfe5680a0000000000000fa00002ffffffff00000001'
      + '2600ab8abf520008000000000c00000000000300')
  })
})

/** Around the size classes of varints, the short-string loop, and what UTF-8 makes of surrogates. */
const atEdges = fc.constantFrom('a'.repeat(63), 'a'.repeat(64), 'ä'.repeat(32), 'ä'.repeat(31) + 'ab', '\ud800', 'x'.repeat(23) + 'é', 'x'.repeat(24) + '🚀')
const content = fc.oneof(
  fc.constant(null), fc.string({ unit: 'grapheme', maxLength: 80 }), fc.string({ maxLength: 200 }), fc.uint8Array({ maxLength: 300 }), atEdges,
)
const timestamps = fc.oneof(fc.constant(-1), fc.integer({ min: T - 1000, max: T + 100_000 }), fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))
const header = fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 40 }), value: content })
const headers = fc.oneof(fc.constant(null), fc.array(header, { maxLength: 4 }))
const records = fc.array(fc.record({ timestamp: timestamps, key: content, value: content, headers }), { minLength: 1, maxLength: 20 })
const bytesOf = (part: Uint8Array | string | null): Buffer | null => part === null ? null : Buffer.from(part as string)

describe('any records', () => {
  test('come back as they went in, under every codec, and their batch has a valid CRC', () => {
    fc.assert(fc.property(records, fc.constantFrom(...compressionTypes), fc.nat(2 ** 40), (records, compression, baseOffset) => {
      const batch = buildBatch(records, { compression, baseOffset, leaderEpoch: 3 })
      expect(verifyBatchCrc(batch, viewOf(batch), 0, batch.length)).toBe(true)
      const read = readBatch(batch)
      expect(read.header).toMatchObject({
        baseOffset, count: records.length, lastOffset: baseOffset + records.length - 1, compression, leaderEpoch: 3,
        baseTimestamp: records[0]!.timestamp, maxTimestamp: Math.max(...records.map((r) => r.timestamp)),
      })
      expect(read.records.map((r) => [r.offset, r.timestamp, r.key, r.value, r.headers])).toEqual(
        records.map((r, i) => {
          const headers = (r.headers ?? []).map((h) => ({ key: Buffer.from(h.key).toString(), value: bytesOf(h.value) }))
          return [baseOffset + i, r.timestamp, bytesOf(r.key), bytesOf(r.value), headers]
        }))
    }), { numRuns: 300 })
  })

  test('fill a batch up to its capacity and no further, and the next one takes the rest', () => {
    fc.assert(fc.property(records, fc.integer({ min: 61, max: 1200 }), (records, capacity) => {
      const builder = new RecordBatchBuilder(capacity)
      const out: (string | null)[][] = []
      for (let i = 0; i < records.length;) {
        builder.reset()
        const first = i
        while (i < records.length && builder.append(records[i]!.timestamp, records[i]!.key, records[i]!.value, records[i]!.headers)) i++
        const batch = builder.seal()
        expect([builder.count, builder.sizeInBytes]).toEqual([i - first, batch.length])
        expect(i > first + 1 ? batch.length <= capacity : i === first + 1).toBe(true)
        if (i < records.length) {
          const { timestamp, key, value, headers } = records[i]!
          const base = records[first]!.timestamp
          const next = { timestamp, key, value, headers, offsetDelta: i - first }
          const more = buildBatch([{ timestamp: base }, next]).length - buildBatch([{ timestamp: base }]).length
          expect(batch.length + more).toBeGreaterThan(capacity)
        }
        for (const record of readBatch(batch).records) out.push([text(record.key), text(record.value)])
      }
      expect(out).toEqual(records.map((r) => [text(bytesOf(r.key)), text(bytesOf(r.value))]))
    }), { numRuns: 200 })
  })
})

describe('the builder', () => {
  test('a text that ends at the end of the slab is whole, whatever its characters', () => {
    for (const unit of ['a', 'é', '日', '🚀']) {
      for (let length = 20; length < 40; length++) {
        const value = unit.repeat(length)
        const exact = buildBatch([{ timestamp: T, value: 'x' }, { timestamp: T, value }])
        const builder = new RecordBatchBuilder(exact.length)
        expect([builder.append(T, null, 'x', null), builder.append(T, null, value, null)]).toEqual([true, true])
        expect(hexOf(builder.seal())).toBe(hexOf(exact))
        const small = new RecordBatchBuilder(exact.length - 1)
        expect([small.append(T, null, 'x', null), small.append(T, null, value, null)]).toEqual([true, false])
        expect(small.count).toBe(1)
        expect(hexOf(small.seal())).toBe(hexOf(buildBatch([{ timestamp: T, value: 'x' }])))
      }
    }
  })

  test('a first record larger than the capacity gets a slab of its own, until the reset', () => {
    const builder = new RecordBatchBuilder(100)
    const value = 'ä'.repeat(5000)
    expect(builder.append(T, 'k', value, null)).toBe(true)
    expect(builder.append(T, 'k', 'v', null)).toBe(false)
    expect(hexOf(builder.seal())).toBe(hexOf(buildBatch([{ timestamp: T, key: 'k', value }])))
    builder.reset()
    expect(builder.append(T, 'k', 'v', null)).toBe(true)
    expect(builder.append(T, 'k', 'v'.repeat(40), null)).toBe(false)
    expect(hexOf(builder.seal())).toBe(hexOf(buildBatch([{ timestamp: T, key: 'k', value: 'v' }])))
  })

  test('goes on in a larger slab with what is in, and is as large from then on', () => {
    const builder = new RecordBatchBuilder(100)
    expect(builder.capacity).toBe(100)
    builder.reset()
    expect(builder.append(T, null, 'first', null)).toBe(true)
    expect(builder.append(T, null, 'x'.repeat(60), null)).toBe(false)
    builder.enlarge(400)
    expect(builder.capacity).toBe(400)
    let count = 1
    while (builder.append(T, null, 'x'.repeat(60), null)) count++
    expect(builder.sizeInBytes).toBeLessThanOrEqual(400)
    const values = readBatch(builder.seal()).records.map((record) => text(record.value))
    expect(values).toEqual(['first', ...Array.from({ length: count - 1 }, () => 'x'.repeat(60))])
    builder.reset()
    for (let i = 1; i < count; i++) expect(builder.append(T, null, 'x'.repeat(60), null)).toBe(true)
  })

  test('has room for exactly what it was enlarged to', () => {
    const records = [{ timestamp: T, value: 'first' }, { timestamp: T, value: 'y'.repeat(90) }]
    const expected = buildBatch(records)
    const builder = new RecordBatchBuilder(100)
    expect(builder.append(T, null, 'first', null)).toBe(true)
    builder.enlarge(expected.length - 1)
    expect(builder.append(T, null, 'y'.repeat(90), null)).toBe(false)
    builder.enlarge(expected.length)
    expect(builder.append(T, null, 'y'.repeat(90), null)).toBe(true)
    expect(hexOf(builder.seal())).toBe(hexOf(expected))
  })

  test('what no batch can hold is refused before memory is taken', () => {
    const huge = { length: 2 ** 31 } as Uint8Array
    const builder = new RecordBatchBuilder(100)
    expect(() => builder.append(T, null, huge, null)).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
    expect(builder.count).toBe(0)
    expect(() => buildBatch([{ value: huge }])).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
    expect(builder.append(T, null, 'small', null)).toBe(true)
    expect(readBatch(builder.seal()).records).toHaveLength(1)
  })

  test('the slab is reused: an uncompressed batch is a view of it, a compressed one is not', () => {
    const builder = new RecordBatchBuilder(1000)
    builder.append(T, null, 'first', null)
    const plain = builder.seal()
    const packed = builder.seal({ compression: 'lz4' })
    builder.reset()
    builder.append(T, null, 'other', null)
    expect(text(readBatch(plain).records[0]!.value)).not.toBe('first')
    expect(text(readBatch(packed).records[0]!.value)).toBe('first')
    expect(builder.seal().buffer).toBe(plain.buffer)
  })

  test('LogAppendTime, given fields and gaps end up in the header', () => {
    const fields = { timestampType: 'LogAppendTime' as const, logAppendTime: 99, lastOffsetDelta: 80_000, baseOffset: 1000 }
    const batch = buildBatch([{ timestamp: 5, offsetDelta: 3 }, { timestamp: 4, offsetDelta: 70_000 }], fields)
    const { header, records } = readBatch(batch)
    expect(header).toMatchObject({ timestampType: 'LogAppendTime', maxTimestamp: 99, baseTimestamp: 5, lastOffset: 81_000, count: 2 })
    expect(records.map((r) => [r.offset, r.timestamp])).toEqual([[1003, 99], [71_000, 99]])
  })

  test('timestamps and offsets that no batch can hold are refused, and leave the batch as it was', () => {
    const builder = new RecordBatchBuilder(1000)
    builder.append(T, null, 'v', null)
    for (const timestamp of [-2, 1.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(() => builder.append(timestamp, null, 'v', null), String(timestamp)).toThrow(expect.objectContaining({ code: 'INVALID_TIMESTAMP' }) as OttlaError)
    }
    for (const delta of [0, -1, 1.5, 2 ** 31]) {
      expect(() => builder.appendAt(delta, T, null, 'v', null), String(delta)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as OttlaError)
    }
    expect(() => builder.seal({ deleteHorizonMs: T + 1 })).toThrow(/delete horizon/)
    for (const capacity of [60, 2 ** 31, 1.5]) expect(() => new RecordBatchBuilder(capacity)).toThrow(/capacity/)
    expect(hexOf(builder.seal())).toBe(hexOf(buildBatch([{ timestamp: T, value: 'v' }])))
  })

  test('an empty key or value is not a null one', () => {
    for (const empty of ['', new Uint8Array(0)]) {
      const { records } = readBatch(buildBatch([{ key: empty, value: null }, { key: null, value: empty }]))
      expect(records.map((r) => [r.key, r.value])).toEqual([[Buffer.alloc(0), null], [null, Buffer.alloc(0)]])
    }
  })

  test('a lone surrogate becomes U+FFFD, as everywhere in Node', () => {
    expect(text(readBatch(buildBatch([{ value: 'a\ud800b' }])).records[0]!.value)).toBe('a\ufffdb')
  })

  test('headers are read back from where the cursor stands', () => {
    const long = [{ key: '', value: null }, { key: 'b'.repeat(200), value: Buffer.alloc(0) }]
    const batch = buildBatch([{ headers: [{ key: 'a', value: Buffer.of(1) }] }, {}, { headers: long }])
    const cursor = new RecordCursor()
    cursor.reset(batch, 0, batch.length)
    const read: unknown[] = []
    while (cursor.next()) read.push([cursor.headerCount, cursor.headers()])
    expect(read).toEqual([[1, [{ key: 'a', value: Buffer.of(1) }]], [0, []], [2, long]])
  })

  test('buildBatch without records is 61 bytes and reads as nothing', () => {
    const batch = buildBatch([], { lastOffsetDelta: 4, baseOffset: 10, maxTimestamp: 7 })
    expect(batch.length).toBe(61)
    expect(readBatchHeader(batch, viewOf(batch), 0, 61)).toMatchObject({ count: 0, lastOffset: 14, baseTimestamp: -1, maxTimestamp: 7 })
    expect(readBatch(batch).records).toEqual([])
  })
})
