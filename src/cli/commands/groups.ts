/** `ottla groups`: kafka-consumer-groups on a directory or a cluster. The listings are in `group-listing.ts`, `--reset-offsets` in `offset-reset.ts`. */
import type { Kafka } from '../../index.ts'
import { OttlaError } from '../../common/errors.ts'
import { oneOf } from '../arguments.ts'
import { defineCommand, jsonLinesOption, refused, sourceOptions, UsageError, withoutEffect, type Command } from '../command.ts'
import { describeGroups, listGroups, printMembers, printOffsets, printState, tellState, type ListedGroup } from '../group-listing.ts'
import { resetOffsets, resetSource } from '../offset-reset.ts'
import { resolvePartitions } from '../reset-plan.ts'
import { withKafka } from '../session.ts'
import { table } from '../table.ts'
import type { Terminal } from '../terminal.ts'

const options = {
  ...sourceOptions,
  ...jsonLinesOption,
  list: { type: 'flag', help: 'list the groups' },
  describe: { type: 'flag', help: 'describe groups: their offsets and lag, or --members or --state' },
  delete: { type: 'flag', help: 'delete groups that have no members' },
  'reset-offsets': { type: 'flag', help: 'move the offsets of a group that has no members; shows the plan unless --execute' },
  'delete-offsets': { type: 'flag', help: 'forget a group\'s offsets of topics' },
  group: { type: 'text', only: ['describe', 'delete', 'reset-offsets', 'delete-offsets'], many: true, value: 'ID', help: 'the group' },
  'all-groups': { type: 'flag', only: ['describe', 'delete', 'reset-offsets', 'delete-offsets'], help: 'every group' },
  topic: { type: 'text', only: ['reset-offsets', 'delete-offsets'], many: true, value: 'NAME[:N,…]', help: 'a topic, or some of its partitions' },
  'all-topics': { type: 'flag', only: ['reset-offsets'], help: 'every topic the group has offsets of' },
  offsets: { type: 'flag', only: ['describe'], help: '--describe: offsets and lag (default)' },
  members: { type: 'flag', only: ['describe'], help: '--describe: members' },
  state: { type: 'text', only: ['describe', 'list'], optionalValue: true, value: 'STATE,…', help: '--describe: states; --list: states, or groups in these states' },
  type: { type: 'text', only: ['list'], optionalValue: true, value: 'TYPE,…', help: '--list: types, or groups of these types (classic, consumer, share, streams)' },
  verbose: { type: 'flag', only: ['describe'], help: '--describe: epochs too, and with --members assignments' },
  'to-earliest': { type: 'flag', only: ['reset-offsets'], help: 'to the first record' },
  'to-latest': { type: 'flag', only: ['reset-offsets'], help: 'behind the last record' },
  'to-current': { type: 'flag', only: ['reset-offsets'], help: 'to where the group is' },
  'to-offset': { type: 'number', only: ['reset-offsets'], least: 0, value: 'OFFSET', help: 'to this offset' },
  'to-datetime': { type: 'text', only: ['reset-offsets'], value: 'TIME', help: 'to the first record at or after this time (2026-01-31T10:00:00.000)' },
  'by-duration': { type: 'text', only: ['reset-offsets'], value: 'PnDTnHnMnS', help: 'to the first record since this long ago' },
  'shift-by': { type: 'number', only: ['reset-offsets'], value: 'N', help: 'this many records forward, or back if negative' },
  'from-file': { type: 'text', only: ['reset-offsets'], value: 'FILE', help: 'to what this CSV file says: topic,partition,offset on each line, or group,topic,partition,offset' },
  export: { type: 'flag', only: ['reset-offsets'], help: 'print the plan as such a CSV file' },
  'dry-run': { type: 'flag', only: ['reset-offsets'], help: 'show the plan (default)' },
  execute: { type: 'flag', only: ['reset-offsets'], help: 'do it' },
  timeout: withoutEffect('MS'),
  'validate-regex': refused('checks patterns (RE2/J) for consumers of the group protocol of KIP-848, which is not spoken here'),
} as const

