/**
 * A scheduler whose time is a ManualClock: nothing runs before the test says so, and what runs, runs in the order of due time, then of
 * call. Between two tasks every microtask is drained, as the event loop does, so that promise chains settle before the next task.
 *
 * `soon` tasks come before timers of the same instant. A task that throws ends the advance with its error.
 */
import { MAX_DELAY_MS, systemScheduler, type Scheduler, type Timer } from '../common/scheduler.ts'
import { ManualClock } from './manual-clock.ts'

/** A run of tasks longer than this without time passing is taken for an endless loop. */
const MAX_TASKS_PER_INSTANT = 100_000

interface Task { readonly order: number; dueMs: number; readonly periodMs: number; readonly keepAlive: boolean; readonly run: () => void }

export class ManualScheduler implements Scheduler {
  readonly clock: ManualClock
  readonly #timers = new Set<Task>()
  readonly #soon: (() => void)[] = []
  #order = 0

  constructor(clock: ManualClock = new ManualClock()) { this.clock = clock }

  after(delayMs: number, task: () => void, options?: { keepAlive?: boolean }): Timer {
    return this.#add(delayMs, 0, options?.keepAlive === true, task)
  }

  every(periodMs: number, task: () => void): Timer {
    const period = Math.max(1, boundedDelay(periodMs))
    return this.#add(period, period, false, task)
  }

  soon(task: () => void): void { this.#soon.push(task) }

  /** Timers not yet fired or cancelled. */
  get pendingTimers(): number { return this.#timers.size }
  /** Timers that would hold the process. */
  get keepAliveTimers(): number { return [...this.#timers].filter((task) => task.keepAlive).length }
  get pendingSoon(): number { return this.#soon.length }

  /** Lets `milliseconds` pass; each task sees the clock at its own due time. */
  async advance(milliseconds: number): Promise<void> {
    const targetMs = this.clock.monotonic() + milliseconds
    await this.runUntilIdle()
    for (let task = this.#next(targetMs); task !== undefined; task = this.#next(targetMs)) {
      if (task.dueMs > this.clock.monotonic()) this.clock.advance(task.dueMs - this.clock.monotonic())
      await this.runUntilIdle()
    }
    if (targetMs > this.clock.monotonic()) this.clock.advance(targetMs - this.clock.monotonic())
  }

  /** Runs what is due now, and what that makes due, without letting time pass. */
  async runUntilIdle(): Promise<void> {
    await drainMicrotasks()
    for (let count = 0; ; count++) {
      const task = this.#takeDue()
      if (task === undefined) return
      if (count >= MAX_TASKS_PER_INSTANT) throw new Error(`${count} tasks ran and time stood still: the tasks schedule each other for ever`)
      task()
      await drainMicrotasks()
    }
  }

  /** Lets time pass until no one-shot timer is left; periodic tasks run along. */
  async runAll(): Promise<void> {
    await this.runUntilIdle()
    for (let last = this.#lastOneShotMs(); last !== undefined; last = this.#lastOneShotMs()) {
      await this.advance(Math.max(0, last - this.clock.monotonic()))
    }
  }

  #add(delayMs: number, periodMs: number, keepAlive: boolean, run: () => void): Timer {
    const task: Task = { order: this.#order++, dueMs: this.clock.monotonic() + boundedDelay(delayMs), periodMs, keepAlive, run }
    this.#timers.add(task)
    return { cancel: () => { this.#timers.delete(task) } }
  }

  #takeDue(): (() => void) | undefined {
    const soon = this.#soon.shift()
    if (soon !== undefined) return soon
    const task = this.#next(this.clock.monotonic())
    if (task === undefined) return undefined
    if (task.periodMs === 0) this.#timers.delete(task)
    // Like setInterval, a late periodic task runs once and counts its next period from now.
    else task.dueMs = this.clock.monotonic() + task.periodMs
    return task.run
  }

  #next(latestMs: number): Task | undefined {
    let first: Task | undefined
    for (const task of this.#timers) {
      if (task.dueMs > latestMs) continue
      if (first === undefined || task.dueMs < first.dueMs || (task.dueMs === first.dueMs && task.order < first.order)) first = task
    }
    return first
  }

  #lastOneShotMs(): number | undefined {
    let last: number | undefined
    for (const task of this.#timers) if (task.periodMs === 0 && (last === undefined || task.dueMs > last)) last = task.dueMs
    return last
  }
}

function boundedDelay(delayMs: number): number { return delayMs >= 0 ? Math.min(delayMs, MAX_DELAY_MS) : 0 }

/** A turn of the real event loop: every microtask, however deep the chain, has run when it ends. */
function drainMicrotasks(): Promise<void> { return new Promise((resolve) => systemScheduler.soon(resolve)) }
