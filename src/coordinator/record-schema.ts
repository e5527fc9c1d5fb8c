/**
 * Interpreter over small tables that describe Kafka's coordinator records: reads, writes and prints them (spec/storage-format 11.1).
 *
 * A decoded record is a plain object whose fields have Kafka's names in Kafka's order, as Kafka's own JSON converters give them: fields
 * that the version lacks and tagged fields at their default are absent. Byte arrays are `Uint8Array`, uuids 22-character text, 64-bit
 * integers numbers or, beyond ±(2^53−1), decimal text. Unknown tagged fields are stepped over. The tables are in `record-tables.ts`.
 */
import type { ByteReader } from '../protocol/byte-reader.ts'
import type { ByteWriter } from '../protocol/byte-writer.ts'

export type Scalar = 'int8' | 'int16' | 'uint16' | 'int32' | 'int64' | 'string' | 'string?' | 'bytes' | 'bytes?' | 'uuid'
export type FieldType =
  | Scalar
  | { readonly array: FieldType; readonly nullable?: true }
  /** A nullable struct is preceded by one byte: −1 null, 1 present; in a tagged field 0 null, 1 present. */
  | StructType

export interface Field {
  readonly name: string
  readonly type: FieldType
  /** First and last version that have the field. */
  readonly since?: number
  readonly until?: number
  /** Tagged field of flexible versions, with the default at which it is left out. */
  readonly tag?: number
  readonly byDefault?: Value
}

export interface Schema {
  readonly name: string
  readonly fields: readonly Field[]
  /** Highest version, and the first flexible one; versions start at 0. */
  readonly latest: number
  readonly flexibleSince: number
}

export type Value = string | number | null | Uint8Array | readonly Value[] | PlainRecord
export interface PlainRecord { readonly [field: string]: Value | undefined }

interface Version { readonly number: number; readonly flexible: boolean }

function isIn(field: Field, version: Version): boolean {
  return version.number >= (field.since ?? 0) && version.number <= (field.until ?? Infinity)
}

export function readFields(schema: Schema, version: number, reader: ByteReader): PlainRecord {
  return readStruct(schema.fields, { number: version, flexible: version >= schema.flexibleSince }, reader)
}

function readStruct(fields: readonly Field[], version: Version, reader: ByteReader): PlainRecord {
  const values: Record<string, Value> = {}
  let tagged = false
  for (const field of fields) {
    if (!isIn(field, version)) continue
    if (field.tag === undefined) values[field.name] = readValue(field.type, version, reader)
    else tagged = true
  }
  if (!version.flexible) return values
  if (!tagged) {
    reader.skipTags()
    return values
  }
  const tags = readTags(fields, version, reader)
  if (tags.size === 0) return values
  const ordered: Record<string, Value> = {}
  for (const { name } of fields) {
    const value = tags.get(name) ?? values[name]
    if (value !== undefined) ordered[name] = value
    else if (tags.has(name)) ordered[name] = null
  }
  return ordered
}

function readTags(fields: readonly Field[], version: Version, reader: ByteReader): Map<string, Value> {
  const found = new Map<string, Value>()
  for (let left = reader.tagCount(); left > 0; left--) {
    const tag = reader.uvarint()
    const size = reader.uvarint()
    const field = fields.find((each) => each.tag === tag && isIn(each, version))
    if (field === undefined) {
      reader.skip(size)
      continue
    }
    // As Kafka reads it: the size of a field that is known is not looked at.
    const value = isNullableStruct(field.type) && reader.uvarint() === 0 ? null : readValue(presentType(field.type), version, reader)
    if (value !== field.byDefault) found.set(field.name, value)
  }
  return found
}

interface StructType { readonly struct: readonly Field[]; readonly nullable?: true }

function isNullableStruct(type: FieldType): type is StructType { return typeof type !== 'string' && 'struct' in type && type.nullable === true }

/** The type without its byte of presence. */
function presentType(type: FieldType): FieldType { return isNullableStruct(type) ? { struct: type.struct } : type }

