/**
 * What `open` gives: one handle on a database, with clients of its own. Closing it ends these clients; the database itself closes with its
 * last handle. After that every call raises CLOSED.
 */
import type { Broker } from './broker/broker.ts'
import { createClients, type Clients } from './client/clients.ts'
import type { Admin, Consumer, ConsumerSettings, Kafka, Producer, ProducerSettings } from './client/types.ts'
import { callOptions, shown } from './common/call-options.ts'
import { OttlaError } from './common/errors.ts'
import { loadPart } from './common/load-part.ts'
import { checkTopicName } from './common/topic-partition.ts'
import type { Database, OttlaEvent, OttlaEvents } from './database.ts'
import type { CheckOptions, Finding } from './log/log-check.ts'
import type { PartitionLog } from './log/partition-log.ts'
import type { RecoveryReport } from './log/recovery-report.ts'
import { loadAllCodecs } from './record/compression.ts'
import type { ListenOptions, Listener, ListenerParts } from './server/wire-listener.ts'
import { UserAdmin, type Users } from './users.ts'

/** Counters since the database was opened, and where every log stands. Plain values: a snapshot. */
export interface MetricsSnapshot {
  readonly produceRequests: number; readonly producedBatches: number; readonly producedRecords: number; readonly producedBytes: number; readonly failedBatches: number
  readonly fetchRequests: number; readonly fetchedBytes: number; readonly failedFetches: number
  /** Syncs of logs that succeeded: many appends share one. */
  readonly syncs: number
  readonly topics: number
  readonly partitions: readonly {
    readonly topic: string; readonly partition: number; readonly logStartOffset: number; readonly highWatermark: number; readonly logEndOffset: number
    readonly size: number; readonly segments: number; readonly isOffline: boolean
  }[]
}

/** An embedded database. */
export interface Ottla extends Kafka {
  /** The data directory, absolute; "/" in memory. */
  readonly directory: string
  readonly readOnly: boolean
  /** What opening had to repair, drop or say, by partition. */
  readonly recoveryReports: readonly RecoveryReport[]
  /** The storage engine itself. Raises UNKNOWN_TOPIC_OR_PARTITION. */
  log(topic: string, partition: number): PartitionLog
  /**
   * The full consistency check of the directory, read only. Yields what is wrong; nothing when all is well. Remarks of severity `info` (files that are
   * written when the database closes, say) come only with `readOnly`.
   */
  verify(options?: CheckOptions): AsyncIterable<Finding>
  /**
   * Opens a port on which every Kafka client can connect; default 127.0.0.1:9092. It closes with the database, or by itself.
   * Raises INVALID_CONFIG when the port is taken, or can be reached from other machines without `allowInsecure`.
   */
  listen(options?: ListenOptions): Promise<Listener>
  /** Who may log in on a listener with `sasl`. */
  readonly users: Users
  metrics(): MetricsSnapshot
  on<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): this
  off<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): this
}

type EventListener = (...details: unknown[]) => void

const eventNames: Readonly<Record<keyof OttlaEvents, true>> = { logOffline: true, diskFull: true, diskResumed: true, recovered: true }

function checkListener(event: unknown, listener: unknown): void {
  if (typeof event !== 'string' || !Object.hasOwn(eventNames, event)) {
    throw new OttlaError('INVALID_ARGUMENT', `a database has the events ${Object.keys(eventNames).join(', ')}, not ${typeof event === 'string' ? JSON.stringify(event) : typeof event}`)
  }
  if (typeof listener !== 'function') throw new OttlaError('INVALID_ARGUMENT', `the listener of '${event}' is a function`)
}

function checkVerifyOptions(options: CheckOptions): void {
  const { topics, onProgress, deep } = callOptions('verify', options, ['topics', 'deep', 'onProgress', 'signal'])
  if (topics !== undefined && !(Array.isArray(topics) && topics.every((each) => typeof each === 'string'))) throw new OttlaError('INVALID_ARGUMENT', 'verify: topics is a list of names')
  if (deep !== undefined && typeof deep !== 'boolean') throw new OttlaError('INVALID_ARGUMENT', 'verify: deep is true or false')
  if (onProgress !== undefined && typeof onProgress !== 'function') throw new OttlaError('INVALID_ARGUMENT', 'verify: onProgress is a function')
}

function closeTimeout(options: { timeoutMs?: number }): number {
  const { timeoutMs = CLOSE_TIMEOUT_MS } = callOptions('close', options, ['timeoutMs'])
  if (typeof timeoutMs === 'number' && timeoutMs >= 0) return timeoutMs
  throw new OttlaError('INVALID_ARGUMENT', `close: timeoutMs is ${shown(timeoutMs)}: give milliseconds from 0`)
}

/** Clients are given this long to finish when a handle is closed. */
const CLOSE_TIMEOUT_MS = 30_000
/** So are the requests of clients of other processes: they come back when there is somebody again. */
const LISTENER_TIMEOUT_MS = 5000

export class OttlaHandle implements Ottla {
  readonly #database: Database
  readonly #broker: Broker
  readonly #clients: Clients
  readonly #release: () => Promise<void>
  readonly #listeners = new Map<string, Set<EventListener>>()
  readonly #ports = new Set<Promise<Listener>>()
  #closing: Promise<void> | null = null

