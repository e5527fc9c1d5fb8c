/**
 * Finds the batches of a `.log` file one after another by the rules of Kafka's own file reader (spec/storage-format 2.10, 14): a header
 * needs 17 bytes that are not the file's last, a size below 14 is corrupt, a batch that the end cuts is no batch.
 */
import { OttlaError } from '../common/errors.ts'
import { readBatchHeader, type BatchHeader, LOG_OVERHEAD } from '../record/batch-format.ts'
import { DumpFailure } from './dump-items.ts'
import type { LogWindow } from './log-window.ts'

const HEADER_UP_TO_MAGIC = 17
const LEAST_RECORD_SIZE = 14

/** A batch in the window: `header.position` is an index into `window.buffer`, `position` the place in the file. */
export interface WalkedBatch { readonly position: number; readonly size: number; readonly header: BatchHeader }

/** The batch at `position`, or null when there is none before `end`. Valid until the window moves. `path` is for the message. */
export function batchAt(window: LogWindow, position: number, end: number, path: string): WalkedBatch | null {
  if (position >= end - HEADER_UP_TO_MAGIC) return null
  const at = window.locate(position, HEADER_UP_TO_MAGIC)
  if (at === -1) return null
  const length = window.view.getInt32(at + 8)
  if (length < LEAST_RECORD_SIZE) {
    throw new DumpFailure('org.apache.kafka.common.errors.CorruptRecordException',
      `Found record size ${length} smaller than minimum record overhead (${LEAST_RECORD_SIZE}) in file ${path}.`)
  }
  const size = LOG_OVERHEAD + length
  if (position > end - size) return null
  const start = window.locate(position, size)
  if (start === -1) return null
  try {
    return { position, size, header: readBatchHeader(window.buffer, window.view, start, start + size) }
  } catch (error) {
    throw new DumpFailure('org.apache.kafka.common.errors.CorruptRecordException', `${OttlaError.from(error).message} (batch at position ${position} of ${path})`)
  }
}
