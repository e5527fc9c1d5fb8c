/** Random messages of a schema and version, for fast-check: only fields of that version, tagged ones sometimes left out. */
import * as fc from 'fast-check'
import { uuidFromBytes } from '../../src/common/uuid.ts'
import { fieldsOf } from '../../src/protocol/plan.ts'
import type { Field, FieldValue, MessageSchema, PlainMessage } from '../../src/protocol/schema.ts'

const SAFE = Number.MAX_SAFE_INTEGER
const bytes = fc.uint8Array({ maxLength: 40 })

const scalars: Readonly<Record<Exclude<Field['type'], 'struct'>, fc.Arbitrary<FieldValue>>> = {
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: fc.integer(),
  int64: fc.integer({ min: -SAFE, max: SAFE }),
  clamped64: fc.integer({ min: -SAFE, max: SAFE }),
  float64: fc.double({ noNaN: true }),
  boolean: fc.boolean(),
  string: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('', 'x'.repeat(127), 'y'.repeat(200))),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(uuidFromBytes),
  bytes,
  records: bytes,
}

export function messageArbitrary(schema: MessageSchema, version: number): fc.Arbitrary<PlainMessage> { return structArbitrary(fieldsOf(schema), version) }

function structArbitrary(fields: readonly Field[], version: number): fc.Arbitrary<PlainMessage> {
  const present = fields.filter((field) => version >= field.versions.first && version <= field.versions.last)
  const model = Object.fromEntries(present.map((field) => [field.name, fieldArbitrary(field, version)]))
  return fc.record(model, { requiredKeys: present.filter((field) => field.tag < 0).map((field) => field.name) })
}

function fieldArbitrary(field: Field, version: number): fc.Arbitrary<FieldValue> {
  const one = field.type === 'struct' ? structArbitrary(field.fields, version) : scalars[field.type]
  const value: fc.Arbitrary<FieldValue> = field.isArray ? fc.array(one, { maxLength: 4 }) : one
  const isNullable = field.nullable !== null && version >= field.nullable.first && version <= field.nullable.last
  return isNullable ? fc.option(value, { freq: 4 }) : value
}
