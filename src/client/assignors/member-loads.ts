/** Members in ascending order of how many partitions they hold, then of their ids. Changes of load go through `change`. */
import { compareText } from './members.ts'

export class MemberLoads {
  readonly #order: string[]
  readonly #load: (memberId: string) => number

  constructor(memberIds: Iterable<string>, load: (memberId: string) => number) {
    this.#load = load
    this.#order = [...memberIds].sort((a, b) => this.#compare(a, b))
  }

  #compare(a: string, b: string): number { return this.#load(a) - this.#load(b) || compareText(a, b) }

  /** Lightest first. */
  get order(): readonly string[] { return this.#order }
  get lightest(): string | undefined { return this.#order[0] }
  get heaviest(): string | undefined { return this.#order.at(-1) }

  /** Where `memberId` stands, or would. */
  #find(memberId: string): number {
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#order[middle]!, memberId) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  remove(memberId: string): void {
    const at = this.#find(memberId)
    if (this.#order[at] === memberId) this.#order.splice(at, 1)
  }

  add(memberId: string): void {
    const at = this.#find(memberId)
    if (this.#order[at] !== memberId) this.#order.splice(at, 0, memberId)
  }

  /** Runs `mutation`, which changes the load of just these members. */
  change(memberIds: readonly string[], mutation: () => void): void {
    for (const memberId of memberIds) this.remove(memberId)
    mutation()
    for (const memberId of memberIds) this.add(memberId)
  }
}
