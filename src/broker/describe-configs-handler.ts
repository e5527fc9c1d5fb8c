/** DescribeConfigs: every setting of a topic, of the broker, of its loggers, of groups or of client metrics, its value in force and where that comes from. */
import { OttlaError } from '../common/errors.ts'
import { checkTopicName } from '../common/topic-partition.ts'
import { brokerTable } from '../config/broker-settings.ts'
import { clientMetricsTable } from '../config/client-metrics-settings.ts'
import { formatSetting, typeName } from '../config/setting-value.ts'
import { groupTable } from '../config/group-settings.ts'
import type { Setting, SettingTable, SettingValue } from '../config/setting.ts'
import { topicTable } from '../config/topic-settings.ts'
import { unknownTopic, type TopicInfo } from '../metadata/topic-registry.ts'
import {
  RESOURCE_BROKER, RESOURCE_BROKER_LOGGER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP, RESOURCE_TOPIC, type ConfigResource, type ConfigResult, type DescribeConfigsRequest,
  type DescribeConfigsResponse,
} from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { describeLoggers } from './broker-loggers.ts'
import { describeFacts, factNames } from './broker-facts.ts'
import { answerEach } from './partition-lookup.ts'

const DYNAMIC_TOPIC = 1
const DYNAMIC_BROKER = 2
/** Set for all brokers, of which there is one. */
const DYNAMIC_DEFAULT_BROKER = 3
const STATIC_BROKER = 4
const DEFAULT = 5
const CLIENT_METRICS = 7
const DYNAMIC_GROUP = 8

/** A Kafka of 4.1 keeps this one as set for all brokers from its first start on (KIP-966), and tells it so of each topic: it is what tools show there. */
const MIN_INSYNC = 'min.insync.replicas'

type Described = DescribeConfigsResponse['results'][number]
type Synonyms = ConfigResult['synonyms'][number][]

export async function handleDescribeConfigs(context: BrokerContext, request: DescribeConfigsRequest): Promise<DescribeConfigsResponse> {
  const results = await answerEach(request.resources, (resource): Described => {
    const keys = resource.configurationKeys === null ? null : new Set(resource.configurationKeys)
    return { resourceType: resource.resourceType, resourceName: resource.resourceName, errorCode: 0, configs: describe(context, resource, keys) }
  }, ({ resourceType, resourceName }, why) => ({ resourceType, resourceName, ...why, configs: [] }))
  return { results }
}

function describe(context: BrokerContext, resource: ConfigResource, keys: ReadonlySet<string> | null): ConfigResult[] {
  if (resource.resourceType === RESOURCE_TOPIC) {
    checkTopicName(resource.resourceName)
    const info = context.topics.get(resource.resourceName)
    if (info === undefined) throw unknownTopic(resource.resourceName)
    return describeTopicSettings(context, info, keys)
  }
  if (resource.resourceType === RESOURCE_GROUP) {
    if (resource.resourceName === '') throw new OttlaError('INVALID_REQUEST', 'settings are those of one group: name it')
    return select(groupTable, keys).map(([name, setting]) => describeGroup(context, resource.resourceName, name, setting))
  }
  if (resource.resourceType === RESOURCE_CLIENT_METRICS) return describeClientMetrics(context, resource.resourceName, keys)
  if (resource.resourceType === RESOURCE_BROKER_LOGGER) return describeLoggers(context, resource).filter(({ name }) => keys === null || keys.has(name))
  checkBrokerResource(context, resource)
  const configs = select(brokerTable, keys).filter(([name]) => !factNames.has(name)).map(([name, setting]) => describeBroker(context, name, setting))
  if (resource.resourceName !== '') return [...configs, ...describeFacts(context, keys)]
  return configs.flatMap((each) => {
    const synonym = each.synonyms.find(({ name, source }) => name === each.name && source === DYNAMIC_DEFAULT_BROKER)
    return synonym === undefined ? [] : [{ ...each, value: synonym.value, configSource: DYNAMIC_DEFAULT_BROKER, synonyms: [synonym] }]
  })
}

/** Of a topic that is there, or that would be. */
export function describeTopicSettings(context: BrokerContext, info: Pick<TopicInfo, 'configs' | 'values'>, keys: ReadonlySet<string> | null = null): ConfigResult[] {
  // Kafka's answer begins with compression.type, and there are tests of clients that look at the first.
  const all = select({ 'compression.type': topicTable['compression.type']!, ...topicTable }, keys).map(([name, setting]) => describeTopic(context, info, name, setting))
  // As there, internal.segment.bytes is told only where it is set.
  return all.filter(({ value }) => value !== null)
}

