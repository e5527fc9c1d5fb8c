/**
 * The one seam between clients and broker: one method per Kafka API, on plain typed objects (ADR 0006). The embedded broker implements it
 * in process; later a remote implementation speaks TCP and the server decodes frames and calls it.
 *
 * Rules:
 *  - Failures that concern a topic, partition or group are `errorCode`s (Kafka's numbers, 0 = none) in the response, as on the wire. The
 *    in-process implementation may add the rich `error`; clients prefer it and fall back to the number.
 *  - A method rejects only when the request as a whole could not be served (CLOSED, ABORTED, NETWORK_EXCEPTION).
 *  - Field names are Kafka's in camel case. Offsets and timestamps are numbers, uuids 22-character text, byte arrays `Uint8Array`.
 */
import type { AclBinding, AclFilter } from '../common/acl.ts'
import type { OttlaError } from '../common/errors.ts'
import type { QuotaChanges, QuotaEntity, QuotaEntry } from '../common/quota.ts'

export interface Failure { readonly errorCode: number; readonly errorMessage?: string | undefined; readonly error?: OttlaError | undefined }

/** No error. */
export const NONE = 0

// ---- Metadata (3) ----
export interface MetadataRequest {
  /** Null: every topic. */
  readonly topics: readonly string[] | null
  readonly allowAutoTopicCreation: boolean
  /** A topic that is more than this allows is not made, and not there. */
  readonly allowance?: PartitionAllowance | undefined
}
export interface PartitionMetadata extends Failure {
  readonly partitionIndex: number; readonly leaderId: number; readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]; readonly isrNodes: readonly number[]
}
export interface TopicMetadata extends Failure {
  readonly name: string; readonly topicId: string; readonly isInternal: boolean
  readonly partitions: readonly PartitionMetadata[]
}
export interface MetadataResponse {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number; readonly rack: string | null }[]
  readonly clusterId: string; readonly controllerId: number
  readonly topics: readonly TopicMetadata[]
}

// ---- Produce (0) ----
export interface ProduceRequest {
  /** 0, 1 or −1 (all). With 0 the promise resolves once the batch is accepted in memory; the caller does not see append failures. */
  readonly acks: number
  readonly timeoutMs: number
  /**
   * True only from this process's own producer: the batch was built by `RecordBatchBuilder` and its CRC computed in this memory a moment
   * ago, so the CRC is not computed again. Never set by the server.
   */
  readonly inProcess?: boolean
  /** True only from this process's own producer: nothing is to join this batch, so it need not wait for the next turn of the event loop. */
  readonly urgent?: boolean
  readonly partitions: readonly ProducePartition[]
}
export interface ProducePartition {
  readonly topic: string; readonly partition: number
  /** One record batch. The broker patches base offset and leader epoch in place and owns the bytes until the response. */
  readonly records: Uint8Array
}
/** A record that made its batch be refused, by its place in it. */
export interface RecordError { readonly batchIndex: number; readonly message: string }
export interface ProducePartitionResponse extends Failure {
  readonly topic: string; readonly partition: number
  readonly baseOffset: number; readonly logAppendTimeMs: number; readonly logStartOffset: number
  /** In process alone: a sync was waited for. */
  readonly isSynced?: boolean
  readonly recordErrors?: readonly RecordError[]
}
export interface ProduceResponse { readonly partitions: readonly ProducePartitionResponse[] }

