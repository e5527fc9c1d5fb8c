/**
 * Producer state of a group of appends that is not written yet. Checks every batch against the committed state and the batches staged before it in the
 * same group; nothing reaches ProducerStateManager before `commit`. To give up a group, drop the object.
 */
import { OttlaError } from '../common/errors.ts'
import type { BatchHeader } from '../record/batch-format.ts'
import type { AppendOrigin } from './log-types.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

/** The fields of a data batch that matter here; BatchHeader has them. */
export type ProducerFields = Pick<BatchHeader, 'producerId' | 'producerEpoch' | 'baseSequence' | 'lastSequence' | 'lastOffsetDelta' | 'maxTimestamp' | 'isTransactional'>

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

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class ProducerAppendGroup {
  /** Client and in-process origin, before `append`: is it one of the producer's last five batches? Null for producerId < 0. */
  findDuplicate(_batch: ProducerFields): DuplicateBatch | null { return later() }
  /**
   * Checks and stages a data batch that will get `baseOffset`. No-op for producerId < 0. Raises OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH,
   * INVALID_TXN_STATE; then the group is as before the call. Of `replication` nothing is refused.
   */
  append(_batch: ProducerFields, _baseOffset: number, _origin: AppendOrigin): void { later() }
  /** Checks and stages an end marker. Raises INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED. */
  appendMarker(_marker: EndMarker, _offset: number, _origin: AppendOrigin): void { later() }
  /**
   * Takes all of it over into the manager, in order, up to `endOffset` (the offset after the last batch written). Returns the entries that belong
   * into the transaction index of the segments that hold the markers.
   */
  commit(_endOffset: number): TransactionIndexEntry[] { return later() }
}

/** The end marker in a control batch; null when it is another control record, or an empty batch. Raises CORRUPT_MESSAGE. */
export function readEndMarker(_buffer: Uint8Array, _position: number, _header: BatchHeader): EndMarker | null { return later() }
