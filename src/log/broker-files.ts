/**
 * The broker's own files in the root of a data directory (spec/storage-format 1.2): `meta.properties` (who owns the directory) and
 * `.kafka_cleanshutdown` (its presence alone says that every log was closed whole).
 */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { replaceFileSync } from '../io/durable-file.ts'
import type { FileSystem } from '../io/file-system.ts'
import { formatProperties, parseProperties } from './java-properties.ts'

export const META_PROPERTIES_FILE = 'meta.properties'
export const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown'

/** `version` 0: ZooKeeper era (`broker.id`); 1: KRaft (`node.id`). Null: the key is absent. */
export interface MetaProperties {
  readonly version: 0 | 1
  readonly clusterId: string | null
  readonly nodeId: number | null
  readonly directoryId: string | null
}

/** Null when there is no file. Raises LOG_CORRUPT (file). */
export function readMetaProperties(fs: FileSystem, directory: string): MetaProperties | null {
  const path = join(directory, META_PROPERTIES_FILE)
  if (fs.stat(path) === null) return null
  const properties = parseProperties(fs.readFile(path))
  const fail = (what: string): OttlaError => new OttlaError('LOG_CORRUPT', `${path}: ${what}`, { file: path })
  const version = properties.get('version')
  if (version !== '0' && version !== '1') throw fail(`version is ${version === undefined ? 'missing' : JSON.stringify(version.slice(0, 40))}; 0 and 1 are known`)
  const key = version === '0' ? 'broker.id' : 'node.id'
  const node = properties.get(key)
  if (node !== undefined && !/^-?\d{1,10}$/.test(node)) throw fail(`${key} is ${JSON.stringify(node.slice(0, 40))}, no integer`)
  return {
    version: version === '0' ? 0 : 1,
    clusterId: properties.get('cluster.id') ?? null,
    nodeId: node === undefined ? null : Number(node),
    directoryId: properties.get('directory.id') ?? null,
  }
}

/** Replaces the file durably. `nowMs` goes into the comment line, as Java writes it. */
export function writeMetaProperties(fs: FileSystem, directory: string, properties: MetaProperties, nowMs: number): void {
  const rows: [string, string][] = [['version', String(properties.version)]]
  if (properties.clusterId !== null) rows.push(['cluster.id', properties.clusterId])
  if (properties.nodeId !== null) rows.push([properties.version === 0 ? 'broker.id' : 'node.id', String(properties.nodeId)])
  if (properties.directoryId !== null) rows.push(['directory.id', properties.directoryId])
  replaceFileSync(fs, join(directory, META_PROPERTIES_FILE), formatProperties(rows, nowMs))
}

/** Null when the mark is absent. `brokerEpoch` −1 when its content tells none. Never raises for bad content. */
export function readCleanShutdown(fs: FileSystem, directory: string): { readonly brokerEpoch: number } | null {
  const path = join(directory, CLEAN_SHUTDOWN_FILE)
  if (fs.stat(path) === null) return null
  try {
    const content: unknown = JSON.parse(new TextDecoder().decode(fs.readFile(path)))
    const epoch: unknown = typeof content === 'object' && content !== null && 'brokerEpoch' in content ? content.brokerEpoch : undefined
    return { brokerEpoch: typeof epoch === 'number' && Number.isSafeInteger(epoch) ? epoch : -1 }
  } catch {
    return { brokerEpoch: -1 }
  }
}

/** Durable. To be called last of all at shutdown: its rename is the commit point of a clean close. */
export function writeCleanShutdown(fs: FileSystem, directory: string, brokerEpoch: number = -1): void {
  replaceFileSync(fs, join(directory, CLEAN_SHUTDOWN_FILE), new TextEncoder().encode(`{"version":0,"brokerEpoch":${brokerEpoch}}`))
}

/** Durable: the first change that an open makes. */
export function removeCleanShutdown(fs: FileSystem, directory: string): void {
  fs.unlink(join(directory, CLEAN_SHUTDOWN_FILE))
  fs.syncDirectorySync(directory)
}
