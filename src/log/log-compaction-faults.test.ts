/** Every call to the disk that a round of compaction makes, failing: the log is that of before or of after, and others are compacted all the same. */
import { describe, expect, test } from 'vitest'
import { committed, compacting, endTransaction, latestOf, leftovers, living, put, type Row } from '../../test/support/compaction-kit.ts'
import { openHandles } from '../../test/support/handle-count.ts'
import { findings, openTestLog, TestLog, testConfig, TOPIC_ID } from '../../test/support/test-log.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import type { Fault } from '../testing/fault.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

const manager = { settings: { 'log.cleaner.enable': false } }
const DELETE_DELAY_MS = compacting['file.delete.delay.ms']!
const HOUR_MS = 3_600_000

interface Scene { readonly disk: SimulatedFileSystem; readonly now: number; readonly rows: readonly Row[]; readonly sequence: number }

/** Two compacted logs: `t` with several groups of segments and an aborted transaction, `u` with one. */
async function scene(): Promise<Scene> {
  const t = await openTestLog({ config: compacting, check: false, manager })
  let sequence = 0
  for (let i = 0; i < 8; i++) await t.append([put(`k${i % 5}`, `v${i} ${'x'.repeat(60)}`)], { producerId: 5, producerEpoch: 0, baseSequence: sequence++ })
  await t.append([put('k0', 'never')], { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  await endTransaction(t, 9, 'ABORT')
  await t.append([put('k1', null)])
  for (let i = 0; i < 3; i++) await t.append([put(`s${i}`, 'x'.repeat(60))])
  const other = await t.drive(t.manager.create('u', 0, TOPIC_ID, testConfig(compacting)))
  for (let i = 0; i < 8; i++) await t.drive(other.append(Buffer.from(buildBatch([put('same', `${i}`.padStart(60))])), { origin: 'client', durable: true }))
  const rows = await committed(t)
  await t.close()
  return { disk: t.disk.copy(), now: t.clock.now(), rows, sequence }
}

async function opened(disk: SimulatedFileSystem, now: number, fileSystem: FaultFileSystem = new FaultFileSystem(disk)): Promise<TestLog> {
  return new TestLog({ config: compacting, check: false, disk, fileSystem, clock: new ManualClock(now), manager }).open()
}

function judge(rows: readonly Row[], before: readonly Row[], what: string): void {
  for (const row of rows) expect(before, what).toContainEqual(row)
  expect(living(latestOf(rows)), what).toEqual(living(latestOf(before)))
  expect(latestOf(rows).get('k1'), what).toEqual(latestOf(before).get('k1'))
}

/** What the next process finds. */
async function judgeDisk(disk: SimulatedFileSystem, { rows, now, sequence }: Scene, what: string): Promise<void> {
  const t = await opened(disk, now)
  expect(leftovers(t), what).toEqual([])
  judge(await committed(t), rows, what)
  await t.append([put('afterwards', 'goes on')], { producerId: 5, producerEpoch: 0, baseSequence: sequence })
  await t.close()
  expect((await findings(disk, '/data')).filter((finding) => finding.severity === 'error'), what).toEqual([])
}

type Ending = 'not injected' | 'cleaned' | 'failed' | 'offline'

async function live(from: Scene, fault: Fault, what: string): Promise<Ending> {
  const disk = from.disk.copy()
  const handles = openHandles(disk)
  const faults = new FaultFileSystem(disk)
  const t = await opened(disk, from.now, faults)
  disk.settle()
  faults.inject(fault)
  await t.drive(t.manager.compact())
  if (faults.injected === 0) return 'not injected'
  faults.heal()
  const ending = t.log.isOffline ? 'offline' : t.manager.uncleanableCount > 0 ? 'failed' : 'cleaned'
  judge(await committed(t), from.rows, what)
  expect((await committed(t, t.manager.get('u', 0))).length, what).toBeLessThan(5)
  expect(handles().filter((path) => /\.(?:cleaned|swap)$/.test(path)), what).toEqual([])
  for (const state of disk.crashStates({ at: disk.operations.length, maxExhaustive: 4, maxSubsets: 1 })) await judgeDisk(state.restore(), from, `${what}, then ${state.describe()}`)
  if (ending === 'offline') await judgeOffline(t, from, what)
  else await judgeGoesOn(t, from, what)
  await t.close().catch((error: unknown) => { if (ending !== 'offline') throw error })
  expect(handles(), what).toEqual([])
  await judgeDisk(disk.copy(), from, what)
  return ending
}

async function judgeOffline(t: TestLog, { rows }: Scene, what: string): Promise<void> {
  await expect(t.append(['never']), what).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
  await t.drive(t.scheduler.advance(DELETE_DELAY_MS + 1))
  judge(await committed(t), rows, `${what}, a minute later`)
}

async function judgeGoesOn(t: TestLog, { rows }: Scene, what: string): Promise<void> {
  t.clock.advance(HOUR_MS)
  await t.drive(t.manager.compact())
  expect({ uncleanable: t.manager.uncleanableCount, leftovers: leftovers(t), offline: t.log.isOffline }, what).toEqual({ uncleanable: 0, leftovers: [], offline: false })
  const left = await committed(t)
  judge(left, rows, what)
  expect(left.length, what).toBeLessThan(rows.length)
}

describe('when a call to the disk fails while a log is compacted', () => {
  const every = Number(process.env['OTTLA_EVERY'] ?? 5)
  const cases = [['EIO', false, 1], ['ENOSPC', false, every], ['EMFILE', false, every], ['EIO', true, every], ['ENOSPC', true, every + 2], ['EMFILE', true, every + 2]] as const
  test.each(cases)('with %s (and all later ones: %s)', async (error, sticky, step) => {
    const from = await scene()
    const endings = { 'not injected': 0, cleaned: 0, failed: 0, offline: 0 }
    for (let nth = 1; endings['not injected'] === 0; nth += step) endings[await live(from, { call: 'any', nth, error, sticky, path: /\/t-0/ }, `${error} at call ${nth}`)]++
    expect(endings.failed).toBeGreaterThan(100 / step)
    expect(endings.offline).toBeGreaterThan(30 / step)
  }, 120_000)
})
