/**
 * Sticky assignment where members subscribe to different topics (KIP-54): keep what is still valid, give what is free to the lightest
 * member that may have it, then move partitions one by one while that evens the loads out, and take it all back if it did not.
 */
import type { TopicPartition } from '../../common/topic-partition.ts'
import { MemberLoads } from './member-loads.ts'
import { compareText } from './members.ts'
import { PartitionMovements } from './partition-movements.ts'
import { NO_GENERATION, type StickyInput } from './sticky-input.ts'

export function assignGeneral(input: StickyInput): Map<string, TopicPartition[]> {
  const round = new GeneralRound(input)
  round.dropInvalid()
  round.giveFree()
  round.balance()
  return round.assignment
}

class GeneralRound {
  readonly assignment: Map<string, TopicPartition[]>
  readonly #input: StickyInput
  /** Existing topics that a member subscribes to, and members that subscribe to a topic. */
  readonly #topicsOf = new Map<string, ReadonlySet<string>>()
  readonly #membersOf = new Map<string, string[]>()
  readonly #ownerOf = new Map<TopicPartition, string>()
  /** Owners of older generations: a partition goes back to them where that helps the balance. */
  readonly #formerOwner: ReadonlyMap<TopicPartition, string>
  readonly #movements = new PartitionMovements()
  #loads: MemberLoads
  /** All partitions, those with fewest possible owners first; and those of them that nobody has. */
  readonly #sorted: readonly TopicPartition[]
  #free: TopicPartition[] = []
  #initial = true
  #revocationRequired = false

