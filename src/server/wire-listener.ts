/**
 * `listen`: what a port needs to be told, checked, and the port opened. Loopback by default; what other machines can reach asks for TLS or SASL, or for the
 * word that it need not (spec/reliability 3.9).
 */
import { isIP } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { callOptions, shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import { isPrincipal } from '../common/acl.ts'
import type { OpenPort } from '../common/open-port.ts'
import type { Ports } from '../common/ports.ts'
import { addressOf } from '../common/quota.ts'
import { connectionOverrides } from '../config/connection-overrides.ts'
import type { AclSource, AuthorizerOptions } from './access/authorizer.ts'
import { principalRules } from './access/principal-rules.ts'
import { QuotaMeter, type QuotaSource } from './access/quota-meter.ts'
import { defaultLimits } from './connection-limits.ts'
import { AnswerMemory } from './answer-memory.ts'
import { AwaitedSession } from './awaited-session.ts'
import { PortListener, type Peer, type Session } from './listener.ts'
import { MemoryPool } from './memory-pool.ts'
import { saslMechanisms, type SaslMechanism } from './sasl/sasl-server.ts'
import type { UserCredentials } from './user-credentials.ts'
import type { Endpoint, ServedBroker } from './wire-api.ts'
import type { Interceptor } from './wire-session.ts'

export interface ListenOptions {
  /** Default 9092; 0: one that is free. */
  port?: number
  /** What tools call it; default its security protocol, as PLAINTEXT. */
  name?: string
  /** Default 127.0.0.1. '0.0.0.0' or '::' listen everywhere, which needs `allowInsecure`. */
  host?: string
  /** What clients are told to connect to: default the host, or, where that is everywhere, the address by which each of them came. */
  advertisedHost?: string
  /** Default: the port. */
  advertisedPort?: number
  /** TLS: certificate and key as PEM. */
  tls?: TlsSettings
  /** Who connects must log in as one of `ottla.users`. */
  sasl?: { mechanisms: readonly SaslMechanism[] }
  /** Who is in may do what ACLs allow (`ottla.admin.createAcls`, kafka-acls), and nothing else. Without it, who is in may do everything. */
  acls?: AclOptions
  /**
   * Listen beyond this machine although everybody who reaches the port may read, write and delete; or, with PLAIN and without TLS, although everybody on the
   * way may read the passwords.
   */
  allowInsecure?: boolean
}

export interface AclOptions {
  /** Principals that may do everything, as 'User:admin'. */
  readonly superUsers?: readonly string[]
  /** Everybody may do everything with a resource that no ACL is about; default false. */
  readonly allowEveryoneIfNoAclFound?: boolean
}

/** PEM. `ca`: who signs the certificates of clients; default: whom Node trusts. */
export interface TlsSettings {
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
  readonly ca?: string | Uint8Array
  readonly passphrase?: string
  /** Whether clients show a certificate; default none. */
  readonly clientAuth?: 'none' | 'requested' | 'required'
  /** Who bears a certificate, for ACLs and quotas, as Kafka's ssl.principal.mapping.rules: 'RULE:^CN=(.*?),.*$/$1/L, DEFAULT'. Default: its whole subject. */
  readonly principalMappingRules?: string
}

/** An open port. */
export interface Listener extends AsyncDisposable {
  /** The address that it is bound to. */
  readonly address: string
  readonly port: number
  /** Connections open now. */
  readonly connections: number
  /** Handshakes from now on use this certificate; connections that stand keep theirs, and `ca` stays where none is given. Raises INVALID_CONFIG, INVALID_ARGUMENT. */
  replaceCertificate(tls: TlsSettings): void
  /** Accepts nothing more, answers what was asked, then closes the connections. */
  close(options?: { timeoutMs?: number }): Promise<void>
}

/** The settings of the broker that bear on connections. */
export interface ListenerSettings {
  readonly 'socket.request.max.bytes': number
  readonly 'connections.max.idle.ms': number
  readonly 'connections.max.reauth.ms': number
  readonly 'max.connections': number
  readonly 'max.connections.per.ip': number
  readonly 'max.connections.per.ip.overrides': string
}

const DEFAULT_PORT = 9092
const DEFAULT_HOST = '127.0.0.1'
const CLOSE_TIMEOUT_MS = 5000
const MAX_PORT = 65_535
/** Bytes of requests read but not answered, of all connections of a listener. */
const PENDING_BYTES = 268_435_456
/** Answers to fetches that their clients have not read yet, likewise. */
const ANSWER_BYTES = 134_217_728
/** Memory for both that is kept for the next, while there is much to do. */
const POOL_BYTES = 16_777_216
const everywhere = new Set(['0.0.0.0', '::'])

export interface ListenerParts {
  readonly broker: ServedBroker
  readonly users: UserCredentials
  readonly acls: AclSource
  readonly quotas: QuotaSource
  readonly ports: Ports
  readonly settings: ListenerSettings
  /** Where the port is entered while it is open. */
  readonly openPorts: Set<OpenPort>
  /** Default: none. */
  readonly intercept?: Interceptor
}

/** A listener that can be given another database. */
export interface MovableListener extends Listener {
  /** Ends every connection; those that come from now on are served on these parts. */
  moveTo(parts: ListenerParts): Promise<void>
}

/** `closed` runs once, when the listener has closed. Raises INVALID_ARGUMENT, INVALID_CONFIG. */
export async function openListener(parts: ListenerParts, given: ListenOptions, closed: () => void): Promise<MovableListener> {
  const options = checked(given)
  const { ports, settings } = parts
  const idleMs = settings['connections.max.idle.ms']
  const answers = new AnswerMemory(ANSWER_BYTES)
  // Who stands between may keep what he sees: nothing is used twice then.
  const pool = new MemoryPool(parts.intercept === undefined ? POOL_BYTES : 0)
  const sessionsOn = sessionsMaker(options, answers, pool)
  let sessions = sessionsOn(parts)
  const listener = await PortListener.open({
    host: options.host, port: options.port, tls: options.tls === null ? null : tlsOptions(options.tls), nameOf: namerOf(options), ports,
    limits: { ...defaultLimits, maxFrameBytes: settings['socket.request.max.bytes'], idleMs: idleMs < 0 ? Number.POSITIVE_INFINITY : idleMs },
    // They may change while the port is open.
    get maxConnections() { return settings['max.connections'] },
    maxConnectionsOf: connectionsOf(settings),
    maxPendingBytes: PENDING_BYTES,
    answers, pool, newSession: (peer) => sessions.begin(peer), refusedFor: (address) => sessions.quotas.recordConnection(address),
  })
  const openPort = openPortOf(options, listener.port)
  parts.openPorts.add(openPort)
  let { openPorts } = parts
  return new WireListener(listener, options.tls, () => {
    openPorts.delete(openPort)
    closed()
  }, (next) => {
    openPorts = next.openPorts.add(openPort)
    sessions = sessionsOn(next)
  })
}

/** They may change while the port is open, and are read when they have. */
function connectionsOf(settings: ListenerSettings): (address: string) => number {
  let text = ''
  let overrides: ReadonlyMap<string, number> | null = null
  return (address) => {
    if (settings['max.connections.per.ip.overrides'] !== text) {
      text = settings['max.connections.per.ip.overrides']
      overrides = connectionOverrides(text)
    }
    return overrides?.get(addressOf(address) ?? address) ?? settings['max.connections.per.ip']
  }
}

/** With SASL it is the login that says who somebody is. Raises INVALID_CONFIG. */
function namerOf({ tls, mechanisms }: Checked): (subject: string) => string | null {
  const rules = tls?.principalMappingRules
  return rules === undefined || mechanisms !== null ? (subject) => subject : principalRules(rules)
}

function openPortOf({ name, host, advertisedHost, advertisedPort, tls, mechanisms, acls }: Checked, port: number): OpenPort {
  const protocol = `${mechanisms === null ? '' : 'SASL_'}${tls === null ? 'PLAINTEXT' : 'SSL'}` as const
  return {
    name: name ?? protocol, protocol, host, port, advertisedHost: advertisedHost ?? null, advertisedPort: advertisedPort ?? null, mechanisms: mechanisms ?? [],
    clientAuth: tls?.clientAuth ?? 'none',
    superUsers: acls === null ? null : [...acls.superUsers],
  }
}

/** The listeners of a database share one meter. */
const meters = new WeakMap<QuotaSource, QuotaMeter>()

function meterOf({ quotas, ports }: ListenerParts): QuotaMeter {
  let meter = meters.get(quotas)
  if (meter === undefined) meters.set(quotas, meter = new QuotaMeter(quotas, () => ports.clock.monotonic()))
  return meter
}

const sessionCode = (): Promise<typeof import('./wire-sessions.ts')> => loadPart('the code for connections', () => import('./wire-sessions.ts'))

/** Loads what the first client would wait for. Whoever comes tries again where that fails. */
export async function loadSessions(): Promise<void> { await sessionCode().catch(() => {}) }

interface Sessions { readonly quotas: QuotaMeter; begin(peer: Peer): Session }

/** Sessions on the parts of a database. Their code is loaded when the first client connects: to be ready, a server does not wait for it. */
function sessionsMaker({ host, advertisedHost, advertisedPort, mechanisms, acls }: Checked, answers: AnswerMemory, pool: MemoryPool): (parts: ListenerParts) => Sessions {
  const endpointFor = ({ localAddress, localPort }: Peer): Endpoint => ({
    host: advertisedHost ?? (everywhere.has(host) || isIP(host) === 0 ? localAddress : host), port: advertisedPort ?? localPort,
  })
  return (parts) => {
    const quotas = meterOf(parts)
    let make: ((peer: Peer) => Session) | null = null
    const load = async (): Promise<(peer: Peer) => Session> => {
      const { wireSessions } = await sessionCode()
      return make ??= wireSessions(parts, { endpointFor, mechanisms, acls, quotas, answers, pool })
    }
    return { quotas, begin: (peer) => make?.(peer) ?? new AwaitedSession(load().then((session) => session(peer)), mechanisms === null) }
  }
}

class WireListener implements MovableListener {
  readonly #listener: PortListener
  readonly #tls: TlsSettings | null
  readonly #closed: () => void
  readonly #serveOn: (parts: ListenerParts) => void
  readonly address: string
  readonly port: number
  #closing: Promise<void> | null = null

  constructor(listener: PortListener, tls: TlsSettings | null, closed: () => void, serveOn: (parts: ListenerParts) => void) {
    this.#listener = listener
    this.#tls = tls
    this.#closed = closed
    this.#serveOn = serveOn
    this.address = listener.address
    this.port = listener.port
  }

  get connections(): number { return this.#listener.connections }

  replaceCertificate(tls: TlsSettings): void {
    if (this.#tls === null) throw new OttlaError('INVALID_ARGUMENT', 'replaceCertificate: this listener has no TLS')
    // Left out, it must not come to mean every authority that Node knows.
    const { ca } = this.#tls
    this.#listener.replaceCertificate(tlsOptions({ ...(ca === undefined ? {} : { ca }), ...tls }))
  }

  moveTo(parts: ListenerParts): Promise<void> {
    this.#serveOn(parts)
    return this.#listener.hangUp()
  }

  close(options: { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = CLOSE_TIMEOUT_MS } = callOptions('close', options, ['timeoutMs'])
    if (!(typeof timeoutMs === 'number' && timeoutMs >= 0)) {
      throw new OttlaError('INVALID_ARGUMENT', `close: timeoutMs is ${shown(timeoutMs)}: give milliseconds from 0`)
    }
    this.#closing ??= this.#listener.close(timeoutMs).finally(this.#closed)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }
}

type Checked = Required<Pick<ListenOptions, 'port' | 'host'>> & Pick<ListenOptions, 'name' | 'advertisedHost' | 'advertisedPort'> & {
  readonly tls: TlsSettings | null
  readonly mechanisms: readonly SaslMechanism[] | null
  readonly acls: AuthorizerOptions | null
}

function checked(given: ListenOptions): Checked {
  const options = callOptions('listen', given, ['name', 'port', 'host', 'advertisedHost', 'advertisedPort', 'tls', 'sasl', 'acls', 'allowInsecure'])
  const { name, port = DEFAULT_PORT, host = DEFAULT_HOST, advertisedHost, advertisedPort, tls = null, sasl, acls, allowInsecure = false } = options
  const mechanisms = sasl === undefined ? null : checkMechanisms(sasl)
  checkPort('port', port)
  if (advertisedPort !== undefined) checkPort('advertisedPort', advertisedPort)
  if (name !== undefined && !(typeof name === 'string' && /^[\w-]{1,100}$/.test(name))) {
    throw new OttlaError('INVALID_ARGUMENT', `listen: name is ${shown(name)}: give letters, digits, _ and -, as INTERNAL`)
  }
  for (const [option, value] of Object.entries({ host, advertisedHost })) {
    if (value === undefined || (typeof value === 'string' && value !== '')) continue
    throw new OttlaError('INVALID_ARGUMENT', `listen: ${option} is ${shown(value)}: give a name or an address`)
  }
  if (advertisedHost !== undefined && everywhere.has(advertisedHost)) {
    throw new OttlaError('INVALID_ARGUMENT', `listen: nobody can connect to ${advertisedHost}: advertisedHost is the name or address that clients know`)
  }
  if (!allowInsecure && !isLoopback(host) && tls === null && mechanisms?.includes('PLAIN') === true) {
    throw new OttlaError('INVALID_CONFIG', `listen: PLAIN without TLS sends passwords in the clear, and ${host} can be reached from other machines: `
      + 'use tls, or SCRAM, or give allowInsecure: true')
  }
  if (!allowInsecure && !isLoopback(host) && tls === null && mechanisms === null) {
    throw new OttlaError('INVALID_CONFIG', `listen: ${host} can be reached from other machines, and this listener has neither TLS nor SASL: `
      + 'everybody who reaches it could read, write and delete. Listen on 127.0.0.1, or give allowInsecure: true where the network itself is safe')
  }
  const advertised = { ...(name === undefined ? {} : { name }), ...(advertisedHost === undefined ? {} : { advertisedHost }), ...(advertisedPort === undefined ? {} : { advertisedPort }) }
  return { port, host, tls, mechanisms, acls: acls === undefined ? null : checkAcls(acls), ...advertised }
}

function checkPort(name: string, port: unknown): void {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return
  throw new OttlaError('INVALID_ARGUMENT', `listen: ${name} is ${shown(port)}: give a number from 0 to ${MAX_PORT}`)
}

function checkMechanisms(sasl: unknown): readonly SaslMechanism[] {
  const mechanisms = typeof sasl === 'object' && sasl !== null ? (sasl as { mechanisms?: unknown }).mechanisms : undefined
  const isSound = Array.isArray(mechanisms) && mechanisms.length > 0 && mechanisms.every((each) => saslMechanisms.includes(each as SaslMechanism))
  if (isSound) return mechanisms as SaslMechanism[]
  throw new OttlaError('INVALID_ARGUMENT', `listen: sasl is { mechanisms: [...] } with some of ${saslMechanisms.join(', ')}`)
}

function checkAcls(given: AclOptions): AuthorizerOptions {
  const { superUsers = [], allowEveryoneIfNoAclFound = false } = callOptions('listen: acls', given, ['superUsers', 'allowEveryoneIfNoAclFound'])
  const isSound = Array.isArray(superUsers) && superUsers.every((each) => typeof each === 'string' && isPrincipal(each))
  if (!isSound) throw new OttlaError('INVALID_ARGUMENT', "listen: acls.superUsers is a list of principals, as ['User:admin']")
  if (typeof allowEveryoneIfNoAclFound !== 'boolean') throw new OttlaError('INVALID_ARGUMENT', 'listen: acls.allowEveryoneIfNoAclFound is true or false')
  return { superUsers: new Set(superUsers), allowEveryoneIfNoAclFound }
}

/** Raises INVALID_CONFIG for a certificate or key that cannot be used, INVALID_ARGUMENT for what is misspelt: a certificate that is not asked for keeps nobody out. */
function tlsOptions(given: TlsSettings): TlsOptions {
  callOptions('listen: tls', given, ['cert', 'key', 'ca', 'passphrase', 'clientAuth', 'principalMappingRules'])
  const { cert, key, ca, passphrase, clientAuth = 'none' } = given
  if (!['none', 'requested', 'required'].includes(clientAuth)) {
    throw new OttlaError('INVALID_ARGUMENT', `listen: tls.clientAuth is ${shown(clientAuth)}: give none, requested or required`)
  }
  const pem = (given: string | Uint8Array): string | Buffer => typeof given === 'string' ? given : Buffer.from(given)
  try {
    const options: TlsOptions = {
      cert: pem(cert), key: pem(key), minVersion: 'TLSv1.2', requestCert: clientAuth !== 'none', rejectUnauthorized: clientAuth === 'required',
      ...(ca === undefined ? {} : { ca: pem(ca) }), ...(passphrase === undefined ? {} : { passphrase }),
    }
    process.getBuiltinModule('node:tls').createSecureContext(options)
    return options
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new OttlaError('INVALID_CONFIG', `listen: the certificate or its key cannot be used: ${why}`, { cause: error })
  }
}

function isLoopback(host: string): boolean { return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) }
