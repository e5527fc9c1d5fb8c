/**
 * Producers and transactions of one partition in memory (spec/storage-format 10.1–10.4): who wrote what last, which transactions are open, which have
 * ended but not yet below the high watermark. Knows no files. Changed by ProducerAppendGroup.commit and by ProducerStateManager alone.
 */
import type { ProducerEntry } from './producer-entry.ts'
import type { SnapshotEntry } from './producer-snapshot.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

interface EndedTransaction { readonly firstOffset: number; readonly lastOffset: number }

export class ProducerTable {
  readonly #entries = new Map<number, ProducerEntry>()
  /** The one asked for last: most logs have one producer, or many batches in a row of one. */
  #last: ProducerEntry | null = null
  /** First offset → producer id. Offsets only grow, so insertion order is ascending order. */
  readonly #open = new Map<number, number>()
  /** In order of their markers. */
  #ended: EndedTransaction[] = []
  /** Of both: with none, which is the rule, nothing else is looked at. */
  #transactions = 0

  get size(): number { return this.#entries.size }

  entry(producerId: number): ProducerEntry | undefined {
    if (this.#last?.producerId === producerId) return this.#last
    const entry = this.#entries.get(producerId)
    if (entry !== undefined) this.#last = entry
    return entry
  }

  /** Ascending by producer id. */
  entries(): ProducerEntry[] { return [...this.#entries.values()].sort((a, b) => a.producerId - b.producerId) }

  /** Takes the state of a producer over; the object only where there was none. */
  set(entry: ProducerEntry): void {
    const there = this.entry(entry.producerId)
    if (there === undefined) this.#entries.set(entry.producerId, entry)
    else there.take(entry)
  }

  openTransaction(producerId: number, firstOffset: number): void {
    this.#open.set(firstOffset, producerId)
    this.#counted()
  }

  #counted(): void { this.#transactions = this.#open.size + this.#ended.length }

  /** Returns the transaction index entry of an aborted transaction, else null. */
  endTransaction(producerId: number, firstOffset: number, lastOffset: number, aborted: boolean): TransactionIndexEntry | null {
    this.#open.delete(firstOffset)
    this.#ended.push({ firstOffset, lastOffset })
    this.#counted()
    return aborted ? { producerId, firstOffset, lastOffset, lastStableOffset: this.firstOpen ?? lastOffset + 1 } : null
  }

  /** First offset of the oldest open transaction. */
  get firstOpen(): number | null {
    for (const firstOffset of this.#open.keys()) return firstOffset
    return null
  }

  /** Lowest first offset of open transactions and of ended ones that are not stable yet; null: none. */
  get firstUnstable(): number | null {
    if (this.#transactions === 0) return null
    let first = this.firstOpen
    for (const { firstOffset } of this.#ended) if (first === null || firstOffset < first) first = firstOffset
    return first
  }

  /** Transactions whose marker lies below `offset` are stable. */
  stabilise(offset: number): void {
    if (this.#transactions === 0) return
    this.#ended = this.#ended.filter((t) => t.lastOffset >= offset)
    this.#counted()
  }

  /** Returns how many producers went. */
  removeIf(expired: (entry: ProducerEntry) => boolean): number {
    const before = this.#entries.size
    for (const entry of this.#entries.values()) if (expired(entry)) this.#entries.delete(entry.producerId)
    this.#last = null
    return before - this.#entries.size
  }

  clear(): void {
    this.#entries.clear()
    this.#last = null
    this.#open.clear()
    this.#ended = []
    this.#counted()
  }

  snapshot(): SnapshotEntry[] {
    return this.entries().map((e) => ({
      producerId: e.producerId, producerEpoch: e.producerEpoch, lastSequence: e.lastSequence, lastOffset: e.lastBatch?.lastOffset ?? -1,
      offsetDelta: e.lastBatch?.offsetDelta ?? 0, timestamp: e.lastTimestamp, coordinatorEpoch: e.coordinatorEpoch,
        currentTxnFirstOffset: e.currentTxnFirstOffset,
    }))
  }

  /** Takes the place of everything there is. */
  load(entries: readonly ProducerEntry[]): void {
    this.clear()
    for (const entry of entries) this.set(entry)
    const open = entries.filter((e) => e.currentTxnFirstOffset >= 0).sort((a, b) => a.currentTxnFirstOffset - b.currentTxnFirstOffset)
    for (const entry of open) this.openTransaction(entry.producerId, entry.currentTxnFirstOffset)
  }
}
