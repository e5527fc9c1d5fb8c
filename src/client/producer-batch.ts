/**
 * One batch on its way: the builder that gathers its records, and who is to be told what became of them.
 *
 * Invariant: every record that was added is settled exactly once, in the order of adding: by `succeed` or by `fail`. Batches are pooled
 * with their slabs; those who wait are kept in parallel arrays, so that a record costs no object of its own and a record that nobody waits for
 * costs nothing. Records of one `sendBatch` that follow one another are one entry of them. The arrays of functions are new for each life: a young
 * object stored into an old array is remembered, and looked at again, by the garbage collector.
 */
import type { OttlaError } from '../common/errors.ts'
import { writeInt64 } from '../common/int64.ts'
import { ATTRIBUTES_AT, BASE_SEQUENCE_AT, CRC_AT, PRODUCER_EPOCH_AT, PRODUCER_ID_AT, viewOf } from '../record/batch-format.ts'
import { crc32c } from '../record/crc32c.ts'
import { RecordBatchBuilder } from '../record/record-batch-builder.ts'
import type { RecordMetadata } from './types.ts'

export type Resolve = (metadata: RecordMetadata) => void
export type Reject = (error: OttlaError) => void

/** The one promise of a `sendBatch`: results by place, the first error, and how many records are still out. */
export class SendGroup {
  readonly #results: RecordMetadata[] = []
  readonly #resolve: (results: RecordMetadata[]) => void
  readonly #reject: Reject
  #open: number
  #error: OttlaError | null = null

  constructor(count: number, resolve: (results: RecordMetadata[]) => void, reject: Reject) {
    this.#results.length = count
    this.#open = count
    this.#resolve = resolve
    this.#reject = reject
  }

  /** What became of the record at `place`. */
  result(place: number, metadata: RecordMetadata): void { this.#results[place] = metadata }

  /** `count` records have their results. True when these were the last ones. */
  done(count: number): boolean { return this.#settled(count) }

  /** True when these were the last ones. */
  failed(error: OttlaError, count: number): boolean {
    this.#error ??= error
    return this.#settled(count)
  }

  #settled(count: number): boolean {
    this.#open -= count
    if (this.#open > 0) return false
    if (this.#error === null) this.#resolve(this.#results)
    else this.#reject(this.#error)
    return true
  }
}

const NOBODY: never[] = []

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
  #entries = 0
  /** Per entry: the place in the batch of its first record, and either a promise's functions (one record) or a run of places in a group. */
  readonly #index: number[] = []
  #resolve: (Resolve | null)[] = NOBODY
  #reject: (Reject | null)[] = NOBODY
  /** Of those without functions. */
  #group: SendGroup[] = NOBODY
  readonly #place: number[] = []
  readonly #length: number[] = []
  /** Of each record that is waited for. */
  readonly #timestamp: number[] = []
  #waitedFor = 0

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
  }

  /** Registers who waits for record `index`, in rising order; nobody when all are null. */
  register(index: number, timestamp: number, resolve: Resolve | null, reject: Reject | null, group: SendGroup | null, place: number): void {
    if (resolve === null && group === null) {
      this.posted++
      return
    }
    this.#timestamp[this.#waitedFor++] = timestamp
    if (group !== null && this.#follows(index, group, place)) {
      this.#length[this.#entries - 1]!++
      return
    }
    const at = this.#entries++
    this.#index[at] = index
    if (at === 0) {
      // As long as need be: an empty array makes room for seventeen with its first.
      this.#resolve = [resolve]
      this.#reject = [reject]
    } else {
      this.#resolve[at] = resolve
      this.#reject[at] = reject
    }
    if (group === null) return
    if (this.#group === NOBODY) this.#group = []
    this.#group[at] = group
    this.#place[at] = place
    this.#length[at] = 1
  }

  /** The last entry goes on with it. */
  #follows(index: number, group: SendGroup, place: number): boolean {
    const last = this.#entries - 1
    if (last < 0 || this.#group[last] !== group) return false
    const length = this.#length[last]!
    return this.#place[last]! + length === place && this.#index[last]! + length === index
  }

  /** Resolves all; returns how many promises that were. `baseOffset` −1: not known (acks 0). */
  succeed(topic: string, partition: number, baseOffset: number, logAppendTimeMs: number): number {
    let promises = 0
    let at = 0
    const count = this.#entries
    for (let i = 0; i < count; i++) {
      const first = this.#index[i]!
      const resolve = this.#resolve[i]!
      const length = resolve === null ? this.#length[i]! : 1
      for (let k = 0; k < length; k++, at++) {
        const offset = baseOffset < 0 ? -1 : baseOffset + first + k
        const metadata = { topic, partition, offset, timestamp: logAppendTimeMs >= 0 ? logAppendTimeMs : this.#timestamp[at]! }
        if (resolve === null) this.#group[i]!.result(this.#place[i]! + k, metadata)
        else resolve(metadata)
      }
      if (resolve !== null || this.#group[i]!.done(length)) promises++
    }
    this.#finish()
    return promises
  }

  /** Rejects all; returns how many promises that were. */
  fail(error: OttlaError): number {
    let promises = 0
    const count = this.#entries
    for (let i = 0; i < count; i++) {
      const reject = this.#reject[i]!
      if (reject !== null) {
        promises++
        reject(error)
      } else if (this.#group[i]!.failed(error, this.#length[i]!)) promises++
    }
    this.#finish()
    return promises
  }

  #forgetWaiters(): void {
    this.#resolve = NOBODY
    this.#reject = NOBODY
    this.#group = NOBODY
    this.#entries = 0
    this.#waitedFor = 0
  }

  #finish(): void {
    this.settled = true
    this.#forgetWaiters()
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
   * Two other batches took over this one's records: the first `half` of them and the rest. Who waits goes with them, and this batch is
   * settled when they are; it must not be pooled.
   */
  splitInto(first: ProducerBatch, second: ProducerBatch, half: number): void {
    let at = 0
    for (let i = 0; i < this.#entries; i++) {
      const length = this.#resolve[i] === null ? this.#length[i]! : 1
      for (let k = 0; k < length; k++, at++) {
        const index = this.#index[i]! + k
        const target = index < half ? first : second
        target.register(index < half ? index : index - half, this.#timestamp[at]!, this.#resolve[i]!, this.#reject[i]!, this.#group[i] ?? null, (this.#place[i] ?? 0) + k)
      }
    }
    // Which records were posted is not kept: what matters is how many are lost when a part is.
    first.posted = Math.min(this.posted, half)
    second.posted = this.posted - first.posted
    this.#forgetWaiters()
    void Promise.all([first.whenSettled(), second.whenSettled()]).then(() => this.#finish())
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
