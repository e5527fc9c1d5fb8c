/** What a round works on ends where a segment begins, never in its midst. */
import { expect, test } from 'vitest'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { groupSegments } from './compaction-plan.ts'

const config = { 'cleanup.policy': 'compact,delete', 'segment.bytes': 500, 'min.cleanable.dirty.ratio': 0 } as const
const last = 29

/** One key over and over, some segments long. */
async function fill(log: TestLog): Promise<void> {
  while (log.log.logEndOffset <= last) await log.append([{ key: 'k', value: `v${log.log.logEndOffset}` }])
}

/** An offset inside a segment that is sealed. */
const inside = (log: TestLog): number => log.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))[2]! + 2

const cleaned = (log: TestLog): number => log.logger.messages('info').filter((message) => message === 'compaction cleaned a log').length

test('deleted records reach into a segment that an open transaction covers: the segment is left alone', async () => {
  const log = await openTestLog({ config })
  await log.append([{ key: 'k', value: 'open' }], { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  await fill(log)
  const start = inside(log)
  await log.drive(log.log.deleteRecordsBefore(start))
  await log.drive(log.manager.compact())
  expect(cleaned(log)).toBe(0)
  expect((await log.readAll()).map((record) => record.offset)).toEqual(Array.from({ length: last - start + 1 }, (_, i) => start + i))
})

test('deleted records reach into a segment that is too young: the segment is left alone', async () => {
  const log = await openTestLog({ config: { ...config, 'min.compaction.lag.ms': 60_000 } })
  await fill(log)
  const start = inside(log)
  await log.drive(log.log.deleteRecordsBefore(start))
  await log.drive(log.manager.compact())
  expect(cleaned(log)).toBe(0)
  expect(await log.values()).toHaveLength(last - start + 1)

  log.clock.advance(60_001)
  await log.drive(log.manager.compact())
  expect(cleaned(log)).toBe(1)
})

test('a record that waits for longer than max.compaction.lag.ms is compacted however little is dirty; one without a time does not wait', async () => {
  const cleanedWhen = async (timestamp: number, waitMs: number): Promise<number> => {
    const log = await openTestLog({ config: { ...config, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 1, 'max.compaction.lag.ms': 60_000, 'segment.ms': Number.MAX_SAFE_INTEGER } })
    for (let i = 0; i < 20; i++) await log.append([{ key: 'k', value: `v${i} ${'x'.repeat(50)}`, ...(timestamp < 0 ? { timestamp } : {}) }])
    log.clock.advance(waitMs)
    await log.drive(log.manager.compact())
    return cleaned(log)
  }
  expect([await cleanedWhen(0, 59_000), await cleanedWhen(0, 61_000), await cleanedWhen(-1, 61_000)]).toEqual([0, 1, 0])
})

test('segments are grouped by the sizes of their indexes, which are not read for it', async () => {
  const small = { 'cleanup.policy': 'compact', 'segment.bytes': 1000, 'index.interval.bytes': 1, 'segment.index.bytes': 100 } as const
  const t = await openTestLog({ config: small })
  for (let i = 0; i < 40; i++) await t.append([{ key: 'k', value: `v${i}` }])
  await t.reopen()
  const { state } = t.log.insides()
  const sealed = state.segments.segments.slice(0, -1)
  const { disk } = t
  const read = disk.readFile.bind(disk)
  disk.readFile = (path) => { throw new Error(`${path} is read`) }
  const groups = groupSegments(sealed, t.log.logEndOffset, { segmentBytes: 1_000_000, segmentIndexBytes: 250 })
  disk.readFile = read
  const bytes = (kind: string, base: number): number => disk.stat(`${t.directory}/${String(base).padStart(20, '0')}.${kind}`)!.size
  for (const group of groups) {
    for (const kind of ['index', 'timeindex']) expect(group.reduce((sum, { baseOffset }) => sum + bytes(kind, baseOffset), 0)).toBeLessThanOrEqual(250)
  }
  expect(groups.flat()).toEqual(sealed)
  expect([groups.length > 1, groups.length < sealed.length]).toEqual([true, true])
})
