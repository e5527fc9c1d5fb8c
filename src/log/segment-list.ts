/**
 * The segments of a log at one moment, ascending by base offset, the last one active. Immutable: a reader takes the list once and works on it while
 * the writer puts another in its place; `Segment.retain` keeps the files of a segment alive until the reader lets go.
 */
import { OttlaError } from '../common/errors.ts'
import type { Segment } from './segment.ts'

export class SegmentList {
  readonly segments: readonly Segment[]
  readonly #sealedBytes: number

  constructor(segments: readonly Segment[]) {
    if (segments.length === 0) throw new OttlaError('INTERNAL', 'a log has at least one segment')
    let sealed = 0
    for (let i = 0; i + 1 < segments.length; i++) {
      sealed += segments[i]!.size
      if (segments[i]!.baseOffset >= segments[i + 1]!.baseOffset) throw new OttlaError('INTERNAL', `segments out of order at ${segments[i]!.baseOffset}`)
    }
    this.segments = segments
    this.#sealedBytes = sealed
  }

  get count(): number { return this.segments.length }
  get first(): Segment { return this.segments[0]! }
  get active(): Segment { return this.segments[this.segments.length - 1]! }
  /** Bytes in all `.log` files. */
  get size(): number { return this.#sealedBytes + this.active.size }

  /** Index of the segment that holds `offset`, or would; −1 when it lies below the first. */
  floorIndex(offset: number): number {
    const { segments } = this
    let low = -1
    let high = segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  withActive(segment: Segment): SegmentList { return new SegmentList([...this.segments, segment]) }
  /** Without the oldest `count`. */
  withoutFirst(count: number): SegmentList { return new SegmentList(this.segments.slice(count)) }
  /** The oldest `count` only. */
  firstOnes(count: number): SegmentList { return new SegmentList(this.segments.slice(0, count)) }
}
