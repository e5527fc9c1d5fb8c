/** Chance that repeats (sfc32): the same seed makes the same choices on every machine. Of its own, so that the rows need nothing of `src/`. */
export class Random {
  #a
  #b
  #c = 0x9e3779b9
  #counter = 1

  /** @param {number} seed */
  constructor(seed) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    // The first outputs of near seeds are alike: run them off.
    for (let i = 0; i < 15; i++) this.uint32()
  }

  /** @returns {number} */
  uint32() {
    const sum = (this.#a + this.#b + this.#counter) >>> 0
    this.#counter = (this.#counter + 1) >>> 0
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0
    return sum
  }

  /** @param {number} bound @returns {number} 0 … bound − 1 */
  int(bound) { return Math.floor(this.uint32() / 2 ** 32 * bound) }

  /** @template T @param {readonly T[]} items @returns {T} */
  pick(items) { return items[this.int(items.length)] }

  /** @param {number} probability @returns {boolean} */
  chance(probability) { return this.uint32() / 2 ** 32 < probability }
}
