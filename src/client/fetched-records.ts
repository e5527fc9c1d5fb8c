/**
 * What one fetch brought of one partition, decoded bit by bit: whole batches back to back, the first of which may begin below the offset
 * asked for.
 *
 * Skipped: records below the position, control batches, and under read_committed the batches of aborted transactions (spec/storage-format
 * 6.1: a producer's transactional batches from the aborted transaction's first offset to its ABORT marker). Offsets may have gaps.
 * Damage raises CORRUPT_MESSAGE with topic, partition and the offset, after all before it was handed out; the position stays in front of it.
 */
import { OttlaError } from '../common/errors.ts'
import { peekBatchSize, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader } from '../record/batch-format.ts'
import { readControlType } from '../record/control-record.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { FetchLease } from './fetch-memory.ts'
import { MAX_SLICE_ROWS, RecordSlice, ROW, sharedColumns, type Deserializers, type RowSource, type SliceOrigin } from './record-slice.ts'

const { offsets, timestamps, rows } = sharedColumns

export interface FetchedPartition {
  readonly topic: string; readonly partition: number
  readonly records: Uint8Array
  readonly highWatermark: number
  /** Null under read_uncommitted. */
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[] | null
}

/** The last whole batch of `records`; null when there is none, or damage in front of it. */
export function lastBatch(records: Uint8Array): BatchHeader | null {
  const view = viewOf(records)
  let last: BatchHeader | null = null
  try {
    for (let position = 0; ;) {
      const size = peekBatchSize(records, view, position, records.length)
      if (size < 0) return last
      last = readBatchHeader(records, view, position, records.length)
      position += size
    }
  } catch {
    // The damage is reported when it is read; nothing is asked for beyond it before.
    return last
  }
}

export class FetchedRecords<K, V> {
  readonly #from: FetchedPartition
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #checkCrc: boolean
  readonly #origin: SliceOrigin<K, V>
  readonly #cursor = new RecordCursor()
  readonly #aborted: { producerId: number; firstOffset: number }[]
  readonly #abortedProducers = new Set<number>()
  #header: BatchHeader | null = null
  #damage: OttlaError | null = null
  /** Rows gathered by the `take` under way. */
  #count = 0
  #position = 0
  #nextOffset: number
  readonly #lease: FetchLease | null

  constructor(from: FetchedPartition, offset: number, checkCrc: boolean, deserializers: Deserializers<K, V>, lease: FetchLease | null = null) {
    this.#from = from
    this.#lease = lease
    this.#bytes = from.records
    this.#view = viewOf(from.records)
    this.#nextOffset = offset
    this.#checkCrc = checkCrc
    this.#origin = { topic: from.topic, partition: from.partition, highWatermark: from.highWatermark, deserializers, lease }
    this.#aborted = [...from.abortedTransactions ?? []].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Bytes that this keeps in memory. */
  get size(): number { return this.#bytes.length }
  /** Where reading goes on. */
  get nextOffset(): number { return this.#nextOffset }
  /** Nothing is left to take, and no damage to tell of. */
  get isRead(): boolean { return this.#header === null && this.#damage === null && this.#position >= this.#bytes.length }

  /** Everything was taken. */
  done(): void { this.#lease?.release() }

  /** At most `max` records; null when no more are in. Raises CORRUPT_MESSAGE when damage comes first. */
  take(max: number): RecordSlice<K, V> | null {
    if (this.#damage !== null) throw this.#damage
    const limit = Math.min(max, MAX_SLICE_ROWS)
    const sources: RowSource[] = []
    sharedColumns.claim()
    this.#count = 0
    try {
      while (this.#count < limit && (this.#header !== null || this.#openNext())) this.#readRows(limit, sources)
    } catch (error) {
      this.#damage = this.#located(OttlaError.from(error))
      if (this.#count === 0) throw this.#damage
    }
    const count = this.#count
    if (count === 0) return null
    return new RecordSlice(this.#origin, count, sources, this.#nextOffset)
  }

  #located(error: OttlaError): OttlaError {
    const { topic, partition } = this.#from
    if (error.code !== 'CORRUPT_MESSAGE') return error
    return new OttlaError('CORRUPT_MESSAGE', `${topic}-${partition} is damaged at offset ${this.#nextOffset}: ${error.message}; seek past it to go on`,
      { topic, partition, offset: this.#nextOffset, position: error.position, cause: error })
  }

  /** Goes to the next batch with records to hand out. False at the end. */
  #openNext(): boolean {
    for (;;) {
      const size = peekBatchSize(this.#bytes, this.#view, this.#position, this.#bytes.length)
      if (size < 0) return false
      const header = readBatchHeader(this.#bytes, this.#view, this.#position, this.#bytes.length)
      if (header.lastOffset >= this.#nextOffset) {
        if (this.#checkCrc && !verifyBatchCrc(this.#bytes, this.#view, this.#position, size)) {
          const problem = `the batch of offsets ${header.baseOffset} to ${header.lastOffset} fails its checksum`
          throw new OttlaError('CORRUPT_MESSAGE', problem, { position: this.#position })
        }
        if (!this.#isHidden(header)) {
          this.#cursor.reset(this.#bytes, this.#position, this.#bytes.length)
          this.#header = header
          this.#position += size
          return true
        }
        this.#nextOffset = header.nextOffset
      }
      this.#position += size
    }
  }

  /** Control batches, and data of aborted transactions. */
  #isHidden(header: BatchHeader): boolean {
    if (this.#from.abortedTransactions === null) return header.isControl
    while (this.#aborted.length > 0 && this.#aborted[0]!.firstOffset <= header.lastOffset) this.#abortedProducers.add(this.#aborted.shift()!.producerId)
    if (header.isControl) {
      const cursor = this.#cursor
      cursor.reset(this.#bytes, this.#position, this.#bytes.length)
      const ends = this.#abortedProducers.has(header.producerId) && cursor.next() && readControlType(cursor.key()) === 'ABORT'
      if (ends) this.#abortedProducers.delete(header.producerId)
      return true
    }
    return header.isTransactional && this.#abortedProducers.has(header.producerId)
  }

  /** Rows of the open batch, up to `limit` in all. */
  #readRows(limit: number, sources: RowSource[]): void {
    const header = this.#header!
    const cursor = this.#cursor
    const first = this.#count
    while (this.#count < limit) {
      if (!cursor.next()) {
        this.#header = null
        this.#nextOffset = Math.max(this.#nextOffset, header.nextOffset)
        return
      }
      const { offset } = cursor
      if (offset < this.#nextOffset) continue
      const row = this.#count
      if (row === first) this.#addSource(row, header, sources)
      offsets[row] = offset
      timestamps[row] = cursor.timestamp
      const at = row * ROW
      rows[at] = cursor.keyStart
      rows[at + 1] = cursor.keyLength
      rows[at + 2] = cursor.valueStart
      rows[at + 3] = cursor.valueLength
      rows[at + 4] = cursor.headerCount
      this.#count = row + 1
      this.#nextOffset = offset + 1
    }
  }

  #addSource(firstRow: number, header: BatchHeader, sources: RowSource[]): void {
    const bytes = this.#cursor.buffer() as Buffer
    const last = sources.at(-1)
    if (last !== undefined && last.bytes === bytes && last.timestampType === header.timestampType && last.leaderEpoch === header.leaderEpoch) return
    const { timestampType, leaderEpoch } = header
    sources.push({ firstRow, bytes, memory: bytes.buffer, memoryOffset: bytes.byteOffset, timestampType, leaderEpoch })
  }
}
