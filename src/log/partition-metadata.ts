/** `partition.metadata` (spec/storage-format 1.4): the topic id of a partition folder, two lines without a final newline. */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'

export const PARTITION_METADATA_FILE = 'partition.metadata'

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

/** The topic id in `directory`; null when there is no file. Raises LOG_CORRUPT (file) when it cannot be understood. */
export function readPartitionMetadata(_fs: FileSystem, _directory: string): string | null { return later() }
/** Replaces the file durably. */
export function writePartitionMetadata(_fs: FileSystem, _directory: string, _topicId: string): void { later() }
