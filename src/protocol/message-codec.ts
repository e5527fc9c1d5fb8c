/**
 * Messages from and to bytes, by their plans (`plan.ts`).
 *
 * Decoding is safe on any bytes: every count and length is held against the bytes left before anything is allocated, what a message may
 * take in memory is bounded by its size (16 bytes a byte and 1 MiB) and by `maxMemory`, nesting by the schemas, which are not recursive.
 * Unknown tagged fields are stepped over, and so is what is left of a known one; surplus bytes after the message are not looked at, for
 * librdkafka sends some (spec/wire-protocol 2.2). Every violation is CORRUPT_MESSAGE with the position.
 *
 * A nullable struct is preceded by one byte: −1 null, 1 present; in a tagged field 0 null, 1 present.
 */
import { OttlaError } from '../common/errors.ts'
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { KIND, planOf, type FieldPlan, type StructPlan } from './plan.ts'
import type { FieldValue, MessageInput, MessageOf, MessageSchema, PlainMessage } from './schema.ts'

/** What one decoded message may take in memory, whatever its size; views of its bytes do not count. */
export const MAX_DECODED_MEMORY: number = 16 * 1024 * 1024
const FREE_MEMORY = 1024 * 1024
const MEMORY_PER_BYTE = 16
const MAX_STRING = 32767
const EMPTY_BYTES = new Uint8Array(0)

/** About what V8 takes. */
const WEIGHT = { array: 48, slot: 8, string: 24, character: 2, bytes: 128, uuid: 40, tag: 16 }

type Mutable = Record<string, FieldValue | undefined>

/** Decodes `bytes[start, end)`. Raises CORRUPT_MESSAGE, UNSUPPORTED_VERSION. */
export function decodeBody<S extends MessageSchema>(
  schema: S, version: number, bytes: Uint8Array, start: number = 0, end: number = bytes.length, maxMemory: number = MAX_DECODED_MEMORY,
): MessageOf<S> {
  return readMessage(schema, version, new ByteReader(bytes, start, end), maxMemory)
}

/** As `decodeBody`; the reader then stands behind the message. */
export function readMessage<S extends MessageSchema>(schema: S, version: number, reader: ByteReader, maxMemory: number = MAX_DECODED_MEMORY): MessageOf<S> {
  const plan = planOf(schema, version)
  reader.budget = Math.min(maxMemory, FREE_MEMORY + MEMORY_PER_BYTE * reader.remaining)
  return readStruct(plan, reader) as MessageOf<S>
}

function readStruct(plan: StructPlan, reader: ByteReader): PlainMessage {
  reader.charge(plan.weight)
  const value: Mutable = { ...plan.template }
  const { fields, isFlexible } = plan
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!
    value[field.name] = readField(field, isFlexible, reader)
  }
  if (isFlexible) readTags(plan.tagged, value, reader)
  return value
}

function readTags(tagged: readonly FieldPlan[], value: Mutable, reader: ByteReader): void {
  for (let left = reader.tagCount(); left > 0; left--) {
    reader.charge(WEIGHT.tag)
    const tag = reader.nextTag()
    const end = reader.tagEnd
    for (let i = 0; i < tagged.length; i++) {
      const field = tagged[i]!
      if (field.tag === tag) value[field.name] = readField(field, true, reader)
    }
    reader.endTag(end)
  }
}

function readField(field: FieldPlan, isFlexible: boolean, reader: ByteReader): FieldValue {
  if (field.isArray) return readArray(field, isFlexible, reader)
  if (field.kind !== KIND.struct) return readScalar(field, isFlexible, reader)
  if (field.isNullable && (field.isTagged ? reader.uvarint() === 0 : reader.int8() < 0)) return null
  return readStruct(field.struct!, reader)
}

function readArray(field: FieldPlan, isFlexible: boolean, reader: ByteReader): FieldValue {
  const count = isFlexible ? reader.compactNullableArray(field.elementSize) : reader.nullableArray(field.elementSize)
  if (count < 0) return absent(field, reader)
  reader.charge(WEIGHT.array + WEIGHT.slot * count)
  // Of its size from the start: a list that grows takes room for 17 with its first element.
  const list = Array<FieldValue>(count)
  const { struct } = field
  if (struct !== null) for (let i = 0; i < count; i++) list[i] = readStruct(struct, reader)
  else for (let i = 0; i < count; i++) list[i] = readScalar(field, isFlexible, reader)
  return list
}

function absent(field: FieldPlan, reader: ByteReader): null {
  if (!field.isNullable) throw reader.corrupt(`null where ${field.name} must stand`)
  return null
}

