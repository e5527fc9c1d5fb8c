/**
 * Retention and clocks: incidents C7–C9 of spec/reliability 2.3, named after what must not happen here. C1–C6 and C10 concern compaction, which this version
 * does not run; what a cleaner of Kafka leaves behind is L6. C9 of Kafka speaks of the cleaner too; here it is retention, whose bound is the high watermark.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planRetention } from '../../src/log/retention.ts'
import { GroupHarness } from '../support/group-harness.ts'
import { openTestLog, type TestLog } from '../support/test-log.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const small = { 'segment.bytes': 150, 'file.delete.delay.ms': 0 } as const
const tick = (t: TestLog, ms: number): Promise<void> => t.drive(t.scheduler.advance(ms))

describe('C7 KIP-937: timestamps of the year 52,000 and of 1970', () => {
  test('must not block deletion for ever: a record from the future is refused where the topic bounds it', async () => {
    const t = await openTestLog()
    const nanoseconds = t.clock.now() * 1_000_000 / 1000
    await expect(t.append([{ value: 'x', timestamp: nanoseconds }])).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' })
    expect(await t.append([{ value: 'x', timestamp: t.clock.now() + HOUR }])).toMatchObject({ baseOffset: 0 })
  })

  test('must not delete at once either: a record from the past is refused where the topic bounds it', async () => {
    const t = await openTestLog({ config: { ...small, 'message.timestamp.before.max.ms': DAY } })
    await expect(t.append([{ value: 'old', timestamp: 0 }])).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' })
    await t.append(['young'])
    await tick(t, HOUR)
    expect(await t.values()).toEqual(['young'])
  })

  test('must not count at all under LogAppendTime: the broker\'s clock decides', async () => {
    const t = await openTestLog({ config: { ...small, 'message.timestamp.type': 'LogAppendTime', 'retention.ms': DAY } })
    for (const [i, timestamp] of [0, t.clock.now() * 1000, 1].entries()) await t.append([{ value: `v${i}`, timestamp }])
    await tick(t, HOUR)
    expect(await t.values()).toEqual(['v0', 'v1', 'v2'])
    await tick(t, 2 * DAY)
    expect(t.log.logStartOffset).toBe(3)
  })
})

describe('C8: the wall clock steps while the log is open', () => {
  const month = { ...small, 'retention.ms': 12 * HOUR, 'segment.ms': 2 * HOUR } as const

  test.each([['a day', DAY], ['ten years', 3650 * DAY]] as const)('%s ahead must not delete what is young; once the clock has held, it is believed', async (_name, step) => {
    const t = await openTestLog({ config: month })
    for (let i = 0; i < 4; i++) await t.append([`v${i}`])
    t.clock.setWall(t.clock.now() + step)
    await tick(t, HOUR / 2)
    expect(await t.values()).toEqual(['v0', 'v1', 'v2', 'v3'])
    await tick(t, HOUR)
    expect(t.log).toMatchObject({ logStartOffset: 4, logEndOffset: 4 })
  })

  test('ahead and back again must not delete anything', async () => {
    const t = await openTestLog({ config: month })
    await t.append(['v'])
    for (let i = 0; i < 5; i++) {
      t.clock.setWall(t.clock.now() + DAY)
      await tick(t, HOUR / 4)
      t.clock.setWall(t.clock.now() - DAY)
      await tick(t, HOUR / 4)
    }
    expect(await t.values()).toEqual(['v'])
  })

  test('a day back must not delete, nor keep a quiet topic from rolling once its time has passed', async () => {
    const t = await openTestLog({ config: { ...month, 'segment.bytes': 1_048_576, 'retention.ms': 30 * DAY } })
    await t.append(['v0'])
    t.clock.setWall(t.clock.now() - DAY)
    await t.append(['v1'])
    expect(t.log.segmentCount).toBe(1)
    for (let hour = 0; hour < 30; hour++) await tick(t, HOUR)
    expect(t.log.segmentCount).toBe(2)
    expect(await t.values()).toEqual(['v0', 'v1'])
    await t.append(['v2'])
    expect(await t.values()).toEqual(['v0', 'v1', 'v2'])
  })

  test('a day either way must not end a session: sessions go by the clock that cannot step', async () => {
    const h = await GroupHarness.create()
    const [member] = await h.stable('g')
    for (const step of [DAY, -DAY, -DAY, DAY]) {
      h.scheduler.clock.setWall(h.scheduler.clock.now() + step)
      await h.advance(4000)
      expect(await h.heartbeat('g', member!)).toBe(0)
    }
    await h.advance(10_000)
    expect(await h.heartbeat('g', member!)).not.toBe(0)
  })
})

describe('C9: retention at its bounds', () => {
  test('must not plan beyond the high watermark, whatever sizes and times say', () => {
    fc.assert(fc.property(
      fc.array(fc.record({ records: fc.integer({ min: 1, max: 5 }), size: fc.integer({ min: 0, max: 100 }), age: fc.integer({ min: -50, max: 50 }) }), { minLength: 1, maxLength: 8 }),
      fc.nat(40), fc.nat(40), fc.integer({ min: -1, max: 200 }), fc.integer({ min: -1, max: 30 }),
      (shape, watermark, start, retentionBytes, retentionMs) => {
        let base = 0
        const segments = shape.map(({ records, size, age }) => {
          const segment = { baseOffset: base, size, largestTimestamp: 1000 - age }
          base += records
          return segment
        })
        const highWatermark = Math.min(watermark, base)
        const plan = planRetention({
          segments, logStartOffset: Math.min(start, highWatermark), highWatermark, logEndOffset: base, now: 1000, config: { isDeleted: true, retentionBytes, retentionMs },
        })
        const end = segments[plan.count]?.baseOffset ?? base
        expect(end).toBeLessThanOrEqual(Math.max(highWatermark, segments[0]!.baseOffset))
        expect(plan.takesActive).toBe(plan.count === segments.length)
      },
    ), { seed: 20261121 })
  })

  test('must not take the segment that is being written without putting another in its place', async () => {
    const t = await openTestLog({ config: { ...small, 'retention.ms': HOUR } })
    for (let i = 0; i < 5; i++) await t.append([`v${i}`])
    await tick(t, 3 * HOUR)
    expect(t.log).toMatchObject({ logStartOffset: 5, logEndOffset: 5, highWatermark: 5 })
    expect(await t.append(['next'])).toMatchObject({ baseOffset: 5 })
    await t.reopen()
    expect(await t.values()).toEqual(['next'])
  })
})
