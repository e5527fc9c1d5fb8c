import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { FileCache } from '../io/file-cache.ts'
import { FaultFileSystem, ManualClock, SimulatedFileSystem } from '../testing/index.ts'
import { appendTo, batchAt, defaultSegmentSettings, newDisk, storeOn, toHex, writeFile } from '../../test/support/segment-harness.ts'
import { Segment, type SegmentSettings } from './segment.ts'
import { segmentFileName } from './segment-names.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

const settings: SegmentSettings = { ...defaultSegmentSettings, indexIntervalBytes: 300 }
const path = (kind: 'log' | 'index' | 'timeindex' | 'txnindex', base: number = 0): string => `/log/${segmentFileName(base, kind)}`
const files = (disk: SimulatedFileSystem): string[] => disk.readDirectory('/log').map((e) => e.name)

interface Row { base: number; last: number; timestamp: number; position: number; size: number }

/** Batches of three records at the given timestamps, offsets 3 apart with a gap of `gap` after every fourth. */
function batchesAt(timestamps: readonly number[], base: number = 0, gap: number = 0): { bytes: Uint8Array[]; rows: Row[] } {
  const bytes: Uint8Array[] = []
  const rows: Row[] = []
  let offset = base
  let position = 0
  for (const [i, timestamp] of timestamps.entries()) {
    const batch = batchAt(offset, 3, timestamp, 20 + ((i * 37) % 90))
    rows.push({ base: offset, last: offset + 2, timestamp, position, size: batch.length })
    bytes.push(batch)
    offset += 3 + (i % 4 === 3 ? gap : 0)
    position += batch.length
  }
  return { bytes, rows }
}

function filled(disk: SimulatedFileSystem, timestamps: readonly number[], base: number = 0, gap: number = 0): { segment: Segment; rows: Row[] } {
  const { bytes, rows } = batchesAt(timestamps, base, gap)
  const segment = Segment.create(storeOn(disk), base, settings)
  appendTo(segment, ...bytes)
  return { segment, rows }
}

const rising = Array.from({ length: 40 }, (_, i) => 1000 + i * 10)

describe('appending to a segment', () => {
  test('moves its end and its timestamps batch by batch', () => {
    const { segment, rows } = filled(newDisk(), [1000, 900, 1500, 1500, 1400])
    expect(segment.nextOffset).toBe(15)
    expect([segment.maxTimestamp, segment.offsetOfMaxTimestamp, segment.rollTimestamp]).toEqual([1500, 8, 1000])
    expect(segment.size).toBe(rows[4]!.position + rows[4]!.size)
  })

  test('gives entries to the batches that Kafka\'s rule names, and a final time entry at the end', () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising.slice(0, 39))
    segment.seal()
    const indexed: Row[] = []
    let last = 0
    for (const row of rows) {
      if (row.position - last > 300) {
        indexed.push(row)
        last = row.position
      }
    }
    expect(indexed[indexed.length - 1]).not.toBe(rows[38])
    const be = (n: number, bytes: number): string => n.toString(16).padStart(bytes * 2, '0')
    expect(toHex(disk.readFile(path('index')))).toBe(indexed.map((r) => be(r.last, 4) + be(r.position, 4)).join(''))
    expect(toHex(disk.readFile(path('timeindex')))).toBe([...indexed, rows[38]!].map((r) => be(r.timestamp, 8) + be(r.last, 4)).join(''))
    expect(disk.stat(path('txnindex'))).toBeNull()
  })

  test('writes no index file before it is flushed, sealed or closed', () => {
    const disk = newDisk()
    filled(disk, rising)
    expect(files(disk)).toEqual([segmentFileName(0, 'log')])
  })

  test('leaves nothing behind when a write fails', () => {
    const disk = newDisk()
    const faults = new FaultFileSystem(disk)
    const { bytes } = batchesAt([1, 2, 3])
    const segment = Segment.create(storeOn(faults), 0, settings)
    appendTo(segment, bytes[0]!)
    faults.inject({ call: 'write', error: 'ENOSPC', written: 33 })
    expect(() => appendTo(segment, bytes[1]!)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
    expect([segment.size, segment.nextOffset]).toEqual([bytes[0]!.length, 3])
    appendTo(segment, bytes[1]!, bytes[2]!)
    expect(Buffer.concat(bytes).equals(disk.readFile(path('log')))).toBe(true)
  })

  test('asks the roll rules with what it holds', () => {
    const clock = new ManualClock()
    const segment = Segment.create(storeOn(newDisk(), '/log', { clock }), 50,
      { ...settings, segmentBytes: 400, maxSegmentMs: 100, segmentIndexBytes: 100 }, { jitterMs: 10 })
    expect(segment.rollReason(400, 5, 52)).toBeNull()
    expect(segment.rollReason(401, 5, 52)).toBe('size')
    appendTo(segment, batchAt(50, 3, 1000))
    expect(segment.rollReason(10, 1090, 60)).toBeNull()
    expect(segment.rollReason(10, 1091, 60)).toBe('time')
    expect(segment.rollReason(10, 1000, 50 + 2 ** 31 - 1)).toBeNull()
    expect(segment.rollReason(10, 1000, 50 + 2 ** 31)).toBe('offset-range')
    segment.updateSettings({ ...settings, segmentIndexBytes: 4 })
    expect(segment.rollReason(10, 1000, 60)).toBe('index-full')
  })

  test('of timeless records rolls by the wall clock', () => {
    const clock = new ManualClock()
    const segment = Segment.create(storeOn(newDisk(), '/log', { clock }), 0, { ...settings, maxSegmentMs: 100 })
    appendTo(segment, batchAt(0, 1, -1))
    clock.setWall(clock.now() + 100)
    expect(segment.rollReason(10, -1, 60)).toBeNull()
    clock.setWall(clock.now() + 1)
    expect(segment.rollReason(10, -1, 60)).toBe('time')
  })

  test('reports the roll time of a reopened segment from its first batch', () => {
    const disk = newDisk()
    const { segment } = filled(disk, [777, 5, 9999])
    segment.close()
    expect(Segment.open(storeOn(disk), 0, settings).rollTimestamp).toBe(777)
    expect(Segment.create(storeOn(disk), 99, settings).rollTimestamp).toBe(-1)
  })
})

