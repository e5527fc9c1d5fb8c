/**
 * Which partitions moved from whom to whom during one sticky assignment. If another partition of the topic moved the other way before,
 * that one goes back instead: moving both would change owners twice for nothing.
 */
import type { TopicPartition } from '../../common/topic-partition.ts'
import { JavaPartitionSet } from '../../protocol/java-order.ts'

interface Movement { readonly from: string; readonly to: string }

function pairKey(from: string, to: string): string { return JSON.stringify([from, to]) }

export class PartitionMovements {
  readonly #byTopic = new Map<string, Map<string, JavaPartitionSet>>()
  readonly #movements = new Map<TopicPartition, Movement>()

  /** Notes that `partition` goes from `from` to `to`; a partition that comes back has not moved. */
  record(partition: TopicPartition, from: string, to: string): void {
    const before = this.#movements.get(partition)
    if (before === undefined) return this.#add(partition, { from, to })
    this.#remove(partition, before)
    if (before.from !== to) this.#add(partition, { from: before.from, to })
  }

  #add(partition: TopicPartition, movement: Movement): void {
    this.#movements.set(partition, movement)
    let pairs = this.#byTopic.get(partition.topic)
    if (pairs === undefined) this.#byTopic.set(partition.topic, pairs = new Map())
    const key = pairKey(movement.from, movement.to)
    let set = pairs.get(key)
    if (set === undefined) pairs.set(key, set = new JavaPartitionSet())
    set.add(partition)
  }

  #remove(partition: TopicPartition, movement: Movement): void {
    this.#movements.delete(partition)
    const pairs = this.#byTopic.get(partition.topic)!
    const key = pairKey(movement.from, movement.to)
    const set = pairs.get(key)!
    set.delete(partition)
    if (set.size === 0) pairs.delete(key)
  }

  /** The partition to move in place of `partition`, or itself. */
  instead(partition: TopicPartition, from: string, to: string): TopicPartition {
    const origin = this.#movements.get(partition)?.from ?? from
    return this.#byTopic.get(partition.topic)?.get(pairKey(to, origin))?.first() ?? partition
  }
}
