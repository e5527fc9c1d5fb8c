/** `sticky`: as even as can be, then moving as little as can be. Eager: members tell what they had in their user data. */
import type { TopicPartition } from '../../common/topic-partition.ts'
import type { Assignor, AssignorMember, AssignorTopic } from './assignor.ts'
import { assignConstrained } from './sticky-constrained.ts'
import { assignGeneral } from './sticky-general.ts'
import { stickyInput, subscriptionsEqual } from './sticky-input.ts'
import { decodeStickyUserData, encodeStickyUserData } from './sticky-user-data.ts'

function assign(topics: ReadonlyMap<string, AssignorTopic>, members: readonly AssignorMember[]): Map<string, TopicPartition[]> {
  if (members.length === 0) return new Map()
  const input = stickyInput(topics, members, (member) => decodeStickyUserData(member.userData))
  return subscriptionsEqual(members) ? assignConstrained(input).assignment : assignGeneral(input)
}

export const sticky: Assignor = {
  name: 'sticky',
  protocol: 'eager',
  userData: (owned, generationId) => owned === null ? null : encodeStickyUserData(owned, generationId),
  assign,
}
