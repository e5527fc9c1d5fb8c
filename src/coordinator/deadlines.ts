/**
 * Named deadlines on `LoopTime`. Moving one further away costs no timer: the timer that is under way finds on firing that it is early, and
 * goes on for the rest. So heartbeats are cheap, and a stall of the loop only puts expiry off.
 */
import { MAX_DELAY_MS, type Scheduler, type Timer } from '../common/scheduler.ts'
import type { LoopTime } from './loop-time.ts'

/** A timer may fire this much before its time by rounding. */
const EARLY_MS = 0.5

interface Deadline { atMs: number; firesAtMs: number; timer: Timer; task: () => void }

export class Deadlines {
  readonly #time: LoopTime
  readonly #scheduler: Scheduler
  readonly #deadlines = new Map<string, Deadline>()
  #closed = false

  constructor(time: LoopTime, scheduler: Scheduler) {
    this.#time = time
    this.#scheduler = scheduler
  }

  get size(): number { return this.#deadlines.size }

  /** Runs `task` once, `delayMs` from now, unless it is set again or cancelled before. */
  set(name: string, delayMs: number, task: () => void): void {
    if (this.#closed) return
    if (this.#deadlines.size === 0) this.#time.start()
    const atMs = this.#time.now() + delayMs
    const known = this.#deadlines.get(name)
    if (known !== undefined && known.firesAtMs <= atMs) {
      known.atMs = atMs
      known.task = task
      return
    }
    known?.timer.cancel()
    this.#deadlines.set(name, { atMs, firesAtMs: atMs, timer: this.#arm(name, delayMs), task })
  }

  #arm(name: string, delayMs: number): Timer { return this.#scheduler.after(Math.min(delayMs, MAX_DELAY_MS), () => this.#fire(name)) }

  #fire(name: string): void {
    const deadline = this.#deadlines.get(name)
    if (deadline === undefined) return
    const leftMs = deadline.atMs - this.#time.now()
    if (leftMs > EARLY_MS) {
      deadline.firesAtMs = deadline.atMs
      deadline.timer = this.#arm(name, Math.ceil(leftMs))
      return
    }
    this.#forget(name)
    deadline.task()
  }

  cancel(name: string): void {
    const deadline = this.#deadlines.get(name)
    if (deadline === undefined) return
    deadline.timer.cancel()
    this.#forget(name)
  }

  #forget(name: string): void {
    this.#deadlines.delete(name)
    if (this.#deadlines.size === 0) this.#time.stop()
  }

  /** Cancels all; later ones are not set. */
  close(): void {
    this.#closed = true
    for (const name of this.#deadlines.keys()) this.cancel(name)
  }
}
