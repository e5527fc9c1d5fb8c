/**
 * One batch on its way: the builder that gathers its records, and who is to be told what became of them.
 *
 * Invariant: every record that was added is settled exactly once, in the order of adding: by `succeed` or by `fail`. The arrays run in
 * parallel (structure of arrays) and are kept with the builder, so that a record costs no object of its own.
 */
import type { OttlaError } from '../common/errors.ts'
import { ATTRIBUTES_AT, BASE_SEQUENCE_AT, CRC_AT, PRODUCER_EPOCH_AT, PRODUCER_ID_AT, viewOf } from '../record/batch-format.ts'
import { writeInt64 } from '../common/int64.ts'
import { crc32c } from '../record/crc32c.ts'
import type { RecordBatchBuilder } from '../record/record-batch-builder.ts'
import type { RecordMetadata } from './types.ts'

export type Resolve = (metadata: RecordMetadata) => void
export type Reject = (error: OttlaError) => void

/** The one promise of a `sendBatch`: results by place, the first error, and how many records are still out. */
export class SendGroup {
  readonly #results: RecordMetadata[]
  readonly #resolve: (results: RecordMetadata[]) => void
  readonly #reject: Reject
  #open: number
  #error: OttlaError | null = null

  constructor(count: number, resolve: (results: RecordMetadata[]) => void, reject: Reject) {
    this.#results = Array.from<RecordMetadata>({ length: count })
    this.#open = count
    this.#resolve = resolve
    this.#reject = reject
  }

  /** True when this was the last record. */
  done(place: number, metadata: RecordMetadata): boolean {
    this.#results[place] = metadata
    return this.#settled()
  }

  failed(error: OttlaError): boolean {
    this.#error ??= error
    return this.#settled()
  }

  #settled(): boolean {
    if (--this.#open > 0) return false
    if (this.#error === null) this.#resolve(this.#results)
    else this.#reject(this.#error)
    return true
  }
}

/** Who waits for a record: a promise, a place in a group, or (both null) nobody but the 'error' event. */
export interface Waiter { readonly resolve: Resolve | null; readonly reject: Reject | null; readonly group: SendGroup | null; readonly place: number }

export class ProducerBatch {
  readonly builder: RecordBatchBuilder
  /** What this batch takes from buffer.memory. */
  readonly reserved: number
  /** On the monotonic clock, ms. */
  readonly createdAt: number
  /** Rises within a partition; a retry keeps it. */
  readonly order: number
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
  /** Records from `post`: told by the 'error' event. */
  posted: number = 0
  #whenSettled: (() => void)[] = []
  readonly #resolve: (Resolve | null)[] = []
  readonly #reject: (Reject | null)[] = []
  readonly #group: (SendGroup | null)[] = []
  readonly #place: number[] = []
  readonly #timestamp: number[] = []

  constructor(builder: RecordBatchBuilder, reserved: number, createdAt: number, order: number) {
    this.builder = builder
    this.reserved = reserved
    this.createdAt = createdAt
    this.order = order
  }

  get count(): number { return this.#timestamp.length }

  /** Registers the record that was just appended to the builder. */
  register(timestamp: number, resolve: Resolve | null, reject: Reject | null, group: SendGroup | null, place: number): void {
    this.#timestamp.push(timestamp)
    this.#resolve.push(resolve)
    this.#reject.push(reject)
    this.#group.push(group)
    this.#place.push(place)
    if (resolve === null && group === null) this.posted++
  }

  /** Resolves all; returns how many promises that were. `baseOffset` −1: not known (acks 0). */
  succeed(topic: string, partition: number, baseOffset: number, logAppendTimeMs: number): number {
    let promises = 0
    const count = this.#timestamp.length
    for (let i = 0; i < count; i++) {
      const resolve = this.#resolve[i]!
      const group = this.#group[i]!
      if (resolve === null && group === null) continue
      const metadata = { topic, partition, offset: baseOffset < 0 ? -1 : baseOffset + i, timestamp: logAppendTimeMs >= 0 ? logAppendTimeMs : this.#timestamp[i]! }
      if (resolve !== null) {
        promises++
        resolve(metadata)
      } else if (group!.done(this.#place[i]!, metadata)) promises++
    }
    this.#finish()
    return promises
  }

  /** Rejects all; returns how many promises that were. */
  fail(error: OttlaError): number {
    let promises = 0
    const count = this.#timestamp.length
    for (let i = 0; i < count; i++) {
      const reject = this.#reject[i]!
      if (reject !== null) {
        promises++
        reject(error)
      } else if (this.#group[i]?.failed(error) === true) promises++
    }
    this.#finish()
    return promises
  }

  #finish(): void {
    this.settled = true
    const listeners = this.#whenSettled
    this.#whenSettled = []
    for (const listener of listeners) listener()
  }

  whenSettled(): Promise<void> {
    if (this.settled) return Promise.resolve()
    return new Promise((resolve) => { this.#whenSettled.push(resolve) })
  }

  /** Those who wait for records `from` to `to` go over to `target`, whose builder has the same records at its end. */
  handOver(target: ProducerBatch, from: number, to: number): void {
    for (let i = from; i < to; i++) target.register(this.#timestamp[i]!, this.#resolve[i]!, this.#reject[i]!, this.#group[i]!, this.#place[i]!)
  }

  /** All were handed over. */
  leave(successors: readonly ProducerBatch[]): void {
    void Promise.all(successors.map((batch) => batch.whenSettled())).then(() => this.#finish())
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
