/**
 * `range`: topic by topic, consecutive partitions to members in order, so that equal partitions of co-partitioned topics meet in one
 * member. Rack aware (KIP-881): first what matches racks within each member's share, topics with the same members and partition counts
 * kept together; then the rest by range.
 */
import type { TopicPartition } from '../../common/topic-partition.ts'
import type { Assignor, AssignorMember, AssignorTopic } from './assignor.ts'
import { compareByTopic, compareMembers, racksMatter, rackOf, replicaRacks, subscribedTopics } from './members.ts'

type Result = Map<string, TopicPartition[]>

/** What is still to be given out of one topic. */
class TopicShare {
  readonly topic: string
  readonly members: readonly AssignorMember[]
  /** Empty unless some member has a rack. */
  readonly racks: readonly ReadonlySet<string>[]
  readonly rackAware: boolean
  readonly #unassigned: Set<number>
  readonly #given = new Map<string, number>()
  readonly #quota: number
  #extras: number

  constructor(topic: string, info: AssignorTopic, members: readonly AssignorMember[]) {
    this.topic = topic
    this.members = members
    this.#unassigned = new Set(Array.from({ length: info.partitions }, (_, partition) => partition))
    this.#quota = Math.floor(info.partitions / members.length)
    this.#extras = info.partitions % members.length
    const memberRacks = new Set(members.map(rackOf).filter((rack) => rack !== null))
    this.racks = memberRacks.size === 0 ? [] : Array.from({ length: info.partitions }, (_, partition) => replicaRacks(info, partition))
    this.rackAware = racksMatter(memberRacks, this.racks)
  }

  get isDone(): boolean { return this.#unassigned.size === 0 }

  matches(member: AssignorMember, partition: number): boolean {
    const rack = rackOf(member)
    return rack === null || (this.racks[partition]?.has(rack) ?? false)
  }

  /** How many more `member` may get. */
  room(member: AssignorMember): number {
    return Math.max(0, this.#quota + (this.#extras > 0 ? 1 : 0) - (this.#given.get(member.memberId) ?? 0))
  }

  give(member: AssignorMember, partitions: readonly number[], result: Result): void {
    const list = result.get(member.memberId)!
    for (const partition of partitions) {
      list.push({ topic: this.topic, partition })
      this.#unassigned.delete(partition)
    }
    const given = (this.#given.get(member.memberId) ?? 0) + partitions.length
    this.#given.set(member.memberId, given)
    if (given > this.#quota) this.#extras--
  }

  /** Gives each member in turn the lowest free partitions it may have. */
  giveRanges(result: Result, matchRacks: boolean): void {
    for (const member of this.members) {
      if (this.isDone) return
      const room = this.room(member)
      const chosen: number[] = []
      for (const partition of this.#unassigned) {
        if (chosen.length === room) break
        if (!matchRacks || this.matches(member, partition)) chosen.push(partition)
      }
      if (chosen.length > 0) this.give(member, chosen, result)
    }
  }
}

/** Gives partition p of all these topics to one member, wherever its rack has them all and it has room in all. */
function giveTogether(shares: readonly TopicShare[], result: Result): void {
  const waiting = new Set(shares[0]!.members)
  for (let partition = 0; partition < shares[0]!.racks.length && waiting.size > 0; partition++) {
    for (const member of waiting) {
      if (!shares.every((share) => share.matches(member, partition) && share.room(member) > 0)) continue
      for (const share of shares) share.give(member, [partition], result)
      if (shares.every((share) => share.room(member) === 0)) waiting.delete(member)
      break
    }
  }
}

function giveByRack(shares: readonly TopicShare[], result: Result): void {
  const groups = new Map<string, TopicShare[]>()
  for (const share of shares) {
    const key = JSON.stringify([share.racks.length, ...share.members.map((member) => member.memberId)])
    groups.set(key, [...groups.get(key) ?? [], share])
  }
  for (const group of groups.values()) {
    if (group.length > 1) giveTogether(group, result)
    else if (group[0]!.rackAware) group[0]!.giveRanges(result, true)
  }
}

function assign(topics: ReadonlyMap<string, AssignorTopic>, members: readonly AssignorMember[]): Result {
  const result: Result = new Map(members.map((member) => [member.memberId, []]))
  const ordered = [...members].sort(compareMembers)
  const shares = subscribedTopics(topics, members)
    .map((topic) => new TopicShare(topic, topics.get(topic)!, ordered.filter((member) => member.topics.includes(topic))))
  const rackAware = shares.some((share) => share.rackAware)
  if (rackAware) giveByRack(shares, result)
  for (const share of shares) share.giveRanges(result, false)
  if (rackAware) for (const list of result.values()) list.sort(compareByTopic)
  return result
}

export const range: Assignor = { name: 'range', protocol: 'eager', userData: () => null, assign }
