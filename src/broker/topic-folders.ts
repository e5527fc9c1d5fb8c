/** The partition folders of a log manager, as the topic registry sees them. */
import { OttlaError } from '../common/errors.ts'
import type { FoundPartition } from '../metadata/topic-adoption.ts'
import type { TopicFolders } from '../metadata/topic-registry.ts'
import type { TopicValues } from '../config/values.ts'
import type { LogConfig } from '../log/log-config.ts'
import { logConfigFor, type BrokerLogs } from './broker-context.ts'

export function topicFoldersOf(logs: BrokerLogs): TopicFolders {
  /** The partitions of a topic share it. */
  let last: { readonly values: TopicValues; readonly config: LogConfig } | null = null
  return {
    found: () => logs.logs().map((log): FoundPartition => {
      const { topic, partition, topicId, logEndOffset } = log
      return { topic, partition, topicId, hasRecords: logEndOffset > 0 }
    }),
    create: async (topic, partition, topicId, values) => {
      try {
        if (last?.values !== values) last = { values, config: logConfigFor(values) }
        await logs.create(topic, partition, topicId, last.config)
      } catch (error) {
        if (!OttlaError.is(error, 'TOPIC_ALREADY_EXISTS')) throw error
      }
    },
    delete: (topic) => logs.delete(topic),
  }
}
