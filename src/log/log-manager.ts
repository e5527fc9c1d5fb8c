/** All logs of one data directory. Signatures first; the body follows. */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { LogConfig } from './log-config.ts'
import type { LogEvents, RecoveryProgress } from './log-types.ts'
import type { PartitionLog } from './partition-log.ts'
import type { RecoveryReport } from './recovery-report.ts'

/** The broker values this layer reads; all optional here, Kafka's defaults where absent. */
export interface LogBrokerValues {
  readonly 'node.id'?: number
  readonly 'log.retention.check.interval.ms'?: number
  readonly 'log.initial.task.delay.ms'?: number
  readonly 'log.flush.scheduler.interval.ms'?: number
  readonly 'log.flush.offset.checkpoint.interval.ms'?: number
  readonly 'log.flush.start.offset.checkpoint.interval.ms'?: number
  readonly 'replica.high.watermark.checkpoint.interval.ms'?: number
  readonly 'log.segment.delete.delay.ms'?: number
  readonly 'producer.id.expiration.ms'?: number
  readonly 'producer.id.expiration.check.interval.ms'?: number
}

export interface LogManagerOptions {
  /** Exists or is created (never created when `readOnly`). The caller holds the directory lock. */
  readonly directory: string
  readonly fileSystem: FileSystem
  readonly ports: Ports
  readonly settings: LogBrokerValues
  /** Asked once per partition folder found at open. */
  readonly topicConfig: (topic: string) => LogConfig
  /** Changes no byte of the directory: what cannot be read is served up to the last whole batch. */
  readonly readOnly?: boolean
  readonly signal?: AbortSignal | undefined
  readonly onRecovery?: ((progress: RecoveryProgress) => void) | undefined
  readonly events?: LogEvents
}

/** From `meta.properties`: Kafka's when there, else fresh. */
export interface DirectoryIdentity { readonly clusterId: string; readonly nodeId: number; readonly directoryId: string }

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class LogManager {
  static open(_options: LogManagerOptions): Promise<LogManager> { return later() }
  get directory(): string { return later() }
  get identity(): DirectoryIdentity { return later() }
  /** True when the clean-shutdown marker was there. */
  get wasClean(): boolean { return later() }
  /** One per partition that recovery had something to say about. */
  get recoveryReports(): readonly RecoveryReport[] { return later() }
  /** Every open log, by topic then partition. */
  logs(): PartitionLog[] { return later() }
  get(_topic: string, _partition: number): PartitionLog | undefined { return later() }
  /** Creates the partition's folder, first segment and `partition.metadata`, durably. Raises TOPIC_ALREADY_EXISTS when it is there. */
  create(_topic: string, _partition: number, _topicId: string, _config: LogConfig): Promise<PartitionLog> { return later() }
  /** Closes and renames every partition of `topic` to `…-delete`, durably; the files go after log.segment.delete.delay.ms. */
  delete(_topic: string): Promise<void> { return later() }
  /** Applies a topic's new config to all its logs. */
  updateConfig(_topic: string, _config: LogConfig): void { later() }
  /** Writes the recovery-point, log-start-offset and replication-offset checkpoints. */
  checkpoint(): Promise<void> { return later() }
  /** Flushes and closes every log, writes the checkpoints, and last the clean-shutdown marker (only if nothing failed). */
  close(): Promise<void> { return later() }
  /** For `exit` handlers: writes and syncs what waits, in every log. No clean-shutdown marker. */
  flushSync(): void { later() }
}
