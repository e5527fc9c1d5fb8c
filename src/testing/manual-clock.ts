/** A clock that stands still until a test moves it. Wall and monotonic time pass together; only the wall can jump. */
import type { Clock } from '../common/clock.ts'

export class ManualClock implements Clock {
  #wallMs: number
  #monotonicMs = 0

  /** Starts at 2024-01-01T00:00Z unless told otherwise. */
  constructor(wallMs: number = 1_704_067_200_000) { this.#wallMs = wallMs }

  now(): number { return Math.floor(this.#wallMs) }
  monotonic(): number { return this.#monotonicMs }

  /** Lets time pass on both clocks. Tasks that fall due wait for the scheduler's own `advance`. */
  advance(milliseconds: number): void {
    if (!(milliseconds >= 0)) throw new RangeError(`Time does not go back by ${milliseconds} ms: use setWall to make the wall clock jump`)
    this.#wallMs += milliseconds
    this.#monotonicMs += milliseconds
  }

  /** Makes the wall clock jump, forward or back; the monotonic clock does not notice. */
  setWall(wallMs: number): void { this.#wallMs = wallMs }
}
