/** The public entry of the package. Every export is written by hand; a test holds the list. */
export { connect, type ConnectOptions, type RemoteKafka } from './connect.ts'
export { open, type OpenOptions } from './open.ts'
export type { OttlaEvents } from './database.ts'
export type { MetricsSnapshot, Ottla } from './ottla.ts'
export { errorTable, OttlaError, type ErrorCode, type ErrorContext, type ErrorRow } from './common/errors.ts'
export type { AclBinding, AclFilter, AclOperation, AclPatternType, AclPermission, AclResourceType } from './common/acl.ts'
export type { QuotaChanges, QuotaEntity, QuotaEntry, QuotaKey, Quotas } from './common/quota.ts'
export { silentLogger, stderrLogger, type Logger } from './common/logger.ts'
export { serializers } from './client/serializers.ts'
export type {
  AclInput, Admin, AssignmentListener, Bytes, ClusterDescription, ConfigEntry, ConfigSource, ConfigTarget, Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings,
  CreateTopicOptions, Deserializer, GroupDescription, GroupListing, GroupMemberDescription, Header, HeadersInput, Kafka, LogDirDescription,
  PartitionDescription, PartitionOffset, Partitioner, PartitionerContext, Producer, ProducerRecord, ProducerSettings, RecordCursor, RecordMetadata,
  SeekTarget, Serde, Serializer, SerializerContext, SerializerName, TopicDescription, TopicPartition, TopicPartitionLag, TopicPartitionOffset,
} from './client/types.ts'
export type { AclOptions, ListenOptions, Listener, TlsSettings } from './server/wire-listener.ts'
export type { UserDescription, UserOptions, Users } from './users.ts'
export type { AdminSettings, BrokerSettings, ClientSettings, TopicSettings } from './config/settings.ts'
export type { CheckOptions, CheckOptions as VerifyOptions, CheckProgress, Finding, FindingSeverity } from './log/log-check.ts'
export type { PartitionLog } from './log/partition-log.ts'
export type { AppendOptions, AppendOrigin, AppendResult, ReadIsolation, ReadOptions, ReadResult, RecoveryProgress } from './log/log-types.ts'
export type { DroppedBytes, RecoveryNote, RecoveryReport } from './log/recovery-report.ts'
