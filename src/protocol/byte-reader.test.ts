import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function corruptAt(bytes: Uint8Array, read: (reader: ByteReader) => unknown): number {
  try {
    read(new ByteReader(bytes))
  } catch (error) {
    expect(OttlaError.is(error, 'CORRUPT_MESSAGE')).toBe(true)
    return (error as OttlaError).position!
  }
  throw new Error('expected a CORRUPT_MESSAGE error')
}

type Read = (reader: ByteReader) => unknown
type Write = (writer: ByteWriter, value: never) => void
/** name, bytes, value, how it is read and written */
const known: [string, string, unknown, Read, Write][] = [
  ['int8', '80', -128, (r) => r.int8(), (w, v) => w.int8(v)],
  ['int16', 'fffe', -2, (r) => r.int16(), (w, v) => w.int16(v)],
  ['uint16', 'fffe', 65534, (r) => r.uint16(), (w, v) => w.uint16(v)],
  ['int32', '80000000', -2147483648, (r) => r.int32(), (w, v) => w.int32(v)],
  ['uint32', 'fffffffe', 4294967294, (r) => r.uint32(), (w, v) => w.uint32(v)],
  ['int64', '001fffffffffffff', Number.MAX_SAFE_INTEGER, (r) => r.int64(), (w, v) => w.int64(v)],
  ['negative int64', 'ffffffffffffffff', -1, (r) => r.int64(), (w, v) => w.int64(v)],
  ['wide int64', '7fffffffffffffff', '9223372036854775807', (r) => r.wideInt64(), (w, v) => w.wideInt64(v)],
  ['wide int64 that fits', '0000000000000007', 7, (r) => r.wideInt64(), (w, v) => w.wideInt64(v)],
  ['clamped int64', '001ffffffffffffe', Number.MAX_SAFE_INTEGER - 1, (r) => r.clampedInt64(), (w, v) => w.int64(v)],
  ['float64', '400921fb54442d18', Math.PI, (r) => r.float64(), (w, v) => w.float64(v)],
  ['boolean', '01', true, (r) => r.boolean(), (w, v) => w.boolean(v)],
  ['uvarint', 'ac02', 300, (r) => r.uvarint(), (w, v) => w.uvarint(v)],
  ['largest uvarint', 'ffffffff0f', 4294967295, (r) => r.uvarint(), (w, v) => w.uvarint(v)],
  ['varint', '8fffffff0f', -2147483592, (r) => r.varint(), (w, v) => w.varint(v)],
  ['uuid', 'c5d0bd2cc6414e639d9b8d3b2b1ed2f5', 'xdC9LMZBTmOdm407Kx7S9Q', (r) => r.uuid(), (w, v) => w.uuid(v)],
  ['string', '0003 61c3a9', 'aé', (r) => r.string(), (w, v) => w.string(v)],
  ['null string', 'ffff', null, (r) => r.nullableString(), (w, v) => w.nullableString(v)],
  ['compact string', '02 61', 'a', (r) => r.compactString(), (w, v) => w.compactString(v)],
  ['empty compact string', '01', '', (r) => r.compactNullableString(), (w, v) => w.compactNullableString(v)],
  ['null compact string', '00', null, (r) => r.compactNullableString(), (w, v) => w.compactNullableString(v)],
  ['bytes', '00000002 0102', hex('0102'), (r) => r.bytes(), (w, v) => w.bytes(v)],
  ['null bytes', 'ffffffff', null, (r) => r.nullableBytes(), (w, v) => w.nullableBytes(v)],
  ['compact bytes', '03 0102', hex('0102'), (r) => r.compactBytes(), (w, v) => w.compactBytes(v)],
  ['null compact bytes', '00', null, (r) => r.compactNullableBytes(), (w, v) => w.compactNullableBytes(v)],
]

