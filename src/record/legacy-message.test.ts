/** Messages of magic 0 and 1 built here from the layout table; a real broker's are read in kafka-vectors.test.ts. */
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { legacyMessage as message, type LegacyMessage as Message } from '../../test/support/legacy-messages.ts'
import { OttlaError } from '../common/errors.ts'
import { readBatchHeader, verifyBatchCrc, viewOf } from './batch-format.ts'
import { compress, loadAllCodecs, type CompressionType } from './compression.ts'
import { innerEntrySize, legacyLength } from './legacy-message.ts'
import { readBatch, RecordCursor, validateBatch } from './record-cursor.ts'

beforeAll(() => loadAllCodecs())

const codecBits: [CompressionType, number][] = [['gzip', 1], ['snappy', 2], ['lz4', 3]]
const wrap = (type: CompressionType, bits: number, inner: Buffer[], outer: Message): Buffer =>
  message({ ...outer, attributes: (outer.attributes ?? 0) | bits, value: Buffer.from(compress(type, Buffer.concat(inner))) })
const read = (bytes: Buffer): (number | string | null)[][] =>
  readBatch(bytes).records.map((r) => [r.offset, r.timestamp, r.key?.toString() ?? null, r.value?.toString() ?? null])
const refusal = (call: () => unknown): string => {
  try {
    call()
  } catch (error) {
    if (OttlaError.is(error, 'CORRUPT_MESSAGE')) return error.message
    throw error
  }
  throw new Error('it was accepted')
}

describe('a message by itself', () => {
  test('of magic 0 has no timestamp', () => {
    const bytes = message({ magic: 0, offset: 2 ** 40, key: 'k', value: 'v' })
    expect(readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)).toMatchObject({
      magic: 0, size: bytes.length, baseOffset: 2 ** 40, lastOffset: 2 ** 40, nextOffset: 2 ** 40 + 1, maxTimestamp: -1, timestampType: 'CreateTime', count: -1,
      leaderEpoch: -1, producerId: -1, producerEpoch: -1, baseSequence: -1, lastSequence: -1, isControl: false, isTransactional: false,
      deleteHorizonMs: null, compression: 'none',
    })
    expect(read(bytes)).toEqual([[2 ** 40, -1, 'k', 'v']])
  })

  test('of magic 1 has one, and nulls are nulls', () => {
    const bytes = message({ magic: 1, offset: 7, key: null, value: null, timestamp: 1234, attributes: 8 })
    expect(readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)).toMatchObject({ magic: 1, maxTimestamp: 1234, timestampType: 'LogAppendTime' })
    expect(read(bytes)).toEqual([[7, 1234, null, null]])
    expect(validateBatch(bytes, 0, bytes.length)).toMatchObject(
      { count: 1, maxTimestamp: 1234, offsetOfMaxTimestamp: 7, consecutive: true, firstWithoutKey: 0 },
    )
  })

  test('fails its checksum after any change behind it', () => {
    const bytes = message({ magic: 1, offset: 7, key: 'k', value: 'v', timestamp: 1 })
    const view = viewOf(bytes)
    for (let at = 12; at < bytes.length; at++) {
      bytes[at] = bytes[at]! ^ 1
      if (at !== 16) expect(verifyBatchCrc(bytes, view, 0, bytes.length), `byte ${at}`).toBe(false)
      bytes[at] = bytes[at]! ^ 1
    }
    expect(verifyBatchCrc(bytes, view, 0, bytes.length)).toBe(true)
  })
})

