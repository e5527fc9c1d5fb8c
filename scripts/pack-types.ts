/**
 * A program of somebody else's, for the compiler alone: every name of `ottla` and `ottla/testing` is taken from the installed package and used as the
 * docs say, and what must not compile says so by `@ts-expect-error`. scripts/pack-smoke.mjs compiles it.
 */
import { connect, errorTable, open, OttlaError, serializers, silentLogger, stderrLogger } from 'ottla'
import type {
  AclBinding, AclFilter, AclInput, AclOperation, AclOptions, AclPatternType, AclPermission, AclResourceType, Admin, AdminSettings, AppendOptions, AppendOrigin,
  AppendResult, AssignmentListener, BrokerSettings, Bytes, CheckOptions, CheckProgress, ClientSettings, ClusterDescription, ConfigEntry, ConfigSource,
  ConfigTarget, ConnectOptions, Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings, CreateTopicOptions, Deserializer, DroppedBytes, ErrorCode,
  ErrorContext, ErrorRow, Finding, FindingSeverity, GroupDescription, GroupListing, GroupMemberDescription, Header, HeadersInput, Kafka, Listener,
  ListenOptions, LogDirDescription, Logger, MetricsSnapshot, OpenOptions, Ottla, OttlaEvents, PartitionDescription, Partitioner, PartitionerContext,
  PartitionLog, PartitionOffset, Producer, ProducerRecord, ProducerSettings, QuotaChanges, QuotaEntity, QuotaEntry, QuotaKey, Quotas, ReadIsolation,
  ReadOptions, ReadResult, RecordCursor, RecordMetadata, RecoveryNote, RecoveryProgress, RecoveryReport, RemoteKafka, SeekTarget, Serde, Serializer,
  SerializerContext, SerializerName, TlsSettings, TopicDescription, TopicPartition, TopicPartitionLag, TopicPartitionOffset, TopicSettings, UserDescription,
  UserOptions, Users, VerifyOptions,
} from 'ottla'
import * as testing from 'ottla/testing'
import type {
  ContractSubject, CrashMoment, CrashPolicy, CrashProfile, CrashSearch, CrashState, DelayOptions, DiskOperation, DropOptions, FailOptions, Fault, FaultApi,
  FaultCall, FaultOptions, FileSystemSuite, HeldSyncs, InjectedFault, LogConfig, LogEntry, LogLevel, LogManagerOptions, LogTopicValues, MetadataFile,
  PendingUnit, RepairOptions, RepairStep, RestoreOptions, SchedulerSubject, SchedulerSuite, SeenRequest, SimulatedFileSystemOptions, StartBrokerOptions,
  SystemCode, TestBroker,
} from 'ottla/testing'

interface Truck { id: string; lat: number }
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Takes nothing but values of exactly this type; `any` is not. */
function is<Expected>(): <Given>(_value: Given, ..._exact: Same<Given, Expected> extends true ? [] : ['of another type']) => void { return () => {} }
/** Wants an argument when one of them is `any`, as what cannot be resolved is. */
function known<T extends readonly unknown[]>(..._none: 1 extends { [I in keyof T]: 0 extends 1 & T[I] ? 1 : 0 }[number] ? ['any is among them'] : []): void {}

