/** Which records made a batch be refused: clients deliver the others under another error, and tell the user apart (KIP-467). */
import { OttlaError } from '../common/errors.ts'
import type { RecordError } from '../protocol/broker-api.ts'
import { RecordCursor } from '../record/record-cursor.ts'

/** What a topic asks of the times of its records, and the time by which that is judged. Milliseconds. */
export interface TimestampBounds { readonly now: number; readonly beforeMaxMs: number; readonly afterMaxMs: number }

/** The records without a key, in a batch that a compacted topic refused. None when the batch cannot be read. */
export function keylessRecords(records: Uint8Array, topic: string, partition: number): RecordError[] {
  return found(records, ({ keyLength }) => keyLength < 0 ? `Compacted topic cannot accept message without key in topic partition ${topic}-${partition}.` : null)
}

/** The records whose times are out of bounds, in a batch that was refused for that. None when the batch cannot be read. */
export function untimelyRecords(records: Uint8Array, { now, beforeMaxMs, afterMaxMs }: TimestampBounds): RecordError[] {
  const isOut = (timestamp: number): boolean => timestamp !== -1 && (now - timestamp > beforeMaxMs || timestamp - now > afterMaxMs)
  return found(records, ({ timestamp, offsetDelta }) => isOut(timestamp)
    ? `Timestamp ${timestamp} of message with offset ${offsetDelta} is out of range. The timestamp should be within [${now - beforeMaxMs}, ${now + afterMaxMs}]` : null)
}

function found(records: Uint8Array, problemOf: (record: RecordCursor) => string | null): RecordError[] {
  const errors: RecordError[] = []
  try {
    const cursor = new RecordCursor()
    cursor.reset(records, 0, records.length)
    for (let batchIndex = 0; cursor.next(); batchIndex += 1) {
      const message = problemOf(cursor)
      if (message !== null) errors.push({ batchIndex, message })
    }
  } catch (error) {
    if (!OttlaError.is(error)) throw error
    return []
  }
  return errors
}
