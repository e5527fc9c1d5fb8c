/**
 * Port to deferred work. All timers, immediates and periodic tasks go through it, so that a test can own the order of events.
 * Delays are milliseconds on the monotonic clock and at most `MAX_DELAY_MS` (Node fires longer ones at once).
 */
export interface Timer {
  /** Idempotent. A cancelled timer never fires. */
  cancel(): void
}

export interface Scheduler {
  /** Runs `task` once after `delayMs`. With `keepAlive` false (default) a pending timer does not hold the process. */
  after(delayMs: number, task: () => void, options?: { keepAlive?: boolean }): Timer
  /** Runs `task` every `periodMs` until cancelled; runs never overlap in one call stack. Never holds the process. */
  every(periodMs: number, task: () => void): Timer
  /** Runs `task` in the next turn of the event loop (a macrotask), in order of calls. Holds the process until run. */
  soon(task: () => void): void
}

export const MAX_DELAY_MS: number = 2 ** 31 - 1

class NodeTimer implements Timer {
  readonly #stop: () => void
  constructor(stop: () => void) { this.#stop = stop }
  cancel(): void { this.#stop() }
}

function checkDelay(delayMs: number): number {
  if (!(delayMs >= 0)) return 0
  return Math.min(delayMs, MAX_DELAY_MS)
}

export const systemScheduler: Scheduler = {
  after(delayMs, task, options) {
    const timer = setTimeout(task, checkDelay(delayMs))
    if (options?.keepAlive !== true) timer.unref()
    return new NodeTimer(() => clearTimeout(timer))
  },
  every(periodMs, task) {
    const timer = setInterval(task, Math.max(1, checkDelay(periodMs)))
    timer.unref()
    return new NodeTimer(() => clearInterval(timer))
  },
  soon(task) { setImmediate(task) },
}