export async function opening(signal: AbortSignal): Promise<void> {
  const settings: BrokerSettings & OpenOptions = {
    'log.retention.hours': 24, 'auto.create.topics.enable': false, readOnly: false, inMemory: true, logger: silentLogger, signal,
    onRecovery: (progress) => is<RecoveryProgress>()(progress),
  }
  await using ottla = await open('./data', settings)
  is<Ottla>()(ottla)
  is<string>()(ottla.directory)
  is<boolean>()(ottla.readOnly)
  is<readonly RecoveryReport[]>()(ottla.recoveryReports)
  is<PartitionLog>()(ottla.log('trucks', 0))
  is<MetricsSnapshot>()(ottla.metrics())
  const verify: VerifyOptions = { topics: ['trucks'], deep: true, signal, onProgress: (progress: CheckProgress) => is<CheckProgress>()(progress) }
  for await (const finding of ottla.verify(verify)) is<FindingSeverity>()(finding.severity)
  const chained: Ottla = ottla.on('logOffline', ({ topic, partition }, error) => {
    is<string>()(topic)
    is<number>()(partition)
    is<OttlaError>()(error)
  }).on('recovered', (report) => is<RecoveryReport>()(report)).on('diskFull', () => {}).off('diskResumed', () => {})
  const listener = await chained.listen({ port: 0, host: '127.0.0.1', sasl: { mechanisms: ['SCRAM-SHA-512'] }, acls: { superUsers: ['User:admin'] } })
  is<Listener>()(listener)
  await ottla.users.set('admin', 'secret', { mechanisms: ['SCRAM-SHA-256'], iterations: 4096 })
  is<UserDescription[]>()(await ottla.users.list())
  await ottla.close({ timeoutMs: 1000 })

  // @ts-expect-error there is no such setting
  await open('./data', { retentionMs: 5 })
  // @ts-expect-error a number is no truth value
  await open('./data', { readOnly: 1 })
  // @ts-expect-error the directory is a path
  await open(5)
  // @ts-expect-error there is no such event
  ottla.on('logOnline', () => {})
  // @ts-expect-error an option that is undefined is one that is given
  await open('./data', { signal: undefined })
}

export async function connecting(): Promise<void> {
  const settings: ClientSettings & ConnectOptions = { ssl: { rejectUnauthorized: true }, 'client.id': 'me', 'sasl.mechanism': 'PLAIN', logger: stderrLogger }
  await using kafka = await connect(['kafka-1:9092', 'kafka-2:9092'], settings)
  is<RemoteKafka>()(kafka)
  const either: Kafka = Math.random() < 0.5 ? kafka : await open('./data')
  is<Admin>()(either.admin)
  await connect('kafka-1:9092')
  await connect({ 'bootstrap.servers': 'kafka-1:9092', ssl: true })
  // @ts-expect-error a cluster has no directory
  is<string>()(kafka.directory)
  // @ts-expect-error there is no such setting
  await connect('kafka-1:9092', { clientId: 'me' })
}

export async function producing(kafka: Kafka, signal: AbortSignal): Promise<void> {
  const settings: ProducerSettings<string, Truck> = {
    acks: 'all', 'batch.size': 65_536, 'linger.ms': 5, 'compression.type': 'zstd', 'enable.idempotence': true, 'key.serializer': serializers.string,
    'value.serializer': serializers.json<Truck>(), partitioner: (record, context) => (record.key === null ? 0 : context.partitionCount - 1),
  }
  await using producer = kafka.producer(settings)
  is<Producer<string, Truck>>()(producer)
  const record: ProducerRecord<string, Truck> = { topic: 'trucks', key: 'a', value: { id: 'a', lat: 50 }, headers: { h: 'x' }, partition: 0, timestamp: new Date() }
  is<RecordMetadata>()(await producer.send(record, { signal }))
  is<RecordMetadata[]>()(await producer.sendBatch([record, { topic: 'trucks', value: null, headers: [{ key: 'h', value: null }] }]))
  const isTaken: boolean = producer.post(record)
  if (!isTaken) await producer.drained()
  await producer.flush()
  producer.on('error', (error, { topic, partition }) => console.error(error.code, topic.length, partition.toFixed()))
  await producer.close()

  is<Producer>()(kafka.producer())
  is<Producer<Bytes, unknown>>()(kafka.producer({ 'value.serializer': 'json' }))
  is<Producer<string, number>>()(kafka.producer({ 'key.serializer': serializers.string, 'value.serializer': serializers.int64 }))
  // @ts-expect-error a truck has a latitude
  await producer.send({ topic: 'trucks', value: { id: 'a' } })
  // @ts-expect-error a record has a topic
  await producer.send({ value: null })
  // @ts-expect-error a record has a value, and be it null
  await producer.send({ topic: 'trucks' })
  // @ts-expect-error linger.ms is spelt with a dot
  kafka.producer({ lingerMs: 5 })
  // @ts-expect-error acks is 0, 1, −1 or 'all'
  kafka.producer({ acks: 2 })
  // @ts-expect-error there is no such codec
  kafka.producer({ 'compression.type': 'brotli' })
}

