import { describe, expect, test } from 'vitest'
import { appendTo, batchAt, defaultSegmentSettings, newDisk, storeOn } from '../../test/support/segment-harness.ts'
import { Segment } from './segment.ts'
import { segmentFileName } from './segment-names.ts'

describe('offsets beyond 31 bits', () => {
  test('are held up to 2^31−1, and found without an entry beyond', async () => {
    const disk = newDisk()
    const segment = Segment.create(storeOn(disk), 7, { ...defaultSegmentSettings, indexIntervalBytes: 0 })
    appendTo(segment, batchAt(7, 1, 1), batchAt(7 + 2 ** 31 - 1, 1, 2), batchAt(7 + 2 ** 31, 1, 3), batchAt(7 + 2 ** 31 + 5, 1, 4))
    segment.close()
    expect(disk.stat(`/log/${segmentFileName(7, 'index')}`)!.size).toBe(8)
    const reopened = Segment.open(storeOn(disk), 7, defaultSegmentSettings)
    for (const offset of [7 + 2 ** 31 - 1, 7 + 2 ** 31, 7 + 2 ** 31 + 5]) expect((await reopened.locate(offset))?.baseOffset).toBe(offset)
    expect((await reopened.loadTail()).nextOffset).toBe(7 + 2 ** 31 + 6)
    expect(reopened.rollReason(1, 4, 7 + 2 ** 31 + 6)).toBe('offset-range')
  })
})
