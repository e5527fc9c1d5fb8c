/** Forward leaps of the wall clock larger than this, against the monotonic clock, are not believed at once. */
const LEAP_MS = 5 * 60_000
/** How long a leapt clock must stay before retention believes it. */
const HOLD_MS = 60 * 60_000

/**
 * The wall clock as retention sees it: a clock that leaps ten years ahead must not delete everything before somebody notices. A leap forward is
 * believed after it has held for an hour of monotonic time; a step back is believed at once (it only keeps data longer).
 */
export class RetentionClock {
  #wall: number
  #monotonic: number
  #leaptAt: number | null = null

  constructor(wall: number, monotonic: number) {
    this.#wall = wall
    this.#monotonic = monotonic
  }

  /** The time to judge ages by, and whether a leap is being held back. */
  read(wall: number, monotonic: number): { readonly now: number; readonly held: boolean } {
    const expected = this.#wall + (monotonic - this.#monotonic)
    if (wall - expected > LEAP_MS) {
      this.#leaptAt ??= monotonic
      if (monotonic - this.#leaptAt < HOLD_MS) return { now: expected, held: true }
    }
    this.#leaptAt = null
    this.#wall = wall
    this.#monotonic = monotonic
    return { now: wall, held: false }
  }
}