describe('flushing', () => {
  test('makes log and indexes durable, names included', async () => {
    const disk = newDisk()
    disk.syncDirectorySync('/')
    const { segment } = filled(disk, rising)
    segment.commitAborted({ producerId: 1, firstOffset: 3, lastOffset: 9, lastStableOffset: 10 })
    segment.seal()
    await segment.flush()
    const after = disk.survivors('lose-all')
    expect(files(after)).toEqual(['index', 'log', 'timeindex', 'txnindex'].map((kind) => segmentFileName(0, kind as 'log')))
    expect(after.stateHash()).toBe(disk.stateHash())
  })

  test('syncs the log before the indexes, in Kafka\'s order', async () => {
    const disk = newDisk()
    const { segment } = filled(disk, rising)
    segment.commitAborted({ producerId: 1, firstOffset: 3, lastOffset: 9, lastStableOffset: 10 })
    await segment.flush()
    const synced = disk.operations.filter((o) => o.kind === 'datasync').map((o) => o.path.split('.').pop())
    expect(synced).toEqual(['log', 'index', 'timeindex', 'txnindex'])
  })

  test('of an active segment may go on with appends, and ends as if it had never been', async () => {
    const one = newDisk()
    const two = newDisk()
    const { bytes } = batchesAt(rising)
    const flushed = Segment.create(storeOn(one), 0, settings)
    const plain = Segment.create(storeOn(two), 0, settings)
    for (const batch of bytes) {
      appendTo(flushed, batch)
      appendTo(plain, batch)
      await flushed.flush()
    }
    flushed.close()
    plain.close()
    for (const kind of ['log', 'index', 'timeindex'] as const) expect(toHex(one.readFile(path(kind)))).toBe(toHex(two.readFile(path(kind))))
  })

  test('of a segment that was only opened touches nothing but the log', async () => {
    const disk = newDisk()
    filled(disk, rising).segment.close()
    const reopened = Segment.open(storeOn(disk), 0, settings)
    const before = disk.stateHash()
    await reopened.flush()
    reopened.close()
    expect(disk.stateHash()).toBe(before)
  })
})

