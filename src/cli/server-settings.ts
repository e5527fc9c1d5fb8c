/**
 * From a `server.properties` of Kafka, `--override`s and flags to what `open` and `listen` take. Pure. Properties that only a Kafka broker has are named
 * and not used, so that a file written for Kafka works; a misspelt override is an error of `open`.
 */
import { isPrincipal } from '../common/acl.ts'
import { nearest } from '../tools.ts'
import { UsageError } from './command.ts'

export interface ListenerAddress {
  readonly name: string; readonly host: string; readonly port: number; readonly advertisedHost?: string; readonly advertisedPort?: number
  /** Null: no TLS is spoken there. */
  readonly tls: TlsPlan | null
  /** By which clients log in; null: nobody does. */
  readonly mechanisms: readonly Mechanism[] | null
}

/** PEM, in files or in the settings themselves. */
export interface TlsPlan {
  /** A file with both certificate chain and key. */
  readonly keystore: string | undefined
  readonly chain: string | undefined
  readonly key: string | undefined
  readonly passphrase: string | undefined
  readonly truststore: string | undefined
  readonly certificates: string | undefined
  readonly clientAuth: 'none' | 'requested' | 'required'
  readonly principalMappingRules: string | undefined
}

export interface ServerPlan {
  /** Undefined: none was named. */
  readonly directory: string | undefined
  readonly listeners: readonly ListenerAddress[]
  /** Null: no authorizer is named, and who is in may do everything. */
  readonly acls: { readonly superUsers: readonly string[]; readonly allowEveryoneIfNoAclFound: boolean } | null
  /** For `open`. */
  readonly settings: Readonly<Record<string, string>>
  /** Names in the file that mean nothing here. */
  readonly unused: readonly string[]
  /** Of these, the ones by which a Kafka would keep somebody or something out, as nobody does here. */
  readonly unheeded: readonly string[]
}

export interface ServerFlags {
  readonly data: string | undefined
  readonly listeners: string | undefined
  readonly 'advertised-listeners': string | undefined
  readonly port: number | undefined
}

interface Endpoint { readonly name: string; readonly host: string; readonly port: number }

export type Mechanism = (typeof mechanisms)[number]
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const clientAuths = ['none', 'requested', 'required'] as const
const DEFAULT_MECHANISMS = 'SCRAM-SHA-256,SCRAM-SHA-512'
const DEFAULT_LISTENERS = 'PLAINTEXT://127.0.0.1:9092'
const MAX_PORT = 65_535
/** Taken up here, not by `open`. */
const ownNames = new Set([
  'listeners', 'advertised.listeners', 'listener.security.protocol.map', 'controller.listener.names', 'log.dirs', 'log.dir', 'broker.id',
  'authorizer.class.name', 'super.users', 'allow.everyone.if.no.acl.found',
])
/** So are these, which may be set for one listener, too: by `listener.name.`, its name in small letters and a dot before theirs. */
const listenerNames = new Set([
  'ssl.keystore.location', 'ssl.keystore.type', 'ssl.keystore.certificate.chain', 'ssl.keystore.key', 'ssl.key.password',
  'ssl.truststore.location', 'ssl.truststore.type', 'ssl.truststore.certificates', 'ssl.client.auth', 'ssl.principal.mapping.rules',
  'sasl.enabled.mechanisms',
])
const OF_LISTENER = /^listener\.name\.([^.]+)\.(.+)$/

/** By these, a Kafka would keep somebody or something out. What else is set for one listener is among them, but for the users of its logins, of which is told by themselves. */
const guards = [/^listener\.name\..*(?<!\.jaas\.config)$/, /^max\.connection\.creation\.rate$/, /^ssl\.(cipher\.suites|enabled\.protocols|protocol)$/,
  /\.policy\.class\.name$/, /^(principal\.builder|client\.quota\.callback)\.class$/]

