/** Which logs are compacted, in which order, and what has to be loaded for it. */
import { expect, test } from 'vitest'
import { loadFixture } from '../../test/support/fixture-files.ts'
import { compact, compacting, put } from '../../test/support/compaction-kit.ts'
import { drive, openTestLog, testConfig, text, TOPIC_ID } from '../../test/support/test-log.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { LogManager } from './log-manager.ts'

test('the log of which most is dirty comes first, and topics that are not compacted never', async () => {
  const t = await openTestLog({ config: compacting })
  const cleaned = (): unknown[] => t.logger.entries.filter(({ message }) => /cleaned a log/.test(message)).map(({ fields }) => fields?.['log'])
  const [u, v] = await Promise.all(['u', 'v'].map((topic) => t.drive(t.manager.create(topic, 0, TOPIC_ID, testConfig(topic === 'u' ? compacting : { 'segment.bytes': 400 })))))
  const fill = async (log: typeof t.log, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await t.drive(log.append(Buffer.from(buildBatch([put(`k${i}`, 'x'.repeat(60))])), { origin: 'client', durable: true }))
    await t.drive(log.flush())
  }
  for (const log of [t.log, u!, v!]) await fill(log, 20)
  await t.drive(t.manager.compact())
  await fill(t.log, 8)
  await fill(u!, 40)
  await t.drive(t.manager.compact())
  expect(cleaned()).toEqual(['t-0', 'u-0', 'u-0', 't-0'])
  expect(v!.size).toBeGreaterThan(20 * 60)
})

test('the codec of what Kafka wrote is loaded before it is needed', async () => {
  const clock = new ManualClock()
  const scheduler = new ManualScheduler(clock)
  const logger = new RecordingLogger()
  const disk = new SimulatedFileSystem({ clock, recordOperations: false })
  loadFixture(disk, '02-codecs', '/data')
  const manager = await drive(scheduler, LogManager.open({
    directory: '/data', fileSystem: disk, ports: { clock, scheduler, random: new SeededRandom(1), logger }, settings: { 'log.cleaner.enable': false },
    topicConfig: () => testConfig({ ...compacting, 'segment.ms': 1 }),
  }))
  for (const log of manager.logs()) await drive(scheduler, log.maybeRollByTime(Number.MAX_SAFE_INTEGER).then(() => log.flush()))
  await drive(scheduler, manager.compact())
  expect(logger.messages('warn')).toEqual([])
  expect(logger.entries.flatMap(({ message, fields }) => (/cleaned a log/.test(message) ? [String(fields?.['log'])] : []))).toContainEqual(expect.stringContaining('zstd'))
  await drive(scheduler, manager.close())
})

test('a batch that is larger than what is read at a time is cleaned like others', async () => {
  const cleaner = { 'log.cleaner.backoff.ms': 1, 'log.cleaner.dedupe.buffer.size': 10_000, 'log.cleaner.io.buffer.load.factor': 0.9, 'log.cleaner.io.buffer.size': 1 }
  const t = await openTestLog({ config: { ...compacting, 'segment.bytes': 200_000 }, manager: { settings: { 'log.cleaner.enable': false }, cleaner } })
  await t.append(['a', 'b', 'a', 'c'].map((key) => put(key, key.repeat(40_000))))
  await t.append([put('b', 'later')])
  await t.append([put('d', 'd'.repeat(60_000))])
  await t.append([put('active', 'x')])
  await compact(t)
  expect((await t.readAll()).map(({ offset, key, value }) => [offset, text(key), text(value).length])).toEqual([[2, 'a', 40_000], [3, 'c', 40_000], [4, 'b', 5], [5, 'd', 60_000], [6, 'active', 1]])
})

test('a round knows as many keys as log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.load.factor leave room for', async () => {
  for (const [loadFactor, cleanedTo] of [[0.9, 30], [0.01, 4]] as const) {
    const cleaner = { 'log.cleaner.backoff.ms': 1, 'log.cleaner.dedupe.buffer.size': 10_000, 'log.cleaner.io.buffer.load.factor': loadFactor, 'log.cleaner.io.buffer.size': 1 }
    const t = await openTestLog({ config: { ...compacting, 'segment.bytes': 100 }, manager: { settings: { 'log.cleaner.enable': false }, cleaner } })
    for (let i = 0; i < 30; i++) await t.append([put(`k${i}`, 'x')])
    await t.append([put('active', 'x')])
    await compact(t)
    expect(t.logger.entries.filter(({ message }) => /cleaned a log/.test(message)).map(({ fields }) => fields?.['to'])).toEqual([cleanedTo])
  }
})

test('what stays is written log.cleaner.io.buffer.size at a time', async () => {
  const longest: number[] = []
  for (const bytes of [100_000, 200_000]) {
    const cleaner = { 'log.cleaner.backoff.ms': 1, 'log.cleaner.dedupe.buffer.size': 10_000, 'log.cleaner.io.buffer.load.factor': 0.9, 'log.cleaner.io.buffer.size': bytes }
    const t = await openTestLog({ config: { ...compacting, 'segment.bytes': 1_000_000 }, manager: { settings: { 'log.cleaner.enable': false }, cleaner } })
    for (let i = 0; i < 40; i++) await t.append([put(`k${i}`, 'x'.repeat(10_000))])
    await t.drive(t.log.maybeRollByTime(Number.MAX_SAFE_INTEGER))
    const before = t.disk.operations.length
    await compact(t)
    longest.push(Math.max(...t.disk.operations.slice(before).map((each) => (each.kind === 'write' ? each.data.length : 0))))
  }
  expect(longest.map((bytes) => Math.round(bytes / 10_000))).toEqual([9, 19])
})
