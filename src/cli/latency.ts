/** Latencies of many operations in bounded memory: exact below a second, 1 % wide above; as the perf tools print them. */
const EXACT_MS = 1000
const STEPS_PER_DOUBLING = 70

export class LatencyHistogram {
  readonly #exact = new Float64Array(EXACT_MS * 10 + 1)
  readonly #coarse: number[] = []
  #count = 0
  #sum = 0
  #max = 0

  get count(): number { return this.#count }
  get max(): number { return this.#max }
  get mean(): number { return this.#count === 0 ? 0 : this.#sum / this.#count }

  add(ms: number): void {
    this.#count++
    this.#sum += ms
    if (ms > this.#max) this.#max = ms
    if (ms < EXACT_MS) this.#exact[Math.floor(ms * 10)]!++
    else {
      const slot = Math.floor(Math.log2(ms / EXACT_MS) * STEPS_PER_DOUBLING)
      this.#coarse[slot] = (this.#coarse[slot] ?? 0) + 1
    }
  }

  /** The latency that `share` (0 to 1) of the operations did not exceed, in ms. */
  percentile(share: number): number {
    let left = Math.max(1, Math.ceil(this.#count * share))
    for (let i = 0; i < this.#exact.length; i++) {
      left -= this.#exact[i]!
      if (left <= 0) return Math.min(this.#max, (i + 1) / 10)
    }
    for (let i = 0; i < this.#coarse.length; i++) {
      left -= this.#coarse[i] ?? 0
      if (left <= 0) return Math.min(this.#max, EXACT_MS * 2 ** ((i + 1) / STEPS_PER_DOUBLING))
    }
    return this.#max
  }
}
