/**
 * User data that sticky members put into their subscription.
 *
 *   sticky              array<{string topic, array<i32> partitions}> · v1: i32 generation       (v0 ends before the generation)
 *   cooperative-sticky  i32 generation                                 (its partitions travel in the subscription's ownedPartitions)
 */
import type { TopicPartition } from '../../common/topic-partition.ts'
import { ByteReader } from '../../protocol/byte-reader.ts'
import { ByteWriter } from '../../protocol/byte-writer.ts'
import { javaOrder } from '../../protocol/java-order.ts'
import { NO_GENERATION, type Claim } from './sticky-input.ts'

const nothing: readonly TopicPartition[] = []

export function encodeStickyUserData(owned: readonly TopicPartition[], generation: number): Uint8Array {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of owned) {
    const list = byTopic.get(topic)
    if (list === undefined) byTopic.set(topic, [partition])
    else list.push(partition)
  }
  const writer = new ByteWriter()
  writer.array(byTopic.size)
  // Kafka fills its map by computeIfAbsent, which puts a key at the head of its bucket.
  for (const topic of javaOrder([...byTopic.keys()].reverse())) {
    const partitions = byTopic.get(topic)!
    writer.string(topic)
    writer.array(partitions.length)
    for (const partition of partitions) writer.int32(partition)
  }
  writer.int32(generation)
  return writer.copy()
}

/** What cannot be parsed counts as owning nothing. */
export function decodeStickyUserData(userData: Uint8Array | null): Claim {
  if (userData === null || userData.length === 0) return { partitions: nothing, generation: null }
  try {
    const reader = new ByteReader(userData)
    const partitions: TopicPartition[] = []
    for (let left = reader.array(6); left > 0; left--) {
      const topic = reader.string()
      for (let more = reader.array(4); more > 0; more--) partitions.push({ topic, partition: reader.int32() })
    }
    return { partitions, generation: reader.remaining >= 4 ? reader.int32() : null }
  } catch {
    return { partitions: nothing, generation: NO_GENERATION }
  }
}

export function encodeGeneration(generation: number): Uint8Array {
  const writer = new ByteWriter(4)
  writer.int32(generation)
  return writer.copy()
}

/** Null where there is no user data, −1 where it cannot be parsed. */
export function decodeGeneration(userData: Uint8Array | null): number | null {
  if (userData === null) return null
  return userData.length >= 4 ? new ByteReader(userData).int32() : NO_GENERATION
}
