/** IncrementalAlterConfigs: changes overrides of topics, of the broker and of what else has settings; what changed is in force when the answer comes. */
import { resetDurationMs } from '../common/duration.ts'
import { OttlaError } from '../common/errors.ts'
import { checkTopicName } from '../common/topic-partition.ts'
import { checkTopicChange, resolveTopic } from '../config/resolve.ts'
import { formatSetting, parseSetting } from '../config/setting-value.ts'
import { brokerTable } from '../config/broker-settings.ts'
import { checkClientMetrics, clientMetricsTable } from '../config/client-metrics-settings.ts'
import { groupTable } from '../config/group-settings.ts'
import type { SettingTable, SettingValue } from '../config/setting.ts'
import { unknownSetting } from '../config/suggestion.ts'
import { topicTable } from '../config/topic-settings.ts'
import { unknownTopic } from '../metadata/topic-registry.ts'
import type { NamedKind } from '../metadata/broker-config.ts'
import {
  RESOURCE_BROKER_LOGGER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP, RESOURCE_TOPIC, type AlterConfigsResponse, type IncrementalAlterConfigsRequest,
} from '../protocol/broker-api.ts'
import { logConfigsOf, type BrokerContext } from './broker-context.ts'
import { alterLoggers } from './broker-loggers.ts'
import { factNames } from './broker-facts.ts'
import { checkBrokerResource } from './describe-configs-handler.ts'
import { failureOf, noFailure } from './failure.ts'
import { mustWrite } from './partition-lookup.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]
type Scope = 'topic' | 'broker' | 'group' | 'client metrics'
type Overrides = Readonly<Record<string, string>>

const SET = 0
const DELETE = 1
const APPEND = 2

export async function handleIncrementalAlterConfigs(context: BrokerContext, request: IncrementalAlterConfigsRequest): Promise<AlterConfigsResponse> {
  const responses: AlterConfigsResponse['responses'][number][] = []
  for (const resource of request.resources) {
    const { resourceType, resourceName } = resource
    try {
      mustWrite(context)
      await alterOne(context, resource, request.validateOnly)
      responses.push({ resourceType, resourceName, ...noFailure })
    } catch (error) {
      responses.push({ resourceType, resourceName, ...failureOf(error) })
    }
  }
  return { responses }
}

async function alterOne(context: BrokerContext, resource: Resource, validateOnly: boolean): Promise<void> {
  switch (resource.resourceType) {
    case RESOURCE_TOPIC: return alterTopic(context, resource, validateOnly)
    case RESOURCE_BROKER_LOGGER: return alterLoggers(context, resource, resource.configs, validateOnly)
    case RESOURCE_CLIENT_METRICS: return alterNamed(context, 'clientMetrics', resource, validateOnly)
    case RESOURCE_GROUP: return alterNamed(context, 'groups', resource, validateOnly)
    default: return alterBroker(context, resource, validateOnly)
  }
}

async function alterTopic(context: BrokerContext, resource: Resource, validateOnly: boolean): Promise<void> {
  const name = resource.resourceName
  if (name === '') throw new OttlaError('INVALID_REQUEST', 'settings are those of one topic: name it')
  checkTopicName(name)
  const info = context.topics.get(name)
  if (info === undefined) throw unknownTopic(name)
  const inForce = (key: string): string | null => textOf(context.topics.get(name)!.values, key)
  const change = (configs: Overrides): Overrides => applyChanges('topic', topicTable, resource, configs, inForce)
  if (validateOnly) {
    const configs = change(info.configs)
    checkTopicChange(configs)
    resolveTopic(configs, context.config.values)
    return
  }
  context.logs.updateConfigs(logConfigsOf([await context.topics.configure(name, change)]))
}

