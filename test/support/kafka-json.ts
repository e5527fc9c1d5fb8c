/**
 * Messages as the JSON of Kafka's converters, from and to the plain objects of the codec: bytes as base64, fields of other versions and
 * tagged fields at their default left out. For tests; written without the codec's plans.
 */
import { fieldsOf } from '../../src/protocol/plan.ts'
import type { Field, FieldValue, MessageSchema, PlainMessage } from '../../src/protocol/schema.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

export function toKafkaJson(schema: MessageSchema, version: number, message: object): Json {
  return structToJson(fieldsOf(schema), version, message as PlainMessage)
}

function structToJson(fields: readonly Field[], version: number, struct: PlainMessage): Json {
  const json: Record<string, Json> = {}
  for (const field of fields) {
    if (version < field.versions.first || version > field.versions.last) continue
    const given = struct[field.name]
    const value = valueToJson(field, version, given === undefined ? field.defaultValue : given)
    if (field.tag >= 0 && JSON.stringify(value) === JSON.stringify(valueToJson(field, version, field.defaultValue))) continue
    json[field.name] = value
  }
  return json
}

function valueToJson(field: Field, version: number, value: FieldValue): Json {
  if (value === null) return null
  if (Array.isArray(value)) return value.map((each: FieldValue) => valueToJson(field, version, each))
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  return typeof value === 'object' ? structToJson(field.fields, version, value as PlainMessage) : value
}

export function fromKafkaJson(schema: MessageSchema, json: Json): PlainMessage {
  return structFromJson(fieldsOf(schema), json as Record<string, Json>)
}

function structFromJson(fields: readonly Field[], json: Readonly<Record<string, Json>>): PlainMessage {
  const struct: Record<string, FieldValue> = {}
  for (const field of fields) {
    const value = json[field.name]
    if (value !== undefined) struct[field.name] = valueFromJson(field, value)
  }
  return struct
}

function valueFromJson(field: Field, json: Json): FieldValue {
  if (json === null) return null
  if (Array.isArray(json)) return json.map((each: Json) => valueFromJson(field, each))
  if (field.type === 'struct') return structFromJson(field.fields, json as Record<string, Json>)
  if (field.type === 'bytes' || field.type === 'records') return new Uint8Array(Buffer.from(json as string, 'base64'))
  return json
}
