/**
 * Monotonic time in which stalls of this process's event loop do not count. While the loop stands still no heartbeat can be heard, so a
 * member must not be expired for that time; otherwise its session timeout holds.
 *
 * A periodic tick notices how late it is. Between two ticks at most `ALLOWANCE_MS` pass on this clock; what a tick is later than that, is
 * stall. The value never goes back, and asking does not depend on the tick having run: after a stall a timer may come before it.
 */
import type { Clock } from '../common/clock.ts'
import type { Scheduler, Timer } from '../common/scheduler.ts'

const TICK_MS = 200
const ALLOWANCE_MS = 400

export class LoopTime {
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  #ticker: Timer | null = null
  #lastTickMs = 0
  #stalledMs = 0

  constructor(clock: Clock, scheduler: Scheduler) {
    this.#clock = clock
    this.#scheduler = scheduler
  }

  /** Milliseconds, with fraction. */
  now(): number {
    const monotonic = this.#clock.monotonic()
    return monotonic - this.#stalledMs - this.#lateness(monotonic)
  }

  #lateness(monotonic: number): number { return this.#ticker === null ? 0 : Math.max(0, monotonic - this.#lastTickMs - ALLOWANCE_MS) }

  /** Watches the loop from now on. Idempotent; costs a timer, so it runs only while somebody has a deadline. */
  start(): void {
    if (this.#ticker !== null) return
    this.#lastTickMs = this.#clock.monotonic()
    this.#ticker = this.#scheduler.every(TICK_MS, () => this.#tick())
  }

  stop(): void {
    if (this.#ticker === null) return
    this.#tick()
    this.#ticker.cancel()
    this.#ticker = null
  }

  #tick(): void {
    const monotonic = this.#clock.monotonic()
    this.#stalledMs += this.#lateness(monotonic)
    this.#lastTickMs = monotonic
  }
}
