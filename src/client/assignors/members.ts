/** Orders and lookups that several assignors share. */
import type { TopicPartition } from '../../common/topic-partition.ts'
import type { AssignorMember, AssignorTopic } from './assignor.ts'
import { javaOrder } from '../../protocol/java-order.ts'

/** By UTF-16 code units, as Java compares strings. */
export function compareText(a: string, b: string): number { return a < b ? -1 : a > b ? 1 : 0 }

export function compareByTopic(a: TopicPartition, b: TopicPartition): number {
  return compareText(a.topic, b.topic) || a.partition - b.partition
}

/** Static members first, by instance id; then dynamic ones, by member id. Stable over restarts of static members. */
export function compareMembers(a: AssignorMember, b: AssignorMember): number {
  if (a.groupInstanceId !== null && b.groupInstanceId !== null) return compareText(a.groupInstanceId, b.groupInstanceId)
  if (a.groupInstanceId !== null) return -1
  if (b.groupInstanceId !== null) return 1
  return compareText(a.memberId, b.memberId)
}

/** Topics that exist, have partitions and are subscribed to by someone, in the order in which Kafka's assignors meet them. */
export function subscribedTopics(topics: ReadonlyMap<string, AssignorTopic>, members: readonly AssignorMember[]): string[] {
  return javaOrder(javaOrder(members.flatMap((member) => member.topics)).filter((topic) => (topics.get(topic)?.partitions ?? 0) > 0))
}

/** Rack of a member, null when it has none or an empty one. */
export function rackOf(member: AssignorMember): string | null { return member.rackId === null || member.rackId === '' ? null : member.rackId }

/** Distinct racks of the replicas of a partition. */
export function replicaRacks(topic: AssignorTopic, partition: number): ReadonlySet<string> { return new Set(topic.replicaRacks?.[partition] ?? []) }

/**
 * Racks matter only when some member's rack holds replicas and some partition is missing in some rack; else every choice is as near as
 * any other.
 */
export function racksMatter(memberRacks: ReadonlySet<string>, partitionRacks: Iterable<ReadonlySet<string>>): boolean {
  const sets = [...partitionRacks]
  const all = new Set<string>()
  for (const racks of sets) for (const rack of racks) all.add(rack)
  let shared = false
  for (const rack of memberRacks) shared ||= all.has(rack)
  return shared && sets.some((racks) => racks.size !== all.size)
}
