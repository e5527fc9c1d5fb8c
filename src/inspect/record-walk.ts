/** The records of one batch in the window, of any magic, in the shape that `dump-log` prints. One cursor serves all. */
import { OttlaError } from '../common/errors.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { WalkedBatch } from './batch-walk.ts'
import { DumpFailure, type DumpedRecord } from './dump-items.ts'
import { legacyRecords } from './legacy-records.ts'
import type { LogWindow } from './log-window.ts'

const cursor = new RecordCursor()

function failure(error: unknown): DumpFailure {
  return error instanceof DumpFailure ? error : new DumpFailure('org.apache.kafka.common.InvalidRecordException', OttlaError.from(error).message)
}

/** Keys and values are views, valid until the next record. */
export function* recordsOf(window: LogWindow, batch: WalkedBatch): Generator<DumpedRecord, void, void> {
  const { header } = batch
  try {
    if (header.magic < 2) yield* legacyRecords(window.buffer, window.view, header)
    else if (header.count > 0) {
      cursor.reset(window.buffer, header.position, header.position + batch.size)
      while (cursor.next()) {
        yield {
          offset: cursor.offset, timestamp: cursor.timestamp, keySize: cursor.keyLength, valueSize: cursor.valueLength, sequence: cursor.sequence,
          headers: cursor.headerCount === 0 ? [] : cursor.headers(), key: cursor.key(), value: cursor.value(), legacy: null,
        }
      }
    }
  } catch (error) {
    throw failure(error)
  }
}

/** Greatest timestamp of the batch's records, −1 when it has none. */
export function maxRecordTimestamp(window: LogWindow, batch: WalkedBatch): number {
  let greatest = -1
  for (const record of recordsOf(window, batch)) greatest = Math.max(greatest, record.timestamp)
  return greatest
}
