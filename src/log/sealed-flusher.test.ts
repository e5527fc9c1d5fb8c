import { expect, test } from 'vitest'
import { openTestLog, TOPIC_ID } from '../../test/support/test-log.ts'
import { silentLogger } from '../common/logger.ts'
import type { Scheduler } from '../common/scheduler.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

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

test('a topic is deleted once nothing of its segments is written any more', async () => {
  const held: (() => void)[] = []
  let isHolding = false
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock, defer: (complete) => { if (isHolding) held.push(complete); else queueMicrotask(complete) } })
  const log = await openTestLog({ disk, clock, config: { 'segment.bytes': 500 } })
  await log.append([value('one')], {}, { durable: false })
  isHolding = true
  await log.append([value('two')], {}, { durable: false })
  expect([held.length, log.log.segmentCount]).toEqual([1, 2])
  let isOver = false
  const { manager, log: { config } } = log
  const renewed = manager.delete('t').then(() => manager.create('t', 0, TOPIC_ID, config)).then(() => { isOver = true })
  while (!isOver) {
    await log.scheduler.runUntilIdle()
    // What was asked for first is answered last.
    held.pop()?.()
  }
  await renewed
  isHolding = false
  for (const complete of held) complete()
  await log.scheduler.runUntilIdle()
  const renamed = disk.operations.findIndex((each) => each.kind === 'rename' && each.path === '/data/t-0')
  expect(disk.operations.slice(renamed).filter((each) => 'path' in each && each.path.startsWith('/data/t-0/'))).toEqual([])
  expect([log.logger.entries, log.log.logEndOffset]).toEqual([[], 0])
})
