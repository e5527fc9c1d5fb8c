import { describe, expect, test } from 'vitest'
import { findings, openTestLog, TestLog, text, type TestLogOptions } from '../../test/support/test-log.ts'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { OttlaError } from '../common/errors.ts'
import { buildBatch, buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { segmentFileName } from './segment-names.ts'

const tiny = { 'segment.bytes': 420, 'index.interval.bytes': 100 } as const
const path = (base: number, kind: 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot' = 'log'): string => `/data/t-0/${segmentFileName(base, kind)}`

/** A cleanly closed log of several segments. */
async function closedLog(count = 12): Promise<TestLog> {
  const t = await openTestLog({ config: tiny })
  for (let i = 0; i < count; i++) await t.append([`value ${i}`, `more ${i}`], { producerId: 2, producerEpoch: 0, baseSequence: 2 * i })
  await t.close()
  t.skipCheck()
  return t
}

async function openCopy(disk: SimulatedFileSystem, options: TestLogOptions = {}): Promise<TestLog> {
  const t = new TestLog({ config: tiny, check: false, ...options, disk })
  await t.open()
  return t
}

function edit(disk: SimulatedFileSystem, file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = Buffer.from(disk.readFile(file))
  writeWhole(disk, file, change(bytes) ?? bytes)
}

const values = (count: number): string[] => Array.from({ length: count }, (_, i) => [`value ${i}`, `more ${i}`]).flat()

describe('rot below the recovery point', () => {
  test('is loud, whichever byte of a sealed segment flips: nothing wrong is served, nothing is cut, and what is good stays readable', async () => {
    const t = await closedLog()
    const bases = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))
    const victim = bases[1]!
    const size = t.disk.stat(path(victim))!.size
    const whole = values(12)
    let loud = 0
    for (let at = 0; at < size; at++) {
      const disk = t.disk.survivors('keep-all')
      edit(disk, path(victim), (bytes) => { bytes[at]! ^= 1 << at % 8 })
      const copy = await openCopy(disk)
      expect(copy.log).toMatchObject({ logStartOffset: 0, logEndOffset: 24 })
      const good: string[] = []
      let failed: unknown = null
      for (let offset = 0; offset < 24; offset++) {
        try {
          const [record] = await copy.read(offset, { maxBytes: 1 })
          expect(record).toMatchObject({ offset })
          expect(text(record!.value)).toBe(whole[offset])
          good.push(whole[offset]!)
        } catch (error) {
          if (!OttlaError.is(error)) throw error
          failed = error
        }
      }
      if (failed !== null) {
        loud++
        const number: unknown = expect.any(Number)
        expect(failed).toMatchObject({ code: 'LOG_CORRUPT', topic: 't', partition: 0, file: path(victim), position: number, offset: number })
        expect(good.length).toBeGreaterThanOrEqual(24 - 6)
      }
      expect(disk.stat(path(victim))!.size).toBe(size)
      // Only the leader epoch is outside of the checksum and no offset or length: it is what the full check is for.
      if (failed === null) expect((await findings(disk, '/data')).map((finding) => finding.code)).not.toEqual([])
      await copy.close()
    }
    expect(loud).toBeGreaterThan(size * 0.9)
  }, 60_000)

  test('survives an unclean open too: recovery does not look there', async () => {
    const t = await closedLog()
    const disk = t.disk.survivors('keep-all')
    edit(disk, path(0), (bytes) => { bytes[70]! ^= 1 })
    disk.unlink('/data/.kafka_cleanshutdown')
    const copy = await openCopy(disk)
    expect(copy.log.logEndOffset).toBe(24)
    expect(copy.manager.recoveryReports.flatMap((report) => report.dropped)).toEqual([])
    await expect(copy.read(0)).rejects.toMatchObject({ code: 'LOG_CORRUPT', position: 0 })
    expect(text((await copy.read(23))[0]!.value)).toBe('more 11')
    await copy.close()
  })
})