// ---- Fetch (1) ----
export interface FetchRequest {
  readonly maxWaitMs: number; readonly minBytes: number; readonly maxBytes: number
  /** 0 read_uncommitted, 1 read_committed. */
  readonly isolationLevel: 0 | 1
  readonly partitions: readonly {
    readonly topic: string; readonly partition: number; readonly fetchOffset: number; readonly partitionMaxBytes: number
    readonly currentLeaderEpoch?: number
    /** Over the wire only: of the record in front of the offset, as it was read; −1 not known. */
    readonly lastFetchedEpoch?: number
    /** In process only: the caller checks the checksums, while the next read is under way, and asks again without this where one is wrong. */
    readonly isCheckedLater?: boolean
  }[]
  /** Ends the wait early with what is there. */
  readonly signal?: AbortSignal | undefined
  /** In process only: memory to read into, at least so many bytes. It is free again when no response points into it. */
  readonly allocate?: (bytes: number) => Uint8Array
  /** Of a server: where the records of the answer are counted, and what they are read into. Default: nowhere, and fresh memory. */
  readonly room?: FetchRoom | undefined
}
/** A bound on the memory that answers take. */
/** Counts what one fetch reads, and brings the memory for it. */
export interface FetchRoom {
  /** How many bytes may be read, at most `most`; they are taken. A first batch may be larger: `give` is told of less than nothing then. */
  take(most: number): Promise<number>
  /** What was taken and not read. */
  give(bytes: number): void
  /** Memory to read into, of exactly so many bytes. What was given before and not kept is free again. */
  readonly allocate: (bytes: number) => Uint8Array
  /** What was read is part of the answer, memory of `allocate` or other. */
  keep(records: Uint8Array): void
  /** Nothing that was read so far is answered. */
  release(): void
}
export interface FetchPartitionResponse extends Failure {
  readonly topic: string; readonly partition: number
  readonly highWatermark: number; readonly lastStableOffset: number; readonly logStartOffset: number
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[] | null
  /** Whole batches back to back, the first of which may begin below the offset asked. Empty when there is nothing. Memory of `allocate`, or fresh. */
  readonly records: Uint8Array
  /** In process only: the offset behind the last batch; without one, where the log ends for this reader if nothing comes before that. */
  readonly nextOffset?: number
  /** Over the wire only: nothing is given, for the log is another from here on than the one of `lastFetchedEpoch`. */
  readonly divergesAt?: number
  /** In process only: the checksums of all of it were checked a moment ago. */
  readonly isChecked?: boolean
}
export interface FetchResponse { readonly partitions: readonly FetchPartitionResponse[] }

// ---- ListOffsets (2), DeleteRecords (21), OffsetForLeaderEpoch (23) ----
export const LATEST_TIMESTAMP = -1
export const EARLIEST_TIMESTAMP = -2
export const MAX_TIMESTAMP = -3
export interface ListOffsetsRequest {
  readonly isolationLevel: 0 | 1
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly timestamp: number; readonly currentLeaderEpoch?: number }[]
}
export interface ListOffsetsPartition extends Failure {
  readonly topic: string; readonly partition: number; readonly offset: number; readonly timestamp: number
  readonly leaderEpoch: number
}
export interface ListOffsetsResponse { readonly partitions: readonly ListOffsetsPartition[] }
export interface DeleteRecordsRequest { readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[] }
export interface DeleteRecordsResponse {
  readonly partitions: readonly ({ readonly topic: string; readonly partition: number; readonly lowWatermark: number } & Failure)[]
}
export interface OffsetForLeaderEpochRequest {
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly leaderEpoch: number; readonly currentLeaderEpoch?: number }[]
}
export interface OffsetForLeaderEpochResponse {
  readonly partitions: readonly ({ readonly topic: string; readonly partition: number; readonly leaderEpoch: number; readonly endOffset: number } & Failure)[]
}

// ---- Topics and configs ----
export interface CreateTopicsRequest {
  readonly validateOnly: boolean
  readonly topics: readonly {
    readonly name: string
    /** −1: the broker's num.partitions. */
    readonly numPartitions: number
    /** −1: the broker's default. */
    readonly replicationFactor: number
    readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[]
    readonly configs: readonly { readonly name: string; readonly value: string | null }[]
  }[]
  readonly allowance?: PartitionAllowance | undefined
}
export interface CreatableTopicResult extends Failure {
  readonly name: string; readonly topicId: string; readonly numPartitions: number; readonly replicationFactor: number
  /** Of a topic that was only looked at: the settings that it would have. */
  readonly settings?: readonly ConfigResult[]
}
export interface CreateTopicsResponse { readonly topics: readonly CreatableTopicResult[] }
export interface TopicResult extends Failure { readonly name: string }
export interface DeleteTopicsRequest { readonly names: readonly string[]; readonly allowance?: PartitionAllowance | undefined }
export interface CreatePartitionsRequest {
  readonly validateOnly: boolean
  readonly topics: readonly {
    readonly name: string; readonly count: number
    /** The brokers of each new partition; null or left out: wherever. */
    readonly assignments?: readonly (readonly number[])[] | null
  }[]
  readonly allowance?: PartitionAllowance | undefined
}
/** Asked before each topic is changed, for as many partitions as are made or removed. Raises THROTTLING_QUOTA_EXCEEDED. A cluster elsewhere has its own. */
export interface PartitionAllowance { take(partitions: number): void }

