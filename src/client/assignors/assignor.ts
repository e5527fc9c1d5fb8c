/**
 * What every partition assignor is: a pure function from a group's subscriptions to who gets which partition, run by the group's leader.
 *
 * Results equal those of Kafka 4.1's assignors of the same names, list order included (checked against fixtures/vectors/assignments.jsonl.gz),
 * so that a group may mix our members with Java's. Nothing here knows the wire: `consumer-protocol.ts` carries the fields.
 */
import type { TopicPartition } from '../../common/topic-partition.ts'

export type AssignorName = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky'

/** One member's subscription as the leader sees it. */
export interface AssignorMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly rackId: string | null
  readonly topics: readonly string[]
  /** What it still owns (cooperative members); empty for eager ones. */
  readonly ownedPartitions: readonly TopicPartition[]
  /** Generation in which it owned them; −1 unknown. */
  readonly generationId: number
  readonly userData: Uint8Array | null
}

export interface AssignorTopic {
  /** Number of partitions; topics that do not exist or have none are left out of the map. */
  readonly partitions: number
  /** Racks of the replicas, by partition. Absent where racks are not in play. */
  readonly replicaRacks?: readonly (readonly string[])[] | undefined
}

export interface Assignor {
  readonly name: AssignorName
  /** Eager members give up all partitions before they rejoin; cooperative ones only what they lose. */
  readonly protocol: 'eager' | 'cooperative'
  /** User data of a subscription, from the member's last assignment; `owned` null before the first. */
  userData(owned: readonly TopicPartition[] | null, generationId: number): Uint8Array | null
  /** Member id → its partitions. Every member is in the result. */
  assign(topics: ReadonlyMap<string, AssignorTopic>, members: readonly AssignorMember[]): Map<string, TopicPartition[]>
}
