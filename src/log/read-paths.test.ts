/** Which reads of a log go to the disk off the event loop, which on it, and which nowhere: by who wrote what when, and how much is asked for. */
import { expect, test } from 'vitest'
import { openTestLog, text, type TestLog } from '../../test/support/test-log.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

interface Scene { readonly t: TestLog; way(offset: number, maxBytes?: number, isolation?: 'highWatermark' | 'committed'): Promise<string> }

async function scene(): Promise<Scene> {
  const clock = new ManualClock()
  let deferred = 0
  const disk = new SimulatedFileSystem({ clock, defer: (complete) => { deferred++; queueMicrotask(complete) } })
  const t = await openTestLog({ disk, clock, config: { 'max.message.bytes': 8_000_000, 'segment.bytes': 3_500_000, 'retention.ms': -1 } })
  let synchronous = 0
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => {
    const handle = open(path, mode)
    const readSync = handle.readSync.bind(handle)
    handle.readSync = (...rest) => { synchronous++; return readSync(...rest) }
    return handle
  }
  return {
    t,
    async way(offset, maxBytes = 1000, isolation = 'highWatermark') {
      deferred = 0
      synchronous = 0
      const [record] = await t.read(offset, { maxBytes, isolation })
      expect(record?.offset).toBe(offset)
      expect(text(record!.value).slice(0, 8)).toBe(`value ${offset}`.slice(0, 8))
      return deferred > 0 ? 'pool' : synchronous > 0 ? 'loop' : 'memory'
    },
  }
}

const large = (offset: number): Buffer => Buffer.alloc(3_000_000, `value ${offset} `)

test('what was just appended is in memory; what has just left it is read on the spot, a little at a time; what is older in the pool', async () => {
  const { t, way } = await scene()
  for (let i = 0; i < 3; i++) await t.append([`value ${i}`])
  expect(await way(0)).toBe('memory')
  expect(await way(2)).toBe('memory')
  // Too large for the memory, and it takes what is there with it.
  await t.append([{ value: large(3) }])
  expect([await way(0), await way(1), await way(2)]).toEqual(['loop', 'loop', 'loop'])
  expect([await way(0, 131_072), await way(0, 131_073)]).toEqual(['loop', 'pool'])
  expect([await way(0, 1000, 'committed'), await way(0, 131_073, 'committed')]).toEqual(['loop', 'pool'])
  await t.append(['value 4'])
  expect([await way(4), await way(0), await way(4, 1000, 'committed')]).toEqual(['memory', 'loop', 'memory'])
  await t.drive(t.scheduler.advance(61_000))
  expect(await way(1)).toBe('loop')
  await t.append(['value 5'])
  await t.append([{ value: large(6) }])
  await t.drive(t.scheduler.advance(61_000))
  // Two minutes ago; and what came in between.
  expect([await way(1), await way(5)]).toEqual(['pool', 'loop'])
  await t.drive(t.scheduler.advance(61_000))
  expect(await way(5)).toBe('pool')
})

test('what an earlier process wrote is not thought to be at hand', async () => {
  const { t, way } = await scene()
  await t.append(['value 0'])
  await t.reopen()
  expect(await way(0)).toBe('pool')
  await t.append(['value 1'])
  await t.append([{ value: large(2) }])
  expect([await way(0), await way(1)]).toEqual(['pool', 'loop'])
})

test.each([
  ['cut at its end', (t: TestLog) => t.log.truncateTo(15), [14, 14, 14]],
  ['emptied', (t: TestLog) => t.log.truncateFullyAndStartAt(5), [null, null, null]],
] as const)('a read or a lookup that is on its way to the disk when the log is %s fails in no other way than one that comes later', async (_what, change, after) => {
  const clock = new ManualClock()
  let waiting: (() => void)[] | null = null
  const disk = new SimulatedFileSystem({ clock, defer: (complete) => { if (waiting === null) queueMicrotask(complete); else waiting.push(complete) } })
  const t = await openTestLog({ disk, clock, config: { 'segment.bytes': 1000, 'index.interval.bytes': 100, 'retention.ms': -1, 'file.delete.delay.ms': 0 } })
  for (let i = 0; i < 30; i++) await t.append([{ value: `value ${i}`, timestamp: 1000 + i }])
  await t.reopen()
  const ask = (): Promise<(number | null)[]> => Promise.all([
    t.log.read(14, { maxBytes: 100_000, isolation: 'logEnd' })
      .then(({ records }) => (records.length === 0 ? null : 14), (error: { code: string }) => (error.code === 'OFFSET_OUT_OF_RANGE' ? null : -1)),
    t.log.offsetForTimestamp(1014, 'logEnd').then((found) => found?.offset ?? null),
    t.log.maxTimestampOffset().then((found) => found?.offset ?? null),
  ])
  const before = await t.drive(ask())
  expect(before).toEqual([14, 14, 29])
  const held: (() => void)[] = waiting = []
  const asked = ask()
  await t.scheduler.runUntilIdle()
  expect(held.length).toBeGreaterThan(0)
  waiting = null
  await t.drive(change(t))
  await t.drive(t.scheduler.advance(1))
  for (const complete of held) complete()
  const answers = await t.drive(asked)
  answers.forEach((answer, i) => expect([before[i], after[i]]).toContain(answer))
  expect(await t.drive(ask())).toEqual(after)
})

test('a disk that fails a read is told of, wherever the read began to look; the next read is answered', async () => {
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock })
  const faults = new FaultFileSystem(disk)
  const t = await openTestLog({ disk, clock, fileSystem: faults, config: { 'retention.ms': -1 } })
  // Each batch has its index entry, so that a read goes straight to it.
  for (let i = 0; i < 6; i++) await t.append([{ value: Buffer.alloc(20_000, `value ${i} `) }])
  await t.reopen()
  for (let offset = 0; offset < 6; offset++) {
    faults.inject({ call: 'read', error: 'EIO', path: /\.log$/ })
    await expect(t.read(offset, { maxBytes: 1 })).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    expect((await t.read(offset, { maxBytes: 1 }))[0]).toMatchObject({ offset })
    faults.heal()
  }
})

test('a log that holds little is read on the spot, however much is asked for: thousands of partitions need not wait for the pool one by one', async () => {
  const { t, way } = await scene()
  for (let i = 0; i < 4; i++) await t.append([`value ${i}`])
  await t.drive(t.log.truncateTo(3))
  expect([await way(0, 4_194_304), await way(2, 4_194_304)]).toEqual(['loop', 'loop'])
})
