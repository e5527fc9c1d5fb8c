/** Partitions in plain memory with the rules of an idempotent append (spec/storage-format 10.2): the log behind FakeBroker. */
import { advanceSequence, patchBatch, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader } from '../../src/record/batch-format.ts'
import { readBatch, type DecodedRecord } from '../../src/record/record-cursor.ts'

export interface StoredBatch { readonly header: BatchHeader; readonly bytes: Uint8Array }
interface ProducerEntry { epoch: number; lastSequence: number; recent: { first: number; last: number; baseOffset: number }[] }

export class FakePartition {
  readonly batches: StoredBatch[] = []
  readonly #producers = new Map<number, ProducerEntry>()
  readonly #listeners = new Set<() => void>()
  logStartOffset = 0
  endOffset = 0
  /** Null: the end. */
  stableOffset: number | null = null
  aborted: { producerId: number; firstOffset: number }[] = []

  /** Null when the batch fits; an error code otherwise. A duplicate gives the offset it had. */
  append(records: Uint8Array): { errorCode: number; baseOffset: number } {
    const bytes = Uint8Array.from(records)
    const view = viewOf(bytes)
    const header = readBatchHeader(bytes, view, 0, bytes.length)
    if (!verifyBatchCrc(bytes, view, 0, header.size) || header.size !== bytes.length) return { errorCode: 2, baseOffset: -1 }
    if (header.producerId >= 0) {
      const known = this.#producers.get(header.producerId)
      const again = known?.epoch === header.producerEpoch
        ? known.recent.find((each) => each.first === header.baseSequence && each.last === header.lastSequence) : undefined
      if (again !== undefined) return { errorCode: 0, baseOffset: again.baseOffset }
      if (known !== undefined && header.producerEpoch < known.epoch) return { errorCode: 47, baseOffset: -1 }
      if (known !== undefined && header.producerEpoch > known.epoch && header.baseSequence !== 0) return { errorCode: 45, baseOffset: -1 }
      if (known !== undefined && header.producerEpoch === known.epoch
        && header.baseSequence !== advanceSequence(known.lastSequence, 1)) return { errorCode: 45, baseOffset: -1 }
      const entry = known?.epoch === header.producerEpoch ? known : { epoch: header.producerEpoch, lastSequence: -1, recent: [] }
      entry.lastSequence = header.lastSequence
      entry.recent = [...entry.recent, { first: header.baseSequence, last: header.lastSequence, baseOffset: this.endOffset }].slice(-5)
      this.#producers.set(header.producerId, entry)
    }
    return { errorCode: 0, baseOffset: this.store(bytes, this.endOffset) }
  }

  /** Puts a batch at the end as it is, its offset set; for what producers cannot write: markers, gaps, damage. */
  store(bytes: Uint8Array, baseOffset: number = this.endOffset): number {
    patchBatch(viewOf(bytes), 0, baseOffset, 0)
    const header = readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)
    this.batches.push({ header, bytes })
    this.endOffset = header.nextOffset
    for (const listener of Array.from(this.#listeners)) listener()
    return baseOffset
  }

  forgetProducers(): void { this.#producers.clear() }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Whole batches from the one that holds `offset`, up to `maxBytes` but at least one, below `limit`. */
  read(offset: number, maxBytes: number, limit: number): Uint8Array {
    const parts: Uint8Array[] = []
    let size = 0
    for (const { header, bytes } of this.batches) {
      if (header.lastOffset < offset || header.baseOffset >= limit) continue
      if (parts.length > 0 && size + bytes.length > maxBytes) break
      parts.push(bytes)
      size += bytes.length
    }
    return Uint8Array.from(Buffer.concat(parts))
  }

  /** All data records, decoded by the readers of record/. */
  records(): DecodedRecord[] {
    return this.batches.flatMap(({ header, bytes }) => header.isControl ? [] : readBatch(bytes).records)
  }

  values(): string[] { return this.records().map((record) => record.value === null ? 'null' : Buffer.from(record.value).toString('utf8')) }
}
