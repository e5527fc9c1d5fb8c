/**
 * The records that the group coordinator itself writes to `__consumer_offsets`, as Kafka 4.1 writes them (spec/storage-format 11.2):
 * OffsetCommitValue v4 without tagged fields, GroupMetadataValue v3, tombstones. And the typed reading of both.
 */
import { OttlaError } from '../common/errors.ts'
import { CONSUMER_PROTOCOL_TYPE, subscribedTopics } from '../protocol/consumer-protocol.ts'
import { encodeGroupKey, encodeGroupValue, type KnownRecord } from './record-codec.ts'
import type { PlainRecord, Value } from './record-schema.ts'

export const LEGACY_OFFSET_COMMIT = 0
export const OFFSET_COMMIT = 1
export const GROUP_METADATA = 2
const OFFSET_COMMIT_VERSION = 4
const GROUP_METADATA_VERSION = 3

export interface CommittedOffset {
  readonly offset: number
  /** −1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** −1: none; only records of old brokers have one. */
  readonly expireTimestampMs: number
}

export interface PersistedMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly subscription: Uint8Array
  readonly assignment: Uint8Array
}

/** What GroupMetadataValue says of a classic group. */
export interface PersistedGroup {
  /** Null: a group that only commits offsets. */
  readonly protocolType: string | null
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  /** −1: not known (records before version 2). */
  readonly stateTimestampMs: number
  readonly members: readonly PersistedMember[]
}

export function offsetCommitRecord(group: string, topic: string, partition: number, committed: CommittedOffset): KnownRecord {
  const { offset, leaderEpoch, metadata, commitTimestampMs } = committed
  const value = { offset, leaderEpoch, metadata, commitTimestamp: commitTimestampMs }
  return { type: OFFSET_COMMIT, key: { group, topic, partition }, version: OFFSET_COMMIT_VERSION, value }
}

export function offsetTombstone(group: string, topic: string, partition: number): KnownRecord {
  return { type: OFFSET_COMMIT, key: { group, topic, partition }, version: -1, value: null }
}

export function groupMetadataRecord(group: string, persisted: PersistedGroup): KnownRecord {
  const members = persisted.members.map((member) => ({
    memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId, clientHost: member.clientHost,
    rebalanceTimeout: member.rebalanceTimeoutMs, sessionTimeout: member.sessionTimeoutMs, subscription: member.subscription, assignment: member.assignment,
  }))
  const { generation, protocol, leader } = persisted
  const value = { protocolType: persisted.protocolType ?? '', generation, protocol, leader, currentStateTimestamp: persisted.stateTimestampMs, members }
  return { type: GROUP_METADATA, key: { group }, version: GROUP_METADATA_VERSION, value }
}

export function groupTombstone(group: string): KnownRecord { return { type: GROUP_METADATA, key: { group }, version: -1, value: null } }

/** Key and value as they stand in the log. */
export function recordBytes(record: KnownRecord): { readonly key: Uint8Array; readonly value: Uint8Array | null } {
  return { key: encodeGroupKey(record.type, record.key), value: record.value === null ? null : encodeGroupValue(record.type, record.version, record.value) }
}

function wrong(field: string, value: Value | undefined): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `field ${field} of a group record cannot be ${typeof value === 'object' ? 'an object' : String(value)}`)
}

/** A safe integer; wider ones have no place in offsets and times. */
export function numberField(record: PlainRecord, field: string, absent?: number): number {
  const value = record[field]
  if (typeof value === 'number') return value
  if (value === undefined && absent !== undefined) return absent
  throw wrong(field, value)
}

export function textField(record: PlainRecord, field: string): string {
  const value = record[field]
  if (typeof value !== 'string') throw wrong(field, value)
  return value
}

export function optionalTextField(record: PlainRecord, field: string): string | null {
  const value = record[field]
  return value === undefined || value === null ? null : textField(record, field)
}

/** In memory of its own: what was read from a log would hold its whole buffer. */
function bytesField(record: PlainRecord, field: string): Uint8Array {
  const value = record[field]
  if (!(value instanceof Uint8Array)) throw wrong(field, value)
  return new Uint8Array(value)
}

export function listField(record: PlainRecord, field: string): readonly PlainRecord[] {
  const value = record[field]
  if (!Array.isArray(value)) throw wrong(field, value)
  return value as readonly PlainRecord[]
}

/** OffsetCommitValue of any version. Raises CORRUPT_MESSAGE. */
export function readCommittedOffset(value: PlainRecord): CommittedOffset {
  return {
    offset: numberField(value, 'offset'), leaderEpoch: numberField(value, 'leaderEpoch', -1), metadata: textField(value, 'metadata'),
    commitTimestampMs: numberField(value, 'commitTimestamp'), expireTimestampMs: numberField(value, 'expireTimestamp', -1),
  }
}

/** GroupMetadataValue of any version. Raises CORRUPT_MESSAGE. */
export function readPersistedGroup(value: PlainRecord): PersistedGroup {
  const protocolType = textField(value, 'protocolType')
  return {
    protocolType: protocolType === '' ? null : protocolType,
    generation: numberField(value, 'generation'), protocol: optionalTextField(value, 'protocol'), leader: optionalTextField(value, 'leader'),
    stateTimestampMs: numberField(value, 'currentStateTimestamp', -1),
    members: listField(value, 'members').map((member) => {
      const sessionTimeoutMs = numberField(member, 'sessionTimeout')
      const rebalanceTimeoutMs = numberField(member, 'rebalanceTimeout', -1)
      return {
        memberId: textField(member, 'memberId'), groupInstanceId: optionalTextField(member, 'groupInstanceId'),
        clientId: textField(member, 'clientId'), clientHost: textField(member, 'clientHost'),
        rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs, sessionTimeoutMs,
        subscription: bytesField(member, 'subscription'), assignment: bytesField(member, 'assignment'),
      }
    }),
  }
}

/**
 * Topics that the members subscribe to; null when that cannot be known: another protocol than the consumers', or bytes that do not parse.
 * An empty consumer group subscribes to nothing.
 */
export function topicsOfSubscriptions(protocolType: string | null, subscriptions: readonly Uint8Array[]): ReadonlySet<string> | null {
  if (protocolType !== CONSUMER_PROTOCOL_TYPE) return null
  try {
    return new Set(subscriptions.flatMap((bytes) => subscribedTopics(bytes)))
  } catch (error) {
    if (OttlaError.is(error, 'CORRUPT_MESSAGE')) return null
    throw error
  }
}
