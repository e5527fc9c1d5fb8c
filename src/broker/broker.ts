/**
 * The embedded broker: `BrokerApi` over the logs, the topic registry and the group coordinator of one directory. Thin: each call goes to the
 * handler of its API. After `close` every call rejects with CLOSED.
 */
import type { AclBinding, AclFilter } from '../common/acl.ts'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { NamedKind } from '../metadata/broker-config.ts'
import type * as api from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { handleFindCoordinator, handleInitProducerId } from './client-handlers.ts'
import { handleFetch } from './fetch-handler.ts'
import { handleDescribeCluster, handleMetadata } from './metadata-handler.ts'
import { handleDeleteRecords, handleListOffsets, handleOffsetForLeaderEpoch } from './offset-handlers.ts'
import { handleProduce } from './produce-handler.ts'
import { handleCreateTopics } from './topic-handlers.ts'

const aclHandlers = (): Promise<typeof import('./acl-handlers.ts')> => loadPart('the code for ACLs', () => import('./acl-handlers.ts'))
const storageHandlers = (): Promise<typeof import('./storage-handlers.ts')> => loadPart('the code for descriptions of logs', () => import('./storage-handlers.ts'))
const topicChanges = (): Promise<typeof import('./topic-change-handlers.ts')> => loadPart('the code that changes topics', () => import('./topic-change-handlers.ts'))
const quotaHandlers = (): Promise<typeof import('./quota-handlers.ts')> => loadPart('the code for quotas', () => import('./quota-handlers.ts'))

export class Broker implements api.BrokerApi {
  readonly #context: BrokerContext
  readonly #onClose: () => void
  #isClosed = false

  /** `onClose` runs once. */
  constructor(context: BrokerContext, onClose: () => void = () => {}) {
    this.#context = context
    this.#onClose = onClose
  }

