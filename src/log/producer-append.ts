/**
 * Producer state of a group of appends that is not written yet. Checks every batch against the committed state and the batches staged before it in the
 * same group (spec/storage-format 10.2); nothing reaches the table before `commit`. To give up a group, drop the object.
 */
import { OttlaError } from '../common/errors.ts'
import type { BatchHeader } from '../record/batch-format.ts'
import type { AppendOrigin } from './log-types.ts'
import { inSequence, NO_PRODUCER_EPOCH, NO_SEQUENCE, ProducerEntry } from './producer-entry.ts'
import type { ProducerTable } from './producer-table.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

/** The fields of a data batch that matter here; BatchHeader has them. */
export type ProducerFields = Pick<BatchHeader,
  'producerId' | 'producerEpoch' | 'baseSequence' | 'lastSequence' | 'lastOffsetDelta' | 'maxTimestamp' | 'isTransactional'>

/** What an end-of-transaction marker says. */
export interface EndMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly type: 'ABORT' | 'COMMIT'
  readonly coordinatorEpoch: number
  /** Of the control record. */
  readonly timestamp: number
}

/** A batch that was appended before: what its append answered. `staged`: in this very group, so answer when the group is settled. */
export interface DuplicateBatch { readonly baseOffset: number; readonly lastOffset: number; readonly timestamp: number; readonly staged: boolean }

/** What happened to transactions, in log order: the last stable offset of an entry depends on it. */
type TransactionEvent =
  | { readonly kind: 'open'; readonly producerId: number; readonly firstOffset: number }
  | { readonly kind: 'end'; readonly producerId: number; readonly firstOffset: number; readonly lastOffset: number; readonly aborted: boolean }

const NO_EVENTS: never[] = []

export class ProducerAppendGroup {
  readonly #table: ProducerTable
  readonly #committedEnd: number
  readonly #onCommit: (endOffset: number) => void
  /** Most groups are of one producer; the others are in the table. */
  #first: ProducerEntry | null = null
  #others: Map<number, ProducerEntry> | null = null
  #events: TransactionEvent[] = NO_EVENTS

  /** Made by ProducerStateManager. `committedEnd`: offset after everything in `table`. */
  constructor(table: ProducerTable, committedEnd: number, onCommit: (endOffset: number) => void) {
    this.#table = table
    this.#committedEnd = committedEnd
    this.#onCommit = onCommit
  }

  #staged(producerId: number): ProducerEntry | undefined { return this.#first?.producerId === producerId ? this.#first : this.#others?.get(producerId) }

  #entry(producerId: number): ProducerEntry | undefined { return this.#staged(producerId) ?? this.#table.entry(producerId) }

