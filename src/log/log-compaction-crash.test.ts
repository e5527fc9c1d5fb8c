/** Power cuts and kills in the middle of compaction: whatever is left opens to the log of before or of after for each group of segments, never to less. */
import { describe, expect, test } from 'vitest'
import { committed, compact, compacting, endTransaction, latestOf, leftovers, living, put, segmentBases, type Row } from '../../test/support/compaction-kit.ts'
import { findings, openTestLog, TestLog } from '../../test/support/test-log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

interface Before { readonly rows: readonly Row[]; readonly start: number; readonly end: number; readonly now: number; readonly activeBase: number; readonly sequence: number }

/**
 * Segments whose records all go, some that melt into one, tombstones young and old, an aborted transaction; the first round is over, what follows is the
 * history of the second.
 */
async function scene(): Promise<{ t: TestLog; before: Before }> {
  const t = await openTestLog({ config: compacting, check: false })
  let sequence = 0
  const data = (key: string, value: string | null): Promise<unknown> => t.append([put(key, value)], { producerId: 5, producerEpoch: 0, baseSequence: sequence++ })
  for (let i = 0; i < 10; i++) await data(`k${i % 3}`, `first ${i} ${'x'.repeat(30)}`)
  await data('gone', 'soon')
  await data('gone', null)
  for (let i = 0; i < 4; i++) await data('filler', `f${i} ${'x'.repeat(30)}`)
  await compact(t)
  t.clock.advance(2000)
  for (let i = 0; i < 6; i++) {
    await t.append([put(`k${i % 2}`, `second ${i} ${'x'.repeat(40)}`), put(`only ${i}`, 'x'.repeat(20))])
    if (i % 2 === 0) await t.append([put('k2', `never ${i}`)], { producerId: 9, producerEpoch: 0, baseSequence: i / 2, isTransactional: true })
  }
  await endTransaction(t, 9, 'ABORT')
  await data('late', 'dies')
  await data('late', null)
  for (let i = 0; i < 5; i++) await data('filler', `g${i} ${'x'.repeat(40)}`)
  await data('last', 'stays')
  await t.drive(t.log.flush())
  await t.drive(t.manager.checkpoint())
  t.disk.settle()
  const { logStartOffset: start, logEndOffset: end } = t.log
  return { t, before: { rows: await committed(t), start, end, now: t.clock.now(), activeBase: segmentBases(t).at(-1)!, sequence } }
}

async function reopened(disk: SimulatedFileSystem, { now }: Before, readOnly: boolean = false): Promise<TestLog> {
  return new TestLog({ config: compacting, check: false, disk, readOnly, clock: new ManualClock(now) }).open()
}

/** What is there was there before, at its offset; of each key the last; nothing of the end is lost. */
function judge(t: TestLog, rows: readonly Row[], before: Before, what: () => string): void {
  expect({ start: t.log.logStartOffset, end: t.log.logEndOffset }, what()).toEqual({ start: before.start, end: before.end })
  for (const row of rows) expect(before.rows, what()).toContainEqual(row)
  expect(living(latestOf(rows)), what()).toEqual(living(latestOf(before.rows)))
  // Met for the first time by this round; that of `gone` is due.
  expect(latestOf(rows).get('late'), what()).toEqual(latestOf(before.rows).get('late'))
  expect(rows.filter(({ offset }) => offset >= before.activeBase), what()).toEqual(before.rows.filter(({ offset }) => offset >= before.activeBase))
}

/** Opens, judges, compacts again, judges again, goes on, closes. */
async function live(disk: SimulatedFileSystem, before: Before, what: () => string): Promise<void> {
  const t = await reopened(disk, before)
  expect(leftovers(t), what()).toEqual([])
  judge(t, await committed(t), before, what)
  await compact(t)
  judge(t, await committed(t), before, what)
  await t.append([put('afterwards', 'goes on')], { producerId: 5, producerEpoch: 0, baseSequence: before.sequence })
  await t.close()
  expect((await findings(disk, '/data')).filter((finding) => finding.severity === 'error'), what()).toEqual([])
}

describe('a round of compaction', () => {
  test('that ends gives the segments for which it is cut short below', async () => {
    const { t, before } = await scene()
    const bases = segmentBases(t)
    await compact(t)
    const { segments } = t.log.insides().state.segments
    judge(t, await committed(t), before, () => 'uncut')
    expect(segments.length).toBeLessThan(bases.length - 1)
    expect(segments.some(({ size }) => size === 0)).toBe(true)
    expect(segments.filter(({ size }) => size > 100).length).toBeGreaterThan(1)
    expect(latestOf(before.rows).get('gone')?.value).toBeNull()
    expect(latestOf(await committed(t)).has('gone')).toBe(false)
  })

  test('that the power cuts short, wherever: the next open and the next round give of every key its last value', async () => {
    const { t, before } = await scene()
    await compact(t)
    let states = 0
    for (const state of t.disk.crashStates({ maxExhaustive: 16, maxSubsets: 6 })) {
      states++
      const what = (): string => state.describe()
      const reader = await reopened(state.restore(), before, true)
      judge(reader, await committed(reader), before, what)
      await reader.close()
      await live(state.restore(), before, what)
    }
    expect(states).toBeGreaterThan(300)
  }, 60_000)

  test('and cut short again while the next open ends its swap', async () => {
    const { t, before } = await scene()
    await compact(t)
    const [every, subsets] = (process.env['OTTLA_NESTED'] ?? '25,1').split(',').map(Number) as [number, number]
    let outer = 0
    let nested = 0
    for (const state of t.disk.crashStates({ maxExhaustive: 1, maxSubsets: 2 })) {
      const disk = state.restore()
      if (!disk.readDirectory(t.directory).some(({ name }) => name.endsWith('.swap')) || outer++ % every > 0) continue
      await reopened(disk, before)
      for (const inner of disk.crashStates({ maxExhaustive: 1, maxSubsets: subsets })) {
        nested++
        await live(inner.restore(), before, () => `${state.describe()}\nthen\n${inner.describe()}`)
      }
    }
    expect(nested).toBeGreaterThan(100)
  }, 60_000)
})
