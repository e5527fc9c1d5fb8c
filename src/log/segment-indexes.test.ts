import { expect, test } from 'vitest'
import { appendTo, batchAt, defaultSegmentSettings, newDisk, storeOn } from '../../test/support/segment-harness.ts'
import { FaultFileSystem } from '../testing/index.ts'
import { Segment } from './segment.ts'

test.each([
  ['datasync', /\.index$/], ['datasync', /\.timeindex$/], ['datasync', /\.txnindex$/], ['syncDirectory', /log$/],
] as const)('a flush that fails at %s of %s says so, and the next one syncs every index again, and the folder', async (call, path) => {
  const disk = newDisk()
  const faults = new FaultFileSystem(disk)
  const segment = Segment.create(storeOn(faults), 0, { ...defaultSegmentSettings, indexIntervalBytes: 1 })
  appendTo(segment, batchAt(0, 1, 1000), batchAt(1, 1, 1010))
  await segment.flush()
  segment.commitAborted({ producerId: 1, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 })
  appendTo(segment, batchAt(2, 1, 1020))
  await segment.datasync()
  faults.inject({ call, error: 'EIO', path })
  await expect(segment.flush()).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
  const before = disk.operations.length
  await segment.flush()
  expect(disk.operations.slice(before).map((each) => `${each.kind} ${each.path.split('.').pop()}`)).toEqual([
    'datasync index', 'datasync timeindex', 'datasync txnindex', 'syncDirectory /log',
  ])
  await segment.flush()
  expect(disk.operations).toHaveLength(before + 4)
})