describe('opening a segment', () => {
  test('costs one stat and no read, and not even that when the size is known', () => {
    const disk = newDisk()
    filled(disk, rising).segment.close()
    const faults = new FaultFileSystem(disk)
    const store = storeOn(faults)
    Segment.open(store, 0, settings)
    expect([faults.calls('any'), faults.calls('stat')]).toEqual([1, 1])
    Segment.open(store, 0, settings, { fileSize: 10 })
    expect(faults.calls('any')).toBe(1)
  })

  test('without a log is refused', () => {
    expect(() => Segment.open(storeOn(newDisk()), 7, settings)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', file: path('log', 7) }))
  })

  test('knows its end only after it was loaded', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising)
    segment.close()
    const reopened = Segment.open(storeOn(disk), 0, settings)
    expect(() => reopened.nextOffset).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    expect(await reopened.loadTail()).toEqual({ nextOffset: 120, validBytes: segment.size, problem: null })
    expect([reopened.nextOffset, reopened.maxTimestamp, reopened.offsetOfMaxTimestamp]).toEqual([120, 1390, 119])
    appendTo(reopened, batchAt(120, 1, 2000))
    expect(reopened.nextOffset).toBe(121)
    expect((await reopened.locate(rows[3]!.base))?.position).toBe(rows[3]!.position)
  })

  test('reads little to find its end where time rises', async () => {
    const disk = newDisk()
    const { bytes } = batchesAt(Array.from({ length: 3000 }, (_, i) => i))
    const segment = Segment.create(storeOn(disk), 0, settings)
    appendTo(segment, ...bytes)
    segment.close()
    const faults = new FaultFileSystem(disk)
    const reopened = Segment.open(storeOn(faults), 0, settings)
    await reopened.loadTail()
    expect(faults.calls('read')).toBeLessThanOrEqual(2)
  })

  test('keeps the density of the index across any number of restarts', async () => {
    const disk = newDisk()
    const { bytes } = batchesAt(rising)
    Segment.create(storeOn(disk), 0, settings).close()
    for (const batch of bytes) {
      const segment = Segment.open(storeOn(disk), 0, settings)
      expect((await segment.loadTail()).problem).toBeNull()
      appendTo(segment, batch)
      segment.close()
    }
    const straight = newDisk()
    filled(straight, rising).segment.close()
    expect(toHex(disk.readFile(path('index')))).toBe(toHex(straight.readFile(path('index'))))
  })

  test('finds a largest timestamp that lies far back', async () => {
    const disk = newDisk()
    filled(disk, [5, 9999, ...rising]).segment.close()
    const reopened = Segment.open(storeOn(disk), 0, settings)
    await reopened.loadTail()
    expect([reopened.maxTimestamp, reopened.offsetOfMaxTimestamp]).toEqual([9999, 5])
  })

  test.each(Array.from({ length: 24 }, (_, i) => i))('finds a largest timestamp that its index lost, though an append comes %i turns after the question', async (turns) => {
    const disk = newDisk()
    filled(disk, [...rising.slice(0, 20), 9999, ...rising.slice(20)]).segment.close()
    writeFile(disk, path('timeindex'), disk.readFile(path('timeindex')).slice(0, 12))
    const reopened = Segment.open(storeOn(disk), 0, settings)
    const { nextOffset } = await reopened.loadTail()
    const asked = reopened.largestTimestamp()
    for (let i = 0; i < turns; i++) await Promise.resolve()
    appendTo(reopened, batchAt(nextOffset, 1, 1400))
    expect([await asked, await reopened.largestTimestamp()]).toEqual([9999, 9999])
  })

  test('with a torn tail says so', async () => {
    const disk = newDisk()
    const { segment } = filled(disk, rising)
    segment.close()
    writeFile(disk, path('log'), Buffer.concat([disk.readFile(path('log')), batchAt(120, 1, 1).subarray(0, 40)]))
    const reopened = Segment.open(storeOn(disk), 0, settings)
    expect(await reopened.loadTail()).toMatchObject({ nextOffset: 120, validBytes: segment.size, problem: { reason: 'torn', position: segment.size } })
  })
})

// ---- lookups ----

const stamps = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 40 })

