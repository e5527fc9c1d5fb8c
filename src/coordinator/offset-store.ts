/**
 * Committed offsets of all groups, as the log says: changed by `replay*` only. Commits of a transaction wait, invisible, until its marker
 * comes in the same partition of the log; of a plain and a transactional commit the one further on in the log counts.
 */
import type { CommittedOffset } from './offsets-records.ts'

interface Entry { readonly committed: CommittedOffset; readonly recordOffset: number }
type ByPartition = Map<number, Entry>
type ByTopic = Map<string, ByPartition>

/** Group → topic → partition → entry, without empty maps. */
class Entries {
  readonly #groups = new Map<string, ByTopic>()

  get(group: string, topic: string, partition: number): Entry | undefined { return this.#groups.get(group)?.get(topic)?.get(partition) }
  topics(group: string): ByTopic | undefined { return this.#groups.get(group) }
  groups(): Iterable<string> { return this.#groups.keys() }

  set(group: string, topic: string, partition: number, entry: Entry): void {
    let topics = this.#groups.get(group)
    if (topics === undefined) this.#groups.set(group, topics = new Map())
    let partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, partitions = new Map())
    partitions.set(partition, entry)
  }

  delete(group: string, topic: string, partition: number): void {
    const topics = this.#groups.get(group)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions === undefined) return
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(group)
  }
}

/** Where a record stands in the log. */
export interface RecordPlace {
  readonly logPartition: number
  readonly offset: number
  /** −1: outside transactions. */
  readonly producerId: number
}

export interface StoredOffset extends CommittedOffset { readonly topic: string; readonly partition: number }

export class OffsetStore {
  readonly #committed = new Entries()
  /** By partition of the log and producer: the same producer may have a transaction in each. */
  readonly #pending = new Map<string, Entries>()

  get(group: string, topic: string, partition: number): CommittedOffset | undefined { return this.#committed.get(group, topic, partition)?.committed }

  /** All of a group, by topic as first committed, partitions likewise. */
  all(group: string): StoredOffset[] {
    const list: StoredOffset[] = []
    for (const [topic, partitions] of this.#committed.topics(group) ?? []) {
      for (const [partition, { committed }] of partitions) list.push({ topic, partition, ...committed })
    }
    return list
  }

  has(group: string): boolean { return this.#committed.topics(group) !== undefined }

  /** An open transaction has a commit for the partition. */
  isPending(group: string, topic: string, partition: number): boolean {
    for (const entries of this.#pending.values()) if (entries.get(group, topic, partition) !== undefined) return true
    return false
  }

  /** An open transaction has a commit for the group. */
  hasPending(group: string): boolean {
    for (const entries of this.#pending.values()) if (entries.topics(group) !== undefined) return true
    return false
  }

  /** Partitions of a group that only open transactions know. */
  onlyPending(group: string): { readonly topic: string; readonly partition: number }[] {
    const list: { topic: string; partition: number }[] = []
    for (const entries of this.#pending.values()) {
      for (const [topic, partitions] of entries.topics(group) ?? []) {
        for (const partition of partitions.keys()) if (this.#committed.get(group, topic, partition) === undefined) list.push({ topic, partition })
      }
    }
    return list
  }

  /** Groups with a committed or pending offset for the topic, and for which partitions. */
  partitionsOf(topic: string): { readonly group: string; readonly partition: number }[] {
    const found = new Map<string, { group: string; partition: number }>()
    for (const entries of [this.#committed, ...this.#pending.values()]) {
      for (const group of entries.groups()) {
        for (const partition of entries.topics(group)?.get(topic)?.keys() ?? []) found.set(JSON.stringify([group, partition]), { group, partition })
      }
    }
    return [...found.values()]
  }

  replayCommit(group: string, topic: string, partition: number, committed: CommittedOffset, place: RecordPlace): void {
    const recordOffset = place.offset
    if (place.producerId < 0) return this.#committed.set(group, topic, partition, { committed, recordOffset })
    const key = pendingKey(place.logPartition, place.producerId)
    let entries = this.#pending.get(key)
    if (entries === undefined) this.#pending.set(key, entries = new Entries())
    entries.set(group, topic, partition, { committed, recordOffset })
  }

  replayTombstone(group: string, topic: string, partition: number): void {
    this.#committed.delete(group, topic, partition)
    for (const entries of this.#pending.values()) entries.delete(group, topic, partition)
  }

  /** The producer's transaction has ended in this partition of the log. Returns the groups whose commits count from now on. */
  replayMarker(logPartition: number, producerId: number, committed: boolean): Iterable<string> {
    const key = pendingKey(logPartition, producerId)
    const entries = this.#pending.get(key)
    this.#pending.delete(key)
    if (entries === undefined || !committed) return []
    for (const group of entries.groups()) {
      for (const [topic, partitions] of entries.topics(group)!) {
        for (const [partition, entry] of partitions) {
          const before = this.#committed.get(group, topic, partition)
          if (before === undefined || before.recordOffset < entry.recordOffset) this.#committed.set(group, topic, partition, entry)
        }
      }
    }
    return entries.groups()
  }
}

function pendingKey(logPartition: number, producerId: number): string { return `${logPartition} ${producerId}` }
