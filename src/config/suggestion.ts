/** Finds what a mistyped setting was meant to be: other spelling (camelCase, underscores), wrong scope, or a typo. */
import { OttlaError } from '../common/errors.ts'
import { brokerTable } from './broker-settings.ts'
import { clientExtras, clientTable } from './client-settings.ts'
import { adminTable, consumerExtras, consumerTable } from './consumer-settings.ts'
import { producerExtras, producerTable } from './producer-settings.ts'
import type { SettingScope } from './setting.ts'
import { topicTable } from './topic-settings.ts'

const names: Readonly<Record<SettingScope, readonly string[]>> = {
  topic: Object.keys(topicTable),
  broker: Object.keys(brokerTable),
  client: [...Object.keys(clientTable), ...clientExtras],
  producer: [...Object.keys(producerTable), ...producerExtras],
  consumer: [...Object.keys(consumerTable), ...consumerExtras],
  admin: Object.keys(adminTable),
}

const scopes = ['topic', 'broker', 'producer', 'consumer', 'admin', 'client'] as const
const scopesOfClients = ['client', ...scopes] as const

const places: Readonly<Record<SettingScope, string>> = {
  topic: "a topic setting: give it in the `config` of createTopic or change it with admin.alterConfigs({ topic })",
  broker: 'a broker setting: give it to open()',
  client: 'a setting of the connection: give it to connect()',
  producer: 'a producer setting: give it to producer()',
  consumer: 'a consumer setting: give it to consumer()',
  admin: 'an admin setting',
}

/** Names that Kafka's users type and that have no setting here. */
const elsewhere: Readonly<Record<string, string>> = {
  'bootstrap.servers': 'an embedded database has no servers to bootstrap from: leave it out, or give it to connect()',
  'bootstrap.controllers': 'give the brokers to connect()',
  'client.dns.lookup': 'every address of a name is tried',
  'log.dir': 'the data directory is the first argument of open()',
  'log.dirs': 'the data directory is the first argument of open(); there is one',
  'max.connection.creation.rate': 'connections are limited by address: admin.alterQuotas({ ip: null }, { connection_creation_rate: … })',
  'broker.id': 'use node.id',
  'partitioner.class': 'use partitioner',
  'interceptor.classes': 'interceptors are not supported',
  'message.format.version': 'removed in Kafka 4.0: records are always written in the newest format',
  'message.downconversion.enable': 'removed in Kafka 4.0',
  'message.timestamp.difference.max.ms': 'removed in Kafka 4.0: use message.timestamp.before.max.ms and message.timestamp.after.max.ms',
  'brokers': 'give the servers as first argument of connect()',
  'sasl.mechanisms': 'use sasl.mechanism',
  'ssl.ca.location': 'use ssl.truststore.location',
  'ssl.ca.pem': 'use ssl.truststore.certificates',
  'ssl.certificate.location': 'use ssl.keystore.location (certificate and key in one file)',
  'ssl.key.location': 'use ssl.keystore.location (certificate and key in one file)',
}

