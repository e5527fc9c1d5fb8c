/** What `batches` and `poll` hand out: records of one partition, from one fetch. Iterated any number of times; valid for ever, unless a cursor was asked for. */
import { OttlaError } from '../common/errors.ts'
import type { RecordSlice } from './record-slice.ts'
import { SliceCursor } from './record-slice.ts'
import type { ConsumerBatch, ConsumerRecord, RecordCursor } from './types.ts'

export class KafkaConsumerBatch<K, V> implements ConsumerBatch<K, V> {
  readonly #slice: RecordSlice<K, V>
  readonly #from: number
  readonly #to: number
  readonly #commit: (offset: number) => Promise<void>
  #hasCursor = false
  #isGone = false

  /** Rows `from` to `to`, at least one. */
  constructor(slice: RecordSlice<K, V>, from: number, to: number, commit: (offset: number) => Promise<void>) {
    this.#slice = slice
    this.#from = from
    this.#to = to
    this.#commit = commit
  }

  get topic(): string { return this.#slice.topic }
  get partition(): number { return this.#slice.partition }
  get baseOffset(): number { return this.#slice.offsetAt(this.#from) }
  get lastOffset(): number { return this.#slice.offsetAt(this.#to - 1) }
  get count(): number { return this.#to - this.#from }
  get highWatermark(): number { return this.#slice.highWatermark }

  * [Symbol.iterator](): Generator<ConsumerRecord<K, V>, void, void> {
    this.#checkThere()
    for (let row = this.#from; row < this.#to; row++) yield this.#slice.record(row)
  }

  cursor(): RecordCursor {
    this.#checkThere()
    this.#hasCursor = true
    return new SliceCursor(this.#slice, this.#from, this.#to)
  }

  /** The next batch is asked for. Whoever never took a cursor may still come back for the records; else their memory is used again. */
  release(): void {
    const { lease } = this.#slice
    if (lease === null) return
    if (this.#hasCursor) this.#isGone = true
    else lease.pin()
    if (!lease.isPinned && this.#to === this.#slice.count) this.#slice.done()
    lease.release()
  }

  #checkThere(): void {
    if (this.#isGone) throw new OttlaError('INVALID_ARGUMENT', 'a batch that was read by its cursor is gone once the next one is asked for: iterate over it to keep its records')
  }

  /** Commits lastOffset + 1. Raises ILLEGAL_GENERATION when the partition is another member's by now, INVALID_GROUP_ID without a group. */
  commit(): Promise<void> { return this.#commit(this.lastOffset + 1) }
}
