/** The public surface of clients, in types. `docs/` and outside programs rely on these shapes; names and settings are Kafka's. */
import type { AclBinding, AclFilter } from '../common/acl.ts'
import type { OttlaError } from '../common/errors.ts'
import type { QuotaChanges, QuotaEntity, QuotaEntry } from '../common/quota.ts'
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

/**
 * Decoded field by field on first access. Valid for ever: a record that is kept keeps in memory the bytes it was fetched with
 * (`max.partition.fetch.bytes`), so copy what is to be kept for long.
 */
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
  readonly topic: string; readonly partition: number
  readonly baseOffset: number; readonly lastOffset: number; readonly count: number
  /** When it was fetched. */
  readonly highWatermark: number
  /** The fast way through: no object per record. The batch is gone once the next one is asked for; without a cursor its records can be kept for ever. */
  cursor(): RecordCursor
  /** Commits lastOffset + 1. */
  commit(): Promise<void>
}

export interface SerializerContext { topic: string; headers: Header[] }
export interface Serializer<T> { serialize(value: T, context: SerializerContext): Uint8Array }
export interface Deserializer<T> { deserialize(bytes: Uint8Array, context: SerializerContext): T }
export interface Serde<T> extends Serializer<T>, Deserializer<T> {}
export type SerializerName = 'string' | 'json' | 'msgpack' | 'bytes' | 'int32' | 'int64' | 'float64'

export interface PartitionerContext {
  readonly topic: string; readonly partitionCount: number; readonly keyBytes: Uint8Array | null; readonly valueBytes: Uint8Array | null
}
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
  /**
   * Resolves when the promise of `acks` holds. Key, value and headers are copied before it returns. With the buffer full (`buffer.memory`)
   * or 16 k promises out it waits in line for up to `max.block.ms` (BUFFER_EXHAUSTED). A signal withdraws a record that is still in line;
   * one in a batch may be appended all the same. Rejects with INVALID_ARGUMENT, SERIALIZATION_ERROR, MESSAGE_TOO_LARGE, ABORTED,
   * REQUEST_TIMED_OUT (`delivery.timeout.ms`; it may have been appended), CLOSED, and what the broker says.
   */
  send(record: ProducerRecord<K, V>, options?: { signal?: AbortSignal }): Promise<RecordMetadata>
  /** One promise for many; order is kept per partition. A record that is wrong in itself sends none. Rejects with the first failure once all are settled. */
  sendBatch(records: readonly ProducerRecord<K, V>[]): Promise<RecordMetadata[]>
  /**
   * Fire and forget. False, as a stream's `write`: the record is taken, but the buffer is full, the event loop should have a turn, or it is asked for
   * the partitions of a topic that is new to the producer: wait for `drained()` before the next one (who does not is held to `max.block.ms` per record).
   * Failures go to the 'error' event, or the log when nobody listens.
   */
  post(record: ProducerRecord<K, V>): boolean
  /** Resolves when there is room again, a turn of the event loop later at the earliest where `post` said so, or when the producer is closed. */
  drained(): Promise<void>
  /** Resolves when everything sent so far is settled, well or badly. Does not wait for `linger.ms`. */
  flush(): Promise<void>
  on(event: 'error', listener: (error: OttlaError, record: { topic: string; partition: number }) => void): this
  off(event: 'error', listener: (error: OttlaError, record: { topic: string; partition: number }) => void): this
  /** Sends what is buffered, waits until it is settled, and ends; what is sent afterwards rejects with CLOSED. */
  close(): Promise<void>
}

export interface TopicPartitionLag extends TopicPartition {
  /** Last offset committed or found committed by this consumer, −1 none. */
  readonly committed: number
  readonly position: number
  /** Under read_committed the last stable offset. */
  readonly highWatermark: number
  /** highWatermark − position. */
  readonly lag: number
  /** Age of the oldest unread record, ms; 0 when there is none. */
  readonly ageMs: number
}
export type SeekTarget = TopicPartition & ({ offset: number | 'earliest' | 'latest' } | { timestamp: number | Date })
export type AssignmentListener = (partitions: TopicPartition[]) => void | Promise<void>