  /** `release` gives the reference back, after the clients are closed. */
  constructor(database: Database, release: () => Promise<void>) {
    this.#database = database
    this.#broker = database.newBroker()
    this.#clients = createClients(this.#broker, database.ports, { embedded: true, nodeId: database.nodeId })
    this.#release = release
    const reports = database.logs.recoveryReports
    if (reports.length > 0) database.ports.scheduler.soon(() => { for (const report of reports) this.emit('recovered', report) })
  }

  get directory(): string { return this.#database.directory }
  get readOnly(): boolean { return this.#database.readOnly }
  get recoveryReports(): readonly RecoveryReport[] { return this.#database.logs.recoveryReports }
  get admin(): Admin { return this.#clients.admin }
  get users(): Users { return new UserAdmin(this.#database.users, this.#database.ports.random) }

  producer<K = Uint8Array, V = Uint8Array>(settings?: ProducerSettings<K, V>): Producer<K, V> {
    this.#check()
    if (this.#database.readOnly) throw new OttlaError('READ_ONLY', 'the database was opened with { readOnly: true }: there is no producing')
    return this.#clients.producer(settings)
  }

  consumer<K = Uint8Array, V = Uint8Array>(settings?: ConsumerSettings<K, V>): Consumer<K, V> {
    this.#check()
    return this.#clients.consumer(settings)
  }

  log(topic: string, partition: number): PartitionLog {
    this.#check()
    checkTopicName(topic)
    if (typeof partition !== 'number') throw new OttlaError('INVALID_ARGUMENT', `log: the partition of topic ${topic} is ${shown(partition)}: give a whole number from 0`)
    const log = this.#database.logs.get(topic, partition)
    if (log !== undefined) return log
    throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${partition} of ${topic} here`, { topic, partition })
  }

  async *verify(options: CheckOptions = {}): AsyncGenerator<Finding, void, void> {
    this.#check()
    checkVerifyOptions(options)
    // Loaded on demand: most programs never ask.
    const { checkLog } = await loadPart('the code for checks', () => import('./log/log-check.ts'))
    await loadAllCodecs()
    if (!this.#database.readOnly) for (const log of this.#database.logs.logs()) if (!log.isOffline) await log.flush()
    for await (const finding of checkLog(this.#database.fileSystem, this.#database.directory, options)) {
      this.#check()
      if (this.#database.readOnly || finding.severity !== 'info') yield finding
    }
  }

  async listen(options: ListenOptions = {}): Promise<Listener> {
    this.#check()
    // Loaded on demand: an embedded database needs no network.
    const { openListener } = await loadPart('the code for listeners', () => import('./server/wire-listener.ts'))
    const { parts, release } = this.listenerParts()
    const opening = openListener(parts, options, () => {
      this.#ports.delete(opening)
      release()
    })
    this.#ports.add(opening)
    try {
      return await opening
    } catch (error) {
      this.#ports.delete(opening)
      release()
      throw error
    }
  }

  /** What a listener serves, until it is released. Not part of `Ottla`: for the composition root. */
  listenerParts(): { readonly parts: ListenerParts; readonly release: () => void } {
    this.#check()
    const { users, acls, quotas, ports, settings, openPorts } = this.#database
    const broker = this.#database.newBroker('network')
    return { parts: { broker, users, acls, quotas, ports, settings, openPorts }, release: () => broker.close() }
  }

  metrics(): MetricsSnapshot {
    this.#check()
    const { metrics, logs, topics } = this.#database
    return {
      ...metrics, syncs: logs.syncCount, topics: topics.all().length,
      partitions: logs.logs().map(({ topic, partition, logStartOffset, highWatermark, logEndOffset, size, segmentCount, isOffline }) => (
        { topic, partition, logStartOffset, highWatermark, logEndOffset, size, segments: segmentCount, isOffline })),
    }
  }

  on<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): this {
    checkListener(event, listener)
    let listeners = this.#listeners.get(event)
    if (listeners === undefined) this.#listeners.set(event, listeners = new Set())
    listeners.add(listener as unknown as EventListener)
    return this
  }

  off<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): this {
    checkListener(event, listener)
    this.#listeners.get(event)?.delete(listener as unknown as EventListener)
    return this
  }

  /** What a listener throws is logged and goes no further: the database must not fail over it. */
  emit(...[event, ...details]: OttlaEvent): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        listener(...details)
      } catch (error) {
        this.#database.ports.logger.error(`a listener of '${event}' failed`, { error })
      }
    }
  }

  /** For the exit handler: hands what waits in producers to the logs, then writes and syncs what waits in the logs. */
  saveSync(): void {
    if (this.#database.readOnly) return
    try {
      for (const { topic, partition, records, acks } of this.#clients.pendingBatches((topic) => this.#database.topics.partitionCount(topic) ?? 0)) {
        const log = this.#database.logs.get(topic, partition)
        log?.append(records, { origin: 'in-process', durable: acks === -1 }).catch(() => {})
      }
      this.#database.logs.flushSync()
    } catch (error) {
      this.#database.ports.logger.error('what was still buffered at exit could not be written', { directory: this.directory, error })
    }
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(closeTimeout(options))
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    try {
      await Promise.all([...this.#ports].map(async (opening) => (await opening.catch(() => null))?.close({ timeoutMs: Math.min(timeoutMs, LISTENER_TIMEOUT_MS) })))
      await this.#clients.closeAll(timeoutMs)
    } finally {
      this.#broker.close()
      await this.#release()
    }
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }

  #check(): void {
    if (this.#closing !== null) throw new OttlaError('CLOSED', 'the database is closed')
  }
}
