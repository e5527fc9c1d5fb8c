import { describe, expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { systemScheduler } from '../common/scheduler.ts'
import { schedulerContract } from './contracts/scheduler-contract.ts'
import { ManualClock } from './manual-clock.ts'
import { ManualScheduler } from './manual-scheduler.ts'

describe('systemScheduler keeps the scheduler contract', () => {
  const pass = (milliseconds: number): Promise<void> => new Promise((resolve) => { systemScheduler.after(milliseconds, resolve, { keepAlive: true }) })
  schedulerContract({ test, make: () => ({ scheduler: systemScheduler, clock: systemClock, pass }) })
})

describe('ManualScheduler keeps the scheduler contract', () => {
  schedulerContract({ test, make: () => {
    const scheduler = new ManualScheduler()
    return { scheduler, clock: scheduler.clock, pass: (milliseconds) => scheduler.advance(milliseconds) }
  } })
})

describe('ManualScheduler', () => {
  test('shows each task the clock at its own time, and ends at the target', async () => {
    const scheduler = new ManualScheduler(new ManualClock(1000))
    const seen: number[] = []
    for (const delay of [30, 10, 20]) scheduler.after(delay, () => seen.push(scheduler.clock.now()))
    await scheduler.advance(25)
    expect(seen).toEqual([1010, 1020])
    expect(scheduler.clock.now()).toBe(1025)
    await scheduler.advance(5)
    expect(seen).toEqual([1010, 1020, 1030])
  })

  test('runs what a task makes due within the same advance, at its time', async () => {
    const scheduler = new ManualScheduler()
    const seen: number[] = []
    const chain = (): void => {
      seen.push(scheduler.clock.monotonic())
      if (seen.length < 5) scheduler.after(10, chain)
    }
    scheduler.after(10, chain)
    await scheduler.advance(35)
    expect(seen).toEqual([10, 20, 30])
  })

  test('lets promise chains of any depth settle between two tasks', async () => {
    const scheduler = new ManualScheduler()
    const seen: string[] = []
    scheduler.after(1, () => {
      let chain = Promise.resolve()
      for (let i = 0; i < 100; i++) chain = chain.then(() => {})
      void chain.then(() => seen.push('settled'))
    })
    scheduler.after(1, () => seen.push('next'))
    await scheduler.advance(1)
    expect(seen).toEqual(['settled', 'next'])
  })

  test('runs periods exactly, and a late one once', async () => {
    const scheduler = new ManualScheduler()
    const seen: number[] = []
    scheduler.every(10, () => seen.push(scheduler.clock.monotonic()))
    await scheduler.advance(30)
    scheduler.clock.advance(55)
    await scheduler.advance(20)
    expect(seen).toEqual([10, 20, 30, 85, 95, 105])
  })

  test('runUntilIdle lets no time pass; runAll runs to the last one-shot task', async () => {
    const scheduler = new ManualScheduler()
    const seen: string[] = []
    scheduler.every(100, () => seen.push('period'))
    scheduler.after(250, () => scheduler.after(10, () => seen.push('last')))
    scheduler.soon(() => seen.push('soon'))
    await scheduler.runUntilIdle()
    expect([seen, scheduler.clock.monotonic()]).toEqual([['soon'], 0])
    await scheduler.runAll()
    expect([seen, scheduler.clock.monotonic()]).toEqual([['soon', 'period', 'period', 'last'], 260])
  })

  test('counts what is left, for tests of leaks', () => {
    const scheduler = new ManualScheduler()
    const timer = scheduler.after(10, () => {}, { keepAlive: true })
    scheduler.every(10, () => {})
    scheduler.soon(() => {})
    expect([scheduler.pendingTimers, scheduler.keepAliveTimers, scheduler.pendingSoon]).toEqual([2, 1, 1])
    timer.cancel()
    expect([scheduler.pendingTimers, scheduler.keepAliveTimers]).toEqual([1, 0])
  })

  test('passes the error of a task on', async () => {
    const scheduler = new ManualScheduler()
    scheduler.after(5, () => { throw new Error('task failed') })
    await expect(scheduler.advance(10)).rejects.toThrow('task failed')
  })

  test('finds out tasks that schedule each other for ever', async () => {
    const scheduler = new ManualScheduler()
    const again = (): void => scheduler.soon(again)
    again()
    await expect(scheduler.advance(1)).rejects.toThrow('for ever')
  }, 20_000)
})

describe('ManualClock', () => {
  test('lets the wall jump while monotonic time stands', () => {
    const clock = new ManualClock(5000)
    clock.advance(10.5)
    clock.setWall(100)
    clock.advance(1)
    expect([clock.now(), clock.monotonic()]).toEqual([101, 11.5])
    expect(() => clock.advance(-1)).toThrow(/setWall/)
  })
})