function readScalar(field: FieldPlan, isFlexible: boolean, reader: ByteReader): FieldValue {
  switch (field.kind) {
    case KIND.int8: return reader.int8()
    case KIND.int16: return reader.int16()
    case KIND.uint16: return reader.uint16()
    case KIND.int32: return reader.int32()
    case KIND.int64: return reader.int64()
    case KIND.clamped64: return reader.clampedInt64()
    case KIND.float64: return reader.float64()
    case KIND.boolean: return reader.boolean()
    case KIND.uuid:
      reader.charge(WEIGHT.uuid)
      return reader.uuid()
    case KIND.string: {
      const length = isFlexible ? reader.uvarint() - 1 : reader.int16()
      if (length < 0) return absent(field, reader)
      if (length > MAX_STRING) throw reader.corrupt(`string of ${length} bytes, ${MAX_STRING} at most`)
      reader.charge(WEIGHT.string + WEIGHT.character * length)
      return reader.utf8(length)
    }
    default: {
      const length = isFlexible ? reader.uvarint() - 1 : reader.int32()
      if (length < 0) return absent(field, reader)
      if (length === 0) return EMPTY_BYTES
      reader.charge(WEIGHT.bytes)
      return reader.raw(length)
    }
  }
}

/** Appends the message to `writer`. Raises INVALID_REQUEST for a value that the version cannot carry, UNSUPPORTED_VERSION. */
export function encodeBody<S extends MessageSchema>(schema: S, version: number, value: MessageInput<S>, writer: ByteWriter): void {
  writeStruct(planOf(schema, version), value, writer)
}

function writeStruct(plan: StructPlan, value: PlainMessage, writer: ByteWriter): void {
  const { fields, isFlexible } = plan
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!
    const given = value[field.name]
    writeField(field, given === undefined ? field.defaultValue : given, isFlexible, writer)
  }
  if (isFlexible) writeTags(plan.tagged, value, writer)
}

function isDefault(field: FieldPlan, value: FieldValue | undefined): boolean {
  if (value === undefined || value === field.defaultValue) return true
  if (value === null || field.defaultValue === null) return false
  if (field.isArray) return (value as readonly FieldValue[]).length === 0
  if (field.kind === KIND.bytes || field.kind === KIND.records) return (value as Uint8Array).length === 0
  if (field.struct === null) return false
  const { fields, tagged } = field.struct
  const isDefaultIn = (each: FieldPlan): boolean => isDefault(each, (value as PlainMessage)[each.name])
  return fields.every(isDefaultIn) && tagged.every(isDefaultIn)
}

function writeTags(tagged: readonly FieldPlan[], value: PlainMessage, writer: ByteWriter): void {
  let count = 0
  for (let i = 0; i < tagged.length; i++) if (!isDefault(tagged[i]!, value[tagged[i]!.name])) count++
  writer.uvarint(count)
  if (count === 0) return
  for (let i = 0; i < tagged.length; i++) {
    const field = tagged[i]!
    const given = value[field.name]
    if (isDefault(field, given)) continue
    const mark = writer.beginTag(field.tag)
    writeField(field, given!, true, writer)
    writer.endTag(mark)
  }
}

function writeField(field: FieldPlan, value: FieldValue, isFlexible: boolean, writer: ByteWriter): void {
  if (value === null && !field.isNullable) throw new OttlaError('INVALID_REQUEST', `${field.name} is null, which this version cannot carry`)
  if (field.isArray) return writeArray(field, value as readonly FieldValue[] | null, isFlexible, writer)
  if (field.struct === null) return writeScalar(field.kind, value, isFlexible, writer)
  if (field.isNullable) {
    if (field.isTagged) writer.uvarint(value === null ? 0 : 1)
    else writer.int8(value === null ? -1 : 1)
  }
  if (value !== null) writeStruct(field.struct, value as PlainMessage, writer)
}

function writeArray(field: FieldPlan, list: readonly FieldValue[] | null, isFlexible: boolean, writer: ByteWriter): void {
  const count = list === null ? -1 : list.length
  if (isFlexible) writer.compactArray(count)
  else writer.array(count)
  if (list === null) return
  const { struct, kind } = field
  if (struct !== null) for (let i = 0; i < count; i++) writeStruct(struct, list[i] as PlainMessage, writer)
  else for (let i = 0; i < count; i++) writeScalar(kind, list[i]!, isFlexible, writer)
}

function writeScalar(kind: number, value: FieldValue, isFlexible: boolean, writer: ByteWriter): void {
  switch (kind) {
    case KIND.int8: return writer.int8(value as number)
    case KIND.int16:
    case KIND.uint16: return writer.int16(value as number)
    case KIND.int32: return writer.int32(value as number)
    case KIND.int64:
    case KIND.clamped64: return writer.int64(value as number)
    case KIND.float64: return writer.float64(value as number)
    case KIND.boolean: return writer.boolean(value as boolean)
    case KIND.uuid: return writer.uuid(value as string)
    case KIND.string: return isFlexible ? writer.compactNullableString(value as string | null) : writer.nullableString(value as string | null)
    case KIND.records: return writer.records(value as Uint8Array | null, isFlexible)
    default: return isFlexible ? writer.compactNullableBytes(value as Uint8Array | null) : writer.nullableBytes(value as Uint8Array | null)
  }
}
