/** `ottla topics`: kafka-topics on a directory or a cluster. */
import type { Kafka } from '../../index.ts'
import { OttlaError } from '../../common/errors.ts'
import { oneOf, pairs, required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, type Command } from '../command.ts'
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
  partitions: { type: 'number', least: 1, help: 'number of partitions (default: num.partitions of the broker)' },
  'replication-factor': { type: 'number', least: 1, help: '1: a directory has one replica' },
  config: { type: 'text', many: true, value: 'NAME=VALUE', help: 'a setting of the new topic' },
  'if-not-exists': { type: 'flag', help: '--create: no error when the topic is there' },
  'if-exists': { type: 'flag', help: '--alter, --delete, --describe: no error when the topic is not there' },
  'exclude-internal': { type: 'flag', help: '--list, --describe: leave __consumer_offsets and the like out' },
} as const

interface TopicValues {
  readonly topic: string | undefined; readonly partitions: number | undefined; readonly 'replication-factor': number | undefined
  readonly config: readonly string[]; readonly 'if-not-exists': boolean; readonly 'if-exists': boolean; readonly 'exclude-internal': boolean
  readonly json: boolean
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
    const names = await matching(kafka, values.topic, !values['exclude-internal'])
    if (names.length === 0 && values.topic !== undefined && !values['if-exists']) throw missing(values.topic)
    for (const name of names) await describe(kafka, terminal, name, values.json)
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

async function describe(kafka: Kafka, terminal: Terminal, name: string, json: boolean): Promise<void> {
  const topic = await kafka.admin.describeTopic(name)
  const config = (await kafka.admin.describeConfigs({ topic: name })).filter((entry) => entry.source === 'topic')
  if (json) {
    await terminal.json({ ...topic, config: Object.fromEntries(config.map((entry) => [entry.name, entry.value])) })
    return
  }
  const configText = config.map((entry) => `${entry.name}=${entry.value ?? ''}`).join(',')
  const replication = topic.partitions[0]?.replicas.length ?? 0
  const counts = `PartitionCount: ${topic.partitions.length}\tReplicationFactor: ${replication}`
  void terminal.line(`Topic: ${name}\tTopicId: ${topic.topicId}\t${counts}\tConfigs: ${configText}`)
  for (const p of topic.partitions) {
    const replicas = `Replicas: ${p.replicas.join(',')}\tIsr: ${p.isr.join(',')}`
    await terminal.line(`\tTopic: ${name}\tPartition: ${p.partition}\tLeader: ${p.leader}\t${replicas}\tElr: \tLastKnownElr: `)
  }
}