/** Raises INVALID_REQUEST unless the resource is this broker or (with an empty name) all brokers. */
export function checkBrokerResource(context: BrokerContext, resource: ConfigResource): void {
  if (resource.resourceType !== RESOURCE_BROKER) {
    throw new OttlaError('INVALID_REQUEST', `resource type ${resource.resourceType} has no settings here; 2 (topic), 4 (broker), 8 (its loggers), 16 (client metrics) and 32 (group) have`)
  }
  if (resource.resourceName !== '' && resource.resourceName !== String(context.nodeId)) {
    throw new OttlaError('INVALID_REQUEST', `there is no broker ${JSON.stringify(resource.resourceName.slice(0, 40))}; this one is ${context.nodeId}`)
  }
}

function select(table: SettingTable, keys: ReadonlySet<string> | null): [string, Setting][] {
  return Object.entries(table).filter(([name]) => keys === null || keys.has(name))
}

function describeTopic(context: BrokerContext, info: Pick<TopicInfo, 'configs' | 'values'>, name: string, setting: Setting): ConfigResult {
  const override = info.configs[name]
  const synonyms = brokerValues(context, (setting.synonyms ?? []).map((synonym) => synonym.name))
  if (override !== undefined) synonyms.unshift({ name, value: override, source: DYNAMIC_TOPIC })
  const value = (info.values as unknown as Readonly<Record<string, SettingValue>>)[name]!
  return resultOf(name, setting, formatSetting(value, setting), synonyms, false)
}

function describeBroker(context: BrokerContext, name: string, setting: Setting): ConfigResult {
  const group = Object.values(topicTable).find(({ synonyms }) => synonyms?.[0]?.name === name)?.synonyms ?? [{ name }]
  const found = brokerValues(context, group.map((synonym) => synonym.name))
  const synonyms = found[0]?.name === name ? found : []
  const byDefault = defaultOf(setting)
  const value = (context.config.values as unknown as Readonly<Record<string, SettingValue>>)[name]!
  return resultOf(name, setting, formatSetting(value, setting) ?? byDefault, synonyms, setting.fixed === true)
}

function describeGroup(context: BrokerContext, group: string, name: string, setting: Setting): ConfigResult {
  const byDefault = formatSetting(setting.default)
  const override = context.config.named('groups', group)[name]
  const synonyms: Synonyms = override === undefined ? [{ name, value: byDefault, source: DEFAULT }] : [{ name, value: override, source: DYNAMIC_GROUP }]
  return resultOf(name, setting, override ?? byDefault, synonyms, false)
}

function describeClientMetrics(context: BrokerContext, subscription: string, keys: ReadonlySet<string> | null): ConfigResult[] {
  if (subscription === '') throw new OttlaError('INVALID_REQUEST', 'client metrics are those of one subscription: name it')
  const overrides = context.config.named('clientMetrics', subscription)
  return select(clientMetricsTable, keys).map(([name, setting]) => {
    const override = overrides[name]
    return resultOf(name, setting, override ?? defaultOf(setting), override === undefined ? [] : [{ name, value: override, source: CLIENT_METRICS }], false)
  })
}

/** What the broker has for a setting under any of its names. As Kafka: defaults are told from the first name on. */
function brokerValues(context: BrokerContext, names: readonly string[]): Synonyms {
  const synonyms: Synonyms = []
  for (const name of names) addBrokerValue(context, name, synonyms)
  for (const name of names) {
    const byDefault = name === names[0] || synonyms[0]?.name === names[0] ? defaultOf(brokerTable[name]!) : null
    if (byDefault !== null) synonyms.push({ name, value: byDefault, source: DEFAULT })
  }
  return synonyms
}

function addBrokerValue(context: BrokerContext, name: string, synonyms: Synonyms): void {
  const dynamic = context.config.dynamic[name]
  if (dynamic !== undefined) synonyms.push({ name, value: dynamic, source: DYNAMIC_BROKER })
  const forAll = context.config.defaults[name] ?? (name === MIN_INSYNC ? context.config.given[name] ?? defaultOf(topicTable[name]!)! : undefined)
  if (forAll !== undefined) synonyms.push({ name, value: forAll, source: DYNAMIC_DEFAULT_BROKER })
  const given = context.config.given[name]
  if (given !== undefined) synonyms.push({ name, value: given, source: STATIC_BROKER })
}

/** As text; of a setting that stands in for one of topics, what topics have without it. */
function defaultOf(setting: Setting): string | null { return formatSetting(setting.default ?? setting.inherited ?? null, setting) }

function resultOf(name: string, setting: Setting, value: string | null, synonyms: Synonyms, readOnly: boolean): ConfigResult {
  const documentation = setting.inert === undefined ? setting.doc : `${setting.doc} No effect: ${setting.inert}.`
  return {
    name, value, defaultValue: defaultOf(setting), readOnly, isSensitive: false,
    configSource: synonyms[0]?.source ?? DEFAULT, type: typeName(setting), documentation, synonyms,
  }
}
