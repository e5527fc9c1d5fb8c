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
  'log.dir': 'the data directory is the first argument of open()',
  'log.dirs': 'the data directory is the first argument of open(); there is one',
  'broker.id': 'use node.id',
  'partitioner.class': 'use partitioner',
  'interceptor.classes': 'interceptors are not supported',
  'transactional.id': 'transactions are not built yet',
  'transaction.timeout.ms': 'transactions are not built yet',
  'message.format.version': 'removed in Kafka 4.0: records are always written in the newest format',
  'message.downconversion.enable': 'removed in Kafka 4.0',
  'message.timestamp.difference.max.ms': 'removed in Kafka 4.0: use message.timestamp.before.max.ms and message.timestamp.after.max.ms',
  'brokers': 'give the servers as first argument of connect()',
  'sasl.mechanisms': 'use sasl.mechanism',
  'ssl.ca.location': 'use ssl.truststore.location',
  'ssl.ca.pem': 'use ssl.truststore.certificates',
  'ssl.certificate.location': 'use ssl.keystore.location (certificate and key in one file)',
  'ssl.key.location': 'use ssl.keystore.location (certificate and key in one file)',
  'zookeeper.connect': 'an embedded database needs no ZooKeeper',
}

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
  for (const other of scopes) {
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
