/**
 * When the append groups of all logs of a manager start: one macrotask for many of them, where a thousand partitions get a small batch each, and no
 * turn of the event loop with more small writes than a timer can wait for.
 *
 * Invariant: tasks run once each, in the order of the calls, never inside `soon`. Used by LogManager, which hands it to the AppendQueue of every log.
 */
import type { Scheduler } from '../common/scheduler.ts'

/** Logs whose groups are started in one turn of the event loop, at most. */
const GROUPS_PER_TURN = 128

export class AppendTurns {
  readonly #scheduler: Scheduler
  #tasks: (() => void)[] = []
  #next = 0
  #scheduled = false

  constructor(scheduler: Scheduler) { this.#scheduler = scheduler }

  /** As `Scheduler.soon`. */
  soon(task: () => void): void {
    this.#tasks.push(task)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#scheduler.soon(this.#run)
  }

  readonly #run = (): void => {
    this.#scheduled = false
    const end = Math.min(this.#tasks.length, this.#next + GROUPS_PER_TURN)
    try {
      while (this.#next < end) this.#tasks[this.#next++]!()
    } finally {
      this.#tasks = this.#tasks.slice(this.#next)
      this.#next = 0
      if (this.#tasks.length > 0) this.#schedule()
    }
  }
}
