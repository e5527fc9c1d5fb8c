/**
 * The async iterators of a consumer. `next` says that what was handed out before is processed; leaving the loop (`return`) says so too;
 * `throw`, which only a caller by hand can use, says the opposite. After the end, an error or leaving, an iterator is done for good, and the
 * consumer may be read by another.
 */
import type { ConsumerRecord } from './types.ts'
import type { Taken } from './fetcher.ts'

/** What iterators need of their consumer. */
export interface StreamHost<T> {
  /** Null: the consumer is closed. Rejects when another reader holds the consumer. */
  next(reader: object): Promise<T | null>
  /** `reader` ends; `processed` whether what it holds counts so. */
  release(reader: object, processed: boolean): void
}

const DONE = { done: true, value: undefined } as const

export class BatchStream<T> implements AsyncIterableIterator<T, undefined, void> {
  readonly #host: StreamHost<T>
  #done = false

  constructor(host: StreamHost<T>) { this.#host = host }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#done) return DONE
    try {
      const value = await this.#host.next(this)
      if (value !== null) return { done: false, value }
      this.#end(true)
      return DONE
    } catch (error) {
      this.#end(true)
      throw error
    }
  }

  #end(processed: boolean): void {
    if (this.#done) return
    this.#done = true
    this.#host.release(this, processed)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end(true)
    return Promise.resolve(DONE)
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#end(false)
    return Promise.reject(error)
  }

  [Symbol.asyncIterator](): this { return this }
}

/** One record after another: a resolved promise each while a slice lasts, so that a record costs no round through the consumer. */
export class RecordStream<K, V> implements AsyncIterableIterator<ConsumerRecord<K, V>, undefined, void> {
  readonly #host: StreamHost<Taken<K, V>>
  /** Set when the consumer wants to be asked before the next record. */
  readonly #interruption: { readonly pending: boolean }
  #taken: Taken<K, V> | null = null
  /** Of the record in hand. */
  #row = 0
  #done = false

  constructor(host: StreamHost<Taken<K, V>>, interruption: { readonly pending: boolean }) {
    this.#host = host
    this.#interruption = interruption
  }

  next(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    const taken = this.#taken
    if (taken === null || this.#row + 1 >= taken.to || this.#interruption.pending) return this.#ask()
    this.#finishRow(taken)
    return Promise.resolve(this.#handOut(taken, this.#row + 1))
  }

  #handOut(taken: Taken<K, V>, row: number): IteratorResult<ConsumerRecord<K, V>, undefined> {
    this.#row = row
    const { partition } = taken
    if (partition.version === taken.version) partition.position = behind(taken, row)
    return { done: false, value: taken.slice.record(row) }
  }

  #finishRow(taken: Taken<K, V>): void { taken.partition.finish(behind(taken, this.#row), taken.version) }

  /** Gives back what was not handed out, the record in hand too unless it is processed. */
  #putDown(processed: boolean): void {
    const taken = this.#taken
    if (taken === null) return
    this.#taken = null
    if (processed) this.#finishRow(taken)
    taken.partition.giveBack(taken.slice, processed ? this.#row + 1 : this.#row, taken.version)
  }

  async #ask(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    if (this.#done) return DONE
    this.#putDown(true)
    try {
      const taken = await this.#host.next(this)
      if (taken !== null) {
        this.#taken = taken
        return this.#handOut(taken, taken.from)
      }
      this.#end(true)
      return DONE
    } catch (error) {
      this.#end(true)
      throw error
    }
  }

  #end(processed: boolean): void {
    if (this.#done) return
    this.#done = true
    this.#putDown(processed)
    this.#host.release(this, processed)
  }

  return(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    this.#end(true)
    return Promise.resolve(DONE)
  }

  throw(error: unknown): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    this.#end(false)
    return Promise.reject(error)
  }

  [Symbol.asyncIterator](): this { return this }
}

/** Where reading goes on behind a row. */
function behind<K, V>(taken: Taken<K, V>, row: number): number { return row + 1 < taken.to ? taken.slice.offsetAt(row) + 1 : taken.nextOffset }
