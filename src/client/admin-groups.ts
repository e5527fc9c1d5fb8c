/** The group calls of the admin client: questions about groups, and their offsets, over one `BrokerApi`. Used by KafkaAdmin only. */
import { OttlaError } from '../common/errors.ts'
import { checkTopicName, type TopicPartition, type TopicPartitionOffset } from '../common/topic-partition.ts'
import { decodeAssignment } from '../protocol/consumer-protocol.ts'
import type { BrokerApi, DescribedGroup } from '../protocol/broker-api.ts'
import { throwOnFailure } from './failure.ts'
import type { GroupDescription, GroupListing } from './types.ts'

function checkGroup(id: unknown): asserts id is string {
  if (typeof id !== 'string' || id === '') throw new OttlaError('INVALID_GROUP_ID', `a group id is text of at least one character, not ${JSON.stringify(id)}`)
}

export async function list(api: BrokerApi): Promise<GroupListing[]> {
  const answer = await api.listGroups({ statesFilter: [] })
  throwOnFailure(answer, 'groups could not be listed')
  return answer.groups.map((g) => ({ groupId: g.groupId, state: g.groupState, protocolType: g.protocolType, type: g.groupType }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** Members of other protocol types keep assignments that only they can read: shown as none. */
function assignmentOf(group: DescribedGroup, bytes: Uint8Array): TopicPartition[] {
  if (group.protocolType !== 'consumer' || bytes.length === 0) return []
  return decodeAssignment(bytes).assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}

export async function describe(api: BrokerApi, id: string): Promise<GroupDescription> {
  checkGroup(id)
  const { groups } = await api.describeGroups({ groups: [id] })
  const group = groups.find((g) => g.groupId === id)
  if (group === undefined) throw new OttlaError('GROUP_ID_NOT_FOUND', `there is no group ${id}`)
  throwOnFailure(group, `group ${id}`)
  if (group.groupState === 'Dead') throw new OttlaError('GROUP_ID_NOT_FOUND', `there is no group ${id}`)
  return {
    groupId: id, state: group.groupState, protocolType: group.protocolType, protocol: group.protocolData,
    members: group.members.map((m) => ({ memberId: m.memberId, groupInstanceId: m.groupInstanceId, clientId: m.clientId, clientHost: m.clientHost, assignment: assignmentOf(group, m.memberAssignment) })),
  }
}

export async function remove(api: BrokerApi, id: string): Promise<void> {
  checkGroup(id)
  const { results } = await api.deleteGroups({ groups: [id] })
  for (const result of results) throwOnFailure(result, `group ${id} was not deleted`)
}

export async function listOffsets(api: BrokerApi, id: string): Promise<TopicPartitionOffset[]> {
  checkGroup(id)
  const answer = await api.offsetFetch({ groupId: id, requireStable: false, partitions: null })
  throwOnFailure(answer, `offsets of group ${id}`)
  const offsets: TopicPartitionOffset[] = []
  for (const p of answer.partitions) {
    throwOnFailure(p, `offset of group ${id} for ${p.topic}-${p.partition}`, { topic: p.topic, partition: p.partition })
    if (p.committedOffset >= 0) offsets.push({ topic: p.topic, partition: p.partition, offset: p.committedOffset, leaderEpoch: p.committedLeaderEpoch, metadata: p.metadata })
  }
  return offsets.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
}

export async function alterOffsets(api: BrokerApi, id: string, offsets: readonly TopicPartitionOffset[]): Promise<void> {
  checkGroup(id)
  for (const { topic, partition, offset } of offsets) {
    checkTopicName(topic)
    if (!Number.isSafeInteger(partition) || partition < 0) throw new OttlaError('INVALID_ARGUMENT', `a partition is a whole number from 0, not ${String(partition)}`, { topic })
    if (!Number.isSafeInteger(offset) || offset < 0) throw new OttlaError('INVALID_ARGUMENT', `a committed offset is a whole number from 0, not ${String(offset)}`, { topic, partition })
  }
  const { partitions } = await api.offsetCommit({
    groupId: id, memberId: '', groupInstanceId: null, generationId: -1,
    partitions: offsets.map((o) => ({ topic: o.topic, partition: o.partition, committedOffset: o.offset, committedLeaderEpoch: o.leaderEpoch ?? -1, committedMetadata: o.metadata ?? '' })),
  })
  for (const p of partitions) throwOnFailure(p, `offset of group ${id} for ${p.topic}-${p.partition} was not set`, { topic: p.topic, partition: p.partition })
}

export async function deleteOffsets(api: BrokerApi, id: string, partitions: readonly TopicPartition[]): Promise<void> {
  checkGroup(id)
  const answer = await api.offsetDelete({ groupId: id, partitions })
  throwOnFailure(answer, `offsets of group ${id} were not deleted`)
  for (const p of answer.partitions) throwOnFailure(p, `offset of group ${id} for ${p.topic}-${p.partition} was not deleted`, { topic: p.topic, partition: p.partition })
}