describe('an offset that flips, which no checksum covers,', () => {
  /** One segment, of which the index knows few batches. */
  async function sparse(): Promise<{ disk: SimulatedFileSystem; starts: number[] }> {
    const t = await openTestLog({ config: { 'index.interval.bytes': 300, 'file.delete.delay.ms': 0, 'retention.ms': -1 } })
    for (let i = 0; i < 12; i++) await t.append([`value ${i}`, `more ${i}`])
    await t.close()
    t.skipCheck()
    const bytes = Buffer.from(t.disk.readFile(path(0)))
    const starts: number[] = []
    for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + 8)) starts.push(at)
    return { disk: t.disk, starts }
  }

  test('is told wherever it is, from whichever offset the reader comes; nothing is cut, and behind the last batch nothing appended', async () => {
    const { disk, starts } = await sparse()
    const whole = values(12)
    for (const [number, start] of starts.entries()) {
      for (let bit = 0; bit < 64; bit += 1) {
        const rotten = disk.copy()
        edit(rotten, path(0), (bytes) => { bytes[start + 7 - (bit >> 3)]! ^= 1 << bit % 8 })
        const copy = await openCopy(rotten.copy())
        const label = `batch ${number}, bit ${bit}`
        const seen: string[] = []
        let told = 0
        for (let offset = 0; offset < 24;) {
          try {
            const records = await copy.read(offset, { maxBytes: 250 })
            expect(records.length, label).toBeGreaterThan(0)
            for (const record of records) {
              expect(text(record.value), label).toBe(whole[record.offset])
              seen.push(text(record.value))
              offset = record.offset + 1
            }
          } catch (error) {
            if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
            expect(error, label).toMatchObject({ file: path(0), offset })
            told++
            offset++
          }
        }
        expect(told, label).toBeGreaterThan(0)
        expect(seen.length + told, label).toBe(24)
        expect(copy.disk.readFile(path(0)).subarray(0, disk.stat(path(0))!.size), label).toEqual(rotten.readFile(path(0)))
        if (number === 11) await expect(copy.append(['behind']), label).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
        else {
          const behind: unknown = await copy.append(['behind']).catch((error: unknown) => error)
          expect(OttlaError.is(behind, 'LOG_OFFLINE') ? 24 : (behind as { baseOffset: number }).baseOffset, label).toBe(24)
        }
        await copy.close().catch((error: unknown) => expect(error, label).toMatchObject({ code: 'LOG_OFFLINE' }))
        expect((await findings(rotten, '/data')).length, label).toBeGreaterThan(0)
      }
    }
  }, 60_000)
})

describe('a torn tail', () => {
  test('of every length is recovered to the batch before it, and the log goes on', async () => {
    const t = await openTestLog({ config: tiny })
    await t.append(['a'])
    const start = t.disk.stat(path(0))!.size
    await t.append(['b'])
    const end = t.disk.stat(path(0))!.size
    for (let size = start; size <= end; size++) {
      const disk = t.disk.survivors('keep-all')
      edit(disk, path(0), (bytes) => bytes.subarray(0, size))
      const copy = await openCopy(disk)
      expect(await copy.values()).toEqual(size === end ? ['a', 'b'] : ['a'])
      const [report] = copy.manager.recoveryReports
      expect(report?.dropped ?? []).toMatchObject(
        size === start || size === end ? [] : [{ file: path(0), position: start, bytes: size - start, firstOffset: 1, lastOffset: null, keptAs: null }],
      )
      await copy.append(['c'])
      await copy.close()
      expect(await findings(disk, '/data')).toEqual([])
      expect(copy.fileNames().filter((name) => name.includes('damaged'))).toEqual([])
    }
  })

  test('under a false clean mark is cut before anything is appended behind it', async () => {
    const t = await closedLog(3)
    const disk = t.disk.survivors('keep-all')
    const last = t.fileNames().filter((name) => name.endsWith('.log')).pop()!
    edit(disk, `/data/t-0/${last}`, (bytes) => bytes.subarray(0, bytes.length - 3))
    const copy = await openCopy(disk)
    expect(copy.log.logEndOffset).toBe(4)
    expect(copy.manager.recoveryReports[0]?.clean).toBe(false)
    await copy.append(['next'])
    await copy.close()
    expect(await findings(disk, '/data')).toEqual([])
  })
})

