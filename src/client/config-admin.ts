/** The part of the admin client that concerns settings: of topics, of brokers and their loggers, of groups and of subscriptions to client metrics. */
import { shown } from '../common/call-options.ts'
import { OttlaError, type ErrorContext } from '../common/errors.ts'
import { checkTopicName } from '../common/topic-partition.ts'
import {
  RESOURCE_BROKER, RESOURCE_BROKER_LOGGER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP, RESOURCE_TOPIC,
  type BrokerApi, type ConfigResource, type ConfigResult, type Failure,
} from '../protocol/broker-api.ts'
import { configText } from './config-text.ts'
import { throwOnFailure } from './failure.ts'
import type { RequestCaller } from './request-caller.ts'
import { throwOnTopicFailure } from './topic-admin.ts'
import type { ConfigEntry, ConfigSource, ConfigTarget } from './types.ts'

/** By the codes of DescribeConfigs, from 1; what a later Kafka adds is told as of the broker. */
const sources: readonly ConfigSource[] = ['topic', 'broker', 'allBrokers', 'static', 'default', 'logger', 'clientMetrics', 'group']
const kinds: Readonly<Record<number, string>> = {
  [RESOURCE_TOPIC]: 'topic', [RESOURCE_BROKER]: 'broker', [RESOURCE_BROKER_LOGGER]: 'the loggers of broker', [RESOURCE_CLIENT_METRICS]: 'client metrics', [RESOURCE_GROUP]: 'group',
}

function sourceOf(code: number): ConfigSource { return sources[code - 1] ?? 'broker' }

function invalid(message: string, context?: ErrorContext): OttlaError { return new OttlaError('INVALID_ARGUMENT', message, context) }

function entryOf({ name, value, defaultValue, configSource, readOnly, isSensitive, documentation, synonyms }: ConfigResult): ConfigEntry {
  return {
    name, value, default: defaultValue, source: sourceOf(configSource), readOnly, sensitive: isSensitive, documentation,
    synonyms: synonyms.map((each) => ({ name: each.name, value: each.value, source: sourceOf(each.source) })),
  }
}

function resourceOf(target: ConfigTarget): ConfigResource {
  const { topic, broker, brokerLogger, clientMetrics, group } = (target ?? {}) as Readonly<Record<string, unknown>>
  if (topic !== undefined) {
    checkTopicName(topic)
    return { resourceType: RESOURCE_TOPIC, resourceName: topic }
  }
  if (broker === null) return { resourceType: RESOURCE_BROKER, resourceName: '' }
  if (Number.isInteger(broker)) return { resourceType: RESOURCE_BROKER, resourceName: String(broker) }
  if (Number.isInteger(brokerLogger)) return { resourceType: RESOURCE_BROKER_LOGGER, resourceName: String(brokerLogger) }
  if (typeof clientMetrics === 'string') return { resourceType: RESOURCE_CLIENT_METRICS, resourceName: clientMetrics }
  if (typeof group === 'string') return { resourceType: RESOURCE_GROUP, resourceName: group }
  throw invalid(`a config resource is { topic: name } or { broker: id }, with null for all brokers, { brokerLogger: id }, { group: id } or { clientMetrics: name }, not ${shown(target)}`)
}

export class ConfigAdmin {
  readonly #api: BrokerApi
  readonly #caller: RequestCaller

  constructor(api: BrokerApi, caller: RequestCaller) {
    this.#api = api
    this.#caller = caller
  }

  async describe(resource: ConfigTarget): Promise<ConfigEntry[]> {
    const target = resourceOf(resource)
    const { results } = await this.#caller.call('describing configs', async () => {
      const answer = await this.#api.describeConfigs({ resources: [{ ...target, configurationKeys: null }] })
      for (const each of answer.results) await this.#throwOnResourceFailure(target, each, 'describing configs')
      return answer
    })
    return (results[0]?.configs ?? []).map(entryOf)
  }

  async alter(resource: ConfigTarget, changes: Readonly<Record<string, string | number | boolean | null>>): Promise<void> {
    const target = resourceOf(resource)
    const place = 'topic' in resource ? { topic: resource.topic } : {}
    if (changes === null || typeof changes !== 'object') throw invalid('alterConfigs(resource, changes): changes is an object of names and values', place)
    const configs = Object.entries(changes).map(([name, value]) => (
      value === null ? { name, configOperation: 1 as const, value: null } : { name, configOperation: 0 as const, value: configText(name, value, place) }))
    await this.#caller.call('altering configs', async () => {
      const { responses } = await this.#api.incrementalAlterConfigs({ validateOnly: false, resources: [{ ...target, configs }] })
      for (const each of responses) await this.#throwOnResourceFailure(target, each, 'altering configs')
    })
  }

  async #throwOnResourceFailure({ resourceType, resourceName }: ConfigResource, result: Failure, what: string): Promise<void> {
    const whole = resourceName === '' ? `${what} of all brokers` : `${what} of ${kinds[resourceType] ?? 'broker'} ${resourceName}`
    if (resourceType === RESOURCE_TOPIC) await throwOnTopicFailure(this.#api, result, whole, resourceName)
    else throwOnFailure(result, whole)
  }
}