describe('ByteReader and ByteWriter', () => {
  test.each(known)('%s has the bytes that Kafka gives it', (_name, bytes, value, read, write) => {
    const input = hex(bytes)
    const reader = new ByteReader(input)
    expect(read(reader)).toEqual(value)
    expect(reader.remaining).toBe(0)
    const writer = new ByteWriter()
    write(writer, value as never)
    expect(toHex(writer.copy())).toBe(toHex(input))
  })

  test('every cut of a value is a CORRUPT_MESSAGE error and never a read past the end', () => {
    for (const [, bytes, , read] of known) {
      const whole = hex(bytes)
      const surrounded = new Uint8Array([...whole, ...whole])
      for (let cut = 0; cut < whole.length; cut++) expect(() => read(new ByteReader(surrounded, 0, cut)), bytes).toThrow(/byte \d+ of \d+/)
    }
  })

  test('what is written grows the buffer from any size and comes back', () => {
    const field = fc.oneof(
      fc.record({ kind: fc.constant('string'), value: fc.string({ unit: 'grapheme', maxLength: 300 }) }),
      fc.record({ kind: fc.constant('bytes'), value: fc.uint8Array({ maxLength: 300 }) }),
      fc.record({ kind: fc.constant('uvarint'), value: fc.integer({ min: 0, max: 0xffffffff }) }),
      fc.record({ kind: fc.constant('varint'), value: fc.integer() }),
      fc.record({ kind: fc.constant('int64'), value: fc.maxSafeInteger() }),
    )
    fc.assert(fc.property(fc.array(field, { maxLength: 40 }), fc.integer({ min: 0, max: 64 }), (fields, capacity) => {
      const writer = new ByteWriter(capacity)
      for (const { kind, value } of fields) {
        if (kind === 'string') { writer.compactString(value); writer.string(value) }
        if (kind === 'bytes') writer.compactNullableBytes(value)
        if (kind === 'uvarint') writer.uvarint(value)
        if (kind === 'varint') writer.varint(value)
        if (kind === 'int64') writer.int64(value)
      }
      const reader = new ByteReader(writer.view())
      for (const { kind, value } of fields) {
        if (kind === 'string') { expect(reader.compactString()).toBe(value); expect(reader.string()).toBe(value) }
        if (kind === 'bytes') expect(reader.compactNullableBytes()).toEqual(value)
        if (kind === 'uvarint') expect(reader.uvarint()).toBe(value)
        if (kind === 'varint') expect(reader.varint()).toBe(value)
        if (kind === 'int64') expect(reader.int64()).toBe(value)
      }
      expect(reader.remaining).toBe(0)
    }))
  })

  test('tagged fields of any size come back, unknown ones are stepped over', () => {
    for (const size of [0, 1, 127, 128, 129, 16383, 16384, 40000]) {
      const writer = new ByteWriter(8)
      writer.uvarint(2)
      const first = writer.beginTag(1)
      writer.raw(new Uint8Array(size).fill(7))
      writer.endTag(first)
      const second = writer.beginTag(300)
      writer.int32(42)
      writer.endTag(second)
      writer.int8(-3)
      const reader = new ByteReader(writer.view())
      expect(reader.tagCount()).toBe(2)
      expect(reader.nextTag()).toBe(1)
      expect(reader.tagEnd - reader.position).toBe(size)
      reader.endTag()
      expect(reader.nextTag()).toBe(300)
      expect(reader.int32()).toBe(42)
      reader.endTag()
      expect(reader.int8()).toBe(-3)
      const skipping = new ByteReader(writer.view())
      skipping.skipTags()
      expect(skipping.int8()).toBe(-3)
    }
  })

  test('a reserved length is patched in afterwards', () => {
    const writer = new ByteWriter(4)
    const at = writer.reserveInt32()
    writer.string('frame')
    writer.patchInt32(at, writer.position - 4)
    expect(toHex(writer.copy())).toBe('0000000700056672616d65')
    writer.reset()
    writer.noTags()
    expect(toHex(writer.copy())).toBe('00')
  })

  test('counts and lengths beyond the bytes present are refused before anything is allocated', () => {
    expect(corruptAt(hex('7fffffff'), (r) => r.array())).toBe(4)
    expect(corruptAt(hex('00000002 00000000 000000'), (r) => r.array(4))).toBe(4)
    expect(corruptAt(hex('ffffffff0f'), (r) => r.compactArray())).toBe(5)
    expect(corruptAt(hex('ffffffff0f'), (r) => r.compactBytes())).toBe(5)
    expect(corruptAt(hex('7fff 61'), (r) => r.string())).toBe(2)
    expect(corruptAt(hex('ffffffff07'), (r) => r.tagCount())).toBe(5)
    expect(corruptAt(hex('01 00 05 00'), (r) => r.skipTags())).toBe(3)
  })

  test('null where nothing may be null, over-long varints and unsafe integers are refused', () => {
    expect(() => new ByteReader(hex('ffff')).string()).toThrow(/null/)
    expect(() => new ByteReader(hex('00')).compactString()).toThrow(/null/)
    expect(() => new ByteReader(hex('ffffffff')).bytes()).toThrow(/null/)
    expect(() => new ByteReader(hex('00')).compactBytes()).toThrow(/null/)
    expect(() => new ByteReader(hex('ffffffff')).array()).toThrow(/null/)
    expect(() => new ByteReader(hex('00')).compactArray()).toThrow(/null/)
    expect(new ByteReader(hex('ffffffff')).nullableArray()).toBe(-1)
    expect(new ByteReader(hex('00')).compactNullableArray()).toBe(-1)
    expect(() => new ByteReader(hex('808080808000')).uvarint()).toThrow(/5 bytes/)
    expect(corruptAt(hex('0020000000000000'), (r) => r.int64())).toBe(0)
  })

  test('a tagged field that claims less than its reader took is refused', () => {
    const reader = new ByteReader(hex('01 00 01 00000000'))
    reader.tagCount()
    reader.nextTag()
    reader.int32()
    expect(() => reader.endTag()).toThrow(/longer/)
  })

  test('values without an encoding are refused by the writer', () => {
    expect(() => new ByteWriter().string('x'.repeat(32768))).toThrow(/32767/)
    expect(() => new ByteWriter().uuid('short')).toThrow(/uuid/)
    expect(() => new ByteWriter().wideInt64('1e3')).toThrow(/64-bit/)
  })
})