export async function consuming(kafka: Kafka, signal: AbortSignal): Promise<void> {
  const settings: ConsumerSettings<string, Truck> = {
    'group.id': 'dashboard', 'auto.offset.reset': 'earliest', 'enable.auto.commit': false, 'key.deserializer': 'string', 'value.deserializer': serializers.json<Truck>(),
  }
  await using consumer = kafka.consumer(settings)
  is<Consumer<string, Truck>>()(consumer)
  consumer.subscribe('trucks')
  consumer.subscribe(['trucks', /^lines-/])
  consumer.assign([{ topic: 'trucks', partition: 0, offset: 5 }])
  const listener: AssignmentListener = async (partitions) => is<TopicPartition[]>()(partitions)
  consumer.on('assigned', listener).on('revoked', listener).on('lost', () => {}).off('lost', listener)
  for await (const record of consumer) {
    is<ConsumerRecord<string, Truck>>()(record)
    is<Truck | null>()(record.value)
    is<string | null>()(record.key)
    is<Header[]>()(record.headers)
    is<'CreateTime' | 'LogAppendTime'>()(record.timestampType)
    // @ts-expect-error what is read stays as it is
    record.offset = 5
  }
  for await (const batch of consumer.batches({ signal })) {
    is<ConsumerBatch<string, Truck>>()(batch)
    const numbers: number[] = [batch.partition, batch.baseOffset, batch.lastOffset, batch.count, batch.highWatermark]
    for (const cursor: RecordCursor = batch.cursor(); cursor.next();) numbers.push(cursor.offset, cursor.timestamp, cursor.keyLength, cursor.valueLength, cursor.value()?.length ?? 0)
    for (const { offset, leaderEpoch } of batch) numbers.push(offset, leaderEpoch)
    await batch.commit()
  }
  is<ConsumerBatch<string, Truck>[]>()(await consumer.poll({ timeoutMs: 5, signal }))
  await consumer.commit()
  await consumer.commit([{ topic: 'trucks', partition: 0, offset: 5 }])
  is<TopicPartitionOffset[]>()(await consumer.committed([{ topic: 'trucks', partition: 0 }]))
  is<number | undefined>()(consumer.position({ topic: 'trucks', partition: 0 }))
  is<TopicPartitionLag[]>()(await consumer.lag())
  const targets: SeekTarget[] = [{ topic: 'trucks', partition: 0, offset: 'earliest' }, { topic: 'trucks', partition: 0, offset: 5 }, { topic: 'trucks', partition: 0, timestamp: 5 }]
  for (const target of targets) await consumer.seek(target)
  consumer.pause()
  consumer.resume(consumer.assignment())
  await consumer.close()

  is<Consumer>()(kafka.consumer())
  is<Consumer<string, unknown>>()(kafka.consumer({ 'key.deserializer': 'string', 'value.deserializer': 'json' }))
  is<Consumer<string, Truck>>()(kafka.consumer<string, Truck>({ 'key.deserializer': 'string', 'value.deserializer': 'msgpack' }))
  // @ts-expect-error group.id is spelt with a dot
  kafka.consumer({ groupId: 'g' })
  // @ts-expect-error there is no such deserializer
  kafka.consumer({ 'value.deserializer': 'avro' })
  // @ts-expect-error an offset is a number, 'earliest' or 'latest'
  await consumer.seek({ topic: 'trucks', partition: 0, offset: 'newest' })
  // @ts-expect-error there is no such event
  consumer.on('rebalanced', listener)
}

