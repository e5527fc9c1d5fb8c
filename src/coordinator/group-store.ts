/**
 * All that the offsets log says: groups and committed offsets. `replay` is the only way in, for records being loaded and for records just
 * appended; so a reload always comes to the state that was.
 *
 * Of classic groups the log holds only what is settled. A live one (members joining, sessions, parked requests) is ahead of its record:
 * then a record just appended changes nothing here, and `GroupMembership` goes on.
 */
import { ClassicGroup } from './classic-group.ts'
import { ForeignGroup, isForeignRecord } from './foreign-group.ts'
import { OffsetStore, type RecordPlace } from './offset-store.ts'
import { GROUP_METADATA, numberField, readCommittedOffset, readPersistedGroup, textField } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'
import { groupOf } from './record-keys.ts'

export class GroupStore {
  readonly classic: Map<string, ClassicGroup> = new Map()
  readonly foreign: Map<string, ForeignGroup> = new Map()
  readonly offsets: OffsetStore = new OffsetStore()
  readonly #now: () => number

  constructor(now: () => number) { this.#now = now }

  has(groupId: string): boolean { return this.classic.has(groupId) || this.foreign.has(groupId) }

  /** A record that is being loaded, or that was appended. Raises CORRUPT_MESSAGE for fields that make no sense, and changes nothing then. */
  replay(record: KnownRecord, place: RecordPlace, live: boolean): void {
    const groupId = groupOf(record)
    if (record.type < GROUP_METADATA) this.#replayOffset(groupId, record, place)
    else if (record.type === GROUP_METADATA) this.#replayGroup(groupId, record, live)
    else if (isForeignRecord(record.type)) this.#replayForeign(groupId, record)
  }

  #replayOffset(groupId: string, { key, value }: KnownRecord, place: RecordPlace): void {
    const topic = textField(key, 'topic')
    const partition = numberField(key, 'partition')
    if (value === null) return this.offsets.replayTombstone(groupId, topic, partition)
    this.offsets.replayCommit(groupId, topic, partition, readCommittedOffset(value), place)
    this.#standFor(groupId)
  }

  /** Commits alone make a group, too: one without members and protocol. Those of a transaction do before it ends, and however it ends. */
  #standFor(groupId: string): void {
    if (!this.has(groupId)) this.classic.set(groupId, new ClassicGroup(groupId, this.#now()))
  }

  #replayGroup(groupId: string, { value }: KnownRecord, live: boolean): void {
    const group = this.classic.get(groupId)
    if (value === null) {
      // Somebody may have joined while the tombstone was being written: the group lives on, and will be written anew.
      if (group !== undefined && (!live || (group.isEmpty && group.pendingMembers.size === 0))) this.classic.delete(groupId)
      return
    }
    if (live) {
      if (group !== undefined) group.logged = 'yes'
      return
    }
    this.classic.set(groupId, ClassicGroup.restore(groupId, readPersistedGroup(value)))
    this.foreign.delete(groupId)
  }

  #replayForeign(groupId: string, record: KnownRecord): void {
    let group = this.foreign.get(groupId)
    if (group === undefined || !group.replay(record)) {
      if (record.value === null) return
      group = new ForeignGroup(groupId, record.type)
      group.replay(record)
      this.foreign.set(groupId, group)
      this.classic.delete(groupId)
    }
    if (group.isGone) this.foreign.delete(groupId)
    if (this.offsets.has(groupId)) this.#standFor(groupId)
  }

  /** The commits of a transaction alone make a group, too, once it is committed. */
  replayMarker(logPartition: number, producerId: number, committed: boolean): void {
    for (const groupId of this.offsets.replayMarker(logPartition, producerId, committed)) this.#standFor(groupId)
  }
}
