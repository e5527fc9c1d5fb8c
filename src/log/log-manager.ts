/**
 * All logs of one data directory: opens them (recovery included), creates and deletes partitions, keeps the checkpoints, closes everything so that
 * the next open needs no recovery.
 *
 *   open    clean-shutdown marker read, then removed, durably, before anything else changes → identity → checkpoints → every log → background work
 *   close   background work ends → every log is flushed and closed → checkpoints → the marker, last, and only if nothing failed
 *
 * One owner at a time: the caller holds the directory lock (io/directory-lock.ts). With `readOnly` no byte of the directory changes. Used by the
 * composition root, broker/ and tools.
 */
import { dirname, join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { Ports } from '../common/ports.ts'
import { partitionKey } from '../common/topic-partition.ts'
import { randomUuid, ZERO_UUID } from '../common/uuid.ts'
import { draftFile } from '../io/durable-file.ts'
import { FileCache } from '../io/file-cache.ts'
import type { FileSystem } from '../io/file-system.ts'
import { AppendTurns } from './append-turns.ts'
import type { BesideOwner } from './beside-owner.ts'
import { META_PROPERTIES_FILE, readCleanShutdown, removeCleanShutdown, writeCleanShutdown } from './broker-files.ts'
import { formatCheckpoint } from './checkpoint-file.ts'
import { LEADER_EPOCH_FILE } from './leader-epoch-cache.ts'
import { LogBackground } from './log-background.ts'
import { LogCheckpoints } from './log-checkpoints.ts'
import type { LogCompaction } from './log-compaction.ts'
import type { LogConfig } from './log-config.ts'
import { identifyDirectory, scanDataDirectory, type DirectoryIdentity, type PartitionFolder } from './log-directory.ts'
import { loadLog, type LoadedLog } from './log-loader.ts'
import type { LogSharing } from './log-state.ts'
import { LogTable } from './log-table.ts'
import type { LogEvents, RecoveryProgress } from './log-types.ts'
import type { PartitionLog } from './partition-log.ts'
import { formatPartitionMetadata, PARTITION_METADATA_FILE, readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts'
import type { RecoveryReport } from './recovery-report.ts'
import { renamedPartitionFolder, segmentFileName } from './segment-names.ts'
import { SharedSync, SyncGate, TurnBudget } from './sync-gate.ts'
import { TailMemory } from './tail-cache.ts'

export type { DirectoryIdentity }

/** The broker values this layer reads; all optional here, Kafka's defaults where absent. */
export interface LogBrokerValues {
  readonly 'node.id'?: number
  readonly 'num.recovery.threads.per.data.dir'?: number
  readonly 'log.retention.check.interval.ms'?: number
  readonly 'log.initial.task.delay.ms'?: number
  readonly 'log.flush.scheduler.interval.ms'?: number
  readonly 'log.flush.offset.checkpoint.interval.ms'?: number
  readonly 'replica.high.watermark.checkpoint.interval.ms'?: number
  readonly 'producer.id.expiration.check.interval.ms'?: number
  readonly 'log.cleaner.enable'?: boolean
  /** This and the next are asked each time they are needed. */
  readonly 'log.segment.delete.delay.ms'?: number | null
  readonly 'producer.id.expiration.ms'?: number
}

/** Those of them that are asked each time they are needed. */
export interface LogCleanerValues {
  readonly 'log.cleaner.backoff.ms': number
  readonly 'log.cleaner.dedupe.buffer.size': number
  readonly 'log.cleaner.io.buffer.load.factor': number
  readonly 'log.cleaner.io.buffer.size': number
}

const defaultCleanerValues: LogCleanerValues = {
  'log.cleaner.backoff.ms': 15_000, 'log.cleaner.dedupe.buffer.size': 134_217_728, 'log.cleaner.io.buffer.load.factor': 0.9, 'log.cleaner.io.buffer.size': 524_288,
}

export interface LogManagerOptions {
  /** Exists or is created (never created when `readOnly`). The caller holds the directory lock. */
  readonly directory: string
  readonly fileSystem: FileSystem
  readonly ports: Ports
  readonly settings: LogBrokerValues
  readonly cleaner?: LogCleanerValues
  /** Asked once per partition folder found at open. */
  readonly topicConfig: (topic: string) => LogConfig
  /** The id a topic is known by, for a folder that has lost its `partition.metadata`; null: not known. */
  readonly topicId?: (topic: string) => string | null
  /** Changes no byte of the directory: what cannot be read is served up to the last whole batch. */
  readonly readOnly?: boolean
  readonly signal?: AbortSignal | undefined
  readonly onRecovery?: ((progress: RecoveryProgress) => void) | undefined
  readonly events?: LogEvents
}

/** File handles that reads may keep open, in all logs together. */
const CACHED_HANDLES = 256
/** Each opens a few files to write its indexes. */
const CLOSED_AT_ONCE = 32

interface Parts {
  readonly options: LogManagerOptions
  readonly fs: FileSystem
  readonly readOnly: boolean
  /** When `readOnly`. */
  readonly beside: BesideOwner | null
  readonly identity: DirectoryIdentity
  readonly wasClean: boolean
  readonly brokerEpoch: number
}

/** Creates the data directory where it is missing, and makes its name durable as long as it is new: without it a power cut takes all there is. */
function makeDurableDirectory(fs: FileSystem, directory: string): void {
  const created = [directory]
  while (fs.stat(dirname(created[0]!)) === null) created.unshift(dirname(created[0]!))
  fs.makeDirectory(directory)
  if (fs.stat(join(directory, META_PROPERTIES_FILE)) !== null) return
  for (const path of created) if (dirname(path) !== path) fs.syncDirectorySync(dirname(path))
}

export class LogManager {
  readonly #parts: Parts
  readonly #fileCache: FileCache
  readonly #sharing: LogSharing
  readonly #checkpoints: LogCheckpoints
  readonly #background: LogBackground
  readonly #logs = new LogTable()
  readonly #creating = new Set<string>()
  readonly #deletions = new Set<Promise<void>>()
  readonly #rootSync: SharedSync
  readonly #reports: RecoveryReport[] = []
  #sorted: PartitionLog[] | null = null
  #compaction: LogCompaction | null = null
  #closing: Promise<void> | null = null

  private constructor(parts: Parts) {
    const { fs, options } = parts
    const { ports, settings } = options
    this.#parts = parts
    this.#fileCache = new FileCache(fs, CACHED_HANDLES)
    this.#rootSync = new SharedSync(() => fs.syncDirectory(options.directory))
    this.#checkpoints = new LogCheckpoints(fs, options.directory, ports.logger)
    this.#sharing = {
      ports, syncGate: new SyncGate(), appendTurns: new AppendTurns(ports.scheduler), writeBudget: TurnBudget.ofWrites(ports.scheduler), readBudget: TurnBudget.ofReads(ports.scheduler),
      tailMemory: new TailMemory(), events: options.events ?? {},
      persistCheckpoints: () => this.#checkpoints.writeRecoveryAndStart(() => this.logs()),
    }
    this.#background = new LogBackground(ports, {
      retentionCheckMs: settings['log.retention.check.interval.ms'] ?? 300_000,
      initialDelayMs: settings['log.initial.task.delay.ms'] ?? 30_000,
      checkpointMs: settings['log.flush.offset.checkpoint.interval.ms'] ?? 60_000,
      highWatermarkCheckpointMs: settings['replica.high.watermark.checkpoint.interval.ms'] ?? 5_000,
      flushSchedulerMs: settings['log.flush.scheduler.interval.ms'] ?? Number.MAX_SAFE_INTEGER,
      producerExpiryCheckMs: settings['producer.id.expiration.check.interval.ms'] ?? 600_000,
      producerExpirationMs: () => settings['producer.id.expiration.ms'] ?? 86_400_000,
      compactionMs: () => settings['log.cleaner.enable'] === false ? null : this.#cleaner['log.cleaner.backoff.ms'],
    }, {
      logs: () => this.logs(),
      writeCheckpoints: () => this.#checkpoints.writeRecoveryAndStart(() => this.logs()),
      writeHighWatermarks: () => this.#checkpoints.writeHighWatermarks(() => this.logs()),
      trimMemory: () => this.#sharing.tailMemory.trimIdle(),
      compact: (isStopped) => this.compact(isStopped),
    })
  }

  /** Raises DIRECTORY_UNUSABLE, ABORTED, and what the disk raises. */
  static async open(options: LogManagerOptions): Promise<LogManager> {
    const { directory, ports } = options
    const readOnly = options.readOnly ?? false
    const beside = readOnly ? new (await loadPart('the code to read beside an owner', () => import('./beside-owner.ts'))).BesideOwner(options.fileSystem) : null
    const fs = beside?.view ?? options.fileSystem
    if (!readOnly) makeDurableDirectory(fs, directory)
    else if (fs.stat(directory)?.kind !== 'directory') throw new OttlaError('DIRECTORY_UNUSABLE', `${directory} is no directory`, { file: directory })
    const marker = readCleanShutdown(fs, directory)
    // Commit point of "open": from here on a crash means recovery.
    if (marker !== null && !readOnly) removeCleanShutdown(fs, directory)
    const identity = identifyDirectory(fs, directory, options.settings['node.id'] ?? 1, ports, readOnly)
    const manager = new LogManager({ options, fs, readOnly, beside, identity, wasClean: marker !== null, brokerEpoch: marker?.brokerEpoch ?? -1 })
    try {
      await manager.#loadAll()
    } catch (error) {
      await manager.#closeLogs().catch(() => {})
      manager.#fileCache.close()
      throw error
    }
    if (!readOnly) manager.#background.start()
    return manager
  }

  get directory(): string { return this.#parts.options.directory }
  get identity(): DirectoryIdentity { return this.#parts.identity }
  /** True when the clean-shutdown marker was there. */
  get wasClean(): boolean { return this.#parts.wasClean }
  /** How many syncs of logs have succeeded since the open: many appends share one. */
  get syncCount(): number { return this.#sharing.syncGate.completed }
  /** Logs that could not be compacted when it was tried last. */
  get uncleanableCount(): number { return this.#compaction?.failingCount ?? 0 }
  /** One per partition that recovery had something to say about. */
  get recoveryReports(): readonly RecoveryReport[] { return this.#reports }

  /** Every open log, by topic then partition. */
  logs(): PartitionLog[] {
    this.#sorted ??= this.#logs.sorted()
    return this.#sorted
  }

  get(topic: string, partition: number): PartitionLog | undefined { return this.#logs.get(topic, partition) }

  // ---- open ----

  async #loadAll(): Promise<void> {
    const { fs, options, readOnly } = this.#parts
    const { ports, settings } = options
    const found = scanDataDirectory(fs, options.directory)
    for (const { directory, reason } of found.leftAlone) ports.logger.warn('a folder in the data directory is left alone', { directory, reason })
    const queue = this.#withTopicIds(found.partitions)
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (options.signal?.aborted === true) throw new OttlaError(
          'ABORTED', 'opening was given up because its AbortSignal fired', { cause: options.signal.reason },
        )
        const loaded = await this.#loadFound(next.folder, next.topicId)
        if (loaded !== null) this.#admit(loaded)
      }
    }
    const workers = Math.min(queue.length, settings['num.recovery.threads.per.data.dir'] ?? 2)
    const ended = await Promise.allSettled(Array.from({ length: workers }, worker))
    for (const result of ended) if (result.status === 'rejected') throw result.reason
    if (readOnly) return
    if (!this.wasClean) await this.#writeCheckpointsIfRoom()
    for (const directory of found.removable) this.#removeLater(directory)
  }

  /** Null: the partition is gone. */
  async #loadFound(folder: PartitionFolder, topicId: string): Promise<LoadedLog | null> {
    const { options, beside } = this.#parts
    const load = (): Promise<LoadedLog> => this.#load(folder, topicId, options.topicConfig(folder.topic))
    return beside === null ? load() : beside.load(folder.directory, this.#fileCache, load)
  }

  /** The topic id of each folder; one that has lost its own gets that of its siblings. */
  #withTopicIds(folders: readonly PartitionFolder[]): { folder: PartitionFolder; topicId: string }[] {
    const { fs, options, readOnly } = this.#parts
    const known = new Map<string, string>()
    const own = folders.map((folder) => {
      const topicId = this.#readTopicId(folder)
      if (topicId !== null && !known.has(folder.topic)) known.set(folder.topic, topicId)
      return { folder, topicId }
    })
    return own.map(({ folder, topicId }) => {
      if (topicId !== null) return { folder, topicId }
      const id = options.topicId?.(folder.topic) ?? known.get(folder.topic) ?? (readOnly ? ZERO_UUID : randomUuid(options.ports.random))
      known.set(folder.topic, id)
      if (!readOnly) writePartitionMetadata(fs, folder.directory, id)
      return { folder, topicId: id }
    })
  }

  #readTopicId(folder: PartitionFolder): string | null {
    const { fs, options } = this.#parts
    try {
      return readPartitionMetadata(fs, folder.directory)
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      options.ports.logger.warn('the topic id of a partition cannot be read and is found otherwise', { directory: folder.directory, error })
      return null
    }
  }

  async #load(folder: PartitionFolder, topicId: string, config: LogConfig, isNew: boolean = false): Promise<LoadedLog> {
    const { fs, options, readOnly, wasClean } = this.#parts
    const { topic, partition, directory } = folder
    const recorded = isNew ? { recoveryPoint: 0, logStart: 0, highWatermark: 0 } : this.#checkpoints.recorded(topic, partition)
    return loadLog({
      topic, partition, topicId, config, sharing: this.#sharing, ...recorded, clean: wasClean || isNew,
      store: { fileSystem: fs, fileCache: this.#fileCache, clock: options.ports.clock, directory, readOnly },
      producerExpirationMs: options.settings['producer.id.expiration.ms'] ?? 86_400_000,
      signal: options.signal, onRecovery: options.onRecovery,
    })
  }

  #admit({ log, report }: LoadedLog): PartitionLog {
    this.#logs.add(log)
    this.#sorted = null
    if (report.dropped.length > 0 || report.notes.length > 0) {
      this.#reports.push(report)
      const { logger } = this.#parts.options.ports
      for (const note of report.notes) logger.warn(`recovery: ${note.message}`, { log: `${log.topic}-${log.partition}`, code: note.code })
    }
    return log
  }

  // ---- create and delete ----

  /**
   * Creates the partition's folder, first segment, first leader epoch and `partition.metadata`, durably. Raises TOPIC_ALREADY_EXISTS when it is
   * there, READ_ONLY, CLOSED. Commit point: the rename of the finished folder to its name; before it, what is there is a folder that the next open
   * removes.
   */
  async create(topic: string, partition: number, topicId: string, config: LogConfig): Promise<PartitionLog> {
    const { fs, options } = this.#parts
    this.#refuseChange()
    const key = partitionKey(topic, partition)
    const directory = join(options.directory, key)
    if (this.#logs.get(topic, partition) !== undefined || this.#creating.has(key)) throw new OttlaError('TOPIC_ALREADY_EXISTS', `${key} exists`, { topic, partition })
    if (fs.stat(directory) !== null) throw new OttlaError(
      'DIRECTORY_UNUSABLE', `${directory} is there already, but it is no partition that could be opened: move it away`, { topic, partition, file: directory },
    )
    this.#creating.add(key)
    const draft = join(options.directory, renamedPartitionFolder(topic, partition, this.#uniqueHex(), 'delete'))
    try {
      fs.makeDirectory(draft)
      fs.open(join(draft, segmentFileName(0, 'log')), 'createNew').close()
      await draftFile(fs, join(draft, LEADER_EPOCH_FILE), formatCheckpoint(['0 0']))
      await draftFile(fs, join(draft, PARTITION_METADATA_FILE), formatPartitionMetadata(topicId))
      await fs.syncDirectory(draft)
      fs.rename(draft, directory)
      await this.#rootSync.run()
      const log = this.#admit(await this.#load({ topic, partition, directory }, topicId, config, true))
      this.#background.logAdded(log)
      return log
    } catch (error) {
      // A folder under its own name would be in the way of the next try, and the next open would take it for a topic.
      if (fs.stat(directory) !== null) fs.rename(directory, draft)
      await fs.removeDirectory(draft).catch(() => {})
      throw error
    } finally {
      this.#creating.delete(key)
    }
  }

  /**
   * Closes and renames every partition of `topic` to `…-delete`, durably; the files go after log.segment.delete.delay.ms. Commit point, per
   * partition: the rename.
   */
  async delete(topic: string): Promise<void> {
    this.#refuseChange()
    const deletion = this.#delete(topic)
    this.#deletions.add(deletion)
    try {
      await deletion
    } finally {
      this.#deletions.delete(deletion)
    }
  }

  async #delete(topic: string): Promise<void> {
    const { fs, options } = this.#parts
    const gone = new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} was deleted`, { topic })
    for (const log of this.logs().filter((each) => each.topic === topic)) {
      await log.abandon(gone)
      await this.#fileCache.closedIn(log.directory)
      const renamed = join(options.directory, renamedPartitionFolder(topic, log.partition, this.#uniqueHex(), 'delete'))
      fs.rename(log.directory, renamed)
      this.#logs.delete(topic, log.partition)
      this.#sorted = null
      this.#removeLater(renamed)
    }
    await fs.syncDirectory(options.directory)
    await this.#writeCheckpointsIfRoom()
    this.#background.flushSettingsChanged()
  }

  #uniqueHex(): string { return Buffer.from(this.#parts.options.ports.random.bytes(16)).toString('hex') }

  #removeLater(directory: string): void {
    const { fs, options } = this.#parts
    const { scheduler, logger } = options.ports
    scheduler.after(options.settings['log.segment.delete.delay.ms'] ?? 60_000, () => {
      if (this.#closing !== null) return
      fs.removeDirectory(directory).catch((error: unknown) => {
        logger.warn('the folder of a deleted partition could not be removed; the next open tries again', { directory, error })
      })
    })
  }

  /** Applies new configs, by topic, to all logs of these topics: one look at all logs, however many topics there are. */
  updateConfigs(configs: ReadonlyMap<string, LogConfig>): void {
    for (const log of this.logs()) {
      const config = configs.get(log.topic)
      if (config !== undefined) log.updateConfig(config)
    }
    if (!this.#parts.readOnly) this.#background.flushSettingsChanged()
  }

  get #cleaner(): LogCleanerValues { return this.#parts.options.cleaner ?? defaultCleanerValues }

  /** Compacts every log that is due, as background work does; ends early once `isStopped`. A log that cannot be compacted is told to the logger. */
  async compact(isStopped: () => boolean = () => this.#closing !== null): Promise<void> {
    if (this.#compaction === null && !this.logs().some((log) => log.config.isCompacted && log.segmentCount > 1)) return
    const { LogCompaction } = await loadPart('the code for compaction', () => import('./log-compaction.ts'))
    this.#compaction ??= new LogCompaction(this.#parts.options.ports, this.#checkpoints)
    const values = this.#cleaner
    await this.#compaction.run(this.logs(), {
      keyBytes: values['log.cleaner.dedupe.buffer.size'], loadFactor: values['log.cleaner.io.buffer.load.factor'], ioBytes: values['log.cleaner.io.buffer.size'],
    }, isStopped)
  }

  #refuseChange(): void {
    if (this.#closing !== null) throw new OttlaError('CLOSED', `${this.directory} is closed`)
    if (this.#parts.readOnly) throw new OttlaError('READ_ONLY', `${this.directory} is open for reading only`)
  }

  // ---- checkpoints and close ----

  /** Writes the recovery-point, log-start-offset and replication-offset checkpoints. */
  async checkpoint(): Promise<void> {
    this.#refuseChange()
    await this.#writeCheckpoints()
  }

  async #writeCheckpoints(): Promise<void> {
    await this.#checkpoints.writeRecoveryAndStart(() => this.logs())
    await this.#checkpoints.writeHighWatermarks(() => this.logs())
  }

  /** Checkpoints only spare time: a full disk must not stop an open or a deletion. */
  async #writeCheckpointsIfRoom(): Promise<void> {
    try {
      await this.#writeCheckpoints()
    } catch (error) {
      if (!OttlaError.is(error, 'DISK_FULL')) throw error
      this.#parts.options.ports.logger.warn('the disk is full: checkpoints were not written', { error })
    }
  }

  /**
   * Flushes and closes every log, writes the checkpoints, and last the clean-shutdown marker (only if nothing failed). Idempotent. Rejects with the
   * first failure; the files are closed even so, and the next open recovers.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { fs, readOnly, brokerEpoch } = this.#parts
    await this.#background.stop()
    // They may have to wait for reads: what is renamed after the lock is given back may be another process's.
    await Promise.allSettled(this.#deletions)
    try {
      await this.#closeLogs()
      if (readOnly) return
      await this.#writeCheckpoints()
      writeCleanShutdown(fs, this.directory, brokerEpoch)
    } finally {
      this.#fileCache.close()
    }
  }

  async #closeLogs(): Promise<void> {
    const queue = [...this.logs()]
    const failures: unknown[] = []
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next.close().catch((error: unknown) => { failures.push(error) })
    }
    await Promise.all(Array.from({ length: CLOSED_AT_ONCE }, worker))
    if (failures.length > 0) throw failures[0]
  }

  /** For `exit` handlers: writes and syncs what waits, in every log. No clean-shutdown marker. */
  flushSync(): void {
    for (const log of this.logs()) {
      try {
        log.flushSync()
      } catch (error) {
        this.#parts.options.ports.logger.error('appends could not be written at exit', { log: `${log.topic}-${log.partition}`, error })
      }
    }
  }
}
