/** What a log takes from the settings of its topic, in every way in which they can be written. */
import { expect, test } from 'vitest'
import { brokerTable } from '../config/broker-settings.ts'
import { producerTable } from '../config/producer-settings.ts'
import { topicTable } from '../config/topic-settings.ts'
import { compress, loadCodec } from '../record/compression.ts'
import { defaultLogTopicValues, logConfigOf, type LogConfig, type LogTopicValues } from './log-config.ts'

const of = (values: Partial<LogTopicValues>): LogConfig => logConfigOf({ ...defaultLogTopicValues, ...values })

test.each([
  ['delete', true, false], ['compact', false, true], ['compact,delete', true, true], ['delete, compact', true, true], [['compact'], false, true],
  [['delete', 'compact'], true, true], [['delete'], true, false],
] as const)('a cleanup policy of %j deletes: %s, compacts: %s', (policy, isDeleted, isCompacted) => {
  expect(of({ 'cleanup.policy': policy })).toMatchObject({ isDeleted, isCompacted })
})

test.each([
  ['producer', null, undefined], ['uncompressed', 'none', undefined], ['gzip', 'gzip', 3], ['snappy', 'snappy', undefined], ['lz4', 'lz4', 11], ['zstd', 'zstd', 7],
] as const)('a compression type of %s is %s, at level %s', (type, compression, compressionLevel) => {
  const levels = { 'compression.gzip.level': 3, 'compression.lz4.level': 11, 'compression.zstd.level': 7 }
  expect(of({ 'compression.type': type, ...levels })).toMatchObject({ compression, compressionLevel })
})

test.each(['gzip', 'lz4', 'zstd'] as const)('the levels of %s make batches of unlike sizes, or the setting says that it has no effect', async (type) => {
  await loadCodec(type)
  const bytes = Buffer.from(Array.from({ length: 2000 }, (_, i) => `user-${(i * 7919) % 1009},${(i * 31) % 97};`).join(''))
  const sizes = new Set([1, 9].map((level) => compress(type, bytes, level).length))
  for (const table of [topicTable, brokerTable, producerTable]) expect(table[`compression.${type}.level`]!.inert === undefined).toBe(sizes.size > 1)
})

test('timestamps are the producer\'s or the log\'s', () => {
  expect(of({ 'message.timestamp.type': 'LogAppendTime' }).timestampType).toBe('LogAppendTime')
  expect(of({}).timestampType).toBe('CreateTime')
})

test.each([
  ['delete', 100, 50, 100], ['compact', 100, 50, 50], ['compact', 100, 200, 100], ['compact,delete', 100, 50, 50],
] as const)('a segment of a topic with cleanup policy %s, segment.ms %i and max.compaction.lag.ms %i is rolled after %i', (policy, segmentMs, lag, expected) => {
  expect(of({ 'cleanup.policy': policy, 'segment.ms': segmentMs, 'max.compaction.lag.ms': lag }).maxSegmentMs).toBe(expected)
})
