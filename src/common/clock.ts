/**
 * Port to time. `now` may jump (it is the wall clock: record timestamps, retention); every timeout and lease is measured on `monotonic`.
 */
export interface Clock {
  /** Wall clock, whole milliseconds since 1970-01-01T00:00Z. May go back or leap. */
  now(): number
  /** Milliseconds (with fraction) since an arbitrary start. Never goes back. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Not `performance.now`, which does the same and loads a module of 1 ms first.
  monotonic() {
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1e3 + nanoseconds / 1e6
  },
}
