/**
 * What one partition knows of one producer (spec/storage-format 10.1): its epoch, the last five batches, the open transaction. Sequence numbers are
 * 31 bits and wrap to 0 (2.6).
 */
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1
/** How many batches an idempotent producer may have in flight, and so how many are recognised when they come again. */
export const CACHED_BATCHES = 5
const MAX_SEQUENCE = 2147483647

/** One remembered batch. First sequence and first offset follow from `offsetDelta`. */
export interface ProducerBatch {
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
}

/** As given out: plain values. −1: none. */
export interface ProducerSummary {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: number
  readonly coordinatorEpoch: number
  readonly currentTxnStartOffset: number
}

/** `sequence` − `by`, wrapping below 0. The way forward is `advanceSequence` of record/batch-format. */
export function backSequence(sequence: number, by: number): number {
  return sequence < by ? MAX_SEQUENCE - (by - sequence) + 1 : sequence - by
}

/** May `next` follow `last`? */
export function inSequence(last: number, next: number): boolean {
  return next === last + 1 || (next === 0 && last === MAX_SEQUENCE)
}

export class ProducerEntry {
  readonly producerId: number
  producerEpoch: number = NO_PRODUCER_EPOCH
  coordinatorEpoch = -1
  /** Of the last batch or marker: the producer's clock. */
  lastTimestamp = -1
  /** −1: no open transaction. */
  currentTxnFirstOffset = -1
  /** Oldest first. Never changed in place: copies of this entry share it. */
  #batches: readonly ProducerBatch[] = []

  constructor(producerId: number) { this.producerId = producerId }

  clone(): ProducerEntry {
    const copy = new ProducerEntry(this.producerId)
    copy.take(this)
    return copy
  }

  /** Becomes what `other`, of the same producer, is. */
  take(other: ProducerEntry): void {
    this.producerEpoch = other.producerEpoch
    this.coordinatorEpoch = other.coordinatorEpoch
    this.lastTimestamp = other.lastTimestamp
    this.currentTxnFirstOffset = other.currentTxnFirstOffset
    this.#batches = other.#batches
  }

  get lastBatch(): ProducerBatch | null { return this.#batches[this.#batches.length - 1] ?? null }
  get lastSequence(): number { return this.lastBatch?.lastSequence ?? NO_SEQUENCE }

  /**
   * The remembered batch with exactly these sequences; null when there is none. The latest, where recovery found two: a producer that was forgotten in between
   * began again, and what comes again is what it sent last. (Kafka takes the first.)
   */
  findBatch(firstSequence: number, lastSequence: number): ProducerBatch | null {
    // The next one in order is none of them: the rule, for which the others are not fetched from memory.
    if (inSequence(this.lastSequence, firstSequence)) return null
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const batch = this.#batches[i]!
      if (batch.lastSequence === lastSequence && backSequence(lastSequence, batch.offsetDelta) === firstSequence) return batch
    }
    return null
  }

  /** Another epoch forgets the batches of the one before. */
  setEpoch(producerEpoch: number): void {
    if (producerEpoch === this.producerEpoch) return
    this.producerEpoch = producerEpoch
    this.#batches = []
  }

  addBatch(producerEpoch: number, batch: ProducerBatch): void {
    this.setEpoch(producerEpoch)
    const before = this.#batches
    // As long as it has to be: an array that grows takes room for as many again, in each of thousands of logs.
    this.#batches = before.length < CACHED_BATCHES ? before.concat([batch]) : [before[1]!, before[2]!, before[3]!, before[4]!, batch]
    this.lastTimestamp = batch.timestamp
  }

  summary(): ProducerSummary {
    return {
      producerId: this.producerId, producerEpoch: this.producerEpoch, lastSequence: this.lastSequence, lastTimestamp: this.lastTimestamp,
      coordinatorEpoch: this.coordinatorEpoch, currentTxnStartOffset: this.currentTxnFirstOffset,
    }
  }
}
