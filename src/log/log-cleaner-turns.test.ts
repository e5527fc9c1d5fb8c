/** The cleaner leaves the event loop to others also inside a batch, which may hold a hundred thousand records. */
import { expect, test } from 'vitest'
import { openTestLog } from '../../test/support/test-log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'

test('a batch of many records is read, judged and written anew in pieces', async () => {
  const clock = new ManualClock()
  const scheduler = new ManualScheduler(clock)
  let turns = 0
  // Whoever looks at the time finds that his is over.
  let looks = 0
  const ports = {
    clock: { now: () => clock.now(), monotonic: () => 2 * ++looks },
    scheduler: {
      after: scheduler.after.bind(scheduler), every: scheduler.every.bind(scheduler),
      soon: (task: () => void) => {
        turns++
        scheduler.soon(task)
      },
    },
    random: new SeededRandom(7), logger: new RecordingLogger(),
  }
  const t = await openTestLog({ clock, scheduler, config: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0, 'segment.bytes': 300_000 }, manager: { ports } })
  await t.append(Array.from({ length: 6400 }, (_, i) => ({ key: `k${i % 5000}`, value: 'x'.repeat(20) })))
  await t.append([{ key: 'k0', value: 'y'.repeat(100_000) }])
  turns = 0
  await t.drive(t.manager.compact())
  expect(ports.logger.messages('info')).toContain('compaction cleaned a log')
  expect(turns).toBeGreaterThanOrEqual(3 * 100)
})