describe('damage above the recovery point', () => {
  /** Twelve batches of which nothing was ever synced; batch 4 is damaged. */
  async function damaged(): Promise<TestLog> {
    const t = await openTestLog({ config: tiny })
    for (let i = 0; i < 12; i++) await t.append([`value ${i}`, `more ${i}`], {}, { durable: false })
    const disk = t.disk.survivors('keep-all')
    t.skipCheck()
    const base = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10)).filter((each) => each <= 8).pop()!
    edit(disk, path(base), (bytes) => { bytes[bytes.readInt32BE(8) + 12 + 70]! ^= 4 })
    disk.settle()
    // Recovery points are in memory only, so far: everything is looked at.
    return openCopy(disk)
  }

  test('ends the log there; whole batches behind it are kept aside and accounted for', async () => {
    const copy = await damaged()
    const got = await copy.values()
    expect(got).toEqual(values(12).slice(0, got.length))
    expect(got.length).toBeLessThan(24)
    const [report] = copy.manager.recoveryReports
    expect(report).toMatchObject({ topic: 't', partition: 0, clean: false, logEndOffset: got.length })
    const kept = report!.dropped.map((dropped) => dropped.keptAs)
    expect(kept.every((name) => name !== null && copy.fileNames().includes(name))).toBe(true)
    expect(copy.fileNames().filter((name) => name.includes('damaged')).sort()).toEqual([...kept].sort())
    const bytes = report!.dropped.reduce((sum, dropped) => sum + dropped.bytes, 0)
    expect(kept.reduce((sum, name) => sum + copy.disk.stat(`/data/t-0/${name}`)!.size, 0)).toBe(bytes)
    await copy.append(['goes on'])
    await copy.close()
    expect(await findings(copy.disk, '/data')).toEqual([])
  })

  test('in the last batch of a segment keeps that batch too when later segments go', async () => {
    const t = await openTestLog({ config: tiny })
    for (let i = 0; i < 12; i++) await t.append([`value ${i}`, `more ${i}`], {}, { durable: false })
    const disk = t.disk.survivors('keep-all')
    t.skipCheck()
    const size = disk.stat(path(0))!.size
    edit(disk, path(0), (bytes) => { bytes[size - 1]! ^= 4 })
    const copy = await openCopy(disk)
    const [first, ...later] = copy.manager.recoveryReports[0]!.dropped
    expect(first).toMatchObject({ file: path(0), lastOffset: null, keptAs: expect.stringContaining('.damaged-') as unknown })
    expect(later.length).toBeGreaterThan(0)
    await copy.close()
    expect(await findings(disk, '/data')).toEqual([])
  })

  test('to the offset alone of the last batch, which no checksum covers, keeps the batch', async () => {
    const t = await openTestLog()
    for (let i = 0; i < 3; i++) await t.append([`value ${i}`], {}, { durable: false })
    const disk = t.disk.survivors('keep-all')
    t.skipCheck()
    const size = disk.stat(path(0))!.size / 3
    edit(disk, path(0), (bytes) => { bytes[2 * size]! ^= 0x10 })
    const batch = Buffer.from(disk.readFile(path(0))).subarray(2 * size)
    const copy = await openCopy(disk)
    const [dropped] = copy.manager.recoveryReports[0]!.dropped
    expect(dropped).toMatchObject({ firstOffset: 2, bytes: size, lastOffset: null, keptAs: expect.stringContaining('.damaged-') as unknown })
    expect(Buffer.from(disk.readFile(`/data/t-0/${dropped!.keptAs}`)).equals(batch)).toBe(true)
    await copy.close()
  })

  test('and a crash in the middle of that recovery end in the same place, with the same bytes kept', async () => {
    const reference = await damaged()
    const want = await reference.values()
    const keptBytes = (disk: SimulatedFileSystem): number =>
      disk.readDirectory('/data/t-0').filter(
        (entry) => entry.name.includes('damaged') && !entry.name.endsWith('.tmp'),
      ).reduce((sum, entry) => sum + disk.stat(`/data/t-0/${entry.name}`)!.size, 0)
    const bytes = keptBytes(reference.disk)
    let states = 0
    for (const state of reference.disk.crashStates({ maxExhaustive: 16, maxSubsets: 6 })) {
      states++
      const again = await openCopy(state.restore())
      expect(await again.values(), state.describe()).toEqual(want)
      expect(keptBytes(again.disk), state.describe()).toBe(bytes)
      await again.close()
    }
    expect(states).toBeGreaterThan(10)
  })
})

