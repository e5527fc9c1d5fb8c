/** `ottla configs`: kafka-configs on a directory or a cluster. */
import type { ConfigEntry, ConfigTarget, Kafka } from '../../index.ts'
import { choice, fileText, oneOf, pairs } from '../arguments.ts'
import { alterQuotas, describeQuotas, quotaEntityOf } from '../client-quotas.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, type Command } from '../command.ts'
import { nearest } from '../../tools.ts'
import { withKafka } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { matching } from '../topic-names.ts'

const sourceNames = { topic: 'DYNAMIC_TOPIC_CONFIG', broker: 'DYNAMIC_BROKER_CONFIG', static: 'STATIC_BROKER_CONFIG', default: 'DEFAULT_CONFIG' } as const

export const configs: Command = defineCommand({
  name: 'configs',
  summary: 'describe and alter the settings of topics and of the broker, and the quotas of users, clients and addresses',
  usage: [
    '--data DIR --describe [--entity-type topics|brokers] [--entity-name NAME] [--all] [--json]',
    '--data DIR --alter --entity-name NAME [--add-config NAME=VALUE,…] [--delete-config NAME,…]',
    '--data DIR --alter --entity-type users --entity-name NAME --add-config producer_byte_rate=BYTES,consumer_byte_rate=BYTES',
  ],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    describe: { type: 'flag', help: 'print the settings that were set' },
    alter: { type: 'flag', help: 'change settings; they hold at once' },
    all: { type: 'flag', help: '--describe: defaults too' },
    'entity-type': { type: 'text', many: true, value: 'TYPE', help: 'topics (default), brokers, users, clients or ips; users and clients together, too' },
    'entity-name': { type: 'text', many: true, value: 'NAME', help: 'the topic, the node id of the broker, the user, the client id, the address' },
    'entity-default': { type: 'flag', help: 'users, clients and ips: all that have no quota of their own' },
    user: { type: 'text', value: 'NAME', help: 'short for --entity-type users --entity-name NAME' },
    client: { type: 'text', value: 'ID', help: 'short for --entity-type clients --entity-name ID' },
    ip: { type: 'text', value: 'ADDRESS', help: 'short for --entity-type ips --entity-name ADDRESS' },
    'user-defaults': { type: 'flag', help: 'short for --entity-type users --entity-default' },
    'client-defaults': { type: 'flag', help: 'short for --entity-type clients --entity-default' },
    'ip-defaults': { type: 'flag', help: 'short for --entity-type ips --entity-default' },
    topic: { type: 'text', value: 'NAME', help: 'short for --entity-type topics --entity-name NAME' },
    broker: { type: 'text', value: 'ID', help: 'short for --entity-type brokers --entity-name ID' },
    'add-config': { type: 'text', many: true, value: 'NAME=VALUE,…', help: 'settings to set; a value with commas stands in [brackets]' },
    'add-config-file': { type: 'text', value: 'FILE', help: 'a properties file with settings to set' },
    'delete-config': { type: 'text', many: true, value: 'NAME,…', help: 'settings to put back to their default' },
  },
  examples: [
    'ottla configs --data ./data --describe --entity-name orders --all',
    'ottla configs --data ./data --alter --entity-name orders --add-config retention.ms=3600000,cleanup.policy=[delete]',
  ],
  async run(terminal, values) {
    const action = oneOf(values, ['describe', 'alter'])
    const quotas = quotaEntityOf(values)
    if (quotas !== null) {
      const changed = action === 'alter' ? changesOf(values['add-config'], values['add-config-file'], values['delete-config']) : {}
      return withKafka(terminal, values, action === 'alter' ? 'create' : 'read', async (kafka) => {
        await (action === 'alter' ? alterQuotas(kafka, terminal, quotas.entity, changed) : describeQuotas(kafka, terminal, quotas, values.json))
        return 0
      })
    }
    const type = values.topic !== undefined ? 'topics' : values.broker !== undefined ? 'brokers' : values['entity-type'].at(-1) ?? 'topics'
    const isTopic = choice('entity-type', type, ['topics', 'brokers', 'users', 'clients', 'ips']) === 'topics'
    const name = values.topic ?? values.broker ?? values['entity-name'].at(-1)
    if (values['entity-default']) throw new UsageError(`--entity-default is for users, clients and ips: name the ${isTopic ? 'topic' : 'broker'} by --entity-name`)
    if (action === 'describe') {
      return withKafka(terminal, values, 'read', async (kafka) => {
        for (const target of await targets(kafka, isTopic, name)) await describe(kafka, terminal, target, values.all, values.json)
        return 0
      })
    }
    const changes = changesOf(values['add-config'], values['add-config-file'], values['delete-config'])
    if (name === undefined && isTopic) throw new UsageError('--entity-name is required')
    return withKafka(terminal, values, 'change', async (kafka) => {
      const meant = await targets(kafka, isTopic, name)
      if (meant.length > 1) throw new UsageError('--entity-name is required: which broker')
      for (const target of meant) {
        await checkDeleted(kafka, target, changes)
        await kafka.admin.alterConfigs(target, changes)
        await terminal.line(`Completed updating config for ${labelOf(target)}.`)
      }
      return 0
    })
  },
})

