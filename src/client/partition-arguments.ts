/** Checks lists of partitions and offsets as users give them. Raises INVALID_ARGUMENT, INVALID_TOPIC_EXCEPTION. */
import { shown } from '../common/call-options.ts'
import { OttlaError, type ErrorContext } from '../common/errors.ts'
import { checkTopicName, type TopicPartition, type TopicPartitionOffset } from '../common/topic-partition.ts'

function invalid(message: string, context?: ErrorContext): OttlaError { return new OttlaError('INVALID_ARGUMENT', message, context) }

export function checkPartition(call: string, given: unknown): asserts given is TopicPartition {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw invalid(`${call}: a partition is { topic, partition }, not ${given === null ? 'null' : Array.isArray(given) ? 'an array' : typeof given}`)
  }
  const { topic, partition } = given as { topic: unknown; partition: unknown }
  checkTopicName(topic)
  if (Number.isInteger(partition) && (partition as number) >= 0) return
  throw invalid(`${call}: the partition of topic ${topic} is ${shown(partition)}: give a whole number from 0`, { topic })
}

export function checkPartitions(call: string, given: readonly TopicPartition[]): void {
  if (!Array.isArray(given)) throw invalid(`${call} takes an array of { topic, partition }`)
  for (const each of given) checkPartition(call, each)
}

export function checkOffset(call: string, { topic, partition }: TopicPartition, offset: unknown): asserts offset is number {
  if (Number.isSafeInteger(offset) && (offset as number) >= 0) return
  throw invalid(`${call}: the offset for ${topic}-${partition} is ${shown(offset)}: give a whole number from 0`, { topic, partition })
}

export function checkOffsets(call: string, given: readonly TopicPartitionOffset[]): void {
  if (!Array.isArray(given)) throw invalid(`${call} takes an array of { topic, partition, offset }`)
  for (const each of given as readonly TopicPartitionOffset[]) {
    checkPartition(call, each)
    checkOffset(call, each, each.offset)
    const { leaderEpoch } = each
    if (leaderEpoch !== undefined && !(Number.isInteger(leaderEpoch) && leaderEpoch >= -1 && leaderEpoch <= 0x7fffffff)) {
      throw invalid(`${call}: leaderEpoch is ${shown(leaderEpoch)}: give the epoch of the record, or leave it out`, { topic: each.topic, partition: each.partition })
    }
    if (each.metadata !== undefined && typeof each.metadata !== 'string') {
      throw invalid(`${call}: metadata is ${typeof each.metadata}: give text`, { topic: each.topic, partition: each.partition })
    }
  }
}
