/**
 * One batch on its way: the builder that gathers its records, and who is to be told what became of them.
 *
 * Invariant: every record that was added is settled exactly once, in the order of adding: by `succeed` or by `fail`. Batches are pooled
 * with their slabs; a record that nobody waits for costs nothing, and others no object but their promise (send-outcome.ts).
 */
import type { OttlaError } from '../common/errors.ts'
import { writeInt64 } from '../common/int64.ts'
import { ATTRIBUTES_AT, BASE_SEQUENCE_AT, CRC_AT, PRODUCER_EPOCH_AT, PRODUCER_ID_AT, viewOf } from '../record/batch-format.ts'
import { crc32c } from '../record/crc32c.ts'
import { RecordBatchBuilder } from '../record/record-batch-builder.ts'
import { Outcome, type Fate, type Waiting } from './send-outcome.ts'
import type { RecordMetadata } from './types.ts'

const NO_FATES: readonly Fate[] = []

export class ProducerBatch {
  readonly builder: RecordBatchBuilder
  /** What this batch takes from buffer.memory. */
  reserved: number = 0
  /** As much of it as its records take. */
  filled: number = 0
  /** On the monotonic clock, ms. */
  createdAt: number = 0
  /** Rises within a partition; a retry keeps it. */
  order: number = 0
  /** Orders up to the next batch's: parts of a split batch share them. */
  orderWidth: number = 1
  bytes: Uint8Array | null = null
  producerId: number = -1
  producerEpoch: number = -1
  /** −1: none assigned yet. */
  baseSequence: number = -1
  /** Which of the batches that were given a sequence this is, in order. */
  placedAs: number = 0
  attempts: number = 0
  /** An attempt ended without word whether the batch was appended. */
  uncertain: boolean = false
  /** The last attempt was made with nothing else of this partition in flight. */
  alone: boolean = false
  settled: boolean = false
  /** Records that nobody waits for: told by the 'error' event. */
  posted: number = 0
  #whenSettled: (() => void)[] = []
  #outcome = new Outcome()
  /** The batch that this is a part of, and where in it. */
  #whole: ProducerBatch | null = null
  #from = 0
  #fates: readonly Fate[] = NO_FATES
  #unsettledParts = 1

  constructor(capacity: number) { this.builder = new RecordBatchBuilder(capacity) }

  get count(): number { return this.builder.count }

  /** Begins a life of the pooled object. */
  open(reserved: number, createdAt: number, order: number): void {
    this.reserved = reserved
    this.filled = 0
    this.createdAt = createdAt
    this.order = order
    this.orderWidth = 1
    this.producerId = -1
    this.producerEpoch = -1
    this.baseSequence = -1
    this.attempts = 0
    this.uncertain = false
    this.alone = false
    this.settled = false
    this.posted = 0
    if (this.#outcome.isGiven) this.#outcome.clear()
    else this.#outcome = new Outcome()
    this.#whole = null
    this.#from = 0
    this.#fates = NO_FATES
    this.#unsettledParts = 1
  }

  /** Registers who waits for record `index`, in rising order. The promise of a `send`, where `sender` stands for one. */
  register(index: number, timestamp: number, sender: Waiting, place: number, areMany: boolean): Promise<RecordMetadata> | null {
    if (sender !== null) return this.#outcome.add(index, timestamp, sender, place, areMany)
    this.posted++
    return null
  }

  /** Resolves all; returns how many promises of single records that settles. `baseOffset` −1: not known (acks 0). */
  succeed(topic: string, partition: number, baseOffset: number, logAppendTimeMs: number): number {
    return this.#settle({ from: this.#from, topic, partition, baseOffset, logAppendTimeMs, error: null })
  }

  /** Rejects all; returns how many promises of single records that settles. */
  fail(error: OttlaError): number { return this.#settle({ from: this.#from, topic: '', partition: -1, baseOffset: -1, logAppendTimeMs: -1, error }) }

  #settle(fate: Fate): number {
    const whole = this.#whole ?? this
    whole.#fates = whole.#fates === NO_FATES ? [fate] : [...whole.#fates, fate].sort((a, b) => a.from - b.from)
    const promises = --whole.#unsettledParts > 0 ? 0 : whole.#settleWhole()
    if (whole !== this) {
      // A part in the pool would hold the whole, slab and all.
      this.#whole = null
      this.#finish()
    }
    return promises
  }

  #settleWhole(): number {
    const promises = this.#outcome.settle(this.#fates)
    this.#finish()
    return promises
  }

  #finish(): void {
    this.settled = true
    if (this.#whenSettled.length === 0) return
    const listeners = this.#whenSettled
    this.#whenSettled = []
    for (const listener of listeners) listener()
  }

  whenSettled(): Promise<void> {
    if (this.settled) return Promise.resolve()
    return new Promise((resolve) => { this.#whenSettled.push(resolve) })
  }

  /**
   * Two other batches took over this one's records: the first `half` of them and the rest. Whoever waits is told once the last part is
   * settled, as this batch is; it must not be pooled.
   */
  splitInto(first: ProducerBatch, second: ProducerBatch, half: number): void {
    const whole = this.#whole ?? this
    whole.#unsettledParts++
    if (whole !== this) {
      whole.#whenSettled.push(...this.#whenSettled)
      this.#whenSettled = []
    }
    first.#whole = whole
    second.#whole = whole
    first.#from = this.#from
    second.#from = this.#from + half
    // Which records were posted is not kept: what matters is how many are lost when a part is.
    first.posted = Math.min(this.posted, half)
    second.posted = this.posted - first.posted
  }

  /** Writes producer id, epoch and sequence into the sealed bytes, and their checksum. */
  stamp(): void {
    const bytes = this.bytes!
    const view = viewOf(bytes)
    writeInt64(view, PRODUCER_ID_AT, this.producerId)
    view.setInt16(PRODUCER_EPOCH_AT, this.producerEpoch)
    view.setInt32(BASE_SEQUENCE_AT, this.baseSequence)
    view.setUint32(CRC_AT, crc32c(bytes, ATTRIBUTES_AT, bytes.length))
  }
}
