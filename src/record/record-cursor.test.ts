import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { writeInt64 } from '../common/int64.ts'
import { ATTRIBUTES_AT, BASE_TIMESTAMP_AT, BATCH_HEADER_SIZE, COUNT_AT, CRC_AT, LAST_OFFSET_DELTA_AT, LENGTH_AT, viewOf } from './batch-format.ts'
import { compressionTypes, loadAllCodecs } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { buildBatch, buildEndTransactionMarker } from './record-batch-builder.ts'
import { readBatch, RecordCursor, validateBatch } from './record-cursor.ts'

beforeAll(() => loadAllCodecs())

const T = 1700000000000
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const records = [
  { timestamp: T, key: 'k0', value: 'v0' },
  { timestamp: T + 5, value: 'v1', headers: [{ key: 'h', value: Buffer.from('x') }] },
  { timestamp: T - 3, key: 'k2' },
]

/** A batch of the given record bytes, with a valid CRC. */
function batchOf(body: Buffer, count: number, attributes = 0): Buffer {
  const batch = Buffer.concat([buildBatch([], { lastOffsetDelta: Math.max(0, count - 1) }), body])
  const view = viewOf(batch)
  view.setInt32(LENGTH_AT, batch.length - 12)
  view.setInt32(COUNT_AT, count)
  view.setInt16(ATTRIBUTES_AT, attributes)
  return sealed(batch)
}

function sealed(batch: Buffer): Buffer {
  viewOf(batch).setUint32(CRC_AT, crc32c(batch, ATTRIBUTES_AT, batch.length))
  return batch
}

