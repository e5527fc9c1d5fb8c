/**
 * What compaction leaves of one batch (spec/storage-format 8.4): all of it, byte for byte; a batch of the records that stay, with their offsets; an empty
 * batch, where its offsets or sequences must not be forgotten; or nothing.
 *
 * A tombstone, and a marker whose transaction is gone, goes in two steps: the first round that meets it gives its batch a time to be gone by (attribute
 * bit 6, KIP-534), a round after that time takes it. What stays of magic 0 and 1 becomes magic 2.
 */
import { BATCH_HEADER_SIZE, type BatchHeader } from '../record/batch-format.ts'
import { readControlType } from '../record/control-record.ts'
import { buildBatch, RecordBatchBuilder, type BatchFields } from '../record/record-batch-builder.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { KeyOffsets } from './key-offsets.ts'

/** The last that a producer wrote, which tells its sequence and epoch to whoever opens the log. `lastOffset` −1: markers alone. */
export interface LastOfProducer { readonly lastOffset: number; readonly producerEpoch: number }

export interface CleaningRound {
  readonly keys: KeyOffsets
  readonly transactions: CleanedTransactions
  /** By producer id. */
  readonly lastOfProducers: ReadonlyMap<number, LastOfProducer>
  /** Wall clock at the start of the round. */
  readonly now: number
  readonly deleteRetentionMs: number
  /** The first offset that the round leaves alone. */
  readonly end: number
  /** Called between records: others have their turn, if it is time. */
  breathe(): Promise<void>
}

/** Between two times that others are asked: a batch may hold a hundred thousand. */
export const RECORDS_AT_ONCE = 64

/** Records that stay need so many bytes more than before: their timestamps are relative to another base. */
const DELTA_GROWTH = 10

export class BatchCleaner {
  readonly #round: CleaningRound
  readonly #cursor = new RecordCursor()
  /** Of the batch in hand: 1 for each record that stays. */
  #stays = new Uint8Array(256)
  #records = 0
  #kept = 0
  #keptBytes = 0
  #hasTombstones = false

