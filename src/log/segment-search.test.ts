/** What lookups raise, and which index entries they doubt, where the files are not as they were written. */
import { describe, expect, test } from 'vitest'
import { appendTo, batchAt, defaultSegmentSettings, newDisk, storeOn } from '../../test/support/segment-harness.ts'
import { crc32c } from '../record/crc32c.ts'
import { FaultFileSystem, type SimulatedFileSystem } from '../testing/index.ts'
import { readSegments } from './log-reader.ts'
import { SegmentList } from './segment-list.ts'
import type { FileHandle, OpenMode } from '../io/file-system.ts'
import { Segment } from './segment.ts'
import { segmentFileName } from './segment-names.ts'

/** Every batch but the first has its entry. */
const settings = { ...defaultSegmentSettings, indexIntervalBytes: 1 }
const COUNT = 140
const path = (kind: 'log' | 'index' | 'timeindex'): string => `/log/${segmentFileName(0, kind)}`

function change(disk: SimulatedFileSystem, kind: 'log' | 'index' | 'timeindex', at: number, patch: (bytes: Buffer) => void): void {
  const bytes = Buffer.from(disk.readFile(path(kind))).subarray(at)
  patch(bytes)
  const file = disk.open(path(kind), 'write')
  file.writeSync(bytes, 0, bytes.length, at)
  file.close()
}

/** Batches of two records, ten milliseconds apart. */
function filled(disk: SimulatedFileSystem, count: number): Segment {
  const segment = Segment.create(storeOn(disk), 0, settings)
  for (let i = 0; i < count; i++) appendTo(segment, batchAt(2 * i, 2, 1000 + 10 * i))
  return segment
}

function closed(): SimulatedFileSystem {
  const disk = newDisk()
  filled(disk, COUNT).close()
  return disk
}

const isTorn = (disk: SimulatedFileSystem): Promise<boolean> => Segment.open(storeOn(disk), 0, settings).hasTornIndexes()

describe('indexes that a power cut may have torn', () => {
  test('are doubted where a sector or the file ends, and believed elsewhere', async () => {
    const whole = closed()
    expect(whole.stat(path('index'))!.size).toBe((COUNT - 1) * 8)
    expect(await isTorn(whole)).toBe(false)
    const doubted = async (kind: 'index' | 'timeindex', entries: readonly number[], size: number, field: number): Promise<number[]> => {
      const found: number[] = []
      for (const entry of entries) {
        const disk = whole.copy()
        // Still above the entry before, and below the one behind.
        change(disk, kind, entry * size, (bytes) => { bytes.writeInt32BE(bytes.readInt32BE(field) - 1, field) })
        if (await isTorn(disk)) found.push(entry)
      }
      return found
    }
    // 512 bytes are 64 entries of the offset index, and 42 and two thirds of the time index.
    expect(await doubted('index', [0, 62, 63, 64, 126, 127, 128, 137, 138], 8, 0)).toEqual([63, 127, 138])
    expect(await doubted('timeindex', [0, 41, 42, 43, 84, 85, 86, 126, 127, 128, 137, 138], 12, 4)).toEqual([42, 85, 127, 138])
  })

  test('are not told from a log that is damaged itself; what the disk fails to read is raised', async () => {
    const whole = closed()
    const batch = batchAt(0, 2, 1000).length
    const damaged = whole.copy()
    change(damaged, 'log', 64 * batch, (bytes) => { bytes[16] = 9 })
    expect(await isTorn(damaged)).toBe(false)
    const faults = new FaultFileSystem(whole)
    const segment = Segment.open(storeOn(faults), 0, settings)
    faults.inject({ call: 'read', error: 'EIO', sticky: true })
    await expect(segment.hasTornIndexes()).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    faults.heal()
    expect(await segment.hasTornIndexes()).toBe(false)
  })
})

test('the largest timestamp is looked for in all of the log where the time index has nothing', async () => {
  const disk = newDisk()
  const segment = Segment.create(storeOn(disk), 0, settings)
  for (const [i, timestamp] of [1000, 5000, 2000].entries()) appendTo(segment, batchAt(2 * i, 2, timestamp))
  segment.close()
  const times = disk.open(path('timeindex'), 'write')
  times.truncate(0)
  times.close()
  const opened = Segment.open(storeOn(disk), 0, settings)
  expect(await opened.loadTail()).toMatchObject({ nextOffset: 6, problem: null })
  expect([opened.maxTimestamp, opened.offsetOfMaxTimestamp]).toEqual([5000, 3])
})

