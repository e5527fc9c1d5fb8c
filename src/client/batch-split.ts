/** Splits a batch that the broker found too large (its topic's max.message.bytes is below batch.size) into two that stand in its place. */
import { OttlaError } from '../common/errors.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { Accumulator } from './accumulator.ts'
import type { ProducerBatch } from './producer-batch.ts'

/** Two batches with the records and waiters of `batch`, which has at least two and is sealed. Their orders stay below the next batch's. */
export function splitBatch(accumulator: Accumulator, batch: ProducerBatch): [ProducerBatch, ProducerBatch] {
  const width = batch.orderWidth / 2
  const first = accumulator.newBatch(accumulator.largestSlab, 0, batch.createdAt, batch.order)
  const second = accumulator.newBatch(accumulator.largestSlab, 0, batch.createdAt, batch.order + width)
  const half = Math.ceil(batch.count / 2)
  const cursor = new RecordCursor()
  cursor.reset(batch.bytes!, 0, batch.bytes!.length)
  for (let i = 0; cursor.next(); i++) {
    const { builder } = i < half ? first : second
    const headers = cursor.headerCount === 0 ? null : cursor.headers()
    const fits = builder.append(cursor.timestamp, cursor.key(), cursor.value(), headers)
    if (!fits) throw new OttlaError('INTERNAL', 'a batch is larger than the slab it came from')
  }
  batch.splitInto(first, second, half)
  for (const part of [first, second]) {
    part.orderWidth = width
    part.attempts = batch.attempts
  }
  return [first, second]
}
