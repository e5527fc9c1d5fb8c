/**
 * One open data directory: what all handles that `open` gave for it share. Opens its parts in order and closes them in the reverse one; a part
 * that fails to open takes down those before it. Not exported from the package; open.ts counts the references.
 *
 *   open    directory → file system check → lock → metadata store → logs (recovery) → topics → groups
 *   close   groups → logs, checkpoints, clean-shutdown marker → metadata store → lock
 */
import { OttlaError } from './common/errors.ts'
import { AdjustableLogger } from './common/logger.ts'
import type { OpenPort } from './common/open-port.ts'
import type { Ports } from './common/ports.ts'
import { resolveBroker } from './config/resolve.ts'
import { logConfigFor, logConfigsOf, type BrokerContext } from './broker/broker-context.ts'
import { BrokerMetrics } from './broker/broker-metrics.ts'
import { Broker } from './broker/broker.ts'
import { FetchWaiters } from './broker/fetch-waiters.ts'
import { GroupsOnDemand } from './broker/groups-on-demand.ts'
import { metadataFileIn } from './broker/metadata-file.ts'
import { createOffsetsTopic, offsetsLogs } from './broker/offsets-topic.ts'
import { topicFoldersOf } from './broker/topic-folders.ts'
import type { BrokerValues } from './config/values.ts'
import { lockDirectory } from './io/directory-lock.ts'
import type { FileSystem } from './io/file-system.ts'
import type { RecoveryProgress } from './log/log-types.ts'
import { LogManager } from './log/log-manager.ts'
import type { RecoveryReport } from './log/recovery-report.ts'
import { AclStore } from './metadata/acl-store.ts'
import { BrokerConfig } from './metadata/broker-config.ts'
import { openLmdbStore, readMetadataFile } from './metadata/lmdb-metadata-store.ts'
import { MemoryMetadataStore } from './metadata/memory-metadata-store.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { ProducerIds } from './metadata/producer-ids.ts'
import { QuotaStore } from './metadata/quota-store.ts'
import { TopicRegistry } from './metadata/topic-registry.ts'
import { UserStore } from './metadata/user-store.ts'
import { VERSION } from './version.ts'

/** Things that happen without anybody asking. */
export interface OttlaEvents {
  /** A log refuses appends until the database is reopened. */
  logOffline: [log: { readonly topic: string; readonly partition: number }, error: OttlaError]
  /** Appends of a log fail until there is room; reads go on. */
  diskFull: [log: { readonly topic: string; readonly partition: number }, error: OttlaError]
  /** Appends go through again. */
  diskResumed: [log: { readonly topic: string; readonly partition: number }]
  /** Recovery had something to say about a partition. Raised once, right after `open` resolved; see also `recoveryReports`. */
  recovered: [report: RecoveryReport]
}

/** The name of an event and its details. */
export type OttlaEvent = { [E in keyof OttlaEvents]: [event: E, ...details: OttlaEvents[E]] }[keyof OttlaEvents]

export interface DatabaseOptions {
  /** Canonical; exists. */
  readonly directory: string
  readonly fileSystem: FileSystem
  readonly ports: Ports
  readonly settings: object
  readonly readOnly: boolean
  /** Memory only: no lock, no metadata file. */
  readonly inMemory: boolean
  readonly allowNetworkFileSystem: boolean
  readonly signal?: AbortSignal | undefined
  readonly onRecovery?: ((progress: RecoveryProgress) => void) | undefined
  readonly emit: (...event: OttlaEvent) => void
}

/** What was opened so far, to be closed in the reverse order. */
class Opened {
  readonly #closers: (() => Promise<void> | void)[] = []
  push(closer: () => Promise<void> | void): void { this.#closers.push(closer) }

  /** Closes everything, also when some of it fails; raises the first failure. */
  async close(): Promise<void> {
    let failure: unknown
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer()
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
  }
}

/** What all brokers of a database share. */
type Shared = Omit<BrokerContext, 'waiters' | 'topicGone' | 'callers' | 'deletedNames'> & { readonly users: UserStore; readonly openPorts: Set<OpenPort> }

export class Database {
  readonly directory: string
  readonly readOnly: boolean
  readonly fileSystem: FileSystem
  readonly ports: Ports
  readonly logs: LogManager
  readonly metrics: BrokerMetrics
  readonly #opened: Opened
  readonly #shared: Shared
  readonly #waiters = new Set<FetchWaiters>()