describe('derived files', () => {
  test.each(
    ['index', 'timeindex', 'snapshot'] as const,
  )('of kind %s may be missing, empty, cut, padded with zeros or full of rubbish: lookups stay right', async (kind) => {
    const t = await closedLog()
    const bases = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))
    const damages: ((bytes: Buffer) => Buffer)[] = [
      () => Buffer.alloc(0), (bytes) => bytes.subarray(0, Math.max(0, bytes.length - 5)), (bytes) => Buffer.concat([bytes, Buffer.alloc(2048)]),
      (bytes) => Buffer.alloc(bytes.length, 0xff), (bytes) => Buffer.from(bytes.map((byte, i) => byte ^ (i % 7))), () => Buffer.alloc(24, 1),
    ]
    for (const damage of [null, ...damages]) {
      for (const clean of [true, false]) {
        const disk = t.disk.survivors('keep-all')
        for (const base of bases) {
          if (disk.stat(path(base, kind)) === null) continue
          if (damage === null) disk.unlink(path(base, kind))
          else edit(disk, path(base, kind), damage)
        }
        if (!clean) disk.unlink('/data/.kafka_cleanshutdown')
        const copy = await openCopy(disk)
        expect(await copy.values()).toEqual(values(12))
        for (const offset of [0, 7, 13, 23]) expect((await copy.read(offset, { maxBytes: 1 }))[0]).toMatchObject({ offset })
        expect(await copy.drive(copy.log.offsetForTimestamp(0, 'logEnd'))).toMatchObject({ offset: 0 })
        expect(await copy.drive(copy.log.maxTimestampOffset())).toMatchObject({ offset: 0 })
        // Retention must not take what a lying time index calls old.
        copy.configure({ ...tiny, 'retention.ms': 3_600_000 })
        expect(await copy.drive(copy.log.applyRetention(copy.clock.now()))).toBe(0)
        expect(await copy.append(['again', 'again'], { producerId: 2, producerEpoch: 0, baseSequence: 22 })).toMatchObject({ duplicate: true, baseOffset: 22 })
        await copy.close()
      }
    }
  }, 60_000)

  test('for aborted transactions that are damaged are made again from the log', async () => {
    const t = await openTestLog({ config: tiny, check: false })
    for (let i = 0; i < 6; i++) {
      await t.append([`x${i}`], { producerId: 4, producerEpoch: 0, baseSequence: i, isTransactional: true })
      const marker = buildEndTransactionMarker(
        { type: i % 2 === 0 ? 'ABORT' : 'COMMIT', timestamp: t.clock.now(), producerId: 4, producerEpoch: 0, coordinatorEpoch: 0 },
      )
      await t.drive(t.log.append(Buffer.from(marker), { origin: 'coordinator', durable: true }))
    }
    const aborted = async (log: TestLog): Promise<unknown> => (await log.drive(log.log.read(0, { maxBytes: 1, isolation: 'committed' }))).abortedTransactions
    await t.close()
    const want = [{ producerId: 4, firstOffset: 0 }]
    const reference = await openCopy(t.disk.survivors('keep-all'))
    expect(await aborted(reference)).toEqual(want)
    await reference.close()
    for (const damage of [(bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 1), (bytes: Buffer): Buffer => Buffer.alloc(bytes.length, 0xff)]) {
      const disk = t.disk.survivors('keep-all')
      edit(disk, path(0, 'txnindex'), damage)
      const copy = await openCopy(disk)
      expect(await aborted(copy)).toEqual(want)
      await copy.close()
      expect(await findings(disk, '/data')).toEqual([])
    }
  })
})

