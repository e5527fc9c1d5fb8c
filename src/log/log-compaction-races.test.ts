/** What begins after each of the disk's answers to a round of compaction, and goes beside the rest of it. */
import { describe, expect, test } from 'vitest'
import { committed, compacting, latestOf, leftovers, put, type Row } from '../../test/support/compaction-kit.ts'
import { openHandles } from '../../test/support/handle-count.ts'
import { findings, TestLog, testConfig } from '../../test/support/test-log.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
// Its code is there from the start: loading it is no matter of the disk.
import './log-compaction.ts'

const config = { ...compacting, 'cleanup.policy': ['compact', 'delete'], 'segment.bytes': 300, 'file.delete.delay.ms': 0 } as const

interface Scene {
  readonly t: TestLog
  readonly handles: () => string[]
  /** Begins a round, then `change` once the disk has answered so often, and lets the disk answer until both are over. False: the round was over before. */
  beside(answers: number, change: () => Promise<unknown>): Promise<boolean>
}

/** Nine segments of two records: `a` and `b` in turn, so that all but the last go; then `c`. */
async function scene(): Promise<Scene> {
  const clock = new ManualClock()
  const scheduler = new ManualScheduler(clock)
  const held: (() => void)[] = []
  let holding = false
  const disk = new SimulatedFileSystem({ clock, defer: (complete) => { if (holding) held.push(complete); else queueMicrotask(complete) } })
  const handles = openHandles(disk)
  const t = new TestLog({ clock, scheduler, disk, config, check: false, manager: { settings: { 'log.cleaner.enable': false, 'log.segment.delete.delay.ms': 0 } } })
  await t.open()
  for (let i = 0; i < 16; i++) await t.append([put(i % 2 === 0 ? 'a' : 'b', `${i}`.padEnd(60))])
  for (let i = 0; i < 2; i++) await t.append([put('c', `${i}`.padEnd(60))])
  await t.drive(t.log.flush())
  const settle = async (done: () => boolean): Promise<void> => {
    while (!done() || held.length > 0) {
      held.shift()?.()
      await scheduler.advance(1)
    }
  }
  return {
    t, handles,
    async beside(answers, change) {
      holding = true
      let isOver = false
      const compacting = t.manager.compact().then(() => { isOver = true })
      for (let i = 0; i < answers && !isOver; i++) {
        await scheduler.runUntilIdle()
        held.shift()?.()
        await scheduler.runUntilIdle()
      }
      const wasOver = isOver
      let isChanged = false
      const changing = change().then(() => { isChanged = true })
      await settle(() => isOver && isChanged)
      holding = false
      await Promise.all([compacting, changing])
      return !wasOver
    },
  }
}

/** As long as the round goes on, with `change` beginning later and later. */
async function everywhere(change: (t: TestLog) => Promise<unknown>, judge: (t: TestLog, what: string) => Promise<void>): Promise<number> {
  for (let answers = 0; ; answers++) {
    const { t, beside, handles } = await scene()
    const isBeside = await beside(answers, () => change(t))
    const what = `after ${answers} answers`
    expect(t.logger.entries.filter(({ level }) => level === 'warn' || level === 'error'), what).toEqual([])
    expect(t.manager.uncleanableCount, what).toBe(0)
    await judge(t, what)
    await t.close()
    expect(handles(), what).toEqual([])
    expect((await findings(t.disk, '/data')).filter((finding) => finding.severity === 'error'), what).toEqual([])
    if (!isBeside) return answers
  }
}

const values = (rows: readonly Row[]): string[] => [...latestOf(rows).values()].map(({ key, value }) => `${key}=${value?.trim()}`).sort()

async function expectSame(t: TestLog, expected: readonly string[], what: string): Promise<void> {
  expect(values(await committed(t)), what).toEqual(expected)
  await t.drive(t.manager.compact())
  expect(values(await committed(t)), `${what}, compacted again`).toEqual(expected)
  expect(leftovers(t), what).toEqual([])
  await t.reopen()
  expect(values(await committed(t)), `${what}, opened again`).toEqual(expected)
}

