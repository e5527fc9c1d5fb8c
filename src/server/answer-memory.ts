/**
 * The memory that answers to fetches take, of all connections of a listener, from the read until the socket of each has taken them. The emptier it is, the
 * more a fetch may read; above `limit` a fetch still gets its first batch, so that consumers that read go on, while the listener closes connections that
 * do not; at twice the limit fetches wait.
 *
 * Invariant: `used` is the sum of what the shares hold.
 */
import type { FetchRoom } from '../protocol/broker-api.ts'

/** What a fetch may read however little is left: about a batch. */
const LEAST_BYTES = 65_536
/** A fetch gets at most this part of what is left. */
const PART = 4

export class AnswerMemory {
  readonly limit: number
  #used = 0
  readonly #waiting = new Set<() => void>()

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number { return this.#used }
  get isOver(): boolean { return this.#used > this.limit }
  /** How much a fetch may read now. */
  get part(): number { return Math.max(LEAST_BYTES, Math.floor((this.limit - this.#used) / PART)) }

  /** Negative: gives back. */
  change(bytes: number): void {
    this.#used += bytes
    if (this.#used >= 2 * this.limit || this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const go of waiting) go()
  }

  /** Resolves when there is some room, or on the signal. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    while (this.#used >= 2 * this.limit && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          signal.removeEventListener('abort', go)
          this.#waiting.delete(go)
          resolve()
        }
        this.#waiting.add(go)
        signal.addEventListener('abort', go, { once: true })
      })
    }
  }
}

/** What one connection holds of it. */
export class AnswerShare implements FetchRoom {
  readonly #memory: AnswerMemory
  readonly #gone: AbortSignal
  #held = 0
  #isOver = false

  /** Nothing is waited for once `gone` fires. */
  constructor(memory: AnswerMemory, gone: AbortSignal) {
    this.#memory = memory
    this.#gone = gone
  }

  get held(): number { return this.#held }

  async take(most: number): Promise<number> {
    await this.#memory.untilRoom(this.#gone)
    const granted = Math.min(most, this.#memory.part)
    this.#change(granted)
    return granted
  }

  give(bytes: number): void { this.#change(-bytes) }

  /** The socket has taken what was answered. */
  clear(): void { this.#change(-this.#held) }

  /** The connection is gone: nothing is held from now on, whatever is still under way. */
  end(): void {
    this.clear()
    this.#isOver = true
  }

  #change(bytes: number): void {
    if (this.#isOver) return
    this.#held += bytes
    this.#memory.change(bytes)
  }
}
