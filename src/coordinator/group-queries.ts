/** Listing, describing and deleting groups (spec/wire-protocol 4.7). */
import { NONE, type DescribedGroup, type ListedGroup } from '../protocol/broker-api.ts'
import { CONSUMER_PROTOCOL_TYPE, encodeAssignment } from '../protocol/consumer-protocol.ts'
import { NO_ASSIGNMENT, type ClassicGroup } from './classic-group.ts'
import type { ForeignGroup, ForeignMember } from './foreign-group.ts'
import type { GroupStore } from './group-store.ts'
import { groupTombstone, offsetTombstone } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'
import { refusal } from './responses.ts'

function protocolTypeOf(group: ForeignGroup): string { return group.type === 'consumer' ? CONSUMER_PROTOCOL_TYPE : group.type }

/** `statesFilter` as Kafka's: empty = all, case does not matter. */
export function listGroups(store: GroupStore, statesFilter: readonly string[]): ListedGroup[] {
  const wanted = new Set(statesFilter.map((state) => state.toLowerCase()))
  const listed: ListedGroup[] = []
  for (const { groupId, protocolType, state } of store.classic.values()) {
    listed.push({ groupId, protocolType: protocolType ?? '', groupState: state, groupType: 'classic' })
  }
  for (const group of store.foreign.values()) {
    listed.push({ groupId: group.groupId, protocolType: protocolTypeOf(group), groupState: group.state, groupType: group.type })
  }
  return wanted.size === 0 ? listed : listed.filter(({ groupState }) => wanted.has(groupState.toLowerCase()))
}

/** `topicName`: null for a topic that is gone; what members had of it is not shown. */
export function describeGroup(store: GroupStore, groupId: string, topicName: (topicId: string) => string | null): DescribedGroup {
  const group = store.classic.get(groupId)
  if (group !== undefined) return describeClassic(group)
  const foreign = store.foreign.get(groupId)
  if (foreign === undefined) return notFound(groupId)
  return {
    errorCode: NONE, groupId, groupState: foreign.state, protocolType: protocolTypeOf(foreign), protocolData: foreign.assignor,
    members: foreign.members.map((member) => ({ ...member, memberMetadata: NO_ASSIGNMENT, memberAssignment: assignmentOf(member, topicName) })),
  }
}

/** In the bytes of the classic protocol, as every client reads them. */
function assignmentOf({ assigned }: ForeignMember, topicName: (topicId: string) => string | null): Uint8Array {
  const assignedPartitions = assigned.flatMap(({ topicId, partitions }) => {
    const topic = topicName(topicId)
    return topic === null ? [] : [{ topic, partitions }]
  })
  return encodeAssignment({ assignedPartitions, userData: null })
}

function notFound(groupId: string): DescribedGroup {
  return { ...refusal('GROUP_ID_NOT_FOUND', `there is no group ${groupId}`), groupId, groupState: 'Dead', protocolType: '', protocolData: '', members: [] }
}

/** Metadata is shown of a stable group only, for it goes with the protocol that was chosen; assignments, as in Kafka, are those of last time until there are others. */
function describeClassic(group: ClassicGroup): DescribedGroup {
  const stable = group.state === 'Stable'
  return {
    errorCode: NONE, groupId: group.groupId, groupState: group.state, protocolType: group.protocolType ?? '', protocolData: stable ? group.protocol ?? '' : '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId, clientHost: member.clientHost,
      memberMetadata: stable ? group.metadata(member) : NO_ASSIGNMENT, memberAssignment: member.assignment,
    })),
  }
}

/** Tombstones for all offsets of a group and the group itself; null when it does not exist, false when it has members. */
export function deletionRecords(store: GroupStore, groupId: string): KnownRecord[] | false | null {
  const group = store.classic.get(groupId) ?? store.foreign.get(groupId)
  if (group === undefined) return null
  if (!group.isEmpty) return false
  const offsets = [...store.offsets.all(groupId), ...store.offsets.onlyPending(groupId)]
  const records = offsets.map(({ topic, partition }) => offsetTombstone(groupId, topic, partition))
  return [...records, ...('protocolType' in group ? [groupTombstone(groupId)] : group.tombstones())]
}
