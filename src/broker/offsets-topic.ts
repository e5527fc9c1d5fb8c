/** `__consumer_offsets`: made when the first group needs it, with Kafka's settings for it. */
import { OttlaError } from '../common/errors.ts'
import type { BrokerValues } from '../config/values.ts'
import type { BrokerLog, BrokerLogs } from './broker-context.ts'
import type { TopicRegistry } from '../metadata/topic-registry.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'
const LEAST_SEGMENT_BYTES = 1_048_576

function offsetsTopicConfigs(broker: BrokerValues): Record<string, string> {
  const bytes = broker['offsets.topic.segment.bytes']
  const name = bytes < LEAST_SEGMENT_BYTES ? 'internal.segment.bytes' : 'segment.bytes'
  return { 'cleanup.policy': 'compact', 'compression.type': 'producer', [name]: String(Math.max(14, bytes)) }
}

/**
 * The topic's logs by partition; empty while there is no such topic. Undefined where the folder is missing (a directory opened read only):
 * the number of partitions decides which of them a group belongs to, so none may be left out.
 */
export function offsetsLogs(topics: TopicRegistry, logs: BrokerLogs): (BrokerLog | undefined)[] {
  return Array.from({ length: topics.partitionCount(OFFSETS_TOPIC) ?? 0 }, (_, partition) => logs.get(OFFSETS_TOPIC, partition))
}

/** Makes the topic unless it is there. */
export async function createOffsetsTopic(topics: TopicRegistry, logs: BrokerLogs, broker: BrokerValues, partitions: number): Promise<(BrokerLog | undefined)[]> {
  try {
    if (topics.get(OFFSETS_TOPIC) === undefined) await topics.create(OFFSETS_TOPIC, partitions, offsetsTopicConfigs(broker))
  } catch (error) {
    if (!OttlaError.is(error, 'TOPIC_ALREADY_EXISTS')) throw error
  }
  return offsetsLogs(topics, logs)
}
