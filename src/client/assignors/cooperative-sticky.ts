/**
 * `cooperative-sticky` (KIP-429): the sticky assignment, but a partition that changes owners is left out this time: its owner gives it up,
 * rejoins, and the next rebalance hands it over. Members keep the rest without interruption.
 */
import type { TopicPartition } from '../../common/topic-partition.ts'
import type { Assignor, AssignorMember, AssignorTopic } from './assignor.ts'
import { assignConstrained } from './sticky-constrained.ts'
import { assignGeneral } from './sticky-general.ts'
import { existing, stickyInput, subscriptionsEqual, type Claim } from './sticky-input.ts'
import { decodeGeneration, encodeGeneration } from './sticky-user-data.ts'

function claimOf(member: AssignorMember): Claim {
  return { partitions: member.ownedPartitions, generation: member.generationId >= 0 ? member.generationId : decodeGeneration(member.userData) }
}

/** Newly assigned partitions that another member still owns and loses → the new owner. */
function transferring(
  assignment: ReadonlyMap<string, readonly TopicPartition[]>, members: readonly AssignorMember[], partitions: ReadonlyMap<string, readonly TopicPartition[]>,
): Map<TopicPartition, string> {
  const added = new Map<TopicPartition, string>()
  const revoked = new Set<TopicPartition>()
  for (const member of members) {
    const owned = new Set(existing(member.ownedPartitions, partitions))
    const assigned = new Set(assignment.get(member.memberId))
    for (const partition of assigned) if (!owned.has(partition)) added.set(partition, member.memberId)
    for (const partition of owned) if (!assigned.has(partition)) revoked.add(partition)
  }
  for (const partition of added.keys()) if (!revoked.has(partition)) added.delete(partition)
  return added
}

function assign(topics: ReadonlyMap<string, AssignorTopic>, members: readonly AssignorMember[]): Map<string, TopicPartition[]> {
  if (members.length === 0) return new Map()
  const input = stickyInput(topics, members, claimOf)
  let assignment: Map<string, TopicPartition[]>
  let moving: Map<TopicPartition, string>
  if (subscriptionsEqual(members)) ({ assignment, transferring: moving } = assignConstrained(input))
  else {
    assignment = assignGeneral(input)
    moving = transferring(assignment, members, input.partitions)
  }
  for (const [memberId, list] of assignment) assignment.set(memberId, list.filter((partition) => moving.get(partition) !== memberId))
  return assignment
}

export const cooperativeSticky: Assignor = {
  name: 'cooperative-sticky',
  protocol: 'cooperative',
  userData: (_owned, generationId) => encodeGeneration(generationId),
  assign,
}