  #stage(producerId: number): ProducerEntry {
    const staged = this.#staged(producerId)
    if (staged !== undefined) return staged
    const entry = this.#table.entry(producerId)?.clone() ?? new ProducerEntry(producerId)
    if (this.#first === null) this.#first = entry
    else (this.#others ??= new Map()).set(producerId, entry)
    return entry
  }

  #note(event: TransactionEvent): void {
    if (this.#events.length === 0) this.#events = [event]
    else this.#events.push(event)
  }

  /** Client and in-process origin, before `append`: is it one of the producer's last five batches? Null for producerId < 0. */
  findDuplicate(batch: ProducerFields): DuplicateBatch | null {
    if (batch.producerId < 0) return null
    const entry = this.#entry(batch.producerId)
    if (entry === undefined || entry.producerEpoch !== batch.producerEpoch) return null
    const found = entry.findBatch(batch.baseSequence, batch.lastSequence)
    if (found === null) return null
    return { baseOffset: found.lastOffset - found.offsetDelta, lastOffset: found.lastOffset, timestamp: found.timestamp,
      staged: found.lastOffset >= this.#committedEnd }
  }

  /**
   * Checks and stages a data batch that will get `baseOffset`. No-op for producerId < 0. Raises OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH,
   * INVALID_TXN_STATE; then the group is as before the call. Of `replication` nothing is refused: it is in the leader's log.
   */
  append(batch: ProducerFields, baseOffset: number, origin: AppendOrigin): void {
    const { producerId, producerEpoch, lastSequence, lastOffsetDelta: offsetDelta, isTransactional } = batch
    if (producerId < 0) return
    const known = this.#entry(producerId)
    if (known !== undefined && origin !== 'replication') checkBatch(batch, known, origin)
    const entry = this.#stage(producerId)
    entry.addBatch(producerEpoch, { lastSequence, lastOffset: baseOffset + offsetDelta, offsetDelta, timestamp: batch.maxTimestamp })
    if (isTransactional && entry.currentTxnFirstOffset < 0) {
      entry.currentTxnFirstOffset = baseOffset
      this.#note({ kind: 'open', producerId, firstOffset: baseOffset })
    }
  }

  /** Checks and stages an end marker. Raises INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED; then the group is as before the call. */
  appendMarker(marker: EndMarker, offset: number, origin: AppendOrigin): void {
    const { producerId, producerEpoch, coordinatorEpoch } = marker
    const known = this.#entry(producerId)
    if (known !== undefined && origin !== 'replication') {
      checkEpoch(producerId, producerEpoch, known)
      if (coordinatorEpoch < known.coordinatorEpoch) {
        const text = `the marker for producer ${producerId} is of coordinator epoch ${coordinatorEpoch}, older than ${known.coordinatorEpoch}`
        throw new OttlaError('TRANSACTION_COORDINATOR_FENCED', text)
      }
    }
    const entry = this.#stage(producerId)
    const firstOffset = entry.currentTxnFirstOffset
    entry.setEpoch(producerEpoch)
    entry.coordinatorEpoch = coordinatorEpoch
    entry.lastTimestamp = marker.timestamp
    entry.currentTxnFirstOffset = -1
    if (firstOffset >= 0) this.#note({ kind: 'end', producerId, firstOffset, lastOffset: offset, aborted: marker.type === 'ABORT' })
  }

  /**
   * Takes all of it over, in order, up to `endOffset` (the offset after the last batch written). Returns the entries that belong into the transaction
   * index of the segments that hold the markers.
   */
  commit(endOffset: number): TransactionIndexEntry[] {
    const aborted: TransactionIndexEntry[] = []
    if (this.#first !== null) this.#table.set(this.#first)
    if (this.#others !== null) for (const entry of this.#others.values()) this.#table.set(entry)
    for (const event of this.#events) {
      if (event.kind === 'open') {
        this.#table.openTransaction(event.producerId, event.firstOffset)
      } else {
        const entry = this.#table.endTransaction(event.producerId, event.firstOffset, event.lastOffset, event.aborted)
        if (entry !== null) aborted.push(entry)
      }
    }
    this.#onCommit(endOffset)
    return aborted
  }
}

function checkEpoch(producerId: number, producerEpoch: number, known: ProducerEntry): void {
  if (producerEpoch >= known.producerEpoch) return
  throw new OttlaError('INVALID_PRODUCER_EPOCH',
    `epoch ${producerEpoch} of producer ${producerId} is older than ${known.producerEpoch}: a newer instance has taken over`)
}

/** Rules 3, 5, 6 and 8 of spec 10.2; rules 2 and 4 are the verification with a transaction coordinator, which is not this layer's. */
function checkBatch(batch: ProducerFields, known: ProducerEntry, origin: AppendOrigin): void {
  const { producerId, producerEpoch, baseSequence } = batch
  checkEpoch(producerId, producerEpoch, known)
  if (origin !== 'coordinator' && known.producerEpoch !== NO_PRODUCER_EPOCH) {
    const sameEpoch = producerEpoch === known.producerEpoch
    const last = sameEpoch ? known.lastSequence : NO_SEQUENCE
    if (sameEpoch ? !inSequence(last, baseSequence) : baseSequence !== 0) {
      const expected = sameEpoch ? `after sequence ${last}` : `as the first sequence of epoch ${producerEpoch}`
      throw new OttlaError('OUT_OF_ORDER_SEQUENCE_NUMBER', `sequence ${baseSequence} of producer ${producerId} cannot come ${expected}`)
    }
  }
  if (known.currentTxnFirstOffset >= 0 && !batch.isTransactional) {
    throw new OttlaError('INVALID_TXN_STATE',
      `producer ${producerId} has a transaction open since offset ${known.currentTxnFirstOffset} and sent a batch outside of it`)
  }
}