/** `isKnown`: whether `open` takes a setting of this name. Raises UsageError. */
export function planServer(
  file: ReadonlyMap<string, string>, overrides: Readonly<Record<string, string>>, flags: ServerFlags, isKnown: (name: string) => boolean,
): ServerPlan {
  const all = new Map([...file, ...Object.entries(overrides)])
  const listeners = listenersOf(all, flags)
  const served = new Set(listeners.map(({ name }) => name.toLowerCase()))
  const settings: Record<string, string> = {}
  const unused: string[] = []
  for (const [name, value] of all) {
    const [, listener, ofListener] = OF_LISTENER.exec(name) ?? []
    if (ownNames.has(name) || listenerNames.has(name) || (served.has(listener!) && listenerNames.has(ofListener!))) continue
    if (isKnown(name) || Object.hasOwn(overrides, name)) settings[name] = value
    else unused.push(name)
  }
  const brokerId = all.get('broker.id')
  if (brokerId !== undefined && brokerId !== '-1') settings['node.id'] ??= brokerId
  // Nobody comes by the listeners of controllers.
  const controllers = controllersOf(all)
  const unheeded = unused.filter((name) => guards.some((guard) => guard.test(name)) && !controllers.has(OF_LISTENER.exec(name)?.[1]?.toUpperCase() ?? ''))
  return { directory: flags.data ?? directoryOf(all), listeners, acls: aclsOf(all), settings, unused, unheeded }
}

function directoryOf(all: ReadonlyMap<string, string>): string | undefined {
  const directories = all.get('log.dirs') ?? all.get('log.dir')
  if (directories?.includes(',') === true) throw new UsageError(`log.dirs names several directories (${directories}): there is one data directory`)
  return directories
}

function listenersOf(all: ReadonlyMap<string, string>, flags: ServerFlags): ListenerAddress[] {
  const controllers = controllersOf(all)
  const protocols = new Map(words(all.get('listener.security.protocol.map')).map(protocolOf))
  const endpoints = parseEndpoints('listeners', flags.listeners ?? all.get('listeners') ?? DEFAULT_LISTENERS).filter(({ name }) => !controllers.has(name))
  // Kafka's own example advertises its controller, too.
  const shownElsewhere = parseEndpoints('advertised.listeners', flags['advertised-listeners'] ?? all.get('advertised.listeners') ?? '').filter(({ name }) => !controllers.has(name))
  const advertised = new Map(shownElsewhere.map((each) => [each.name, each]))
  const nowhere = shownElsewhere.find(({ host }) => host === '0.0.0.0' || host === '::')
  if (nowhere !== undefined) throw new UsageError(`advertised.listeners: nobody can connect to ${nowhere.host}: name the host that clients know`)
  const stray = [...advertised.keys()].find((name) => !endpoints.some((each) => each.name === name))
  if (stray !== undefined) throw new UsageError(`advertised.listeners names ${stray}, which listeners does not`)
  if (endpoints.length === 0) throw new UsageError('listeners names no listener for clients')
  if (flags.port !== undefined && endpoints.length > 1) throw new UsageError('--port needs a single listener')
  // What holds for all of them is checked, whether one asks for it or not.
  tlsOf(all, '')
  mechanismsOf(all, '')
  return endpoints.map(({ name, host, port }) => {
    const protocol = protocols.get(name) ?? name
    if (!protocolNames.includes(protocol)) throw new UsageError(unknownProtocol(name, protocol))
    const shown = advertised.get(name)
    const prefix = `listener.name.${name.toLowerCase()}.`
    const security = { tls: protocol.endsWith('SSL') ? tlsOf(all, prefix) : null, mechanisms: protocol.startsWith('SASL') ? mechanismsOf(all, prefix) : null }
    const address = { name, host: host === '' ? '0.0.0.0' : host, port: flags.port ?? port, ...security }
    return shown === undefined ? address : { ...address, ...(shown.host === '' ? {} : { advertisedHost: shown.host }), advertisedPort: shown.port }
  })
}

/** Names of listeners are the same in small letters. */
function controllersOf(all: ReadonlyMap<string, string>): ReadonlySet<string> { return new Set(words(all.get('controller.listener.names')?.toUpperCase())) }

/** A name, and what is spoken there. */
function protocolOf(pair: string): [name: string, protocol: string] {
  const [, name, protocol] = /^([\w-]+)\s*:\s*(\w+)$/.exec(pair) ?? []
  if (protocol === undefined) throw new UsageError(`listener.security.protocol.map: ${JSON.stringify(pair)} is not of the form INSIDE:SASL_SSL`)
  return [name!.toUpperCase(), protocol.toUpperCase()]
}

