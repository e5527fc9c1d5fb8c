/** Committing, reading and deleting offsets (spec/wire-protocol 4.6): who may, and which records that makes. */
import type { ErrorCode } from '../common/errors.ts'
import {
  NONE, type Failure, type OffsetCommitRequest, type OffsetCommitResponse, type OffsetDeleteRequest, type OffsetDeleteResponse, type OffsetFetchPartition,
  type OffsetFetchRequest, type OffsetFetchResponse,
} from '../protocol/broker-api.ts'
import type { ClassicGroup } from './classic-group.ts'
import { identify } from './group-membership.ts'
import type { GroupStore } from './group-store.ts'
import { offsetCommitRecord, offsetTombstone } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'
import { OK, refusal } from './responses.ts'

export interface Plan<Response> { readonly records: readonly KnownRecord[]; readonly response: Response }

export interface CommitLimits {
  readonly nowMs: number
  readonly maxMetadataLength: number
  /** Partitions of a topic, null when there is none. */
  readonly topicPartitions: (topic: string) => number | null
}

/** Null: the commit may go ahead. */
function refuseCommit(store: GroupStore, request: OffsetCommitRequest): ErrorCode | null {
  const { groupId, generationId, memberId, groupInstanceId } = request
  const foreign = store.foreign.get(groupId)
  if (foreign !== undefined) return generationId < 0 && foreign.isEmpty ? null : 'UNKNOWN_MEMBER_ID'
  const group = store.classic.get(groupId)
  if (group === undefined) return generationId < 0 ? null : 'ILLEGAL_GENERATION'
  if (generationId < 0 && group.isEmpty) return null
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return 'UNKNOWN_MEMBER_ID'
  const stranger = identify(group, request)
  if (stranger !== null) return stranger
  if (generationId !== group.generation) return 'ILLEGAL_GENERATION'
  return group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : null
}

const commitAdvice: Partial<Record<ErrorCode, string>> = {
  UNKNOWN_MEMBER_ID: 'the group has members, and the committer is none of them: stop them first, or commit as a member',
}

/** `group`: the classic group whose member shows by the commit that it is alive. */
export interface CommitPlan extends Plan<OffsetCommitResponse> { readonly group: ClassicGroup | null }

/** Told, as by Kafka, whoever asks: also to who may not commit. */
function unknownPartition(topic: string, partition: number, { topicPartitions }: Pick<CommitLimits, 'topicPartitions'>): Failure | null {
  const count = topicPartitions(topic)
  if (count !== null && partition >= 0 && partition < count) return null
  return refusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${topic}-${partition}`)
}

/** Why this partition's offset cannot be committed, or null. What of it lies beyond ±(2^53−1) came as the nearest that does not: it would read back as another. */
function refusePartition(asked: OffsetCommitRequest['partitions'][number], limits: CommitLimits): Failure | null {
  const { topic, partition, committedMetadata } = asked
  const unknown = unknownPartition(topic, partition, limits)
  if (unknown !== null) return unknown
  const length = committedMetadata?.length ?? 0
  const most = limits.maxMetadataLength
  if (length > most) return refusal('OFFSET_METADATA_TOO_LARGE', `the metadata has ${length} characters, more than offset.metadata.max.bytes ${most}`)
  return Math.abs(asked.committedOffset) >= Number.MAX_SAFE_INTEGER ? refusal('INVALID_COMMIT_OFFSET_SIZE', 'offsets end at 2^53−1') : null
}

export function planCommit(store: GroupStore, request: OffsetCommitRequest, limits: CommitLimits): CommitPlan {
  const refused = refuseCommit(store, request)
  if (refused !== null) {
    const failure = refusal(refused, request.generationId < 0 ? commitAdvice[refused] : undefined)
    const partitions = request.partitions.map(({ topic, partition }) => ({ ...unknownPartition(topic, partition, limits) ?? failure, topic, partition }))
    return { records: [], response: { partitions }, group: null }
  }
  const records: KnownRecord[] = []
  const partitions = request.partitions.map((asked) => {
    const { topic, partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch, committedMetadata } = asked
    const unfit = refusePartition(asked, limits)
    if (unfit !== null) return { ...unfit, topic, partition }
    const committed = { offset, leaderEpoch, metadata: committedMetadata ?? '', commitTimestampMs: limits.nowMs, expireTimestampMs: -1 }
    records.push(offsetCommitRecord(request.groupId, topic, partition, committed))
    return { ...OK, topic, partition }
  })
  const group = store.classic.get(request.groupId)
  return { records, response: { partitions }, group: group?.state === 'Stable' || group?.state === 'PreparingRebalance' ? group : null }
}

/** The same failure for every partition asked. */
export function commitFailed(request: OffsetCommitRequest, failure: Failure): OffsetCommitResponse {
  return { partitions: request.partitions.map(({ topic, partition }) => ({ ...failure, topic, partition })) }
}

function fetched(store: GroupStore, groupId: string, topic: string, partition: number, requireStable: boolean): OffsetFetchPartition {
  const nothing = { topic, partition, committedOffset: -1, committedLeaderEpoch: -1, metadata: '' }
  if (requireStable && store.offsets.isPending(groupId, topic, partition)) {
    return { ...nothing, ...refusal('UNSTABLE_OFFSET_COMMIT', 'an open transaction has a commit for the partition') }
  }
  const committed = store.offsets.get(groupId, topic, partition)
  if (committed === undefined) return { errorCode: NONE, ...nothing }
  return { errorCode: NONE, topic, partition, committedOffset: committed.offset, committedLeaderEpoch: committed.leaderEpoch, metadata: committed.metadata }
}

/** Offset −1 where nothing is committed. */
export function fetchOffsets(store: GroupStore, { groupId, requireStable, partitions }: OffsetFetchRequest): OffsetFetchResponse {
  const asked = partitions ?? store.offsets.all(groupId)
  return { errorCode: NONE, partitions: asked.map(({ topic, partition }) => fetched(store, groupId, topic, partition, requireStable)) }
}

/** `topicPartitions`: partitions of a topic, null when there is none. */
export function planDelete(store: GroupStore, request: OffsetDeleteRequest, topicPartitions: CommitLimits['topicPartitions']): Plan<OffsetDeleteResponse> {
  const group = store.classic.get(request.groupId) ?? store.foreign.get(request.groupId)
  if (group === undefined) return { records: [], response: { ...refusal('GROUP_ID_NOT_FOUND', `there is no group ${request.groupId}`), partitions: [] } }
  if ('protocolType' in group && !group.isEmpty && group.protocolType !== 'consumer') {
    return { records: [], response: { ...refusal('NON_EMPTY_GROUP'), partitions: [] } }
  }
  const records: KnownRecord[] = []
  const partitions = request.partitions.map(({ topic, partition }) => {
    const { offsets } = store
    const isCommitted = offsets.get(request.groupId, topic, partition) !== undefined || offsets.isPending(request.groupId, topic, partition)
    const unknown = isCommitted ? null : unknownPartition(topic, partition, { topicPartitions })
    if (unknown !== null) return { ...unknown, topic, partition }
    if (!group.isEmpty && group.isSubscribedTo(topic)) {
      return { ...refusal('GROUP_SUBSCRIBED_TO_TOPIC', `members of the group read ${topic}`), topic, partition }
    }
    if (isCommitted) records.push(offsetTombstone(request.groupId, topic, partition))
    return { ...OK, topic, partition }
  })
  return { records, response: { ...OK, partitions } }
}
