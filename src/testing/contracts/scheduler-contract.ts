/**
 * What every Scheduler must do. `make` gives a scheduler with its clock and a way to let time pass, real or not. Bound to no test framework.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Clock } from '../../common/clock.ts'
import type { Scheduler } from '../../common/scheduler.ts'

export interface SchedulerSubject { readonly scheduler: Scheduler; readonly clock: Clock; pass(milliseconds: number): Promise<void> }

export interface SchedulerSuite {
  test(name: string, run: () => Promise<void>): void
  make(): SchedulerSubject
}

type Case = (subject: SchedulerSubject) => Promise<void>

export function schedulerContract(suite: SchedulerSuite): void {
  for (const [name, run] of Object.entries(cases)) suite.test(name, () => run(suite.make()))
}

const cases: Readonly<Record<string, Case>> = {
  'a task runs once, not before its time, and not in the call that made it': async ({ scheduler, clock, pass }) => {
    const start = clock.monotonic()
    const runs: number[] = []
    scheduler.after(5, () => runs.push(clock.monotonic() - start))
    scheduler.after(0, () => runs.push(-1))
    deepEqual(runs, [])
    await pass(40)
    equal(runs.length, 2)
    equal(runs[0], -1)
    // Node rounds delays to its own millisecond ticks.
    ok((runs[1] ?? 0) >= 4)
  },

  'tasks run in order of their time, those of the same time in order of call': async ({ scheduler, pass }) => {
    const runs: string[] = []
    scheduler.after(20, () => runs.push('late'))
    scheduler.after(2, () => runs.push('a'))
    scheduler.after(2, () => runs.push('b'))
    await pass(60)
    deepEqual(runs, ['a', 'b', 'late'])
  },

  'a cancelled task never runs, and cancelling again is allowed': async ({ scheduler, pass }) => {
    const runs: string[] = []
    const timer = scheduler.after(5, () => runs.push('after'))
    const period = scheduler.every(2, () => {
      runs.push('every')
      period.cancel()
    })
    timer.cancel()
    timer.cancel()
    await pass(30)
    deepEqual(runs, ['every'])
    period.cancel()
  },

  'a periodic task runs again and again until cancelled': async ({ scheduler, pass }) => {
    const runs: string[] = []
    const period = scheduler.every(3, () => runs.push('run'))
    equal(runs.length, 0)
    for (let i = 0; i < 100 && runs.length < 3; i++) await pass(5)
    period.cancel()
    const before = runs.length
    ok(before >= 3, `${before} runs`)
    await pass(20)
    equal(runs.length, before)
  },

  'soon runs tasks in order, in a later turn, after all that is settled by then': async ({ scheduler, pass }) => {
    const runs: string[] = []
    scheduler.soon(() => {
      runs.push('one')
      void Promise.resolve().then(() => runs.push('microtask of one'))
      scheduler.soon(() => runs.push('three'))
    })
    scheduler.soon(() => runs.push('two'))
    void Promise.resolve().then(() => runs.push('microtask'))
    deepEqual(runs, [])
    for (let i = 0; i < 100 && runs.length < 5; i++) await pass(1)
    deepEqual(runs, ['microtask', 'one', 'microtask of one', 'two', 'three'])
  },

  'delays that are no sensible number are at once or bounded, never an error': async ({ scheduler, pass }) => {
    const runs: string[] = []
    scheduler.after(-5, () => runs.push('negative'))
    scheduler.after(NaN, () => runs.push('NaN'))
    const endless = scheduler.after(Infinity, () => runs.push('Infinity'))
    const month = scheduler.after(2 ** 31, () => runs.push('month'))
    await pass(20)
    deepEqual(runs, ['negative', 'NaN'])
    endless.cancel()
    month.cancel()
  },
}