export const groups: Command = defineCommand({
  name: 'groups',
  summary: 'list, describe, reset and delete consumer groups',
  usage: [
    '--data DIR --list [--state] [--type]',
    '--data DIR --describe (--group ID… | --all-groups) [--offsets | --members | --state]',
    '--data DIR --reset-offsets --group ID (--topic NAME[:N,…]… | --all-topics) (--to-… | --shift-by N | --by-duration D) [--execute | --export]',
    '--data DIR --reset-offsets (--group ID… | --all-groups) --from-file FILE [--execute]',
    '--data DIR --delete (--group ID… | --all-groups)',
    '--data DIR --delete-offsets --group ID --topic NAME[:N,…]…',
  ],
  options,
  examples: [
    'ottla groups --data ./data --describe --group dashboard',
    'ottla groups --data ./data --reset-offsets --group dashboard --topic orders:0,1 --to-earliest --execute',
    'ottla groups --data ./data --reset-offsets --all-groups --all-topics --to-current --export > offsets.csv',
  ],
  async run(terminal, values) {
    const action = oneOf(values, ['list', 'describe', 'delete', 'reset-offsets', 'delete-offsets'])
    if (action === 'list') return withKafka(terminal, values, 'read', (kafka) => listGroups(kafka, terminal, values))
    if (values.group.length === 0 && !values['all-groups']) throw new UsageError('give --group or --all-groups')
    if (values.group.length > 0 && values['all-groups']) throw new UsageError('--group and --all-groups exclude each other')
    if (action === 'describe') {
      return withKafka(terminal, values, 'read', async (kafka) => describe(kafka, terminal, await chosen(kafka, values.group), values))
    }
    if (action === 'delete') {
      return withKafka(terminal, values, 'change', async (kafka) => remove(kafka, terminal, await chosen(kafka, values.group, true), values.json))
    }
    if (action === 'delete-offsets') {
      if (values.topic.length === 0) throw new UsageError('--topic is required')
      const [group, another] = values.group
      if (group === undefined || another !== undefined) throw new UsageError('--delete-offsets is of one group: give one --group')
      return withKafka(terminal, values, 'change', (kafka) => deleteOffsets(kafka, terminal, group, values.topic))
    }
    const source = resetSource(values, new Date())
    return withKafka(terminal, values, values.execute ? 'change' : 'read', async (kafka) => resetOffsets(kafka, terminal, await chosen(kafka, values.group, true), source, values))
  },
})

/** The groups named, or all. Raises GROUP_ID_NOT_FOUND unless they may be missing. */
async function chosen(kafka: Kafka, named: readonly string[], mayBeMissing = false): Promise<string[]> {
  const existing = (await kafka.admin.listGroups()).map((g) => g.groupId).toSorted()
  if (named.length === 0) return existing
  const missing = mayBeMissing ? undefined : named.find((group) => !existing.includes(group))
  if (missing !== undefined) throw new OttlaError('GROUP_ID_NOT_FOUND', `there is no consumer group ${JSON.stringify(missing)}`)
  return [...named]
}

interface DescribeValues { readonly members: boolean; readonly state: string | undefined; readonly verbose: boolean; readonly json: boolean }

async function describe(kafka: Kafka, terminal: Terminal, names: readonly string[], values: DescribeValues): Promise<number> {
  const found: ListedGroup[] = await describeGroups(kafka, names)
  if (values.json) {
    for (const group of found) await terminal.json({ ...group.description, offsets: group.offsets })
    return 0
  }
  const view = values.members ? 'members' : values.state !== undefined ? 'state' : 'offsets'
  const { controller, brokers } = await kafka.admin.describeCluster()
  const only = brokers.find((b) => b.id === controller)
  for (const group of found) {
    tellState(terminal, group.description)
    if (view === 'members') printMembers(terminal, group, values.verbose)
    if (view === 'offsets') printOffsets(terminal, group, values.verbose)
    if (view === 'state') printState(terminal, group, placeOf(group.description.coordinator ?? only), values.verbose)
    await terminal.flush()
  }
  return 0
}

function placeOf(broker: { readonly id: number; readonly host: string; readonly port: number } | undefined): string {
  return broker === undefined ? '-' : `${broker.host}:${broker.port}  (${broker.id})`
}

async function remove(kafka: Kafka, terminal: Terminal, names: readonly string[], json: boolean): Promise<number> {
  const deleted: string[] = []
  let failed = 0
  for (const group of names) {
    try {
      await kafka.admin.deleteGroup(group)
      deleted.push(group)
    } catch (error) {
      failed = 1
      const known = OttlaError.from(error)
      terminal.note(`Group '${group}' could not be deleted: ${known.message} [${known.code}]`)
    }
  }
  if (json) for (const group of deleted) void terminal.json({ group, deleted: true })
  else if (deleted.length > 0) await terminal.line(`Deletion of requested consumer groups (${deleted.map((group) => `'${group}'`).join(', ')}) was successful.`)
  return failed
}

async function deleteOffsets(kafka: Kafka, terminal: Terminal, group: string, topics: readonly string[]): Promise<number> {
  const partitions = await resolvePartitions(kafka, group, topics)
  await kafka.admin.deleteGroupOffsets(group, partitions)
  const rows = partitions.map((p) => [p.topic, String(p.partition), 'Successful'])
  void terminal.line(`Request succeeded for deleting offsets from group ${group}.\n`)
  await terminal.line(table(['TOPIC', 'PARTITION', 'STATUS'], rows, [15, 10, 15]))
  return 0
}
