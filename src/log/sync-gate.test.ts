import { expect, test } from 'vitest'
import { systemScheduler } from '../common/scheduler.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { SharedSync, MOST_SYNC_READ_BYTES, SYNC_WRITE_BYTES, SyncGate, TurnBudget } from './sync-gate.ts'

const turn = (): Promise<void> => new Promise((resolve) => { systemScheduler.soon(resolve) })

/** Syncs that end when told. */
function rig(): { shared: SharedSync; begun: { end(): void; fail(problem: string): void }[] } {
  const begun: { end(): void; fail(problem: string): void }[] = []
  const shared = new SharedSync(() => new Promise((resolve, reject) => { begun.push({ end: resolve, fail: (problem) => { reject(new Error(problem)) } }) }))
  return { shared, begun }
}

test('who asks while a sync runs is told by the next one, which all of them share', async () => {
  const { shared, begun } = rig()
  const told: string[] = []
  void shared.run().then(() => told.push('first'))
  void shared.run().then(() => told.push('second'))
  void shared.run().then(() => told.push('third'))
  await turn()
  expect([begun.length, told]).toEqual([1, []])
  begun[0]!.end()
  await turn()
  expect([begun.length, told]).toEqual([2, ['first']])
  // The second sync has begun without what is done from now on.
  void shared.run().then(() => told.push('fourth'))
  begun[1]!.end()
  await turn()
  expect([begun.length, told]).toEqual([3, ['first', 'second', 'third']])
  begun[2]!.end()
  await turn()
  expect(told.at(-1)).toBe('fourth')
})

test('a sync that fails rejects for those that share it, and no others', async () => {
  const { shared, begun } = rig()
  const first = shared.run()
  const second = shared.run()
  begun[0]!.fail('bits have rotted')
  await expect(first).rejects.toThrow('bits have rotted')
  await turn()
  begun[1]!.end()
  await second
  const third = shared.run()
  begun[2]!.fail('again')
  await expect(third).rejects.toThrow('again')
  expect(begun.length).toBe(3)
})

test('in one turn of the event loop so much is read or written and no more, in the next one again', async () => {
  for (const [make, largest, calls] of [[TurnBudget.ofWrites, SYNC_WRITE_BYTES, 2], [TurnBudget.ofReads, MOST_SYNC_READ_BYTES, 2]] as const) {
    const scheduler = new ManualScheduler()
    const budget = make(scheduler)
    for (let turn = 0; turn < 3; turn++) {
      expect(budget.take(largest + 1)).toBe(false)
      for (let call = 0; call < calls; call++) expect(budget.take(largest), `turn ${turn}, call ${call}`).toBe(true)
      expect(budget.take(16_384)).toBe(false)
      await scheduler.runUntilIdle()
    }
  }
})

test('however much was written in a turn, small pieces still are', async () => {
  const scheduler = new ManualScheduler()
  const budget = TurnBudget.ofWrites(scheduler)
  expect([131_072, 131_072, 8193, 8192, 1].map((bytes) => budget.take(bytes))).toEqual([true, true, false, true, true])
  await scheduler.runUntilIdle()
  expect(budget.take(8193)).toBe(true)
})

test('no more than so many syncs run at once; those that wait go in their order, behind one that fails too, and nobody overtakes', async () => {
  const gate = new SyncGate(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const run = (n: number): Promise<void> => gate.run(() => new Promise((resolve, reject) => {
    begun.push(n)
    ends[n] = () => { if (n === 0) reject(new Error('bits have rotted')); else resolve() }
  }))
  const runs = [0, 1, 2, 3, 4].map(run)
  const failed = expect(runs[0]).rejects.toThrow('bits have rotted')
  await turn()
  expect(begun).toEqual([0, 1])
  ends[0]!()
  await failed
  await turn()
  expect(begun).toEqual([0, 1, 2])
  ends[1]!()
  runs.push(run(5))
  await turn()
  expect(begun).toEqual([0, 1, 2, 3])
  for (const n of [2, 3]) ends[n]!()
  await turn()
  expect(begun).toEqual([0, 1, 2, 3, 4, 5])
  for (const n of [4, 5]) ends[n]!()
  await Promise.all(runs.slice(1))
  expect(gate.completed).toBe(5)
  // All places are free again, and no more than there were.
  const more = [6, 7, 8].map(run)
  await turn()
  expect(begun.slice(6)).toEqual([6, 7])
  for (const n of [6, 7]) ends[n]!()
  await turn()
  ends[8]!()
  await Promise.all(more)
})