  constructor(round: CleaningRound) { this.#round = round }

  /**
   * The bytes to write in place of the batch at `at`, which may be a view of `buffer`; null: none. `keepsLegacyTombstones`: of batches that cannot hold a time
   * to be gone by. Batches come in the order of the log. Raises CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE. The codec must have been loaded.
   */
  async clean(buffer: Uint8Array, at: number, header: BatchHeader, keepsLegacyTombstones: boolean): Promise<Uint8Array | null> {
    const { now, deleteRetentionMs } = this.#round
    this.#cursor.reset(buffer, at, at + header.size)
    const isSpent = this.#isSpent(header)
    const horizon = header.deleteHorizonMs
    const isDropped = isSpent && (!header.isControl || (horizon !== null && horizon <= now))
    await this.#judge(buffer, at, header, isDropped, keepsLegacyTombstones)
    if (this.#kept === 0) return this.#mustStay(header) ? emptyBatch(header) : null
    const needsHorizon = horizon === null && (this.#hasTombstones || (isSpent && header.isControl))
    if (this.#kept === this.#records && !needsHorizon && header.magic === 2) return buffer.subarray(at, at + header.size)
    return this.#rebuild(buffer, at, header, needsHorizon ? Math.min(now + deleteRetentionMs, Number.MAX_SAFE_INTEGER) : horizon)
  }

  /** Of an aborted transaction, or the marker of one that nothing is left of. */
  #isSpent(header: BatchHeader): boolean {
    const { transactions } = this.#round
    const { producerId, lastOffset } = header
    return header.isControl ? transactions.onControl(producerId, lastOffset, controlType(this.#cursor)) : transactions.onData(producerId, lastOffset, header.isTransactional)
  }

  async #judge(buffer: Uint8Array, at: number, header: BatchHeader, isDropped: boolean, keepsLegacyTombstones: boolean): Promise<void> {
    const { now } = this.#round
    const cursor = this.#cursor
    this.#records = 0
    this.#kept = 0
    this.#keptBytes = 0
    this.#hasTombstones = false
    if (isDropped) return
    const keepsTombstones = header.magic === 2 ? header.deleteHorizonMs === null || now < header.deleteHorizonMs : keepsLegacyTombstones
    cursor.reset(buffer, at, at + header.size)
    while (cursor.next()) {
      const index = this.#records++
      if (this.#records % RECORDS_AT_ONCE === 0) await this.#round.breathe()
      if (index === this.#stays.length) this.#stays = grown(this.#stays)
      const stays = header.isControl || this.#isLatest(cursor, keepsTombstones)
      this.#stays[index] = stays ? 1 : 0
      if (!stays) continue
      this.#kept++
      this.#keptBytes += cursor.sizeInBytes + DELTA_GROWTH
      if (cursor.valueLength < 0) this.#hasTombstones = true
    }
  }

  /** Of its key, as far as this round has looked. */
  #isLatest(cursor: RecordCursor, keepsTombstones: boolean): boolean {
    const { keys } = this.#round
    if (cursor.offset > keys.latestOffset) return true
    const key = cursor.key()
    return key !== null && cursor.offset >= keys.get(key) && (cursor.valueLength >= 0 || keepsTombstones)
  }

  /** Its last offset is where this round ends, or what is known of its producer rests on it. */
  #mustStay(header: BatchHeader): boolean {
    const { lastOfProducers, end } = this.#round
    if (header.nextOffset === end) return true
    const last = header.producerId < 0 ? undefined : lastOfProducers.get(header.producerId)
    if (last === undefined) return false
    return last.lastOffset >= 0 ? header.lastOffset === last.lastOffset : header.isControl && header.producerEpoch === last.producerEpoch
  }

  async #rebuild(buffer: Uint8Array, at: number, header: BatchHeader, horizon: number | null): Promise<Uint8Array> {
    const cursor = this.#cursor
    const builder = new RecordBatchBuilder(BATCH_HEADER_SIZE + this.#keptBytes)
    builder.reset(horizon ?? undefined)
    let baseOffset = header.baseOffset
    cursor.reset(buffer, at, at + header.size)
    for (let index = 0, isFirst = true; cursor.next(); index++) {
      if (index % RECORDS_AT_ONCE === RECORDS_AT_ONCE - 1) await this.#round.breathe()
      if (this.#stays[index] === 0) continue
      // What begins with the first of its records is found under that offset: batches of the old formats do, and they end with the last.
      if (isFirst && header.magic !== 2) baseOffset = cursor.offset
      isFirst = false
      const headers = cursor.headerCount === 0 ? null : cursor.headers()
      // Header keys that are no UTF-8 grow.
      while (!builder.appendAt(cursor.offset - baseOffset, cursor.timestamp, cursor.key(), cursor.value(), headers)) builder.enlarge(builder.capacity * 2)
    }
    return builder.seal({
      ...fieldsOf(header), baseOffset, ...(header.magic === 2 ? { lastOffsetDelta: header.lastOffset - baseOffset } : {}), compression: header.compression,
      ...(horizon === null ? {} : { deleteHorizonMs: horizon }), ...(header.timestampType === 'LogAppendTime' ? { logAppendTime: header.maxTimestamp } : {}),
    })
  }
}

function fieldsOf(header: BatchHeader): BatchFields {
  const { leaderEpoch, producerId, producerEpoch, baseSequence, isTransactional, isControl, timestampType } = header
  return { leaderEpoch, producerId, producerEpoch, baseSequence, isTransactional, isControl, timestampType }
}

/** Header alone: offsets, sequences and the greatest timestamp as before. */
function emptyBatch(header: BatchHeader): Uint8Array {
  const { baseOffset, lastOffset, maxTimestamp } = header
  return buildBatch([], { ...fieldsOf(header), baseOffset, lastOffsetDelta: lastOffset - baseOffset, maxTimestamp })
}

/** Null: the batch was emptied before. */
function controlType(cursor: RecordCursor): 'COMMIT' | 'ABORT' | 'OTHER' | null {
  if (!cursor.next()) return null
  const type = readControlType(cursor.key())
  return type === 'COMMIT' || type === 'ABORT' ? type : 'OTHER'
}

function grown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2)
  larger.set(bytes)
  return larger
}
