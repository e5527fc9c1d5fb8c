/**
 * The group coordinator: the group part of `BrokerApi` over the offsets log. A request is checked against memory, turned into records, and
 * answered once those are in the log and replayed (`offsets-log.ts`); nothing that the log does not hold is ever told as committed.
 *
 * One per data directory, for all partitions of `__consumer_offsets`. Until the log is loaded every question about offsets and groups is
 * answered COORDINATOR_LOAD_IN_PROGRESS: never with a number. Does not authorize, and does not know topics beyond their partition counts.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import {
  NONE, type BrokerApi, type DeleteGroupsResponse, type DescribedGroup, type Failure, type HeartbeatRequest, type JoinGroupRequest, type JoinGroupResponse,
  type LeaveGroupRequest, type LeaveGroupResponse, type ListGroupsResponse, type OffsetCommitRequest, type OffsetCommitResponse, type OffsetDeleteRequest,
  type OffsetDeleteResponse, type OffsetFetchRequest, type OffsetFetchResponse, type SyncGroupRequest, type SyncGroupResponse,
} from '../protocol/broker-api.ts'
import { Deadlines } from './deadlines.ts'
import type { ForeignGroup } from './foreign-group.ts'
import { GroupMembership } from './group-membership.ts'
import { deletionRecords, describeGroup, listGroups } from './group-queries.ts'
import { GroupRebalances, type MembershipContext, type MembershipSettings } from './group-rebalances.ts'
import { GroupStore } from './group-store.ts'
import { GroupWatchers } from './group-watchers.ts'
import { LoopTime } from './loop-time.ts'
import { expiredRecords, isForgettable } from './offset-expiry.ts'
import { commitFailed, fetchOffsets, planCommit, planDelete } from './offset-requests.ts'
import { loadOffsetsLogs } from './offsets-loader.ts'
import { OffsetsLogWriter, type OffsetsTopic } from './offsets-log.ts'
import { groupMetadataRecord, offsetTombstone } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'
import { appendFailure, failureOf, joinRefused, OK, refusal, syncRefused } from './responses.ts'

export interface GroupSettings extends MembershipSettings {
  readonly 'offsets.topic.num.partitions': number
  readonly 'offsets.retention.minutes': number
  readonly 'offsets.retention.check.interval.ms': number
  readonly 'offset.metadata.max.bytes': number
  readonly 'offsets.load.buffer.size': number
}

export interface GroupCoordinatorOptions extends OffsetsTopic {
  readonly settings: GroupSettings
  readonly ports: Ports
  /** Partitions of a topic, null when there is none. */
  readonly topicPartitions: (topic: string) => number | null
  /** Name of a topic, null when no topic has that id. Without it the assignments of groups that know topics by id are not shown. */
  readonly topicName?: (topicId: string) => string | null
  /** True: groups are shown as the log has them; no session runs and nothing expires. */
  readonly readOnly?: boolean
}

/** The methods of `BrokerApi` that are the coordinator's. */
export type GroupApi = Required<Pick<
  BrokerApi,
  'joinGroup' | 'syncGroup' | 'heartbeat' | 'leaveGroup' | 'watchGroup' | 'offsetCommit' | 'offsetFetch' | 'offsetDelete'
  | 'describeGroups' | 'listGroups' | 'deleteGroups'
>>

/** Tombstones per batch where a request makes many. */
const RECORDS_PER_BATCH = 1000
/** How long members of protocols that are not spoken here are left in peace after loading: Kafka's default session. */
const FOREIGN_SESSION_MS = 45_000
const LOADING: Failure = refusal('COORDINATOR_LOAD_IN_PROGRESS')

export class GroupCoordinator implements GroupApi {
  /** Resolves when all groups are there; rejects when the log could not be read at all. */
  readonly loaded: Promise<void>
  readonly #options: GroupCoordinatorOptions
  readonly #store: GroupStore
  readonly #writer: OffsetsLogWriter
  readonly #deadlines: Deadlines
  readonly #watchers: GroupWatchers
  readonly #rebalances: GroupRebalances
  readonly #membership: GroupMembership
  /** Why nothing can be answered now; null when it can. */
  #unavailable: Failure | null = LOADING
  #expiry: Timer | null = null
  #expiring = false

  private constructor(options: GroupCoordinatorOptions) {
    const { ports, settings } = options
    this.#options = options
    this.#store = new GroupStore(() => ports.clock.now())
    this.#writer = new OffsetsLogWriter(options, settings['offsets.topic.num.partitions'], this.#store, ports.clock)
    this.#deadlines = new Deadlines(new LoopTime(ports.clock, ports.scheduler), ports.scheduler)
    this.#watchers = new GroupWatchers(ports.scheduler)
    const context: MembershipContext = {
      groups: this.#store.classic, settings, ports, deadlines: this.#deadlines,
      write: (groupId, records) => this.#writer.write(groupId, records),
      changed: (groupId) => this.#watchers.changed(groupId),
    }
    this.#rebalances = new GroupRebalances(context)
    this.#membership = new GroupMembership(context, this.#rebalances)
    this.loaded = this.#load()
    this.loaded.catch(() => {})
  }

