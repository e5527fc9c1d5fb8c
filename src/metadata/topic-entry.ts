/**
 * What the metadata store keeps of a topic, at `/topics/<name>`, as JSON text. `configs` are the topic's overrides as text, as in Kafka's own
 * records. Read leniently: an entry that cannot be understood counts as missing, and the topic is adopted from its folders.
 */
import { isUuid, ZERO_UUID } from '../common/uuid.ts'

export type TopicState = 'creating' | 'ready' | 'deleting'

export interface TopicEntry {
  readonly topicId: string
  readonly partitions: number
  /** While partitions are being added: the count to reach. */
  readonly growTo?: number
  readonly state: TopicState
  readonly configs: Readonly<Record<string, string>>
}

export const TOPICS = '/topics'
export function topicPath(name: string): string { return `${TOPICS}/${name}` }

export function encodeTopicEntry(entry: TopicEntry): Uint8Array { return Buffer.from(JSON.stringify({ version: 1, ...entry })) }

/** Null when the bytes are no topic entry of a version known here. */
export function decodeTopicEntry(bytes: Uint8Array): TopicEntry | null {
  let json: unknown
  try { json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) } catch { return null }
  if (json === null || typeof json !== 'object') return null
  const { version, topicId, partitions, growTo, state, configs } = json as Record<string, unknown>
  const sound = version === 1 && typeof topicId === 'string' && isUuid(topicId) && topicId !== ZERO_UUID && isCount(partitions)
    && (growTo === undefined || isCount(growTo)) && (state === 'creating' || state === 'ready' || state === 'deleting')
    && configs !== null && typeof configs === 'object' && Object.values(configs).every((value) => typeof value === 'string')
  if (!sound) return null
  return { topicId, partitions, ...(growTo === undefined ? {} : { growTo: growTo }), state, configs: { ...configs } }
}

function isCount(value: unknown): value is number { return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= 2_147_483_647 }
