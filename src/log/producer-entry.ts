/** What one partition knows of one producer (spec/storage-format 10.1), and sequence arithmetic (2.6). */
import { OttlaError } from '../common/errors.ts'

export const NO_SEQUENCE = -1
export const NO_PRODUCER_EPOCH = -1
/** How many batches a producer may have in flight, and are recognised as duplicates. */
export const CACHED_BATCHES = 5

/** One remembered batch. First sequence and first offset follow from `offsetDelta`. */
export interface ProducerBatch { readonly lastSequence: number; readonly lastOffset: number; readonly offsetDelta: number; readonly timestamp: number }

/** As given out: plain values. −1: none. */
export interface ProducerSummary {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: number
  readonly coordinatorEpoch: number
  readonly currentTxnStartOffset: number
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

/** i32 arithmetic that wraps 2147483647 → 0. */
export function advanceSequence(_sequence: number, _by: number): number { return later() }
export function backSequence(_sequence: number, _by: number): number { return later() }
