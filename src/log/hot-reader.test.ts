import { describe, expect, test } from 'vitest'
import { buildBatch } from '../record/record-batch-builder.ts'
import { readBatch } from '../record/record-cursor.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { FileCache } from '../io/file-cache.ts'
import { readHot } from './hot-reader.ts'
import { readSegments, type SegmentRead } from './log-reader.ts'
import { SegmentList } from './segment-list.ts'
import { Segment, type SegmentStore } from './segment.ts'

const settings = { indexIntervalBytes: 4096, segmentIndexBytes: 10_485_760, segmentBytes: 1 << 30, maxSegmentMs: 604_800_000 }

function storeOn(disk: SimulatedFileSystem): SegmentStore {
  return { fileSystem: disk, fileCache: new FileCache(disk, 4), clock: new ManualClock(), directory: '/log', readOnly: false }
}

/** A segment of batches of these sizes (bytes of one value each, two records a batch). */
function segmentOf(disk: SimulatedFileSystem, baseOffset: number, sizes: readonly number[]): Segment {
  const segment = Segment.create(storeOn(disk), baseOffset, settings)
  let next = baseOffset
  for (const size of sizes) {
    const bytes = buildBatch([{ timestamp: 1000, value: Buffer.alloc(size, next & 255) }, { timestamp: 1000, value: 'second' }], { baseOffset: next })
    segment.writeSync(bytes, 0, bytes.length)
    segment.commitBatch(bytes.length, next + 1, 1000)
    next += 2
  }
  return segment
}

function diskWithFolder(): SimulatedFileSystem {
  const disk = new SimulatedFileSystem()
  disk.makeDirectory('/log')
  return disk
}

const asked = (offset: number, rest: Partial<SegmentRead> = {}): SegmentRead => (
  { offset, maxBytes: 16_384, limitOffset: Number.MAX_SAFE_INTEGER, minOne: true, checkCrc: true, ...rest })

describe('a hot read', () => {
  test('gives what the long way gives, for every offset, over batches of all sizes', async () => {
    const disk = diskWithFolder()
    const list = new SegmentList([
      segmentOf(disk, 0, [100, 20_000, 60, 60, 16_000, 16_000, 70_000, 10, 5000, 5000]), segmentOf(disk, 20, [16_200, 16_200, 16_200, 30, 40]),
    ])
    for (let offset = 0; offset < 30; offset++) {
      for (const maxBytes of [1, 1000, 16_384, 65_536]) {
        const hot = readHot(list, asked(offset, { maxBytes }))
        const long = await readSegments(list, asked(offset, { maxBytes }))
        expect(hot, `offset ${offset}`).not.toBeNull()
        const first = readBatch(hot!.records)
        expect(first.records.some((record) => record.offset === offset)).toBe(true)
        // The short way may end earlier, for it reads less; what it gives is the beginning of the same.
        expect(Buffer.compare(hot!.records, long.records.subarray(0, hot!.records.length))).toBe(0)
        expect(hot!.records.length).toBeGreaterThan(0)
        expect(hot!.nextOffset).toBeLessThanOrEqual(long.nextOffset)
      }
    }
  })

  test('stops at the limit and at maxBytes, and gives a first batch that is too large only where it must', () => {
    const list = new SegmentList([segmentOf(diskWithFolder(), 0, [2000, 2000, 2000])])
    expect(readHot(list, asked(0, { limitOffset: 4 }))!.nextOffset).toBe(4)
    expect(readHot(list, asked(0, { maxBytes: 4500 }))!.nextOffset).toBe(4)
    expect(readHot(list, asked(2, { maxBytes: 100 }))!.nextOffset).toBe(4)
    expect(readHot(list, asked(2, { maxBytes: 100, minOne: false }))).toBeNull()
    expect(readHot(list, asked(2, { limitOffset: 3 }))).toBeNull()
  })

  test('leaves every damage to the long way, and gives what stands before it', () => {
    const disk = diskWithFolder()
    const segment = segmentOf(disk, 0, [6000, 6000, 6000])
    const list = new SegmentList([segment])
    const size = segment.size / 3
    const flip = (position: number): void => {
      const file = disk.open(segment.logPath, 'write')
      const byte = Buffer.alloc(1)
      file.readSync(byte, 0, 1, position)
      byte[0]! ^= 1
      file.writeSync(byte, 0, 1, position)
      file.close()
    }
    flip(size + 100)
    expect(readHot(list, asked(0))!.nextOffset).toBe(2)
    expect(readHot(list, asked(2))).toBeNull()
    expect(readHot(list, asked(2, { checkCrc: false }))!.nextOffset).toBe(4)
    for (const position of [size + 8, size + 16, size]) {
      flip(position)
      expect(readHot(list, asked(2)), `byte ${position - size}`).toBeNull()
      flip(position)
    }
  })

  test('believes no batch that has no size, another format, or offsets that go back, though nobody asks for its checksum', () => {
    const found = (offset: number, change: (batches: Buffer[]) => void): number | null => {
      const disk = diskWithFolder()
      const segment = segmentOf(disk, 0, [500, 500, 500])
      const size = segment.size / 3
      const bytes = Buffer.from(disk.readFile(segment.logPath))
      change([0, 1, 2].map((n) => bytes.subarray(n * size, (n + 1) * size)))
      const file = disk.open(segment.logPath, 'write')
      file.writeSync(bytes, 0, bytes.length, 0)
      file.close()
      const read = readHot(new SegmentList([segment]), asked(offset, { checkCrc: false }))
      return read === null ? null : read.nextOffset
    }
    expect(found(2, () => {})).toBe(6)
    for (const magic of [0, 1, 3]) expect(found(2, ([, second]) => { second![16] = magic }), `magic ${magic}`).toBeNull()
    for (const length of [0, 48, -1]) expect(found(2, ([, second]) => { second!.writeInt32BE(length, 8) }), `length ${length}`).toBeNull()
    for (const base of [0, 1]) expect(found(4, ([, second]) => { second!.writeBigInt64BE(BigInt(base), 0) }), `base offset ${base}`).toBeNull()
    expect(found(4, ([, second]) => { second!.writeInt32BE(-1, 23) }), 'a last offset below the first').toBeNull()
    // What stands in front of such a batch is given, and nothing of it.
    expect(found(0, ([, second]) => { second![16] = 1 })).toBe(2)
    expect(found(0, ([, second]) => { second!.writeBigInt64BE(1n, 0) })).toBe(2)
    expect(found(0, ([, , third]) => { third!.writeInt32BE(-1, 23) })).toBe(4)
  })

  test('reads into the memory that the caller brings, and else into memory that later reads leave alone', () => {
    const list = new SegmentList([segmentOf(diskWithFolder(), 0, [100, 3000, 9000, 200])])
    const own = Buffer.alloc(65_536)
    expect(readHot(list, asked(2, { allocate: () => own }))!.records.buffer).toBe(own.buffer)
    const kept = Array.from({ length: 400 }, (_, i) => readHot(list, asked((i * 2) % 8, { maxBytes: 1 }))!.records)
    expect(kept.filter((records) => records.buffer === own.buffer)).toEqual([])
    kept.forEach((records, i) => { expect(readBatch(records).records[0]!.offset).toBe((i * 2) % 8) })
  })
})
