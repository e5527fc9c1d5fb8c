/** A process that only reads, on the disk of an owner who compacts and deletes under it. */
import { expect, test } from 'vitest'
import { committed, endTransaction } from '../../test/support/compaction-kit.ts'
import { diskWith } from '../../test/support/disk-with.ts'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { openTestLog, TestLog, text } from '../../test/support/test-log.ts'
import type { DirectoryEntry, FileHandle, FileStat, OpenMode } from '../io/file-system.ts'
import { FaultFileSystem } from '../testing/index.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { LogTopicValues } from './log-config.ts'

const compacted: Partial<LogTopicValues> = {
  'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0, 'segment.bytes': 400, 'index.interval.bytes': 1, 'file.delete.delay.ms': 10, 'retention.ms': -1,
}

async function owner(config: Partial<LogTopicValues> = compacted, withCheckpoint = true): Promise<TestLog> {
  const t = await openTestLog({ config })
  await write(t, 0)
  if (withCheckpoint) await t.drive(t.manager.checkpoint())
  return t
}

async function write(t: TestLog, from: number): Promise<void> {
  for (let i = from; i < from + 40; i++) await t.append([{ key: keyOf(i), value: valueOf(i) }])
}

/** Few of them come once. */
const keyOf = (i: number): string => (i % 6 === 0 ? `u${i}` : `k${i % 7}`)
/** Of batches of unlike sizes, five in each segment. */
const valueOf = (i: number): string => `v${i}${'.'.repeat(i % 5 * 2)}`

const reader = ({ disk, clock }: TestLog, config: Partial<LogTopicValues> = compacted): Promise<TestLog> => new TestLog({ disk, clock, config, readOnly: true, check: false }).open()
const statesOf = async (t: TestLog): Promise<Record<string, string>> => Object.fromEntries((await t.readAll()).map(({ key, value }) => [text(key), text(value)]))
const expected = (end: number): Record<string, string> => Object.fromEntries(Array.from({ length: end }, (_, i) => [keyOf(i), valueOf(i)]))

/** A byte of the first batch. */
function damage({ disk, directory }: TestLog, name: string): void {
  const file = disk.open(`${directory}/${name}`, 'write')
  file.writeSync(Buffer.from([255]), 0, 1, 70)
  file.close()
}

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
  // And again, while the log grows: as much of it as what is gone below calls for.
  await write(t, 40)
  await compact(t)
  expect(r.log.logEndOffset).toBe(40)
  expect(await statesOf(r)).toEqual(expected(r.log.logEndOffset))
  for (let timestamp = 0; timestamp < 2; timestamp++) await r.drive(r.log.offsetForTimestamp(timestamp, 'highWatermark'))
  expect(await r.drive(r.log.maxTimestampOffset())).not.toBeNull()
  await r.close()
})