const protocolNames = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

function unknownProtocol(name: string, protocol: string): string {
  const guess = nearest(protocol, protocolNames)
  return `listener ${name} has no known security protocol${guess === null ? ': say which in listener.security.protocol.map' : `; did you mean ${guess}?`}`
}

/** `prefix` of the names that hold for one listener alone, and win there. */
function tlsOf(all: ReadonlyMap<string, string>, prefix: string): TlsPlan {
  const value = (name: string): string | undefined => all.get(prefix + name) ?? all.get(name)
  for (const store of ['ssl.keystore.type', 'ssl.truststore.type']) {
    const type = value(store)
    if (type !== undefined && type !== 'PEM') throw new UsageError(`${store} is ${type}: certificates and keys are read as PEM (openssl pkcs12 -in STORE -out STORE.pem -nodes makes it of PKCS12)`)
  }
  return {
    keystore: value('ssl.keystore.location'), chain: value('ssl.keystore.certificate.chain'), key: value('ssl.keystore.key'),
    passphrase: value('ssl.key.password'), truststore: value('ssl.truststore.location'), certificates: value('ssl.truststore.certificates'),
    clientAuth: oneWord('ssl.client.auth', value('ssl.client.auth') ?? 'none', clientAuths), principalMappingRules: value('ssl.principal.mapping.rules'),
  }
}

/** Those of Kafka that decide by ACLs. Another would be asked for its own rules, and is not passed over: whoever named one wants something denied. */
const authorizers = ['org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'kafka.security.authorizer.AclAuthorizer', 'kafka.security.auth.SimpleAclAuthorizer'] as const

function aclsOf(all: ReadonlyMap<string, string>): ServerPlan['acls'] {
  const name = (all.get('authorizer.class.name') ?? '').trim()
  if (name === '') return null
  oneWord('authorizer.class.name', name, authorizers)
  const superUsers = (all.get('super.users') ?? '').split(';').map((user) => user.trim()).filter((user) => user !== '')
  const stray = superUsers.find((user) => !isPrincipal(user))
  if (stray !== undefined) throw new UsageError(`super.users: ${JSON.stringify(stray)} is no principal; write User:NAME, several with ; between them`)
  const everyone = oneWord('allow.everyone.if.no.acl.found', (all.get('allow.everyone.if.no.acl.found') ?? 'false').trim().toLowerCase(), ['true', 'false'])
  return { superUsers, allowEveryoneIfNoAclFound: everyone === 'true' }
}

function mechanismsOf(all: ReadonlyMap<string, string>, prefix: string): Mechanism[] {
  return words(all.get(`${prefix}sasl.enabled.mechanisms`) ?? all.get('sasl.enabled.mechanisms') ?? DEFAULT_MECHANISMS).map((word) => oneWord('sasl.enabled.mechanisms', word, mechanisms))
}

function oneWord<const W extends string>(name: string, word: string, known: readonly W[]): W {
  const found = known.find((each) => each === word)
  if (found === undefined) throw new UsageError(`${name}: ${word} is not known; there are ${known.join(', ')}`)
  return found
}

function words(list: string | undefined): string[] { return list?.split(',').map((word) => word.trim()).filter((word) => word !== '') ?? [] }

/** `NAME://host:port,…`; an empty host is every address, an address of IPv6 stands in brackets. */
function parseEndpoints(option: string, list: string): Endpoint[] {
  const endpoints = words(list).map((text) => {
    const match = /^([\w-]+):\/\/(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text)
    if (match === null || Number(match[4]) > MAX_PORT) throw new UsageError(`${option}: ${JSON.stringify(text)} is not of the form PLAINTEXT://127.0.0.1:9092`)
    return { name: match[1]!.toUpperCase(), host: match[2] ?? match[3]!, port: Number(match[4]) }
  })
  // As in Kafka, one may be there twice for the two kinds of addresses.
  const twice = endpoints.find(({ name, host, port }, i) => endpoints.slice(0, i).some((each) => each.name === name && (each.port !== port || each.host.includes(':') === host.includes(':'))))
  if (twice !== undefined) throw new UsageError(`${option} names ${twice.name} twice`)
  return endpoints
}
