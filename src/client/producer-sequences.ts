/**
 * The sequence numbers of an idempotent producer, per partition: which batch gets which, and what a refusal means. Pure decisions on
 * `PartitionQueue`; the sender acts on them. Broker side: spec/storage-format section 10.
 *
 * The broker takes a batch only when its sequence follows the last one it has of the same producer id and epoch, or when it is one of the
 * last five again. So order holds with several batches in flight: when one fails, those behind it are refused too, and all are sent again in
 * order. Invariants:
 *  - a batch whose outcome is unknown keeps its sequence for every retry, or it could be written twice;
 *  - sequences restart (at 0, under a new epoch) only for a batch that was refused while nothing else of its partition was in flight and
 *    that no earlier attempt can have appended;
 *  - no batch is left unanswered while five others follow it, or the broker would have forgotten it (in process more may follow: there an
 *    answer is not lost on the way, and the one that is in doubt after a failed sync fails instead of being written twice);
 *  - until the broker has acknowledged a first batch it knows no gap, so only one is in flight.
 * Epochs rise per partition: a broker tracks them per partition too, and other partitions need not stop.
 */
import type { OttlaError } from '../common/errors.ts'
import { advanceSequence } from '../record/batch-format.ts'
import type { PartitionQueue } from './accumulator.ts'
import type { ProducerBatch } from './producer-batch.ts'

export const MAX_PRODUCER_EPOCH = 32_767
/** Batches of a producer that the broker recognises when they come again. */
export const BROKER_MEMORY = 5

/** Errors that say the producer's place in the partition is not what it thinks. */
export function isSequenceError(error: OttlaError): boolean {
  return error.code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || error.code === 'UNKNOWN_PRODUCER_ID' || error.code === 'INVALID_PRODUCER_EPOCH'
}

function isCurrent(queue: PartitionQueue, batch: ProducerBatch): boolean {
  return batch.producerId === queue.producerId && batch.producerEpoch === queue.producerEpoch
}

/**
 * True when fewer than `window` batches follow the oldest in flight, so that the broker still recognises it after one more. Answers may
 * overtake each other, so the number in flight alone does not say so.
 */
export function maySendMore(queue: PartitionQueue, window: number): boolean {
  for (const batch of queue.inFlight) if (queue.placesGiven - batch.placedAs >= window) return false
  return true
}

/** Gives `batch` the next place, unless it must keep the one it has. True when its bytes must be stamped anew. */
export function assignSequence(queue: PartitionQueue, batch: ProducerBatch): boolean {
  const misplaced = batch.baseSequence !== queue.nextSequence || !isCurrent(queue, batch)
  const assign = batch.baseSequence < 0 || (misplaced && !batch.uncertain)
  if (assign) {
    batch.producerId = queue.producerId
    batch.producerEpoch = queue.producerEpoch
    batch.baseSequence = queue.nextSequence
    batch.placedAs = queue.placesGiven++
  }
  // A batch older than one that was acknowledged is asked about again, not written: what comes next does not follow it.
  if (isCurrent(queue, batch) && batch.order > queue.expectedAfter) queue.nextSequence = advanceSequence(batch.baseSequence, batch.count)
  return assign
}

/** The broker has the batch, or may have it: what comes next follows it. */
export function moveBehind(queue: PartitionQueue, batch: ProducerBatch): void {
  if (batch.baseSequence < 0 || !isCurrent(queue, batch) || batch.order < queue.expectedAfter) return
  queue.expectedSequence = advanceSequence(batch.baseSequence, batch.count)
  queue.expectedAfter = batch.order
}

/** Everything that was in flight is back: the next batch takes the place that the broker expects. */
export function realign(queue: PartitionQueue): void { queue.nextSequence = queue.expectedSequence }

/** True when a refused batch may begin anew at sequence 0: it was the first in line, and no attempt can have appended it. */
export function mayRestart(batch: ProducerBatch): boolean { return batch.alone && !batch.uncertain }

/** Begins anew under `producerId` and `producerEpoch`, which the broker has not seen in this partition. */
export function restart(queue: PartitionQueue, producerId: number, producerEpoch: number): void {
  queue.producerId = producerId
  queue.producerEpoch = producerEpoch
  queue.nextSequence = 0
  queue.expectedSequence = 0
  queue.expectedAfter = -1
  queue.established = false
}
