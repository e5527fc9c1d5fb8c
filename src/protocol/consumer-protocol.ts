/**
 * The embedded consumer protocol: what consumers put into the opaque bytes of JoinGroup (`Subscription`) and SyncGroup (`Assignment`).
 * The broker carries these bytes unread, except for the topics of a subscription (spec/wire-protocol 4.5).
 *
 *   Subscription  i16 version · array<string> topics · bytes? userData · v1+: array<{string topic, array<i32>}> ownedPartitions
 *                 · v2+: i32 generationId (−1) · v3+: string? rackId
 *   Assignment    i16 version · array<{string topic, array<i32>}> assignedPartitions · bytes? userData          (v0–v3 alike)
 *
 * Never flexible. A version above 3 is read as 3 with bytes to spare, as Kafka does.
 */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

export interface TopicPartitions { readonly topic: string; readonly partitions: readonly number[] }

export interface Subscription {
  readonly topics: readonly string[]
  readonly userData: Uint8Array | null
  readonly ownedPartitions: readonly TopicPartitions[]
  /** −1: not known. */
  readonly generationId: number
  readonly rackId: string | null
}

export interface Assignment {
  readonly assignedPartitions: readonly TopicPartitions[]
  readonly userData: Uint8Array | null
}

export const CONSUMER_PROTOCOL_VERSION = 3
/** `protocolType` of groups whose members speak this protocol. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer'

function writeTopicPartitions(writer: ByteWriter, list: readonly TopicPartitions[]): void {
  writer.array(list.length)
  for (const { topic, partitions } of list) {
    writer.string(topic)
    writer.array(partitions.length)
    for (const partition of partitions) writer.int32(partition)
  }
}

function readTopicPartitions(reader: ByteReader): TopicPartitions[] {
  const list: TopicPartitions[] = []
  for (let left = reader.array(6); left > 0; left--) {
    const topic = reader.string()
    const partitions: number[] = []
    for (let more = reader.array(4); more > 0; more--) partitions.push(reader.int32())
    list.push({ topic, partitions })
  }
  return list
}

/** Version prefix and body. */
export function encodeSubscription(subscription: Subscription, version: number = CONSUMER_PROTOCOL_VERSION): Uint8Array {
  const writer = new ByteWriter()
  writer.int16(version)
  writer.array(subscription.topics.length)
  for (const topic of subscription.topics) writer.string(topic)
  writer.nullableBytes(subscription.userData)
  if (version >= 1) writeTopicPartitions(writer, subscription.ownedPartitions)
  if (version >= 2) writer.int32(subscription.generationId)
  if (version >= 3) writer.nullableString(subscription.rackId)
  return writer.copy()
}

function readVersion(reader: ByteReader): number {
  const version = reader.int16()
  if (version < 0) throw reader.corrupt(`consumer protocol version ${version}`)
  return version
}

function readTopics(reader: ByteReader): string[] {
  const topics: string[] = []
  for (let left = reader.array(2); left > 0; left--) topics.push(reader.string())
  return topics
}

/** Raises CORRUPT_MESSAGE. Byte arrays are views of `bytes`. */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const reader = new ByteReader(bytes)
  const version = readVersion(reader)
  const topics = readTopics(reader)
  const userData = reader.nullableBytes()
  const ownedPartitions = version >= 1 ? readTopicPartitions(reader) : []
  const generationId = version >= 2 ? reader.int32() : -1
  const rackId = version >= 3 ? reader.nullableString() : null
  return { topics, userData, ownedPartitions, generationId, rackId }
}

/** Only the topics: all that a broker may look at. Raises CORRUPT_MESSAGE. */
export function subscribedTopics(bytes: Uint8Array): string[] {
  const reader = new ByteReader(bytes)
  readVersion(reader)
  return readTopics(reader)
}

/** Version prefix and body. */
export function encodeAssignment(assignment: Assignment, version: number = CONSUMER_PROTOCOL_VERSION): Uint8Array {
  const writer = new ByteWriter()
  writer.int16(version)
  writeTopicPartitions(writer, assignment.assignedPartitions)
  writer.nullableBytes(assignment.userData)
  return writer.copy()
}

/** Raises CORRUPT_MESSAGE. An empty array (a member without assignment) is the empty assignment. */
export function decodeAssignment(bytes: Uint8Array): Assignment {
  if (bytes.length === 0) return { assignedPartitions: [], userData: null }
  const reader = new ByteReader(bytes)
  readVersion(reader)
  return { assignedPartitions: readTopicPartitions(reader), userData: reader.nullableBytes() }
}
