/** Stub of signatures; filled in at once. */
import type { Ports } from '../common/ports.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'

/** The part of PartitionLog that the coordinator uses. */
export interface OffsetsLog {
  readonly logStartOffset: number
  readonly highWatermark: number
  append(records: Uint8Array, options: { origin: 'coordinator'; durable: boolean }): Promise<{ readonly baseOffset: number }>
  read(offset: number, options: { maxBytes: number; isolation: 'highWatermark'; minOneMessage?: boolean }): Promise<{ readonly records: Uint8Array }>
}
export interface GroupSettings {
  readonly 'offsets.topic.num.partitions': number
  readonly 'offsets.retention.minutes': number
  readonly 'offsets.retention.check.interval.ms': number
  readonly 'offset.metadata.max.bytes': number
  readonly 'offsets.load.buffer.size': number
  readonly 'group.min.session.timeout.ms': number
  readonly 'group.max.session.timeout.ms': number
  readonly 'group.initial.rebalance.delay.ms': number
  readonly 'group.max.size': number
}
export interface GroupCoordinatorOptions {
  /** Logs of `__consumer_offsets` by partition as they are now; empty while the topic does not exist. */
  readonly offsetsLogs: () => readonly OffsetsLog[]
  /** Creates the topic with that many partitions (idempotent) and gives its logs. Called on the first write. */
  readonly createOffsetsTopic: (partitions: number) => Promise<readonly OffsetsLog[]>
  readonly settings: GroupSettings
  readonly ports: Ports
  /** Partitions of a topic, null when there is none. */
  readonly topicPartitions: (topic: string) => number | null
}
export type GroupApi = Pick<BrokerApi, 'joinGroup' | 'syncGroup' | 'heartbeat' | 'leaveGroup' | 'offsetCommit' | 'offsetFetch' | 'offsetDelete' | 'describeGroups' | 'listGroups' | 'deleteGroups'>
  & Required<Pick<BrokerApi, 'watchGroup'>>

export interface GroupCoordinator extends GroupApi {
  /** Writes tombstones for the offsets of a topic that was deleted. */
  topicDeleted(topic: string): Promise<void>
  /** Ends timers, answers parked requests with COORDINATOR_NOT_AVAILABLE, waits for appends under way. */
  close(): Promise<void>
}