/**
 * One reader at a time: a `for await` over records, one over `batches()`, or `poll`. Asking for more says that what was handed out before
 * is processed; so does leaving a loop, by `break` or, as JavaScript does not tell the two apart, by an error of its body: a failed record that
 * is to come again must be seeked back to, or read with `batches()` and committed by hand. What a dying process had in hand comes again.
 *
 * Auto commit commits processed records only: every `auto.commit.interval.ms`, before partitions are revoked, and on close.
 */
export interface Consumer<K = Bytes, V = Bytes> extends AsyncIterable<ConsumerRecord<K, V>>, AsyncDisposable {
  /** Needs `group.id`. Replaces the subscription. Patterns match as RegExp.test does and follow topics as they come and go. */
  subscribe(topics: string | RegExp | readonly (string | RegExp)[]): void
  /** Replaces the assignment; no group needed. Without an offset reading begins where the group committed, else by `auto.offset.reset`. */
  assign(partitions: readonly { topic: string; partition: number; offset?: number }[]): void
  /** Of at most `max.poll.records` records. The loop ends when the consumer is closed, and with ABORTED when the signal fires. */
  batches(options?: { signal?: AbortSignal }): AsyncIterable<ConsumerBatch<K, V>>
  /** At most `max.poll.records` records, from as many partitions as have some; none when the time is up. Default: one second. */
  poll(options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<ConsumerBatch<K, V>[]>
  /** Default: all that was handed out, what is in hand included. Rejects with ILLEGAL_GENERATION and the like when the group has moved on. */
  commit(offsets?: readonly TopicPartitionOffset[]): Promise<void>
  /** Default: of all assigned partitions. Those without a committed offset are left out. */
  committed(partitions?: readonly TopicPartition[]): Promise<TopicPartitionOffset[]>
  /** Offset of the next record to be handed out; undefined while it is not known. */
  position(tp: TopicPartition): number | undefined
  /** Of assigned partitions. */
  lag(): Promise<TopicPartitionLag[]>
  /** Of an assigned partition; takes effect with the next record. A time finds the first record of that time or later, or the end. */
  seek(target: SeekTarget): Promise<void>
  /** Default: all assigned now. */
  pause(partitions?: readonly TopicPartition[]): void
  resume(partitions?: readonly TopicPartition[]): void
  assignment(): TopicPartition[]
  /** Listeners are waited for. 'revoked' comes while commits still count, also on close; after 'lost' they do not. */
  on(event: 'assigned' | 'revoked' | 'lost', listener: AssignmentListener): this
  off(event: 'assigned' | 'revoked' | 'lost', listener: AssignmentListener): this
  /** Ends loops that wait, commits what is finished (with auto commit; what `poll` gave counts as finished), leaves the group. */
  close(): Promise<void>
}

export interface PartitionDescription { partition: number; leader: number; replicas: number[]; isr: number[]; leaderEpoch: number }
export interface TopicDescription { name: string; topicId: string; internal: boolean; partitions: PartitionDescription[] }
/** Whose value it is; `static` that of the broker's start, `logger` a level. */
export type ConfigSource = 'topic' | 'broker' | 'allBrokers' | 'static' | 'default' | 'group' | 'clientMetrics' | 'logger'
export interface ConfigEntry {
  name: string; value: string | null; default: string | null; source: ConfigSource
  readOnly: boolean; sensitive: boolean; documentation: string
  /** What holds it, first the one in force: settings of the broker have names of their own. */
  synonyms: { name: string; value: string | null; source: ConfigSource }[]
}
/** `{ broker: null }`: what holds for all brokers that have no value of their own. The loggers are those of a broker that runs. */
export type ConfigTarget = { topic: string } | { broker: number | null } | { brokerLogger: number } | { group: string } | { clientMetrics: string }
export interface PartitionOffset { partition: number; offset: number; timestamp: number }
export interface GroupListing { groupId: string; state: string; protocolType: string; type: string }
export interface GroupMemberDescription { memberId: string; groupInstanceId: string | null; clientId: string; clientHost: string; assignment: TopicPartition[] }
export interface GroupDescription {
  groupId: string; state: string; protocolType: string; protocol: string; members: GroupMemberDescription[]
  /** Of a cluster: the broker that coordinates the group. */
  coordinator?: { id: number; host: string; port: number }
}
export interface LogDirDescription {
  /** Of a cluster: whose directory it is. */
  broker?: number
  path: string; error: string | null; totalBytes: number; usableBytes: number
  partitions: { topic: string; partition: number; size: number; offsetLag: number }[]
}
export interface ClusterDescription { clusterId: string; controller: number; brokers: { id: number; host: string; port: number }[] }

/** An ACL to be made: LITERAL, from every host and allowing unless it says otherwise. */
export type AclInput = Omit<AclBinding, 'patternType' | 'host' | 'permission'> & Partial<Pick<AclBinding, 'patternType' | 'host' | 'permission'>>

export interface CreateTopicOptions {
  /** Default: the broker's num.partitions. */
  partitions?: number
  replicationFactor?: number
  config?: TopicSettings
  /** By partition, the ids of its brokers; in place of the two numbers. */
  assignment?: number[][]
  /** A topic that is there already is no error; it is described as it is. */
  ifNotExists?: boolean
  validateOnly?: boolean
}

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
  /** Those that are there already stay. They bear on listeners with `acls`, at once; programs that opened the database may do everything. */
  createAcls(acls: readonly AclInput[]): Promise<void>
  /** Default: all of them. */
  listAcls(filter?: AclFilter): Promise<AclBinding[]>
  /** Those that are gone then. An empty filter deletes all. */
  deleteAcls(filter: AclFilter): Promise<AclBinding[]>
  /** Bytes a second that clients of listeners may produce and consume. */
  listQuotas(): Promise<QuotaEntry[]>
  /** Of a user, a client id, or both; with null in place of a name of everybody without one of their own. A null quota: back to none. Holds at once. */
  alterQuotas(entity: QuotaEntity, changes: QuotaChanges): Promise<void>
}

