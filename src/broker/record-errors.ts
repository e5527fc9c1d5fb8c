/** Which records made a batch be refused: clients deliver the others under another error, and tell the user apart (KIP-467). */
import { OttlaError } from '../common/errors.ts'
import type { RecordError } from '../protocol/broker-api.ts'
import { RecordCursor } from '../record/record-cursor.ts'

/** The records without a key, in a batch that a compacted topic refused. None when the batch cannot be read. */
export function keylessRecords(records: Uint8Array, topic: string, partition: number): RecordError[] {
  const errors: RecordError[] = []
  try {
    const cursor = new RecordCursor()
    cursor.reset(records, 0, records.length)
    for (let batchIndex = 0; cursor.next(); batchIndex += 1) {
      if (cursor.keyLength < 0) errors.push({ batchIndex, message: `Compacted topic cannot accept message without key in topic partition ${topic}-${partition}.` })
    }
  } catch (error) {
    if (!OttlaError.is(error)) throw error
    return []
  }
  return errors
}
