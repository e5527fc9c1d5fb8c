/**
 * The five offsets of a log (spec/storage-format 5.2) and their order, which holds after every change:
 *
 *   logStartOffset <= lastStableOffset <= highWatermark <= logEndOffset
 *   logStartOffset <= recoveryPoint    <= logEndOffset
 *
 * One replica: the high watermark follows the end as soon as an append is complete, as durable as was asked. Not persisted here: the checkpoints are.
 */
import { OttlaError } from '../common/errors.ts'

export class LogOffsets {
  #logStart: number
  #recoveryPoint: number
  #highWatermark: number
  #logEnd: number
  /** First offset of the earliest transaction that is open or not yet below the high watermark; null when there is none. */
  #firstUnstable: number | null = null

  constructor(logStart: number, recoveryPoint: number, logEnd: number) {
    this.#logStart = logStart
    this.#recoveryPoint = recoveryPoint
    this.#highWatermark = logEnd
    this.#logEnd = logEnd
    this.#check()
  }

  get logStart(): number { return this.#logStart }
  get recoveryPoint(): number { return this.#recoveryPoint }
  get highWatermark(): number { return this.#highWatermark }
  get logEnd(): number { return this.#logEnd }
  get lastStable(): number {
    const unstable = this.#firstUnstable
    return unstable === null ? this.#highWatermark : Math.min(this.#highWatermark, Math.max(unstable, this.#logStart))
  }

  /** What was appended reaches up to `logEnd`; it is not complete yet. */
  raiseEnd(logEnd: number): void {
    this.#logEnd = logEnd
    this.#check()
  }

  /** Appends below `offset` are complete. */
  raiseWatermark(offset: number, firstUnstable: number | null): void {
    this.#highWatermark = offset
    this.#firstUnstable = firstUnstable
    this.#check()
  }

  /** The log is loaded, and complete, up to `logEnd`. */
  advanceEnd(logEnd: number, firstUnstable: number | null): void {
    this.#logEnd = logEnd
    this.#highWatermark = logEnd
    this.#firstUnstable = firstUnstable
    this.#check()
  }

  /** Everything below `offset` is durable. Never goes back. */
  raiseRecoveryPoint(offset: number): void {
    this.#recoveryPoint = Math.max(this.#recoveryPoint, Math.min(offset, this.#logEnd))
  }

  /** Retention or DeleteRecords moved the start; raises the recovery point with it. The caller has checked it against the high watermark. */
  raiseStart(offset: number): void {
    this.#logStart = Math.max(this.#logStart, offset)
    this.#recoveryPoint = Math.max(this.#recoveryPoint, offset)
    this.#check()
  }

  /** Truncation: everything at or above `logEnd` is gone. */
  cutEnd(logEnd: number, firstUnstable: number | null): void {
    this.#logEnd = logEnd
    this.#logStart = Math.min(this.#logStart, logEnd)
    this.#recoveryPoint = Math.min(this.#recoveryPoint, logEnd)
    this.#highWatermark = Math.min(this.#highWatermark, logEnd)
    this.#firstUnstable = firstUnstable
  }

  /** The log was emptied and goes on at `offset`. */
  restartAt(offset: number): void {
    this.#logStart = offset
    this.#recoveryPoint = offset
    this.#highWatermark = offset
    this.#logEnd = offset
  }

  #check(): void {
    const watermarkFits = this.#logStart <= this.#highWatermark && this.#highWatermark <= this.#logEnd
    if (watermarkFits && this.#logStart <= this.#recoveryPoint && this.#recoveryPoint <= this.#logEnd) return
    throw new OttlaError(
      'INTERNAL',
      `offsets out of order: start ${this.#logStart}, recovery point ${this.#recoveryPoint}, high watermark ${this.#highWatermark}, end ${this.#logEnd}`,
    )
  }
}
