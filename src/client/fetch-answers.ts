/**
 * The answers of a fetch by partition. Nearly always they come in the order of the request, and to look there first costs less than the names of ten
 * thousand partitions; whoever answers in another order, or leaves partitions out, is understood all the same.
 */
import type { FetchPartitionResponse } from '../protocol/broker-api.ts'

export class FetchAnswers {
  readonly #answers: readonly FetchPartitionResponse[]
  #next = 0
  #byName: Map<string, FetchPartitionResponse> | null = null

  constructor(answers: readonly FetchPartitionResponse[]) { this.#answers = answers }

  /** To be asked in the order of the request. Undefined: there is none. */
  of({ topic, partition }: { readonly topic: string; readonly partition: number }): FetchPartitionResponse | undefined {
    const next = this.#answers[this.#next]
    if (next !== undefined && next.partition === partition && next.topic === topic) {
      this.#next++
      return next
    }
    this.#byName ??= new Map(this.#answers.map((each) => [`${each.topic}-${each.partition}`, each]))
    return this.#byName.get(`${topic}-${partition}`)
  }
}
