/**
 * Turns what users give into complete, checked values. Everything that is wrong raises INVALID_CONFIG with the name, what is wrong with it
 * and what would be right; the first problem is reported. Numbers and booleans may come as text, as in a properties file.
 * Pure: reads tables, keeps nothing.
 */
import { OttlaError } from '../common/errors.ts'
import { brokerTable } from './broker-settings.ts'
import { clientExtras, clientTable } from './client-settings.ts'
import { adminTable, consumerExtras, consumerTable } from './consumer-settings.ts'
import { producerExtras, producerTable } from './producer-settings.ts'
import { parseSetting } from './setting-value.ts'
import type { SettingScope, SettingTable, SettingValue } from './setting.ts'
import { unknownSetting } from './suggestion.ts'
import { topicTable } from './topic-settings.ts'
import type { AdminValues, BrokerValues, ClientValues, ConsumerValues, ProducerValues, TopicValues } from './values.ts'

const none: ReadonlySet<string> = new Set()

/** The given settings, parsed; only those that are there and not undefined. */
function parseGiven(scope: SettingScope, table: SettingTable, input: unknown, extras: ReadonlySet<string> = none): Map<string, SettingValue> {
  const given = new Map<string, SettingValue>()
  if (input === undefined) return given
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    throw new OttlaError('INVALID_CONFIG', `${scope} settings are an object of names and values, not ${describeInput(input)}`)
  }
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined || extras.has(name)) continue
    const setting = Object.hasOwn(table, name) ? table[name] : undefined
    if (setting === undefined) throw unknownSetting(scope, name)
    given.set(name, parseSetting(name, setting, value))
  }
  return given
}

function describeInput(input: unknown): string { return input === null ? 'null' : Array.isArray(input) ? 'an array' : `a ${typeof input}` }

function complete(table: SettingTable, given: ReadonlyMap<string, SettingValue>, embedded = true): Record<string, SettingValue> {
  const values: Record<string, SettingValue> = {}
  for (const [name, setting] of Object.entries(table)) {
    const value = given.get(name)
    values[name] = value !== undefined ? value : !embedded && setting.remoteDefault !== undefined ? setting.remoteDefault : setting.default
  }
  return values
}

function fail(message: string): never { throw new OttlaError('INVALID_CONFIG', message) }

/** What topics without an override of `name` use, and where it comes from: a broker synonym or null (the default). */
export function topicFallback(name: string, broker: BrokerValues): { value: SettingValue; synonym: string | null } {
  const setting = topicTable[name]!
  for (const synonym of setting.synonyms ?? []) {
    const value = (broker as unknown as Readonly<Record<string, SettingValue>>)[synonym.name]
    if (value === null || value === undefined) continue
    return { value: synonym.factor !== undefined && typeof value === 'number' && value >= 0 ? value * synonym.factor : value, synonym: synonym.name }
  }
  return { value: setting.default, synonym: null }
}

/** Override of the topic, else the broker's synonyms in order, else the default. */
export function topicInForce(overrides: object | undefined, broker: BrokerValues): TopicValues {
  const given = parseGiven('topic', topicTable, overrides)
  const values: Record<string, SettingValue> = {}
  for (const name of Object.keys(topicTable)) {
    const value = given.get(name)
    values[name] = value !== undefined ? value : topicFallback(name, broker).value
  }
  return values as unknown as TopicValues
}

/** The same of what is new; then the cross checks. */
export function resolveTopic(overrides: object | undefined, broker: BrokerValues): TopicValues {
  const topic = topicInForce(overrides, broker)
  if (topic['min.compaction.lag.ms'] > topic['max.compaction.lag.ms']) {
    fail(`min.compaction.lag.ms (${topic['min.compaction.lag.ms']}) must not be above max.compaction.lag.ms (${topic['max.compaction.lag.ms']})`)
  }
  return topic
}

const throttled = ['leader.replication.throttled.replicas', 'follower.replication.throttled.replicas']

/** What Kafka refuses to have set of settings that change nothing here. Raises INVALID_CONFIG. */
export function checkTopicChange(overrides: Readonly<Record<string, string>>): void {
  for (const name of throttled) {
    const replicas = overrides[name]?.split(',').map((each) => each.trim()) ?? []
    if (replicas.join('') !== '*' && !replicas.every((each) => /^(\d+:\d+)?$/.test(each))) fail(`${name} is * or a list of partition:broker, not ${JSON.stringify(overrides[name])}`)
  }
  if (overrides['remote.storage.enable']?.trim().toLowerCase() === 'true') fail('remote.storage.enable cannot be true: there is no tiered storage here')
}

export function resolveBroker(input?: object): BrokerValues {
  const values = complete(brokerTable, parseGiven('broker', brokerTable, input)) as unknown as BrokerValues
  if (values['group.min.session.timeout.ms'] > values['group.max.session.timeout.ms']) {
    fail(`group.min.session.timeout.ms (${values['group.min.session.timeout.ms']}) must not be above `
      + `group.max.session.timeout.ms (${values['group.max.session.timeout.ms']})`)
  }
  if (values['max.connections.per.ip'] === 0 && values['max.connections.per.ip.overrides'] === '') {
    fail('max.connections.per.ip can be 0 only where max.connections.per.ip.overrides says who may come')
  }
  resolveTopic(undefined, values) // the synonyms must fit together too
  return values
}