describe('beside compaction', () => {
  test('the end is cut off, and what is appended then is not taken for what was cleaned', async () => {
    const answers = await everywhere(async (t) => {
      await t.log.truncateTo(6)
      for (let i = 0; i < 14; i++) await t.send([put(i % 2 === 0 ? 'a' : 'd', `new ${i}`.padEnd(60))])
      await t.send([put('d', null)])
      for (let i = 0; i < 4; i++) await t.send([put('c', `new ${i}`.padEnd(60))])
    }, async (t, what) => {
      expect(t.log.logEndOffset, what).toBe(25)
      await t.drive(t.log.flush())
      await t.drive(t.manager.compact())
      t.clock.advance(2000)
      t.configure({ 'min.cleanable.dirty.ratio': 0, 'delete.retention.ms': 0 })
      for (let i = 0; i < 4; i++) await t.append([put('e', `${i}`.padEnd(60))])
      await t.drive(t.manager.compact())
      const rows = await committed(t)
      // `b` may have been made obsolete by what was cut off then.
      expect(values(rows).filter((each) => !each.startsWith('b=')), what).toEqual(['a=new 12', 'c=new 3', 'e=3'])
      expect(rows.filter(({ key }) => key === 'd'), what).toEqual([])
    })
    expect(answers).toBeGreaterThan(60)
  }, 60_000)

  test('the log starts anew elsewhere', async () => {
    await everywhere(async (t) => {
      await t.log.truncateFullyAndStartAt(5)
      for (let i = 0; i < 20; i++) await t.send([put(`k${i % 4}`, `new ${i}`.padEnd(60))])
    }, async (t, what) => {
      await t.drive(t.log.flush())
      await expectSame(t, ['k0=new 16', 'k1=new 17', 'k2=new 18', 'k3=new 19'], what)
      expect(await committed(t), what).toHaveLength(6)
    })
  }, 60_000)

  test('the topic is deleted, and made anew under its name', async () => {
    await everywhere(async (t) => {
      await t.manager.delete('t')
      const log = await t.manager.create('t', 0, 'AAAAAAAAAAAAAAAAAAAAAQ', testConfig(config))
      for (let i = 0; i < 20; i++) {
        await log.append(Buffer.from(buildBatch([put(`k${i % 4}`, `new ${i}`.padEnd(60))])), { origin: 'client', durable: true })
      }
    }, async (t, what) => {
      expect(leftovers(t), what).toEqual([])
      await expectSame(t, ['k0=new 16', 'k1=new 17', 'k2=new 18', 'k3=new 19'], what)
      expect(await committed(t), what).toHaveLength(6)
    })
  }, 60_000)

  test('everything below an offset is deleted, and segments go', async () => {
    await everywhere(async (t) => {
      await t.log.deleteRecordsBefore(5)
      await t.log.applyRetention(t.clock.now())
    }, async (t, what) => {
      expect(t.log.logStartOffset, what).toBe(5)
      await expectSame(t, ['a=14', 'b=15', 'c=1'], what)
    })
  }, 60_000)

  test('the topic is to be compacted no more: nothing is rewritten from then on but the group that is being put in place', async () => {
    await everywhere(async (t) => {
      t.configure({ 'cleanup.policy': ['delete'] })
      await t.log.flush()
      const { segments } = t.log.insides().state
      await t.log.flush()
      expect(t.log.insides().state.segments).toBe(segments)
    }, async (t, what) => { expect(values(await committed(t)), what).toEqual(['a=14', 'b=15', 'c=1']) })
  }, 60_000)

  test('everything is closed', async () => {
    await everywhere((t) => t.manager.close(), async (t, what) => {
      expect(leftovers(t), what).toEqual([])
      await t.open()
      expect(t.manager.wasClean, what).toBe(true)
      await expectSame(t, ['a=14', 'b=15', 'c=1'], what)
    })
  }, 60_000)
})
