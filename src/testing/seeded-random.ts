/** Chance that repeats: the same seed gives the same numbers on every machine (the sfc32 generator). Never for secrets. */
import type { Random } from '../common/random.ts'

export class SeededRandom implements Random {
  readonly seed: number
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.seed = seed
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    // The first outputs of near seeds are alike: run them off.
    for (let i = 0; i < 15; i++) this.uint32()
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0
    this.#counter = (this.#counter + 1) >>> 0
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0
    return sum
  }

  float(): number { return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53 }
  int(bound: number): number { return Math.floor(this.float() * bound) }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24
    return bytes
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T { return items[this.int(items.length)] as T }
  /** True with the given probability. */
  chance(probability: number): boolean { return this.float() < probability }
}
