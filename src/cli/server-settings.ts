/**
 * From a `server.properties` of Kafka, `--override`s and flags to what `open` and `listen` take. Pure. Properties that only a Kafka broker has are named
 * and not used, so that a file written for Kafka works; a misspelt override is an error of `open`.
 */
import { nearest } from '../tools.ts'
import { UsageError } from './command.ts'

export interface ListenerAddress { readonly host: string; readonly port: number; readonly advertisedHost?: string; readonly advertisedPort?: number }

export interface ServerPlan {
  /** Undefined: none was named. */
  readonly directory: string | undefined
  readonly listeners: readonly ListenerAddress[]
  /** For `open`. */
  readonly settings: Readonly<Record<string, string>>
  /** Names in the file that mean nothing here. */
  readonly unused: readonly string[]
}

export interface ServerFlags {
  readonly data: string | undefined
  readonly listeners: string | undefined
  readonly 'advertised-listeners': string | undefined
  readonly port: number | undefined
}

interface Endpoint { readonly name: string; readonly host: string; readonly port: number }

const DEFAULT_LISTENERS = 'PLAINTEXT://127.0.0.1:9092'
const MAX_PORT = 65_535
/** Taken up here, not by `open`. */
const ownNames = new Set(['listeners', 'advertised.listeners', 'listener.security.protocol.map', 'controller.listener.names', 'log.dirs', 'log.dir', 'broker.id'])

/** `isKnown`: whether `open` takes a setting of this name. Raises UsageError. */
export function planServer(file: ReadonlyMap<string, string>, overrides: Readonly<Record<string, string>>, flags: ServerFlags, isKnown: (name: string) => boolean): ServerPlan {
  const all = new Map([...file, ...Object.entries(overrides)])
  const settings: Record<string, string> = {}
  const unused: string[] = []
  for (const [name, value] of all) {
    if (ownNames.has(name)) continue
    if (isKnown(name) || Object.hasOwn(overrides, name)) settings[name] = value
    else unused.push(name)
  }
  const brokerId = all.get('broker.id')
  if (brokerId !== undefined && brokerId !== '-1') settings['node.id'] ??= brokerId
  return { directory: flags.data ?? directoryOf(all), listeners: listenersOf(all, flags), settings, unused }
}

function directoryOf(all: ReadonlyMap<string, string>): string | undefined {
  const directories = all.get('log.dirs') ?? all.get('log.dir')
  if (directories?.includes(',') === true) throw new UsageError(`log.dirs names several directories (${directories}): there is one data directory`)
  return directories
}

function listenersOf(all: ReadonlyMap<string, string>, flags: ServerFlags): ListenerAddress[] {
  const controllers = new Set(words(all.get('controller.listener.names')))
  const protocols = new Map(words(all.get('listener.security.protocol.map')).map((pair) => pair.split(':') as [string, string]))
  const endpoints = parseEndpoints('listeners', flags.listeners ?? all.get('listeners') ?? DEFAULT_LISTENERS).filter(({ name }) => !controllers.has(name))
  const advertised = new Map(parseEndpoints('advertised.listeners', flags['advertised-listeners'] ?? all.get('advertised.listeners') ?? '').map((each) => [each.name, each]))
  const stray = [...advertised.keys()].find((name) => !endpoints.some((each) => each.name === name))
  if (stray !== undefined) throw new UsageError(`advertised.listeners names ${stray}, which listeners does not`)
  if (endpoints.length === 0) throw new UsageError('listeners names no listener for clients')
  if (flags.port !== undefined && endpoints.length > 1) throw new UsageError('--port needs a single listener')
  return endpoints.map(({ name, host, port }) => {
    const protocol = protocols.get(name) ?? name
    if (protocol !== 'PLAINTEXT') throw new UsageError(unknownProtocol(name, protocol))
    const shown = advertised.get(name)
    const address = { host: host === '' ? '0.0.0.0' : host, port: flags.port ?? port }
    return shown === undefined ? address : { ...address, advertisedHost: shown.host, advertisedPort: shown.port }
  })
}

function unknownProtocol(name: string, protocol: string): string {
  if (['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'].includes(protocol)) return `listener ${name}: ${protocol} is not built yet; PLAINTEXT is`
  const guess = nearest(protocol, ['PLAINTEXT'])
  return `listener ${name} has no known security protocol${guess === null ? ': say which in listener.security.protocol.map' : `; did you mean ${guess}?`}`
}

function words(list: string | undefined): string[] { return list?.split(',').map((word) => word.trim()).filter((word) => word !== '') ?? [] }

/** `NAME://host:port,…`; an empty host is every address, an address of IPv6 stands in brackets. */
function parseEndpoints(option: string, list: string): Endpoint[] {
  return words(list).map((text) => {
    const match = /^([A-Za-z0-9_]+):\/\/(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text)
    if (match === null || Number(match[4]) > MAX_PORT) throw new UsageError(`${option}: ${JSON.stringify(text)} is not of the form PLAINTEXT://127.0.0.1:9092`)
    return { name: match[1]!.toUpperCase(), host: match[2] ?? match[3]!, port: Number(match[4]) }
  })
}
