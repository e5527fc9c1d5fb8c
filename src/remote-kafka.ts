/**
 * What `connect` gives: clients over TCP. One `Cluster` knows who leads what, for all of them; every producer and consumer has connections of its
 * own, so that none waits for another's answers, and closes them when it closes.
 */
import type { ConnectionOptions } from 'node:tls'
import { backoffMs } from './client/backoff.ts'
import { createClients, type Clients, type DedicatedApi } from './client/clients.ts'
import type { Admin, Consumer, ConsumerSettings, Producer, ProducerSettings } from './client/types.ts'
import { abortedError, closedError } from './client/failure.ts'
import { RequestCaller } from './client/request-caller.ts'
import { onAbort, sleep } from './client/waiting.ts'
import { parseBootstrap } from './client/wire/address.ts'
import { Cluster } from './client/wire/cluster.ts'
import { credentialsOf, tlsOf } from './client/wire/credentials.ts'
import { LinkPool, type PoolSettings } from './client/wire/link-pool.ts'
import { wireApi } from './client/wire/wire-api.ts'
import { callOptions, checkLogger, checkSignal, shown } from './common/call-options.ts'
import { OttlaError } from './common/errors.ts'
import { AdjustableLogger, type Logger } from './common/logger.ts'
import { systemPorts, type Ports } from './common/ports.ts'
import { resolveClient } from './config/resolve.ts'
import type { ClientSettings, ClientValues, ConsumerValues, ProducerValues } from './config/settings.ts'
import type { ConnectOptions, RemoteKafka } from './connect.ts'
import { nodeFileSystem } from './io/node-file-system.ts'
import { RemoteUsers } from './remote-users.ts'
import type { Users } from './users.ts'
import { VERSION } from './version.ts'

/** Clients are given this long to finish when a connection is closed. */
const CLOSE_TIMEOUT_MS = 30_000
/** Over `fetch.max.bytes`: an answer may hold one batch of any size, and headers. */
const FETCH_SLACK = 2

/** No answer came, however retriable. */
const unreached: ReadonlySet<string> = new Set(['NETWORK_EXCEPTION', 'REQUEST_TIMED_OUT'])

/** Settings that clients have too: what is given to `connect` holds for those that are not given another. */
const inherited = ['request.timeout.ms', 'metadata.max.age.ms', 'retry.backoff.ms', 'retry.backoff.max.ms'] as const
type Inherited = Partial<Pick<ClientValues, typeof inherited[number]>>

interface Checked { readonly given: Inherited; readonly values: ClientValues; readonly ssl: boolean | ConnectionOptions; readonly logger: Logger; readonly signal: AbortSignal | undefined }

function split(given: unknown): Checked {
  if (Object.prototype.toString.call(given) !== '[object Object]') {
    throw new OttlaError('INVALID_CONFIG', `connect(bootstrap, settings): the settings are an object, not ${shown(given)}`)
  }
  const { ssl = false, logger = systemPorts.logger, signal, ...settings } = given as ClientSettings & ConnectOptions
  if (typeof ssl !== 'boolean' && Object.prototype.toString.call(ssl) !== '[object Object]') {
    throw new OttlaError('INVALID_CONFIG', `option ssl of connect() is true, or an object for tls.connect, not ${shown(ssl)}`)
  }
  checkLogger('connect', logger)
  if (signal !== undefined) checkSignal('connect', signal)
  const values = resolveClient(settings, ssl !== false)
  const own: Inherited = Object.fromEntries(inherited.filter((name) => settings[name] !== undefined).map((name) => [name, values[name]]))
  return { given: own, values, ssl, logger: new AdjustableLogger(logger), signal }
}

export async function connectKafka(bootstrap: unknown, settings: unknown, ports: Ports = systemPorts): Promise<RemoteKafka> {
  const isObject = Object.prototype.toString.call(bootstrap) === '[object Object]'
  const { given, values, ssl, logger, signal } = split(settings === undefined ? isObject ? bootstrap : {} : settings)
  const named = values['bootstrap.servers'].length > 0
  if (named && !isObject && bootstrap !== undefined) throw new OttlaError('INVALID_CONFIG', 'the brokers are given twice: as first argument of connect() and as bootstrap.servers')
  const addresses = parseBootstrap(isObject || named ? values['bootstrap.servers'] : bootstrap)
  if (signal?.aborted === true) throw new OttlaError('ABORTED', 'connecting was aborted by its signal', { cause: signal.reason })
  const link = linkSettings(values, ssl)
  const pool = new LinkPool(link, { ...ports, logger })
  const cluster = new Cluster(addresses, pool, { metadataMaxAgeMs: values['metadata.max.age.ms'] }, { ...ports, logger })
  try {
    await unlessAborted(signal, firstMetadata(cluster, values, ports))
  } catch (error) {
    pool.close()
    throw error
  }
  return new ClusterHandle(cluster, pool, link, { values, given }, { ...ports, logger })
}

/** Of brokers that are not reached it is told at once; one that answers, but is not ready, is asked again, as Kafka's clients do. */
async function firstMetadata(cluster: Cluster, values: ClientValues, { clock, random, scheduler }: Ports): Promise<void> {
  const end = clock.monotonic() + values['default.api.timeout.ms']
  for (let attempt = 1; ; attempt++) {
    try {
      await cluster.metadata([], false)
      return
    } catch (reason) {
      const error = OttlaError.from(reason)
      const delayMs = backoffMs(values, attempt, random)
      if (!error.retriable || unreached.has(error.code) || clock.monotonic() + delayMs >= end) throw error
      await sleep(scheduler, delayMs)
    }
  }
}

