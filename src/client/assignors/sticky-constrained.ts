/**
 * Sticky assignment where all members subscribe to the same topics (KIP-54, as optimised in Kafka 2.4 and later): every member ends with
 * floor(n/m) or ceil(n/m) partitions, keeps what it owned up to that, and the rest is dealt to those below it, in order of member ids.
 */
import type { TopicPartition } from '../../common/topic-partition.ts'
import { javaOrder } from '../../protocol/java-order.ts'
import { compareText } from './members.ts'
import type { StickyInput } from './sticky-input.ts'

export interface StickyResult {
  readonly assignment: Map<string, TopicPartition[]>
  /** Partitions that must first be given up by their owner → their new owner. */
  readonly transferring: Map<TopicPartition, string>
}

export function assignConstrained(input: StickyInput): StickyResult {
  const round = new ConstrainedRound(input)
  round.keepOwned()
  round.dealByRack()
  round.deal()
  return { assignment: round.assignment, transferring: round.transferring }
}

class ConstrainedRound {
  readonly assignment: Map<string, TopicPartition[]>
  readonly transferring = new Map<TopicPartition, string>()
  readonly #input: StickyInput
  readonly #minQuota: number
  readonly #maxQuota: number
  /** How many members get more than the least. */
  readonly #expectedOver: number
  #over = 0
  /** Members below the least, and members with just that who may get one more. */
  readonly #below: string[] = []
  readonly #atLeast: string[] = []
  readonly #revoked = new Map<TopicPartition, string>()
  #unassigned: TopicPartition[] = []

  constructor(input: StickyInput) {
    this.#input = input
    this.assignment = new Map(input.members.map((member) => [member.memberId, []]))
    this.#minQuota = Math.floor(input.partitionCount / input.members.length)
    this.#maxQuota = Math.ceil(input.partitionCount / input.members.length)
    this.#expectedOver = input.partitionCount % input.members.length
  }

  /** Leaves members what they owned up to their quota; then lists what is left, and who may get it. */
  keepOwned(): void {
    const { owned, racks, disputed, partitions } = this.#input
    const kept = new Set<TopicPartition>()
    for (const memberId of javaOrder(owned.keys())) {
      const mine: TopicPartition[] = []
      for (const partition of owned.get(memberId)!) {
        if (racks.mismatch(memberId, partition)) this.#revoked.set(partition, memberId)
        else if (!disputed.has(partition)) mine.push(partition)
      }
      mine.sort((a, b) => a.partition - b.partition || compareText(a.topic, b.topic))
      const count = this.#keepCount(memberId, mine.length)
      const list = this.assignment.get(memberId)!
      mine.forEach((partition, index) => {
        if (index >= count) this.#revoked.set(partition, memberId)
        else {
          list.push(partition)
          kept.add(partition)
        }
      })
    }
    this.#below.sort(compareText)
    this.#atLeast.sort(compareText)
    const free: TopicPartition[] = []
    for (const topic of [...partitions.keys()].sort(compareText)) for (const partition of partitions.get(topic)!) if (!kept.has(partition)) free.push(partition)
    this.#unassigned = racks.sort(free)
  }

  /** How many of its `owned` partitions a member keeps. */
  #keepCount(memberId: string, owned: number): number {
    if (owned < this.#minQuota) {
      this.#below.push(memberId)
      return owned
    }
    if (owned >= this.#maxQuota && this.#over < this.#expectedOver) {
      this.#raiseOver()
      return this.#maxQuota
    }
    if (this.#over < this.#expectedOver) this.#atLeast.push(memberId)
    return this.#minQuota
  }

  /** One more member has more than the least; once all that may have, nobody else gets one more. */
  #raiseOver(): void {
    this.#over++
    if (this.#over === this.#expectedOver) this.#atLeast.length = 0
  }

  /** Deals what can stay within racks without breaking the quotas. */
  dealByRack(): void {
    const { racks } = this.#input
    if (!racks.matter) return
    const left: TopicPartition[] = []
    let next = 0
    for (const partition of this.#unassigned) {
      let index = racks.nextMatch(partition, this.#below, next)
      if (index >= 0) {
        const memberId = this.#below[index]!
        const count = this.#give(partition, memberId)
        if (count >= this.#minQuota) {
          this.#below.splice(index, 1)
          if (count < this.#maxQuota && this.#over < this.#expectedOver) this.#atLeast.push(memberId)
        } else index++
        next = this.#below.length === 0 ? 0 : index % this.#below.length
        continue
      }
      index = racks.nextMatch(partition, this.#atLeast, 0)
      if (index < 0) {
        left.push(partition)
        continue
      }
      const memberId = this.#atLeast[index]!
      if (this.#give(partition, memberId) === this.#maxQuota) {
        this.#atLeast.splice(index, 1)
        this.#raiseOver()
      }
    }
    this.#unassigned = left
  }

  /** Deals the rest: around the members below the least until none is, then one each to those at the least. */
  deal(): void {
    let next = 0
    for (const partition of this.#unassigned) {
      if (this.#below.length === 0) {
        const memberId = this.#atLeast.shift()
        if (memberId === undefined) throw new Error('sticky assignor: partitions are left and every member is full')
        this.#give(partition, memberId)
        continue
      }
      if (next >= this.#below.length) next = 0
      const memberId = this.#below[next]!
      if (this.#give(partition, memberId) === this.#minQuota) {
        this.#below.splice(next, 1)
        this.#atLeast.push(memberId)
      } else next++
    }
  }

  #give(partition: TopicPartition, memberId: string): number {
    const list = this.assignment.get(memberId)!
    list.push(partition)
    const before = this.#revoked.get(partition)
    if ((before !== undefined && before !== memberId) || this.#input.disputed.has(partition)) this.transferring.set(partition, memberId)
    return list.length
  }
}
