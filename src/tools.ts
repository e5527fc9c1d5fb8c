/**
 * The tools behind `ottla dump-log` and `ottla verify`, on plain files: no lock is taken and nothing is written, but by `repairDirectory`; and what `ottla
 * serve` opens. Not part of the package's exports. What a tool needs is loaded when it runs, so that `ottla --help` need not wait for it.
 */
import type { Readable } from 'node:stream'
import { brokerTable } from './config/broker-settings.ts'
import type { BrokerSettings } from './config/settings.ts'
import { unknownSetting } from './config/suggestion.ts'
import type { DumpLogOptions } from './inspect/dump-items.ts'
import type { DumpLine } from './inspect/dump-text.ts'
import type { CheckOptions, Finding } from './log/log-check.ts'
import type { RepairOptions, RepairStep } from './log/log-repair.ts'
import type { RecoveryReport } from './log/recovery-report.ts'
import type { OpenOptions } from './open-database.ts'
import type { ServedDatabase } from './served-database.ts'
import { VERSION } from './version.ts'

export { nearest } from './config/suggestion.ts'
export { VERSION } from './version.ts'
export type { BytesDecoderName, DumpLogOptions, RecordDecoderName } from './inspect/dump-items.ts'
export type { DumpLine } from './inspect/dump-text.ts'
export type { CheckProgress, Finding, FindingSeverity } from './log/log-check.ts'
export type { RepairStep } from './log/log-repair.ts'
export type { RecoveryReport } from './log/recovery-report.ts'
export type { ServedDatabase } from './served-database.ts'

/** Lines as `kafka-dump-log` prints them, or objects of JSON. `failed` is true once the tool had to give up on a file. */
export async function* dumpLog(options: DumpLogOptions, format: 'text' | 'json'): AsyncGenerator<DumpLine, { readonly failed: boolean }, void> {
  const [{ nodeFileSystem }, { loadAllCodecs }, items, { DumpFailure }, { textFormat }, { jsonFormat }] = await Promise.all([
    import('./io/node-file-system.ts'), import('./record/compression.ts'), import('./inspect/dump-log.ts'), import('./inspect/dump-items.ts'),
    import('./inspect/dump-text.ts'), import('./inspect/dump-json.ts'),
  ])
  await loadAllCodecs()
  const lines = format === 'json' ? jsonFormat(options) : textFormat(options)
  let failed = false
  try {
    for (const item of items.dumpLog(nodeFileSystem, options)) {
      if (item.type === 'failure') failed = true
      yield lines.line(item)
    }
  } catch (error) {
    if (!(error instanceof DumpFailure)) throw error
    failed = true
    yield lines.line({ type: 'failure', kind: error.kind, message: error.message })
  }
  return { failed }
}

/** Records of Kafka's own topics as its console consumer's formatters print them; see `formattedRecord`. */
export async function recordFormatter(
  of: 'offsets' | 'transactions', types: readonly number[],
): Promise<(key: Uint8Array, value: Uint8Array | null) => string | null> {
  const { formattedRecord } = await import('./coordinator/record-json.ts')
  return (key, value) => formattedRecord(of, types, key, value)
}

/** The full consistency check of a data directory or a partition folder. */
export async function* verifyDirectory(directory: string, options: CheckOptions): AsyncGenerator<Finding, void, void> {
  const [{ nodeFileSystem }, { loadAllCodecs }, { checkLog }] = await Promise.all([
    import('./io/node-file-system.ts'), import('./record/compression.ts'), import('./log/log-check.ts'),
  ])
  await loadAllCodecs()
  const metadata = await metadataDamage(directory)
  if (metadata !== null) yield {
    severity: 'error', code: 'METADATA_DAMAGED', file: metadata.file, position: null, offset: null,
    message: `${metadata.damage}; the next open keeps a copy and makes it anew from what can be read, and from the folders`,
  }
  yield* checkLog(nodeFileSystem, directory, options)
}

/** What is wrong with a name that is like one of a setting, and that Kafka does not know either; null for others. */
function misspelt(name: string): string | null {
  const { message } = unknownSetting('broker', name)
  return /: (did you mean "[^"]+"\?$|write it as)/.test(message) ? message : null
}

