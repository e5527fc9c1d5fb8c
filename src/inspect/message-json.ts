/**
 * Reads a Kafka message of a written-down schema and gives the JSON text that Kafka's own tools print for it: fields in schema order,
 * tagged fields only where they differ from their default, bytes as base64, 64-bit integers exact. For inspection only; what a codec of
 * Ottla's uses is typed by hand where it is used.
 *
 * A schema is one field a line, nested fields indented by two, in this notation:
 *   name type[]?  since[-until]  tag N  = default
 * Types: i8 i16 u16 i32 i64 f64 bool str bytes uuid {} (struct); "[]" array; "?" may be null.
 */
import { ByteReader } from '../protocol/byte-reader.ts'
import { jsonText } from './java-text.ts'

export interface Schema {
  readonly name: string
  readonly lowest: number
  readonly highest: number
  /** First flexible version; Infinity when none is. */
  readonly flexible: number
  readonly fields: readonly Field[]
}

interface Field {
  readonly name: string
  readonly type: string
  readonly isArray: boolean
  readonly isNullable: boolean
  readonly since: number
  readonly until: number
  /** −1: not tagged. */
  readonly tag: number
  /** JSON text that a tagged field is not printed with. */
  readonly omitted: string
  readonly fields: readonly Field[]
}

const linePattern = /^( *)(\w+) (\{\}|\w+)(\[\])?(\?)?(?: (\d+)(?:-(\d+))?)?(?: tag (\d+))?(?: = (\S+))?$/

/** `versions` as "0" or "0-3". */
export function schema(name: string, versions: string, flexible: number, text: string): Schema {
  const [lowest, highest] = versions.split('-').map(Number)
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const margin = lines.length === 0 ? 0 : lines[0]!.search(/\S/)
  let next = 0
  const block = (depth: number): Field[] => {
    const fields: Field[] = []
    while (next < lines.length) {
      const match = linePattern.exec(lines[next]!.slice(margin))
      if (match === null) throw new Error(`schema ${name}: cannot read "${lines[next]}"`)
      if (match[1]!.length < depth) break
      next++
      const nested = match[3] === '{}' ? block(depth + 2) : []
      fields.push(fieldOf(match, nested))
    }
    return fields
  }
  return { name, lowest: lowest!, highest: highest ?? lowest!, flexible, fields: block(0) }
}

function fieldOf(match: RegExpExecArray, nested: readonly Field[]): Field {
  const type = match[3]!
  const isArray = match[4] !== undefined
  const natural = isArray ? '[]' : type === 'str' || type === 'bytes' ? '""' : type === 'bool' ? 'false' : type === 'uuid' ? '"AAAAAAAAAAAAAAAAAAAAAA"' : '0'
  return {
    name: match[2]!, type, isArray, isNullable: match[5] !== undefined, since: Number(match[6] ?? 0), until: Number(match[7] ?? Infinity),
    tag: Number(match[8] ?? -1), omitted: match[9] ?? natural, fields: nested,
  }
}

/** What Kafka says of a message that cannot be read. */
export class UnreadableMessage extends Error {}

/** JSON text of the message at `reader`. Raises UnreadableMessage on a version out of range, CORRUPT_MESSAGE on impossible bytes. */
export function readMessageJson(s: Schema, version: number, reader: ByteReader): string {
  if (version < s.lowest || version > s.highest) throw new UnreadableMessage(`Can't read version ${version} of ${s.name}`)
  return structJson(s.fields, version, version >= s.flexible, reader)
}

function structJson(fields: readonly Field[], version: number, flexible: boolean, reader: ByteReader): string {
  const values = new Map<Field, string>()
  const present = fields.filter((field) => version >= field.since && version <= field.until)
  for (const field of present) if (field.tag === -1) values.set(field, valueJson(field, version, flexible, reader))
  if (flexible) readTags(present, version, reader, values)
  const parts: string[] = []
  for (const field of present) {
    const value = values.get(field)
    if (value !== undefined && (field.tag === -1 || value !== field.omitted)) parts.push(`"${field.name}":${value}`)
  }
  return `{${parts.join(',')}}`
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
  if (!field.isNullable) throw new UnreadableMessage(`non-nullable field ${field.name} was serialized as null`)
  return 'null'
}

/** A nullable struct is told by a byte below 0, or in a tagged field by a varint of 0. */
function scalarJson(field: Field, version: number, flexible: boolean, reader: ByteReader): string {
  if (field.type === '{}' && field.isNullable) {
    const isNull = field.tag === -1 ? reader.int8() < 0 : reader.uvarint() === 0
    if (isNull) return 'null'
  }
  return elementJson(field, version, flexible, reader)
}

function elementJson(field: Field, version: number, flexible: boolean, reader: ByteReader): string {
  switch (field.type) {
    case 'i8': return String(reader.int8())
    case 'i16': return String(reader.int16())
    case 'u16': return String(reader.uint16())
    case 'i32': return String(reader.int32())
    case 'i64': return String(reader.wideInt64())
    case 'f64': return javaDouble(reader.float64())
    case 'bool': return String(reader.boolean())
    case 'uuid': return `"${reader.uuid()}"`
    case 'str': {
      const text = flexible ? reader.compactNullableString() : reader.nullableString()
      return text === null ? nullJson(field) : jsonText(text)
    }
    case 'bytes': {
      const bytes = flexible ? reader.compactNullableBytes() : reader.nullableBytes()
      return bytes === null ? nullJson(field) : `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`
    }
    default: return structJson(field.fields, version, flexible, reader)
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
