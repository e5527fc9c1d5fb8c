/**
 * Reads a Kafka message of a written-down schema and gives the JSON text that Kafka's own tools print for it: fields in schema order,
 * tagged fields only where they differ from their default, bytes as base64, 64-bit integers exact. For inspection only; what a codec of
 * Ottla's uses is typed by hand where it is used.
 */
import type { ByteReader } from '../protocol/byte-reader.ts'
import { fieldsOf, versionsOf } from '../protocol/plan.ts'
import type { Field, MessageSchema } from '../protocol/schema.ts'
import { jsonText } from './java-text.ts'

/** What Kafka says of a message that cannot be read. */
export class UnreadableMessage extends Error {}

/** JSON text of the message at `reader`. Raises UnreadableMessage on a version out of range, CORRUPT_MESSAGE on impossible bytes. */
export function readMessageJson(schema: MessageSchema, version: number, reader: ByteReader): string {
  const { first, last, flexibleSince } = versionsOf(schema)
  if (version < first || version > last) throw new UnreadableMessage(`Can't read version ${version} of ${schema.name}`)
  return structJson(fieldsOf(schema), version, version >= flexibleSince, reader)
}

function structJson(fields: readonly Field[], version: number, flexible: boolean, reader: ByteReader): string {
  const values = new Map<Field, string>()
  const present = fields.filter((field) => version >= field.versions.first && version <= field.versions.last)
  for (const field of present) if (field.tag === -1) values.set(field, valueJson(field, version, flexible, reader))
  if (flexible) readTags(present, version, reader, values)
  const parts: string[] = []
  for (const field of present) {
    const value = values.get(field)
    if (value !== undefined && (field.tag === -1 || value !== omitted(field))) parts.push(`"${field.name}":${value}`)
  }
  return `{${parts.join(',')}}`
}

/** JSON text that a tagged field is not printed with. */
function omitted({ defaultValue }: Field): string {
  if (typeof defaultValue === 'string') return jsonText(defaultValue)
  return defaultValue instanceof Uint8Array ? '""' : Array.isArray(defaultValue) ? '[]' : String(defaultValue)
}

function readTags(fields: readonly Field[], version: number, reader: ByteReader, values: Map<Field, string>): void {
  for (let left = reader.tagCount(); left > 0; left--) {
    const tag = reader.nextTag()
    const end = reader.tagEnd
    const field = fields.find((candidate) => candidate.tag === tag)
    if (field !== undefined) values.set(field, valueJson(field, version, true, reader))
    reader.endTag(end)
  }
}

function valueJson(field: Field, version: number, flexible: boolean, reader: ByteReader): string {
  if (!field.isArray) return scalarJson(field, version, flexible, reader)
  const count = flexible ? reader.compactNullableArray() : reader.nullableArray()
  if (count < 0) return nullJson(field)
  const items: string[] = []
  for (let i = 0; i < count; i++) items.push(elementJson(field, version, flexible, reader))
  return `[${items.join(',')}]`
}

function nullJson(field: Field): string {
  if (field.nullable === null) throw new UnreadableMessage(`non-nullable field ${field.name} was serialized as null`)
  return 'null'
}

/** A nullable struct is told by a byte below 0, or in a tagged field by a varint of 0. */
function scalarJson(field: Field, version: number, flexible: boolean, reader: ByteReader): string {
  if (field.type === 'struct' && field.nullable !== null) {
    const isNull = field.tag === -1 ? reader.int8() < 0 : reader.uvarint() === 0
    if (isNull) return 'null'
  }
  return elementJson(field, version, flexible, reader)
}

function elementJson(field: Field, version: number, flexible: boolean, reader: ByteReader): string {
  switch (field.type) {
    case 'int8': return String(reader.int8())
    case 'int16': return String(reader.int16())
    case 'uint16': return String(reader.uint16())
    case 'int32': return String(reader.int32())
    case 'int64': case 'clamped64': return String(reader.wideInt64())
    case 'float64': return javaDouble(reader.float64())
    case 'boolean': return String(reader.boolean())
    case 'uuid': return `"${reader.uuid()}"`
    case 'string': {
      const text = flexible ? reader.compactNullableString() : reader.nullableString()
      return text === null ? nullJson(field) : jsonText(text)
    }
    case 'bytes':
    case 'records': {
      const bytes = flexible ? reader.compactNullableBytes() : reader.nullableBytes()
      return bytes === null ? nullJson(field) : `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`
    }
    case 'struct': return structJson(field.fields, version, flexible, reader)
  }
}

/** As `Double.toString`: always with a fraction, in scientific notation from 10^7 up and below 10^−3. */
function javaDouble(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return `"${Number.isNaN(value) ? 'NaN' : value < 0 ? '-Infinity' : 'Infinity'}"`
  if (size === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  if (size >= 1e-3 && size < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value)
  const [digits, exponent] = value.toExponential().split('e')
  return `${digits!.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}
