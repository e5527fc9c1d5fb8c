/** What a round works on ends where a segment begins, never in its midst. */
import { expect, test } from 'vitest'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'

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
