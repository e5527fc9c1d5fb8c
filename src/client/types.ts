/** The public surface of clients, in types. `docs/` and outside programs rely on these shapes; names and settings are Kafka's. */
import type { TopicPartition, TopicPartitionOffset } from '../common/topic-partition.ts'
import type { AdminSettings, ConsumerSettings as ConsumerSettingValues, ProducerSettings as ProducerSettingValues, TopicSettings } from '../config/settings.ts'

export type { TopicPartition, TopicPartitionOffset, TopicSettings, AdminSettings }

export type Bytes = Uint8Array
export interface Header { key: string; value: Uint8Array | null }
export type HeadersInput = readonly { key: string; value: string | Uint8Array | null }[] | Readonly<Record<string, string | Uint8Array | null>>

export interface ProducerRecord<K = Bytes, V = Bytes> {
  topic: string
  value: V | string | null
  key?: K | string | null
  headers?: HeadersInput
  partition?: number
  timestamp?: number | Date
}
/** `offset` is −1 when acks is 0. */
export interface RecordMetadata { topic: string; partition: number; offset: number; timestamp: number }

export interface ConsumerRecord<K = Bytes, V = Bytes> {
  readonly topic: string; readonly partition: number; readonly offset: number
  readonly timestamp: number; readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly key: K | null; readonly value: V | null; readonly headers: Header[]; readonly leaderEpoch: number
}

/** Walks one batch without allocation per record; views are valid until the next batch is asked for. */
export interface RecordCursor {
  /** False at the end. */
  next(): boolean
  readonly offset: number; readonly timestamp: number
  /** −1 = null. */
  readonly keyLength: number; readonly valueLength: number
  key(): Uint8Array | null; value(): Uint8Array | null; headers(): Header[]
}

export interface ConsumerBatch<K = Bytes, V = Bytes> extends Iterable<ConsumerRecord<K, V>> {
  readonly topic: string; readonly partition: number; readonly baseOffset: number; readonly lastOffset: number; readonly count: number; readonly highWatermark: number
  cursor(): RecordCursor
  /** Commits lastOffset + 1. */
  commit(): Promise<void>
}

export interface SerializerContext { topic: string; headers: Header[] }
export interface Serializer<T> { serialize(value: T, context: SerializerContext): Uint8Array }
export interface Deserializer<T> { deserialize(bytes: Uint8Array, context: SerializerContext): T }
export interface Serde<T> extends Serializer<T>, Deserializer<T> {}
export type SerializerName = 'string' | 'json' | 'msgpack' | 'bytes' | 'int32' | 'int64' | 'float64'

export interface PartitionerContext { readonly topic: string; readonly partitionCount: number; readonly keyBytes: Uint8Array | null; readonly valueBytes: Uint8Array | null }
/** Returns a partition in [0, partitionCount). */
export type Partitioner<K = Bytes, V = Bytes> = (record: ProducerRecord<K, V>, context: PartitionerContext) => number

export interface ProducerSettings<K = Bytes, V = Bytes> extends ProducerSettingValues {
  'key.serializer'?: Serializer<K> | SerializerName
  'value.serializer'?: Serializer<V> | SerializerName
  /** Default: explicit partition, else murmur2 of the key, else sticky. */
  partitioner?: Partitioner<K, V> | 'default' | 'round-robin'
}
export interface ConsumerSettings<K = Bytes, V = Bytes> extends ConsumerSettingValues {
  'key.deserializer'?: Deserializer<K> | SerializerName
  'value.deserializer'?: Deserializer<V> | SerializerName
}

export interface Producer<K = Bytes, V = Bytes> extends AsyncDisposable {
  /** Resolves when the promise of `acks` holds. */
  send(record: ProducerRecord<K, V>, options?: { signal?: AbortSignal }): Promise<RecordMetadata>
  /** One promise for many; order is kept per partition. Rejects with the first failure once all are settled. */
  sendBatch(records: readonly ProducerRecord<K, V>[]): Promise<RecordMetadata[]>
  /**
   * Fire and forget. False, as a stream's `write`: the record is taken, but the buffer is full, so wait for `drained()` before the next one (who does
   * not is held to `max.block.ms` per record). Failures go to the 'error' event.
   */
  post(record: ProducerRecord<K, V>): boolean
  drained(): Promise<void>
  /** Resolves when everything sent so far is settled. */
  flush(): Promise<void>
  on(event: 'error', listener: (error: Error, record: { topic: string; partition: number }) => void): this
  off(event: 'error', listener: (error: Error, record: { topic: string; partition: number }) => void): this
  close(): Promise<void>
}

