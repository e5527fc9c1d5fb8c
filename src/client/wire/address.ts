/** Addresses of brokers as users write them: `host:port`, `host`, `[::1]:9092`, lists, comma-separated text. */
import { shown } from '../../common/call-options.ts'
import { OttlaError } from '../../common/errors.ts'

export interface Address { readonly host: string; readonly port: number }

const DEFAULT_PORT = 9092

/** Raises INVALID_CONFIG for what is no address, and when there is none at all. */
export function parseBootstrap(given: unknown): Address[] {
  const parts: unknown[] = typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given.flatMap((each: unknown) => typeof each === 'string' ? each.split(',') : [each]) : [given]
  const addresses = parts.filter((part) => typeof part !== 'string' || part.trim() !== '').map(parseAddress)
  if (addresses.length === 0) throw invalid("connect(bootstrap, settings): name at least one broker, like 'localhost:9092'")
  return addresses
}

function parseAddress(given: unknown): Address {
  if (typeof given !== 'string') throw invalid(`a broker is given as 'host:port', not ${shown(given)}`)
  const text = given.trim().replace(/\/$/, '')
  const scheme = /^([a-z][a-z0-9_+.-]*):\/\//i.exec(text)
  if (scheme !== null && !/^(kafka|plaintext)$/i.test(scheme[1]!)) {
    const protocol = scheme[1]!.toUpperCase()
    const known = ['SSL', 'SASL_SSL', 'SASL_PLAINTEXT'].includes(protocol)
    throw invalid(`${shown(given)}: write ${shown(text.slice(scheme[0].length))}${known ? ` and set 'security.protocol': '${protocol}'` : ', without a scheme'}`)
  }
  const rest = scheme === null ? text : text.slice(scheme[0].length)
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/i.exec(rest)
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3])
  if (match === null || port < 1 || port > 65_535) {
    const hint = rest.split(':').length > 2 ? "an IPv6 address is written in brackets, like '[::1]:9092'" : "it is written 'host:port'"
    throw invalid(`${shown(given)} is no address of a broker: ${hint}`)
  }
  return { host: match[1] ?? match[2]!, port }
}

export function addressText({ host, port }: Address): string { return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` }

function invalid(message: string): OttlaError { return new OttlaError('INVALID_CONFIG', message) }
