/**
 * What the handlers share: the logs, the registry of topics, settings, producer ids, groups. Handlers are functions of this and a request;
 * they keep nothing of their own. Built by the composition root.
 */
import type { OpenPort } from '../common/open-port.ts'
import type { Ports } from '../common/ports.ts'
import type { TopicValues } from '../config/values.ts'
import type { GroupApi } from '../coordinator/group-coordinator.ts'
import { logConfigOf, type LogConfig } from '../log/log-config.ts'
import type { LogManager } from '../log/log-manager.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { AclStore } from '../metadata/acl-store.ts'
import type { BrokerConfig } from '../metadata/broker-config.ts'
import type { ProducerIds } from '../metadata/producer-ids.ts'
import type { QuotaStore } from '../metadata/quota-store.ts'
import type { TopicInfo, TopicRegistry } from '../metadata/topic-registry.ts'
import type { BrokerMetrics } from './broker-metrics.ts'
import type { FetchWaiters } from './fetch-waiters.ts'

/** The part of a partition's log that handlers use. */
export type BrokerLog = Pick<PartitionLog,
  'topic' | 'partition' | 'topicId' | 'directory' | 'logStartOffset' | 'highWatermark' | 'lastStableOffset' | 'logEndOffset' | 'leaderEpoch' | 'size'
  | 'segmentCount' | 'isOffline' | 'append' | 'appendFor' | 'read' | 'earliest' | 'latest' | 'offsetForTimestamp' | 'maxTimestampOffset' | 'endOffsetForEpoch'
  | 'onAdvance' | 'deleteRecordsBefore' | 'activeProducers'>

/** The part of the log manager that handlers use. */
export interface BrokerLogs extends Pick<LogManager, 'directory' | 'delete' | 'updateConfigs'> {
  logs(): BrokerLog[]
  get(topic: string, partition: number): BrokerLog | undefined
  create(topic: string, partition: number, topicId: string, config: LogConfig): Promise<BrokerLog>
}

/** The group calls and what the broker tells the coordinator. */
export interface BrokerGroups extends GroupApi {
  topicDeleted(topic: string): Promise<void>
}

export interface BrokerContext {
  readonly logs: BrokerLogs
  readonly topics: TopicRegistry
  readonly config: BrokerConfig
  readonly acls: AclStore
  readonly quotas: QuotaStore
  readonly producerIds: ProducerIds
  readonly groups: BrokerGroups
  /** The waiting fetches of this broker. */
  readonly waiters: FetchWaiters
  /** Wakes the fetches that wait for a topic, of every broker over these logs. */
  readonly topicGone: (topic: string) => void
  readonly metrics: BrokerMetrics
  readonly ports: Ports
  readonly nodeId: number
  readonly clusterId: string
  readonly readOnly: boolean
  /** Where calls come from. Clients of this process die with the broker; what others were told must outlive it. */
  readonly callers: 'process' | 'network'
  /** Topics that were deleted by this broker and not asked for since, the latest thousand. */
  readonly deletedNames: Set<string>
  /** Where clients of other processes connect now. */
  readonly openPorts: ReadonlySet<OpenPort>
  /** Bytes of the file system that the data directory is on: free, and all; −1 when not known. */
  readonly space: () => { readonly free: number; readonly total: number }
}

/** Where clients of other processes would connect; an embedded broker listens nowhere. */
export const ADVERTISED_HOST = 'localhost'
export const ADVERTISED_PORT = 0

/** For `updateConfigs`. */
export function logConfigsOf(topics: Iterable<Pick<TopicInfo, 'name' | 'values'>>): ReadonlyMap<string, LogConfig> {
  return new Map(Array.from(topics, ({ name, values }) => [name, logConfigFor(values)]))
}

/** The log's view of a topic's values. `internal.segment.bytes` wins over `segment.bytes`, as in Kafka. */
export function logConfigFor(values: TopicValues): LogConfig {
  return logConfigOf({ ...values, 'segment.bytes': values['internal.segment.bytes'] ?? values['segment.bytes'] })
}
