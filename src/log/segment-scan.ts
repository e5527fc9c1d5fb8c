/**
 * What a walk over a segment's batches adds up to: index entries by Kafka's rule, the greatest timestamp, the next offset. The one place of that rule,
 * so that appending, recovering and rebuilding give the same bytes (spec/storage-format 3.2, evaluated per batch).
 */
import type { BatchHeader } from '../record/batch-format.ts'
import { OffsetIndex } from './offset-index.ts'
import { MAX_RELATIVE_OFFSET } from './segment-roll.ts'
import { TimeIndex } from './time-index.ts'

/**
 * Gives the batch at `position` its entries when more than `interval` bytes lie between it and the last indexed batch (or the start of the file).
 * `maxTimestamp` and `offsetOfMax` are the segment's, this batch included. A batch that does not fit into an index entry has none; it is found by scanning.
 */
export function indexBatch(offsets: OffsetIndex, times: TimeIndex, interval: number, position: number, lastOffset: number, maxTimestamp: number,
  offsetOfMax: number): void {
  if (position - offsets.lastPosition <= interval) return
  if (lastOffset - offsets.baseOffset > MAX_RELATIVE_OFFSET || position > MAX_RELATIVE_OFFSET) return
  offsets.append(lastOffset, position)
  times.maybeAppend(maxTimestamp, offsetOfMax)
}

/** The time entry that ends a segment at roll, close and recovery. */
export function addFinalTimeEntry(times: TimeIndex, maxTimestamp: number, offsetOfMax: number): void {
  if (offsetOfMax - times.baseOffset <= MAX_RELATIVE_OFFSET) times.maybeAppend(maxTimestamp, offsetOfMax)
}

export class SegmentScan {
  readonly baseOffset: number
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  readonly #interval: number
  batchCount = 0
  nextOffset: number
  /** −1 when there is none. */
  maxTimestamp = -1
  /** Last offset of the first batch that has it. */
  offsetOfMax: number
  /** Greatest timestamp of the first batch. */
  rollTimestamp = -1

  constructor(baseOffset: number, interval: number) {
    this.baseOffset = baseOffset
    this.offsets = new OffsetIndex(baseOffset)
    this.times = new TimeIndex(baseOffset)
    this.#interval = interval
    this.nextOffset = baseOffset
    this.offsetOfMax = baseOffset
  }

  /** Why the batch cannot follow those taken; null when it can. Overlapping base offsets are Kafka's to judge, not recovery's. */
  orderProblem(header: BatchHeader): string | null {
    if (header.baseOffset < this.baseOffset) return `offset ${header.baseOffset} is below the segment's base offset ${this.baseOffset}`
    return header.lastOffset < this.nextOffset ? `last offset ${header.lastOffset} does not rise above ${this.nextOffset - 1}` : null
  }

  take(header: BatchHeader): void {
    if (this.batchCount === 0) this.rollTimestamp = header.maxTimestamp
    if (header.maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = header.maxTimestamp
      this.offsetOfMax = header.lastOffset
    }
    indexBatch(this.offsets, this.times, this.#interval, header.position, header.lastOffset, this.maxTimestamp, this.offsetOfMax)
    this.batchCount++
    this.nextOffset = header.lastOffset + 1
  }

  finish(): void { addFinalTimeEntry(this.times, this.maxTimestamp, this.offsetOfMax) }
}
