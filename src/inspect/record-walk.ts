/** The records of one batch in the window, of any magic, in the shape that `dump-log` prints. One cursor serves all. */
import { OttlaError } from '../common/errors.ts'
import { viewOf } from '../record/batch-format.ts'
import { verifyLegacyCrc } from '../record/legacy-message.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { WalkedBatch } from './batch-walk.ts'
import { DumpFailure, type DumpedRecord, type LegacyChecksum } from './dump-items.ts'
import type { LogWindow } from './log-window.ts'

/** Bytes of a message of magic 0 before its key: offset, size, crc, magic, attributes, key length. Magic 1 has a timestamp too. */
const LEGACY_KEY_AT = 22
const LEGACY_CRC_AT = 12

const cursor = new RecordCursor()

/** Keys and values are views, valid until the next record. */
export function* recordsOf(window: LogWindow, batch: WalkedBatch): Generator<DumpedRecord, void, void> {
  const { header } = batch
  try {
    cursor.reset(window.buffer, header.position, header.position + batch.size)
    while (cursor.next()) {
      yield {
        offset: cursor.offset, timestamp: cursor.timestamp, keySize: cursor.keyLength, valueSize: cursor.valueLength, sequence: cursor.sequence,
        headers: cursor.headerCount === 0 ? [] : cursor.headers(), key: cursor.key(), value: cursor.value(), legacy: header.magic === 2 ? null : legacyChecksum(header.magic),
      }
    }
  } catch (error) {
    throw new DumpFailure('org.apache.kafka.common.InvalidRecordException', OttlaError.from(error).message)
  }
}

function legacyChecksum(magic: 0 | 1): LegacyChecksum {
  const buffer = cursor.buffer()
  const view = viewOf(buffer)
  const start = cursor.keyStart - LEGACY_KEY_AT - magic * 8
  return { isValid: verifyLegacyCrc(buffer, view, start, cursor.sizeInBytes), crc: view.getUint32(start + LEGACY_CRC_AT) }
}

/** Greatest timestamp of the batch's records, −1 when it has none. */
export function maxRecordTimestamp(window: LogWindow, batch: WalkedBatch): number {
  let greatest = -1
  for (const record of recordsOf(window, batch)) greatest = Math.max(greatest, record.timestamp)
  return greatest
}