export interface TopicPartitionLag extends TopicPartition { readonly committed: number; readonly position: number; readonly highWatermark: number; readonly lag: number; /** Age of the oldest unread record, ms; 0 when there is none. */ readonly ageMs: number }
export type SeekTarget = TopicPartition & ({ offset: number | 'earliest' | 'latest' } | { timestamp: number | Date })
export type AssignmentListener = (partitions: TopicPartition[]) => void | Promise<void>

export interface Consumer<K = Bytes, V = Bytes> extends AsyncIterable<ConsumerRecord<K, V>>, AsyncDisposable {
  subscribe(topics: string | RegExp | readonly (string | RegExp)[]): void
  assign(partitions: readonly { topic: string; partition: number; offset?: number }[]): void
  batches(options?: { signal?: AbortSignal }): AsyncIterable<ConsumerBatch<K, V>>
  poll(options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<ConsumerBatch<K, V>[]>
  commit(offsets?: readonly TopicPartitionOffset[]): Promise<void>
  committed(partitions?: readonly TopicPartition[]): Promise<TopicPartitionOffset[]>
  position(tp: TopicPartition): number | undefined
  lag(): Promise<TopicPartitionLag[]>
  seek(target: SeekTarget): Promise<void>
  pause(partitions?: readonly TopicPartition[]): void
  resume(partitions?: readonly TopicPartition[]): void
  assignment(): TopicPartition[]
  on(event: 'assigned' | 'revoked' | 'lost', listener: AssignmentListener): this
  off(event: 'assigned' | 'revoked' | 'lost', listener: AssignmentListener): this
  close(): Promise<void>
}

export interface PartitionDescription { partition: number; leader: number; replicas: number[]; isr: number[]; leaderEpoch: number }
export interface TopicDescription { name: string; topicId: string; internal: boolean; partitions: PartitionDescription[] }
export interface ConfigEntry { name: string; value: string | null; default: string | null; source: 'topic' | 'broker' | 'default'; readOnly: boolean; sensitive: boolean; documentation: string }
export type ConfigTarget = { topic: string } | { broker: number }
export interface PartitionOffset { partition: number; offset: number; timestamp: number }
export interface GroupListing { groupId: string; state: string; protocolType: string; type: string }
export interface GroupMemberDescription { memberId: string; groupInstanceId: string | null; clientId: string; clientHost: string; assignment: TopicPartition[] }
export interface GroupDescription { groupId: string; state: string; protocolType: string; protocol: string; members: GroupMemberDescription[] }
export interface LogDirDescription { path: string; error: string | null; totalBytes: number; usableBytes: number; partitions: { topic: string; partition: number; size: number; offsetLag: number }[] }
export interface ClusterDescription { clusterId: string; controller: number; brokers: { id: number; host: string; port: number }[] }

export interface CreateTopicOptions { partitions?: number; replicationFactor?: number; config?: TopicSettings; assignment?: number[][]; ifNotExists?: boolean; validateOnly?: boolean }

export interface Admin {
  createTopic(name: string, options?: CreateTopicOptions): Promise<TopicDescription>
  deleteTopic(name: string): Promise<void>
  listTopics(options?: { internal?: boolean }): Promise<string[]>
  describeTopic(name: string): Promise<TopicDescription>
  createPartitions(name: string, total: number): Promise<void>
  describeConfigs(resource: ConfigTarget): Promise<ConfigEntry[]>
  /** Incremental; null = back to the default. */
  alterConfigs(resource: ConfigTarget, changes: Readonly<Record<string, string | number | boolean | null>>): Promise<void>
  listOffsets(topic: string, at: 'earliest' | 'latest' | 'maxTimestamp' | number | Date): Promise<PartitionOffset[]>
  deleteRecords(topic: string, before: readonly { partition: number; offset: number }[]): Promise<{ partition: number; lowWatermark: number }[]>
  listGroups(): Promise<GroupListing[]>
  describeGroup(id: string): Promise<GroupDescription>
  deleteGroup(id: string): Promise<void>
  listGroupOffsets(id: string): Promise<TopicPartitionOffset[]>
  alterGroupOffsets(id: string, offsets: readonly TopicPartitionOffset[]): Promise<void>
  deleteGroupOffsets(id: string, partitions: readonly TopicPartition[]): Promise<void>
  describeLogDirs(): Promise<LogDirDescription[]>
  describeCluster(): Promise<ClusterDescription>
}

/** What embedded and remote both give: code moves over by one line. */
export interface Kafka extends AsyncDisposable {
  readonly admin: Admin
  producer<K = Bytes, V = Bytes>(settings?: ProducerSettings<K, V>): Producer<K, V>
  consumer<K = Bytes, V = Bytes>(settings?: ConsumerSettings<K, V>): Consumer<K, V>
  /** Flushes, leaves groups, releases the directory. */
  close(options?: { timeoutMs?: number }): Promise<void>
}
