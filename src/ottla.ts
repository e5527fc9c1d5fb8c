/**
 * What `open` gives: one handle on a database, with clients of its own. Closing it ends these clients; the database itself closes with its
 * last handle. After that every call raises CLOSED.
 */
import type { Broker } from './broker/broker.ts'
import { createClients, type Clients } from './client/clients.ts'
import type { Admin, Consumer, ConsumerSettings, Kafka, Producer, ProducerSettings } from './client/types.ts'
import { shown } from './common/call-options.ts'
import { OttlaError } from './common/errors.ts'
import { loadPart } from './common/load-part.ts'
import { checkTopicName } from './common/topic-partition.ts'
import type { Database, OttlaEvent, OttlaEvents } from './database.ts'
import type { CheckOptions, Finding } from './log/log-check.ts'
import type { PartitionLog } from './log/partition-log.ts'
import type { RecoveryReport } from './log/recovery-report.ts'
import { loadAllCodecs } from './record/compression.ts'
import type { ListenOptions, Listener, ListenerParts } from './server/wire-listener.ts'
import { ServedDatabase, type MetricsSnapshot } from './served-database.ts'
import type { Users } from './users.ts'

export type { MetricsSnapshot } from './served-database.ts'

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

export class OttlaHandle implements Ottla {
  readonly #database: Database
  readonly #broker: Broker
  readonly #clients: Clients
  readonly #served: ServedDatabase

  /** `release` gives the reference back, after the clients are closed. */
  constructor(database: Database, release: () => Promise<void>) {
    this.#database = database
    this.#broker = database.newBroker()
    this.#clients = createClients(this.#broker, database.ports, { embedded: true, nodeId: database.nodeId })
    this.#served = new ServedDatabase(database, release)
  }

  get directory(): string { return this.#database.directory }
  get readOnly(): boolean { return this.#database.readOnly }
  get recoveryReports(): readonly RecoveryReport[] { return this.#database.logs.recoveryReports }
  get admin(): Admin { return this.#clients.admin }
  get users(): Users {
    const { users, ports } = this.#database
    const call = async <T>(of: (admin: Users) => Promise<T>): Promise<T> => {
      const { UserAdmin } = await loadPart('the code for users', () => import('./users.ts'))
      return of(new UserAdmin(users, ports.random, () => this.#check()))
    }
    return {
      set: (name, password, options) => call((admin) => admin.set(name, password, options)), remove: (name) => call((admin) => admin.remove(name)),
      list: () => call((admin) => admin.list()),
    }
  }

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
    // Loaded on demand: most programs never ask.
    const { checkLog, checkVerifyOptions } = await loadPart('the code for checks', () => import('./log/log-check.ts'))
    checkVerifyOptions(options)
    await loadAllCodecs()
    if (!this.#database.readOnly) for (const log of this.#database.logs.logs()) if (!log.isOffline) await log.flush()
    for await (const finding of checkLog(this.#database.fileSystem, this.#database.directory, options)) {
      this.#check()
      if (this.#database.readOnly || finding.severity !== 'info') yield finding
    }
  }

  listen(options?: ListenOptions): Promise<Listener> { return this.#served.listen(options) }
  /** Not part of `Ottla`: for the composition root. */
  listenerParts(): { readonly parts: ListenerParts; readonly release: () => void } { return this.#served.listenerParts() }
  metrics(): MetricsSnapshot { return this.#served.metrics() }

  on<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): this {
    this.#served.on(event, listener)
    return this
  }

  off<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): this {
    this.#served.off(event, listener)
    return this
  }

  emit(...event: OttlaEvent): void { this.#served.emit(...event) }

  /** For the exit handler: hands what waits in producers to the logs, then writes and syncs what waits in the logs. */
  saveSync(): void {
    const { logs, topics } = this.#database
    this.#served.saveSync(() => {
      for (const { topic, partition, records, acks } of this.#clients.pendingBatches((topic) => topics.partitionCount(topic) ?? 0)) {
        logs.get(topic, partition)?.append(records, { origin: 'in-process', durable: acks === -1 }).catch(() => {})
      }
    })
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    return this.#served.close(options, async (timeoutMs) => {
      try {
        await this.#clients.closeAll(timeoutMs)
      } finally {
        this.#broker.close()
      }
    })
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }

  #check(): void { this.#served.check() }
}