function refusal(call: () => unknown): OttlaError {
  try {
    call()
  } catch (error) {
    if (OttlaError.is(error, 'CORRUPT_MESSAGE')) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('the cursor', () => {
  test('tells each record by fields, positions and views', () => {
    const built = buildBatch(records, { baseOffset: 40, producerId: 9, producerEpoch: 1, baseSequence: 2147483646 })
    const batch = Buffer.concat([Buffer.alloc(5), built, Buffer.alloc(5)])
    const cursor = new RecordCursor()
    const header = cursor.reset(batch, 5, batch.length)
    expect(cursor.header).toBe(header)
    const read: unknown[] = []
    while (cursor.next()) {
      const { offset, offsetDelta, timestamp, timestampDelta, sequence, keyLength, valueLength, headerCount, sizeInBytes } = cursor
      read.push([offset, offsetDelta, timestamp, timestampDelta, sequence, keyLength, valueLength, headerCount, sizeInBytes])
      const at = (start: number, length: number): string => Buffer.from(cursor.buffer()).toString('utf8', start, start + length)
      expect(cursor.key()?.toString() ?? null).toBe(keyLength < 0 ? null : at(cursor.keyStart, keyLength))
      expect(cursor.value()?.toString() ?? null).toBe(valueLength < 0 ? null : at(cursor.valueStart, valueLength))
      expect(cursor.value() === null || cursor.value()!.buffer === batch.buffer).toBe(true)
    }
    expect(read).toEqual([
      [40, 0, T, 0, 2147483646, 2, 2, 0, 11], [41, 1, T + 5, 5, 2147483647, -1, 2, 1, 13], [42, 2, T - 3, -3, 0, 2, -1, 0, 9],
    ])
    expect(cursor.next()).toBe(false)
    expect(cursor.offset).toBe(42)
  })

  test('is used again for another batch, whatever became of the one before', () => {
    const cursor = new RecordCursor()
    const [good, bad] = [buildBatch(records), buildBatch(records, { compression: 'gzip' })]
    bad[61] = bad[61]! ^ 0xff
    for (let i = 0; i < 3; i++) {
      refusal(() => { cursor.reset(bad, 0, bad.length) })
      expect(cursor.next()).toBe(false)
      cursor.reset(good, 0, good.length)
      expect([cursor.next(), cursor.next(), cursor.next(), cursor.next()]).toEqual([true, true, true, false])
    }
  })

  test('stops at the limit on unfolded bytes', () => {
    for (const compression of compressionTypes.slice(1)) {
      const batch = buildBatch([{ value: 'a'.repeat(5000) }], { compression })
      expect(readBatch(batch, 0, batch.length, { maxDecompressedBytes: 6000 }).records[0]!.value!.length).toBe(5000)
      refusal(() => readBatch(batch, 0, batch.length, { maxDecompressedBytes: 4000 }))
    }
  })

  test('a batch that says no records is not opened, as in Kafka', () => {
    expect(readBatch(batchOf(hex('ffffff'), 0)).records).toEqual([])
    expect(readBatch(batchOf(hex('ffffff'), 0, 1)).records).toEqual([])
  })
})

/** One record: key "k", value "v", no headers. */
const good = '10 00 00 00 02 6b 02 76 00'

describe('what a record must hold', () => {
  test.each([
    ['a record', good, 1, ''],
    ['lengths that are not in their shortest form', '92 00 00 00 00 02 6b 02 76 80 00', 1, ''],
    ['any negative length as null', '0c 00 00 00 03 07 00', 1, ''],
    ['bytes after the last record', `${good} 00`, 1, 'after its last record'],
    ['fewer records than the count', good, 2, 'says 2 records'],
    ['a record cut short', '10 00 00 00 02 6b 02 76', 1, 'where 7 are left'],
    ['a length below the least record', '0a 00 00 00 01 01 00 00 00', 1, 'record of 5 bytes'],
    ['a negative length', '01 00 00 00 01 01 00 00', 1, 'record of -1 bytes'],
    ['a key past the end', '10 00 00 00 7e 6b 02 76 00', 1, ''],
    ['a value past the end', '10 00 00 00 02 6b 7e 76 00', 1, ''],
    ['a length that says one more', '12 00 00 00 02 6b 02 76 00 00', 1, 'take 8 bytes and which says 9'],
    ['a length that says one less', '0e 00 00 00 02 6b 02 76 00', 1, ''],
    ['a negative header count', '10 00 00 00 02 6b 02 76 01', 1, 'says -1 headers'],
    ['more headers than bytes', '10 00 00 00 02 6b 02 76 02', 1, 'says 1 headers in 0 bytes'],
    ['a header without key', '14 00 00 00 02 6b 02 76 02 01 01', 1, 'key length -1'],
    ['a header past the end', '14 00 00 00 02 6b 02 76 02 7e 01', 1, ''],
    ['a varint of six bytes', '10 00 00 80 80 80 80 80 00', 1, 'longer than 5 bytes'],
    ['a varlong of eleven bytes', '1e 00 80 80 80 80 80 80 80 80 80 80 00 00 01 01 00', 1, 'longer than 10 bytes'],
    ['a timestamp beyond 2^53', '1e 00 fe ff ff ff ff ff ff ff ff 01 00 01 01 00', 1, 'outside ±(2^53−1)'],
  ])('%s', (name, body, count, problem) => {
    const batch = batchOf(hex(body), count)
    if (problem === '' && /^(a record|lengths|any)/.test(name)) expect(readBatch(batch).records.length).toBe(count)
    else expect(refusal(() => readBatch(batch)).message).toContain(problem)
  })

  test('under LogAppendTime a timestamp beyond 2^53 does not matter', () => {
    const batch = batchOf(hex('1e 00 fe ff ff ff ff ff ff ff ff 01 00 01 01 00'), 1, 8)
    viewOf(batch).setInt32(39, 99)
    expect(readBatch(batch).records[0]!.timestamp).toBe(99 - 2 ** 32)
  })

  test('a timestamp delta beyond 2^53 is refused even where the sum would not be', () => {
    const batch = Buffer.from(batchOf(hex('1a 00 84 80 80 80 80 80 80 20 00 01 01 00'), 1))
    writeInt64(viewOf(batch), BASE_TIMESTAMP_AT, -Number.MAX_SAFE_INTEGER)
    expect(refusal(() => readBatch(batch)).message).toContain('outside ±(2^53−1)')
  })

  test('an offset beyond 2^53−1 is refused', () => {
    const batch = buildBatch([{ value: 'a', offsetDelta: 5 }], { baseOffset: Number.MAX_SAFE_INTEGER - 4, lastOffsetDelta: 0 })
    expect(refusal(() => readBatch(batch)).message).toContain('outside ±(2^53−1)')
  })

  test('a count of two thousand million takes no memory', () => {
    for (const attributes of [0, 1]) {
      const body = attributes === 0 ? hex(good) : Buffer.from(buildBatch(records, { compression: 'gzip' }).subarray(BATCH_HEADER_SIZE))
      expect(refusal(() => readBatch(batchOf(body, 2 ** 31 - 1, attributes))).message).toContain('2147483647 records')
    }
  })

  test('any damage to any byte is refused or read within bounds, never a crash', () => {
    const more = [...records, { value: Buffer.alloc(300, 7) }, { key: 'x'.repeat(100) }]
    const batches = compressionTypes.map((compression) => Buffer.from(buildBatch(more, { compression, baseOffset: 5 })))
    const changes = fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { minLength: 1, maxLength: 5 })
    const options = { maxDecompressedBytes: 100_000 }
    fc.assert(fc.property(fc.constantFrom(...batches), changes, fc.boolean(), (batch, edits, reseal) => {
      const bytes = Buffer.from(batch)
      for (const [at, value] of edits) bytes[at % bytes.length] = value
      if (reseal) sealed(bytes)
      for (const read of [() => readBatch(bytes, 0, bytes.length, options), () => validateBatch(bytes, 0, bytes.length, options)]) {
        try {
          read()
        } catch (error) {
          expect(OttlaError.is(error, 'CORRUPT_MESSAGE'), String(error)).toBe(true)
        }
      }
    }), { numRuns: 3000 })
  })

  test('arbitrary record bytes are refused or read, never a crash', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(20), (body, count) => {
      try {
        readBatch(batchOf(Buffer.from(body), count))
      } catch (error) {
        expect(OttlaError.is(error, 'CORRUPT_MESSAGE'), String(error)).toBe(true)
      }
    }), { numRuns: 3000 })
  })
})