  /** Starts to load, and answers at once that it does. */
  static start(options: GroupCoordinatorOptions): GroupCoordinator { return new GroupCoordinator(options) }

  /** As `start`, and waits until the groups are there. */
  static async load(options: GroupCoordinatorOptions): Promise<GroupCoordinator> {
    const coordinator = new GroupCoordinator(options)
    await coordinator.loaded
    return coordinator
  }

  async #load(): Promise<void> {
    const { offsetsLogs, ports, settings, readOnly } = this.#options
    try {
      await loadOffsetsLogs(offsetsLogs(), { store: this.#store, logger: ports.logger, bufferSize: settings['offsets.load.buffer.size'] })
    } catch (error) {
      if (!this.#isClosed) this.#unavailable = { ...refusal('COORDINATOR_NOT_AVAILABLE', 'the offsets log could not be loaded'), error: OttlaError.from(error) }
      throw error
    }
    if (this.#isClosed) return
    this.#unavailable = null
    if (readOnly === true) return
    for (const group of this.#store.classic.values()) this.#rebalances.takeOver(group)
    for (const group of this.#store.foreign.values()) this.#watchForeign(group.groupId)
    this.#expiry = ports.scheduler.every(settings['offsets.retention.check.interval.ms'], () => { void this.expireOffsets() })
  }

  get #isClosed(): boolean { return this.#unavailable?.error?.code === 'CLOSED' }

  #refuse(groupId: string): Failure | null { return this.#unavailable ?? (groupId === '' ? refusal('INVALID_GROUP_ID') : null) }

  // ---- membership ----

  async joinGroup(request: JoinGroupRequest): Promise<JoinGroupResponse> {
    const foreign = this.#store.foreign.get(request.groupId)
    const kept = foreign === undefined || this.#unavailable !== null ? null : await this.#makeRoom(foreign)
    const refused = this.#refuse(request.groupId) ?? kept
    if (refused !== null) return joinRefused(refused, request.memberId)
    return new Promise((resolve) => this.#membership.join(request, resolve))
  }

  /** An empty group of another protocol gives way to a classic one. */
  async #makeRoom(foreign: ForeignGroup): Promise<Failure | null> {
    if (!foreign.isEmpty) return refusal('INCONSISTENT_GROUP_PROTOCOL', `the group has members of the ${foreign.type} group protocol`)
    return this.#append(foreign.groupId, foreign.tombstones())
  }

  async syncGroup(request: SyncGroupRequest): Promise<SyncGroupResponse> {
    const refused = this.#refuse(request.groupId)
    if (refused !== null) return syncRefused(refused)
    return new Promise((resolve) => this.#membership.sync(request, resolve))
  }

  async heartbeat(request: HeartbeatRequest): Promise<Failure> {
    // A member must not lose its group because the coordinator is still reading.
    if (this.#unavailable === LOADING) return OK
    return this.#refuse(request.groupId) ?? this.#membership.heartbeat(request)
  }

  async leaveGroup(request: LeaveGroupRequest): Promise<LeaveGroupResponse> {
    const refused = this.#refuse(request.groupId)
    return refused === null ? this.#membership.leave(request) : { ...refused, members: [] }
  }

  /** See BrokerApi. */
  watchGroup(groupId: string, listener: () => void): () => void { return this.#watchers.watch(groupId, listener) }

  // ---- offsets ----

  /** Null when the records are in the log. */
  async #append(groupId: string, records: readonly KnownRecord[]): Promise<Failure | null> {
    try {
      await this.#writer.write(groupId, records)
      return null
    } catch (error) {
      return appendFailure(error)
    }
  }

  /** As `#append`, in batches of a bounded number of records: a failure may leave the first of them written. */
  async #appendMany(groupId: string, records: readonly KnownRecord[]): Promise<Failure | null> {
    for (let from = 0; from < records.length; from += RECORDS_PER_BATCH) {
      const failure = await this.#append(groupId, records.slice(from, from + RECORDS_PER_BATCH))
      if (failure !== null) return failure
    }
    return null
  }

  async offsetCommit(request: OffsetCommitRequest): Promise<OffsetCommitResponse> {
    if (this.#unavailable !== null) return commitFailed(request, this.#unavailable)
    const { ports, settings, topicPartitions } = this.#options
    const limits = { nowMs: ports.clock.now(), maxMetadataLength: settings['offset.metadata.max.bytes'], topicPartitions }
    const { records, response, group } = planCommit(this.#store, request, limits)
    if (group !== null) this.#rebalances.touch(group, request.memberId)
    const failure = await this.#append(request.groupId, records)
    if (failure === null) return response
    return { partitions: response.partitions.map((each) => each.errorCode === NONE ? { ...failure, topic: each.topic, partition: each.partition } : each) }
  }

  async offsetFetch(request: OffsetFetchRequest): Promise<OffsetFetchResponse> {
    if (this.#unavailable !== null) return { ...this.#unavailable, partitions: [] }
    return fetchOffsets(this.#store, request)
  }

  async offsetDelete(request: OffsetDeleteRequest): Promise<OffsetDeleteResponse> {
    const refused = this.#refuse(request.groupId)
    if (refused !== null) return { ...refused, partitions: [] }
    const { records, response } = planDelete(this.#store, request, this.#options.topicPartitions)
    const failure = await this.#append(request.groupId, records)
    return failure === null ? response : { ...failure, partitions: [] }
  }

  /** Writes tombstones for the committed offsets of a topic that has been deleted. Failures are logged: the offsets then expire later. */
  async topicDeleted(topic: string): Promise<void> {
    const byGroup = new Map<string, KnownRecord[]>()
    for (const { group, partition } of this.#store.offsets.partitionsOf(topic)) {
      byGroup.set(group, [...byGroup.get(group) ?? [], offsetTombstone(group, topic, partition)])
    }
    for (const [group, records] of byGroup) this.#warn(await this.#appendMany(group, records), 'offsets of a deleted topic', group)
  }

  #warn(failure: Failure | null, what: string, group: string): void {
    if (failure !== null && !this.#isClosed) this.#options.ports.logger.warn(`${what} could not be removed`, { group, error: failure.error })
  }

  // ---- administration ----

  async describeGroups(request: { readonly groups: readonly string[] }): Promise<{ readonly groups: readonly DescribedGroup[] }> {
    const unavailable = this.#unavailable
    const { topicName = () => null } = this.#options
    return {
      groups: request.groups.map((groupId) => unavailable === null
        ? describeGroup(this.#store, groupId, topicName)
        : { ...unavailable, groupId, groupState: '', protocolType: '', protocolData: '', members: [] }),
    }
  }

  async listGroups(request: { readonly statesFilter: readonly string[] }): Promise<ListGroupsResponse> {
    if (this.#unavailable !== null) return { ...this.#unavailable, groups: [] }
    return { ...OK, groups: listGroups(this.#store, request.statesFilter) }
  }

  async deleteGroups(request: { readonly groups: readonly string[] }): Promise<DeleteGroupsResponse> {
    const results: (Failure & { readonly groupId: string })[] = []
    for (const groupId of request.groups) results.push({ ...await this.#deleteGroup(groupId), groupId })
    return { results }
  }

  async #deleteGroup(groupId: string): Promise<Failure> {
    if (this.#unavailable !== null) return this.#unavailable
    const records = deletionRecords(this.#store, groupId)
    if (records === null) return refusal('GROUP_ID_NOT_FOUND', `there is no group ${groupId}`)
    if (records === false) return refusal('NON_EMPTY_GROUP', `group ${groupId} has members`)
    const failure = await this.#appendMany(groupId, records)
    if (failure !== null) return failure
    // Ids that were handed out and not used yet do not keep it: whoever comes with one joins anew.
    const group = this.#store.classic.get(groupId)
    if (group?.isEmpty === true) {
      this.#rebalances.abandon(group, refusal('UNKNOWN_MEMBER_ID'))
      this.#store.classic.delete(groupId)
    }
    return OK
  }

  // ---- expiry ----

  /** One run of offset expiry; runs by itself every offsets.retention.check.interval.ms. */
  async expireOffsets(): Promise<void> {
    if (this.#expiring || this.#unavailable !== null) return
    this.#expiring = true
    try {
      const retentionMs = this.#options.settings['offsets.retention.minutes'] * 60_000
      for (const group of [...this.#store.classic.values(), ...this.#store.foreign.values()]) {
        const stale = 'logged' in group && group.logged === 'stale' && group.isEmpty ? [groupMetadataRecord(group.groupId, group.persisted(new Map()))] : []
        const records = expiredRecords(this.#store, group, this.#options.ports.clock.now(), retentionMs)
        this.#warn(await this.#appendMany(group.groupId, [...stale, ...records]), 'expired offsets', group.groupId)
        if ('logged' in group && isForgettable(this.#store, group)) this.#store.classic.delete(group.groupId)
      }
    } finally {
      this.#expiring = false
    }
  }

  /** Members of a foreign protocol cannot heartbeat here: after a session's time they are out. */
  #watchForeign(groupId: string): void {
    this.#deadlines.set(JSON.stringify(['foreign', groupId]), FOREIGN_SESSION_MS, () => {
      const group = this.#store.foreign.get(groupId)
      if (group === undefined || group.isEmpty) return
      void this.#appendMany(groupId, group.tombstones(true)).then((failure) => this.#warn(failure, `members of a ${group.type} group`, groupId))
    })
  }

  /** Ends timers, answers parked requests, waits for appends under way. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      const closed = failureOf(new OttlaError('CLOSED', 'the group coordinator is closed'))
      this.#unavailable = { ...closed, errorCode: refusal('COORDINATOR_NOT_AVAILABLE').errorCode }
      this.#expiry?.cancel()
      for (const group of this.#store.classic.values()) this.#rebalances.abandon(group, this.#unavailable)
      this.#deadlines.close()
      this.#watchers.close()
    }
    await this.#writer.close()
  }
}
