/** Damage met by compaction: the round refuses, says where, changes nothing, and other logs have their round. */
import { describe, expect, test } from 'vitest'
import { committed, compacting, endTransaction, latestOf, leftovers, put } from '../../test/support/compaction-kit.ts'
import { openTestLog, TestLog, testConfig, TOPIC_ID } from '../../test/support/test-log.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { readOffsetCheckpoint } from './checkpoint-file.ts'

const config = { ...compacting, 'segment.bytes': 300 }
const manager = { settings: { 'log.cleaner.enable': false } }
const HOUR_MS = 3_600_000
const CLEAN = '00000000000000000006'
const DIRTY = '00000000000000000008'

/** A log `t` of a clean part with records in one segment, at 6, and dirty ones, at 8 and later, with an aborted transaction; and `u`, dirty too. */
async function scene(): Promise<SimulatedFileSystem> {
  const t = await openTestLog({ config, check: false, manager })
  for (let i = 0; i < 8; i++) await t.append([put(`k${i % 2}`, `${i}`.padEnd(50))])
  await t.append([put('k2', 'x'.repeat(120))])
  await t.drive(t.log.flush())
  await t.drive(t.manager.compact())
  for (let i = 0; i < 2; i++) await t.append([put('k3', `${i}`.padEnd(50))])
  await t.append([put('k4', 'never')], { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  await endTransaction(t, 9, 'ABORT')
  for (let i = 0; i < 3; i++) await t.append([put('k5', `${i}`.padEnd(120))])
  const other = await t.drive(t.manager.create('u', 0, TOPIC_ID, testConfig(config)))
  for (let i = 0; i < 8; i++) await t.drive(other.append(Buffer.from(buildBatch([put('same', `${i}`.padEnd(60))])), { origin: 'client', durable: true }))
  await t.close()
  return t.disk.copy()
}

function change(disk: SimulatedFileSystem, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'write')
  file.truncate(bytes.length)
  file.writeSync(bytes, 0, bytes.length, 0)
  file.close()
}

function filesOf(t: TestLog): Map<string, string> {
  return new Map(t.fileNames().map((name) => [name, Buffer.from(t.disk.readFile(`${t.directory}/${name}`)).toString('hex')]))
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ (1 << at % 8) : byte))

const opened = (disk: SimulatedFileSystem): Promise<TestLog> => new TestLog({ config, check: false, disk, manager, clock: new ManualClock() }).open()

/** A round over the damage, another at once, one after the pause, and one once it is mended. */
async function expectRefused(t: TestLog, mend: () => void, what: string): Promise<void> {
  const before = filesOf(t)
  await t.drive(t.manager.compact())
  const warnings = t.logger.entries.filter(({ level }) => level === 'warn')
  expect(warnings.map(({ message, fields }) => ({ message, log: fields['log'], failures: fields['failures'], pauseMs: fields['pauseMs'] })), what).toEqual([
    { message: 'a log could not be compacted and is tried again later; it is as it was', log: 't-0', failures: 1, pauseMs: 15_000 },
  ])
  expect({ code: (warnings[0]!.fields['error'] as { code: string }).code, isOffline: t.log.isOffline, uncleanable: t.manager.uncleanableCount, leftovers: leftovers(t) }, what).toEqual(
    { code: 'LOG_CORRUPT', isOffline: false, uncleanable: 1, leftovers: [] },
  )
  expect(filesOf(t), what).toEqual(before)
  expect(readOffsetCheckpoint(t.disk, '/data/cleaner-offset-checkpoint'), what).toContainEqual({ topic: 'u', partition: 0, offset: 6 })
  await t.drive(t.manager.compact())
  t.clock.advance(14_999)
  await t.drive(t.manager.compact())
  const pauses = (): unknown[] => t.logger.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields['pauseMs'])
  expect(pauses(), what).toEqual([15_000])
  t.clock.advance(1)
  await t.drive(t.manager.compact())
  expect(pauses(), what).toEqual([15_000, 30_000])
  mend()
  t.clock.advance(HOUR_MS)
  await t.drive(t.manager.compact())
  expect({ pauses: pauses(), uncleanable: t.manager.uncleanableCount }, what).toEqual({ pauses: [15_000, 30_000], uncleanable: 0 })
}