test('who reads to the end gets the last record of every key, however far the owner is by then', async () => {
  const ends = new Set<number>()
  for (let seed = 0; seed < 40; seed++) {
    const random = new SeededRandom(seed)
    const t = await owner(compacted, random.int(2) === 0)
    const opened: { path: string; handle: FileHandle }[] = []
    const open = (path: string, mode: OpenMode): FileHandle => {
      const handle = t.disk.open(path, mode)
      const one = { path, handle: diskWith(handle, { close: () => {
        opened.splice(opened.indexOf(one), 1)
        handle.close()
      } }) }
      opened.push(one)
      return one.handle
    }
    const r = await new TestLog({ disk: t.disk, fileSystem: diskWith(t.disk, { open }), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
    for (let round = 0; round < 3; round++) {
      const seen: Record<string, string> = {}
      for (let offset = 0; offset < r.log.logEndOffset;) {
        // Of the open files some are closed now and then: what they are opened by again is by then the name of others.
        const { segments, store } = r.log.insides().state
        for (const { logPath } of segments.segments) if (random.int(4) === 0) store.fileCache.invalidate(logPath)
        if (random.int(12) === 0 && t.log.logEndOffset < 200) {
          await write(t, t.log.logEndOffset)
          await compact(t)
        }
        const batch = await r.read(offset, { maxBytes: 100 })
        for (const { key, value } of batch) seen[text(key)] = text(value)
        offset = batch.at(-1)!.offset + 1
      }
      expect(r.log.lastStableOffset).toBe(r.log.logEndOffset)
      expect(seen, `seed ${seed}, round ${round}`).toEqual(expected(r.log.logEndOffset))
      ends.add(r.log.logEndOffset)
      // Files that are deleted are not held open: their room on the disk would not come back.
      if (r.log.logEndOffset === t.log.logEndOffset) expect(opened.filter(({ path }) => t.disk.stat(path) === null)).toEqual([])
    }
    await r.close()
  }
  expect([...ends].sort((a, b) => a - b)).toEqual([40, 80, 120, 160, 200])
})

test('what the owner appended is checked, too, where reading has gone on to it', async () => {
  const t = await owner()
  t.skipCheck()
  const r = await reader(t)
  await write(t, 40)
  await compact(t)
  await r.readAll()
  expect(r.log.logEndOffset).toBe(80)
  const last = t.fileNames().findLast((name) => name.endsWith('.log') && t.disk.stat(`${t.directory}/${name}`)!.size > 0)!
  damage(t, last)
  await expect(r.read(Number(last.slice(0, 20)), { checkCrc: 'inherited' })).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  await r.close()
})

test('the last segment of a reader may be joined with later ones: it is not read for what it was', async () => {
  const t = await openTestLog({ config: compacted })
  const put = (...keys: string[]): Promise<unknown> => keys.reduce<Promise<unknown>>((before, key) => before.then(() => t.append([{ key, value: 'a value.' }])), Promise.resolve())
  await put('a0', 'a1', 'a2', 'a3', 'a4', 'k0', 'k1', 'k2', 's0', 's1')
  await t.drive(t.manager.checkpoint())
  const r = await reader(t)
  const { segments: { active }, store } = r.log.insides().state
  store.fileCache.invalidate(active.logPath)
  await put('k0', 'k1', 'k2')
  for (let round = 0; round < 3; round++) {
    await put('f', 'f', 'f', 'f', 'f', 'f')
    await compact(t)
  }
  expect(t.disk.stat(active.logPath)!.size).toBe(active.size)
  const found = (await r.readAll()).map(({ key }) => text(key))
  expect(found.filter((key) => key !== 'f')).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 's0', 's1', 'k0', 'k1', 'k2'])
  await r.close()
})

