/** What `dump-log` says of a control record: an end-of-transaction marker, or one of the metadata log's own (spec/storage-format 2.7). */
import { OttlaError } from '../common/errors.ts'
import { ByteReader } from '../protocol/byte-reader.ts'
import { DumpFailure, type DumpedRecord } from './dump-items.ts'
import { controlSchemas } from './kraft-schemas.ts'
import { readMessageJson, UnreadableMessage } from './message-json.ts'

const ABORT = 0
const COMMIT = 1
const MARKER_VALUE_SIZE = 6
const none = new Uint8Array(0)

const invalid = (message: string): DumpFailure => new DumpFailure('org.apache.kafka.common.InvalidRecordException', message)

export function controlText(record: DumpedRecord): string {
  const key = new ByteReader(record.key ?? none)
  if (key.remaining < 4) throw invalid(`Invalid value size found for end control record key. Must have at least 4 bytes, but found only ${key.remaining}`)
  const version = key.int16()
  if (version < 0) throw invalid(`Invalid version found for control record: ${version}. May indicate data corruption`)
  const type = key.int16()
  const value = new ByteReader(record.value ?? none)
  if (type === ABORT || type === COMMIT) {
    if (value.remaining < MARKER_VALUE_SIZE) {
      throw invalid(`Invalid value size found for end transaction marker. Must have at least ${MARKER_VALUE_SIZE} bytes, but found only ${value.remaining}`)
    }
    const markerVersion = value.int16()
    if (markerVersion < 0) throw invalid(`Invalid version found for end transaction marker: ${markerVersion}. May indicate data corruption`)
    return ` endTxnMarker: ${type === ABORT ? 'ABORT' : 'COMMIT'} coordinatorEpoch: ${value.int32()}`
  }
  const known = controlSchemas.get(type)
  if (known === undefined) return ` controlType: UNKNOWN(${type})`
  if (value.remaining < 2) throw invalid(`the value of a ${known.schema.name} has ${value.remaining} bytes`)
  // The first field of each of these messages is its own version.
  const messageVersion = value.view.getInt16(value.position)
  try {
    return ` ${known.label} ${readMessageJson(known.schema, messageVersion, value)}`
  } catch (error) {
    throw new DumpFailure('java.lang.RuntimeException', error instanceof UnreadableMessage ? error.message : OttlaError.from(error).message)
  }
}
