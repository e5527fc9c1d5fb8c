/**
 * How many promises of `send` and `sendBatch` may be out at a time, over all producers of a database: pauses of garbage collection grow
 * with the promises that are alive (docs/performance.md, Lessons).
 */
export const MAX_UNRESOLVED_SENDS = 16_384

/** From so many on, the memory that each takes counts for more than the time to tell it (send-outcome.ts). */
const MANY_UNRESOLVED_SENDS = 1536

export class SendBudget {
  readonly #limit: number
  readonly #many: number
  readonly #waiting = new Set<() => void>()
  #unresolved = 0

  constructor(limit: number = MAX_UNRESOLVED_SENDS, many: number = MANY_UNRESOLVED_SENDS) {
    this.#limit = limit
    this.#many = many
  }

  get isSpent(): boolean { return this.#unresolved >= this.#limit }

  get areMany(): boolean { return this.#unresolved >= this.#many }

  take(): void { this.#unresolved++ }

  giveBack(count: number): void {
    this.#unresolved -= count
    if (this.#waiting.size === 0 || this.isSpent) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const admit of waiting) admit()
  }

  /** Calls `admit` once, when there is room again. */
  whenRoom(admit: () => void): void { this.#waiting.add(admit) }
}
