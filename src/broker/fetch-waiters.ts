/** The fetches that wait for data, by topic, so that a deleted topic or a closing broker wakes them. */
export class FetchWaiters {
  readonly #byTopic = new Map<string, Set<() => void>>()
  #isClosed = false

  /** No fetch waits any more. */
  get isClosed(): boolean { return this.#isClosed }

  /** Returns the way to stop. */
  add(topics: Iterable<string>, wake: () => void): () => void {
    const sets: [string, Set<() => void>][] = []
    for (const topic of new Set(topics)) {
      let set = this.#byTopic.get(topic)
      if (set === undefined) this.#byTopic.set(topic, set = new Set())
      set.add(wake)
      sets.push([topic, set])
    }
    return () => {
      for (const [topic, set] of sets) {
        set.delete(wake)
        if (set.size === 0 && this.#byTopic.get(topic) === set) this.#byTopic.delete(topic)
      }
    }
  }

  wake(topic: string): void { for (const wake of this.#byTopic.get(topic) ?? []) wake() }
  get size(): number { return this.#byTopic.size }

  close(): void {
    this.#isClosed = true
    const topics = [...this.#byTopic.keys()]
    for (const topic of topics) this.wake(topic)
  }
}
