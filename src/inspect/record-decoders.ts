/** Keys and values of records as `dump-log` prints them: plain, by one of Kafka's byte decoders, or as the JSON of an internal topic. */
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import { formatInt64 } from '../common/wide-integer.ts'
import { offsetsRecordTexts, transactionRecordTexts, type RecordTexts } from '../coordinator/record-json.ts'
import { ByteReader } from '../protocol/byte-reader.ts'
import type { MessageSchema } from '../protocol/schema.ts'
import { DumpFailure, type BytesDecoderName, type DumpedRecord, type DumpLogOptions } from './dump-items.ts'
import { javaText } from './java-text.ts'
import { metadataRecords } from './kraft-schemas.ts'
import { readMessageJson, UnreadableMessage } from './message-json.ts'
import { shareStateRecords } from './share-state-schemas.ts'

/** What is printed; null: nothing. `isJson`: the texts that are there are JSON. */
export interface RecordContents { readonly key: string | null; readonly payload: string | null; readonly isJson: boolean }
export type ContentDecoder = (record: DumpedRecord) => RecordContents

export function contentDecoder(options: DumpLogOptions): ContentDecoder {
  switch (options.decoder) {
    case 'offsets': return (record) => coordinatorContents(offsetsRecordTexts, record)
    case 'transaction-log': return (record) => coordinatorContents(transactionRecordTexts, record)
    case 'share-group-state': return (record) => coordinatorContents(shareStateTexts, record)
    case 'cluster-metadata': return metadataContents
    default: {
      const key = bytesDecoder(options.keyDecoder ?? 'string')
      const value = bytesDecoder(options.valueDecoder ?? 'string')
      return (record) => ({ key: record.key === null ? null : key(record.key), payload: record.value === null ? null : value(record.value), isJson: false })
    }
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Kafka's decoders take a number from the first bytes, whatever follows. */
function firstBytes(bytes: Uint8Array, size: number): DataView {
  if (bytes.length < size) throw new DumpFailure('java.nio.BufferUnderflowException', '')
  return viewOf(bytes)
}

function bytesDecoder(name: BytesDecoderName): (bytes: Uint8Array) => string {
  switch (name) {
    case 'string': return javaText
    case 'default': return (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
    case 'integer': return (bytes) => String(firstBytes(bytes, 4).getInt32(0))
    case 'long': return (bytes) => {
      const view = firstBytes(bytes, 8)
      const value = readInt64(view, 0)
      return Number.isNaN(value) ? formatInt64(view.getInt32(0), view.getUint32(4)) : String(value)
    }
  }
}

/** As Kafka says it: a version that cannot even be read, or bytes that do not fit the version. */
function readPart(schema: MessageSchema, version: number, reader: ByteReader, part: 'key' | 'value'): string {
  try {
    return readMessageJson(schema, version, reader)
  } catch (error) {
    const message = error instanceof UnreadableMessage ? error.message : OttlaError.from(error).message
    throw new UnreadableMessage(`Could not read record with version ${version} from ${part}'s buffer due to: ${message}.`)
  }
}

function readVersion(reader: ByteReader, part: 'key' | 'value'): number {
  if (reader.remaining < 2) throw new UnreadableMessage(`Could not read version from ${part}'s buffer.`)
  return reader.int16()
}

type RecordTextReader = (key: Uint8Array | null, value: Uint8Array | null, offset: number) => RecordTexts

function coordinatorContents(read: RecordTextReader, record: DumpedRecord): RecordContents {
  if (record.key === null) {
    const problem = `Failed to decode message at offset ${record.offset} using offset topic decoder (message had a missing key)`
    throw new DumpFailure('java.lang.RuntimeException', problem)
  }
  const texts = read(record.key, record.value, Number(record.offset))
  return { ...texts, isJson: texts.key.startsWith('{') }
}

function shareStateTexts(key: Uint8Array | null, value: Uint8Array | null, offset: number): RecordTexts {
  try {
    const keyReader = new ByteReader(key ?? new Uint8Array(0))
    const type = readVersion(keyReader, 'key')
    const known = shareStateRecords.get(type)
    if (known === undefined) return { key: `Unknown record type ${type} at offset ${offset}, skipping.`, payload: null }
    const keyText = `{"type":"${type}","data":${readPart(known.key, 0, keyReader, 'key')}}`
    if (value === null) return { key: keyText, payload: '<DELETE>' }
    const valueReader = new ByteReader(value)
    const version = readVersion(valueReader, 'value')
    return { key: keyText, payload: `{"version":"${version}","data":${readPart(known.value, version, valueReader, 'value')}}` }
  } catch (error) {
    if (!(error instanceof UnreadableMessage)) throw error
    return { key: `Error at offset ${offset}, skipping. ${error.message}`, payload: null }
  }
}

/** A varint of the frame around a metadata record. */
function readFramePart(reader: ByteReader, name: string): number {
  try {
    return reader.uvarint()
  } catch (error) {
    throw new UnreadableMessage(`Error while reading ${name}`, { cause: error })
  }
}

/** Metadata records have no keys: a frame version (1), the record's type and its version, as varints, then the message. */
function metadataText(reader: ByteReader): string {
  const frame = readFramePart(reader, 'frame version')
  if (frame === 0) {
    throw new UnreadableMessage('Could not deserialize metadata record with frame version 0.' +
      ' Note that upgrades from the preview release of KRaft in 2.8 to newer versions are not supported.')
  }
  if (frame !== 1) throw new UnreadableMessage(`Could not deserialize metadata record due to unknown frame version ${frame}(only frame version 1 is supported)`)
  const type = readFramePart(reader, 'type')
  const version = readFramePart(reader, 'version')
  const known = metadataRecords.get(type)
  if (known === undefined) throw new UnreadableMessage(`org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id ${type}`)
  let data: string
  try {
    data = readMessageJson(known.schema, version, reader)
  } catch (error) {
    throw new UnreadableMessage(`Failed to deserialize record with type ${type}`, { cause: error })
  }
  if (reader.remaining > 0) throw new UnreadableMessage(`Found ${reader.remaining} byte(s) of garbage after ${type}`)
  return `{"type":"${known.label}","version":${version},"data":${data}}`
}

function metadataContents(record: DumpedRecord): RecordContents {
  try {
    return { key: null, payload: metadataText(new ByteReader(record.value ?? new Uint8Array(0))), isJson: true }
  } catch (error) {
    if (!(error instanceof UnreadableMessage)) throw error
    return { key: null, payload: `Error at ${record.offset}, skipping. ${error.message}`, isJson: false }
  }
}
