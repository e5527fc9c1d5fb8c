/**
 * The answers of a request about many partitions. Nearly always they come in the order of the question, and to look there first costs less than the names of ten
 * thousand partitions; whoever answers in another order, or leaves partitions out, is understood all the same.
 */
import type { TopicPartition } from '../common/topic-partition.ts'

export class PartitionAnswers<T extends TopicPartition> {
  readonly #answers: readonly T[]
  #next = 0
  #byName: Map<string, T> | null = null

  constructor(answers: readonly T[]) { this.#answers = answers }

  /** To be asked in the order of the question. Undefined: there is none. */
  of({ topic, partition }: TopicPartition): T | undefined {
    const next = this.#answers[this.#next]
    if (next !== undefined && next.partition === partition && next.topic === topic) {
      this.#next++
      return next
    }
    this.#byName ??= new Map(this.#answers.map((each) => [`${each.topic}-${each.partition}`, each]))
    return this.#byName.get(`${topic}-${partition}`)
  }
}
