/**
 * A handle on a database without clients: its ports, its events, its figures. `ottla serve` has no more than this, and so loads no more; `Ottla` adds clients
 * to it.
 */
import type { Broker } from './broker/broker.ts'
import { callOptions, shown } from './common/call-options.ts'
import { OttlaError } from './common/errors.ts'
import { callGuarded } from './common/guarded-call.ts'
import { loadPart } from './common/load-part.ts'
import type { Admin } from './client/types.ts'
import type { BrokerSettings } from './config/settings.ts'
import type { Database, OttlaEvent, OttlaEvents } from './database.ts'
import { openDatabase, type DatabaseHandle, type OpenOptions } from './open-database.ts'
import type { ListenOptions, Listener, ListenerParts } from './server/wire-listener.ts'

/** Counters since the database was opened, and where every log stands. Plain values: a snapshot. */
export interface MetricsSnapshot {
  readonly produceRequests: number; readonly producedBatches: number; readonly producedRecords: number; readonly producedBytes: number; readonly failedBatches: number
  readonly fetchRequests: number; readonly fetchedBytes: number; readonly failedFetches: number
  /** Syncs of logs that succeeded: many appends share one. */
  readonly syncs: number
  /** Logs that could not be compacted when it was tried last; it is tried again. */
  readonly uncleanable: number
  readonly topics: number
  readonly partitions: readonly {
    readonly topic: string; readonly partition: number; readonly logStartOffset: number; readonly highWatermark: number; readonly logEndOffset: number
    readonly size: number; readonly segments: number; readonly isOffline: boolean
  }[]
}

type EventListener = (...details: unknown[]) => unknown

const eventNames: Readonly<Record<keyof OttlaEvents, true>> = { logOffline: true, diskFull: true, diskResumed: true, recovered: true }
/** Clients are given this long to finish when a handle is closed. */
const CLOSE_TIMEOUT_MS = 30_000
/** So are the requests of clients of other processes: they come back when there is somebody again. */
const LISTENER_TIMEOUT_MS = 5000

/** As `open`, for a process that serves clients of other processes and has none of its own. */
export function openServed(directory: string, settings: BrokerSettings & OpenOptions): Promise<ServedDatabase> {
  return openDatabase(directory, settings, (database, release) => new ServedDatabase(database, release))
}

export class ServedDatabase implements DatabaseHandle, AsyncDisposable {
  readonly #database: Database
  readonly #release: () => Promise<void>
  readonly #listeners = new Map<string, Set<EventListener>>()
  readonly #ports = new Set<Promise<Listener>>()
  /** Of the admin client. */
  #broker: Broker | null = null
  #admin: Promise<Admin> | null = null
  #closing: Promise<void> | null = null

  /** `release` gives the reference back, after the ports are closed. */
  constructor(database: Database, release: () => Promise<void>) {
    this.#database = database
    this.#release = release
    const reports = database.logs.recoveryReports
    if (reports.length > 0) database.ports.scheduler.soon(() => { for (const report of reports) this.emit('recovered', report) })
  }

  /** Raises CLOSED. */
  check(): void {
    if (this.#closing !== null) throw new OttlaError('CLOSED', 'the database is closed')
  }

  async listen(options: ListenOptions = {}): Promise<Listener> {
    this.check()
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
    this.check()
    const { users, acls, quotas, ports, settings, openPorts } = this.#database
    const broker = this.#database.newBroker('network')
    return { parts: { broker, users, acls, quotas, ports, settings, openPorts }, release: () => broker.close() }
  }

  /** For whoever watches a server: its code is loaded with the first call that can. */
  admin(): Promise<Admin> {
    this.check()
    return this.#admin ??= this.#makeAdmin().catch((error: unknown) => {
      this.#admin = null
      throw error
    })
  }

  async #makeAdmin(): Promise<Admin> {
    const { createClients } = await loadPart('the code for clients', () => import('./client/clients.ts'))
    this.check()
    this.#broker = this.#database.newBroker()
    return createClients(this.#broker, this.#database.ports, { embedded: true, nodeId: this.#database.nodeId }).admin
  }

  metrics(): MetricsSnapshot {
    this.check()
    const { metrics, logs, topics } = this.#database
    return {
      ...metrics, syncs: logs.syncCount, uncleanable: logs.uncleanableCount, topics: topics.all().length,
      partitions: logs.logs().map(({ topic, partition, logStartOffset, highWatermark, logEndOffset, size, segmentCount, isOffline }) => (
        { topic, partition, logStartOffset, highWatermark, logEndOffset, size, segments: segmentCount, isOffline })),
    }
  }

  on<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): void {
    checkListener(event, listener)
    let listeners = this.#listeners.get(event)
    if (listeners === undefined) this.#listeners.set(event, listeners = new Set())
    listeners.add(listener as unknown as EventListener)
  }

  off<E extends keyof OttlaEvents>(event: E, listener: (...details: OttlaEvents[E]) => void): void {
    checkListener(event, listener)
    this.#listeners.get(event)?.delete(listener as unknown as EventListener)
  }

  /** The failure of a listener is logged and goes no further: the database must not fail over it. */
  emit(...[event, ...details]: OttlaEvent): void {
    for (const listener of Array.from(this.#listeners.get(event) ?? [])) {
      callGuarded(() => listener(...details), (error) => this.#database.ports.logger.error(`a listener of '${event}' failed`, { error }))
    }
  }

  /** For the exit handler. `handOver` puts what is still to be written into the logs; they are written and synced. */
  saveSync(handOver?: () => void): void {
    if (this.#database.readOnly) return
    try {
      handOver?.()
      this.#database.logs.flushSync()
    } catch (error) {
      this.#database.ports.logger.error('what was still buffered at exit could not be written', { directory: this.#database.directory, error })
    }
  }

  /** `endClients` is run once the ports are closed, before the database is given back. Every call waits for the first. */
  async close(options: { timeoutMs?: number } = {}, endClients?: (timeoutMs: number) => Promise<void>): Promise<void> {
    this.#closing ??= this.#close(closeTimeout(options), endClients)
    return this.#closing
  }

  async #close(timeoutMs: number, endClients: ((timeoutMs: number) => Promise<void>) | undefined): Promise<void> {
    try {
      await Promise.all([...this.#ports].map(async (opening) => (await opening.catch(() => null))?.close({ timeoutMs: Math.min(timeoutMs, LISTENER_TIMEOUT_MS) })))
    } finally {
      try {
        await endClients?.(timeoutMs)
      } finally {
        this.#broker?.close()
        await this.#release()
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }
}

function checkListener(event: unknown, listener: unknown): void {
  if (typeof event !== 'string' || !Object.hasOwn(eventNames, event)) {
    throw new OttlaError('INVALID_ARGUMENT', `a database has the events ${Object.keys(eventNames).join(', ')}, not ${shown(event)}`)
  }
  if (typeof listener !== 'function') throw new OttlaError('INVALID_ARGUMENT', `the listener of '${event}' is a function`)
}

function closeTimeout(options: { timeoutMs?: number }): number {
  const { timeoutMs = CLOSE_TIMEOUT_MS } = callOptions('close', options, ['timeoutMs'])
  if (typeof timeoutMs === 'number' && timeoutMs >= 0) return timeoutMs
  throw new OttlaError('INVALID_ARGUMENT', `close: timeoutMs is ${shown(timeoutMs)}: give milliseconds from 0`)
}