const oneBroker = 'there is one broker'
/** What becomes of other settings of Kafka; the first that fits. `true`: where a broker or topic is set up only. */
const reasons: readonly (readonly [RegExp, string, true?])[] = [
  [/^zookeeper\./, 'an embedded database needs no ZooKeeper'],
  [/^(add\.partitions\.to\.txn|transaction(al)?)\./, 'transactions are not built yet'],
  [/^(group\.)?(share|streams)\.|^group\.(consumer|remote)\.|^group\.coordinator\.(rebalance|new)/, 'groups of this protocol are not built yet'],
  [/^delegation\.token\./, 'delegation tokens are not built'],
  [/^remote\./, 'there is no tiered storage'],
  [/^(ssl\.(key|trust)store\.(type|password)$)/, 'certificates and keys are read as PEM: leave it out'],
  [/^ssl\.(cipher\.suites|enabled\.protocols|protocol)$/, 'TLS 1.2 and 1.3 are spoken, by the ciphers of Node: leave it out'],
  [/^(inter\.broker\.protocol|log\.message\.(format|downconversion|timestamp\.difference)|broker\.id\.generation|reserved\.broker|password\.encoder|control\.plane)\./,
    'removed in Kafka 4.0'],
  [/(^|\.)(inter\.broker|controller|controlled|replica|leader|bootstrap\.controllers)\.|^(auto\.leader|broker|initial\.broker|replication|process|unclean)\./, oneBroker],
  [/^(request\.timeout|socket\.connection\.setup\.timeout(\.max)?)\.ms$/, oneBroker, true],
  [/^(authorizer|super|allow\.everyone)\./, 'ACLs are an option of listen(), or of `ottla serve`'],
  [/\.class(\.name|\.path)?$|^security\.providers|^ssl\.(provider|.*(algorithm|implementation))$|\.impl\.prefix$/, 'classes of Java cannot be loaded'],
  [/^sasl\.(kerberos|oauthbearer|login)\./, 'Kerberos and OAuth are not built: use PLAIN or SCRAM'],
  [/^listener\.name\./, 'options of one listener are given to listen(); `ottla serve` takes those of TLS and SASL, of a listener that it has'],
  [/^((advertised|early\.start)\.)?listeners$|^listener\.|^sasl\.enabled/, 'ports are opened by listen(), or by `ottla serve`'],
  [/^ssl\./, 'certificates and keys are given to listen({ tls }), or to `ottla serve`', true],
  [/^sasl\.server\.max|^connection\.failed|^max\.(incremental\.fetch|request\.partition)|quota\.window|^socket\.listen|^log\.cleaner\.io\.max/, 'this is fixed here'],
  [/^sasl\./, 'users are made by ottla.users, or by `ottla users`', true],
  [/^group\.coordinator\.|^queued\.max\.|\.purgatory\.|\.threads$/, 'requests and files are the business of one event loop'],
  [/^log\.dir\./, 'there is one data directory'],
  [/^metadata\./, 'the metadata are in one small file', true],
  [/^metadata\.(recovery|max)\./, 'brokers that cannot be reached are looked up by the addresses given to connect()'],
  [/^metrics?\.|^kafka\.metrics|^auto\.include\.jmx/, 'there is no JMX: see ottla.metrics(), and `ottla serve --metrics-port`'],
  [/^(telemetry|enable\.metrics)\./, 'clients push no metrics'],
  [/(send|receive)\.buffer\.bytes$/, 'buffers of sockets are those of the operating system'],
  [/^(internal|unstable)\.|^server\.max/, 'Kafka has it for itself'],
]

/** "retentionMs", "RETENTION_MS" and "retention-ms" all become "retention.ms". */
function normalise(name: string): string {
  return name.trim().replaceAll(/([a-z0-9])([A-Z])/g, '$1.$2').replaceAll(/[_\s-]+/g, '.').toLowerCase()
}

export function unknownSetting(scope: SettingScope, name: string): OttlaError {
  return new OttlaError('INVALID_CONFIG', `unknown ${scope} setting ${JSON.stringify(name.slice(0, 80))}${advise(scope, name)}`)
}

function advise(scope: SettingScope, name: string): string {
  const plain = normalise(name)
  if (names[scope].includes(plain)) return `: write it as ${JSON.stringify(plain)}`
  if (Object.hasOwn(elsewhere, plain)) return `: ${elsewhere[plain]}`
  const isServer = scope === 'broker' || scope === 'topic'
  const why = reasons.find(([pattern, , onServer = false]) => (isServer || !onServer) && pattern.test(plain))
  if (why !== undefined && (isServer || !names.client.includes(plain))) return `: ${why[1]}`
  for (const other of isServer ? scopes : scopesOfClients) {
    if (other !== scope && names[other].includes(plain)) return `: ${plain} is ${places[other]}`
  }
  const guess = nearest(plain, names[scope]) ?? names[scope].find((name) => name.startsWith(`${plain}.`)) ?? null
  if (guess !== null) return `: did you mean ${JSON.stringify(guess)}?`
  for (const other of scopes) {
    const far = other === scope ? null : nearest(plain, names[other])
    if (far !== null) return `: did you mean ${JSON.stringify(far)}? It is ${places[other]}`
  }
  return ': see docs/configuration.md for the names'
}

/** The candidate with the fewest edits from `word`, unless it takes more than a third of the word. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.min(Math.max(2, Math.floor(word.length / 3)), word.length - 1) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase().slice(0, 80), candidate.toLowerCase())
    if (distance < least) { best = candidate; least = distance }
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2]! + 1)
      row.push(edits)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
