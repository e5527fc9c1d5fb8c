import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { advanceSequence, patchBatch, peekBatchSize, readBatchHeader, restampBatch, verifyBatchCrc, viewOf } from './batch-format.ts'
import { buildBatch } from './record-batch-builder.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
/** The record of spec 13.3. */
const one = (): Buffer => hex(`0000000000000000 0000003a 00000000 02 e99b8dd8 0000 00000000 0000018bcfe56800 0000018bcfe56800
  ffffffffffffffff ffff ffffffff 00000001 10 00 00 00 02 6b 02 76 00`)

/** `one` with bytes changed. */
function edited(at: number, bytes: string): Buffer {
  const batch = one()
  hex(bytes).copy(batch, at)
  return batch
}

const header = (batch: Uint8Array): ReturnType<typeof readBatchHeader> => readBatchHeader(batch, viewOf(batch), 0, batch.length)
const refusal = (call: () => unknown): OttlaError => {
  try {
    call()
  } catch (error) {
    if (OttlaError.is(error, 'CORRUPT_MESSAGE')) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('the layout in the head of batch-format.ts', () => {
  /** offset, length, field, value: every row of the table, in order, without gap. */
  const layout: [number, number, string, string, number][] = [
    [0, 8, 'baseOffset', '0000000000000102', 258],
    [8, 4, 'size', '0000003a', 70],
    [12, 4, 'leaderEpoch', '00000003', 3],
    [16, 1, 'magic', '02', 2],
    [17, 4, 'crc', '80000004', 2147483652],
    [21, 2, 'attributes', '0010', 16],
    [23, 4, 'lastOffsetDelta', '00000005', 5],
    [27, 8, 'baseTimestamp', '0000000000000206', 518],
    [35, 8, 'maxTimestamp', '0000000000000307', 775],
    [43, 8, 'producerId', '0000000000000408', 1032],
    [51, 2, 'producerEpoch', '0009', 9],
    [53, 4, 'baseSequence', '0000000a', 10],
    [57, 4, 'count', '0000000b', 11],
  ]

  test('covers the 61 bytes', () => {
    let end = 0
    for (const [at, length, , bytes] of layout) {
      expect([at, bytes.length / 2]).toEqual([end, length])
      end += length
    }
    expect(end).toBe(61)
  })

  test.each(layout)('byte %i (%i bytes) is %s', (at, _, field, bytes, value) => { expect(header(edited(at, bytes))).toMatchObject({ [field]: value }) })
})

describe('readBatchHeader', () => {
  test('reads a batch of Kafka, anywhere in a buffer', () => {
    const buffer = Buffer.concat([Buffer.alloc(7, 0xff), one(), Buffer.alloc(3)])
    expect(readBatchHeader(buffer, viewOf(buffer), 7, buffer.length)).toEqual({
      position: 7, size: 70, baseOffset: 0, lastOffset: 0, nextOffset: 1, leaderEpoch: 0, magic: 2, crc: 0xe99b8dd8, attributes: 0, lastOffsetDelta: 0,
      baseTimestamp: 1700000000000, maxTimestamp: 1700000000000, producerId: -1, producerEpoch: -1, baseSequence: -1, lastSequence: -1, count: 1,
      compression: 'none', timestampType: 'CreateTime', isTransactional: false, isControl: false, deleteHorizonMs: null,
    })
  })

  test.each([
    ['0001', { compression: 'gzip' }],
    ['0002', { compression: 'snappy' }],
    ['0003', { compression: 'lz4' }],
    ['0004', { compression: 'zstd' }],
    ['0008', { timestampType: 'LogAppendTime' }],
    ['0010', { isTransactional: true }],
    ['0020', { isControl: true }],
    ['0040', { deleteHorizonMs: 1700000000000 }],
    ['ff80', { compression: 'none', isTransactional: false, attributes: -128 }],
  ])('attributes %s are %j', (bytes, fields) => { expect(header(edited(21, bytes))).toMatchObject(fields) })

  test.each([
    ['a codec that is not known', 21, '0005', 'codec 5'],
    ['a negative record count', 57, 'ffffffff', 'record count -1'],
    ['a magic that is not known', 16, '03', 'magic 3'],
    ['a negative magic', 16, 'ff', 'magic 255'], ['a length below any message', 8, '0000000d', 'length 13'], ['a negative length', 8, 'ffffffff', 'length -1'],
    ['a length below the header', 8, '00000030', 'less than its header'],
    ['a length beyond the end', 8, '0000003b', 'cut short'],
    ['a length beyond all memory', 8, '7fffffff', 'cut short'],
    ['a base offset beyond 2^53−1', 0, '0020000000000000', 'base offset outside'],
    ['a last offset beyond 2^53−1', 0, '001fffffffffffff 0000003a 00000000 02 e99b8dd8 0000 00000001', 'last offset outside'],
    ['a base timestamp beyond 2^53−1', 27, '7fffffffffffffff', 'base timestamp outside'],
    ['a greatest timestamp beyond it', 35, '8000000000000000', 'greatest timestamp outside'],
    ['a producer id beyond it', 43, '0020000000000000', 'producer id outside'],
  ])('%s is refused', (_, at, bytes, problem) => {
    const error = refusal(() => header(edited(at, bytes)))
    expect(error.message).toContain(problem)
    expect(error.position).toBe(0)
  })

  test('sequence numbers wrap', () => {
    expect(header(edited(53, '7fffffff')).lastSequence).toBe(2147483647)
    const batch = edited(53, '7ffffffe')
    batch.writeInt32BE(3, 23)
    expect(header(batch).lastSequence).toBe(1)
    expect([advanceSequence(2147483647, 1), advanceSequence(2147483646, 3), advanceSequence(5, 3)]).toEqual([0, 1, 8])
  })

  test('arbitrary bytes give a header within them or CORRUPT_MESSAGE', () => {
    const bytes = fc.tuple(
      fc.uint8Array({ minLength: 0, maxLength: 100 }), fc.array(fc.tuple(fc.nat(69), fc.nat(255)), { maxLength: 6 }), fc.boolean(),
    ).map(([random, edits, fresh]) => {
      if (fresh) return random
      const batch = one()
      for (const [at, value] of edits) batch[at] = value
      return batch
    })
    fc.assert(fc.property(bytes, (bytes) => {
      try {
        const read = header(bytes)
        expect(read.size).toBeLessThanOrEqual(bytes.length)
        for (const value of Object.values(read)) if (typeof value === 'number') expect(Number.isSafeInteger(value) || value === 2 ** 53).toBe(true)
      } catch (error) {
        expect(OttlaError.is(error, 'CORRUPT_MESSAGE'), String(error)).toBe(true)
      }
    }), { numRuns: 1000 })
  })
})

describe('peekBatchSize', () => {
  test('is −1 until 17 bytes are there, and until the batch is whole', () => {
    const batch = one()
    for (let end = 0; end < 70; end++) expect(peekBatchSize(batch, viewOf(batch), 0, end)).toBe(-1)
    expect(peekBatchSize(batch, viewOf(batch), 0, 70)).toBe(70)
  })

  test('an impossible length is refused before the batch is whole', () => {
    const batch = edited(8, '00000000')
    expect(refusal(() => peekBatchSize(batch, viewOf(batch), 0, 17)).message).toContain('impossible length 0')
  })
})

describe('writing into a batch', () => {
  test('every bit but those of the first twenty-one bytes is covered by the CRC', () => {
    const batch = one()
    const view = viewOf(batch)
    expect(verifyBatchCrc(batch, view, 0, 70)).toBe(true)
    for (let bit = 17 * 8; bit < 70 * 8; bit++) {
      batch[bit >> 3] = batch[bit >> 3]! ^ (1 << (bit & 7))
      expect(verifyBatchCrc(batch, view, 0, 70), `bit ${bit}`).toBe(false)
      batch[bit >> 3] = batch[bit >> 3]! ^ (1 << (bit & 7))
    }
  })

  test('patchBatch changes twelve bytes and leaves the CRC valid', () => {
    const batch = one()
    patchBatch(viewOf(batch), 0, 9007199254740991, 77)
    expect(header(batch)).toMatchObject({ baseOffset: 9007199254740991, leaderEpoch: 77 })
    expect(verifyBatchCrc(batch, viewOf(batch), 0, 70)).toBe(true)
    expect(batch.subarray(16)).toEqual(one().subarray(16))
    expect(batch.subarray(8, 12)).toEqual(one().subarray(8, 12))
  })

  test('a LogAppendTime topic stamps the batch of spec 13.3 as Kafka does', () => {
    const batch = one()
    patchBatch(viewOf(batch), 0, 41, 9)
    restampBatch(batch, viewOf(batch), 0, 70, 'LogAppendTime', 1700000099999)
    expect(batch).toEqual(hex(`00000000000000290000003a000000090214454a350008000000000000018bcfe568000000018bcfe6ee9f
      ffffffffffffffffffffffffffff0000000110000000026b027600`))
    restampBatch(batch, viewOf(batch), 0, 70, 'CreateTime', 1700000000000)
    patchBatch(viewOf(batch), 0, 0, 0)
    expect(batch).toEqual(one())
  })

  test('a stamp that holds already leaves every byte, and keeps the other attributes when it does not', () => {
    const batch = buildBatch([{ timestamp: 5, value: 'v' }], { isTransactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 })
    batch[21] = 0xff
    const before = Buffer.from(batch)
    restampBatch(batch, viewOf(batch), 0, batch.length, 'CreateTime', 5)
    expect(batch).toEqual(before)
    restampBatch(batch, viewOf(batch), 0, batch.length, 'CreateTime', 6)
    expect(header(batch)).toMatchObject({ attributes: 0x10, maxTimestamp: 6 })
    expect(verifyBatchCrc(batch, viewOf(batch), 0, batch.length)).toBe(true)
  })
})
