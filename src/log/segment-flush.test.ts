import { expect, test } from 'vitest'
import { appendTo, batchAt, defaultSegmentSettings, newDisk, storeOn, toHex } from '../../test/support/segment-harness.ts'
import { segmentFileKinds, segmentFileName } from './segment-names.ts'
import { Segment } from './segment.ts'

test.each([true, false])('a segment that was sealed and flushed is durable with all its files (in one go: %s)', async (sync) => {
  const disk = newDisk()
  disk.syncDirectorySync('/')
  const segment = Segment.create(storeOn(disk), 0, { ...defaultSegmentSettings, indexIntervalBytes: 300 })
  appendTo(segment, ...Array.from({ length: 40 }, (_, i) => batchAt(3 * i, 3, 1000 + i)))
  segment.commitAborted({ producerId: 1, firstOffset: 0, lastOffset: 5, lastStableOffset: 6 })
  segment.seal()
  if (sync) segment.flushSync()
  else await segment.flush()
  const left = disk.survivors('lose-all')
  const names = segmentFileKinds.map((kind) => segmentFileName(0, kind))
  expect(left.readDirectory('/log').map(({ name }) => name)).toEqual([...names].sort())
  for (const name of names) {
    expect(toHex(left.readFile(`/log/${name}`)), name).toBe(toHex(disk.readFile(`/log/${name}`)))
    expect(left.stat(`/log/${name}`)!.size, name).toBeGreaterThan(0)
  }
})

test('a transaction index that truncation took away is not looked for by the next flush', async () => {
  const disk = newDisk()
  const segment = Segment.create(storeOn(disk), 0, { ...defaultSegmentSettings, indexIntervalBytes: 300 })
  appendTo(segment, ...Array.from({ length: 10 }, (_, i) => batchAt(3 * i, 3, 1000 + i)))
  segment.commitAborted({ producerId: 1, firstOffset: 9, lastOffset: 14, lastStableOffset: 15 })
  segment.writeAborted()
  await segment.truncateTo(9)
  segment.flushSync()
  expect(disk.stat(`/log/${segmentFileName(0, 'txnindex')}`)).toBeNull()
  expect(segment.nextOffset).toBe(9)
})