describe.each(codecBits)('a wrapper in %s', (type, bits) => {
  const inner = (magic: 0 | 1, offsets: number[]): Buffer[] =>
    offsets.map((offset, i) => message({ magic, offset, key: `k${i}`, value: `v${i}`, timestamp: 100 + i }))

  test('of magic 0 holds absolute offsets', () => {
    expect(read(wrap(type, bits, inner(0, [50, 51, 52]), { magic: 0, offset: 52 }))).toEqual([[50, -1, 'k0', 'v0'], [51, -1, 'k1', 'v1'], [52, -1, 'k2', 'v2']])
  })

  test('of magic 1 holds relative offsets, counted back from its own', () => {
    const three = read(wrap(type, bits, inner(1, [0, 1, 2]), { magic: 1, offset: 52, timestamp: 102 }))
    expect(three).toEqual([[50, 100, 'k0', 'v0'], [51, 101, 'k1', 'v1'], [52, 102, 'k2', 'v2']])
    expect(read(wrap(type, bits, inner(1, [3, 5]), { magic: 1, offset: 55, timestamp: 102 }))).toEqual([[53, 100, 'k0', 'v0'], [55, 101, 'k1', 'v1']])
  })

  test('under LogAppendTime gives its own timestamp to all', () => {
    expect(read(wrap(type, bits, inner(1, [0, 1]), { magic: 1, offset: 1, timestamp: 999, attributes: 8 })).map((r) => r[1])).toEqual([999, 999])
  })

  test('with offset 0 counts from 0, as old producers sent it', () => {
    expect(read(wrap(type, bits, inner(1, [0, 1]), { magic: 1, offset: 0, timestamp: 1 })).map((r) => r[0])).toEqual([0, 1])
  })

  test('is refused when empty, without value, nested, or ending before its last message', () => {
    expect(refusal(() => read(wrap(type, bits, [], { magic: 1, offset: 5 })))).toMatch(/holds no message/)
    expect(refusal(() => read(message({ magic: 1, offset: 5, value: null, attributes: bits })))).toContain('has no value')
    const nested = wrap(type, bits, inner(1, [0]), { magic: 1, offset: 0 })
    expect(refusal(() => read(wrap(type, bits, [nested], { magic: 1, offset: 5 })))).toContain('compressed itself')
    expect(refusal(() => read(wrap(type, bits, inner(1, [9]), { magic: 1, offset: 5 })))).toContain('ends before its last inner offset 9')
    const foreign = message({ magic: 1, offset: 0, value: 'x' })
    foreign[16] = 2
    expect(refusal(() => read(wrap(type, bits, [foreign], { magic: 1, offset: 5 })))).toContain('magic 2')
  })

  test('whose inner checksum is wrong passes the reader and not the check', () => {
    const broken = inner(1, [0, 1])
    broken[1]![broken[1]!.length - 1] = 0x7a
    const bytes = wrap(type, bits, broken, { magic: 1, offset: 1 })
    expect(read(bytes)[1]![3]).toBe('vz')
    expect(refusal(() => validateBatch(bytes, 0, bytes.length))).toContain('at offset 1 that fails its checksum')
  })

  test('that holds nothing but a cut message holds no message', () => {
    const [first] = inner(1, [0]) as [Buffer]
    expect(refusal(() => read(wrap(type, bits, [first.subarray(0, first.length - 1)], { magic: 1, offset: 5 })))).toMatch(/holds no message/)
  })

  test('whose last message is cut short ends before it, as in Kafka', () => {
    const [first, second] = inner(0, [4, 5]) as [Buffer, Buffer]
    expect(read(wrap(type, bits, [first, second.subarray(0, 20)], { magic: 0, offset: 5 })).map((r) => r[0])).toEqual([4])
  })
})

test('a cursor that could not be put on a batch stands at an end, wherever it stood before', () => {
  const bytes = wrap('gzip', 1, [message({ magic: 1, offset: 0, value: 'a' }), message({ magic: 1, offset: 1, value: 'b' })], { magic: 1, offset: 1 })
  const cursor = new RecordCursor()
  cursor.reset(bytes, 0, bytes.length)
  expect(cursor.next()).toBe(true)
  expect(() => cursor.reset(bytes.subarray(0, 20), 0, 20)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
  expect(cursor.next()).toBe(false)
  cursor.reset(bytes, 0, bytes.length)
  expect([cursor.next(), cursor.next(), cursor.next()]).toEqual([true, true, false])
})

test('a length is believed as far as there are bytes for it, and no further', () => {
  const bytes = message({ magic: 0, offset: 1, key: 'abc', value: '' })
  const keyAt = 18
  expect(legacyLength(viewOf(bytes), 0, keyAt, keyAt + 7)).toBe(3)
  expect(refusal(() => legacyLength(viewOf(bytes), 0, keyAt, keyAt + 6))).toContain('says 3 bytes of key or value where 2 are left')
  expect(refusal(() => legacyLength(viewOf(bytes), 0, keyAt, keyAt + 3))).toContain('is cut short inside its fields')
})

test('an inner message is as long as it says, if that is long enough to be one', () => {
  const bytes = message({ magic: 0, offset: 1, key: null, value: null })
  expect(innerEntrySize(viewOf(bytes), 0, bytes.length)).toBe(26)
  bytes.writeInt32BE(13, 8)
  expect(refusal(() => innerEntrySize(viewOf(bytes), 0, bytes.length))).toContain('impossible length 13')
})

describe('damage', () => {
  test.each([
    ['zstd', 17, '04', 'codec 4'],
    ['a length too short for magic 1', 8, '00000015', 'too few for magic 1'],
    ['a key past the end', 26, '00000100', 'says 256 bytes'],
    ['an offset beyond 2^53−1', 0, '0020000000000000', 'offset outside'], ['a timestamp beyond 2^53−1', 18, '7fffffffffffffff', 'timestamp outside'],
  ])('%s is refused', (_, at, bytes, problem) => {
    const damaged = message({ magic: 1, offset: 7, key: 'k', value: 'v', timestamp: 1 })
    Buffer.from(bytes, 'hex').copy(damaged, at)
    expect(refusal(() => read(damaged))).toContain(problem)
  })

  test('anywhere is refused or read, never a crash', () => {
    const inner = [0, 1, 2].map((offset) => message({ magic: 1, offset, key: 'key', value: 'value', timestamp: 5 }))
    const plain = ([0, 1] as const).map((magic) => message({ magic, offset: 1, key: 'k', value: 'v' }))
    const whole = [...plain, ...codecBits.map(([type, bits]) => wrap(type, bits, inner, { magic: 1, offset: 9 }))]
    fc.assert(fc.property(fc.constantFrom(...whole), fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { minLength: 1, maxLength: 4 }), (bytes, edits) => {
      const damaged = Buffer.from(bytes)
      for (const [at, value] of edits) damaged[at % damaged.length] = value
      try {
        readBatch(damaged, 0, damaged.length, { maxDecompressedBytes: 100_000 })
      } catch (error) {
        expect(OttlaError.is(error, 'CORRUPT_MESSAGE'), String(error)).toBe(true)
      }
    }), { numRuns: 2000 })
  })
})