const labelOf = (target: ConfigTarget): string => 'topic' in target ? `topic ${target.topic}` : `broker ${target.broker}`

async function targets(kafka: Kafka, isTopic: boolean, name: string | undefined): Promise<ConfigTarget[]> {
  if (isTopic) return name === undefined ? (await matching(kafka, undefined, true)).map((topic) => ({ topic })) : [{ topic: name }]
  if (name === undefined) return (await kafka.admin.describeCluster()).brokers.map(({ id }) => ({ broker: id }))
  const broker = Number(name)
  if (!Number.isInteger(broker)) throw new UsageError(`--entity-name of a broker is its node id, not ${JSON.stringify(name)}`)
  return [{ broker }]
}

/** A broker takes the removal of any name for done. Raises UsageError for one that it does not know, as kafka-configs does. */
async function checkDeleted(kafka: Kafka, target: ConfigTarget, changes: Readonly<Record<string, string | null>>): Promise<void> {
  const deleted = Object.keys(changes).filter((name) => changes[name] === null)
  if (deleted.length === 0) return
  const known = (await kafka.admin.describeConfigs(target)).map((entry) => entry.name)
  const stray = deleted.find((name) => !known.includes(name))
  if (stray === undefined) return
  const guess = nearest(stray, known)
  throw new UsageError(`--delete-config: ${labelOf(target)} has no setting ${JSON.stringify(stray)}${guess === null ? '' : `; did you mean ${guess}?`}`)
}

/** "a=1,b=[x,y]" split at the commas outside brackets. */
function splitList(text: string): string[] {
  return text.split(/,(?![^[]*\])/).map((part) => part.trim()).filter((part) => part !== '')
}

function changesOf(added: readonly string[], file: string | undefined, deleted: readonly string[]): Record<string, string | null> {
  const lines = file === undefined ? [] : fileText('add-config-file', file).split('\n').map((line) => line.trim()).filter((line) => line !== '' && !/^[#!]/.test(line))
  const changes: Record<string, string | null> = pairs('add-config', [...lines, ...added.flatMap(splitList)])
  for (const [name, value] of Object.entries(changes)) changes[name] = value!.replace(/^\[(.*)\]$/, '$1')
  for (const name of deleted.flatMap(splitList)) changes[name] = null
  if (Object.keys(changes).length === 0) throw new UsageError('give --add-config, --add-config-file or --delete-config')
  return changes
}

async function describe(kafka: Kafka, terminal: Terminal, target: ConfigTarget, all: boolean, json: boolean): Promise<void> {
  const own = 'topic' in target ? 'topic' : 'broker'
  const entries = (await kafka.admin.describeConfigs(target)).filter((entry) => all || entry.source === own).toSorted((a, b) => a.name < b.name ? -1 : 1)
  if (json) {
    await terminal.json({ ...target, configs: entries })
    return
  }
  void terminal.line(`${all ? 'All' : 'Dynamic'} configs for ${labelOf(target)} are:`)
  for (const entry of entries) await terminal.line(`  ${entry.name}=${entry.value ?? 'null'} sensitive=${entry.sensitive} synonyms={${synonyms(entry)}}`)
}

function synonyms(entry: ConfigEntry): string {
  const set = entry.source === 'default' ? [] : [`${sourceNames[entry.source]}:${entry.name}=${entry.value ?? ''}`]
  return [...set, ...(entry.default === null ? [] : [`DEFAULT_CONFIG:${entry.name}=${entry.default}`])].join(', ')
}
