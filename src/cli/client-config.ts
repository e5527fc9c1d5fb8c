/**
 * `--command-config`: a properties file as Kafka's clients have it, sorted into what `connect` takes and what a producer or consumer takes. Pure. What bears on
 * security and is not built is refused; other names that only Kafka's clients know are passed over, as by Kafka's tools.
 */
import { UsageError } from './command.ts'

export type ClientScope = 'client' | 'producer' | 'consumer'

export interface ClientConfig {
  /** For `connect`. */
  readonly connection: Readonly<Record<string, string>>
  readonly producer: Readonly<Record<string, string>>
  readonly consumer: Readonly<Record<string, string>>
  /** Names that mean nothing here. */
  readonly unused: readonly string[]
}

const PEM_ADVICE = 'certificates and keys are read as PEM; turn a Java key store into PEM with keytool -exportcert -rfc, or openssl pkcs12'
const modernTls = /^(TLS|TLSv1\.[23])$/

/** Why a value cannot be heeded; null where it can, or says what holds anyway. */
type Objection = (value: string) => string | null

const always = (why: string): Objection => () => why
const objections: Readonly<Record<string, Objection>> = {
  'ssl.truststore.type': (type) => type === 'PEM' ? null : PEM_ADVICE,
  'ssl.keystore.type': (type) => type === 'PEM' ? null : PEM_ADVICE,
  'ssl.truststore.password': always(`PEM files have no password: leave it out; ${PEM_ADVICE}`),
  'ssl.keystore.password': always(`PEM files have no password: leave it out, or give that of the key as ssl.key.password; ${PEM_ADVICE}`),
  'ssl.protocol': (name) => modernTls.test(name) ? null : 'TLS 1.2 and 1.3 are spoken, nothing older: leave it out',
  'ssl.enabled.protocols': (list) => list.split(',').some((name) => modernTls.test(name.trim())) ? null : 'TLS 1.2 and 1.3 are spoken, nothing older: leave it out',
  'ssl.cipher.suites': always('the cipher suites are those of Node: leave it out'),
  'ssl.engine.factory.class': always('classes of Java cannot be loaded: leave it out'),
  'security.providers': always('classes of Java cannot be loaded: leave it out'),
  'sasl.client.callback.handler.class': always('classes of Java cannot be loaded: give name and password in sasl.jaas.config'),
  'sasl.login.callback.handler.class': always('classes of Java cannot be loaded: give name and password in sasl.jaas.config'),
  'sasl.login.class': always('classes of Java cannot be loaded: give name and password in sasl.jaas.config'),
  'sasl.mechanism': (name) => ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'].includes(name) ? null : 'use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512: Kerberos and OAuth are not built',
}

/** Raises UsageError. `file` is for messages. */
export function sortClientConfig(file: string, properties: ReadonlyMap<string, string>, scopesOf: (name: string) => readonly ClientScope[]): ClientConfig {
  const sorted = { client: {}, producer: {}, consumer: {} } as Record<ClientScope, Record<string, string>>
  const unused: string[] = []
  for (const [name, value] of properties) {
    const why = Object.hasOwn(objections, name) ? objections[name]!(value) : null
    if (why !== null) throw new UsageError(`${file}: ${name}=${shortened(name, value)} is not supported: ${why}`)
    const scopes = scopesOf(name)
    for (const scope of scopes) sorted[scope][name] = value
    if (scopes.length === 0) unused.push(name)
  }
  const protocol = sorted.client['security.protocol'] ?? 'PLAINTEXT'
  if (protocol.startsWith('SASL_') && sorted.client['sasl.mechanism'] === undefined) {
    throw new UsageError(`${file}: security.protocol=${protocol} needs a sasl.mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (Kafka's default, Kerberos, is not built)`)
  }
  // Where Kafka's tools find no security.protocol they use none, whatever else the file says.
  return { connection: { ...sorted.client, 'security.protocol': protocol }, producer: sorted.producer, consumer: sorted.consumer, unused }
}

/** Passwords are not repeated. */
function shortened(name: string, value: string): string { return name.includes('password') ? '…' : value.slice(0, 80) }
