/** `ottla topics`: kafka-topics on a directory or a cluster. */
import type { Kafka, TopicDescription } from '../../index.ts'
import { OttlaError } from '../../common/errors.ts'
import { oneOf, pairs, required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, refused, sourceOptions, UsageError, withoutEffect, type Command } from '../command.ts'
import { filterNames, partitionFilters, type FilterName } from '../partition-filters.ts'
import { withKafka } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { matching } from '../topic-names.ts'

const options = {
  ...sourceOptions,
  ...jsonLinesOption,
  create: { type: 'flag', help: 'create the topic' },
  list: { type: 'flag', help: 'list the topics' },
  describe: { type: 'flag', help: 'describe the topics' },
  alter: { type: 'flag', help: 'add partitions, up to --partitions in all' },
  delete: { type: 'flag', help: 'delete the topics' },
  topic: { type: 'text', value: 'NAME', help: 'the topic; a regular expression or a list of names for --list, --describe and --delete' },
  partitions: { type: 'number', only: ['create', 'alter'], least: 1, help: 'number of partitions (default: num.partitions of the broker)' },
  'replication-factor': { type: 'number', only: ['create'], least: 1, help: '1: a directory has one replica' },
  'replica-assignment': { type: 'text', only: ['create'], value: 'ID:ID,…', help: '--create: the brokers of each partition, in place of the two numbers' },
  config: { type: 'text', only: ['create', 'alter'], many: true, value: 'NAME=VALUE', help: 'a setting of the new topic' },
  'delete-config': refused('is no longer Kafka\'s either: settings are put back by "ottla configs --alter --topic NAME --delete-config SETTING"'),
  'partition-size-limit-per-response': withoutEffect('N'),
  'if-not-exists': { type: 'flag', only: ['create'], help: '--create: no error when the topic is there' },
  'if-exists': { type: 'flag', only: ['alter', 'delete', 'describe'], help: '--alter, --delete, --describe: no error when the topic is not there' },
  'exclude-internal': { type: 'flag', only: ['list', 'describe'], help: '--list, --describe: leave __consumer_offsets and the like out' },
  'topic-id': { type: 'text', only: ['describe'], value: 'ID', help: '--describe: the topic of this id' },
  'topics-with-overrides': { type: 'flag', only: ['describe'], help: '--describe: only topics with settings of their own, without their partitions' },
  'under-replicated-partitions': { type: 'flag', only: ['describe'], help: '--describe: only partitions with replicas that are not in sync' },
  'unavailable-partitions': { type: 'flag', only: ['describe'], help: '--describe: only partitions whose leader is not there' },
  'under-min-isr-partitions': { type: 'flag', only: ['describe'], help: '--describe: only partitions with fewer replicas in sync than min.insync.replicas' },
  'at-min-isr-partitions': { type: 'flag', only: ['describe'], help: '--describe: only partitions with just as many' },
} as const

interface TopicValues {
  readonly topic: string | undefined; readonly partitions: number | undefined; readonly 'replication-factor': number | undefined
  readonly config: readonly string[]; readonly 'if-not-exists': boolean; readonly 'if-exists': boolean; readonly 'exclude-internal': boolean
  readonly json: boolean
  readonly 'replica-assignment': string | undefined; readonly 'topic-id': string | undefined; readonly 'topics-with-overrides': boolean
  readonly 'under-replicated-partitions': boolean; readonly 'unavailable-partitions': boolean
  readonly 'under-min-isr-partitions': boolean; readonly 'at-min-isr-partitions': boolean
}

export const topics: Command = defineCommand({
  name: 'topics',
  summary: 'create, list, describe, alter and delete topics',
  usage: [
    '--data DIR --create --topic NAME [--partitions N] [--config NAME=VALUE]… [--if-not-exists]',
    '--data DIR --list | --describe [--topic NAME] [--json]',
    '--data DIR --alter --topic NAME --partitions N',
    '--data DIR --delete --topic NAME',
  ],
  options,
  examples: [
    'ottla topics --data ./data --create --topic orders --partitions 3 --config retention.ms=86400000',
    'ottla topics --data ./data --describe',
  ],
  async run(terminal, values) {
    const action = oneOf(values, ['create', 'list', 'describe', 'alter', 'delete'])
    if (action !== 'list' && action !== 'describe') required(values.topic, 'topic')
    const access = action === 'create' ? 'create' : action === 'list' || action === 'describe' ? 'read' : 'change'
    return withKafka(terminal, values, access, (kafka) => actions[action](kafka, terminal, values))
  },
})

type Action = (kafka: Kafka, terminal: Terminal, values: TopicValues) => Promise<number>

