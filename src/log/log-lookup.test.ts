/** Lookups by time that are slow while what they look into goes away: they are made again, on what is left. */
import { expect, test } from 'vitest'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { OffsetAndTimestamp } from './log-types.ts'

const START = new ManualClock().now()

interface Scene {
  readonly t: TestLog
  /** Begins `change`, then each lookup once the change waits for the disk; the disk answers the lookups last. */
  beside(change: () => Promise<unknown>, ...lookups: (() => Promise<OffsetAndTimestamp | null>)[]): Promise<unknown[]>
  /** Begins `change`, and each lookup once the disk has answered it `answers` times; from then on it answers in order. Null: the change was over before. */
  after(answers: number, change: () => Promise<unknown>, ...lookups: (() => Promise<unknown>)[]): Promise<unknown[] | null>
}

/** A log of three batches a segment, at offsets 0, 1, …, a second apart, that nobody has read from since it was opened. */
async function scene(batches: number): Promise<Scene> {
  const clock = new ManualClock()
  const scheduler = new ManualScheduler(clock)
  const held: (() => void)[] = []
  let holding = false
  const disk = new SimulatedFileSystem({ clock, defer: (complete) => { if (holding) held.push(complete); else queueMicrotask(complete) } })
  const config = { 'segment.bytes': 300, 'file.delete.delay.ms': 0, 'retention.ms': 1_000_000 }
  const t = await openTestLog({ disk, clock, scheduler, config })
  for (let i = 0; i < batches; i++) {
    await t.append(['x'.repeat(20)])
    clock.advance(1000)
  }
  await t.reopen()
  return {
    t,
    async beside(change, ...lookups) {
      const { log } = t
      await t.drive(log.flush())
      holding = true
      const changing = change()
      while (held.length === 0) await scheduler.runUntilIdle()
      const ofChange = held.splice(0)
      const looking = Promise.all(lookups.map((look) => look().catch((error: unknown) => error)))
      await scheduler.runUntilIdle()
      const ofLookups = held.splice(0)
      expect(ofLookups.length).toBeGreaterThan(0)
      held.push(...ofChange)
      let done = false
      const finished = changing.then(async () => { await scheduler.advance(1) }).then(() => { done = true })
      while (!done || held.length > 0) {
        for (const complete of held.splice(0)) complete()
        await scheduler.runUntilIdle()
      }
      await finished
      holding = false
      for (const complete of ofLookups) complete()
      return t.drive(looking)
    },
    async after(answers, change, ...lookups) {
      await t.drive(t.log.flush())
      holding = true
      let done = false
      const changing = change().then(() => { done = true })
      const answer = async (): Promise<void> => {
        await scheduler.runUntilIdle()
        held.shift()?.()
        await scheduler.runUntilIdle()
      }
      for (let i = 0; i < answers; i++) await answer()
      if (done) {
        holding = false
        for (const complete of held.splice(0)) complete()
        return null
      }
      let found: unknown[] | null = null
      const looking = Promise.all(lookups.map((look) => look().catch((error: unknown) => error))).then((all) => { found = all })
      while (!done || found === null) await answer()
      await Promise.all([changing, looking])
      holding = false
      return found
    },
  }
}

test('while retention drops segments', async () => {
  const { t, beside } = await scene(12)
  expect(t.log.segmentCount).toBe(4)
  t.configure({ 'retention.ms': 5_500 })
  // The segments of 0 to 5 are older.
  expect(await beside(() => t.log.applyRetention(t.clock.now()), () => t.log.offsetForTimestamp(START, 'highWatermark'), () => t.log.maxTimestampOffset()))
    .toMatchObject([{ offset: 6 }, { offset: 11 }])
  expect(t.log).toMatchObject({ logStartOffset: 6, segmentCount: 2 })
})

test('while retention drops segments that lie below a log start of before', async () => {
  const { t, beside } = await scene(12)
  await t.drive(t.log.deleteRecordsBefore(6))
  expect(t.log).toMatchObject({ logStartOffset: 6, segmentCount: 4 })
  expect(await beside(() => t.log.applyRetention(t.clock.now()), () => t.log.maxTimestampOffset())).toMatchObject([{ offset: 11 }])
  expect(t.log).toMatchObject({ logStartOffset: 6, segmentCount: 2 })
})

test.each([['in the middle of a segment', 4], ['where one begins', 3], ['at the start', 0]])('while the log is cut back, %s', async (_, offset) => {
  const { t, beside } = await scene(8)
  const found = await beside(() => t.log.truncateTo(offset), () => t.log.maxTimestampOffset(), () => t.log.offsetForTimestamp(START + 2000, 'highWatermark'))
  expect(found).toEqual(offset === 0 ? [null, null] : [expect.objectContaining({ offset: offset - 1 }), expect.objectContaining({ offset: 2 })])
})

test('while it starts anew', async () => {
  const { t, beside } = await scene(8)
  expect(await beside(() => t.log.truncateFullyAndStartAt(20), () => t.log.maxTimestampOffset())).toEqual([null])
})

test.each([['in the middle of a segment', 4], ['where one begins', 3], ['at the start', 0]])('whenever they begin while the log is cut back, %s', async (_, offset) => {
  for (let answers = 0; ; answers++) {
    const { t, after } = await scene(8)
    const lookups = [
      () => t.log.maxTimestampOffset(), () => t.log.offsetForTimestamp(START + 2000, 'highWatermark'),
      () => t.log.read(Math.max(0, offset - 1), { maxBytes: 1000, isolation: 'highWatermark' }),
    ]
    const found = await after(answers, () => t.log.truncateTo(offset), ...lookups)
    if (found === null) break
    expect([answers, found.filter((each) => each instanceof Error)]).toEqual([answers, []])
    await t.close()
  }
})