/** The properties of a `server.properties`, whether `open` takes a setting of some name, and what one that it does not take may have been meant to be. */
export async function serverProperties(file: Uint8Array): Promise<{ readonly properties: ReadonlyMap<string, string>; isKnown(name: string): boolean; likely(name: string): string | null }> {
  // Without a file nothing is loaded: clients wait for a server to be ready.
  const properties = file.length === 0 ? new Map<string, string>() : (await import('./log/java-properties.ts')).parseProperties(file)
  return { properties, isKnown: (name) => Object.hasOwn(brokerTable, name), likely: misspelt }
}

/** A named pipe, to be read; on Linux. */
export async function openPipe(path: string): Promise<Readable> { return (await import('./io/pipe-stream.ts')).openPipe(path) }

/** As `open`, without the code of producers and consumers: for a server that has none of its own. */
export async function openServed(directory: string, settings: BrokerSettings & OpenOptions): Promise<ServedDatabase> {
  return (await import('./served-database.ts')).openServed(directory, settings)
}

/** Loads what the first client of an open port would wait for. Does not fail: that client tries again. */
export async function loadSessions(): Promise<void> { await (await import('./server/wire-listener.ts')).loadSessions() }

/** The properties of a file as of Kafka's clients, and who takes a setting of some name: `connect`, a producer, a consumer. */
export async function clientProperties(file: Uint8Array): Promise<{
  readonly properties: ReadonlyMap<string, string>
  scopesOf(name: string): readonly ('client' | 'producer' | 'consumer')[]
}> {
  const [{ parseProperties }, { clientTable }, { producerTable }, { consumerTable }] = await Promise.all([
    import('./log/java-properties.ts'), import('./config/client-settings.ts'), import('./config/producer-settings.ts'), import('./config/consumer-settings.ts'),
  ])
  const tables = { client: clientTable, producer: producerTable, consumer: consumerTable }
  const scopes = ['client', 'producer', 'consumer'] as const
  return { properties: parseProperties(file), scopesOf: (name) => scopes.filter((scope) => Object.hasOwn(tables[scope], name)) }
}

/** Null when the file with the topics' settings is sound, or there is none. */
async function metadataDamage(directory: string): Promise<{ readonly file: string; readonly damage: string } | null> {
  const [{ nodeFileSystem }, { metadataFileIn }, { damageOfMetadataFile }] = await Promise.all([
    import('./io/node-file-system.ts'), import('./broker/metadata-file.ts'), import('./metadata/lmdb-metadata-store.ts'),
  ])
  const file = metadataFileIn(nodeFileSystem, directory)
  const damage = damageOfMetadataFile(file)
  return damage === null ? null : { file: file.path, damage }
}

/**
 * Takes what cannot be read out of the logs of a data directory, with a copy of it kept beside them, and makes everything that is derived anew.
 * Yields what was done; what opening the directory afterwards did besides is returned. Raises DIRECTORY_LOCKED while a process has the directory,
 * DISK_FULL when there is no room for the copies. With `dryRun` nothing is locked or changed.
 */
export async function* repairDirectory(directory: string, options: RepairOptions): AsyncGenerator<RepairStep, readonly RecoveryReport[], void> {
  const [{ nodeFileSystem }, { loadAllCodecs }, { repairLogs }, { lockDirectory }, { systemClock }, { open }, { silentLogger }] = await Promise.all([
    import('./io/node-file-system.ts'), import('./record/compression.ts'), import('./log/log-repair.ts'), import('./io/directory-lock.ts'),
    import('./common/clock.ts'), import('./open.ts'), import('./common/logger.ts'),
  ])
  await loadAllCodecs()
  if (options.dryRun === true) {
    yield* repairLogs(nodeFileSystem, systemClock, directory, options)
    return []
  }
  const lock = await lockDirectory(directory, nodeFileSystem, { version: VERSION })
  try {
    yield* repairLogs(nodeFileSystem, systemClock, directory, options)
  } finally {
    await lock.release()
  }
  const ottla = await open(directory, { logger: silentLogger, ...(options.signal === undefined ? {} : { signal: options.signal }) })
  const reports = ottla.recoveryReports
  await ottla.close()
  return reports
}
