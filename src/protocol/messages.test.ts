/**
 * Every message against bytes made by Apache Kafka's own classes, both directions, at every version known here. MESSAGE_VECTORS names a file of
 * more of them, as the oracle's gen-requests writes it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { apiList } from './api-registry.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { encodeBody, readMessage } from './message-codec.ts'
import { fieldsOf, versionsOf } from './plan.ts'
import type { Field, MessageSchema } from './schema.ts'
import { fromKafkaJson, toKafkaJson, type Json } from '../../test/support/kafka-json.ts'

interface Vector {
  readonly name: string; readonly version: number; readonly flexible: boolean; readonly hex: string; readonly json: Record<string, Json>
  readonly canonicalHex?: string; readonly unsafe?: true
}

const folder = join(import.meta.dirname, '../../fixtures/vectors')
const more = process.env['MESSAGE_VECTORS']
const texts = [
  ...['messages.jsonl.gz', 'messages-fields.jsonl.gz'].map((name) => gunzipSync(readFileSync(join(folder, name))).toString()),
  ...(more === undefined ? [] : [readFileSync(more, 'utf8')]),
]
const vectors = texts.flatMap((text) => text.trim().split('\n').map((line) => JSON.parse(line) as Vector))
const byName = new Map<string, Vector[]>()
for (const vector of vectors) {
  const list = byName.get(vector.name)
  if (list === undefined) byName.set(vector.name, [vector])
  else list.push(vector)
}

function vectorsOf(schema: MessageSchema): Vector[] {
  const { first, last } = versionsOf(schema)
  return (byName.get(schema.name) ?? []).filter((vector) => vector.version >= first && vector.version <= last)
}

const schemas = apiList.flatMap((api) => [api.request, api.response])

function hasExactInt64(fields: readonly Field[]): boolean { return fields.some((field) => field.type === 'int64' || hasExactInt64(field.fields)) }

/** The decimal texts of integers beyond ±(2^53−1), as numbers inside. */
function clamped(json: Json): unknown {
  return JSON.parse(JSON.stringify(json), (_, value: unknown) => (
    typeof value === 'string' && /^-?\d{16,19}$/.test(value) ? (value.startsWith('-') ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER) : value))
}

/** Something in it lies beyond ±(2^53−1). */
function checkUnsafe(schema: MessageSchema, vector: Vector, reader: ByteReader): void {
  if (hasExactInt64(fieldsOf(schema))) {
    expect(() => readMessage(schema, vector.version, reader)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
    return
  }
  const message = readMessage(schema, vector.version, reader)
  expect(reader.remaining).toBe(0)
  expect(toKafkaJson(schema, vector.version, message)).toEqual(clamped(vector.json))
}

function check(schema: MessageSchema, vector: Vector): void {
  const bytes = Buffer.from(vector.hex, 'hex')
  const reader = new ByteReader(bytes)
  if (vector.unsafe === true) return checkUnsafe(schema, vector, reader)
  const message = readMessage(schema, vector.version, reader)
  expect(reader.remaining).toBe(0)
  expect(toKafkaJson(schema, vector.version, message)).toEqual(vector.json)
  for (const value of [message, fromKafkaJson(schema, vector.json)]) {
    const writer = new ByteWriter()
    encodeBody(schema, vector.version, value, writer)
    expect(Buffer.from(writer.view()).toString('hex')).toBe(vector.canonicalHex ?? vector.hex)
  }
}

describe("Kafka's own bytes", () => {
  test.each(schemas.map((schema) => [schema.name, schema] as const))('%s is read and written as Kafka does, at every version', (_, schema) => {
    const all = vectorsOf(schema)
    const { first, last } = versionsOf(schema)
    expect(new Set(all.map((each) => each.version)).size).toBe(last - first + 1)
    for (const vector of all) {
      expect(vector.flexible).toBe(vector.version >= versionsOf(schema).flexibleSince)
      check(schema, vector)
    }
  })

  test('there are enough of them', () => {
    const all = schemas.flatMap(vectorsOf)
    expect(all.length).toBeGreaterThan(1600)
    expect(all.filter((each) => each.unsafe === true).length).toBeLessThan(all.length / 50)
  })

  test('every truncation is refused by an error of ours, or is a message by itself', () => {
    let refused = 0
    for (const schema of schemas) {
      for (const vector of vectorsOf(schema)) {
        const bytes = Buffer.from(vector.hex, 'hex')
        const step = Math.max(1, Math.floor(bytes.length / 60))
        for (let end = 0; end < bytes.length; end += step) {
          try {
            readMessage(schema, vector.version, new ByteReader(bytes, 0, end))
          } catch (error) {
            if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
            refused++
          }
        }
      }
    }
    expect(refused).toBeGreaterThan(50_000)
  }, 60_000)
})