export async function administering({ admin }: Kafka): Promise<void> {
  const options: CreateTopicOptions = { partitions: 3, replicationFactor: 1, config: { 'retention.ms': 604_800_000 }, ifNotExists: true, validateOnly: false }
  const { partitions, topicId, internal }: TopicDescription = await admin.createTopic('trucks', options)
  is<string>()(topicId)
  is<boolean>()(internal)
  is<PartitionDescription[]>()(partitions)
  is<string[]>()(await admin.listTopics({ internal: true }))
  is<TopicDescription>()(await admin.describeTopic('trucks'))
  await admin.createPartitions('trucks', 5)
  is<ConfigEntry[]>()(await admin.describeConfigs({ topic: 'trucks' }))
  await admin.alterConfigs({ broker: 0 }, { 'log.retention.ms': null, 'log.cleaner.enable': true, 'log.segment.bytes': '1048576' })
  for (const at of ['earliest', 'latest', 'maxTimestamp', 5, new Date()] as const) is<PartitionOffset[]>()(await admin.listOffsets('trucks', at))
  is<{ partition: number; lowWatermark: number }[]>()(await admin.deleteRecords('trucks', [{ partition: 0, offset: 5 }]))
  is<GroupListing[]>()(await admin.listGroups())
  is<GroupMemberDescription[]>()((await admin.describeGroup('dashboard')).members)
  is<TopicPartitionOffset[]>()(await admin.listGroupOffsets('dashboard'))
  await admin.alterGroupOffsets('dashboard', [{ topic: 'trucks', partition: 0, offset: 5 }])
  await admin.deleteGroupOffsets('dashboard', [{ topic: 'trucks', partition: 0 }])
  await admin.deleteGroup('dashboard')
  is<LogDirDescription[]>()(await admin.describeLogDirs())
  is<ClusterDescription>()(await admin.describeCluster())
  await admin.createAcls([{ resourceType: 'TOPIC', resourceName: 'trucks', principal: 'User:a', operation: 'READ' }])
  is<AclBinding[]>()(await admin.listAcls({ resourceType: 'TOPIC' }))
  is<AclBinding[]>()(await admin.deleteAcls({}))
  await admin.alterQuotas({ user: 'a', clientId: null }, { producer_byte_rate: 1_000_000, consumer_byte_rate: null })
  is<QuotaEntry[]>()(await admin.listQuotas())
  await admin.deleteTopic('trucks')
  // @ts-expect-error there is no such setting of a topic
  await admin.createTopic('trucks', { config: { 'retention.msec': 5 } })
  // @ts-expect-error a resource is a topic, a broker …
  await admin.describeConfigs({ topics: 'trucks' })
  // @ts-expect-error there is no such moment
  await admin.listOffsets('trucks', 'oldest')
}

export function failing(problem: unknown): string {
  if (OttlaError.is(problem, 'DISK_FULL')) {
    is<'DISK_FULL'>()(problem.code)
    return problem.file ?? problem.advice
  }
  if (OttlaError.is(problem)) {
    is<ErrorCode>()(problem.code)
    is<number>()(problem.errorCode)
    is<boolean>()(problem.retriable)
    const context: Required<Omit<ErrorContext, 'cause'>> = { topic: problem.topic, partition: problem.partition, offset: problem.offset, position: problem.position, file: problem.file }
    if (problem.code === 'LOG_CORRUPT') is<'LOG_CORRUPT'>()(problem.code)
    // @ts-expect-error there is no such code
    if (problem.code === 'DISK_EMPTY') return ''
    return `${new OttlaError('INVALID_ARGUMENT', problem.message, { topic: 'trucks', cause: problem }).stack} ${context.position?.toFixed()}`
  }
  // @ts-expect-error not known to be an error at all
  if (problem.code === 'DISK_FULL') return ''
  // @ts-expect-error there is no such code
  OttlaError.is(problem, 'DISK_EMPTY')
  is<ErrorRow>()(errorTable.DISK_FULL)
  return OttlaError.from(problem).advice
}

