import { describe, expect, test } from 'vitest'
import { openTestLog } from '../../test/support/test-log.ts'

describe('PartitionLog', () => {
  test('gives offsets in order of append and the records back', async () => {
    const t = await openTestLog()
    expect(await t.append(['a', 'b'])).toMatchObject({ baseOffset: 0, lastOffset: 1, duplicate: false, logAppendTimeMs: -1 })
    expect(await t.append(['c'])).toMatchObject({ baseOffset: 2, lastOffset: 2 })
    expect(await t.values()).toEqual(['a', 'b', 'c'])
    expect(t.log).toMatchObject({ logStartOffset: 0, logEndOffset: 3, highWatermark: 3, lastStableOffset: 3, recoveryPoint: 3, segmentCount: 1 })
  })

  test('has the records after a clean reopen, without recovery', async () => {
    const t = await openTestLog()
    await t.append(['a', 'b'])
    await t.reopen()
    expect(t.manager.wasClean).toBe(true)
    expect(t.manager.recoveryReports).toEqual([])
    expect(await t.values()).toEqual(['a', 'b'])
    expect(await t.append(['c'])).toMatchObject({ baseOffset: 2 })
  })

  test('has durable records after a power cut that takes everything it may', async () => {
    const t = await openTestLog()
    await t.append(['a', 'b'])
    const after = await t.crash(t.disk.survivors('lose-all'))
    expect(after.manager.wasClean).toBe(false)
    expect(await after.values()).toEqual(['a', 'b'])
  })
})
