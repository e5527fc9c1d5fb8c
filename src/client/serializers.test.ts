import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { fromText, resolveDeserializer, resolveSerializer, serializerNamed, serializers, textOf, type TextSerde } from './serializers.ts'
import type { SerializerName } from './types.ts'

const context = { topic: 't', headers: [] }
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const roundTrip = <T>(name: SerializerName, value: T): unknown => {
  const serde = serializerNamed(name)
  return serde.deserialize(serde.serialize(value, context), context)
}

describe('bytes on the wire', () => {
  test.each([
    ['string', 'é😀', 'c3a9f09f9880'],
    ['string', '', ''],
    ['json', { a: [1, null] }, Buffer.from('{"a":[1,null]}').toString('hex')],
    ['int32', -2, 'fffffffe'],
    ['int32', 2147483647, '7fffffff'],
    ['int64', -1, 'ffffffffffffffff'],
    ['int64', 2 ** 53 - 1, '001fffffffffffff'],
    ['float64', 1.5, '3ff8000000000000'],
    ['msgpack', { a: 1 }, '81a16101'],
    ['msgpack', [{ a: 1 }, { a: 2 }], '9281a1610181a16102'],
  ] as [SerializerName, unknown, string][])('%s of %j', (name, value, expected) => {
    expect(hex(serializerNamed(name).serialize(value, context))).toBe(expected)
  })
})

describe('both ways', () => {
  test('every string of whole characters', () => { fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => roundTrip('string', s) === s)) })
  test('every JSON value', () => { fc.assert(fc.property(fc.jsonValue(), (v) => { expect(roundTrip('json', v)).toEqual(JSON.parse(JSON.stringify(v))) })) })
  test('every JSON value as MessagePack', () => {
    // msgpackr renames the key "__proto__", which would reach into prototypes.
    const value = fc.jsonValue().filter((v) => !JSON.stringify(v).includes('__proto__'))
    fc.assert(fc.property(value, (v) => { expect(roundTrip('msgpack', v)).toEqual(JSON.parse(JSON.stringify(v))) }))
  })
  test('every int32, safe integer and double', () => {
    fc.assert(fc.property(fc.integer(), (v) => roundTrip('int32', v) === v))
    fc.assert(fc.property(fc.maxSafeInteger(), (v) => roundTrip('int64', v) === v))
    fc.assert(fc.property(fc.double(), (v) => Object.is(roundTrip('float64', v), v)))
  })
  test('MessagePack keeps dates and byte arrays', () => {
    const value = { at: new Date(1_700_000_000_123), raw: Buffer.from([1, 2, 3]) }
    expect(roundTrip('msgpack', value)).toEqual(value)
  })
  test('the text short cut equals the bytes', () => {
    const json = serializers.json as unknown as TextSerde<unknown>
    const value = { lat: 1.5, name: 'ü' }
    expect(Buffer.from(json[textOf](value))).toEqual(Buffer.from(json.serialize(value, context)))
    expect(json[fromText](json[textOf](value))).toEqual(value)
  })
})

describe('values that do not fit', () => {
  test.each([
    ['string', 5, /takes a string, not a number/],
    ['string', Buffer.from('a'), /not an object \(Buffer\)/],
    ['bytes', 'text', /takes a Uint8Array, not a string/],
    ['json', undefined, /JSON cannot hold a undefined/],
    ['json', () => 1, /JSON cannot hold a function/],
    ['int32', 2 ** 31, /is not a whole number/],
    ['int32', 1.5, /is not a whole number/],
    ['int32', '5', /takes a number, not a string/],
    ['int64', 2 ** 53, /within/],
  ] as [SerializerName, unknown, RegExp][])('%s of %o', (name, value, message) => {
    expect(() => serializerNamed(name).serialize(value, context)).toThrow(message)
  })
  test.each([
    ['int32', '00', /4 bytes, not 1/],
    ['int64', '7fffffffffffffff', /outside/],
    ['float64', '', /8 bytes, not 0/],
    ['json', '7b', /JSON/],
  ] as [SerializerName, string, RegExp][])('%s from %s', (name, bytes, message) => {
    expect(() => serializerNamed(name).deserialize(Buffer.from(bytes, 'hex'), context)).toThrow(message)
  })
  test('reads a number from a view that starts at an odd byte', () => {
    const buffer = Buffer.from('00000000090000', 'hex')
    expect(serializers.int32.deserialize(buffer.subarray(1, 5), context)).toBe(9)
  })
})

describe('settings', () => {
  test('take a name, an object or nothing', () => {
    expect(resolveSerializer('value.serializer', 'json')).toBe(serializers.json)
    expect(resolveSerializer('value.serializer', serializers.int32)).toBe(serializers.int32)
    expect(resolveSerializer('value.serializer', undefined)).toBeNull()
    expect(resolveDeserializer('value.deserializer', serializers.json<{ a: number }>())).toHaveProperty('deserialize')
  })
  test('refuse anything else, with the right spelling', () => {
    expect(() => serializerNamed('jsom' as SerializerName)).toThrow(/did you mean "json"/)
    expect(() => serializerNamed('avro' as SerializerName)).toThrow(/use one of string, json/)
    expect(() => resolveSerializer('key.serializer', JSON as never)).toThrow(OttlaError)
    expect(() => resolveDeserializer('key.deserializer', null as never)).toThrow(/key.deserializer takes a name/)
  })
})