export const RESOURCE_TOPIC = 2
export const RESOURCE_BROKER = 4
export const RESOURCE_BROKER_LOGGER = 8
export const RESOURCE_CLIENT_METRICS = 16
export const RESOURCE_GROUP = 32
export interface ConfigResource { readonly resourceType: number; readonly resourceName: string }
export interface DescribeConfigsRequest { readonly resources: readonly (ConfigResource & { readonly configurationKeys: readonly string[] | null })[] }
/** configSource: 1 dynamic topic, 2 dynamic broker, 3 of all brokers, 4 static broker, 5 default, 6 logger of a broker, 7 client metrics, 8 group. */
export interface ConfigResult {
  readonly name: string; readonly value: string | null; readonly defaultValue: string | null; readonly readOnly: boolean; readonly isSensitive: boolean
  readonly configSource: number; readonly type: string; readonly documentation: string
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: number }[]
}
export interface DescribeConfigsResponse { readonly results: readonly (ConfigResource & Failure & { readonly configs: readonly ConfigResult[] })[] }
/** configOperation: 0 set, 1 delete, 2 append (lists), 3 subtract (lists). */
export interface IncrementalAlterConfigsRequest {
  readonly validateOnly: boolean
  readonly resources: readonly (ConfigResource & { readonly configs: readonly { readonly name: string
  readonly configOperation: 0 | 1 | 2 | 3; readonly value: string | null }[] })[]
}
export interface AlterConfigsResponse { readonly responses: readonly (ConfigResource & Failure)[] }
export interface DescribeClusterResponse {
  readonly clusterId: string; readonly controllerId: number
  readonly brokers: readonly { readonly brokerId: number; readonly host: string; readonly port: number; readonly rack: string | null }[]
}
export interface DescribeLogDirsRequest { readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null }
export interface DescribeLogDirsResponse {
  readonly results: readonly (Failure & {
    /** Whose directory it is, where several brokers were asked. */
    readonly brokerId?: number
    readonly logDir: string; readonly totalBytes: number; readonly usableBytes: number
    readonly topics: readonly {
      readonly name: string
      readonly partitions: readonly { readonly partitionIndex: number; readonly partitionSize: number; readonly offsetLag: number; readonly isFutureKey: boolean }[]
    }[]
  })[]
}
export interface ProducerState {
  readonly producerId: number; readonly producerEpoch: number; readonly lastSequence: number
  readonly lastTimestamp: number; readonly coordinatorEpoch: number; readonly currentTxnStartOffset: number
}
export interface DescribeProducersRequest { readonly partitions: readonly { readonly topic: string; readonly partition: number }[] }
export interface DescribeProducersResponse {
  readonly partitions: readonly (Failure & { readonly topic: string; readonly partition: number; readonly activeProducers: readonly ProducerState[] })[]
}

// ---- DescribeAcls (29), CreateAcls (30), DeleteAcls (31) ----
export interface DescribeAclsResponse extends Failure { readonly acls: readonly AclBinding[] }
/** In the order of the ACLs asked for. */
export interface CreateAclsResponse { readonly results: readonly Failure[] }
/** In the order of the filters. */
export interface DeleteAclsResponse { readonly results: readonly (Failure & { readonly acls: readonly AclBinding[] })[] }

// ---- DescribeClientQuotas (48), AlterClientQuotas (49) ----
/** By name; null: the default; true: any. What is left out is any, too, or with `strict` not part of the entity. */
export interface DescribeClientQuotasRequest extends QuotaFilter { readonly strict: boolean }
export type QuotaFilter = { readonly [field in keyof QuotaEntity]?: string | null | true }
export interface DescribeClientQuotasResponse extends Failure { readonly entries: readonly QuotaEntry[] }
export interface AlterClientQuotasRequest {
  readonly validateOnly: boolean
  readonly entries: readonly { readonly entity: QuotaEntity; readonly changes: QuotaChanges }[]
}
/** In the order of the entries. */
export interface AlterClientQuotasResponse { readonly results: readonly Failure[] }

