/**
 * What Kafka 4.1's generated readers say of bytes that do not fit a table: the words its tools print after "due to: ". Reads what they read in
 * their order, checks what they check and no more; so it must only be asked about bytes that `record-schema.ts` has refused. Values are not kept.
 */
import type { Field, FieldType, Schema } from './record-schema.ts'

class Unreadable extends Error {}

/** Kafka's complaint about `bytes` from `start` on, read as version `version` of `schema`; null: it has none. */
export function recordProblem(schema: Schema, version: number, bytes: Uint8Array, start: number): string | null {
  try {
    readStruct(schema.fields, { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: start, version, flexible: version >= schema.flexibleSince })
    return null
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return error.message
  }
}

interface Source { readonly view: DataView; at: number; readonly version: number; readonly flexible: boolean }

/** Steps over a fixed number of bytes; the complaint of a `ByteBuffer` that ends has no text. */
function take(source: Source, size: number): number {
  const start = source.at
  if (size > source.view.byteLength - start) throw new Unreadable('null')
  source.at += size
  return start
}

function takeArray(source: Source, size: number): void {
  const left = source.view.byteLength - source.at
  if (size > left) throw new Unreadable(`Error reading byte array of ${size} byte(s): only ${left} byte(s) available`)
  // Java's complaint about an array of a negative size is the size.
  if (size < 0) throw new Unreadable(String(size))
  source.at += size
}

/** As a Java int. */
function uvarint(source: Source): number {
  let value = 0
  for (let shift = 0; shift <= 28; shift += 7) {
    const byte = source.view.getUint8(take(source, 1))
    value |= (shift === 28 ? byte : byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
  throw new Unreadable(`Varint is too long, the most significant bit in the 5th byte is set, converted value: ${(value >>> 0).toString(16)}`)
}

function isIn(field: Field, version: number): boolean { return version >= (field.since ?? 0) && version <= (field.until ?? Infinity) }

function readStruct(fields: readonly Field[], source: Source): void {
  const present = fields.filter((field) => isIn(field, source.version))
  for (const field of present) if (field.tag === undefined) readValue(field.name, field.type, source, false)
  if (!source.flexible) return
  for (let left = uvarint(source); left > 0; left--) {
    const tag = uvarint(source)
    const size = uvarint(source)
    const field = present.find((each) => each.tag === tag)
    if (field === undefined) takeArray(source, size)
    else readValue(field.name, field.type, source, true)
  }
}

const fixedSizes: Partial<Record<string, number>> = { int8: 1, int16: 2, uint16: 2, int32: 4, int64: 8, uuid: 16 }

function readValue(name: string, type: FieldType, source: Source, isTagged: boolean): void {
  if (typeof type !== 'string') {
    if ('array' in type) return readArray(name, type.array, type.nullable === true, source)
    if (type.nullable === true && (isTagged ? uvarint(source) <= 0 : source.view.getInt8(take(source, 1)) < 0)) return
    return readStruct(type.struct, source)
  }
  const size = fixedSizes[type]
  if (size !== undefined) return void take(source, size)
  const isText = type === 'string' || type === 'string?'
  const length = lengthAt(source, isText ? 2 : 4)
  if (length < 0) {
    if (type === 'string' || type === 'bytes') throw isNull(name)
    return
  }
  if (isText && length > 0x7fff) throw new Unreadable(`string field ${name} had invalid length ${length}`)
  takeArray(source, length)
}

function isNull(name: string): Unreadable { return new Unreadable(`non-nullable field ${name} was serialized as null`) }

/** Below 0: null. */
function lengthAt(source: Source, size: 2 | 4): number {
  if (source.flexible) return (uvarint(source) - 1) | 0
  const at = take(source, size)
  return size === 2 ? source.view.getInt16(at) : source.view.getInt32(at)
}

function readArray(name: string, element: FieldType, isNullable: boolean, source: Source): void {
  const count = lengthAt(source, 4)
  if (count < 0) {
    if (isNullable) return
    throw isNull(name)
  }
  const left = source.view.byteLength - source.at
  if (count > left) throw new Unreadable(`Tried to allocate a collection of size ${count}, but there are only ${left} bytes remaining.`)
  for (let i = 0; i < count; i++) readValue(`${name} element`, element, source, false)
}
