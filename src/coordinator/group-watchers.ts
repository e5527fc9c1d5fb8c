/** Who wants to know when a group begins a rebalance. Listeners run in a macrotask, once however often the group changed before it. */
import type { Scheduler } from '../common/scheduler.ts'

export class GroupWatchers {
  readonly #scheduler: Scheduler
  readonly #listeners = new Map<string, Set<() => void>>()
  readonly #changed = new Set<string>()

  constructor(scheduler: Scheduler) { this.#scheduler = scheduler }

  /** Returns the way to stop. */
  watch(groupId: string, listener: () => void): () => void {
    // One entry a call, even for the same function.
    const entry = (): void => listener()
    let listeners = this.#listeners.get(groupId)
    if (listeners === undefined) this.#listeners.set(groupId, listeners = new Set())
    listeners.add(entry)
    return () => {
      const current = this.#listeners.get(groupId)
      current?.delete(entry)
      if (current?.size === 0) this.#listeners.delete(groupId)
    }
  }

  changed(groupId: string): void {
    if (!this.#listeners.has(groupId) || this.#changed.has(groupId)) return
    this.#changed.add(groupId)
    this.#scheduler.soon(() => {
      this.#changed.delete(groupId)
      const listeners = [...this.#listeners.get(groupId) ?? []]
      for (const listener of listeners) listener()
    })
  }

  close(): void { this.#listeners.clear() }
}
