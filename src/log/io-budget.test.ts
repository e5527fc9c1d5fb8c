/** How much is read for what: no byte more often, and in no more pieces, than the work asks for. Bounds, not traces. */
import { describe, expect, test } from 'vitest'
import { findings, openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { repairLogs } from './log-repair.ts'

const KIB = 1024
const INTERVAL = 4 * KIB
const config = { 'segment.bytes': 700_000, 'index.interval.bytes': INTERVAL, 'retention.ms': -1 } as const

interface Spent { reads: number; bytes: number; largest: number }

/** Counts what is read of `.log` files on a disk. */
function counted(disk: SimulatedFileSystem): () => Spent {
  let spent: Spent = { reads: 0, bytes: 0, largest: 0 }
  const note = (length: number): void => { spent = { reads: spent.reads + 1, bytes: spent.bytes + length, largest: Math.max(spent.largest, length) } }
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => {
    const handle = open(path, mode)
    if (!path.endsWith('.log')) return handle
    const { readSync, read } = handle
    handle.readSync = (buffer, offset, length, position) => { note(length); return readSync.call(handle, buffer, offset, length, position) }
    handle.read = (buffer, offset, length, position) => { note(length); return read.call(handle, buffer, offset, length, position) }
    return handle
  }
  return () => {
    const before = spent
    spent = { reads: 0, bytes: 0, largest: 0 }
    return before
  }
}

/** Three segments, 4,000 batches of about 500 bytes, a millisecond apart. */
async function filled(): Promise<{ t: TestLog; spent: () => Spent }> {
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock, recordOperations: false })
  const spent = counted(disk)
  const t = await openTestLog({ disk, clock, config, check: false })
  for (let i = 0; i < 4000; i += 50) {
    clock.advance(50)
    await t.drive(Promise.all(Array.from(
      { length: 50 }, (_, n) => t.send([{ value: `${i + n} ${'x'.repeat(420)}`, timestamp: 10_000 + i + n }], {}, { durable: false }),
    )))
  }
  expect(t.log.segmentCount).toBe(3)
  return { t, spent }
}

const BATCH = 500
/** What a read for one batch takes at once, and what a walk over headers does. */
const ONE = 16 * KIB
const WALK = 64 * KIB

function expectWithin(spent: Spent, reads: number, bytes: number, what: string): void {
  expect(spent.reads, `${what}: reads`).toBeLessThanOrEqual(reads)
  expect(spent.bytes, `${what}: bytes`).toBeLessThanOrEqual(bytes)
}

const sizes = (t: TestLog): number[] => t.fileNames().filter((name) => name.endsWith('.log')).map((name) => t.disk.stat(`${t.directory}/${name}`)!.size)

describe('of a log of three segments', () => {
  test('nothing is read to write it and to close it, and of its end only what the index leaves open to open it again', async () => {
    const { t, spent } = await filled()
    await t.close()
    expect(spent()).toEqual({ reads: 0, bytes: 0, largest: 0 })
    await t.open()
    expectWithin(spent(), 1, INTERVAL + BATCH, 'a clean open')
  })

  test('one record is found with one read; all of them are read about once', async () => {
    const { t, spent } = await filled()
    await t.reopen()
    spent()
    for (const offset of [0, 5, 777, 1413, 1414, 2222, 3999, 3000]) {
      await t.read(offset, { maxBytes: 1 })
      expectWithin(spent(), 1, ONE, `offset ${offset}`)
    }
    for (const maxBytes of [20_000, 65_536, 262_144]) {
      for (let offset = 0; offset < 4000;) offset = (await t.drive(t.log.read(offset, { maxBytes, isolation: 'logEnd' }))).nextOffset
      expectWithin(spent(), 1.13 * t.log.size / maxBytes + 3, 1.12 * t.log.size, `${maxBytes} at a time`)
    }
  })

  test('a time is looked up with a walk over headers and a few batches, the latest with less, and one to come with nothing', async () => {
    const { t, spent } = await filled()
    await t.reopen()
    spent()
    for (const time of [10_000, 10_001, 11_414, 11_500, 13_000]) {
      expect(await t.drive(t.log.offsetForTimestamp(time, 'logEnd'))).toMatchObject({ offset: time - 10_000 })
      expectWithin(spent(), 5, WALK + 2 * ONE + 3 * (INTERVAL + BATCH), `time ${time}`)
    }
    await t.drive(t.log.offsetForTimestamp(13_999, 'logEnd'))
    expectWithin(spent(), 4, 4 * INTERVAL, 'the last time')
    await t.drive(t.log.offsetForTimestamp(14_000, 'logEnd'))
    expectWithin(spent(), 0, 0, 'a time to come')
    expect(await t.drive(t.log.maxTimestampOffset())).toMatchObject({ offset: 3999 })
    expectWithin(spent(), 2, INTERVAL + 2 * BATCH, 'the largest time')
  })

  test('truncation reads the segment that it ends in, for its producers, and leaves indexes that are as good as before', async () => {
    const { t, spent } = await filled()
    await t.reopen()
    spent()
    await t.drive(t.log.truncateTo(3900))
    expectWithin(spent(), 4, sizes(t).at(-1)! + 3 * ONE, 'truncation')
    for (const offset of [3899, 3000]) {
      await t.read(offset, { maxBytes: 1 })
      expectWithin(spent(), 1, ONE, `offset ${offset}`)
    }
    await t.drive(t.log.offsetForTimestamp(13_100, 'logEnd'))
    expectWithin(spent(), 6, WALK + 3 * ONE, 'a time')
  })

  test('a check and a recovery read every byte once, in large pieces; a repair that finds nothing twice', async () => {
    const { t, spent } = await filled()
    await t.close()
    const size = sizes(t).reduce((sum, one) => sum + one, 0)
    spent()
    expect(await findings(t.disk, '/data')).toEqual([])
    expectWithin(spent(), 3, size, 'a check')
    for await (const step of repairLogs(t.disk, t.clock, '/data')) expect(step).toBeNull()
    expectWithin(spent(), 6, 2 * size, 'a repair')
    for (const name of ['.kafka_cleanshutdown', 'recovery-point-offset-checkpoint']) t.disk.unlink(`/data/${name}`)
    await t.open()
    expectWithin(spent(), 3, size, 'a recovery')
    // What was recovered is known, and not looked at again.
    await t.drive(t.log.offsetForTimestamp(13_000, 'logEnd'))
    expectWithin(spent(), 3, WALK + ONE + BATCH, 'a time')
    await t.close()
    spent()
    t.disk.unlink(`${t.directory}/00000000000000000000.index`)
    await t.open()
    expectWithin(spent(), 6, 2 * sizes(t)[0]! + 2 * INTERVAL, 'an index and the transactions of a segment, found again')
  })
})
