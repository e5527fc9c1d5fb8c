/** `partition.metadata` (spec/storage-format 1.4): the topic id of a partition folder, two lines without a final newline. */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { isUuid, ZERO_UUID } from '../common/uuid.ts'
import { replaceFileSync } from '../io/durable-file.ts'
import type { FileSystem } from '../io/file-system.ts'

export const PARTITION_METADATA_FILE = 'partition.metadata'

/** The topic id in `directory`; null when there is no file. Raises LOG_CORRUPT (file) when it cannot be understood. */
export function readPartitionMetadata(fs: FileSystem, directory: string): string | null {
  const path = join(directory, PARTITION_METADATA_FILE)
  if (fs.stat(path) === null) return null
  const fail = (what: string): OttlaError => new OttlaError('LOG_CORRUPT',
    `${path}: ${what}. It should read "version: 0" and "topic_id: <22 characters>"`, { file: path })
  const lines = new TextDecoder().decode(fs.readFile(path)).split(/\r\n|\n|\r/)
  const version = (lines[0] ?? '').trimEnd().split(/\s+/)
  const topicId = (lines[1] ?? '').trimEnd().split(/\s+/)
  if (version.length !== 2 || !/^\+?\d{1,9}$/.test(version[1]!)) throw fail('the first line gives no version')
  if (topicId.length !== 2 || !isUuid(topicId[1]!)) throw fail('the second line gives no topic id')
  if (topicId[1] === ZERO_UUID) throw fail('the topic id is all zero')
  return topicId[1]!
}

/** The bytes of the file. Raises INVALID_ARGUMENT for a text that is no topic id. */
export function formatPartitionMetadata(topicId: string): Uint8Array {
  if (!isUuid(topicId) || topicId === ZERO_UUID) throw new OttlaError('INVALID_ARGUMENT', `${JSON.stringify(topicId)} is no topic id`)
  return new TextEncoder().encode(`version: 0\ntopic_id: ${topicId}`)
}

/** Replaces the file durably. Raises as `formatPartitionMetadata`. */
export function writePartitionMetadata(fs: FileSystem, directory: string, topicId: string): void {
  replaceFileSync(fs, join(directory, PARTITION_METADATA_FILE), formatPartitionMetadata(topicId))
}
