/** What `batches` and `poll` hand out: records of one partition, from one fetch. Iterated any number of times; valid for ever. */
import type { RecordSlice } from './record-slice.ts'
import { SliceCursor } from './record-slice.ts'
import type { ConsumerBatch, ConsumerRecord, RecordCursor } from './types.ts'

export class KafkaConsumerBatch<K, V> implements ConsumerBatch<K, V> {
  readonly #slice: RecordSlice<K, V>
  readonly #from: number
  readonly #to: number
  readonly #commit: (offset: number) => Promise<void>

  /** Rows `from` to `to`, at least one. */
  constructor(slice: RecordSlice<K, V>, from: number, to: number, commit: (offset: number) => Promise<void>) {
    this.#slice = slice
    this.#from = from
    this.#to = to
    this.#commit = commit
  }

  get topic(): string { return this.#slice.topic }
  get partition(): number { return this.#slice.partition }
  get baseOffset(): number { return this.#slice.offsets[this.#from]! }
  get lastOffset(): number { return this.#slice.offsets[this.#to - 1]! }
  get count(): number { return this.#to - this.#from }
  get highWatermark(): number { return this.#slice.highWatermark }

  * [Symbol.iterator](): Generator<ConsumerRecord<K, V>, void, void> {
    for (let row = this.#from; row < this.#to; row++) yield this.#slice.record(row)
  }

  cursor(): RecordCursor { return new SliceCursor(this.#slice, this.#from, this.#to) }

  /** Commits lastOffset + 1. Raises ILLEGAL_GENERATION when the partition is another member's by now, INVALID_GROUP_ID without a group. */
  commit(): Promise<void> { return this.#commit(this.lastOffset + 1) }
}
