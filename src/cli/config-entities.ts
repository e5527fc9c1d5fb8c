/** What `ottla configs` describes and alters besides quotas: topics, brokers, their loggers, groups and subscriptions to client metrics, in the words of kafka-configs. */
import type { ConfigEntry, ConfigSource, ConfigTarget, Kafka } from '../index.ts'
import { choice } from './arguments.ts'
import { UsageError } from './command.ts'
import type { Terminal } from './terminal.ts'
import { matching } from './topic-names.ts'

const sourceNames: Readonly<Record<ConfigSource, string>> = {
  topic: 'DYNAMIC_TOPIC_CONFIG', broker: 'DYNAMIC_BROKER_CONFIG', allBrokers: 'DYNAMIC_DEFAULT_BROKER_CONFIG', static: 'STATIC_BROKER_CONFIG', default: 'DEFAULT_CONFIG',
  logger: 'DYNAMIC_BROKER_LOGGER_CONFIG', clientMetrics: 'DYNAMIC_CLIENT_METRICS_CONFIG', group: 'DYNAMIC_GROUP_CONFIG',
}

const settingTypes = ['topics', 'brokers', 'broker-loggers', 'groups', 'client-metrics'] as const
const entityTypes = [...settingTypes, 'users', 'clients', 'ips'] as const

/** `name` null: all brokers; undefined: every one that there is. */
export interface ConfigEntity { readonly type: (typeof settingTypes)[number]; readonly name: string | null | undefined }

export interface EntityFlags {
  readonly 'entity-type': readonly string[]; readonly 'entity-name': readonly string[]; readonly 'entity-default': boolean
  readonly topic: string | undefined; readonly broker: string | undefined; readonly 'broker-defaults': boolean; readonly 'broker-logger': string | undefined
  readonly group: string | undefined; readonly 'client-metrics': string | undefined
}

export const ONE_ENTITY = 'one entity at a time: only users and clients go together'
const shortNames = ['topic', 'broker', 'broker-defaults', 'broker-logger', 'group', 'client-metrics'] as const

/** The short flag that names what has settings; undefined: none does. */
export function shortOf(flags: EntityFlags): string | undefined {
  const name = shortNames.find((each) => flags[each] !== undefined && flags[each] !== false)
  return name === undefined ? undefined : `--${name}`
}

/** Raises UsageError. Quotas are not asked for. */
export function entityOf(flags: EntityFlags): ConfigEntity {
  const short: readonly (readonly [ConfigEntity['type'], string | null | undefined])[] = [
    ['topics', flags.topic], ['brokers', flags.broker], ['brokers', flags['broker-defaults'] ? null : undefined], ['broker-loggers', flags['broker-logger']],
    ['groups', flags.group], ['client-metrics', flags['client-metrics']],
  ]
  const given = short.filter(([, name]) => name !== undefined)
  if (given.length + flags['entity-type'].length > 1 || flags['entity-name'].length > 1) throw new UsageError(ONE_ENTITY)
  if (given.length === 1 && (flags['entity-name'].length > 0 || flags['entity-default'])) {
    throw new UsageError(`--entity-name and --entity-default go with --entity-type, not with ${shortOf(flags)}`)
  }
  if (given.length === 1) return { type: given[0]![0], name: given[0]![1] }
  const type = choice('entity-type', flags['entity-type'][0] ?? 'topics', entityTypes) as ConfigEntity['type']
  if (!flags['entity-default']) return { type, name: flags['entity-name'].at(-1) }
  if (type !== 'brokers') throw new UsageError(`--entity-default is for brokers, users, clients and ips: name one of ${type} by --entity-name`)
  if (flags['entity-name'].length > 0) throw new UsageError('--entity-name and --entity-default exclude each other')
  return { type, name: null }
}

/** Refuses what a directory does not keep. */
export function needsRunningBroker({ type }: ConfigEntity): void {
  if (type === 'broker-loggers') throw new UsageError('levels of loggers are those of a broker that runs, and hold until it stops: give --bootstrap-server HOST:PORT')
}

export async function configTargets(kafka: Kafka, { type, name }: ConfigEntity): Promise<ConfigTarget[]> {
  switch (type) {
    case 'topics': return name === undefined ? (await matching(kafka, undefined, true)).map((topic) => ({ topic })) : [{ topic: name! }]
    case 'groups': return name === undefined ? (await kafka.admin.listGroups()).map(({ groupId }) => ({ group: groupId })) : [{ group: name! }]
    case 'client-metrics':
      if (name === undefined) throw new UsageError('--entity-name is required: which subscription to client metrics')
      return [{ clientMetrics: name! }]
    case 'broker-loggers': return (await brokerIds(kafka, name)).map((id) => ({ brokerLogger: id }))
    case 'brokers':
      if (name === null) return [{ broker: null }]
      return [...(await brokerIds(kafka, name)).map((id) => ({ broker: id })), ...(name === undefined ? [{ broker: null }] : [])]
  }
}

async function brokerIds(kafka: Kafka, name: string | null | undefined): Promise<number[]> {
  if (name === undefined) return (await kafka.admin.describeCluster()).brokers.map(({ id }) => id)
  if (/^\d+$/.test(name!)) return [Number(name)]
  throw new UsageError(`--entity-name of a broker is its node id, not ${JSON.stringify(name)}`)
}

export function labelOf(target: ConfigTarget): string {
  if ('topic' in target) return `topic ${target.topic}`
  if ('brokerLogger' in target) return `broker-logger ${target.brokerLogger}`
  if ('group' in target) return `group ${target.group}`
  if ('clientMetrics' in target) return `client-metric ${target.clientMetrics}`
  return target.broker === null ? 'brokers in the cluster' : `broker ${target.broker}`
}

export function isOfAll(target: ConfigTarget): boolean { return 'broker' in target && target.broker === null }

export function completedText(target: ConfigTarget): string { return `Completed updating ${isOfAll(target) ? 'default ' : ''}config for ${labelOf(target)}.` }

function ownSource(target: ConfigTarget): ConfigSource {
  if ('topic' in target) return 'topic'
  if ('brokerLogger' in target) return 'logger'
  if ('group' in target) return 'group'
  if ('clientMetrics' in target) return 'clientMetrics'
  return isOfAll(target) ? 'allBrokers' : 'broker'
}

/** What was set, or with `all` everything. */
export async function describeSettings(kafka: Kafka, terminal: Terminal, target: ConfigTarget, all: boolean, json: boolean): Promise<void> {
  const own = ownSource(target)
  const entries = (await kafka.admin.describeConfigs(target)).filter((entry) => all || entry.source === own).toSorted((a, b) => a.name < b.name ? -1 : 1)
  if (json) {
    await terminal.json({ ...target, configs: entries })
    return
  }
  void terminal.line(`${isOfAll(target) ? 'Default' : all ? 'All' : 'Dynamic'} configs for ${labelOf(target)} are:`)
  for (const entry of entries) await terminal.line(`  ${entry.name}=${entry.value ?? 'null'} sensitive=${entry.sensitive} synonyms={${synonymsText(entry)}}`)
}

function synonymsText({ synonyms }: ConfigEntry): string { return synonyms.map(({ source, name, value }) => `${sourceNames[source]}:${name}=${value ?? 'null'}`).join(', ') }