  constructor(input: StickyInput) {
    this.#input = input
    this.assignment = input.owned
    for (const topic of input.partitions.keys()) this.#membersOf.set(topic, [])
    for (const member of input.members) {
      const topics = new Set(member.topics.filter((topic) => input.partitions.has(topic)))
      this.#topicsOf.set(member.memberId, topics)
      for (const topic of topics) this.#membersOf.get(topic)!.push(member.memberId)
    }
    this.#sorted = [...input.partitions.keys()]
      .sort((a, b) => this.#membersOf.get(a)!.length - this.#membersOf.get(b)!.length || compareText(a, b))
      .flatMap((topic) => [...input.partitions.get(topic)!])
    this.#formerOwner = formerOwners(input)
    this.#loads = new MemberLoads([], (memberId) => this.#load(memberId))
  }

  #load(memberId: string): number { return this.assignment.get(memberId)!.length }

  /** Drops owned partitions whose topic is no longer subscribed to, or which lie in another rack. */
  dropInvalid(): void {
    for (const [memberId, list] of this.assignment) {
      const topics = this.#topicsOf.get(memberId)!
      const kept = list.filter((partition) => topics.has(partition.topic) && !this.#input.racks.mismatch(memberId, partition))
      if (kept.length < list.length) this.#revocationRequired = true
      this.assignment.set(memberId, kept)
      for (const partition of kept) this.#ownerOf.set(partition, memberId)
    }
    this.#loads = new MemberLoads(this.assignment.keys(), (memberId) => this.#load(memberId))
    this.#initial = this.#load(this.#loads.heaviest!) === 0
  }

  /** Gives each free partition to the lightest member that may have it, within racks first. */
  giveFree(): void {
    this.#free = this.#sorted.filter((partition) => !this.#ownerOf.has(partition))
    const left = this.#input.racks.matter ? this.#free.filter((partition) => !this.#giveToLightest(partition, true)) : this.#free
    for (const partition of left) this.#giveToLightest(partition, false)
  }

  #giveToLightest(partition: TopicPartition, matchRacks: boolean): boolean {
    for (const memberId of this.#loads.order) {
      if (!this.#topicsOf.get(memberId)!.has(partition.topic)) continue
      if (matchRacks && this.#input.racks.mismatch(memberId, partition)) continue
      this.#loads.change([memberId], () => this.assignment.get(memberId)!.push(partition))
      this.#ownerOf.set(partition, memberId)
      return true
    }
    return false
  }

  /** Moves partitions while that helps; members and topics that cannot take part are set aside. */
  balance(): void {
    const movable = (partition: TopicPartition): boolean => this.#membersOf.get(partition.topic)!.length >= 2
    const fixed = new Map<string, TopicPartition[]>()
    for (const [memberId, list] of this.assignment) {
      if (list.length < this.#potential(memberId) || list.some(movable)) continue
      fixed.set(memberId, list)
      this.#loads.remove(memberId)
      this.assignment.delete(memberId)
    }
    const before = new Map([...this.assignment].map(([memberId, list]) => [memberId, [...list]]))
    if (!this.#revocationRequired) this.#reassign(this.#free.filter(movable))
    const changed = this.#reassign(this.#sorted.filter(movable))
    if (!this.#initial && changed && imbalance(this.assignment) >= imbalance(before)) for (const [memberId, list] of before) this.assignment.set(memberId, list)
    for (const [memberId, list] of fixed) this.assignment.set(memberId, list)
  }

  /** How many partitions a member could have at most. */
  #potential(memberId: string): number {
    let sum = 0
    for (const topic of this.#topicsOf.get(memberId)!) sum += this.#input.partitions.get(topic)!.length
    return sum
  }

  /** No member can take a partition from one that holds at least two more. */
  #isBalanced(): boolean {
    const { lightest, heaviest } = this.#loads
    if (lightest === undefined || this.#load(lightest) >= this.#load(heaviest!) - 1) return true
    const heaviestOwner = new Map<string, number>()
    for (const list of this.assignment.values()) {
      for (const { topic } of list) if ((heaviestOwner.get(topic) ?? 0) < list.length) heaviestOwner.set(topic, list.length)
    }
    for (const memberId of this.#loads.order) {
      const load = this.#load(memberId)
      for (const topic of this.#topicsOf.get(memberId)!) if (load + 1 < (heaviestOwner.get(topic) ?? 0)) return false
    }
    return true
  }

  /** Passes over `partitions` until a pass changes nothing. True if anything moved. */
  #reassign(partitions: readonly TopicPartition[]): boolean {
    let moved = false
    for (let again = true; again;) {
      again = false
      for (const partition of partitions) {
        if (this.#isBalanced()) break
        const target = this.#betterOwner(partition)
        if (target === null) continue
        this.#move(partition, target)
        moved = again = true
      }
    }
    return moved
  }

  /** Who should have `partition` instead of its owner, or null. */
  #betterOwner(partition: TopicPartition): string | null {
    const owner = this.#ownerOf.get(partition)!
    const load = this.#load(owner)
    const former = this.#formerOwner.get(partition)
    // A former owner that no longer subscribes to the topic must not get it back; Kafka does not look, and hands it out.
    if (former !== undefined && this.assignment.has(former) && this.#topicsOf.get(former)!.has(partition.topic) && load > this.#load(former) + 1) return former
    if (!this.#membersOf.get(partition.topic)!.some((memberId) => load > this.#load(memberId) + 1)) return null
    return this.#loads.order.find((memberId) => this.#topicsOf.get(memberId)!.has(partition.topic)) ?? null
  }

  #move(partition: TopicPartition, to: string): void {
    const moving = this.#movements.instead(partition, this.#ownerOf.get(partition)!, to)
    const from = this.#ownerOf.get(moving)!
    this.#movements.record(moving, from, to)
    this.#loads.change([from, to], () => {
      const list = this.assignment.get(from)!
      list.splice(list.indexOf(moving), 1)
      this.assignment.get(to)!.push(moving)
    })
    this.#ownerOf.set(moving, to)
  }
}

/** Sum of the differences of load over all pairs of members; 0 is perfect. */
function imbalance(assignment: ReadonlyMap<string, readonly TopicPartition[]>): number {
  const loads = [...assignment.values()].map((list) => list.length)
  let sum = 0
  for (let i = 0; i < loads.length; i++) for (let j = i + 1; j < loads.length; j++) sum += Math.abs(loads[i]! - loads[j]!)
  return sum
}

/** For each partition the newest claim of a generation before the newest of all. */
function formerOwners({ members, claims, maxGeneration }: StickyInput): Map<TopicPartition, string> {
  const owners = new Map<TopicPartition, string>()
  const generations = new Map<TopicPartition, number>()
  for (const { memberId } of members) {
    const claim = claims.get(memberId)!
    const generation = claim.generation ?? NO_GENERATION
    if (generation >= maxGeneration) continue
    for (const partition of claim.partitions) {
      if ((generations.get(partition) ?? -Infinity) >= generation) continue
      owners.set(partition, memberId)
      generations.set(partition, generation)
    }
  }
  return owners
}