test('a look-up in the middle of which another read has found the files of others begins anew', async () => {
  const config = { 'segment.bytes': 400, 'retention.bytes': 500, 'file.delete.delay.ms': 10 }
  const t = await owner(config)
  const gates: (() => void)[] = []
  let isHeld = false
  const open = (path: string, mode: OpenMode): FileHandle => {
    const handle = t.disk.open(path, mode)
    const read: FileHandle['read'] = async (...where) => {
      if (isHeld && path.includes('00000.log')) await new Promise<void>((go) => { gates.push(go) })
      return handle.read(...where)
    }
    return diskWith(handle, { read })
  }
  const r = await new TestLog({ disk: t.disk, fileSystem: diskWith(t.disk, { open }), clock: t.clock, config, readOnly: true, check: false }).open()
  isHeld = true
  const found = r.log.maxTimestampOffset()
  await r.drive(r.scheduler.runUntilIdle())
  expect(gates.length).toBe(1)
  await write(t, 40)
  await t.drive(t.log.applyRetention(t.clock.now()))
  await t.drive(t.scheduler.advance(20))
  await expect(r.read(20)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  expect(r.log.logEndOffset).toBe(80)
  isHeld = false
  for (const go of gates) go()
  expect(await r.drive(found)).not.toBeNull()
  await r.close()
})

test('what is no work of the owner is raised at once, and damage after he changed the files', async () => {
  const t = await owner()
  t.skipCheck()
  const faults = new FaultFileSystem(t.disk)
  const r = await new TestLog({ disk: t.disk, fileSystem: faults, clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  await write(t, 40)
  await compact(t)
  faults.inject({ call: 'read', error: 'EIO' })
  await expect(r.read(0)).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
  expect(r.log.logEndOffset).toBe(40)
  await r.readAll()
  expect(r.log.logEndOffset).toBe(80)
  damage(t, t.fileNames().find((name) => name.endsWith('.log') && t.disk.stat(`${t.directory}/${name}`)!.size > 0)!)
  await expect(r.readAll()).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
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

test('it says so when all that it reads was deleted', async () => {
  const config = { 'segment.bytes': 400, 'retention.bytes': 500, 'file.delete.delay.ms': 10 }
  const t = await owner(config)
  const r = await reader(t, config)
  await write(t, 40)
  await t.drive(t.log.applyRetention(t.clock.now()))
  await t.drive(t.scheduler.advance(20))
  expect(t.log.logStartOffset).toBeGreaterThan(40)
  await expect(r.read(0)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  expect([r.log.logStartOffset, r.log.logEndOffset]).toEqual([t.log.logStartOffset, 80])
  await r.close()
})

test('it follows a log that the owner cut off', async () => {
  const t = await owner()
  const r = await reader(t)
  await t.drive(t.log.truncateTo(12))
  await t.drive(t.scheduler.advance(20))
  await expect(r.read(30)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  expect((await r.readAll()).length).toBe(12)
  await r.close()
})

test('damage stays damage', async () => {
  const t = await owner()
  t.skipCheck()
  const r = await reader(t)
  damage(t, '00000000000000000000.log')
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
  return diskWith(disk, { readDirectory: list })
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

test('it looks again when two listings on end have neither name of a file that gets another', async () => {
  const t = await owner()
  // One is made while the files of before are set aside, the other while those of after get their names.
  let listed = 0
  const readDirectory = (path: string): DirectoryEntry[] => {
    const entries = t.disk.readDirectory(path)
    return path === t.directory && ++listed <= 2 ? entries.filter(({ name }) => !name.includes('00010.')) : entries
  }
  const r = await new TestLog({ disk: t.disk, fileSystem: diskWith(t.disk, { readDirectory }), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  expect((await r.readAll()).length).toBe(40)
  await r.close()
})

test('it looks again when a segment that recovery comes to is just getting its new file', async () => {
  const t = await owner(compacted, false)
  let asked = 0
  const stat = (path: string): FileStat | null => (path.endsWith('00010.log') && ++asked === 2 ? null : t.disk.stat(path))
  const r = await new TestLog({ disk: t.disk, fileSystem: diskWith(t.disk, { stat }), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  expect(asked).toBeGreaterThan(2)
  expect((await r.readAll()).length).toBe(40)
  await r.close()
})

test.each<[string, (names: string[]) => string[]]>([
  ['has no other', (names) => names.filter((name) => !name.includes('00010.'))],
  ['seems not to be sure of it', (names) => [...names, '00000000000000000010.timeindex.cleaned']],
])('it looks again when a segment is about to get its name, and %s', async (_, change) => {
  const t = await owner()
  const { disk } = t
  const swap = disk.rename.bind(disk)
  let image: SimulatedFileSystem | null = null
  disk.rename = (from, to) => {
    if (from.endsWith('00010.log.swap')) image ??= disk.survivors('keep-all')
    swap(from, to)
  }
  await t.drive(t.manager.compact())
  disk.rename = swap
  expect(image!.stat(`${t.directory}/00000000000000000010.log`)).toBeNull()
  const fileSystem = listedAs({ ...t, disk: image!, directory: t.directory } as TestLog, change)
  const r = await new TestLog({ disk: image!, fileSystem, clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  expect(await statesOf(r)).toEqual(expected(40))
  await r.close()
})

/** The disk as it stands when a round of compaction has given the first file whose name ends so its name. */
async function inSwap(t: TestLog, end: string): Promise<SimulatedFileSystem> {
  const { disk } = t
  const swap = disk.rename.bind(disk)
  let image: SimulatedFileSystem | null = null
  disk.rename = (from, to) => {
    swap(from, to)
    if (to.endsWith(end)) image ??= disk.survivors('keep-all')
  }
  await t.drive(t.manager.compact())
  disk.rename = swap
  return image!
}

/** One disk after another. */
function switching(current: () => SimulatedFileSystem): SimulatedFileSystem {
  return new Proxy({} as SimulatedFileSystem, { get: (_, name) => (Reflect.get(current(), name) as () => unknown).bind(current()) })
}

/** How often an open of what `t` left on the disk lists its folder. All that `t` had is read. */
async function listingsToOpen(t: TestLog, image: SimulatedFileSystem): Promise<number> {
  let listed = 0
  const readDirectory = (path: string): DirectoryEntry[] => {
    if (path === t.directory) listed++
    return image.readDirectory(path)
  }
  const r = await new TestLog({ disk: image, fileSystem: diskWith(image, { readDirectory }), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  const listings = listed
  expect(await statesOf(r)).toEqual(expected(40))
  await r.close()
  return listings
}

test('an owner who died in a swap is not waited for', async () => {
  const t = await owner()
  // Before the files of before are set aside, of which several become one.
  t.configure({ 'segment.bytes': 2000 })
  const image = await inSwap(t, '.timeindex.swap')
  // Twice to load it, as there is a swap, and twice to see whether that holds.
  expect(await listingsToOpen(t, image)).toBe(4)
})

test('logs that wait for their removal since before are no sign of an owner at work', async () => {
  const t = await owner()
  const image = t.disk.survivors('keep-all')
  // Of a tail that was cut off: behind all that there is.
  writeWhole(image, `${t.directory}/00000000000000000900.log.deleted`, t.disk.readFile(`${t.directory}/00000000000000000000.log`))
  // Twice to load it, as there is something to leave out, and twice to see whether that holds.
  expect(await listingsToOpen(t, image)).toBe(4)
})

test('it reads on when the swap that it was opened in is over', async () => {
  const t = await owner()
  const image = await inSwap(t, '.timeindex.swap')
  const r = await reader({ ...t, disk: image, clock: t.clock } as TestLog)
  for (const { name } of image.readDirectory(t.directory)) image.unlink(`${t.directory}/${name}`)
  for (const name of t.fileNames()) writeWhole(image, `${t.directory}/${name}`, t.disk.readFile(`${t.directory}/${name}`))
  expect(await statesOf(r)).toEqual(expected(40))
  await r.close()
})

test('it reads on when the files that it was opened by have got their names', async () => {
  const t = await owner()
  const image = await inSwap(t, '00010.timeindex.swap')
  const r = await reader({ ...t, disk: image, clock: t.clock } as TestLog)
  const left = new Set(t.fileNames())
  const path = (name: string): string => `${t.directory}/${name}`
  const names = image.readDirectory(t.directory).map(({ name }) => name)
  for (const name of names) if (!name.endsWith('.swap') && !left.has(name)) image.unlink(path(name))
  for (const name of names) if (name.endsWith('.swap')) image.rename(path(name), path(name.slice(0, -'.swap'.length)))
  expect(await statesOf(r)).toEqual(expected(40))
  await r.close()
})

test('of those that find at once that files are gone one looks for them', async () => {
  const t = await owner()
  const before = t.disk.survivors('keep-all')
  const image = await inSwap(t, '00010.timeindex.swap')
  let current = before
  let looks = 0
  const readDirectory = (path: string): DirectoryEntry[] => {
    if (path === t.directory) looks++
    return current.readDirectory(path)
  }
  const r = await new TestLog({ disk: before, fileSystem: diskWith(switching(() => current), { readDirectory }), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  for (const { name } of image.readDirectory(t.directory)) if (/\.(?:log|index|timeindex)$/.test(name)) image.unlink(`${t.directory}/${name}`)
  for (const name of t.fileNames()) if (!name.includes('00010.')) writeWhole(image, `${t.directory}/${name}`, t.disk.readFile(`${t.directory}/${name}`))
  current = image
  looks = 0
  const offsets = [12, 18, 24]
  const found = await Promise.all([...offsets.map((offset) => r.read(offset)), r.drive(r.log.maxTimestampOffset()), r.drive(r.log.offsetForTimestamp(0, 'highWatermark'))])
  expect(found.slice(0, offsets.length).map((records) => (records as { offset: number }[])[0]!.offset >= 12)).toEqual(offsets.map(() => true))
  expect(looks).toBe(5)
  expect(await statesOf(r)).toEqual(expected(40))
  await r.close()
})

test('records of aborted transactions are not shown where their file is still open, and their index is gone', async () => {
  const t = await openTestLog({ config: { ...compacted, 'delete.retention.ms': 0 } })
  const key = 'k0'
  for (let i = 0; i < 4; i++) {
    await t.append([{ key, value: 'aborted' }], { producerId: 1, producerEpoch: 0, baseSequence: i, isTransactional: true })
    await endTransaction(t, 1, 'ABORT')
  }
  await write(t, 0)
  await t.drive(t.manager.checkpoint())
  const r = await reader(t)
  await r.readAll()
  const { disk } = t
  expect(disk.stat(`${t.directory}/00000000000000000000.txnindex`)).not.toBeNull()
  await compact(t)
  await write(t, 40)
  await compact(t)
  expect(disk.stat(`${t.directory}/00000000000000000000.txnindex`)).toBeNull()
  expect((await committed(r)).filter(({ value }) => value === 'aborted')).toEqual([])
  await r.close()
})

test('what it has open under a name that others are just getting is not read again', async () => {
  // Two records of one size in each segment: those of the second come in the place of those of the first.
  const config = { ...compacted, 'segment.bytes': 170 }
  const t = await openTestLog({ config })
  const put = async (...keys: string[]): Promise<void> => { for (const key of keys) await t.append([{ key, value: 'v'.repeat(10) }]) }
  await put('a', 'b', 'a', 'b', 'c')
  const before = t.disk.survivors('keep-all')
  const first = `${t.directory}/00000000000000000000.log`
  t.configure({ 'segment.bytes': 320 })
  await compact(t)
  expect(t.disk.stat(first)!.size).toBe(before.stat(first)!.size)
  await put('c', 'c', 'c', 'd')
  // The folder is listed to load it, twice to see whether that holds, and to look again.
  let listed = 0
  const readDirectory = (path: string): DirectoryEntry[] => {
    if (path === t.directory) listed++
    const entries = (listed < 2 ? before : t.disk).readDirectory(path)
    return path === t.directory && listed === 4 ? entries.map((entry) => (first.endsWith(entry.name) ? { ...entry, name: `${entry.name}.swap` } : entry)) : entries
  }
  const fileSystem = diskWith(switching(() => (listed < 2 ? before : t.disk)), { readDirectory })
  const r = await new TestLog({ disk: t.disk, fileSystem, clock: t.clock, config, readOnly: true, check: false }).open()
  expect(listed).toBe(7)
  expect((await r.readAll()).map(({ offset }) => offset)).toEqual([2, 3, 4, 5, 6, 7, 8])
  await r.close()
})

test('what others open while it looks is not read again, either', async () => {
  const t = await openTestLog({ config: { ...compacted, 'segment.bytes': 170 } })
  const put = async (...keys: string[]): Promise<void> => { for (const key of keys) await t.append([{ key, value: 'v'.repeat(10) }]) }
  await put('a', 'b', 'a', 'b', 'c')
  await t.drive(t.manager.checkpoint())
  const before = t.disk.survivors('keep-all')
  let current = before
  let listed = -1
  const readDirectory = (path: string): DirectoryEntry[] => {
    if (path === t.directory && listed >= 0 && ++listed === 2) {
      // The folder is listed to load it: another read opens a file that has its old name for a moment more.
      current = before
      r.log.insides().state.store.fileCache.acquire(first, 'read').release()
      current = t.disk
    }
    return current.readDirectory(path)
  }
  const first = `${t.directory}/00000000000000000000.log`
  const r = await new TestLog({ disk: before, fileSystem: diskWith(switching(() => current), { readDirectory }), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  t.configure({ 'segment.bytes': 320 })
  await compact(t)
  expect(t.disk.stat(first)!.size).toBe(before.stat(first)!.size)
  r.log.insides().state.store.fileCache.invalidateIn(t.directory)
  current = t.disk
  listed = 0
  expect((await r.read(2, { maxBytes: 1000 })).map(({ offset }) => offset)).toEqual([2, 3])
  expect(listed).toBeGreaterThanOrEqual(2)
  await r.close()
})

test('a file that stays missing ends its looks', async () => {
  const t = await owner()
  const stat = (path: string): FileStat | null => (path.endsWith('00010.log') ? null : t.disk.stat(path))
  const opening = new TestLog({ disk: t.disk, fileSystem: diskWith(t.disk, { stat }), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  await expect(opening).rejects.toMatchObject({ code: 'LOG_CORRUPT', file: `${t.directory}/00000000000000000010.log` })
})

test('it looks again when all that it has was compacted by what the owner wrote behind it', async () => {
  const t = await owner()
  const stale = t.fileNames()
  await write(t, 40)
  await compact(t)
  const bases = (names: readonly string[]): string[] => names.filter((name) => name.endsWith('.log'))
  expect(bases(stale).every((name) => t.fileNames().includes(name))).toBe(true)
  const r = await new TestLog({ disk: t.disk, fileSystem: listedAs(t, () => stale), clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  expect(await statesOf(r)).toEqual(expected(80))
  await r.close()
})

test.each([['appends and rolls', false], ['compacts, too', true]])('it opens beside an owner who %s all the time', async (_, compacts) => {
  const t = await owner()
  let written = 40
  let looks = 0
  let isBusy = true
  const busy = async (): Promise<void> => {
    if (!isBusy || written > 600) return
    await write(t, written)
    written += 40
    if (compacts) await compact(t)
  }
  const open = (path: string, mode: OpenMode): FileHandle => {
    const handle = t.disk.open(path, mode)
    const read: FileHandle['read'] = async (...where) => busy().then(() => handle.read(...where))
    return diskWith(handle, { read })
  }
  const readDirectory = (path: string): DirectoryEntry[] => {
    if (path === t.directory) looks++
    return t.disk.readDirectory(path)
  }
  const fileSystem = diskWith(t.disk, { open, readDirectory })
  const r = await new TestLog({ disk: t.disk, fileSystem, clock: t.clock, config: compacted, readOnly: true, check: false }).open()
  if (!compacts) expect(looks).toBe(7)
  isBusy = false
  expect(await statesOf(r)).toEqual(expected(r.log.logEndOffset))
  expect(r.log.logEndOffset).toBeGreaterThan(40)
  await r.close()
})
