/**
 * What becomes of a topic when a directory is opened: decided from its entry in the store and the folders found, as plain values (no I/O).
 * Folders win: a topic whose folders carry another id than its entry was made by somebody else, and its entry is void. A topic without a
 * valid entry is adopted: it keeps everything (ADR 0007), so that opening a directory never deletes a record.
 */
import { internalTopics } from '../common/topic-partition.ts'
import { ZERO_UUID } from '../common/uuid.ts'
import type { TopicEntry } from './topic-entry.ts'

export interface FoundPartition {
  readonly topic: string
  readonly partition: number
  /** ZERO_UUID: the folder does not tell. */
  readonly topicId: string
  /** True when records were ever written to it. */
  readonly hasRecords: boolean
}

export type TopicVerdict =
  /** An unfinished creation is undone, an unfinished deletion finished. */
  | { readonly kind: 'remove'; readonly reason: 'creation' | 'deletion' }
  /** Nothing of it is a partition. */
  | { readonly kind: 'ignore'; readonly warnings: readonly string[] }
  | {
    readonly kind: 'keep'
    readonly entry: TopicEntry
    /** The store does not say this yet. */
    readonly isChanged: boolean
    readonly isAdopted: boolean
    /** Partitions without a folder. */
    readonly missing: readonly number[]
    readonly warnings: readonly string[]
  }

/** A folder with a larger number is no partition anybody made; listing what lies below it would not end. */
export const LARGEST_PARTITION = 99_999

const keepEverything: Readonly<Record<string, string>> = { 'retention.ms': '-1', 'retention.bytes': '-1' }

/** The overrides of a topic nobody has configured here: whatever broker settings say, nothing goes, but what coordinators have no use for. */
export function adoptionConfigs(topic: string): Readonly<Record<string, string>> {
  return { 'cleanup.policy': internalTopics.has(topic) ? 'compact' : 'delete', ...keepEverything }
}

/** `folders`: at least one, all of topic `name`. `freshId`: for a topic whose folders tell none. */
export function judgeTopic(name: string, known: TopicEntry | undefined, folders: readonly FoundPartition[], freshId: () => string): TopicVerdict {
  const warnings: string[] = []
  const found = folders.filter((each) => each.partition <= LARGEST_PARTITION)
  if (found.length < folders.length) warnings.push(`has folders of partitions above ${LARGEST_PARTITION}: they are left alone`)
  if (found.length === 0) return { kind: 'ignore', warnings }
  const ids = [...new Set(found.map((each) => each.topicId).filter((id) => id !== ZERO_UUID))]
  const isReplaced = known !== undefined && ids.length > 0 && !ids.includes(known.topicId)
  if (isReplaced) warnings.push('was made anew by somebody else: its settings are dropped')
  if (ids.length > 1) warnings.push(`has partitions with different topic ids (${ids.join(', ')})`)
  const entry = isReplaced ? undefined : known
  if (entry?.state === 'deleting') return { kind: 'remove', reason: 'deletion' }
  if (entry?.state === 'creating' && !found.some((each) => each.hasRecords)) return { kind: 'remove', reason: 'creation' }

  const present = new Set(found.map((each) => each.partition))
  const count = Math.max(entry?.growTo ?? entry?.partitions ?? 1, ...[...present].map((each) => each + 1))
  const missing: number[] = []
  for (let partition = 0; partition < count; partition += 1) if (!present.has(partition)) missing.push(partition)
  if (missing.length > 0 && entry?.growTo === undefined) {
    warnings.push(`has no folder for partition ${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ' …' : ''}: empty ones are made`)
  }
  return {
    kind: 'keep',
    entry: { topicId: entry?.topicId ?? ids[0] ?? freshId(), partitions: count, state: 'ready', configs: entry?.configs ?? adoptionConfigs(name) },
    isChanged: entry === undefined || entry.state !== 'ready' || entry.growTo !== undefined || entry.partitions !== count,
    isAdopted: entry === undefined,
    missing,
    warnings,
  }
}
