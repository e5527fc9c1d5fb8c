/**
 * Snapshots of producers after power cuts. They are disposable, and one that is damaged is found when it is loaded; but only the newest one is ever
 * loaded. So all others must be whole once the log is open, as Kafka's are, or they stay damaged until a truncation needs them.
 */
import { expect, test } from 'vitest'
import { openTestLog, TestLog } from '../../test/support/test-log.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { decodeSnapshot } from './producer-snapshot.ts'

const config = { 'segment.bytes': 400, 'index.interval.bytes': 100, 'file.delete.delay.ms': 0, 'retention.ms': -1 } as const

const snapshotsOf = (t: TestLog): string[] => t.disk.readDirectory(t.directory).map((entry) => entry.name).filter((name) => name.endsWith('.snapshot'))

async function reopened(disk: SimulatedFileSystem): Promise<TestLog> {
  const t = new TestLog({ config, check: false, disk })
  return t.open()
}

async function fill(t: TestLog, from: number, count: number, durable: boolean): Promise<void> {
  for (let i = from; i < from + count; i++) {
    await t.append([`value ${i} ${'x'.repeat(i * 7 % 60)}`], { producerId: 5, producerEpoch: 0, baseSequence: i }, { durable })
  }
}

/** Opens every disk that a cut may leave behind operation `from`: how many there were, all with whole snapshots. */
async function cutEverywhere(disk: SimulatedFileSystem, from: number): Promise<number> {
  let states = 0
  for (const state of disk.crashStates({ from, maxExhaustive: 64, maxSubsets: 12, damage: true })) {
    const after = await reopened(state.restore())
    for (const name of snapshotsOf(after)) {
      const path = `${after.directory}/${name}`
      expect(() => decodeSnapshot(after.disk.readFile(path), path), `${name}\n${state.describe()}`).not.toThrow()
    }
    states++
  }
  return states
}

test.each([['durable', true], ['not durable', false]] as const)('whole after a cut at any moment of appends that are %s', async (_name, durable) => {
  const t = await openTestLog({ config, check: false })
  await fill(t, 0, 12, durable)
  expect(snapshotsOf(t).length).toBeGreaterThan(2)
  expect(await cutEverywhere(t.disk, 0)).toBeGreaterThan(200)
})

test('whole after a cut at any moment of an open that makes them anew, and of the appends behind it', async () => {
  const t = await openTestLog({ config, check: false })
  await fill(t, 0, 12, true)
  await t.close()
  for (const name of snapshotsOf(t)) t.disk.unlink(`${t.directory}/${name}`)
  const disk = t.disk.copy()
  const again = await reopened(disk)
  expect(snapshotsOf(again).length).toBeGreaterThan(2)
  await fill(again, 12, 6, true)
  expect(await cutEverywhere(disk, 0)).toBeGreaterThan(200)
})

test('whole after a cut at any moment of a truncation', async () => {
  const t = await openTestLog({ config, check: false })
  await fill(t, 0, 12, true)
  const disk = t.disk
  const from = disk.operations.length
  for (const end of [9, 7, 4]) {
    await t.drive(t.log.truncateTo(end))
    await fill(t, end, 3, true)
  }
  expect(await cutEverywhere(disk, from)).toBeGreaterThan(100)
})
