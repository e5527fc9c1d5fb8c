/**
 * What DescribeConfigs tells of a broker beside its settings: Kafka's names for what it is and where it listens. They follow from how the database was
 * opened and which ports are open now, and none of them can be altered.
 */
import type { OpenPort } from '../common/open-port.ts'
import type { ConfigResult } from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'

const STATIC_BROKER = 4
const DEFAULT = 5
const AUTHORIZER = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

interface Fact {
  readonly type: 'STRING' | 'INT' | 'LIST'
  readonly doc: string
  /** Null: there is none. */
  of(context: BrokerContext, ports: readonly OpenPort[]): string | null
}

/** Kafka's types. */
const facts: Readonly<Record<string, Fact>> = {
  'advertised.listeners': { type: 'STRING', doc: 'What clients are told to connect to.', of: (_, ports) => joined(ports.map(advertised)) },
  'authorizer.class.name': { type: 'STRING', doc: 'Who decides about rights, where a listener heeds ACLs.',
    of: (_, ports) => ports.some(({ superUsers }) => superUsers !== null) ? AUTHORIZER : '' },
  'broker.id': { type: 'INT', doc: 'Id of this broker.', of: ({ nodeId }) => String(nodeId) },
  'listener.security.protocol.map': { type: 'STRING', doc: 'Security protocol by name of listener.',
    of: (_, ports) => joined([...new Set(ports.map(({ name, protocol }) => `${name}:${protocol}`))]) },
  listeners: { type: 'STRING', doc: 'Where this broker listens.', of: (_, ports) => joined(ports.map(({ name, host, port }) => url(name, host, port))) },
  'log.dirs': { type: 'STRING', doc: 'The data directory.', of: ({ logs }) => logs.directory },
  'node.id': { type: 'INT', doc: 'Id of this broker.', of: ({ nodeId }) => String(nodeId) },
  'process.roles': { type: 'LIST', doc: 'What this process is.', of: () => 'broker,controller' },
  'sasl.enabled.mechanisms': { type: 'LIST', doc: 'How clients may log in.', of: (_, ports) => joined([...new Set(ports.flatMap(({ mechanisms }) => mechanisms))]) },
  'ssl.client.auth': { type: 'STRING', doc: 'Whether clients show a certificate.', of: (_, ports) => ports.find(({ clientAuth }) => clientAuth !== 'none')?.clientAuth ?? 'none' },
  'super.users': { type: 'STRING', doc: 'Whom ACLs do not bind.', of: (_, ports) => joined([...new Set(ports.flatMap(({ superUsers }) => superUsers ?? []))], ';') },
}

export const factNames: ReadonlySet<string> = new Set(Object.keys(facts))

/** `keys`: those asked for; null: all. */
export function describeFacts(context: BrokerContext, keys: ReadonlySet<string> | null): ConfigResult[] {
  const ports = [...context.openPorts]
  return Object.entries(facts).filter(([name]) => keys === null || keys.has(name)).map(([name, { type, doc, of }]) => {
    const value = of(context, ports)
    const isSaid = value !== null && value !== '' && value !== 'none'
    return {
      name, value, defaultValue: null, readOnly: true, isSensitive: false, configSource: isSaid ? STATIC_BROKER : DEFAULT, type, documentation: doc,
      synonyms: value === null ? [] : [{ name, value, source: isSaid ? STATIC_BROKER : DEFAULT }],
    }
  })
}

function advertised({ name, host, port, advertisedHost, advertisedPort }: OpenPort): string { return url(name, advertisedHost ?? host, advertisedPort ?? port) }

function url(name: string, host: string, port: number): string { return `${name}://${host.includes(':') ? `[${host}]` : host}:${port}` }

function joined(words: readonly string[], separator = ','): string { return words.join(separator) }