  /** Ends waiting fetches; later calls reject. The logs stay open: they are not the broker's. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#context.waiters.close()
    this.#onClose()
  }

  #open(): BrokerContext {
    if (this.#isClosed) throw new OttlaError('CLOSED', 'the database is closed')
    return this.#context
  }

  async metadata(request: api.MetadataRequest): Promise<api.MetadataResponse> { return handleMetadata(this.#open(), request) }
  /** Not an async function: the appends must have begun when it returns. */
  produce(request: api.ProduceRequest): Promise<api.ProduceResponse> {
    if (this.#isClosed) return Promise.reject(new OttlaError('CLOSED', 'the database is closed'))
    return handleProduce(this.#context, request)
  }
  async fetch(request: api.FetchRequest): Promise<api.FetchResponse> { return handleFetch(this.#open(), request) }
  async listOffsets(request: api.ListOffsetsRequest): Promise<api.ListOffsetsResponse> { return handleListOffsets(this.#open(), request) }
  async deleteRecords(request: api.DeleteRecordsRequest): Promise<api.DeleteRecordsResponse> { return handleDeleteRecords(this.#open(), request) }
  async offsetForLeaderEpoch(request: api.OffsetForLeaderEpochRequest): Promise<api.OffsetForLeaderEpochResponse> {
    return handleOffsetForLeaderEpoch(this.#open(), request)
  }

  async createTopics(request: api.CreateTopicsRequest): Promise<api.CreateTopicsResponse> { return handleCreateTopics(this.#open(), request) }
  async deleteTopics(request: api.DeleteTopicsRequest): Promise<{ readonly topics: readonly api.TopicResult[] }> {
    return (await topicChanges()).handleDeleteTopics(this.#open(), request)
  }
  async createPartitions(request: api.CreatePartitionsRequest): Promise<{ readonly topics: readonly api.TopicResult[] }> {
    return (await topicChanges()).handleCreatePartitions(this.#open(), request)
  }
  async describeConfigs(request: api.DescribeConfigsRequest): Promise<api.DescribeConfigsResponse> {
    const { handleDescribeConfigs } = await loadPart('the code for settings', () => import('./describe-configs-handler.ts'))
    return handleDescribeConfigs(this.#open(), request)
  }
  async incrementalAlterConfigs(request: api.IncrementalAlterConfigsRequest): Promise<api.AlterConfigsResponse> {
    const { handleIncrementalAlterConfigs } = await loadPart('the code for changes of settings', () => import('./alter-configs-handler.ts'))
    return handleIncrementalAlterConfigs(this.#open(), request)
  }
  async describeCluster(): Promise<api.DescribeClusterResponse> { return handleDescribeCluster(this.#open()) }
  async describeLogDirs(request: api.DescribeLogDirsRequest): Promise<api.DescribeLogDirsResponse> {
    return (await storageHandlers()).handleDescribeLogDirs(this.#open(), request)
  }
  async describeAcls(request: { readonly filter: AclFilter }): Promise<api.DescribeAclsResponse> { return (await aclHandlers()).handleDescribeAcls(this.#open(), request) }
  async createAcls(request: { readonly acls: readonly AclBinding[] }): Promise<api.CreateAclsResponse> {
    return (await aclHandlers()).handleCreateAcls(this.#open(), request)
  }
  async deleteAcls(request: { readonly filters: readonly AclFilter[] }): Promise<api.DeleteAclsResponse> {
    return (await aclHandlers()).handleDeleteAcls(this.#open(), request)
  }
  async describeClientQuotas(request: api.DescribeClientQuotasRequest): Promise<api.DescribeClientQuotasResponse> {
    return (await quotaHandlers()).handleDescribeClientQuotas(this.#open(), request)
  }
  async alterClientQuotas(request: api.AlterClientQuotasRequest): Promise<api.AlterClientQuotasResponse> {
    return (await quotaHandlers()).handleAlterClientQuotas(this.#open(), request)
  }
  async describeProducers(request: api.DescribeProducersRequest): Promise<api.DescribeProducersResponse> {
    return (await storageHandlers()).handleDescribeProducers(this.#open(), request)
  }
  async initProducerId(request: api.InitProducerIdRequest): Promise<api.InitProducerIdResponse> {
    return handleInitProducerId(this.#open(), request)
  }
  async findCoordinator(request: api.FindCoordinatorRequest): Promise<api.FindCoordinatorResponse> {
    return handleFindCoordinator(this.#open(), request)
  }

  async joinGroup(request: api.JoinGroupRequest): Promise<api.JoinGroupResponse> { return this.#open().groups.joinGroup(request) }
  async syncGroup(request: api.SyncGroupRequest): Promise<api.SyncGroupResponse> { return this.#open().groups.syncGroup(request) }
  async heartbeat(request: api.HeartbeatRequest): Promise<api.Failure> { return this.#open().groups.heartbeat(request) }
  async leaveGroup(request: api.LeaveGroupRequest): Promise<api.LeaveGroupResponse> { return this.#open().groups.leaveGroup(request) }
  async offsetCommit(request: api.OffsetCommitRequest): Promise<api.OffsetCommitResponse> { return this.#open().groups.offsetCommit(request) }
  async offsetFetch(request: api.OffsetFetchRequest): Promise<api.OffsetFetchResponse> { return this.#open().groups.offsetFetch(request) }
  async offsetDelete(request: api.OffsetDeleteRequest): Promise<api.OffsetDeleteResponse> { return this.#open().groups.offsetDelete(request) }
  async describeGroups(request: { readonly groups: readonly string[] }): Promise<{ readonly groups: readonly api.DescribedGroup[] }> {
    return this.#open().groups.describeGroups(request)
  }
  async listGroups(request: { readonly statesFilter: readonly string[] }): Promise<api.ListGroupsResponse> { return this.#open().groups.listGroups(request) }
  async deleteGroups(request: { readonly groups: readonly string[] }): Promise<api.DeleteGroupsResponse> { return this.#open().groups.deleteGroups(request) }
  /** Null for an id that no topic has. */
  topicName(topicId: string): string | null { return this.#open().topics.nameOf(topicId) }
  /** Null for a name that no topic has. */
  topicId(name: string): string | null { return this.#open().topics.get(name)?.topicId ?? null }
  /** Whether asking for a topic that is not there makes it. */
  autoCreatesTopics(): boolean {
    const { config, readOnly } = this.#open()
    return config.values['auto.create.topics.enable'] && !readOnly
  }
  /** Whether topics can be deleted at all. */
  deletesTopics(): boolean { return this.#open().config.values['delete.topic.enable'] }
  configured(kind: NamedKind): readonly string[] { return this.#open().config.configured(kind) }
  watchGroup(groupId: string, listener: () => void): () => void { return this.#open().groups.watchGroup(groupId, listener) }
}
