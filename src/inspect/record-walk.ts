/** The records of one batch in the window, of any magic, in the shape that `dump-log` prints. One cursor serves all. */
import { OttlaError } from '../common/errors.ts'
import { BATCH_HEADER_SIZE, viewOf } from '../record/batch-format.ts'
import { verifyLegacyCrc } from '../record/legacy-message.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import { isGreater, LEAST_RECORD, plus, refuseUnknownCodec, type WalkedBatch } from './batch-walk.ts'
import { DumpFailure, type DumpedRecord, type Int64, type LegacyChecksum } from './dump-items.ts'
import type { LogWindow } from './log-window.ts'

/** Bytes of a message of magic 0 before its key: offset, size, crc, magic, attributes, key length. Magic 1 has a timestamp too. */
const LEGACY_KEY_AT = 22
const LEGACY_CRC_AT = 12

/** What Kafka's reader says of a batch whose count of records is wrong. */
const BYTES_LEFT = 'Incorrect declared batch size, records still remaining in file'
const BYTES_MISSING = 'Incorrect declared batch size, premature EOF reached'

const cursor = new RecordCursor()

const invalid = (message: string): DumpFailure => new DumpFailure('org.apache.kafka.common.InvalidRecordException', message)

/** Keys and values are views, valid until the next record. As Kafka's tool, which unfolds the whole of a compressed batch first: a damaged one gives none. */
export function* recordsOf(window: LogWindow, batch: WalkedBatch): Generator<DumpedRecord, void, void> {
  const records = walk(window, batch)
  yield* batch.header.compression === 'none' ? records : [...records]
}

function* walk(window: LogWindow, batch: WalkedBatch): Generator<DumpedRecord, void, void> {
  refuseUnknownCodec(batch)
  const { header, odd } = batch
  const said = odd?.count ?? header.count
  if (odd !== null && said < 0) throw invalid(`Found invalid record count ${said} in magic v${odd.magic ?? header.magic} batch`)
  let read = 0
  let bytes = 0
  try {
    cursor.reset(window.buffer, header.position, header.position + batch.size)
    while (cursor.next()) {
      const record = {
        offset: plus(odd?.baseOffset ?? 0, cursor.offset), timestamp: timestampOf(batch), sequence: cursor.sequence,
        keySize: cursor.keyLength, valueSize: cursor.valueLength, key: cursor.key(), value: cursor.value(),
        headers: cursor.headerCount === 0 ? [] : cursor.headers(), legacy: header.magic === 2 ? null : legacyChecksum(header.magic),
      }
      bytes += cursor.sizeInBytes
      // Kafka gives the last record only when nothing is left behind it.
      if (++read === said) cursor.next()
      yield record
    }
  } catch (error) {
    throw invalid(read === said ? BYTES_LEFT : isExhausted(batch, bytes) ? BYTES_MISSING : OttlaError.from(error).message)
  }
  if (read < said) throw invalid(BYTES_MISSING)
}

/** There cannot be as many records as the header says: `bytes` of records were read, and that was all. */
function isExhausted({ header, size }: WalkedBatch, bytes: number): boolean {
  if (header.magic !== 2) return false
  return header.compression === 'none' ? bytes === size - BATCH_HEADER_SIZE : bytes === cursor.buffer().length || header.count * LEAST_RECORD > cursor.buffer().length
}

/** Where the header's timestamps could not be held they read as 0 here, and are put back. */
function timestampOf({ header, odd }: WalkedBatch): Int64 {
  if (odd === null) return cursor.timestamp
  return header.timestampType === 'LogAppendTime' ? odd.maxTimestamp ?? cursor.timestamp : plus(odd.baseTimestamp ?? 0, cursor.timestamp)
}

function legacyChecksum(magic: 0 | 1): LegacyChecksum {
  const buffer = cursor.buffer()
  const view = viewOf(buffer)
  const start = cursor.keyStart - LEGACY_KEY_AT - magic * 8
  return { isValid: verifyLegacyCrc(buffer, view, start, cursor.sizeInBytes), crc: view.getUint32(start + LEGACY_CRC_AT) }
}

/** Greatest timestamp of the batch's records, −1 when it has none. */
export function maxRecordTimestamp(window: LogWindow, batch: WalkedBatch): Int64 {
  let greatest: Int64 = -1
  for (const record of recordsOf(window, batch)) if (isGreater(record.timestamp, greatest)) greatest = record.timestamp
  return greatest
}