const actions: Readonly<Record<'create' | 'list' | 'describe' | 'alter' | 'delete', Action>> = {
  create: async (kafka, terminal, values) => {
    const name = values.topic!
    const existed = values['if-not-exists'] && (await kafka.admin.listTopics({ internal: true })).includes(name)
    if (existed) return 0
    await kafka.admin.createTopic(name, {
      config: pairs('config', values.config),
      ...(values['replica-assignment'] === undefined ? {} : { assignment: assignmentOf(values['replica-assignment']) }),
      ...(values.partitions === undefined ? {} : { partitions: values.partitions }),
      ...(values['replication-factor'] === undefined ? {} : { replicationFactor: values['replication-factor'] }),
    })
    await terminal.line(`Created topic ${name}.`)
    return 0
  },
  list: async (kafka, terminal, values) => {
    for (const name of await matching(kafka, values.topic, !values['exclude-internal'])) {
      if (values.json) await terminal.json({ topic: name })
      else await terminal.line(name)
    }
    return 0
  },
  describe: async (kafka, terminal, values) => {
    const asked = [...filterNames, 'topics-with-overrides' as const].filter((name) => values[name])
    if (asked.length > 1) throw new UsageError(`--${asked[0]} and --${asked[1]} exclude each other`)
    const filter = filterNames.find((name) => values[name])
    const id = values['topic-id']
    const names = await matching(kafka, values.topic, !values['exclude-internal'])
    if (names.length === 0 && values.topic !== undefined && !values['if-exists']) throw missing(values.topic)
    const live = new Set(filter === undefined ? [] : (await kafka.admin.describeCluster()).brokers.map((broker) => broker.id))
    let isFound = false
    for (const name of names) {
      const topic = await kafka.admin.describeTopic(name)
      if (id !== undefined && topic.topicId !== id) continue
      isFound = true
      await describe(kafka, terminal, topic, { json: values.json, onlySettings: values['topics-with-overrides'], filter, live })
    }
    if (!isFound && id !== undefined && !values['if-exists']) throw missing(id)
    return 0
  },
  alter: async (kafka, terminal, values) => {
    const total = required(values.partitions, 'partitions')
    if (values.config.length > 0) throw new UsageError('settings are altered by: ottla configs --alter --add-config NAME=VALUE')
    const names = await matching(kafka, values.topic, true)
    if (names.length === 0 && !values['if-exists']) throw missing(values.topic!)
    for (const name of names) {
      await kafka.admin.createPartitions(name, total)
      await terminal.line(`Topic ${name} has ${total} partitions.`)
    }
    return 0
  },
  delete: async (kafka, terminal, values) => {
    const names = await matching(kafka, values.topic, true)
    if (names.length === 0 && !values['if-exists']) throw missing(values.topic!)
    for (const name of names) {
      await kafka.admin.deleteTopic(name)
      await terminal.line(`Deleted topic ${name}.`)
    }
    return 0
  },
}

function missing(topic: string): OttlaError {
  return new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${JSON.stringify(topic)}`, { topic })
}

/** "0:1,1:2": by partition, its brokers. */
function assignmentOf(text: string): number[][] {
  const assignment = text.split(',').map((partition) => partition.split(':').map((id) => Number(id.trim() === '' ? NaN : id)))
  if (assignment.flat().every((id) => Number.isInteger(id) && id >= 0)) return assignment
  throw new UsageError(`--replica-assignment is by partition the ids of its brokers, as 1:2,2:3, not ${JSON.stringify(text)}`)
}

interface Shown { readonly json: boolean; readonly onlySettings: boolean; readonly filter: FilterName | undefined; readonly live: ReadonlySet<number> }

async function describe(kafka: Kafka, terminal: Terminal, topic: TopicDescription, { json, onlySettings, filter, live }: Shown): Promise<void> {
  const { name } = topic
  const all = await kafka.admin.describeConfigs({ topic: name })
  const config = all.filter((entry) => entry.source === 'topic')
  const minInSync = Number(all.find((entry) => entry.name === 'min.insync.replicas')?.value ?? 1)
  const partitions = filter === undefined ? topic.partitions : topic.partitions.filter((each) => partitionFilters[filter](each, { live, minInSync }))
  if ((filter !== undefined && partitions.length === 0) || (onlySettings && config.length === 0)) return
  if (json) {
    await terminal.json({ ...topic, partitions, config: Object.fromEntries(config.map((entry) => [entry.name, entry.value])) })
    return
  }
  // As Kafka's tool: whatever is no default, wherever it was set.
  const configText = all.filter((entry) => entry.source !== 'default').map((entry) => `${entry.name}=${entry.value ?? ''}`).join(',')
  const replication = topic.partitions[0]?.replicas.length ?? 0
  const counts = `PartitionCount: ${topic.partitions.length}\tReplicationFactor: ${replication}`
  if (filter === undefined) await terminal.line(`Topic: ${name}\tTopicId: ${topic.topicId}\t${counts}\tConfigs: ${configText}`)
  for (const p of onlySettings ? [] : partitions) {
    const replicas = `Replicas: ${p.replicas.join(',')}\tIsr: ${p.isr.join(',')}`
    await terminal.line(`\tTopic: ${name}\tPartition: ${p.partition}\tLeader: ${p.leader}\t${replicas}\tElr: \tLastKnownElr: `)
  }
}