export async function testBroker(): Promise<void> {
  const options: StartBrokerOptions = { port: 0, temporaryDirectory: true, users: { admin: 'secret' }, 'num.partitions': 3, scheduler: new testing.ManualScheduler(new testing.ManualClock()) }
  await using broker = await testing.startBroker(options)
  is<TestBroker>()(broker)
  const fail: FailOptions = { error: 'NOT_LEADER_OR_FOLLOWER', times: 2, where: (request) => request.clientId === 'me' }
  const faults: InjectedFault[] = [broker.fail('Produce', fail), broker.delay('Fetch', { ms: 5 }), broker.drop('Metadata', { carriedOut: true })]
  for (const fault of faults) {
    await fault.hit(1)
    fault.cancel()
  }
  is<string>()(broker.bootstrap)
  is<number>()(broker.requests('Produce'))
  is<Ottla>()(broker.ottla)
  broker.clearFaults()
  await broker.reset()
  await broker.close()
  // @ts-expect-error an API has Kafka's name
  broker.fail('Producing', fail)
  // @ts-expect-error there is no such error
  broker.fail('Produce', { error: 'NO_LEADER' })
}

export async function ports(): Promise<void> {
  const { ManualClock, ManualScheduler, SeededRandom, RecordingLogger, SimulatedFileSystem, FaultFileSystem, LogManager } = testing
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock, capacityBytes: 5_000_000 })
  const faults = new FaultFileSystem(disk)
  faults.inject({ call: 'datasync', nth: 1, error: 'EIO' })
  const logger = new RecordingLogger()
  is<LogEntry[]>()(logger.entries)
  const options: LogManagerOptions = {
    directory: '/data', fileSystem: faults, ports: { clock, scheduler: new ManualScheduler(clock), random: new SeededRandom(1), logger }, settings: {},
    topicConfig: () => testing.logConfigOf({ ...testing.defaultLogTopicValues, 'segment.bytes': 1_048_576 }),
  }
  const logs: testing.LogManager = await LogManager.open(options)
  const batch = testing.buildBatch([{ key: 'a', value: 'b' }])
  is<number>()(testing.readBatch(batch).records.length)
  is<Uint8Array>()(testing.buildEndTransactionMarker({ type: 'COMMIT', timestamp: 5, producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 }))
  await testing.loadAllCodecs()
  await logs.close()
  for (const state of disk.crashStates()) for await (const finding of testing.checkLog(state.restore(), '/data')) is<Finding>()(finding)
  testing.fileSystemContract satisfies (suite: FileSystemSuite) => void
  testing.schedulerContract satisfies (suite: SchedulerSuite) => void
  testing.OttlaError satisfies typeof OttlaError
  testing.silentLogger satisfies Logger
  testing.nodeFileSystem satisfies ContractSubject['fs']
  testing.repairLogs satisfies (...options: never) => unknown
  testing.readMetadataFile satisfies (file: MetadataFile, ...more: never) => unknown
  testing.damageOfMetadataFile satisfies (file: MetadataFile) => string | null
}

export const serde = (name: SerializerName): Serializer<never> & Deserializer<unknown> => serializers[name]
export const trucks: Serde<Truck> = serializers.msgpack<Truck>()
export const upper: Serializer<string> & Deserializer<string> = {
  serialize: (value, context: SerializerContext) => Buffer.from(context.topic + value),
  deserialize: (bytes) => Buffer.from(bytes).toString(),
}

known<[
  AclBinding, AclFilter, AclInput, AclOperation, AclOptions, AclPatternType, AclPermission, AclResourceType, AdminSettings, AppendOptions, AppendOrigin, AppendResult,
  CheckOptions, ConfigSource, ConfigTarget, DroppedBytes, GroupDescription, HeadersInput, ListenOptions, OttlaEvents['diskFull'], Partitioner, PartitionerContext,
  PartitionLog, QuotaChanges, QuotaEntity, QuotaKey, Quotas, ReadIsolation, ReadOptions, ReadResult, RecoveryNote, TlsSettings, TopicSettings, UserOptions, Users,
  CrashMoment, CrashPolicy, CrashProfile, CrashSearch, CrashState, DelayOptions, DiskOperation, DropOptions, Fault, FaultApi, FaultCall, FaultOptions, HeldSyncs, LogConfig,
  LogLevel, LogTopicValues, PendingUnit, RepairOptions, RepairStep, RestoreOptions, SchedulerSubject, SeenRequest, SimulatedFileSystemOptions, SystemCode,
  ConnectOptions['ssl'], typeof silentLogger, typeof connect, typeof open, typeof serializers.json, typeof errorTable, typeof testing.startBroker,
]>()