test.each([0, 1, COUNT / 2])('a file that ends early, behind %s whole batches, is told of wherever a read begins', async (left) => {
  const disk = closed()
  const opened = Segment.open(storeOn(disk), 0, settings)
  const file = disk.open(path('log'), 'write')
  const size = batchAt(0, 2, 1000).length
  file.truncate(left * size)
  file.close()
  const list = new SegmentList([opened, Segment.create(storeOn(disk), 2 * COUNT, settings)])
  for (let offset = 2 * left; offset < 2 * COUNT; offset += 2) {
    const read = readSegments(list, { offset, maxBytes: 1000, limitOffset: 2 * COUNT, minOne: true, checkCrc: true })
    await expect(read).rejects.toMatchObject({ code: 'LOG_CORRUPT', file: path('log') })
  }
  await expect(opened.findByTimestamp(1000 + 10 * left, 0)).rejects.toMatchObject({ code: 'LOG_CORRUPT', file: path('log') })
})

test.each([['before', true], ['after', false]])('indexes that are made anew while the end is cut off are those of what is left (the file is read %s)', async (_, readsOld) => {
  const disk = closed()
  let go = (): void => {}
  let isHeld: Promise<void> | null = new Promise((resolve) => { go = resolve })
  const open = (file: string, mode: OpenMode): FileHandle => {
    const handle = disk.open(file, mode)
    const read: FileHandle['read'] = async (...where) => {
      const held = isHeld
      isHeld = null
      const count = readsOld ? handle.readSync(...where) : 0
      await held
      return readsOld ? count : handle.readSync(...where)
    }
    return new Proxy(handle, { get: (target, name) => (name === 'read' && mode === 'read' ? read : (Reflect.get(target, name) as () => unknown).bind(target)) })
  }
  const slow = new Proxy(disk, { get: (target, name) => (name === 'open' ? open : (Reflect.get(target, name) as () => unknown).bind(target)) })
  const segment = Segment.open(storeOn(slow), 0, settings)
  const rebuilt = segment.rebuildIndexes()
  await segment.truncateTo(20)
  go()
  await rebuilt
  expect(segment.size).toBe(10 * batchAt(0, 2, 1000).length)
  expect([18, 19, 20, 21, 2 * COUNT - 1].filter((offset) => segment.isIndexed(offset))).toEqual([19])
  segment.close()
  expect(disk.stat(path('index'))!.size).toBe(9 * 8)
})

describe('a lookup by time', () => {
  test('ends at a batch that cannot be read, and says where', async () => {
    const disk = newDisk()
    const segment = filled(disk, 5)
    const batch = batchAt(0, 2, 1000).length
    // Its index knows the way past the bad batch, unless the way begins in front of it.
    change(disk, 'log', 3 * batch, (bytes) => { bytes[16] = 9 })
    expect(await segment.findByTimestamp(1040, 0)).toMatchObject({ offset: 8 })
    expect(await segment.findByTimestamp(1020, 0)).toMatchObject({ offset: 4 })
    await expect(segment.findByTimestamp(1021, 0)).rejects.toMatchObject({ code: 'LOG_CORRUPT', file: path('log'), position: 3 * batch })
  })

  test('says which batch has records that cannot be, though its checksum holds', async () => {
    const disk = newDisk()
    const segment = filled(disk, 3)
    const batch = batchAt(0, 2, 1000).length
    change(disk, 'log', batch, (bytes) => {
      const bad = bytes.subarray(0, batch)
      // A time that no record has, and one record more than there are.
      bad.writeBigInt64BE(1019n, 35)
      bad.writeInt32BE(3, 57)
      bad.writeUInt32BE(crc32c(bad, 21, batch), 17)
    })
    await expect(segment.findByTimestamp(1015, 0)).rejects.toMatchObject({ code: 'LOG_CORRUPT', position: batch, offset: 2 })
    expect(await segment.findByTimestamp(1010, 0)).toMatchObject({ offset: 2, timestamp: 1010 })
  })
})

test('indexes that a lookup had to make anew end with the latest time, also when the last batch has no entry', async () => {
  const disk = closed()
  change(disk, 'index', 5 * 8, (bytes) => { bytes.writeInt32BE(bytes.readInt32BE(4) + 3, 4) })
  // The settings of a topic whose indexes were written by somebody else's: no batch gets an entry.
  const segment = Segment.open(storeOn(disk), 0, { ...settings, indexIntervalBytes: 1_000_000 })
  expect(await segment.locate(13)).toMatchObject({ baseOffset: 12 })
  segment.close()
  expect(disk.stat(path('index'))!.size).toBe(0)
  const times = Buffer.from(disk.readFile(path('timeindex')))
  expect(times.length).toBe(12)
  expect([Number(times.readBigInt64BE(0)), times.readInt32BE(8)]).toEqual([1000 + 10 * (COUNT - 1), 2 * COUNT - 1])
})
