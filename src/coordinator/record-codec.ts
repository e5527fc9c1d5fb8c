/**
 * Whole records of the coordinators' topics: key = i16 type · fields, value = i16 version · fields (spec/storage-format 11.1).
 * Raises CORRUPT_MESSAGE for bytes that do not parse and UNSUPPORTED_VERSION for a value of a later version than Kafka 4.1 knows. Record
 * types that nobody knows are no error: they are told apart, to be skipped.
 */
import { OttlaError } from '../common/errors.ts'
import { ByteReader } from '../protocol/byte-reader.ts'
import { ByteWriter } from '../protocol/byte-writer.ts'
import { readFields, writeFields, type PlainRecord } from './record-schema.ts'
import { groupRecords, transactionRecords, type RecordLayout } from './record-tables.ts'

export interface KnownRecord {
  readonly type: number
  readonly key: PlainRecord
  /** −1 and null for a tombstone. */
  readonly version: number
  readonly value: PlainRecord | null
}
export interface UnknownRecord { readonly unknownType: number }

/** Where a record's key and value stand in a reader's bytes; `valueEnd` below `valueStart`: a null value. */
export interface RecordSpan { readonly keyStart: number; readonly keyEnd: number; readonly valueStart: number; readonly valueEnd: number }

function decode(layouts: ReadonlyMap<number, RecordLayout>, reader: ByteReader, span: RecordSpan): KnownRecord | UnknownRecord {
  reader.reset(span.keyStart, span.keyEnd)
  const type = reader.int16()
  const layout = layouts.get(type)
  if (layout === undefined) return { unknownType: type }
  const key = readFields(layout.key, 0, reader)
  if (span.valueEnd < span.valueStart) return { type, key, version: -1, value: null }
  reader.reset(span.valueStart, span.valueEnd)
  const version = reader.int16()
  if (version < 0 || version > layout.value.latest) throw new OttlaError('UNSUPPORTED_VERSION', `Found an unknown record version ${version} for ${type} type`)
  return { type, key, version, value: readFields(layout.value, version, reader) }
}

function decodeApart(layouts: ReadonlyMap<number, RecordLayout>, key: Uint8Array, value: Uint8Array | null): KnownRecord | UnknownRecord {
  const bytes = new Uint8Array(key.length + (value?.length ?? 0))
  bytes.set(key)
  if (value !== null) bytes.set(value, key.length)
  return decode(layouts, new ByteReader(bytes), { keyStart: 0, keyEnd: key.length, valueStart: key.length, valueEnd: value === null ? -1 : bytes.length })
}

/** A record of `__consumer_offsets`. */
export function decodeGroupRecord(key: Uint8Array, value: Uint8Array | null): KnownRecord | UnknownRecord { return decodeApart(groupRecords, key, value) }

/** The same from a reader of the batch that holds it: many records share one reader. Byte arrays are views of its bytes. */
export function decodeGroupRecordAt(reader: ByteReader, span: RecordSpan): KnownRecord | UnknownRecord { return decode(groupRecords, reader, span) }

/** A record of `__transaction_state`. */
export function decodeTransactionRecord(key: Uint8Array, value: Uint8Array | null): KnownRecord | UnknownRecord {
  return decodeApart(transactionRecords, key, value)
}

function layoutOf(layouts: ReadonlyMap<number, RecordLayout>, type: number): RecordLayout {
  const layout = layouts.get(type)
  if (layout === undefined) throw new OttlaError('INTERNAL', `record type ${type} has no layout`)
  return layout
}

function encode(prefix: number, write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(128)
  writer.int16(prefix)
  write(writer)
  return writer.copy()
}

export function encodeGroupKey(type: number, key: PlainRecord): Uint8Array {
  return encode(type, (writer) => writeFields(layoutOf(groupRecords, type).key, 0, key, writer))
}

export function encodeGroupValue(type: number, version: number, value: PlainRecord): Uint8Array {
  return encode(version, (writer) => writeFields(layoutOf(groupRecords, type).value, version, value, writer))
}

export function encodeTransactionKey(key: PlainRecord): Uint8Array {
  return encode(0, (writer) => writeFields(layoutOf(transactionRecords, 0).key, 0, key, writer))
}

export function encodeTransactionValue(version: number, value: PlainRecord): Uint8Array {
  return encode(version, (writer) => writeFields(layoutOf(transactionRecords, 0).value, version, value, writer))
}