/** `embedded` chooses between the defaults in process and Kafka's own ones for the wire. */
export function resolveProducer(input: object | undefined, embedded: boolean): ProducerValues {
  const given = parseGiven('producer', producerTable, input, producerExtras)
  const values = complete(producerTable, given, embedded)
  values['acks'] = acksNumber(values['acks']!)
  const inFlight = values['max.in.flight.requests.per.connection'] as number
  const conflict = values['acks'] !== -1 ? `acks=${values['acks']}`
    : values['retries'] === 0 ? 'retries=0'
      : inFlight > 5 ? `max.in.flight.requests.per.connection=${inFlight}` : null
  if (conflict !== null && values['enable.idempotence'] === true) {
    if (given.has('enable.idempotence')) {
      fail(`enable.idempotence needs acks=all, retries above 0 and max.in.flight.requests.per.connection of at most 5, not ${conflict}`)
    }
    values['enable.idempotence'] = false
  }
  const producer = values as unknown as ProducerValues
  checkBackoff(producer, given)
  const least = producer['linger.ms'] + producer['request.timeout.ms']
  if (producer['delivery.timeout.ms'] < least) {
    if (given.has('delivery.timeout.ms')) {
      fail(`delivery.timeout.ms (${producer['delivery.timeout.ms']}) must be at least linger.ms + request.timeout.ms (${least}): raise it, or lower those`)
    }
    return { ...producer, 'delivery.timeout.ms': Math.min(least, 2_147_483_647) }
  }
  return producer
}

function acksNumber(acks: SettingValue): -1 | 0 | 1 { return acks === '0' || acks === 0 ? 0 : acks === '1' || acks === 1 ? 1 : -1 }

export function resolveConsumer(input?: object): ConsumerValues {
  const given = parseGiven('consumer', consumerTable, input, consumerExtras)
  const values = complete(consumerTable, given)
  if (values['group.id'] === null) {
    if (given.get('enable.auto.commit') === true) fail('enable.auto.commit needs a group.id')
    if (values['group.instance.id'] !== null) fail('group.instance.id needs a group.id')
    values['enable.auto.commit'] = false
  }
  for (const name of ['group.id', 'group.instance.id']) if (values[name] === '') fail(`${name} must not be empty: leave it out instead`)
  const consumer = values as unknown as ConsumerValues
  checkBackoff(consumer, given)
  if (consumer['heartbeat.interval.ms'] >= consumer['session.timeout.ms']) {
    if (given.has('heartbeat.interval.ms')) {
      fail(`heartbeat.interval.ms (${consumer['heartbeat.interval.ms']}) must be below session.timeout.ms (${consumer['session.timeout.ms']})`)
    }
    return { ...consumer, 'heartbeat.interval.ms': Math.max(1, Math.floor(consumer['session.timeout.ms'] / 3)) }
  }
  return consumer
}

/** `usesSsl`: the option `ssl` asks for TLS. What is not said of `security.protocol` follows from the rest. */
export function resolveClient(input: object | undefined, usesSsl: boolean): ClientValues {
  const given = parseGiven('client', clientTable, input, clientExtras)
  const values = complete(clientTable, given)
  const usesSasl = ['sasl.mechanism', 'sasl.username', 'sasl.password', 'sasl.jaas.config'].some((name) => values[name] !== null)
  if (!given.has('security.protocol')) values['security.protocol'] = `${usesSasl ? 'SASL_' : ''}${usesSsl ? 'SSL' : 'PLAINTEXT'}`
  const client = values as unknown as ClientValues
  checkBackoff(client, given)
  checkSecurity(client, usesSasl, usesSsl)
  return client
}

function checkSecurity(client: ClientValues, usesSasl: boolean, usesSsl: boolean): void {
  const protocol = client['security.protocol']
  if (protocol.startsWith('SASL_')) {
    if (client['sasl.mechanism'] === null) fail(`security.protocol ${protocol} needs sasl.mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512`)
    const named = client['sasl.username'] !== null && client['sasl.password'] !== null
    if (!named && client['sasl.jaas.config'] === null) fail(`security.protocol ${protocol} needs sasl.username and sasl.password`)
  } else if (usesSasl) fail(`sasl settings need security.protocol SASL_SSL or SASL_PLAINTEXT, not ${protocol}`)
  if (usesSsl && !protocol.endsWith('SSL')) fail(`option ssl needs security.protocol SSL or SASL_SSL, not ${protocol}`)
}

export function resolveAdmin(input?: object): AdminValues {
  const given = parseGiven('admin', adminTable, input)
  const values = complete(adminTable, given) as unknown as AdminValues
  checkBackoff(values, given)
  return values
}

type Backoff = { readonly 'retry.backoff.ms': number; readonly 'retry.backoff.max.ms': number }

function checkBackoff(values: Backoff, given: ReadonlyMap<string, SettingValue>): void {
  if (given.has('retry.backoff.max.ms') && given.has('retry.backoff.ms') && values['retry.backoff.ms'] > values['retry.backoff.max.ms']) {
    fail(`retry.backoff.ms (${values['retry.backoff.ms']}) must not be above retry.backoff.max.ms (${values['retry.backoff.max.ms']})`)
  }
}
