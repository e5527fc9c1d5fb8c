/** Waiting that always ends: by an event, by a time limit or by a signal. */
import { OttlaError } from '../common/errors.ts'
import type { Scheduler } from '../common/scheduler.ts'
import { abortedError } from './failure.ts'

/** Calls that share a signal share a listener: Node warns of more than ten, and looks through all of them for one to take away. */
class AbortCalls extends Set<() => void> {
  handleEvent(): void { for (const each of this) each() }
}
const callsOf = new WeakMap<AbortSignal, AbortCalls>()

/** Calls `abort` when the signal fires, unless what it gives was called before. */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  const calls = callsOf.get(signal) ?? new AbortCalls()
  callsOf.set(signal, calls.add(abort))
  signal.addEventListener('abort', calls)
  return () => {
    if (!calls.delete(abort) || calls.size > 0) return
    callsOf.delete(signal)
    signal.removeEventListener('abort', calls)
  }
}

/** Many wait, one event lets all of them go on. An event that comes while nobody waits is not remembered: check first, then wait. */
export class Wakeup {
  readonly #scheduler: Scheduler
  readonly #waiters = new Set<() => void>()

  constructor(scheduler: Scheduler) { this.#scheduler = scheduler }

  notify(): void { for (const wake of this.#waiters) wake() }

  /** Resolves at the next `notify`, or after `timeoutMs` (Infinity: never by time). Rejects with ABORTED when the signal fires. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(abortedError(signal))
    return new Promise((resolve, reject) => {
      const timer = timeoutMs === Infinity ? null : this.#scheduler.after(timeoutMs, () => wake())
      const end = (): void => {
        timer?.cancel()
        unlisten?.()
        this.#waiters.delete(wake)
      }
      const wake = (): void => { end(); resolve() }
      const unlisten = signal === undefined ? null : onAbort(signal, () => { end(); reject(abortedError(signal)) })
      this.#waiters.add(wake)
    })
  }
}

/** Resolves after `delayMs`; holds the process. */
export function sleep(scheduler: Scheduler, delayMs: number): Promise<void> {
  return new Promise((resolve) => { scheduler.after(delayMs, resolve, { keepAlive: true }) })
}

/** The next turn of the event loop. */
export function nextTurn(scheduler: Scheduler): Promise<void> { return new Promise((resolve) => scheduler.soon(resolve)) }

/** `promise`, or after `timeoutMs` (what is left of `limitMs`) `last` or REQUEST_TIMED_OUT; what comes later is dropped. */
export function within<T>(scheduler: Scheduler, timeoutMs: number, what: string, promise: Promise<T>, limitMs: number = timeoutMs, last?: OttlaError): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(last ?? new OttlaError('REQUEST_TIMED_OUT', `${what} took longer than ${limitMs} ms`))
    const timer = scheduler.after(Math.max(0, timeoutMs), fail, { keepAlive: true })
    promise.then((value) => { timer.cancel(); resolve(value) }, (error: unknown) => { timer.cancel(); reject(OttlaError.from(error)) })
  })
}
