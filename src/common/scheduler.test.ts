import { afterEach, expect, test } from 'vitest'
import { systemScheduler, type Timer } from './scheduler.ts'

const timers: Timer[] = []
afterEach(() => { for (const timer of timers.splice(0)) timer.cancel() })

/** Timers that hold the process. */
function holding(): number { return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length }

test.each([
  ['after', () => systemScheduler.after(60_000, () => {}), 0],
  ['after, with keepAlive', () => systemScheduler.after(60_000, () => {}, { keepAlive: true }), 1],
  ['every', () => systemScheduler.every(60_000, () => {}), 0],
] as const)('a timer of %s holds the process only where that is asked for, and not when it was cancelled', (_, start, held) => {
  const before = holding()
  timers.push(start())
  expect(holding() - before).toBe(held)
  timers.pop()!.cancel()
  expect(holding()).toBe(before)
})
