/**
 * Checks what users give to `send` and puts it into the form the accumulator takes: bytes or strings, a header list, a timestamp. All
 * that is wrong raises INVALID_ARGUMENT, with the field, what it is and what would be right.
 */
import { isAnyArrayBuffer, isDate, isUint8Array } from 'node:util/types'
import { OttlaError } from '../common/errors.ts'
import { handleRejection } from '../common/guarded-call.ts'
import type { Header, HeadersInput, Serializer } from './types.ts'
import { textOf, type TextSerde } from './serializers.ts'

/** What a batch takes as key, value or value of a header. */
export type Payload = Uint8Array | string | null

/** As a user gave it: a string becomes bytes only where the batch is written, or for a serializer, which is promised bytes. */
export interface PayloadHeader { key: string; value: Payload }

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return value.constructor?.name === 'Object' ? 'an object' : `a ${value.constructor?.name ?? 'null-prototype object'}`
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
}

/** Also for arrays of another realm (a vm context, as test runners use), which `instanceof` does not know. */
function isBytes(value: unknown): value is Uint8Array { return value instanceof Uint8Array || isUint8Array(value) }

export function invalid(message: string, topic?: string): OttlaError { return new OttlaError('INVALID_ARGUMENT', message, { topic }) }

/** A view whose buffer was transferred away looks empty, and would be stored so. */
function attached(field: string, bytes: Uint8Array, topic: string): Uint8Array {
  if (bytes.length > 0 || bytes.buffer.byteLength > 0) return bytes
  try {
    return new Uint8Array(bytes.buffer)
  } catch {
    throw invalid(`the buffer of the ${field} was transferred away: copy the bytes before that`, topic)
  }
}

/** Also what who knows another client's `send({ topic, messages })` is told. */
function noValue(field: 'key' | 'value', topic: string): OttlaError {
  return invalid(`${field} is undefined: give null to send a tombstone; a record is { topic, value }, and a list of records goes to sendBatch`, topic)
}

/** A key or value that no serializer has seen. */
export function plainPayload(field: 'key' | 'value', value: unknown, topic: string): Payload {
  return typeof value === 'string' || (value instanceof Uint8Array && value.length > 0) ? value : unusualPayload(field, value, topic)
}

function unusualPayload(field: 'key' | 'value', value: unknown, topic: string): Payload {
  if (value === null) return value
  if (isBytes(value)) return attached(field, value, topic)
  if (value === undefined) throw noValue('value', topic)
  if (isAnyArrayBuffer(value)) return new Uint8Array(value)
  throw invalid(`${field} is ${describe(value)}: give bytes or a string, or set '${field}.serializer' (for example to 'json')`, topic)
}

/** A key or value as its serializer gives it. Raises SERIALIZATION_ERROR. */
export function serializePayload<T>(field: 'key' | 'value', serializer: Serializer<T>, value: T | null | undefined, topic: string, headers: PayloadHeader[] | null): Payload {
  if (value === null) return null
  if (value === undefined) throw noValue(field, topic)
  let payload: unknown
  try {
    payload = textOf in serializer ? (serializer as TextSerde<T>)[textOf](value) : serializer.serialize(value, { topic, headers: headers === null ? [] : inBytes(headers) })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new OttlaError('SERIALIZATION_ERROR', `the ${field} of a record for topic ${topic} could not be serialized: ${reason}`, { topic, cause: error })
  }
  if (typeof payload === 'string' || isBytes(payload)) return payload
  handleRejection(payload)
  throw new OttlaError('SERIALIZATION_ERROR', `the ${field} serializer gave ${describe(payload)}, not a Uint8Array`, { topic })
}

/** In place: what the key's serializer does to the list, the value's sees. */
function inBytes(headers: PayloadHeader[]): Header[] {
  for (const header of headers) if (typeof header.value === 'string') header.value = Buffer.from(header.value, 'utf8')
  return headers as Header[]
}

function headerValue(key: string, value: unknown, topic: string): Payload {
  if (typeof value === 'string' || value === null) return value
  if (isBytes(value)) return attached('header', value, topic)
  throw invalid(`header ${JSON.stringify(key)} is ${describe(value)}: give bytes, a string or null`, topic)
}

function headerKey(key: unknown, topic: string): string {
  if (typeof key !== 'string') throw invalid(`a header key is ${describe(key)}: give a string`, topic)
  return key
}

/** Null when there are none. */
export function headerList(input: HeadersInput | null | undefined, topic: string): PayloadHeader[] | null {
  if (input === undefined || input === null) return null
  if (typeof input !== 'object') throw invalid(`headers are ${describe(input)}: give a list of { key, value } or an object`, topic)
  const list: PayloadHeader[] = []
  if (Array.isArray(input)) {
    for (const header of input as readonly { key: string; value: string | Uint8Array | null }[]) {
      if (header === null || typeof header !== 'object' || Array.isArray(header)) throw invalid(`a header is ${describe(header)}: give { key, value }`, topic)
      list.push({ key: headerKey(header.key, topic), value: headerValue(header.key, header.value, topic) })
    }
  } else {
    if (input instanceof Map || isBytes(input)) throw invalid(`headers are ${describe(input)}: give a list of { key, value } or an object`, topic)
    const named = input as Readonly<Record<string, unknown>>
    const keys = Object.keys(named)
    for (let i = 0; i < keys.length; i++) list.push({ key: keys[i]!, value: headerValue(keys[i]!, named[keys[i]!], topic) })
  }
  return list.length === 0 ? null : list
}

/** Milliseconds since 1970. */
export function timestampOf(timestamp: number | Date, topic: string): number {
  const value = isDate(timestamp) ? timestamp.getTime() : timestamp
  if (Number.isSafeInteger(value) && value >= 0) return value
  const given = isDate(timestamp) ? 'an invalid Date' : typeof timestamp === 'number' ? String(timestamp) : describe(timestamp)
  throw invalid(`timestamp is ${given}: give whole milliseconds since 1970, or a Date`, topic)
}

export function partitionNumber(partition: unknown, topic: string): number {
  if (typeof partition === 'number' && Number.isInteger(partition) && partition >= 0 && partition <= 0x7fffffff) return partition
  throw invalid(`partition is ${typeof partition === 'number' ? partition : describe(partition)}: give a whole number from 0`, topic)
}

/** Bytes that a record takes at most in a batch of its own, header of the batch included. */
export function largestSize(key: Payload, value: Payload, headers: readonly PayloadHeader[] | null): number {
  let size = 61 + 36
  if (key !== null) size += typeof key === 'string' ? key.length * 3 : key.length
  if (value !== null) size += typeof value === 'string' ? value.length * 3 : value.length
  return headers === null ? size : size + largestSizeOf(headers)
}

function largestSizeOf(headers: readonly PayloadHeader[]): number {
  let size = 0
  for (const { key, value } of headers) size += key.length * 3 + (typeof value === 'string' ? value.length * 3 : value?.length ?? 0) + 10
  return size
}

/** The same with strings measured. */
export function exactSize(key: Payload, value: Payload, headers: readonly PayloadHeader[] | null): number {
  let size = 61 + 21 + bytesOf(key) + bytesOf(value)
  if (headers !== null) for (const header of headers) size += Buffer.byteLength(header.key) + bytesOf(header.value) + 10
  return size
}

function bytesOf(payload: Payload): number {
  if (payload === null) return 0
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
}

/** Own memory: for records that wait, whose caller may reuse its buffers as soon as `send` has returned. */
export function ownCopy<T extends Payload>(payload: T): T {
  return (payload !== null && typeof payload === 'object' ? Buffer.from(payload) : payload) as T
}