function readValue(type: FieldType, version: Version, reader: ByteReader): Value {
  if (typeof type !== 'string') return 'array' in type ? readArray(type, version, reader) : readNested(type, version, reader)
  switch (type) {
    case 'int8': return reader.int8()
    case 'int16': return reader.int16()
    case 'uint16': return reader.uint16()
    case 'int32': return reader.int32()
    case 'int64': return reader.wideInt64()
    case 'string': return version.flexible ? reader.compactString() : reader.string()
    case 'string?': return version.flexible ? reader.compactNullableString() : reader.nullableString()
    case 'bytes': return version.flexible ? reader.compactBytes() : reader.bytes()
    case 'bytes?': return version.flexible ? reader.compactNullableBytes() : reader.nullableBytes()
    case 'uuid': return reader.uuid()
  }
}

function readArray(type: { readonly array: FieldType; readonly nullable?: true }, version: Version, reader: ByteReader): Value {
  const count = version.flexible ? reader.compactNullableArray() : reader.nullableArray()
  if (count < 0) {
    if (type.nullable === true) return null
    throw reader.corrupt('null where an array must stand')
  }
  const list: Value[] = []
  for (let i = 0; i < count; i++) list.push(readValue(type.array, version, reader))
  return list
}

function readNested(type: StructType, version: Version, reader: ByteReader): Value {
  if (type.nullable === true && reader.int8() < 0) return null
  return readStruct(type.struct, version, reader)
}

export function writeFields(schema: Schema, version: number, record: PlainRecord, writer: ByteWriter): void {
  writeStruct(schema.fields, { number: version, flexible: version >= schema.flexibleSince }, record, writer)
}

function writeStruct(fields: readonly Field[], version: Version, record: PlainRecord, writer: ByteWriter): void {
  const tagged: Field[] = []
  for (const field of fields) {
    if (!isIn(field, version)) continue
    if (field.tag === undefined) writeValue(field.type, version, record[field.name] ?? null, writer)
    else if (record[field.name] !== undefined && record[field.name] !== field.byDefault) tagged.push(field)
  }
  if (!version.flexible) return
  writer.uvarint(tagged.length)
  for (const field of tagged.sort((a, b) => a.tag! - b.tag!)) {
    const mark = writer.beginTag(field.tag!)
    const value = record[field.name]!
    if (isNullableStruct(field.type)) writer.uvarint(value === null ? 0 : 1)
    if (value !== null) writeValue(presentType(field.type), version, value, writer)
    writer.endTag(mark)
  }
}

function writeValue(type: FieldType, version: Version, value: Value, writer: ByteWriter): void {
  if (typeof type !== 'string') {
    if ('array' in type) writeArray(type.array, version, value as readonly Value[] | null, writer)
    else {
      if (type.nullable === true) writer.int8(value === null ? -1 : 1)
      if (value !== null) writeStruct(type.struct, version, value as PlainRecord, writer)
    }
    return
  }
  switch (type) {
    case 'int8': return writer.int8(value as number)
    case 'int16': return writer.int16(value as number)
    case 'uint16': return writer.uint16(value as number)
    case 'int32': return writer.int32(value as number)
    case 'int64': return writer.wideInt64(value as number | string)
    case 'uuid': return writer.uuid(value as string)
    case 'string':
    case 'string?': return version.flexible ? writer.compactNullableString(value as string | null) : writer.nullableString(value as string | null)
    case 'bytes':
    case 'bytes?': return version.flexible ? writer.compactNullableBytes(value as Uint8Array | null) : writer.nullableBytes(value as Uint8Array | null)
  }
}

function writeArray(element: FieldType, version: Version, list: readonly Value[] | null, writer: ByteWriter): void {
  const count = list === null ? -1 : list.length
  if (version.flexible) writer.compactArray(count)
  else writer.array(count)
  for (const value of list ?? []) writeValue(element, version, value, writer)
}