describe('a log with', () => {
  test('any byte of a dirty segment changed is not compacted, but where no checksum covers it, and no order of offsets', async () => {
    const disk = await scene()
    const path = `/data/t-0/${DIRTY}.log`
    const bytes = disk.readFile(path)
    for (let at = 0; at < bytes.length; at++) {
      const copy = disk.copy()
      change(copy, path, flipped(bytes, at))
      const t = await opened(copy)
      await t.drive(t.manager.compact())
      // The leader epoch of a batch: nothing tells what it was.
      expect({ at, isRefused: t.manager.uncleanableCount === 1 }).toEqual({ at, isRefused: !isEpoch(bytes, at) })
    }
  }, 60_000)

  test.each([['a dirty', DIRTY], ['a clean', CLEAN]])('a changed byte in %s segment is left as it is, and tried again less and less often, until it is whole', async (_, segment) => {
    const t = await opened(await scene())
    const path = `${t.directory}/${segment}.log`
    const bytes = t.disk.readFile(path)
    change(t.disk, path, flipped(bytes, 80))
    await expectRefused(t, () => { change(t.disk, path, bytes) }, segment)
  })

  test('a segment that was cut behind a whole batch, or to nothing, is left as it is', async () => {
    const whole = await openTestLog({ config: { ...compacting, 'segment.bytes': 600 }, check: false, manager })
    for (let i = 0; i < 20; i++) await whole.append([put(`k${i % 3}`, `${i}`.padEnd(50))])
    const logs = whole.fileNames().filter((name) => name.endsWith('.log')).slice(0, -1)
    await whole.close()
    let cuts = 0
    for (const name of logs) {
      for (const end of boundariesOf(whole.disk.readFile(`${whole.directory}/${name}`))) {
        const t = await opened(whole.disk.copy())
        change(t.disk, `${t.directory}/${name}`, t.disk.readFile(`${t.directory}/${name}`).subarray(0, end))
        const before = filesOf(t)
        await t.drive(t.manager.compact())
        expect({ uncleanable: t.manager.uncleanableCount, files: filesOf(t) }, `${name}, ${end}`).toEqual({ uncleanable: 1, files: before })
        cuts++
      }
    }
    expect(cuts).toBeGreaterThan(2 * logs.length)
  })

  test('a torn index of aborted transactions is left as it is', async () => {
    const t = await opened(await scene())
    const path = `${t.directory}/${t.fileNames().find((name) => name.endsWith('.txnindex'))!}`
    const bytes = t.disk.readFile(path)
    change(t.disk, path, bytes.subarray(0, 20))
    await expectRefused(t, () => { change(t.disk, path, bytes) }, path)
  })

  test('lying indexes is compacted all the same', async () => {
    const t = await opened(await scene())
    for (const name of t.fileNames().filter((each) => each.endsWith('index') && !each.endsWith('.txnindex'))) {
      change(t.disk, `${t.directory}/${name}`, Uint8Array.from({ length: 24 }, (_, i) => (i % 4 === 3 ? i + 1 : 0)))
    }
    const latest = latestOf(await committed(t))
    await t.drive(t.manager.compact())
    expect(t.manager.uncleanableCount).toBe(0)
    expect(t.logger.messages('info')).toContain('compaction cleaned a log')
    expect(latestOf(await committed(t))).toEqual(latest)
  })

  test('damage in it counts no more once it is deleted, or not to be compacted', async () => {
    for (const end of ['deleted', 'kept']) {
      const t = await opened(await scene())
      change(t.disk, `${t.directory}/${DIRTY}.log`, flipped(t.disk.readFile(`${t.directory}/${DIRTY}.log`), 80))
      await t.drive(t.manager.delete('u'))
      await t.drive(t.manager.compact())
      expect(t.manager.uncleanableCount).toBe(1)
      if (end === 'deleted') await t.drive(t.manager.delete('t'))
      else t.configure({ 'cleanup.policy': ['delete'] })
      await t.drive(t.manager.compact())
      expect({ end, uncleanable: t.manager.uncleanableCount }).toEqual({ end, uncleanable: 0 })
    }
  })
})

/** Where batches begin. */
function boundariesOf(bytes: Uint8Array): number[] {
  const view = Buffer.from(bytes)
  const found: number[] = []
  for (let position = 0; position < bytes.length; position += 12 + view.readInt32BE(position + 8)) found.push(position)
  return found
}

function isEpoch(bytes: Uint8Array, at: number): boolean {
  const position = boundariesOf(bytes).findLast((each) => each <= at)!
  return at - position >= 12 && at - position < 16
}
