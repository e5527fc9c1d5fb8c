/**
 * The root of a data directory (spec/storage-format 1.1, 1.2): which folders are partitions, which wait for removal, which are not ours to touch; and
 * who the directory belongs to. Plain files in the root that nobody knows are ignored, as a broker does; folders that nobody knows are left alone
 * with a warning (a broker would refuse to start).
 */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import { METADATA_TOPIC } from '../common/topic-partition.ts'
import { randomUuid } from '../common/uuid.ts'
import type { FileSystem } from '../io/file-system.ts'
import { META_PROPERTIES_FILE, readMetaProperties, writeMetaProperties, type MetaProperties } from './broker-files.ts'
import { parsePartitionFolder } from './segment-names.ts'

export interface PartitionFolder { readonly topic: string; readonly partition: number; readonly directory: string }
export interface DataDirectory {
  /** By topic, then partition. */
  readonly partitions: readonly PartitionFolder[]
  /** Folders of deleted partitions. */
  readonly removable: readonly string[]
  readonly leftAlone: readonly { readonly directory: string; readonly reason: string }[]
}

/** Folders in the root that a broker keeps there for itself. */
const ignored = new Set(['remote-log-index-cache'])

export function scanDataDirectory(fs: FileSystem, root: string): DataDirectory {
  const partitions: PartitionFolder[] = []
  const removable: string[] = []
  const leftAlone: { directory: string; reason: string }[] = []
  for (const { name, kind } of fs.readDirectory(root)) {
    // Neither a file nor a folder: the lock's socket.
    if (kind !== 'directory' || ignored.has(name)) continue
    const directory = join(root, name)
    const parsed = parsePartitionFolder(name)
    if (parsed !== null && parsed.topic === METADATA_TOPIC) continue
    if (parsed === null) leftAlone.push({ directory, reason: 'it is no partition folder; a Kafka broker would not start with it' })
    else if (parsed.state === 'delete') removable.push(directory)
    else if (parsed.state === 'stray') leftAlone.push(
      { directory, reason: 'a broker set it aside as stray: rename it to <topic>-<partition> to have it back, or remove it' },
    )
    else if (parsed.state === 'future') leftAlone.push({ directory, reason: 'a broker was moving the partition here and did not finish: remove it' })
    else if (name !== `${parsed.topic}-${parsed.partition}`) leftAlone.push({ directory, reason: 'its partition number is not written plainly' })
    else partitions.push({ topic: parsed.topic, partition: parsed.partition, directory })
  }
  partitions.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
  return { partitions, removable, leftAlone }
}

/** From `meta.properties`. */
export interface DirectoryIdentity { readonly clusterId: string; readonly nodeId: number; readonly directoryId: string }

/**
 * Who the directory belongs to. Kafka's own file is kept as it is (a missing directory id is added, as Kafka does); without one a fresh identity is
 * written. A file that cannot be understood is renamed aside.
 */
export function identifyDirectory(fs: FileSystem, root: string, nodeId: number, ports: Ports, readOnly: boolean): DirectoryIdentity {
  const found = readIdentity(fs, root, ports, readOnly)
  const identity: DirectoryIdentity = {
    clusterId: found?.clusterId ?? randomUuid(ports.random), nodeId: found?.nodeId ?? nodeId, directoryId: found?.directoryId ?? randomUuid(ports.random),
  }
  // ZooKeeper's era wrote version 0, which knows no directory ids: it stays as it is.
  const complete = found !== null && (found.version === 0 || (found.clusterId !== null && found.nodeId !== null && found.directoryId !== null))
  if (!complete && !readOnly) writeMetaProperties(fs, root, { version: 1, ...identity }, ports.clock.now())
  return identity
}

function readIdentity(fs: FileSystem, root: string, ports: Ports, readOnly: boolean): MetaProperties | null {
  try {
    return readMetaProperties(fs, root)
  } catch (error) {
    if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
    const path = join(root, META_PROPERTIES_FILE)
    ports.logger.warn(`${META_PROPERTIES_FILE} cannot be understood; it is set aside and the directory gets a new identity`, { file: path, error })
    if (!readOnly) fs.rename(path, `${path}.damaged`)
    return null
  }
}
