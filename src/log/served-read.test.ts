/** Reads as a server makes them, which sends on what it finds: on the event loop what is hot, and without a checksum what was checked on its way in. */
import { describe, expect, test } from 'vitest'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { writeWhole } from '../../test/support/fixture-files.ts'
import type { FileHandle, FileSystem } from '../io/file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { ReadOptions } from './log-types.ts'

const FILE = '/data/t-0/00000000000000000000.log'
const MIB = 1_048_576
const served = (more: Partial<ReadOptions> = {}): ReadOptions => ({ maxBytes: MIB, isolation: 'highWatermark', checkCrc: 'inherited', inlineBytes: MIB, ...more })

interface Reads { sync: number; async: number; took?: number }

/** The disk, with every read noted. */
function watched(disk: SimulatedFileSystem, clock: ManualClock, reads: Reads): FileSystem {
  const bind = (target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target)
    return typeof value === 'function' ? value.bind(target) : value
  }
  return new Proxy(disk, {
    get: (target, name) => name !== 'open' ? bind(target, name) : (...args: Parameters<FileSystem['open']>): FileHandle => new Proxy(target.open(...args), {
      get: (handle, call) => {
        if (call === 'readSync' && args[0] === FILE) {
          reads.sync += 1
          clock.advance(reads.took ?? 0)
        }
        if (call === 'read' && args[0] === FILE) reads.async += 1
        return bind(handle, call)
      },
    }),
  })
}

/** Batches of 60 KB and one that is too large for the memory of the last bytes, so that nothing is in it. */
async function written(count = 50): Promise<{ t: TestLog; reads: Reads }> {
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock })
  const reads: Reads = { sync: 0, async: 0 }
  const t = await openTestLog({ config: { 'max.message.bytes': 5 * MIB }, disk, clock, fileSystem: watched(disk, clock, reads) })
  for (let i = 0; i < count; i++) await t.append([{ value: Buffer.alloc(60_000, i) }], {}, { durable: false })
  await t.append([{ value: Buffer.alloc(3 * MIB, 255) }], {}, { durable: false })
  reads.sync = reads.async = 0
  return { t, reads }
}

function damage({ disk }: TestLog, position: number): void {
  const bytes = Buffer.from(disk.readFile(FILE))
  bytes[position]! ^= 1
  writeWhole(disk, FILE, bytes)
}

describe('what was appended a moment ago', () => {
  test('is read on the event loop as far as the reader allows, else on another thread; what it gives is the same', async () => {
    const { t, reads } = await written()
    const here = await t.drive(t.log.read(3, served()))
    expect(reads).toEqual({ sync: 1, async: 0 })
    const elsewhere = await t.drive(t.log.read(3, served({ inlineBytes: 100_000 })))
    expect(reads).toEqual({ sync: 1, async: 1 })
    expect(here.nextOffset).toBe(elsewhere.nextOffset)
    expect(Buffer.compare(here.records, elsewhere.records)).toBe(0)
    expect(here.records.length).toBeGreaterThan(MIB - 70_000)
    expect(here.records.length).toBeLessThanOrEqual(MIB)
  })

  test('is read as far as whole batches go, into the memory brought', async () => {
    const { t, reads } = await written()
    const asked: number[] = []
    let offset = 0
    while (offset < 50) {
      const { records, nextOffset } = await t.drive(t.log.read(offset, served({ allocate: (bytes) => { asked.push(bytes); return Buffer.alloc(bytes) } })))
      expect(asked.at(-1)! - records.length).toBeLessThanOrEqual(offset + 17 < 50 ? 61 : MIB)
      offset = nextOffset
    }
    expect(reads.sync).toBe(3)
    expect(asked.length).toBe(3)
  })

  test('is not read on the event loop beyond two megabytes a turn', async () => {
    const { t, reads } = await written()
    const read: number[] = []
    const all = [2, 17, 34].map((offset) => t.log.read(offset, served()).then((result) => { read.push(offset); return result }))
    await Promise.all(all.slice(0, 2))
    for (let i = 0; i < 20; i++) await Promise.resolve()
    expect([read, reads]).toEqual([[2, 17], { sync: 2, async: 0 }])
    expect((await t.drive(all[2]!)).nextOffset).toBe(50)
    expect(reads).toEqual({ sync: 3, async: 0 })
  })
})

describe('what was appended longer ago', () => {
  const cooled = async (): Promise<{ t: TestLog; reads: Reads }> => {
    const scene = await written()
    for (let minute = 0; minute < 3; minute++) await scene.t.drive(scene.t.scheduler.advance(61_000))
    return scene
  }

  test('by this process is read there too, in large reads only, until one takes long', async () => {
    const { t, reads } = await cooled()
    await t.drive(t.log.read(3, served()))
    expect(reads).toEqual({ sync: 1, async: 0 })
    await t.drive(t.log.read(3, served({ maxBytes: 100_000 })))
    expect(reads).toEqual({ sync: 1, async: 1 })
    reads.took = 3
    await t.drive(t.log.read(20, served()))
    expect(reads).toMatchObject({ sync: 2, async: 1 })
    reads.took = 0
    for (const offset of [3, 20, 30]) await t.drive(t.log.read(offset, served()))
    expect(reads).toMatchObject({ sync: 2, async: 4 })
    const { logEndOffset } = t.log
    await t.append([{ value: Buffer.alloc(60_000, 1) }], {}, { durable: false })
    await t.append([{ value: Buffer.alloc(3 * MIB, 1) }], {}, { durable: false })
    await t.drive(t.log.read(logEndOffset, served()))
    expect(reads).toMatchObject({ sync: 3, async: 4 })
  })

  test('by another process is not', async () => {
    const { t, reads } = await written()
    await t.reopen()
    reads.sync = reads.async = 0
    await t.drive(t.log.read(3, served()))
    expect(reads).toEqual({ sync: 0, async: 1 })
  })
})

describe('the checksum', () => {
  test('of what came while the log was open is not checked again for a server; for others it is', async () => {
    const { t } = await written()
    t.skipCheck()
    damage(t, 200)
    const { records, isChecked } = await t.drive(t.log.read(0, served()))
    expect([records.length > MIB - 70_000, isChecked]).toEqual([true, false])
    await expect(t.drive(t.log.read(0, served({ checkCrc: true })))).rejects.toMatchObject({ code: 'LOG_CORRUPT', offset: 0 })
  })

  test('of what was there when the log was opened is', async () => {
    const { t } = await written()
    await t.reopen()
    t.skipCheck()
    await t.append(['new'], {}, { durable: false })
    damage(t, 200)
    for (const inlineBytes of [1, MIB]) await expect(t.drive(t.log.read(0, served({ inlineBytes })))).rejects.toMatchObject({ code: 'LOG_CORRUPT', offset: 0 })
    expect((await t.drive(t.log.read(1, served()))).isChecked).toBe(true)
  })

  test.each(['truncateTo', 'truncateFullyAndStartAt'] as const)('of what came after %s below the old end is not, of what stayed it is', async (cut) => {
    const { t } = await written(4)
    await t.reopen()
    t.skipCheck()
    await t.drive(t.log[cut](2))
    await t.append([{ value: Buffer.alloc(60_000, 7) }], {}, { durable: false })
    await t.append([{ value: Buffer.alloc(3 * MIB, 255) }], {}, { durable: false })
    expect((await t.drive(t.log.read(2, served({ inlineBytes: 1 })))).isChecked).toBe(false)
    if (cut === 'truncateTo') expect((await t.drive(t.log.read(1, served({ inlineBytes: 1 })))).isChecked).toBe(true)
  })
})
