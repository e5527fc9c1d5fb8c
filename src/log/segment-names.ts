/**
 * Names of files and folders of a log directory (spec/storage-format 1.1, 1.3): pure functions between text and parts, no I/O.
 *
 *   00000000000000000042.log            segment file: 20 digits of the base offset, kind
 *   00000000000000000042.log.deleted    the same with a state suffix
 *   truck_gps-3                         live partition folder
 *   truck_gps-3.<32 hex>-delete         folder waiting for removal; also -stray and -future
 */
import { MAX_TOPIC_NAME_LENGTH } from '../common/topic-partition.ts'

export type SegmentFileKind = 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot'
export type IndexFileKind = Exclude<SegmentFileKind, 'log' | 'snapshot'>
export type SegmentFileState = '' | '.deleted' | '.cleaned' | '.swap'

/** The files that belong to one segment, in the order they are flushed and renamed. The snapshot of the same offset is the producer state's. */
export const segmentFileKinds: readonly SegmentFileKind[] = ['log', 'index', 'timeindex', 'txnindex']
/** Those that are made from the `.log`, in the same order. */
export const indexFileKinds: readonly IndexFileKind[] = ['index', 'timeindex', 'txnindex']

export interface SegmentFileName { readonly offset: number; readonly kind: SegmentFileKind; readonly state: SegmentFileState }

const segmentPattern = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)(\.deleted|\.cleaned|\.swap)?$/

/** `00000000000000000042.log` for (42, 'log'). */
export function segmentFileName(offset: number, kind: SegmentFileKind, state: SegmentFileState = ''): string {
  return `${String(offset).padStart(20, '0')}.${kind}${state}`
}

/** Null when `name` is no segment file, or its offset is past 2^53−1. */
export function parseSegmentFileName(name: string): SegmentFileName | null {
  const match = segmentPattern.exec(name)
  if (match === null) return null
  const offset = Number(match[1])
  if (!Number.isSafeInteger(offset)) return null
  return { offset, kind: match[2] as SegmentFileKind, state: (match[3] ?? '') as SegmentFileState }
}

/** Of a cleaning that is under way, or was interrupted. */
export function isOfSwap({ state }: SegmentFileName): boolean { return state === '.cleaned' || state === '.swap' }

export type PartitionFolderState = 'live' | 'delete' | 'stray' | 'future'
export interface PartitionFolderName { readonly topic: string; readonly partition: number; readonly state: PartitionFolderState }

const suffixed = /^(.+)\.([0-9a-f]{32})-(delete|stray|future)$/
const legalTopic = /^[a-zA-Z0-9._-]+$/

/**
 * The parts of a folder name; null when it is no partition folder (a broker refuses to start on such a folder). The partition is what
 * stands after the last "-". Topic names of `-delete` and `-stray` folders may be cut short.
 */
export function parsePartitionFolder(name: string): PartitionFolderName | null {
  const match = suffixed.exec(name)
  const stem = match === null ? name : match[1]!
  const dash = stem.lastIndexOf('-')
  const digits = stem.slice(dash + 1)
  const topic = stem.slice(0, Math.max(dash, 0))
  if (!legalTopic.test(topic) || topic === '.' || topic === '..' || topic.length > MAX_TOPIC_NAME_LENGTH) return null
  if (!/^\d{1,10}$/.test(digits) || Number(digits) > 2147483647) return null
  return { topic, partition: Number(digits), state: match === null ? 'live' : match[3] as PartitionFolderState }
}

/** `<topic>-<partition>.<uniqueHex>-<state>`; the topic is cut so that the name stays within 255 characters. `uniqueHex`: 32 lower-case hex digits. */
export function renamedPartitionFolder(topic: string, partition: number, uniqueHex: string, state: 'delete' | 'stray'): string {
  const tail = `-${partition}.${uniqueHex}-${state}`
  return topic.slice(0, 255 - tail.length) + tail
}
