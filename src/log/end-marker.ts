/** Reads the end-of-transaction marker in a control batch (spec/storage-format 2.7). */
import type { BatchHeader } from '../record/batch-format.ts'
import { readControlType, readCoordinatorEpoch } from '../record/control-record.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { EndMarker } from './producer-append.ts'

const cursor = new RecordCursor()

/**
 * The marker in the control batch at `position` of `buffer`; null when it holds another control record, or none (compaction empties them). Raises
 * CORRUPT_MESSAGE.
 */
export function readEndMarker(buffer: Uint8Array, position: number, header: BatchHeader): EndMarker | null {
  cursor.reset(buffer, position, position + header.size)
  if (!cursor.next()) return null
  const type = readControlType(cursor.key())
  if (type !== 'ABORT' && type !== 'COMMIT') return null
  return {
    producerId: header.producerId, producerEpoch: header.producerEpoch, type,
    coordinatorEpoch: readCoordinatorEpoch(cursor.value()), timestamp: cursor.timestamp,
  }
}
