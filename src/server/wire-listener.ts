/**
 * `listen`: what a port needs to be told, checked, and the port opened. Loopback by default; what other machines can reach asks for TLS or SASL, or for the
 * word that it need not (spec/reliability 3.9).
 */
import { isIP } from 'node:net'
import { callOptions, shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import { defaultLimits } from './connection-limits.ts'
import { FetchSessions } from './fetch-sessions.ts'
import { PortListener, type Peer } from './listener.ts'
import { servedApis } from './served-apis.ts'
import type { Endpoint, ServedBroker } from './wire-api.ts'
import { WireSession, type WireService } from './wire-session.ts'

export interface ListenOptions {
  /** Default 9092; 0: one that is free. */
  port?: number
  /** Default 127.0.0.1. '0.0.0.0' or '::' listen everywhere, which needs `allowInsecure`. */
  host?: string
  /** What clients are told to connect to: default the host, or, where that is everywhere, the address by which each of them came. */
  advertisedHost?: string
  /** Default: the port. */
  advertisedPort?: number
  /** Listen beyond this machine although everybody who reaches the port may read, write and delete. */
  allowInsecure?: boolean
}

/** An open port. */
export interface Listener extends AsyncDisposable {
  /** The address that it is bound to. */
  readonly address: string
  readonly port: number
  /** Connections open now. */
  readonly connections: number
  /** Accepts nothing more, answers what was asked, then closes the connections. */
  close(options?: { timeoutMs?: number }): Promise<void>
}

/** The settings of the broker that bear on connections. */
export interface ListenerSettings {
  readonly 'socket.request.max.bytes': number
  readonly 'connections.max.idle.ms': number
  readonly 'max.connections': number
  readonly 'max.connections.per.ip': number
}

const DEFAULT_PORT = 9092
const DEFAULT_HOST = '127.0.0.1'
const CLOSE_TIMEOUT_MS = 5000
const MAX_PORT = 65_535
/** Bytes of requests read but not answered, of all connections of a listener. */
const PENDING_BYTES = 268_435_456
const everywhere = new Set(['0.0.0.0', '::'])

/** `closed` runs once, when the listener has closed. Raises INVALID_ARGUMENT, INVALID_CONFIG. */
export async function openListener(broker: ServedBroker, ports: Ports, settings: ListenerSettings, given: ListenOptions, closed: () => void): Promise<Listener> {
  const options = checked(given)
  const { host, advertisedHost, advertisedPort } = options
  const endpointFor = ({ localAddress, localPort }: Peer): Endpoint => ({
    host: advertisedHost ?? (everywhere.has(host) || isIP(host) === 0 ? localAddress : host), port: advertisedPort ?? localPort,
  })
  const service: WireService = { broker, fetchSessions: new FetchSessions(ports), served: servedApis, endpointFor }
  const listener = await PortListener.open({
    host, port: options.port, tls: null, ports,
    limits: { ...defaultLimits, maxFrameBytes: settings['socket.request.max.bytes'], idleMs: settings['connections.max.idle.ms'] },
    maxConnections: settings['max.connections'], maxConnectionsPerAddress: settings['max.connections.per.ip'], maxPendingBytes: PENDING_BYTES,
    newSession: (peer) => new WireSession(service, peer),
  })
  return new WireListener(listener, closed)
}

class WireListener implements Listener {
  readonly #listener: PortListener
  readonly #closed: () => void
  readonly address: string
  readonly port: number
  #closing: Promise<void> | null = null

  constructor(listener: PortListener, closed: () => void) {
    this.#listener = listener
    this.#closed = closed
    this.address = listener.address
    this.port = listener.port
  }

  get connections(): number { return this.#listener.connections }

  close(options: { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = CLOSE_TIMEOUT_MS } = callOptions('close', options, ['timeoutMs'])
    if (!(typeof timeoutMs === 'number' && timeoutMs >= 0)) throw new OttlaError('INVALID_ARGUMENT', `close: timeoutMs is ${shown(timeoutMs)}: give milliseconds from 0`)
    this.#closing ??= this.#listener.close(timeoutMs).finally(this.#closed)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }
}

type Checked = Required<Pick<ListenOptions, 'port' | 'host'>> & Pick<ListenOptions, 'advertisedHost' | 'advertisedPort'>

function checked(given: ListenOptions): Checked {
  const options = callOptions('listen', given, ['port', 'host', 'advertisedHost', 'advertisedPort', 'allowInsecure'])
  const { port = DEFAULT_PORT, host = DEFAULT_HOST, advertisedHost, advertisedPort, allowInsecure = false } = options
  checkPort('port', port)
  if (advertisedPort !== undefined) checkPort('advertisedPort', advertisedPort)
  for (const [name, value] of Object.entries({ host, advertisedHost })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw new OttlaError('INVALID_ARGUMENT', `listen: ${name} is ${shown(value)}: give a name or an address`)
  }
  if (!allowInsecure && !isLoopback(host)) {
    throw new OttlaError('INVALID_CONFIG', `listen: ${host} can be reached from other machines, and this listener has neither TLS nor SASL: everybody who reaches it could read, `
      + 'write and delete. Listen on 127.0.0.1, or give allowInsecure: true where the network itself is safe')
  }
  return { port, host, ...(advertisedHost === undefined ? {} : { advertisedHost }), ...(advertisedPort === undefined ? {} : { advertisedPort }) }
}

function checkPort(name: string, port: unknown): void {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return
  throw new OttlaError('INVALID_ARGUMENT', `listen: ${name} is ${shown(port)}: give a number from 0 to ${MAX_PORT}`)
}

function isLoopback(host: string): boolean { return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) }
