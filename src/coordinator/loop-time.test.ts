import { describe, expect, test } from 'vitest'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { Deadlines } from './deadlines.ts'
import { LoopTime } from './loop-time.ts'

function setup(): { scheduler: ManualScheduler; time: LoopTime; deadlines: Deadlines; fired: string[]; set(name: string, delayMs: number): void } {
  const scheduler = new ManualScheduler()
  const time = new LoopTime(scheduler.clock, scheduler)
  const deadlines = new Deadlines(time, scheduler)
  const fired: string[] = []
  return { scheduler, time, deadlines, fired, set: (name, delayMs) => deadlines.set(name, delayMs, () => fired.push(name)) }
}

describe('loop time', () => {
  test('passes like monotonic time while the loop runs', async () => {
    const { scheduler, time } = setup()
    time.start()
    await scheduler.advance(60_000)
    expect(time.now()).toBe(60_000)
  })

  test('stands still during a stall, before and after a tick has noticed it', async () => {
    const { scheduler, time } = setup()
    time.start()
    await scheduler.advance(1000)
    scheduler.clock.advance(30_000)
    const during = time.now()
    expect(during).toBeLessThan(1500)
    await scheduler.runUntilIdle()
    expect(time.now()).toBe(during)
    await scheduler.advance(1000)
    expect(time.now()).toBe(during + 1000)
  })

  test('does not count a stall while nobody watches', () => {
    const { scheduler, time } = setup()
    scheduler.clock.advance(30_000)
    time.start()
    expect(time.now()).toBe(30_000)
    time.stop()
    scheduler.clock.advance(30_000)
    expect(time.now()).toBe(60_000)
  })
})

describe('deadlines', () => {
  test('fire once, when they are due', async () => {
    const { scheduler, set, fired } = setup()
    set('a', 1000)
    await scheduler.advance(999)
    expect(fired).toEqual([])
    await scheduler.advance(1)
    expect(fired).toEqual(['a'])
    await scheduler.advance(10_000)
    expect(fired).toEqual(['a'])
  })

  test('can be moved further away and nearer, and cancelled', async () => {
    const { scheduler, set, fired, deadlines } = setup()
    set('far', 1000)
    set('near', 9000)
    set('gone', 500)
    await scheduler.advance(400)
    set('far', 5000)
    set('near', 100)
    deadlines.cancel('gone')
    await scheduler.advance(100)
    expect(fired).toEqual(['near'])
    await scheduler.advance(4899)
    expect(fired).toEqual(['near'])
    await scheduler.advance(1)
    expect(fired).toEqual(['near', 'far'])
  })

  test('are put off by a stall, by its length and no more', async () => {
    const { scheduler, set, fired } = setup()
    set('session', 10_000)
    await scheduler.advance(2000)
    scheduler.clock.advance(60_000)
    await scheduler.runUntilIdle()
    expect(fired).toEqual([])
    await scheduler.advance(7000)
    expect(fired).toEqual([])
    await scheduler.advance(1001)
    expect(fired).toEqual(['session'])
  })

  test('leave no timer behind', async () => {
    const { scheduler, set, deadlines } = setup()
    set('a', 1000)
    set('b', 2000)
    expect(scheduler.keepAliveTimers).toBe(0)
    await scheduler.advance(1000)
    deadlines.close()
    expect(scheduler.pendingTimers).toBe(0)
    set('late', 10)
    expect(scheduler.pendingTimers).toBe(0)
  })
})
