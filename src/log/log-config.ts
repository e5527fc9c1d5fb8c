/**
 * The topic settings that concern a log, as the numbers the log works with. Made from resolved topic values (all present, all valid); immutable,
 * replaced as a whole by `PartitionLog.updateConfig`.
 */
import type { CompressionType } from '../record/compression.ts'

/** The resolved topic values this layer reads; `TopicValues` of config/ has them all. Lists may come as text or array. */
export interface LogTopicValues {
  readonly 'cleanup.policy': string | readonly string[]
  readonly 'compression.type': string
  readonly 'compression.gzip.level': number
  readonly 'compression.lz4.level': number
  readonly 'compression.zstd.level': number
  readonly 'delete.retention.ms': number
  readonly 'file.delete.delay.ms': number
  readonly 'flush.messages': number
  readonly 'flush.ms': number
  readonly 'index.interval.bytes': number
  readonly 'max.compaction.lag.ms': number
  readonly 'max.message.bytes': number
  readonly 'message.timestamp.after.max.ms': number
  readonly 'message.timestamp.before.max.ms': number
  readonly 'message.timestamp.type': string
  readonly 'min.cleanable.dirty.ratio': number
  readonly 'min.compaction.lag.ms': number
  readonly preallocate: boolean
  readonly 'retention.bytes': number
  readonly 'retention.ms': number
  readonly 'segment.bytes': number
  readonly 'segment.index.bytes': number
  readonly 'segment.jitter.ms': number
  readonly 'segment.ms': number
}

export interface LogConfig {
  readonly isCompacted: boolean
  readonly isDeleted: boolean
  /** Null: keep the producer's. */
  readonly compression: CompressionType | null
  /** Of `compression`; undefined: the codec's default. */
  readonly compressionLevel: number | undefined
  /** Of tombstones, after the cleaner first met them. */
  readonly deleteRetentionMs: number
  readonly fileDeleteDelayMs: number
  readonly flushMessages: number
  readonly flushMs: number
  readonly indexIntervalBytes: number
  readonly maxCompactionLagMs: number
  readonly maxMessageBytes: number
  readonly minCompactionLagMs: number
  readonly minDirtyRatio: number
  readonly timestampAfterMaxMs: number
  readonly timestampBeforeMaxMs: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** Small durable writes keep zeros ahead of themselves (zeros.ts). */
  readonly preallocate: boolean
  /** < 0: no limit. */
  readonly retentionBytes: number
  readonly retentionMs: number
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  readonly segmentJitterMs: number
  /** segment.ms, and max.compaction.lag.ms where that is shorter and the topic is compacted. */
  readonly maxSegmentMs: number
}

/** Kafka's defaults (spec/storage-format 12.1, with the later release's timestamp bound). */
export const defaultLogTopicValues: LogTopicValues = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'compression.gzip.level': -1,
  'compression.lz4.level': 9,
  'compression.zstd.level': 3,
  'delete.retention.ms': 86_400_000,
  'file.delete.delay.ms': 60_000,
  'flush.messages': Number.MAX_SAFE_INTEGER,
  'flush.ms': Number.MAX_SAFE_INTEGER,
  'index.interval.bytes': 4096,
  'max.compaction.lag.ms': Number.MAX_SAFE_INTEGER,
  'max.message.bytes': 1_048_588,
  'message.timestamp.after.max.ms': 3_600_000,
  'message.timestamp.before.max.ms': Number.MAX_SAFE_INTEGER,
  'message.timestamp.type': 'CreateTime',
  'min.cleanable.dirty.ratio': 0.5,
  'min.compaction.lag.ms': 0,
  preallocate: false,
  'retention.bytes': -1,
  'retention.ms': 604_800_000,
  'segment.bytes': 1_073_741_824,
  'segment.index.bytes': 10_485_760,
  'segment.jitter.ms': 0,
  'segment.ms': 604_800_000,
}

function levelOf(values: LogTopicValues, compression: CompressionType | null): number | undefined {
  if (compression === 'gzip') return values['compression.gzip.level']
  if (compression === 'lz4') return values['compression.lz4.level']
  if (compression === 'zstd') return values['compression.zstd.level']
  return undefined
}

/** The log's own view of resolved topic values; `overrides` are for tests. */
export function logConfigOf(values: LogTopicValues): LogConfig {
  const policy = values['cleanup.policy']
  const policies = typeof policy === 'string' ? policy.split(',').map((name) => name.trim()) : policy
  const isCompacted = policies.includes('compact')
  const type = values['compression.type']
  const compression = type === 'producer' ? null : type === 'uncompressed' ? 'none' : type as CompressionType
  return {
    isCompacted,
    isDeleted: policies.includes('delete'),
    compression,
    compressionLevel: levelOf(values, compression),
    deleteRetentionMs: values['delete.retention.ms'],
    fileDeleteDelayMs: values['file.delete.delay.ms'],
    flushMessages: values['flush.messages'],
    flushMs: values['flush.ms'],
    indexIntervalBytes: values['index.interval.bytes'],
    maxCompactionLagMs: values['max.compaction.lag.ms'],
    maxMessageBytes: values['max.message.bytes'],
    minCompactionLagMs: values['min.compaction.lag.ms'],
    minDirtyRatio: values['min.cleanable.dirty.ratio'],
    timestampAfterMaxMs: values['message.timestamp.after.max.ms'],
    timestampBeforeMaxMs: values['message.timestamp.before.max.ms'],
    timestampType: values['message.timestamp.type'] === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    preallocate: values.preallocate,
    retentionBytes: values['retention.bytes'],
    retentionMs: values['retention.ms'],
    segmentBytes: values['segment.bytes'],
    segmentIndexBytes: values['segment.index.bytes'],
    segmentJitterMs: values['segment.jitter.ms'],
    maxSegmentMs: isCompacted ? Math.min(values['segment.ms'], values['max.compaction.lag.ms']) : values['segment.ms'],
  }
}
