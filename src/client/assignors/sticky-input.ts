/**
 * What both sticky algorithms work on: every partition as one object (so that sets and maps go by identity), who owned what before, and
 * racks. Claims on partitions that do not exist (any more) are dropped here.
 */
import type { TopicPartition } from '../../common/topic-partition.ts'
import type { AssignorMember, AssignorTopic } from './assignor.ts'
import { racksMatter, rackOf, replicaRacks, subscribedTopics } from './members.ts'

/** What a member says it owned, and when; generation null: it does not say. */
export interface Claim { readonly partitions: readonly TopicPartition[]; readonly generation: number | null }

export const NO_GENERATION = -1

export interface StickyInput {
  readonly members: readonly AssignorMember[]
  /** By member, restricted to partitions that exist. */
  readonly claims: ReadonlyMap<string, Claim>
  /** Existing subscribed topics → their partitions, in order. */
  readonly partitions: ReadonlyMap<string, readonly TopicPartition[]>
  readonly partitionCount: number
  /** Claims after conflicts are settled: the newest generation keeps a partition. Lists are the algorithms' own to change. */
  readonly owned: Map<string, TopicPartition[]>
  /** Partitions claimed by several members in one generation: taken from all. */
  readonly disputed: ReadonlySet<TopicPartition>
  readonly maxGeneration: number
  readonly racks: Racks
}

export function stickyInput(
  topics: ReadonlyMap<string, AssignorTopic>, members: readonly AssignorMember[], claimOf: (member: AssignorMember) => Claim,
): StickyInput {
  const partitions = new Map<string, TopicPartition[]>()
  let partitionCount = 0
  for (const topic of subscribedTopics(topics, members)) {
    const count = topics.get(topic)!.partitions
    partitions.set(topic, Array.from({ length: count }, (_, partition) => ({ topic, partition })))
    partitionCount += count
  }
  const claims = new Map<string, Claim>()
  for (const member of members) {
    const { partitions: claimed, generation } = claimOf(member)
    claims.set(member.memberId, { partitions: existing(claimed, partitions), generation })
  }
  return { members, claims, partitions, partitionCount, racks: new Racks(topics, partitions, members), ...settle(members, claims) }
}

/** The objects that stand for `list`, without those that do not exist. */
export function existing(list: readonly TopicPartition[], partitions: ReadonlyMap<string, readonly TopicPartition[]>): TopicPartition[] {
  return list.map(({ topic, partition }) => partitions.get(topic)?.[partition]).filter((found) => found !== undefined)
}

function settle(members: readonly AssignorMember[], claims: ReadonlyMap<string, Claim>): Pick<StickyInput, 'owned' | 'disputed' | 'maxGeneration'> {
  const owned = new Map<string, TopicPartition[]>()
  const owners = new Map<TopicPartition, AssignorMember>()
  const disputed = new Set<TopicPartition>()
  let maxGeneration = NO_GENERATION
  const take = (from: AssignorMember, partition: TopicPartition): void => {
    const list = owned.get(from.memberId)!
    const at = list.indexOf(partition)
    if (at >= 0) list.splice(at, 1)
  }
  for (const member of members) {
    const claim = claims.get(member.memberId)!
    const generation = claim.generation ?? NO_GENERATION
    maxGeneration = Math.max(maxGeneration, generation)
    const list: TopicPartition[] = []
    owned.set(member.memberId, list)
    for (const partition of claim.partitions) {
      const other = owners.get(partition)
      if (other === undefined) {
        list.push(partition)
        owners.set(partition, member)
        continue
      }
      // Kafka compares with the generation field of the other's subscription here, whatever its user data says.
      const otherGeneration = Math.max(other.generationId, NO_GENERATION)
      if (generation < otherGeneration) continue
      take(other, partition)
      owners.set(partition, member)
      if (generation === otherGeneration) disputed.add(partition)
      else list.push(partition)
    }
  }
  return { owned, disputed, maxGeneration }
}

/** True when all members subscribe to one and the same set of topics. */
export function subscriptionsEqual(members: readonly AssignorMember[]): boolean {
  let topics = new Set<string>()
  for (const member of members) {
    if (topics.size === 0) topics = new Set(member.topics)
    else if (member.topics.length !== topics.size || !member.topics.every((topic) => topics.has(topic))) return false
  }
  return true
}

/** Racks of members and replicas; all is empty where racks make no difference. */
export class Racks {
  readonly #ofMember = new Map<string, string>()
  readonly #ofPartition = new Map<TopicPartition, ReadonlySet<string>>()
  /** How many members could read a partition in their own rack; kept even where racks make no difference, as Kafka sorts by it then too. */
  readonly #readers = new Map<TopicPartition, number>()

  constructor(topics: ReadonlyMap<string, AssignorTopic>, partitions: ReadonlyMap<string, readonly TopicPartition[]>, members: readonly AssignorMember[]) {
    const membersPerRack = new Map<string, number>()
    for (const member of members) {
      const rack = rackOf(member)
      if (rack !== null) membersPerRack.set(rack, (membersPerRack.get(rack) ?? 0) + 1)
    }
    if (membersPerRack.size === 0) return
    const racks = new Map<TopicPartition, ReadonlySet<string>>()
    for (const [topic, list] of partitions) for (const partition of list) racks.set(partition, replicaRacks(topics.get(topic)!, partition.partition))
    for (const [partition, set] of racks) this.#readers.set(partition, [...set].reduce((sum, rack) => sum + (membersPerRack.get(rack) ?? 0), 0))
    if (!racksMatter(new Set(membersPerRack.keys()), racks.values())) return
    this.#ofPartition = racks
    for (const member of members) {
      const rack = rackOf(member)
      if (rack !== null) this.#ofMember.set(member.memberId, rack)
    }
  }

  get matter(): boolean { return this.#ofMember.size > 0 }

  /** The member has a rack, and the partition has no replica there. */
  mismatch(memberId: string, partition: TopicPartition): boolean {
    const rack = this.#ofMember.get(memberId)
    return rack !== undefined && !(this.#ofPartition.get(partition)?.has(rack) ?? false)
  }

  /** The member has a rack, and the partition a replica there. */
  match(memberId: string, partition: TopicPartition): boolean {
    const rack = this.#ofMember.get(memberId)
    return rack !== undefined && (this.#ofPartition.get(partition)?.has(rack) ?? false)
  }

  /** Those that fewest members could read in their rack first. */
  sort(partitions: readonly TopicPartition[]): TopicPartition[] {
    if (this.#readers.size === 0) return [...partitions]
    return [...partitions].sort((a, b) => (this.#readers.get(a) ?? 0) - (this.#readers.get(b) ?? 0))
  }

  /** Index of the first member in the partition's rack, looking from `from` on and around; −1 if none. */
  nextMatch(partition: TopicPartition, memberIds: readonly string[], from: number): number {
    for (let i = 0; i < memberIds.length; i++) {
      const index = (from + i) % memberIds.length
      if (this.match(memberIds[index]!, partition)) return index
    }
    return -1
  }
}
