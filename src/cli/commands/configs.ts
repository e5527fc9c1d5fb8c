/** `ottla configs`: kafka-configs on a directory or a cluster. */
import type { ConfigTarget, Kafka } from '../../index.ts'
import { oneOf, pairs } from '../arguments.ts'
import { alterQuotas, describeQuotas, quotaEntityOf } from '../client-quotas.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, type Command } from '../command.ts'
import { completedText, configTargets, describeSettings, entityOf, isOfAll, labelOf, needsRunningBroker, ONE_ENTITY, shortOf } from '../config-entities.ts'
import { filedProperties } from '../properties-file.ts'
import { nearest } from '../../tools.ts'
import { isRemote, withKafka } from '../session.ts'

export const configs: Command = defineCommand({
  name: 'configs',
  summary: 'describe and alter the settings of topics, brokers and groups, and the quotas of users, clients and addresses',
  usage: [
    '--data DIR --describe [--entity-type topics|brokers|groups|…] [--entity-name NAME | --entity-default] [--all] [--json]',
    '--data DIR --alter --entity-name NAME [--add-config NAME=VALUE,…] [--delete-config NAME,…]',
    '--data DIR --alter --entity-type users --entity-name NAME --add-config producer_byte_rate=BYTES,consumer_byte_rate=BYTES',
  ],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    describe: { type: 'flag', help: 'print the settings that were set' },
    alter: { type: 'flag', help: 'change settings; they hold at once' },
    all: { type: 'flag', only: ['describe'], help: '--describe: defaults too' },
    'entity-type': { type: 'text', many: true, value: 'TYPE', help: 'topics (default), brokers, broker-loggers, groups, client-metrics, users, clients or ips; users and clients together, too' },
    'entity-name': { type: 'text', many: true, value: 'NAME', help: 'the topic, the node id of the broker, the group, the subscription to client metrics, the user, the client id, the address' },
    'entity-default': { type: 'flag', help: 'all brokers, users, clients or addresses that have none of their own' },
    user: { type: 'text', value: 'NAME', help: 'short for --entity-type users --entity-name NAME' },
    client: { type: 'text', value: 'ID', help: 'short for --entity-type clients --entity-name ID' },
    ip: { type: 'text', value: 'ADDRESS', help: 'short for --entity-type ips --entity-name ADDRESS' },
    'user-defaults': { type: 'flag', help: 'short for --entity-type users --entity-default' },
    'client-defaults': { type: 'flag', help: 'short for --entity-type clients --entity-default' },
    'ip-defaults': { type: 'flag', help: 'short for --entity-type ips --entity-default' },
    topic: { type: 'text', value: 'NAME', help: 'short for --entity-type topics --entity-name NAME' },
    broker: { type: 'text', value: 'ID', help: 'short for --entity-type brokers --entity-name ID' },
    'broker-defaults': { type: 'flag', help: 'short for --entity-type brokers --entity-default' },
    'broker-logger': { type: 'text', value: 'ID', help: 'short for --entity-type broker-loggers --entity-name ID' },
    group: { type: 'text', value: 'ID', help: 'short for --entity-type groups --entity-name ID' },
    'client-metrics': { type: 'text', value: 'NAME', help: 'short for --entity-type client-metrics --entity-name NAME' },
    'add-config': { type: 'text', only: ['alter'], many: true, value: 'NAME=VALUE,…', help: 'settings to set; a value with commas stands in [brackets]' },
    'add-config-file': { type: 'text', only: ['alter'], value: 'FILE', help: 'a properties file with settings to set' },
    'delete-config': { type: 'text', only: ['alter'], many: true, value: 'NAME,…', help: 'settings to put back to their default' },
  },
  examples: [
    'ottla configs --data ./data --describe --entity-name orders --all',
    'ottla configs --data ./data --alter --entity-name orders --add-config retention.ms=3600000,cleanup.policy=[delete]',
  ],
  async run(terminal, values) {
    const action = oneOf(values, ['describe', 'alter'])
    const changes = action === 'alter' ? await changesOf(values['add-config'], values['add-config-file'], values['delete-config']) : {}
    const quotas = quotaEntityOf(values)
    if (quotas !== null) {
      if (shortOf(values) !== undefined) throw new UsageError(ONE_ENTITY)
      return withKafka(terminal, values, action === 'alter' ? 'create' : 'read', async (kafka) => {
        await (action === 'alter' ? alterQuotas(kafka, terminal, quotas.entity, changes) : describeQuotas(kafka, terminal, quotas, values.json))
        return 0
      })
    }
    const entity = entityOf(values)
    if (!isRemote(values)) needsRunningBroker(entity)
    if (action === 'describe') {
      return withKafka(terminal, values, 'read', async (kafka) => {
        for (const target of await configTargets(kafka, entity)) await describeSettings(kafka, terminal, target, values.all, values.json)
        return 0
      })
    }
    if (entity.name === undefined && entity.type !== 'brokers' && entity.type !== 'broker-loggers') throw new UsageError('--entity-name is required')
    return withKafka(terminal, values, 'change', async (kafka) => {
      // Of brokers without a name: the one that there is.
      const [target, another] = (await configTargets(kafka, entity)).filter((each) => entity.name === null || !isOfAll(each)) as [ConfigTarget, ConfigTarget?]
      if (another !== undefined) throw new UsageError('--entity-name or --entity-default is required: which broker, or all of them')
      if (!('brokerLogger' in target)) await checkDeleted(kafka, target, changes)
      await kafka.admin.alterConfigs(target, changes)
      await terminal.line(completedText(target))
      return 0
    })
  },
})

/** A broker takes the removal of any name for done. Raises UsageError for one that it does not know, as kafka-configs does. */
async function checkDeleted(kafka: Kafka, target: ConfigTarget, changes: Readonly<Record<string, string | null>>): Promise<void> {
  const deleted = Object.keys(changes).filter((name) => changes[name] === null)
  if (deleted.length === 0) return
  // Of all brokers only what is set for them is told.
  const [one] = isOfAll(target) ? await configTargets(kafka, { type: 'brokers', name: undefined }) : [target]
  const known = (await kafka.admin.describeConfigs(one!)).map((entry) => entry.name)
  const stray = deleted.find((name) => !known.includes(name))
  if (stray === undefined) return
  const guess = nearest(stray, known)
  throw new UsageError(`--delete-config: ${labelOf(target)} has no setting ${JSON.stringify(stray)}${guess === null ? '' : `; did you mean ${guess}?`}`)
}

/** "a=1,b=[x,y]" split at the commas outside brackets. */
function splitList(text: string): string[] {
  return text.split(/,(?![^[]*\])/).map((part) => part.trim()).filter((part) => part !== '')
}

async function changesOf(added: readonly string[], file: string | undefined, deleted: readonly string[]): Promise<Record<string, string | null>> {
  const changes: Record<string, string | null> = { ...await filedProperties('add-config-file', file), ...pairs('add-config', added.flatMap(splitList)) }
  for (const [name, value] of Object.entries(changes)) changes[name] = value!.replace(/^\[(.*)\]$/, '$1')
  for (const name of deleted.flatMap(splitList)) changes[name] = null
  if (Object.keys(changes).length === 0) throw new UsageError('give --add-config, --add-config-file or --delete-config')
  return changes
}
