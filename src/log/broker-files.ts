/**
 * The broker's own files in the root of a data directory (spec/storage-format 1.2): `meta.properties` (who owns the directory) and
 * `.kafka_cleanshutdown` (its presence alone says that every log was closed whole).
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'

export const META_PROPERTIES_FILE = 'meta.properties'
export const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown'

/** `version` 0: ZooKeeper era (`broker.id`); 1: KRaft (`node.id`). Null: the key is absent. */
export interface MetaProperties {
  readonly version: 0 | 1
  readonly clusterId: string | null
  readonly nodeId: number | null
  readonly directoryId: string | null
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

/** Null when there is no file. Raises LOG_CORRUPT (file). */
export function readMetaProperties(_fs: FileSystem, _directory: string): MetaProperties | null { return later() }
/** Replaces the file durably. `nowMs` goes into the comment line, as Java writes it. */
export function writeMetaProperties(_fs: FileSystem, _directory: string, _properties: MetaProperties, _nowMs: number): void { later() }

/** Null when the mark is absent. `brokerEpoch` −1 when its content tells none. Never raises for bad content. */
export function readCleanShutdown(_fs: FileSystem, _directory: string): { readonly brokerEpoch: number } | null { return later() }
/** Durable. To be called last of all at shutdown: it is the commit point of a clean close. */
export function writeCleanShutdown(_fs: FileSystem, _directory: string, _brokerEpoch?: number): void { later() }
/** Durable: the first change that an open makes. */
export function removeCleanShutdown(_fs: FileSystem, _directory: string): void { later() }