// ---- Producer ids ----
export interface InitProducerIdRequest {
  readonly transactionalId: string | null; readonly transactionTimeoutMs: number; readonly producerId: number
  readonly producerEpoch: number
}
export interface InitProducerIdResponse extends Failure { readonly producerId: number; readonly producerEpoch: number }

// ---- Groups ----
export interface FindCoordinatorRequest { readonly keyType: 0 | 1; readonly keys: readonly string[] }
export interface FindCoordinatorResponse {
  readonly coordinators: readonly (Failure & { readonly key: string; readonly nodeId: number; readonly host: string; readonly port: number })[]
}
export interface GroupMemberIdentity { readonly groupId: string; readonly memberId: string; readonly groupInstanceId: string | null }
export interface JoinGroupRequest extends GroupMemberIdentity {
  readonly sessionTimeoutMs: number; readonly rebalanceTimeoutMs: number
  readonly protocolType: string; readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[]
  readonly clientId: string; readonly clientHost: string
  /** v4+: a member without id is first told one (MEMBER_ID_REQUIRED). In-process members are not. */
  readonly requireKnownMemberId: boolean
  /**
   * False below v9: the leader of a stable group that comes back under its instance id cannot be told that its assignment stands, so it is told the leader
   * that it was, and follows. Default true.
   */
  readonly canSkipAssignment?: boolean
  /**
   * Member of this process. Its session timeout holds as any other's, measured in time in which the event loop ran: while the loop stands
   * still no heartbeat can be heard (coordinator/loop-time.ts). What is known of it beyond that is its end: it goes with the process.
   */
  readonly inProcess?: boolean
}
export interface JoinGroupResponse extends Failure {
  readonly generationId: number; readonly protocolType: string | null; readonly protocolName: string | null
  readonly leader: string; readonly skipAssignment: boolean; readonly memberId: string
  /** Only for the leader. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly metadata: Uint8Array }[]
}
export interface SyncGroupRequest extends GroupMemberIdentity {
  readonly generationId: number; readonly protocolType: string | null; readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[]
}
export interface SyncGroupResponse extends Failure {
  readonly protocolType: string | null; readonly protocolName: string | null; readonly assignment: Uint8Array
}
export interface HeartbeatRequest extends GroupMemberIdentity {
  readonly generationId: number
  /** An answer that takes longer is of no use; whoever answers at once need not look. */
  readonly sessionTimeoutMs?: number
}
export interface LeaveGroupRequest {
  readonly groupId: string
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly reason?: string | null }[]
}
export interface LeaveGroupResponse extends Failure {
  readonly members: readonly (Failure & { readonly memberId: string; readonly groupInstanceId: string | null })[]
}
export interface OffsetCommitRequest extends GroupMemberIdentity {
  /** −1 with an empty memberId: a commit without membership. */
  readonly generationId: number
  readonly partitions: readonly {
    readonly topic: string; readonly partition: number; readonly committedOffset: number
    readonly committedLeaderEpoch: number; readonly committedMetadata: string | null
  }[]
}
export interface OffsetCommitResponse { readonly partitions: readonly (Failure & { readonly topic: string; readonly partition: number })[] }
export interface OffsetFetchRequest {
  readonly groupId: string; readonly requireStable: boolean
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[] | null
}
export interface OffsetFetchPartition extends Failure {
  readonly topic: string; readonly partition: number; readonly committedOffset: number
  readonly committedLeaderEpoch: number; readonly metadata: string
}
export interface OffsetFetchResponse extends Failure { readonly partitions: readonly OffsetFetchPartition[] }
export interface OffsetDeleteRequest { readonly groupId: string; readonly partitions: readonly { readonly topic: string; readonly partition: number }[] }
export interface OffsetDeleteResponse extends Failure { readonly partitions: readonly (Failure & { readonly topic: string; readonly partition: number })[] }
export interface DescribedGroup extends Failure {
  readonly groupId: string; readonly groupState: string; readonly protocolType: string; readonly protocolData: string
  /** The broker that answered for it, where there are several. */
  readonly coordinator?: { readonly nodeId: number; readonly host: string; readonly port: number }
  readonly members: readonly {
    readonly memberId: string; readonly groupInstanceId: string | null; readonly clientId: string
    readonly clientHost: string; readonly memberMetadata: Uint8Array; readonly memberAssignment: Uint8Array
  }[]
}
export interface ListedGroup { readonly groupId: string; readonly protocolType: string; readonly groupState: string; readonly groupType: string }
export interface ListGroupsResponse extends Failure { readonly groups: readonly ListedGroup[] }
export interface DeleteGroupsResponse { readonly results: readonly (Failure & { readonly groupId: string })[] }