async function alterNamed(context: BrokerContext, kind: NamedKind, resource: Resource, validateOnly: boolean): Promise<void> {
  const { resourceName } = resource
  if (resourceName === '') throw new OttlaError('INVALID_REQUEST', 'settings are those of one group, or of one subscription: name it')
  await context.config.alterNamed(kind, resourceName, (overrides) => {
    if (kind === 'groups') {
      const changed = applyChanges('group', groupTable, resource, overrides, () => null)
      const reset = changed['share.auto.offset.reset']
      if (reset !== undefined && !/^(earliest|latest)$/.test(reset) && resetDurationMs(reset) === null) {
        throw new OttlaError('INVALID_CONFIG', 'share.auto.offset.reset is earliest, latest or by_duration: and an ISO 8601 duration')
      }
      return changed
    }
    const changed = applyChanges('client metrics', clientMetricsTable, resource, overrides, () => null)
    checkClientMetrics(changed)
    return changed
  }, validateOnly)
}

async function alterBroker(context: BrokerContext, resource: Resource, validateOnly: boolean): Promise<void> {
  checkBrokerResource(context, resource)
  checkMinInsync(resource)
  // What stands in for a setting of topics and is not set is in force all the same: log.cleanup.policy is delete.
  const inForce = (key: string): string | null => textOf(context.config.values, key) ?? formatSetting(brokerTable[key]?.inherited ?? null)
  const change = (dynamic: Overrides): Overrides => applyChanges('broker', brokerTable, resource, dynamic, inForce)
  await context.config.alter(change, validateOnly, resource.resourceName === '' ? 'all' : 'this')
  if (validateOnly) return
  context.logs.updateConfigs(logConfigsOf(context.topics.refresh()))
}

/** Where it is kept for all brokers from the start on, one broker has none of its own (KIP-966). */
function checkMinInsync({ resourceName, configs }: Resource): void {
  const change = configs.find(({ name }) => name === 'min.insync.replicas')
  if (change === undefined) return
  if (resourceName !== '') throw new OttlaError('INVALID_CONFIG', 'min.insync.replicas is set for all brokers (entity-default), not for one')
  if (change.configOperation === DELETE) throw new OttlaError('INVALID_CONFIG', 'min.insync.replicas of all brokers can be changed, but not be taken away')
}

function textOf(values: object, key: string): string | null { return formatSetting((values as Readonly<Record<string, SettingValue>>)[key] ?? null) }

/** `inForce`: the value that append and subtract start from when there is no override. */
function applyChanges(scope: Scope, table: SettingTable, resource: Resource, overrides: Overrides, inForce: (name: string) => string | null): Overrides {
  const next: Record<string, string> = { ...overrides }
  for (const { name, configOperation, value } of resource.configs) {
    const setting = Object.hasOwn(table, name) ? table[name] : undefined
    if (setting === undefined && scope === 'broker' && factNames.has(name)) {
      throw new OttlaError('INVALID_REQUEST', `${name} cannot be altered while the database is open`)
    }
    if (configOperation === DELETE || (configOperation === SET && value === null)) {
      // Also what is not known: whoever takes back everything that some version of Kafka has is not stopped by it.
      delete next[name]
      continue
    }
    if (setting === undefined) throw unknown(scope, name, configOperation)
    if (value === null) throw new OttlaError('INVALID_CONFIG', `${name} needs a value`)
    if (configOperation === SET) {
      next[name] = formatSetting(parseSetting(name, setting, value), setting) ?? ''
      continue
    }
    if (setting.type !== 'list') throw new OttlaError('INVALID_CONFIG', `${name} is not a list: it can be set, not appended to or subtracted from`)
    const current = (next[name] ?? inForce(name) ?? '').split(',').filter((word) => word !== '')
    const words = value.split(',').map((word) => word.trim())
    const changed = configOperation === APPEND ? [...new Set([...current, ...words])] : current.filter((word) => !words.includes(word))
    next[name] = formatSetting(parseSetting(name, setting, changed)) ?? ''
  }
  return next
}

function unknown(scope: Scope, name: string, operation: number): OttlaError {
  if (scope === 'topic' || scope === 'broker') return unknownSetting(scope, name)
  return new OttlaError(scope === 'group' || operation > DELETE ? 'INVALID_CONFIG' : 'INVALID_REQUEST', `unknown ${scope} setting "${name.slice(0, 100)}"`)
}