/** What a lying index file may hold: cut, extended, flipped, of another segment, missing. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(400) }),
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(400), mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('append' as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ kind: fc.constant('garbage' as const), bytes: fc.uint8Array({ maxLength: 200 }) }),
  fc.constant({ kind: 'missing' as const }), fc.constant({ kind: 'zeros' as const }), fc.constant({ kind: 'reverse' as const }),
)

function applyDamage(disk: SimulatedFileSystem, file: string, what: typeof damage extends fc.Arbitrary<infer T> ? T : never): void {
  const bytes = disk.readFile(file)
  if (what.kind === 'missing') disk.unlink(file)
  else if (what.kind === 'cut') writeFile(disk, file, bytes.subarray(0, what.at % (bytes.length + 1)))
  else if (what.kind === 'append') writeFile(disk, file, Buffer.concat([bytes, what.bytes]))
  else if (what.kind === 'garbage') writeFile(disk, file, what.bytes)
  else if (what.kind === 'zeros') writeFile(disk, file, Buffer.concat([bytes, new Uint8Array(96)]))
  else if (what.kind === 'reverse') writeFile(disk, file, bytes.slice().reverse())
  else if (bytes.length > 0) writeFile(disk, file, bytes.map((b, i) => (i === what.at % bytes.length ? b ^ what.mask : b)))
}

async function compareLookups(segment: Segment, rows: readonly Row[]): Promise<void> {
  const end = rows[rows.length - 1]!.last
  for (let offset = rows[0]!.base; offset <= end + 2; offset++) {
    const expected = rows.find((r) => r.last >= offset) ?? null
    const found = await segment.locate(offset)
    expect(found === null ? null : [found.position, found.size, found.baseOffset, found.lastOffset]).toEqual(expected === null ? null
      : [expected.position, expected.size, expected.base, expected.last])
  }
}

async function compareTimes(segment: Segment, rows: readonly Row[]): Promise<void> {
  for (let timestamp = 0; timestamp <= 52; timestamp += 3) {
    for (const start of [rows[0]!.base, rows[0]!.base + 5]) {
      const row = rows.find((r) => r.timestamp >= timestamp && r.last >= start)
      expect(await segment.findByTimestamp(timestamp, start)).toEqual(row === undefined ? null
        : { offset: Math.max(row.base, start), timestamp: row.timestamp, leaderEpoch: 0 })
    }
  }
  const largest = Math.max(...rows.map((r) => r.timestamp))
  expect(await segment.largestTimestamp()).toBe(largest)
  expect(await segment.findMaxTimestamp()).toEqual({ offset: rows.find((r) => r.timestamp === largest)!.base, timestamp: largest, leaderEpoch: 0 })
}

describe('lookups', () => {
  test('by offset and by time agree with a sorted array, active, sealed, unloaded and reopened', async () => {
    await fc.assert(fc.asyncProperty(stamps, fc.constantFrom(0, 100), fc.constantFrom(0, 5), async (timestamps, base, gap) => {
      const disk = newDisk()
      const { segment, rows } = filled(disk, timestamps, base, gap)
      await compareLookups(segment, rows)
      await compareTimes(segment, rows)
      segment.seal()
      segment.unload()
      await compareLookups(segment, rows)
      await compareTimes(segment, rows)
      const reopened = Segment.open(storeOn(disk), base, settings)
      await compareTimes(reopened, rows)
      await compareLookups(reopened, rows)
    }), { numRuns: 25 })
  })

  test('are never wrong because of an offset index that lies', async () => {
    await fc.assert(fc.asyncProperty(stamps, damage, async (timestamps, what) => {
      const disk = newDisk()
      const { segment, rows } = filled(disk, timestamps)
      segment.close()
      applyDamage(disk, path('index'), what)
      await compareLookups(Segment.open(storeOn(disk), 0, settings), rows)
      const reopened = Segment.open(storeOn(disk), 0, settings)
      expect((await reopened.loadTail()).nextOffset).toBe(rows[rows.length - 1]!.last + 1)
      appendTo(reopened, batchAt(reopened.nextOffset, 1, 99, 500), batchAt(reopened.nextOffset + 1, 1, 99, 500))
    }), { numRuns: 150 })
  })

  test('by time are never wrong because of a time index that is cut, padded, garbled or gone', async () => {
    await fc.assert(fc.asyncProperty(stamps, damage, async (timestamps, what) => {
      const disk = newDisk()
      const { segment, rows } = filled(disk, timestamps)
      segment.close()
      applyDamage(disk, path('timeindex'), what)
      await compareTimes(Segment.open(storeOn(disk), 0, settings), rows)
      const reopened = Segment.open(storeOn(disk), 0, settings)
      await reopened.loadTail()
      expect(await reopened.largestTimestamp()).toBe(Math.max(...timestamps))
      expect(reopened.maxTimestamp).toBe(Math.max(...timestamps))
      appendTo(reopened, batchAt(reopened.nextOffset, 1, 99, 500), batchAt(reopened.nextOffset + 1, 1, 100, 500))
    }), { numRuns: 150 })
  })

  test('by time find what a time index has lost, though more was appended before anybody asked', async () => {
    await fc.assert(fc.asyncProperty(stamps, damage, async (timestamps, what) => {
      const disk = newDisk()
      const { segment, rows } = filled(disk, timestamps)
      segment.close()
      applyDamage(disk, path('timeindex'), what)
      const reopened = Segment.open(storeOn(disk), 0, settings)
      await reopened.loadTail()
      const base = reopened.nextOffset
      appendTo(reopened, batchAt(base, 1, 3, 500), batchAt(base + 1, 1, 4, 500))
      const row = [...rows, { base, last: base, timestamp: 3 }, { base: base + 1, last: base + 1, timestamp: 4 }].find((each) => each.timestamp >= 4)!
      expect(await reopened.findByTimestamp(4, 0)).toEqual({ offset: row.base, timestamp: row.timestamp, leaderEpoch: 0 })
      expect(await reopened.largestTimestamp()).toBe(Math.max(4, ...timestamps))
    }), { numRuns: 150, examples: [[[0, 0, 1, 3, 0], { kind: 'flip', at: 83, mask: 4 }]] })
  })

  test('the end of a segment is found without reading it all, though every batch has the same timestamp', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, Array.from({ length: 400 }, () => 7))
    segment.close()
    const faults = new FaultFileSystem(disk)
    const reopened = Segment.open({ ...storeOn(disk), fileSystem: faults, fileCache: new FileCache(faults, 4) }, 0, settings)
    const asked: number[] = []
    const open = faults.open.bind(faults)
    faults.open = (file, mode) => {
      const handle = open(file, mode)
      const read = handle.read.bind(handle)
      handle.read = (buffer, offset, length, position) => { asked.push(position); return read(buffer, offset, length, position) }
      return handle
    }
    const tail = await reopened.loadTail()
    expect(tail).toMatchObject({ nextOffset: rows.at(-1)!.last + 1, problem: null })
    expect(Math.min(...asked)).toBeGreaterThan(tail.validBytes / 2)
    expect(await reopened.largestTimestamp()).toBe(7)
  })

  test('do not start at a later batch because the index says so', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising)
    segment.close()
    // Every entry claims the offset of the entry before it: what lies between is behind the position it names.
    const index = disk.readFile(path('index')).slice()
    for (let at = index.length - 8; at > 0; at -= 8) index.copyWithin(at, at - 8, at - 4)
    index.set([0, 0, 0, 0])
    writeFile(disk, path('index'), index)
    await compareLookups(Segment.open(storeOn(disk), 0, settings), rows)
  })

  test('survive indexes of another segment with the same base', async () => {
    const disk = newDisk()
    const other = newDisk()
    const { segment, rows } = filled(disk, rising.slice(0, 20))
    segment.close()
    const { segment: second } = filled(other, [...rising].map((t) => t * 3))
    second.close()
    for (const kind of ['index', 'timeindex'] as const) writeFile(disk, path(kind), other.readFile(path(kind)))
    const reopened = Segment.open(storeOn(disk), 0, settings)
    expect(await reopened.findByTimestamp(1105, 0)).toMatchObject({ timestamp: 1110 })
    await compareLookups(reopened, rows)
    expect(await reopened.largestTimestamp()).toBe(1190)
  })

  test('reach what lies behind a bad batch by the old index, and call the bad place corrupt', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising)
    segment.close()
    const bytes = disk.readFile(path('log')).slice()
    const bad = rows[10]!
    bytes.fill(0, bad.position, bad.position + 20)
    writeFile(disk, path('log'), bytes)
    const reopened = Segment.open(storeOn(disk), 0, settings)
    await expect(reopened.locate(bad.base)).rejects.toMatchObject({ code: 'LOG_CORRUPT', file: path('log'), position: bad.position, offset: bad.base })
    expect((await reopened.locate(rows[39]!.base))?.position).toBe(rows[39]!.position)
    expect(await reopened.largestTimestamp()).toBe(1390)
    expect(await Segment.open(storeOn(disk), 0, settings).largestTimestamp()).toBe(1390)
  })

  test('believe the time index about what cannot be read any more, so that nothing is deleted early', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising)
    segment.close()
    const bytes = disk.readFile(path('log')).slice()
    bytes.fill(0, rows[39]!.position, rows[39]!.position + 20)
    writeFile(disk, path('log'), bytes)
    expect(await Segment.open(storeOn(disk), 0, settings).largestTimestamp()).toBe(1390)
  })

  test('by time check the records they answer from', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising)
    segment.close()
    const bytes = disk.readFile(path('log')).slice()
    bytes[rows[20]!.position + 70]! ^= 1
    writeFile(disk, path('log'), bytes)
    const reopened = Segment.open(storeOn(disk), 0, settings)
    await expect(reopened.findByTimestamp(1200, 0)).rejects.toMatchObject({ code: 'LOG_CORRUPT', position: rows[20]!.position, offset: 60 })
    expect(await reopened.findByTimestamp(1201, 0)).toMatchObject({ offset: 63 })
  })

  test('rebuild an index that is far too thin', async () => {
    const disk = newDisk()
    const segment = Segment.create(storeOn(disk), 0, { ...settings, indexIntervalBytes: 4096 })
    for (let i = 0; i < 300; i++) appendTo(segment, batchAt(i, 1, i, 8000))
    segment.close()
    writeFile(disk, path('index'), new Uint8Array(0))
    const faults = new FaultFileSystem(disk)
    const reopened = Segment.open(storeOn(faults), 0, { ...settings, indexIntervalBytes: 4096 })
    await reopened.locate(290)
    const before = faults.calls('read')
    expect((await reopened.locate(250))?.baseOffset).toBe(250)
    expect(faults.calls('read') - before).toBe(1)
    reopened.close()
    expect(disk.stat(path('index'))!.size).toBeGreaterThan(1000)
  })

  test('take appends in that come while the indexes are rebuilt', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising)
    const rebuilding = segment.rebuildIndexes()
    const more = batchAt(120, 3, 5000, 400)
    appendTo(segment, more, batchAt(123, 3, 6000, 400))
    await rebuilding
    appendTo(segment, batchAt(126, 3, 7000, 400))
    expect((await segment.locate(124))?.baseOffset).toBe(123)
    expect(await segment.findByTimestamp(6500, 0)).toMatchObject({ offset: 126 })
    expect((await segment.locate(rows[7]!.last))?.position).toBe(rows[7]!.position)
    segment.close()
    const straight = newDisk()
    const plain = filled(straight, rising).segment
    appendTo(plain, more, batchAt(123, 3, 6000, 400), batchAt(126, 3, 7000, 400))
    plain.close()
    for (const kind of ['index', 'timeindex'] as const) expect(toHex(disk.readFile(path(kind)))).toBe(toHex(straight.readFile(path(kind))))
  })

  test('keep what is not written yet when they are asked to unload', () => {
    const disk = newDisk()
    const { segment } = filled(disk, rising)
    segment.unload()
    segment.close()
    const straight = newDisk()
    filled(straight, rising).segment.close()
    expect(toHex(disk.readFile(path('index')))).toBe(toHex(straight.readFile(path('index'))))
  })

  test('fall back to the modification time where no record has a time', async () => {
    const disk = newDisk()
    const segment = Segment.create(storeOn(disk), 0, settings)
    appendTo(segment, batchAt(0, 2, -1))
    segment.close()
    disk.setModifiedTime(path('log'), 123_456)
    expect(await Segment.open(storeOn(disk), 0, settings).largestTimestamp()).toBe(123_456)
    expect(await segment.findMaxTimestamp()).toBeNull()
    expect(await segment.findByTimestamp(0, 0)).toBeNull()
  })

  test('find aborted transactions', () => {
    const { segment } = filled(newDisk(), rising)
    const entry: TransactionIndexEntry = { producerId: 1, firstOffset: 10, lastOffset: 20, lastStableOffset: 21 }
    segment.commitAborted(entry)
    const found: TransactionIndexEntry[] = []
    expect(segment.abortedTransactions(0, 15, found)).toBe(true)
    expect(segment.abortedTransactions(0, 40, found)).toBe(false)
    expect(segment.abortedTransactions(21, 40, found)).toBe(false)
    expect(found).toEqual([entry, entry])
  })
})

describe('truncation', () => {
  test('leaves a segment as if the rest had never been appended, at every offset', async () => {
    for (let offset = 0; offset <= 30; offset++) {
      const disk = newDisk()
      const { segment, rows } = filled(disk, rising.slice(0, 9).concat([5, 6]))
      segment.commitAborted({ producerId: 1, firstOffset: 1, lastOffset: 8, lastStableOffset: 9 })
      segment.commitAborted({ producerId: 1, firstOffset: 9, lastOffset: 20, lastStableOffset: 21 })
      if (offset % 2 === 0) await segment.flush()
      await segment.truncateTo(offset)
      const kept = rows.filter((r) => r.last < offset)
      expect(segment.nextOffset).toBe(kept.length === 0 ? 0 : kept[kept.length - 1]!.last + 1)
      expect(disk.stat(path('log'))!.size).toBe(segment.size)
      const found: TransactionIndexEntry[] = []
      segment.abortedTransactions(0, 1000, found)
      expect(found.map((e) => e.lastOffset)).toEqual([8, 20].filter((o) => o < offset))
      segment.close()
      const straight = newDisk()
      const plain = Segment.create(storeOn(straight), 0, settings)
      appendTo(plain, ...batchesAt(rising.slice(0, 9).concat([5, 6])).bytes.slice(0, kept.length))
      plain.close()
      for (const kind of ['log', 'index',
        'timeindex'] as const) expect(`${offset} ${kind} ${toHex(disk.readFile(path(kind)))}`).toBe(`${offset} ${kind} ${toHex(straight.readFile(path(kind)))}`)
    }
  })

  test('to nothing starts the roll time anew', async () => {
    const { segment } = filled(newDisk(), [777, 888])
    await segment.truncateTo(0)
    expect(segment.rollTimestamp).toBe(-1)
    appendTo(segment, batchAt(0, 1, 999))
    expect(segment.rollTimestamp).toBe(999)
  })

  test('beyond the end changes nothing', async () => {
    const { segment } = filled(newDisk(), rising)
    const size = segment.size
    await segment.truncateTo(120)
    expect([segment.size, segment.nextOffset]).toEqual([size, 120])
  })
})

describe('the files of a segment', () => {
  test('of the same base are removed before a new one is made', () => {
    const disk = newDisk()
    for (const kind of ['log', 'index', 'timeindex', 'txnindex'] as const) writeFile(disk, path(kind), new Uint8Array(50))
    const segment = Segment.create(storeOn(disk), 0, settings)
    expect(files(disk)).toEqual([segmentFileName(0, 'log')])
    expect([segment.size, segment.nextOffset]).toEqual([0, 0])
    segment.close()
    expect(files(disk)).toEqual(['index', 'log', 'timeindex'].map((kind) => segmentFileName(0, kind as 'log')))
  })

  test('are renamed, still read, and unlinked once the last reader has gone', async () => {
    const disk = newDisk()
    const { segment, rows } = filled(disk, rising)
    segment.commitAborted({ producerId: 1, firstOffset: 3, lastOffset: 9, lastStableOffset: 10 })
    segment.close()
    segment.retain()
    segment.markDeleted()
    expect(files(disk)).toEqual(['index', 'log', 'timeindex', 'txnindex'].map((kind) => `${segmentFileName(0, kind as 'log')}.deleted`))
    let removed = false
    const removing = segment.removeFiles().then(() => { removed = true })
    expect((await segment.locate(rows[30]!.base))?.position).toBe(rows[30]!.position)
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    expect(removed).toBe(false)
    expect(files(disk)).toHaveLength(4)
    segment.release()
    await removing
    expect(files(disk)).toEqual([])
  })

  test('of a read-only directory are never touched', async () => {
    const disk = newDisk()
    filled(disk, rising).segment.close()
    disk.unlink(path('index'))
    writeFile(disk, path('timeindex'), new Uint8Array(1000))
    const before = disk.stateHash()
    const segment = Segment.open(storeOn(disk, '/log', { readOnly: true }), 0, settings)
    await segment.recover({ producers: null, epochs: null })
    expect((await segment.locate(60))?.baseOffset).toBe(60)
    expect(await segment.largestTimestamp()).toBe(1390)
    segment.close()
    expect(disk.stateHash()).toBe(before)
    expect(() => segment.writeSync(new Uint8Array(1), 0, 1)).toThrow(expect.objectContaining({ code: 'READ_ONLY' }))
  })
})
