/**
 * What a walk over a log knows of its transactions, for compaction (spec/storage-format 8.4; Kafka's CleanedTransactionMetadata): whose batches were
 * aborted, and of whose no batch was seen before the marker. Such a marker has nothing left to decide and may go.
 *
 * Batches are told in the order of the log; the aborted transactions of a stretch before its first batch.
 */
import type { TransactionIndexEntry } from './transaction-index.ts'

interface Aborted { readonly entry: TransactionIndexEntry; isSeen: boolean }

export class CleanedTransactions {
  /** Ascending by first offset; not begun yet. */
  #coming: TransactionIndexEntry[] = []
  readonly #aborted = new Map<number, Aborted>()
  readonly #committed = new Set<number>()
  readonly #kept: (entry: TransactionIndexEntry) => void

  /** `kept` is told of aborted transactions whose marker stays: readers of committed records need them in the index. */
  constructor(kept: (entry: TransactionIndexEntry) => void = () => {}) { this.#kept = kept }

  /** Of the stretch that comes; what is known already may be among them. */
  expect(aborted: readonly TransactionIndexEntry[]): void {
    if (aborted.length > 0) this.#coming = [...this.#coming, ...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  #begin(lastOffset: number): void {
    while (this.#coming.length > 0 && this.#coming[0]!.firstOffset <= lastOffset) {
      const entry = this.#coming.shift()!
      if (!this.#aborted.has(entry.producerId)) this.#aborted.set(entry.producerId, { entry, isSeen: false })
    }
  }

  /** A batch of data; true: its transaction was aborted. */
  onData(producerId: number, lastOffset: number, isTransactional: boolean): boolean {
    this.#begin(lastOffset)
    if (!isTransactional) return false
    const aborted = this.#aborted.get(producerId)
    if (aborted === undefined) this.#committed.add(producerId)
    else aborted.isSeen = true
    return aborted !== undefined
  }

  /** A control batch, `type` null: it was emptied before. True: nothing of its transaction was seen, so that it need not stay. */
  onControl(producerId: number, lastOffset: number, type: 'COMMIT' | 'ABORT' | 'OTHER' | null): boolean {
    this.#begin(lastOffset)
    if (type === null) return true
    if (type === 'COMMIT') return !this.#committed.delete(producerId)
    if (type === 'OTHER') return false
    const aborted = this.#aborted.get(producerId)
    this.#aborted.delete(producerId)
    if (aborted?.isSeen !== true) return true
    this.#kept(aborted.entry)
    return false
  }
}
