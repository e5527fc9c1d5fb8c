/**
 * The order in which Java's HashMap and HashSet list their keys. Kafka's assignors, and its vote on a protocol, walk such maps, and the outcome depends
 * on it; a group of Java's members and ours must come to one assignment whoever leads it.
 *
 * A key sits in bucket (h ^ h >>> 16) & (capacity − 1), buckets in order, keys of one bucket in order of insertion. Capacity starts at 16
 * and doubles when more than 3/4 full; it never shrinks. (Java turns very full buckets into trees; that is left out.)
 */
import type { TopicPartition } from '../common/topic-partition.ts'
import { javaStringHash } from './java-hash.ts'

const FIRST_CAPACITY = 16

function capacityFor(size: number): number {
  let capacity = FIRST_CAPACITY
  while (size > capacity * 0.75) capacity *= 2
  return capacity
}

function bucket(hash: number, capacity: number): number { return (hash ^ (hash >>> 16)) & (capacity - 1) }

/** Distinct `keys`, inserted in the order given, as a HashMap lists them. */
export function javaOrder(keys: Iterable<string>): string[] {
  const distinct = [...new Set(keys)]
  const capacity = capacityFor(distinct.length)
  const buckets = new Map(distinct.map((key) => [key, bucket(javaStringHash(key), capacity)]))
  return distinct.sort((a, b) => buckets.get(a)! - buckets.get(b)!)
}

function partitionHash(partition: TopicPartition): number {
  return (Math.imul(31, 31 + partition.partition) + javaStringHash(partition.topic)) | 0
}

/** A HashSet of partitions of which only the first is ever asked. Members are compared by identity. */
export class JavaPartitionSet {
  readonly #hashes = new Map<TopicPartition, number>()
  #capacity = FIRST_CAPACITY

  get size(): number { return this.#hashes.size }

  add(partition: TopicPartition): void {
    if (this.#hashes.has(partition)) return
    this.#hashes.set(partition, partitionHash(partition))
    this.#capacity = Math.max(this.#capacity, capacityFor(this.#hashes.size))
  }

  delete(partition: TopicPartition): void { this.#hashes.delete(partition) }

  first(): TopicPartition | undefined {
    let first: TopicPartition | undefined
    let lowest = Infinity
    for (const [partition, hash] of this.#hashes) {
      const at = bucket(hash, this.#capacity)
      if (at < lowest) {
        lowest = at
        first = partition
      }
    }
    return first
  }
}