/** What the serializers of these names take, besides strings. */
export interface NamedValues { json: unknown; msgpack: unknown; int32: number; int64: number; float64: number }

/** What the deserializers of these names give. */
export interface NamedReads { string: string; json: unknown; msgpack: unknown; bytes: Bytes; int32: number; int64: number; float64: number }

/** What embedded and remote both give: code moves over by one line. */
export interface Kafka extends AsyncDisposable {
  readonly admin: Admin
  /** A serializer that is named says what values there may be; who wants it narrower says `producer<string, Truck>(…)`. */
  producer<N extends keyof NamedValues, K = Bytes>(settings: ProducerSettings<K, NamedValues[N]> & { 'value.serializer': N }): Producer<K, NamedValues[N]>
  producer<K = Bytes, V = Bytes>(settings?: ProducerSettings<K, V>): Producer<K, V>
  /** A deserializer that is named says what comes; who knows more of it says `consumer<string, Truck>(…)`. */
  consumer<N extends SerializerName, M extends SerializerName, K extends NamedReads[N] = NamedReads[N], V extends NamedReads[M] = NamedReads[M]>(
    settings: ConsumerSettings<K, V> & { 'key.deserializer': N; 'value.deserializer': M }): Consumer<K, V>
  consumer<N extends SerializerName, V extends NamedReads[N] = NamedReads[N], K = Bytes>(settings: ConsumerSettings<K, V> & { 'value.deserializer': N }): Consumer<K, V>
  consumer<N extends SerializerName, K extends NamedReads[N] = NamedReads[N], V = Bytes>(settings: ConsumerSettings<K, V> & { 'key.deserializer': N }): Consumer<K, V>
  consumer<K = Bytes, V = Bytes>(settings?: ConsumerSettings<K, V>): Consumer<K, V>
  /** Flushes, leaves groups, releases the directory. */
  close(options?: { timeoutMs?: number }): Promise<void>
}
