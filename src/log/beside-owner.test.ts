/** A process that only reads, on the disk of an owner who compacts and deletes under it. */
import { expect, test } from 'vitest'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { openTestLog, TestLog, text } from '../../test/support/test-log.ts'
import type { DirectoryEntry } from '../io/file-system.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { LogTopicValues } from './log-config.ts'

const compacted: Partial<LogTopicValues> = {
  'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0, 'segment.bytes': 400, 'index.interval.bytes': 1, 'file.delete.delay.ms': 10, 'retention.ms': -1,
}

async function owner(config: Partial<LogTopicValues> = compacted): Promise<TestLog> {
  const t = await openTestLog({ config })
  await write(t, 0)
  await t.drive(t.manager.checkpoint())
  return t
}

async function write(t: TestLog, from: number): Promise<void> {
  for (let i = from; i < from + 40; i++) await t.append([{ key: `k${i % 7}`, value: `v${i}` }])
}

const reader = ({ disk, clock }: TestLog, config: Partial<LogTopicValues> = compacted): Promise<TestLog> => new TestLog({ disk, clock, config, readOnly: true, check: false }).open()
const statesOf = async (t: TestLog): Promise<Record<string, string>> => Object.fromEntries((await t.readAll()).map(({ key, value }) => [text(key), text(value)]))
const expected = (end: number): Record<string, string> => Object.fromEntries(Array.from({ length: end }, (_, i) => [`k${i % 7}`, `v${i}`]))

async function compact(t: TestLog): Promise<void> {
  await t.drive(t.manager.compact())
  await t.drive(t.scheduler.advance(20))
}

test('it reads on when segments are compacted, and their files removed', async () => {
  const t = await owner()
  const r = await reader(t)
  const before = await t.readAll()
  await compact(t)
  const found = await r.readAll()
  expect(found.length).toBeLessThan(before.length)
  expect(found.at(-1)).toEqual(before.at(-1))
  expect(await statesOf(r)).toEqual(expected(40))
  // And again, while the log grows: it ends where it ended, with what is left below.
  await write(t, 40)
  await compact(t)
  expect(r.log.logEndOffset).toBe(40)
  expect((await r.readAll()).every(({ offset }) => offset < 40)).toBe(true)
  for (let timestamp = 0; timestamp < 2; timestamp++) await r.drive(r.log.offsetForTimestamp(timestamp, 'highWatermark'))
  expect(await r.drive(r.log.maxTimestampOffset())).not.toBeNull()
  await r.close()
})

test('it says so when what it reads was deleted', async () => {
  const config = { 'segment.bytes': 400, 'retention.bytes': 500, 'file.delete.delay.ms': 10 }
  const t = await owner(config)
  const r = await reader(t, config)
  await t.drive(t.log.applyRetention(t.clock.now()))
  await t.drive(t.scheduler.advance(20))
  expect(t.log.logStartOffset).toBeGreaterThan(0)
  await expect(r.read(0)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  expect(r.log.logStartOffset).toBe(t.log.logStartOffset)
  expect((await r.readAll()).length).toBe(40 - t.log.logStartOffset)
  await r.close()
})

test('damage stays damage', async () => {
  const t = await owner()
  t.skipCheck()
  const r = await reader(t)
  const file = t.disk.open(`${t.directory}/00000000000000000000.log`, 'write')
  file.writeSync(Buffer.from([255]), 0, 1, 70)
  file.close()
  await expect(r.read(0)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  await r.close()
})

test('it opens while segments are compacted, at whatever moment', async () => {
  // Before each call that changes the folder another process opens it, lists it, and loads it when the owner has come to the same call, or some further.
  for (const ahead of [0, 1, 2, 5, 12]) {
    const t = await owner()
    const { disk } = t
    let calls = 0
    const opened: Promise<void>[] = []
    const { rename } = disk
    let pending: { at: number; go: () => void }[] = []
    disk.rename = (from, to) => {
      calls++
      for (const each of pending.filter(({ at }) => at <= calls)) each.go()
      pending = pending.filter(({ at }) => at > calls)
      if (from.includes('.log') || from.includes('.index')) {
        const at = calls
        opened.push((async () => {
          const listed = disk.readDirectory(t.directory)
          await new Promise<void>((go) => { pending.push({ at: at + ahead, go }) })
          // What was listed is old by then.
          const view = listedAs(t, () => listed.map(({ name }) => name))
          const r = await new TestLog({ disk, fileSystem: view, clock: t.clock, config: compacted, readOnly: true, check: false }).open()
          expect(await statesOf(r), `${ahead} ahead of call ${at}`).toEqual(expected(40))
          await r.close()
        })())
      }
      rename.call(disk, from, to)
    }
    await t.drive(t.manager.compact())
    for (const each of pending) each.go()
    pending = []
    await t.drive(Promise.all(opened))
    expect(opened.length).toBeGreaterThan(20)
    disk.rename = rename
  }
})

/** The disk as a process sees it whose first listing of the folder is this one. */
function listedAs({ disk, directory }: TestLog, change: (names: string[]) => string[]): SimulatedFileSystem {
  let looks = 0
  const list = (path: string): DirectoryEntry[] => {
    const entries = disk.readDirectory(path)
    if (path !== directory || looks++ > 0) return entries
    return change(entries.map(({ name }) => name)).sort().map((name) => ({ name, kind: 'file' }))
  }
  return new Proxy(disk, { get: (target, name) => (name === 'readDirectory' ? list : (Reflect.get(target, name) as () => unknown).bind(target)) })
}

test.each<[string, (names: string[]) => string[]]>([
  ['left out a file that got its name meanwhile', (names) => names.filter((name) => !name.includes('00010.'))],
  ['showed a swap that is over', (names) => [...names.filter((name) => !name.includes('00010.')), '00000000000000000010.log.swap', '00000000000000000010.index.swap']],
])('it looks again when the folder %s', async (_, change) => {
  const t = await owner()
  const r = await new TestLog({ disk: t.disk, fileSystem: listedAs(t, change), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  expect((await r.readAll()).length).toBe(40)
  await r.close()
})

test('it reads on when the swap that it was opened in is over', async () => {
  const t = await owner()
  const { disk } = t
  const swap = disk.rename.bind(disk)
  let image: SimulatedFileSystem | null = null
  disk.rename = (from, to) => {
    swap(from, to)
    if (to.endsWith('.timeindex.swap')) image ??= disk.survivors('keep-all')
  }
  await t.drive(t.manager.compact())
  disk.rename = swap
  const r = await reader({ ...t, disk: image!, clock: t.clock } as TestLog)
  for (const { name } of image!.readDirectory(t.directory)) image!.unlink(`${t.directory}/${name}`)
  for (const { name } of disk.readDirectory(t.directory)) writeWhole(image!, `${t.directory}/${name}`, disk.readFile(`${t.directory}/${name}`))
  expect(await statesOf(r)).toEqual(expected(40))
  await r.close()
})