describe('validateBatch', () => {
  const summary = (batch: Uint8Array): unknown => {
    const { header: _, ...rest } = validateBatch(batch, 0, batch.length)
    return rest
  }

  test('sums up what the append path asks for', () => {
    expect(summary(buildBatch(records, { baseOffset: 10 }))).toEqual(
      { count: 3, maxTimestamp: T + 5, offsetOfMaxTimestamp: 11, minTimestamp: T - 3, consecutive: true, firstWithoutKey: 1 },
    )
    expect(summary(buildBatch([{ key: 'a' }, { key: 'b', timestamp: 7, offsetDelta: 3 }, { key: 'c', timestamp: 7 }], { baseOffset: 10 })))
      .toEqual({ count: 3, maxTimestamp: 7, offsetOfMaxTimestamp: 13, minTimestamp: 7, consecutive: false, firstWithoutKey: -1 })
    const short = summary(buildBatch([{ key: 'a' }], { lastOffsetDelta: 1 }))
    expect(short).toMatchObject({ consecutive: false, maxTimestamp: -1, offsetOfMaxTimestamp: -1, minTimestamp: -1 })
    expect(summary(buildBatch([], { lastOffsetDelta: 4 }))).toMatchObject({ count: 0, consecutive: false })
  })

  test('a wrong CRC is refused, unless it is not to be checked', () => {
    const batch = buildBatch(records)
    batch[20] = batch[20]! ^ 1
    expect(refusal(() => summary(batch)).message).toContain('checksum')
    expect(validateBatch(batch, 0, batch.length, { checkCrc: false }).count).toBe(3)
  })

  test.each([
    ['offsets that stand still', '10 00 00 00 02 6b 02 76 00 10 00 00 00 02 6b 02 76 00', 2, 'after 0'],
    ['offsets before the batch', '10 00 00 01 02 6b 02 76 00', 1, 'outside its span'],
    ['offsets beyond the batch', '10 00 00 02 02 6b 02 76 00', 1, 'outside its span'],
    ['bytes under a count of 0', good, 0, 'says 0 records'],
  ])('%s are refused', (_, body, count, problem) => { expect(refusal(() => summary(batchOf(hex(body), count))).message).toContain(problem) })

  test('a negative last offset delta is refused', () => {
    const batch = Buffer.from(buildBatch(records))
    batch.writeInt32BE(-1, LAST_OFFSET_DELTA_AT)
    expect(refusal(() => summary(sealed(batch))).message).toContain('last offset delta -1')
  })

  test('control records must parse', () => {
    const marker = { type: 'COMMIT' as const, timestamp: T, producerId: 1, producerEpoch: 0, coordinatorEpoch: 1 }
    expect(summary(buildEndTransactionMarker(marker))).toMatchObject({ count: 1 })
    for (const record of [{ value: 'v' }, { key: 'abc' }, { key: hex('00000001'), value: hex('0000') }]) {
      expect(refusal(() => summary(buildBatch([record], { isControl: true }))).message).toContain('control record')
    }
    expect(summary(buildBatch([{ key: hex('00000063'), value: hex('') }], { isControl: true }))).toMatchObject({ count: 1 })
  })
})
