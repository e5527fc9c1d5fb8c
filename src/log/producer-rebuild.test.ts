import { expect, test } from 'vitest'
import { appendTo, batchAt, defaultSegmentSettings, newDisk, storeOn } from '../../test/support/segment-harness.ts'
import { FaultFileSystem, RecordingLogger } from '../testing/index.ts'
import { ProducerStateManager } from './producer-state-manager.ts'
import { rebuildProducerState } from './producer-rebuild.ts'
import { Segment } from './segment.ts'

const NOW = 1_700_000_000_000

test.each([1, 2, 3])('a snapshot for which there was no room is told of, although the state is whole and the ones after it were written (the one that failed: %i)', async (nth) => {
  const disk = newDisk()
  const faults = new FaultFileSystem(disk)
  const segments = [0, 2, 4].map((base) => {
    const segment = Segment.create(storeOn(disk), base, defaultSegmentSettings)
    appendTo(segment, batchAt(base, 2, NOW, 5, { producerId: 7, producerEpoch: 0, baseSequence: base }))
    return segment
  })
  const producers = new ProducerStateManager({
    fileSystem: faults, directory: '/log', expirationMs: 86_400_000, snapshotOffsets: [], readOnly: false, logger: new RecordingLogger(),
  })
  faults.inject({ call: 'write', path: /\.snapshot/, nth, error: 'ENOSPC' })
  await expect(rebuildProducerState({ producers, segments, logStartOffset: 0, endOffset: 6, nowMs: NOW })).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(faults.injected).toBe(1)
  expect([producers.endOffset, producers.producerCount]).toEqual([6, 1])
  expect(producers.snapshotOffsets).toEqual([2, 4, 6].filter((_offset, i) => i !== nth - 1))
})
