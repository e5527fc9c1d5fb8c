/** IncrementalAlterConfigs: changes overrides of topics and of the broker; what changed is in force when the answer comes. */
import { OttlaError } from '../common/errors.ts'
import { resolveTopic } from '../config/resolve.ts'
import { formatSetting, parseSetting } from '../config/setting-value.ts'
import { brokerTable } from '../config/broker-settings.ts'
import { groupTable } from '../config/group-settings.ts'
import type { SettingTable, SettingValue } from '../config/setting.ts'
import { unknownSetting } from '../config/suggestion.ts'
import { topicTable } from '../config/topic-settings.ts'
import { unknownTopic } from '../metadata/topic-registry.ts'
import { RESOURCE_GROUP, RESOURCE_TOPIC, type AlterConfigsResponse, type IncrementalAlterConfigsRequest } from '../protocol/broker-api.ts'
import { logConfigFor, type BrokerContext } from './broker-context.ts'
import { factNames } from './broker-facts.ts'
import { checkBrokerResource } from './describe-configs-handler.ts'
import { failureOf, noFailure } from './failure.ts'
import { mustWrite } from './partition-lookup.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]
type Scope = 'topic' | 'broker' | 'group'
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
      if (resourceType === RESOURCE_TOPIC) await alterTopic(context, resource, request.validateOnly)
      else if (resourceType === RESOURCE_GROUP) await alterGroup(context, resource, request.validateOnly)
      else await alterBroker(context, resource, request.validateOnly)
      responses.push({ resourceType, resourceName, ...noFailure })
    } catch (error) {
      responses.push({ resourceType, resourceName, ...failureOf(error) })
    }
  }
  return { responses }
}

async function alterTopic(context: BrokerContext, resource: Resource, validateOnly: boolean): Promise<void> {
  const name = resource.resourceName
  const info = context.topics.get(name)
  if (info === undefined) throw unknownTopic(name)
  const inForce = (key: string): string | null => textOf(context.topics.get(name)!.values, key)
  const change = (configs: Overrides): Overrides => applyChanges('topic', topicTable, resource, configs, inForce)
  if (validateOnly) {
    resolveTopic(change(info.configs), context.config.values)
    return
  }
  const changed = await context.topics.configure(name, change)
  context.logs.updateConfig(name, logConfigFor(changed.values))
}

async function alterGroup(context: BrokerContext, resource: Resource, validateOnly: boolean): Promise<void> {
  const { resourceName } = resource
  if (resourceName === '') throw new OttlaError('INVALID_REQUEST', 'settings are those of one group: name it')
  await context.config.alterGroup(resourceName, (overrides) => applyChanges('group', groupTable, resource, overrides, () => null), validateOnly)
}

async function alterBroker(context: BrokerContext, resource: Resource, validateOnly: boolean): Promise<void> {
  checkBrokerResource(context, resource)
  // What stands in for a setting of topics and is not set is in force all the same: log.cleanup.policy is delete.
  const inForce = (key: string): string | null => textOf(context.config.values, key) ?? formatSetting(brokerTable[key]?.inherited ?? null)
  const change = (dynamic: Overrides): Overrides => applyChanges('broker', brokerTable, resource, dynamic, inForce)
  await context.config.alter(change, validateOnly, resource.resourceName === '' ? 'all' : 'this')
  if (validateOnly) return
  for (const info of context.topics.refresh()) context.logs.updateConfig(info.name, logConfigFor(info.values))
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
    if (setting === undefined) throw scope === 'group' ? new OttlaError('INVALID_CONFIG', `unknown group setting "${name.slice(0, 100)}"`) : unknownSetting(scope, name)
    if (configOperation === DELETE || (configOperation === SET && value === null)) {
      delete next[name]
      continue
    }
    if (value === null) throw new OttlaError('INVALID_CONFIG', `${name} needs a value`)
    if (configOperation === SET) {
      next[name] = formatSetting(parseSetting(name, setting, value)) ?? ''
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
