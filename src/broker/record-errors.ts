/** Which records made a batch be refused: clients deliver the others under another error, and tell the user apart (KIP-467). */
import { OttlaError, type ErrorCode } from '../common/errors.ts'
import type { TopicValues } from '../config/values.ts'
import type { ProducePartition, RecordError } from '../protocol/broker-api.ts'
import { RecordCursor } from '../record/record-cursor.ts'

/** What the topic asks of its records, and the time by which theirs are judged (milliseconds). */
export interface Demands {
  readonly values: Pick<TopicValues, 'cleanup.policy' | 'message.timestamp.before.max.ms' | 'message.timestamp.after.max.ms'>
  readonly now: number
}

/** Of a batch that was refused with `code`. None when the batch cannot be read. */
export function recordsToBlame(code: ErrorCode, { records, topic, partition }: ProducePartition, { values, now }: Demands): RecordError[] {
  if (code === 'INVALID_TIMESTAMP') return untimelyRecords(records, now, values['message.timestamp.before.max.ms'], values['message.timestamp.after.max.ms'])
  if (!values['cleanup.policy'].includes('compact')) return []
  return found(records, ({ keyLength }) => keyLength < 0 ? `Compacted topic cannot accept message without key in topic partition ${topic}-${partition}.` : null)
}

function untimelyRecords(records: Uint8Array, now: number, beforeMaxMs: number, afterMaxMs: number): RecordError[] {
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