export interface BrokerApi {
  metadata(request: MetadataRequest): Promise<MetadataResponse>
  produce(request: ProduceRequest): Promise<ProduceResponse>
  fetch(request: FetchRequest): Promise<FetchResponse>
  listOffsets(request: ListOffsetsRequest): Promise<ListOffsetsResponse>
  deleteRecords(request: DeleteRecordsRequest): Promise<DeleteRecordsResponse>
  offsetForLeaderEpoch(request: OffsetForLeaderEpochRequest): Promise<OffsetForLeaderEpochResponse>
  createTopics(request: CreateTopicsRequest): Promise<CreateTopicsResponse>
  deleteTopics(request: DeleteTopicsRequest): Promise<{ readonly topics: readonly TopicResult[] }>
  createPartitions(request: CreatePartitionsRequest): Promise<{ readonly topics: readonly TopicResult[] }>
  describeConfigs(request: DescribeConfigsRequest): Promise<DescribeConfigsResponse>
  incrementalAlterConfigs(request: IncrementalAlterConfigsRequest): Promise<AlterConfigsResponse>
  describeCluster(): Promise<DescribeClusterResponse>
  describeLogDirs(request: DescribeLogDirsRequest): Promise<DescribeLogDirsResponse>
  describeProducers(request: DescribeProducersRequest): Promise<DescribeProducersResponse>
  describeAcls(request: { readonly filter: AclFilter }): Promise<DescribeAclsResponse>
  createAcls(request: { readonly acls: readonly AclBinding[] }): Promise<CreateAclsResponse>
  deleteAcls(request: { readonly filters: readonly AclFilter[] }): Promise<DeleteAclsResponse>
  describeClientQuotas(request: DescribeClientQuotasRequest): Promise<DescribeClientQuotasResponse>
  alterClientQuotas(request: AlterClientQuotasRequest): Promise<AlterClientQuotasResponse>
  initProducerId(request: InitProducerIdRequest): Promise<InitProducerIdResponse>
  findCoordinator(request: FindCoordinatorRequest): Promise<FindCoordinatorResponse>
  joinGroup(request: JoinGroupRequest): Promise<JoinGroupResponse>
  syncGroup(request: SyncGroupRequest): Promise<SyncGroupResponse>
  heartbeat(request: HeartbeatRequest): Promise<Failure>
  leaveGroup(request: LeaveGroupRequest): Promise<LeaveGroupResponse>
  offsetCommit(request: OffsetCommitRequest): Promise<OffsetCommitResponse>
  offsetFetch(request: OffsetFetchRequest): Promise<OffsetFetchResponse>
  offsetDelete(request: OffsetDeleteRequest): Promise<OffsetDeleteResponse>
  describeGroups(request: { readonly groups: readonly string[] }): Promise<{ readonly groups: readonly DescribedGroup[] }>
  listGroups(request: { readonly statesFilter: readonly string[] }): Promise<ListGroupsResponse>
  deleteGroups(request: { readonly groups: readonly string[] }): Promise<DeleteGroupsResponse>
  /**
   * In process only (absent on remote brokers): calls `listener` in a macrotask whenever group `groupId` starts a rebalance or fences
   * members, so that a member need not wait for its next heartbeat. Returns the way to stop.
   */
  watchGroup?(groupId: string, listener: () => void): () => void
}