describe('leftovers of a cleaner', () => {
  test.each([
    [
      '.cleaned alone', ['cleaned'],
    ], ['.swap alone', ['swap']], ['.swap and .cleaned of the same segment', ['cleaned', 'swap']], ['.swap and .deleted', ['deleted', 'swap']],
  ])('of kind %s are dealt with, and nothing is missing', async (_what, suffixes) => {
    const t = await closedLog()
    const first = t.disk.readFile(path(0))
    for (const suffix of suffixes) {
      const disk = t.disk.survivors('keep-all')
      for (const each of suffixes) writeWhole(disk, `${path(0)}.${each}`, first)
      const copy = await openCopy(disk)
      expect(await copy.values()).toEqual(values(12))
      expect(copy.fileNames().filter((name) => /\.(swap|cleaned|deleted)$/.test(name))).toEqual([])
      await copy.close()
      expect(await findings(disk, '/data'), suffix).toEqual([])
    }
  })

  test('a swap of two segments into one is finished, the sources are gone', async () => {
    const t = await closedLog()
    const bases = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))
    const disk = t.disk.survivors('keep-all')
    writeWhole(disk, `${path(0)}.swap`, Buffer.concat([disk.readFile(path(0)), disk.readFile(path(bases[1]!))]))
    const reader = await openCopy(disk.survivors('keep-all'), { readOnly: true })
    expect(await reader.values()).toEqual(values(12))
    expect(reader.log.segmentCount).toBe(bases.length - 1)
    await reader.close()
    const copy = await openCopy(disk)
    expect(await copy.values()).toEqual(values(12))
    expect(copy.fileNames()).not.toContain(segmentFileName(bases[1]!, 'log'))
    await copy.close()
    expect(await findings(disk, '/data')).toEqual([])
  })
})

test('a segment rolls before its relative offsets overflow', async () => {
  const t = await openTestLog()
  const at = (baseOffset: number): Buffer => Buffer.from(buildBatch([{ value: 'x', timestamp: 1 }], { baseOffset, leaderEpoch: 0 }))
  for (const offset of [0, 2 ** 31 - 1, 2 ** 31, 2 ** 33]) await t.drive(t.log.append(at(offset), { origin: 'replication', durable: true }))
  expect(t.fileNames().filter((name) => name.endsWith('.log'))).toEqual([0, 2 ** 31, 2 ** 33].map((base) => segmentFileName(base, 'log')))
  await t.reopen()
  expect((await t.readAll()).map((record) => record.offset)).toEqual([0, 2 ** 31 - 1, 2 ** 31, 2 ** 33])
})

test('indexes over a log that was emptied are not believed: the log goes on where it ends', async () => {
  const t = await closedLog()
  const last = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10)).at(-1)!
  edit(t.disk, path(last), () => Buffer.alloc(0))
  const copy = await openCopy(t.disk.survivors('keep-all'))
  expect(copy.log.logEndOffset).toBe(last)
  await copy.append([{ value: 'again', timestamp: copy.clock.now() + 60_000 }])
  expect((await copy.read(last)).map((record) => text(record.value))).toEqual(['again'])
  await copy.close()
})

test('a segment in the middle that was emptied is told of; one that never held anything is not', async () => {
  const t = await closedLog()
  const bases = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))
  const codes = async (disk: SimulatedFileSystem): Promise<string[]> => {
    const copy = await openCopy(disk)
    const found = copy.manager.recoveryReports.flatMap((report) => report.notes).map((note) => `${note.code} ${note.file ?? ''}`)
    await copy.close()
    return found
  }
  const disk = t.disk.survivors('keep-all')
  edit(disk, path(bases[1]!), () => Buffer.alloc(0))
  expect(await codes(disk)).toEqual([`SEGMENT_EMPTIED ${path(bases[1]!)}`])
  const cleaned = t.disk.survivors('keep-all')
  for (const kind of ['log', 'index', 'timeindex'] as const) edit(cleaned, path(bases[1]!, kind), () => Buffer.alloc(0))
  expect(await codes(cleaned)).toEqual([])
})
