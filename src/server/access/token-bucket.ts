/**
 * A quota that can be saved up, as Kafka's for changes to topics (KIP-599): it fills by `rate` a second up to eleven seconds' worth, and who takes more than
 * is there is in debt. New ones are full.
 */
const BURST_SECONDS = 11

export class TokenBucket {
  #tokens = Infinity
  #at = 0
  #rate = 0

  /** Takes, also into debt. */
  take(tokens: number, rate: number, now: number): void {
    this.#refill(rate, now)
    this.#tokens -= tokens
  }

  /** Milliseconds until there is no debt. */
  debtMs(rate: number, now: number): number {
    this.#refill(rate, now)
    return this.#tokens < 0 ? Math.round(-this.#tokens / rate * 1000) : 0
  }

  /** Whether forgetting it makes no difference, by the rate of the last look at it. */
  isFull(now: number): boolean {
    this.#refill(this.#rate, now)
    return this.#tokens >= BURST_SECONDS * this.#rate
  }

  #refill(rate: number, now: number): void {
    this.#tokens = Math.min(BURST_SECONDS * rate, this.#tokens + rate * (now - this.#at) / 1000)
    this.#at = now
    this.#rate = rate
  }
}