function linkSettings(values: ClientValues, ssl: boolean | ConnectionOptions): PoolSettings {
  return {
    clientId: values['client.id'], softwareVersion: VERSION, requestTimeoutMs: values['request.timeout.ms'], maxFrameBytes: values['receive.message.max.bytes'],
    tls: tlsOf(values, ssl, (path) => Buffer.from(nodeFileSystem.readFile(path)).toString('utf8')), credentials: credentialsOf(values),
    setupTimeoutMs: values['socket.connection.setup.timeout.ms'], maxSetupTimeoutMs: values['socket.connection.setup.timeout.max.ms'],
    reconnectBackoffMs: values['reconnect.backoff.ms'], maxReconnectBackoffMs: values['reconnect.backoff.max.ms'], maxIdleMs: values['connections.max.idle.ms'],
  }
}

class ClusterHandle implements RemoteKafka {
  readonly #cluster: Cluster
  readonly #link: PoolSettings
  readonly #values: ClientValues
  readonly #given: Inherited
  readonly #ports: Ports
  readonly #pools = new Set<LinkPool>()
  readonly #clients: Clients
  readonly users: Users
  #closing: Promise<void> | null = null

  constructor(cluster: Cluster, pool: LinkPool, link: PoolSettings, { values, given }: { values: ClientValues; given: Inherited }, ports: Ports) {
    this.#given = given
    this.#cluster = cluster
    this.#link = link
    this.#values = values
    this.#ports = ports
    this.#pools.add(pool)
    const settings = { requestTimeoutMs: values['request.timeout.ms'], maxRequestBytes: 0, maxInFlight: 1, rackId: '', metadataMaxAgeMs: values['metadata.max.age.ms'] }
    const admin = {
      'default.api.timeout.ms': values['default.api.timeout.ms'], 'request.timeout.ms': values['request.timeout.ms'],
      'retry.backoff.ms': values['retry.backoff.ms'], 'retry.backoff.max.ms': values['retry.backoff.max.ms'],
    }
    this.users = new RemoteUsers({ cluster, pool, requestTimeoutMs: values['request.timeout.ms'] }, new RequestCaller(ports, admin), ports.random)
    this.#clients = createClients(wireApi(cluster, pool, settings, ports), ports, { embedded: false, nodeId: -1, admin, dedicate: (client) => this.#dedicate(client) })
  }

  #dedicate(client: ProducerValues | ConsumerValues): DedicatedApi {
    const requestTimeoutMs = client['request.timeout.ms']
    const clientId = client['client.id'] === '' ? this.#values['client.id'] : client['client.id']
    const maxFrameBytes = 'fetch.max.bytes' in client ? Math.max(this.#link.maxFrameBytes, FETCH_SLACK * client['fetch.max.bytes']) : this.#link.maxFrameBytes
    const pool = new LinkPool({ ...this.#link, clientId, requestTimeoutMs, maxFrameBytes }, this.#ports)
    const api = wireApi(this.#cluster, pool, {
      requestTimeoutMs, metadataMaxAgeMs: client['metadata.max.age.ms'],
      rackId: 'client.rack' in client ? client['client.rack'] : '',
      maxRequestBytes: 'max.request.size' in client ? client['max.request.size'] : 0,
      maxInFlight: 'max.in.flight.requests.per.connection' in client ? client['max.in.flight.requests.per.connection'] : 1,
    }, this.#ports)
    this.#pools.add(pool)
    return {
      api,
      close: () => {
        this.#pools.delete(pool)
        pool.close()
      },
    }
  }

  get admin(): Admin { return this.#clients.admin }

  producer<K = Uint8Array, V = Uint8Array>(settings?: ProducerSettings<K, V>): Producer<K, V> {
    this.#check()
    return this.#clients.producer(this.#withGiven(settings))
  }

  consumer<K = Uint8Array, V = Uint8Array>(settings?: ConsumerSettings<K, V>): Consumer<K, V> {
    this.#check()
    return this.#clients.consumer(this.#withGiven(settings))
  }

  /** What is no object is refused by those it is given to. */
  #withGiven<T extends object>(settings: T | undefined): T {
    return settings === undefined || Object.prototype.toString.call(settings) === '[object Object]' ? { ...this.#given, ...settings } as T : settings
  }

  #check(): void { if (this.#closing !== null) throw closedError('the connection') }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = CLOSE_TIMEOUT_MS } = callOptions('close', options, ['timeoutMs'])
    if (!(typeof timeoutMs === 'number' && timeoutMs >= 0)) throw new OttlaError('INVALID_ARGUMENT', `close: timeoutMs is ${shown(timeoutMs)}: give milliseconds from 0`)
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    try {
      await this.#clients.closeAll(timeoutMs)
    } finally {
      for (const pool of this.#pools) pool.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }
}

/** `promise`, or ABORTED when the signal fires first. */
function unlessAborted<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortedError(signal))
    if (signal.aborted) abort()
    promise.then(resolve, reject).finally(onAbort(signal, abort)).catch(() => {})
  })
}
