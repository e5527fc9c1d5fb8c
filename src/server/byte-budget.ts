/**
 * A bound on bytes that many share: requests of all connections of a listener that are not answered yet. Taking is never refused (the bytes are there
 * already); whoever finds the budget spent stops reading and is called once there is room again.
 */
export class ByteBudget {
  readonly limit: number
  #used = 0
  readonly #waiting = new Set<() => void>()

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number { return this.#used }
  get isSpent(): boolean { return this.#used >= this.limit }

  take(bytes: number): void { this.#used += bytes }

  give(bytes: number): void {
    this.#used -= bytes
    if (this.isSpent || this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }

  /** Calls `resume` once when there is room. */
  wait(resume: () => void): void { this.#waiting.add(resume) }
  forget(resume: () => void): void { this.#waiting.delete(resume) }
}
