/**
 * Which offsets have been kept long enough (KIP-211; spec/storage-format 11.2). Pure: the store and a wall-clock time in, tombstones out.
 *
 *   value has an expire time (old brokers)                  that time
 *   group with a protocol, Empty                            since it became Empty (else since the commit)
 *   consumer group, Stable, subscriptions known             since the commit, topics not subscribed to
 *   no protocol (commits only); new consumer protocol       since the commit (there: topics not subscribed to)
 *   anything else, and partitions in an open transaction    never
 */
import type { ClassicGroup } from './classic-group.ts'
import type { ForeignGroup } from './foreign-group.ts'
import type { GroupStore } from './group-store.ts'
import { groupTombstone, offsetTombstone } from './offsets-records.ts'
import type { StoredOffset } from './offset-store.ts'
import type { KnownRecord } from './record-codec.ts'

/** From when an offset's retention counts; null: it does not expire now. */
function startOf(group: ClassicGroup | ForeignGroup, stored: StoredOffset): number | null {
  if (!('protocolType' in group)) return group.isSubscribedTo(stored.topic) ? null : stored.commitTimestampMs
  if (group.protocolType === null) return stored.commitTimestampMs
  if (group.isEmpty) return group.stateTimestampMs === -1 ? stored.commitTimestampMs : group.stateTimestampMs
  const known = group.state === 'Stable' && group.subscribedTopics !== null
  return known && !group.isSubscribedTo(stored.topic) ? stored.commitTimestampMs : null
}

function isExpired(group: ClassicGroup | ForeignGroup, stored: StoredOffset, nowMs: number, retentionMs: number): boolean {
  const start = startOf(group, stored)
  if (start === null) return false
  return stored.expireTimestampMs === -1 ? nowMs - start >= retentionMs : nowMs >= stored.expireTimestampMs
}

/** Tombstones for what has expired in one group; for the group itself too, once it is empty and has no offsets left. */
export function expiredRecords(store: GroupStore, group: ClassicGroup | ForeignGroup, nowMs: number, retentionMs: number): KnownRecord[] {
  const { groupId } = group
  const records: KnownRecord[] = []
  let kept = store.offsets.hasPending(groupId)
  for (const stored of store.offsets.all(groupId)) {
    if (isExpired(group, stored, nowMs, retentionMs) && !store.offsets.isPending(groupId, stored.topic, stored.partition)) {
      records.push(offsetTombstone(groupId, stored.topic, stored.partition))
    } else kept = true
  }
  if (kept || !group.isEmpty) return records
  if (!('protocolType' in group)) return [...records, ...group.tombstones()]
  const isInLog = group.logged !== 'no' || records.length > 0
  return group.pendingMembers.size === 0 && isInLog ? [...records, groupTombstone(groupId)] : records
}

/** A group that nobody joined after all, and of which the log knows nothing: it can simply be forgotten. */
export function isForgettable(store: GroupStore, group: ClassicGroup): boolean {
  const { groupId } = group
  return group.isEmpty && group.logged === 'no' && group.pendingMembers.size === 0 && !store.offsets.has(groupId) && !store.offsets.hasPending(groupId)
}