  private constructor(options: DatabaseOptions, opened: Opened, logs: LogManager, shared: Shared) {
    this.directory = options.directory
    this.readOnly = options.readOnly
    this.fileSystem = options.fileSystem
    this.ports = options.ports
    this.logs = logs
    this.metrics = shared.metrics
    this.#opened = opened
    this.#shared = shared
  }

  static async open(given: DatabaseOptions): Promise<Database> {
    const options = { ...given, ports: { ...given.ports, logger: new AdjustableLogger(given.ports.logger) } }
    const opened = new Opened()
    try {
      return await openParts(options, opened, (logs, shared) => new Database(options, opened, logs, shared))
    } catch (error) {
      await opened.close().catch((failure: unknown) => options.ports.logger.error('an open that failed could not be undone wholly', { error: failure }))
      throw error
    }
  }

  get nodeId(): number { return this.#shared.nodeId }
  get topics(): TopicRegistry { return this.#shared.topics }
  get users(): UserStore { return this.#shared.users }
  get acls(): AclStore { return this.#shared.acls }
  get openPorts(): Set<OpenPort> { return this.#shared.openPorts }
  get quotas(): QuotaStore { return this.#shared.quotas }
  /** Always those in force. */
  get settings(): BrokerValues { return this.#shared.config.live }

  /** A broker for one handle or listener: closing it ends their calls only. */
  newBroker(callers: BrokerContext['callers'] = 'process'): Broker {
    const waiters = new FetchWaiters()
    this.#waiters.add(waiters)
    const topicGone = (topic: string): void => { for (const each of this.#waiters) each.wake(topic) }
    return new Broker({ ...this.#shared, callers, waiters, topicGone, deletedNames: new Set() }, () => this.#waiters.delete(waiters))
  }

  close(): Promise<void> { return this.#opened.close() }
}

async function openParts(options: DatabaseOptions, opened: Opened, make: (logs: LogManager, shared: Shared) => Database): Promise<Database> {
  const { directory, fileSystem, ports, readOnly, signal } = options
  const { logger } = ports
  resolveBroker(options.settings)
  checkAborted(signal)
  const info = fileSystem.info(directory)
  if (info.kind === 'network' && !options.allowNetworkFileSystem) {
    throw new OttlaError('DIRECTORY_UNUSABLE', `${directory} is on a network file system (${info.name}), where locks and syncs cannot be trusted: `
      + 'use a local disk, or open with { allowNetworkFileSystem: true } if you know better', { file: directory })
  }
  if (info.kind === 'virtual') logger.warn(`the data directory is on ${info.name}, whose syncs may not reach a disk`, { directory })
  if (!readOnly && !options.inMemory) {
    const lock = await lockDirectory(directory, fileSystem, { version: VERSION })
    opened.push(() => lock.release())
  }
  checkAborted(signal)
  const store = await openStore(options)
  opened.push(() => store.close())
  const config = await BrokerConfig.load(store, options.settings, logger)
  const topics = await TopicRegistry.load({ store, broker: () => config.values, random: ports.random, logger, readOnly })
  const logs = await LogManager.open({
    directory, fileSystem, ports, readOnly, signal, onRecovery: options.onRecovery,
    settings: config.live, cleaner: config.live,
    topicConfig: (topic) => logConfigFor(topics.valuesAtOpen(topic)), topicId: (topic) => topics.knownId(topic),
    events: eventsOf(options),
  })
  opened.push(() => logs.close())
  const wanted = config.given['node.id']
  if (wanted !== undefined && Number(wanted) !== logs.identity.nodeId) {
    logger.warn(`node.id ${wanted} is not used: ${directory} was made as that of node ${logs.identity.nodeId}, as its meta.properties says`)
  }
  await topics.reconcile(topicFoldersOf(logs))
  logs.updateConfigs(logConfigsOf(topics.all()))
  const users = await UserStore.load(store, readOnly, logger)
  const acls = await AclStore.load(store, readOnly, logger)
  const quotas = await QuotaStore.load(store, readOnly, logger)
  const producerIds = await ProducerIds.load(store, highestProducerId(logs), logger)
  const groups = new GroupsOnDemand({
    offsetsLogs: () => offsetsLogs(topics, logs),
    createOffsetsTopic: (partitions) => createOffsetsTopic(topics, logs, config.values, partitions),
    settings: config.live, ports, readOnly, topicPartitions: (topic) => topics.partitionCount(topic), topicName: (topicId) => topics.nameOf(topicId),
  })
  opened.push(() => groups.close())
  checkAborted(signal)
  logger.info(describeOpen(options, logs, topics))
  return make(logs, {
    logs, topics, config, producerIds, groups, users, acls, quotas, ports, readOnly, metrics: new BrokerMetrics(),
    nodeId: logs.identity.nodeId, clusterId: logs.identity.clusterId,
    openPorts: new Set(), space: () => spaceOf(fileSystem, directory),
  })
}

function spaceOf(fileSystem: FileSystem, directory: string): { readonly free: number; readonly total: number } {
  const known = (bytes: number | undefined): number => bytes !== undefined && Number.isFinite(bytes) ? bytes : -1
  const { freeBytes, totalBytes } = fileSystem.info(directory)
  return { free: known(freeBytes), total: known(totalBytes) }
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new OttlaError('ABORTED', 'opening was aborted by its signal', { cause: signal.reason })
}

async function openStore(options: DatabaseOptions): Promise<MetadataStore> {
  if (options.inMemory) return new MemoryMetadataStore()
  const file = metadataFileIn(options.fileSystem, options.directory)
  const { logger } = options.ports
  return options.readOnly ? new MemoryMetadataStore(readMetadataFile(file, logger)) : openLmdbStore({ file, logger })
}

function eventsOf(options: DatabaseOptions): NonNullable<Parameters<typeof LogManager.open>[0]['events']> {
  const { ports: { logger }, emit } = options
  // The name of the log alone, not its insides.
  return {
    onOffline({ topic, partition }, error) {
      logger.error('a log is offline: appends to it fail until the database is reopened', { topic, partition, error })
      emit('logOffline', { topic, partition }, error)
    },
    onDiskFull({ topic, partition }, error) {
      logger.error('the disk is full: appends fail until there is room, reads go on', { topic, partition })
      emit('diskFull', { topic, partition }, error)
    },
    onDiskResumed({ topic, partition }) {
      logger.info('there is room on the disk again: appends go on', { topic, partition })
      emit('diskResumed', { topic, partition })
    },
  }
}

function highestProducerId(logs: LogManager): number {
  let highest = -1
  for (const log of logs.logs()) for (const producer of log.activeProducers()) if (producer.producerId > highest) highest = producer.producerId
  return highest
}

/** The one line at open: which promise is in force, on what. */
function describeOpen(options: DatabaseOptions, logs: LogManager, topics: TopicRegistry): string {
  const all = topics.all()
  const content = `${all.length} topics, ${logs.logs().length} partitions`
  if (options.readOnly) return `opened ${options.directory} read only: ${content}`
  if (options.inMemory) return 'opened a database in memory: nothing survives this process'
  const cached = all.filter((each) => each.values['write.caching']).length
  const but = cached === 0 ? '' : `, except ${cached} topics with write.caching`
  const before = logs.wasClean ? 'closed cleanly before' : logs.logs().length === 0 ? 'new' : 'not closed cleanly before'
  const disk = `${options.fileSystem.info(options.directory).name}, ${before}, ${content}`
  return `opened ${options.directory}: acks=all is synced to disk before it is acknowledged (one fdatasync per group of sends${but}), `
    + `acks=1 survives a killed process; ${disk}`
}
