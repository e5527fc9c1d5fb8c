import { expect, test } from 'vitest'
import { openTestLog } from '../../test/support/test-log.ts'
import { silentLogger } from '../common/logger.ts'
import type { Scheduler } from '../common/scheduler.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SeededRandom } from '../testing/seeded-random.ts'

/** What has no delay runs in a microtask, so that a test can count the turns between two things; nothing else ever runs. */
const quick: Scheduler = {
  after: (delayMs, task) => {
    if (delayMs === 0) queueMicrotask(task)
    return { cancel: () => {} }
  },
  every: () => ({ cancel: () => {} }),
  soon: (task) => queueMicrotask(task),
}

const value = (name: string): string => name.padEnd(400, '.')

async function turns(count: number): Promise<void> { for (let i = 0; i < count; i++) await Promise.resolve() }

/** Every append rolls; each segment is synced in the background while the next appends come. */
test.each(Array.from({ length: 30 }, (_, hops) => [hops]))('a durable append waits for segments that were sealed before it, also %i turns after another sync began', async (hops) => {
  const ports = { clock: new ManualClock(), scheduler: quick, random: new SeededRandom(7), logger: silentLogger }
  const log = await openTestLog({ config: { 'segment.bytes': 500 }, manager: { ports } })
  const append = (name: string, durable: boolean): Promise<unknown> => (
    log.log.append(Buffer.from(buildBatch([{ timestamp: 1, value: value(name) }])), { origin: 'client', durable }))
  await append('one', false)
  void append('two', false)
  await turns(hops)
  await append('three', true)
  const promised = await log.crash(log.disk.survivors('lose-all'))
  expect(await promised.values()).toEqual(['one', 'two', 'three'].map(value))
})
