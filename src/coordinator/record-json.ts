/**
 * Texts of coordinator records, character for character as Kafka 4.1's dump tool prints them with --offsets-decoder and
 * --transaction-log-decoder: {"type":"1","data":{…}} and {"version":"4","data":{…}}, `<DELETE>` for a tombstone. In groups of the consumer
 * protocol, subscription and assignment are printed decoded where they can be. Used by `inspect/`; `formattedRecord` by `ottla consume`.
 */
import { OttlaError } from '../common/errors.ts'
import { ByteReader } from '../protocol/byte-reader.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../protocol/consumer-protocol.ts'
import { decodeGroupRecord, decodeTransactionRecord, type KnownRecord, type UnknownRecord } from './record-codec.ts'
import { recordProblem } from './record-problem.ts'
import { readFields, type Field, type FieldType, type PlainRecord, type Schema, type Value } from './record-schema.ts'
import { consumerAssignment, consumerSubscription, groupRecords, transactionRecords, type RecordLayout } from './record-tables.ts'

/** `payload` null: the tool prints no payload. */
export interface RecordTexts { readonly key: string; readonly payload: string | null }

/** A record of `__consumer_offsets` at `offset`. Raises CORRUPT_MESSAGE only for a null key, as the tool does. */
export function offsetsRecordTexts(key: Uint8Array | null, value: Uint8Array | null, offset: number): RecordTexts {
  return texts(groupRecords, decodeGroupRecord, key, value, offset)
}

/** A record of `__transaction_state` at `offset`. */
export function transactionRecordTexts(key: Uint8Array | null, value: Uint8Array | null, offset: number): RecordTexts {
  return texts(transactionRecords, decodeTransactionRecord, key, value, offset)
}

function texts(
  layouts: ReadonlyMap<number, RecordLayout>, decode: (key: Uint8Array, value: Uint8Array | null) => KnownRecord | UnknownRecord,
  key: Uint8Array | null, value: Uint8Array | null, offset: number,
): RecordTexts {
  if (key === null) {
    throw new OttlaError('CORRUPT_MESSAGE', `Failed to decode message at offset ${offset} using offset topic decoder (message had a missing key)`, { offset })
  }
  try {
    const record = decode(key, value)
    if ('unknownType' in record) return { key: `Unknown record type ${record.unknownType} at offset ${offset}, skipping.`, payload: null }
    const layout = layouts.get(record.type)!
    return {
      key: `{"type":"${record.type}","data":${fieldsText(layout.key.fields, record.key)}}`,
      payload: record.value === null ? '<DELETE>' : `{"version":"${record.version}","data":${valueText(layouts, record, layout.value, record.value)}}`,
    }
  } catch (error) {
    if (!OttlaError.is(error)) throw error
    return { key: `Error at offset ${offset}, skipping. ${problemOf(layouts, key, value) ?? error.message}`, payload: null }
  }
}

/**
 * A record of `__consumer_offsets` or `__transaction_state` as Kafka 4.1's formatters of the console consumer print it: key and value in one object, types and
 * versions as numbers, nothing within decoded. Null for a record of none of the `types`. Raises CORRUPT_MESSAGE.
 */
export function formattedRecord(of: 'offsets' | 'transactions', types: readonly number[], key: Uint8Array, value: Uint8Array | null): string | null {
  const layouts = of === 'offsets' ? groupRecords : transactionRecords
  let record: KnownRecord | UnknownRecord
  try {
    record = of === 'offsets' ? decodeGroupRecord(key, value) : decodeTransactionRecord(key, value)
  } catch (error) {
    throw new OttlaError('CORRUPT_MESSAGE', problemOf(layouts, key, value) ?? OttlaError.from(error).message, { cause: error })
  }
  if ('unknownType' in record || !types.includes(record.type)) return null
  const layout = layouts.get(record.type)!
  const valueJson = record.value === null ? 'null' : `{"version":${record.version},"data":${fieldsText(layout.value.fields, record.value)}}`
  return `{"key":{"type":${record.type},"data":${fieldsText(layout.key.fields, record.key)}},"value":${valueJson}}`
}

/** In Kafka's words; null where it would have none. */
function problemOf(layouts: ReadonlyMap<number, RecordLayout>, key: Uint8Array, value: Uint8Array | null): string | null {
  if (key.length < 2) return "Could not read version from key's buffer."
  const type = new ByteReader(key).int16()
  const layout = layouts.get(type)
  if (layout === undefined) return null
  const ofKey = recordProblem(layout.key, 0, key, 2)
  if (ofKey !== null) return `Could not read record with version ${type} from key's buffer due to: ${ofKey}.`
  if (value === null) return null
  if (value.length < 2) return "Could not read version from value's buffer."
  const version = new ByteReader(value).int16()
  const ofValue = version < 0 || version > layout.value.latest ? null : recordProblem(layout.value, version, value, 2)
  return ofValue === null ? null : `Could not read record with version ${version} from value's buffer due to: ${ofValue}.`
}

const GROUP_METADATA = 2

function valueText(layouts: ReadonlyMap<number, RecordLayout>, record: KnownRecord, schema: Schema, value: PlainRecord): string {
  if (layouts !== groupRecords || record.type !== GROUP_METADATA || value['protocolType'] !== CONSUMER_PROTOCOL_TYPE) return fieldsText(schema.fields, value)
  return fieldsText(schema.fields, value, (field, bytes) => {
    const embedded = field.name === 'subscription' ? consumerSubscription : field.name === 'assignment' ? consumerAssignment : null
    return embedded === null ? null : embeddedText(embedded, bytes)
  })
}

/**
 * Null when Kafka's reader does not parse the bytes: then they are printed as they are. Of a version later than it knows it refuses the topics
 * with their partitions only, so that messages without any are read all the same.
 */
function embeddedText(schema: Schema, bytes: Uint8Array): string | null {
  try {
    const reader = new ByteReader(bytes)
    const version = reader.int16()
    const message = readFields(schema, Math.max(0, version), reader)
    const hasStructs = (value: Value | undefined): boolean => Array.isArray(value) && value.some((element) => typeof element === 'object')
    if (version > schema.latest && Object.values(message).some(hasStructs)) return null
    return fieldsText(schema.fields, message)
  } catch {
    return null
  }
}

type Replace = (field: Field, bytes: Uint8Array) => string | null

/** A struct as JSON, in the order of `fields`. */
export function fieldsText(fields: readonly Field[], record: PlainRecord, replace?: Replace): string {
  const parts: string[] = []
  for (const field of fields) {
    const value = record[field.name]
    if (value === undefined) continue
    const replaced = replace !== undefined && value instanceof Uint8Array ? replace(field, value) : null
    parts.push(`"${field.name}":${replaced ?? typedText(field.type, value, replace)}`)
  }
  return `{${parts.join(',')}}`
}

function typedText(type: FieldType, value: Value, replace?: Replace): string {
  if (value === null) return 'null'
  if (typeof type !== 'string') {
    if ('struct' in type) return fieldsText(type.struct, value as PlainRecord, replace)
    return `[${(value as readonly Value[]).map((element) => typedText(type.array, element, replace)).join(',')}]`
  }
  if (value instanceof Uint8Array) return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`
  return type === 'string' || type === 'string?' || type === 'uuid' ? quote(value as string) : String(value)
}

const shortEscapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r' }

/** A JSON string with Jackson's escapes: hexadecimal in capitals, nothing above U+001F escaped. */
function quote(text: string): string {
  // eslint-disable-next-line no-control-regex
  return `"${text.replace(/["\\\u0000-\u001f]/g, (found) => shortEscapes[found] ?? `\\u00${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)}"`
}
