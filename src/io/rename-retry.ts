/**
 * Patience with Windows: a virus scanner or an indexer that holds a file for a moment makes rename and unlink fail with EPERM, EACCES
 * or EBUSY. The call is repeated with growing pauses for about four seconds, then the last error stands. Used on win32 only: elsewhere
 * these codes are final.
 */
import type { Scheduler } from '../common/scheduler.ts'
import { systemErrorCode } from './system-error.ts'

/** Milliseconds between attempts; the sum bounds how long a caller can be held. */
export const RETRY_PAUSES_MS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 400, 800, 1200, 1200]

const passing = new Set(['EPERM', 'EACCES', 'EBUSY'])

/** Runs `attempt`, again after each pause while it fails with a passing error. `pause` blocks: the callers are synchronous. */
export function withRetries(attempt: () => void, pause: (milliseconds: number) => void): void {
  for (const milliseconds of RETRY_PAUSES_MS) {
    try {
      return attempt()
    } catch (error) {
      if (!passing.has(systemErrorCode(error))) throw error
    }
    pause(milliseconds)
  }
  attempt()
}

/** As `withRetries`, off the event loop: `attempt` calls back with null or its error, and so does this, with the last one. */
export function withRetriesLater(attempt: (done: (error: unknown) => void) => void, scheduler: Scheduler, done: (error: unknown) => void, pauses: readonly number[] = RETRY_PAUSES_MS): void {
  attempt((error) => {
    const [milliseconds, ...others] = pauses
    if (milliseconds === undefined || !passing.has(systemErrorCode(error))) return done(error)
    scheduler.after(milliseconds, () => withRetriesLater(attempt, scheduler, done, others), { keepAlive: true })
  })
}

/** Blocks the thread. Only for the waits above. */
export function blockFor(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
