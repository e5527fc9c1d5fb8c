/**
 * The serializers that come with Ottla: each turns values into bytes and back. Null keys and values never reach them.
 *
 * Invariant: what one `serialize` wrote its `deserialize` gives back. Formats are Kafka's own where Kafka has the type (string: UTF-8;
 * int32, int64: big-endian; float64: IEEE 754 big-endian), so that other clients can read them.
 *
 * A failure is a plain Error here; producer and consumer turn it into SERIALIZATION_ERROR with topic, partition and offset.
 */
import type { Packr, Unpackr } from 'msgpackr/pack'
import { OttlaError } from '../common/errors.ts'
import { readInt64, writeInt64 } from '../common/int64.ts'
import { packageProblem, packages } from '../common/packages.ts'
import { nearest } from '../config/suggestion.ts'
import type { Deserializer, Serde, Serializer, SerializerName } from './types.ts'

/** Both a serde of anything the format can hold and, called, one of a given type: `serializers.json<Truck>()`. */
export type GenericSerde = Serde<unknown> & (<T>() => Serde<T>)

export interface Serializers {
  /** UTF-8. */
  readonly string: Serde<string>
  readonly json: GenericSerde
  /** MessagePack without extensions for records: any MessagePack library reads it. */
  readonly msgpack: GenericSerde
  readonly bytes: Serde<Uint8Array>
  /** −2^31 … 2^31−1, 4 bytes. */
  readonly int32: Serde<number>
  /** Safe integers, 8 bytes. */
  readonly int64: Serde<number>
  readonly float64: Serde<number>
}

/** Serdes of text carry this pair too, which spares the producer and consumer a buffer per record. */
export const textOf: unique symbol = Symbol('ottla.textOf')
export const fromText: unique symbol = Symbol('ottla.fromText')
export interface TextSerde<T> extends Serde<T> { readonly [textOf]: (value: T) => string; readonly [fromText]: (text: string) => T }

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? `an object (${value.constructor?.name ?? 'no prototype'})` : `a ${typeof value}`
}

function textSerde<T>(toText: (value: T) => string, parse: (text: string) => T): TextSerde<T> {
  return {
    serialize: (value) => Buffer.from(toText(value), 'utf8'),
    deserialize: (bytes) => parse(asBuffer(bytes).toString('utf8')),
    [textOf]: toText,
    [fromText]: parse,
  }
}

function asBuffer(bytes: Uint8Array): Buffer { return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) }

const string: Serde<string> = textSerde((value: string) => {
  if (typeof value !== 'string') throw new TypeError(`the string serializer takes a string, not ${describe(value)}`)
  return value
}, (text) => text)

const jsonSerde: Serde<unknown> = textSerde((value: unknown) => {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`JSON cannot hold ${describe(value)}`)
  return text
}, (text) => JSON.parse(text) as unknown)

let msgpack: { readonly packr: Packr; readonly unpackr: Unpackr } | null = null

/** Loaded by the first value in MessagePack: a fifth of the start of a process that uses none. */
function loadMsgpack(): { readonly packr: Packr; readonly unpackr: Unpackr } {
  let library: { Packr: typeof Packr; Unpackr: typeof Unpackr }
  try {
    library = packages()('msgpackr/pack') as typeof library
  } catch (cause) {
    throw new OttlaError('DEPENDENCY_MISSING', packageProblem('msgpackr', cause), { cause })
  }
  // Without `useRecords: false` msgpackr writes its own record extension, which other MessagePack libraries cannot read.
  msgpack = { packr: new library.Packr({ useRecords: false, variableMapSize: true }), unpackr: new library.Unpackr({ useRecords: false, int64AsType: 'auto' }) }
  return msgpack
}

const msgpackSerde: Serde<unknown> = {
  serialize: (value) => (msgpack ?? loadMsgpack()).packr.pack(value),
  deserialize: (bytes) => (msgpack ?? loadMsgpack()).unpackr.unpack(bytes) as unknown,
}

const bytes: Serde<Uint8Array> = {
  serialize(value) {
    if (value instanceof Uint8Array) return value
    throw new TypeError(`the bytes serializer takes a Uint8Array, not ${describe(value)}`)
  },
  deserialize: (value) => value,
}

function numberSerde(name: string, size: number, fits: (value: number) => boolean, range: string,
  write: (view: DataView, value: number) => void, read: (view: DataView) => number): Serde<number> {
  return {
    serialize(value) {
      if (typeof value !== 'number') throw new TypeError(`the ${name} serializer takes a number, not ${describe(value)}`)
      if (!fits(value)) throw new RangeError(`${value} is not ${range}`)
      const result = Buffer.allocUnsafe(size)
      write(new DataView(result.buffer, result.byteOffset, size), value)
      return result
    },
    deserialize(value) {
      if (value.length !== size) throw new RangeError(`${name} is ${size} bytes, not ${value.length}`)
      const number = read(new DataView(value.buffer, value.byteOffset, size))
      if (Number.isNaN(number) && name === 'int64') throw new RangeError('an int64 outside ±(2^53−1), which JavaScript numbers cannot hold')
      return number
    },
  }
}

const int32 = numberSerde('int32', 4, (value) => (value | 0) === value, 'a whole number from −2147483648 to 2147483647',
  (view, value) => view.setInt32(0, value), (view) => view.getInt32(0))
const int64 = numberSerde('int64', 8, Number.isSafeInteger, 'a whole number within ±(2^53−1)',
  (view, value) => writeInt64(view, 0, value), (view) => readInt64(view, 0))
const float64 = numberSerde('float64', 8, () => true, '', (view, value) => view.setFloat64(0, value), (view) => view.getFloat64(0))

function generic(serde: Serde<unknown>): GenericSerde {
  return Object.freeze(Object.assign(<T>(): Serde<T> => serde as Serde<T>, serde))
}

export const serializers: Serializers = Object.freeze({
  string: Object.freeze(string), json: generic(jsonSerde), msgpack: generic(msgpackSerde), bytes: Object.freeze(bytes),
  int32: Object.freeze(int32), int64: Object.freeze(int64), float64: Object.freeze(float64),
})

/** Raises INVALID_CONFIG for a name that is none of ours. */
export function serializerNamed(name: SerializerName): Serde<unknown> {
  if (Object.hasOwn(serializers, name)) return serializers[name]
  const names = Object.keys(serializers)
  const guess = nearest(String(name), names)
  const hint = guess === null ? `use one of ${names.join(', ')}` : `did you mean ${JSON.stringify(guess)}?`
  throw new OttlaError('INVALID_CONFIG', `unknown serializer ${JSON.stringify(name)}: ${hint}`)
}

/** Settings take a serializer, a name, or nothing (bytes; strings as UTF-8), which is null here. Raises INVALID_CONFIG. */
export function resolveSerializer<T>(setting: string, given: Serializer<T> | SerializerName | undefined): Serializer<T> | null {
  if (given === undefined) return null
  if (typeof given === 'string') return serializerNamed(given)
  if (typeof given?.serialize === 'function') return given
  throw new OttlaError('INVALID_CONFIG', `${setting} takes a name or an object with serialize(value, context), not ${describe(given)}`)
}

export function resolveDeserializer<T>(setting: string, given: Deserializer<T> | SerializerName | undefined): Deserializer<T> | null {
  if (given === undefined) return null
  if (typeof given === 'string') return serializerNamed(given) as Deserializer<unknown> as Deserializer<T>
  if (typeof given?.deserialize === 'function') return given
  throw new OttlaError('INVALID_CONFIG', `${setting} takes a name or an object with deserialize(bytes, context), not ${describe(given)}`)
}
