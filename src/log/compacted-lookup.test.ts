/** The latest record, and the end, of what compaction leaves: batches without records that still tell a time, segments without batches. */
import { describe, expect, test } from 'vitest'
import { committed, compact, compacting, put } from '../../test/support/compaction-kit.ts'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'

const START = 1_704_067_200_000

/** A record a segment, at offsets and seconds 0, 1, …, the one at `late` an hour ahead; those of key `old` go, and of `emptied` their last batch is kept. */
async function scene(keys: readonly string[], late: number, emptied: number = -1): Promise<TestLog> {
  const t = await openTestLog({ config: { ...compacting, 'segment.bytes': 150, 'message.timestamp.after.max.ms': 1e12 } })
  for (const [i, key] of [...keys, 'end'].entries()) {
    const fields = i === emptied ? { producerId: 5, producerEpoch: 0, baseSequence: 0 } : {}
    await t.append([{ ...put(key, 'x'.repeat(60)), timestamp: START + (i === late ? 3_600_000 : i * 1000) }], fields)
  }
  await compact(t)
  return t
}

describe('the latest record', () => {
  test('is not looked for in a batch whose records are gone', async () => {
    const t = await scene(['a', 'old', 'old', 'b'], 1, 1)
    expect(await t.drive(t.log.maxTimestampOffset())).toMatchObject({ offset: 4, timestamp: START + 4000 })
  })

  test('is found beside such a batch, in its segment', async () => {
    const t = await openTestLog({ config: { ...compacting, 'segment.bytes': 300, 'message.timestamp.after.max.ms': 1e12 } })
    await t.append([{ ...put('old', 'x'.repeat(60)), timestamp: START + 9000 }], { producerId: 5, producerEpoch: 0, baseSequence: 0 })
    await t.append([{ ...put('a', 'x'.repeat(60)), timestamp: START + 7000 }])
    for (let i = 0; i < 2; i++) await t.append([{ ...put('old', 'x'.repeat(60)), timestamp: START + i }])
    await t.append([{ ...put('end', 'x'.repeat(120)), timestamp: START + 1 }])
    await compact(t)
    expect((await committed(t)).map(({ offset }) => offset)).toEqual([1, 3, 4])
    expect(await t.drive(t.log.maxTimestampOffset())).toMatchObject({ offset: 1, timestamp: START + 7000 })
  })
})

describe('a truncation', () => {
  test.each([['where a segment lost its end', 6], ['to where a segment has no records', 2], ['to the last of them', 7]])('%s leaves a log that goes on there', async (_, offset) => {
    const t = await scene(['a', 'old', 'old', 'b', 'c', 'old', 'old'], -1)
    const rows = (await committed(t)).filter((row) => row.offset < offset)
    await t.drive(t.log.truncateTo(offset))
    expect(t.log).toMatchObject({ logEndOffset: offset, isOffline: false })
    expect(await t.append([put('new', 'value')])).toMatchObject({ baseOffset: offset })
    const left = [...rows, { offset, key: 'new', value: 'value' }]
    expect(await committed(t)).toEqual(left)
    await t.reopen()
    expect(t.manager.recoveryReports).toEqual([])
    expect(await committed(t)).toEqual(left)
  })
})
