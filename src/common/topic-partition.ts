import { OttlaError } from './errors.ts'

export interface TopicPartition { readonly topic: string; readonly partition: number }
export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: number
  /** −1 or absent: not known. */
  readonly leaderEpoch?: number
  /** Free text of the committer, at most offset.metadata.max.bytes. */
  readonly metadata?: string
}

export const MAX_TOPIC_NAME_LENGTH = 249
/** Of one topic. */
export const MAX_PARTITIONS = 10_000
const legal = /^[a-zA-Z0-9._-]+$/

/** Internal topics of Kafka: hidden from listings, not writable by clients. */
export const internalTopics: ReadonlySet<string> = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])

/** Where KRaft keeps its own log; no topic may have the name, whose folder is passed over on open. */
export const METADATA_TOPIC = '__cluster_metadata'

/** Raises INVALID_TOPIC_EXCEPTION unless `name` is a legal topic name (spec/storage-format 1.1). */
export function checkTopicName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new OttlaError('INVALID_TOPIC_EXCEPTION', `a topic name is a string, not ${name === null ? 'null' : typeof name}`)
  // In Kafka's words, which tests of clients look for.
  const shown = `'${JSON.stringify(name.slice(0, 80)).slice(1, -1)}'`
  const problem = name === '' ? 'the empty string is not allowed' : name === '.' || name === '..' ? `${shown} is not allowed`
    : name.length > MAX_TOPIC_NAME_LENGTH ? `the length of ${shown} is longer than the max allowed length ${MAX_TOPIC_NAME_LENGTH}`
      : legal.test(name) ? '' : `${shown} contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  if (problem !== '') throw new OttlaError('INVALID_TOPIC_EXCEPTION', `Topic name is invalid: ${problem}`, { topic: name })
}

/** Names that collide once "." and "_" are taken as equal (Kafka's metrics rule). */
export function collides(a: string, b: string): boolean { return a.replaceAll('.', '_') === b.replaceAll('.', '_') }

/** Key for maps, also the folder name of the partition. */
export function partitionKey(topic: string, partition: number): string { return `${topic}-${partition}` }
