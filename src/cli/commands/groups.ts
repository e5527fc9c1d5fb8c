/** `ottla groups`: kafka-consumer-groups on a directory or a cluster. The listings are in `group-listing.ts`, the offset plans in `reset-plan.ts`. */
import type { Kafka } from '../../index.ts'
import { OttlaError } from '../../common/errors.ts'
import { oneOf, required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, withoutEffect, type Command } from '../command.ts'
import { describeGroups, printMembers, printOffsets, printState, type ListedGroup } from '../group-listing.ts'
import { planOf, resolvePartitions, targetOffsets } from '../reset-plan.ts'
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
  group: { type: 'text', many: true, value: 'ID', help: 'the group' },
  'all-groups': { type: 'flag', help: 'every group' },
  topic: { type: 'text', many: true, value: 'NAME[:N,…]', help: 'a topic, or some of its partitions' },
  'all-topics': { type: 'flag', help: 'every topic the group has offsets of' },
  offsets: { type: 'flag', help: '--describe: offsets and lag (default)' },
  members: { type: 'flag', help: '--describe: members' },
  state: { type: 'text', optionalValue: true, value: 'STATE,…', help: '--describe: states; --list: states, or groups in these states' },
  verbose: { type: 'flag', help: '--members: assignments too' },
  'to-earliest': { type: 'flag', help: 'to the first record' },
  'to-latest': { type: 'flag', help: 'behind the last record' },
  'to-current': { type: 'flag', help: 'to where the group is' },
  'to-offset': { type: 'number', least: 0, value: 'OFFSET', help: 'to this offset' },
  'to-datetime': { type: 'text', value: 'TIME', help: 'to the first record at or after this time (2026-01-31T10:00:00.000)' },
  'by-duration': { type: 'text', value: 'PnDTnHnMnS', help: 'to the first record since this long ago' },
  'shift-by': { type: 'number', value: 'N', help: 'this many records forward, or back if negative' },
  'dry-run': { type: 'flag', help: 'show the plan (default)' },
  execute: { type: 'flag', help: 'do it' },
  timeout: withoutEffect('MS'),
} as const

export const groups: Command = defineCommand({
  name: 'groups',
  summary: 'list, describe, reset and delete consumer groups',
  usage: [
    '--data DIR --list [--state]',
    '--data DIR --describe (--group ID… | --all-groups) [--offsets | --members | --state]',
    '--data DIR --reset-offsets --group ID (--topic NAME[:N,…]… | --all-topics) (--to-… | --shift-by N | --by-duration D) [--execute]',
    '--data DIR --delete (--group ID… | --all-groups)',
    '--data DIR --delete-offsets --group ID --topic NAME[:N,…]…',
  ],
  options,
  examples: [
    'ottla groups --data ./data --describe --group dashboard',
    'ottla groups --data ./data --reset-offsets --group dashboard --topic orders:0,1 --to-earliest --execute',
  ],
  async run(terminal, values) {
    const action = oneOf(values, ['list', 'describe', 'delete', 'reset-offsets', 'delete-offsets'])
    if (action === 'list') return withKafka(terminal, values, 'read', (kafka) => list(kafka, terminal, values.state, values.json))
    if (values.group.length === 0 && !values['all-groups']) throw new UsageError('give --group or --all-groups')
    if (values.group.length > 0 && values['all-groups']) throw new UsageError('--group and --all-groups exclude each other')
    if (action === 'describe') {
      return withKafka(terminal, values, 'read', async (kafka) => describe(kafka, terminal, await chosen(kafka, values.group), values))
    }
    if (action === 'delete') {
      return withKafka(terminal, values, 'change', async (kafka) => remove(kafka, terminal, await chosen(kafka, values.group), values.json))
    }
    if (action === 'delete-offsets') {
      if (values.topic.length === 0) throw new UsageError('--topic is required')
      const group = required(values.group[0], 'group')
      return withKafka(terminal, values, 'change', (kafka) => deleteOffsets(kafka, terminal, group, values.topic))
    }
    if (values.topic.length === 0 && !values['all-topics']) throw new UsageError('give --topic or --all-topics')
    const plan = planOf(values, new Date())
    const execute = values.execute && !values['dry-run']
    return withKafka(terminal, values, execute ? 'change' : 'read', async (kafka) => {
      const rows: string[][] = []
      for (const group of await chosen(kafka, values.group, true)) {
        const offsets = await targetOffsets(kafka, group, await resolvePartitions(kafka, group, values.topic), plan)
        if (execute) await kafka.admin.alterGroupOffsets(group, offsets)
        for (const o of offsets) {
          if (values.json) void terminal.json({ group, topic: o.topic, partition: o.partition, newOffset: o.offset, executed: execute })
          rows.push([group, o.topic, String(o.partition), String(o.offset)])
        }
      }
      if (!values.json) await terminal.line(`\n${table(['GROUP', 'TOPIC', 'PARTITION', 'NEW-OFFSET'], rows)}`)
      if (!execute) terminal.note('Nothing was changed: add --execute to do it.')
      return 0
    })
  },
})

/** The groups named, or all. A group that is to be given offsets need not exist. */
async function chosen(kafka: Kafka, named: readonly string[], mayBeNew = false): Promise<string[]> {
  const existing = (await kafka.admin.listGroups()).map((g) => g.groupId).toSorted()
  if (named.length === 0) return existing
  const missing = mayBeNew ? undefined : named.find((group) => !existing.includes(group))
  if (missing !== undefined) throw new OttlaError('GROUP_ID_NOT_FOUND', `there is no consumer group ${JSON.stringify(missing)}`)
  return [...named]
}

/** `state` undefined: names alone; empty: states too; else only groups in these. */
async function list(kafka: Kafka, terminal: Terminal, state: string | undefined, json: boolean): Promise<number> {
  const wanted = (state ?? '').split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== '')
  const found = (await kafka.admin.listGroups()).filter((g) => wanted.length === 0 || wanted.includes(g.state.toLowerCase()))
  const all = found.toSorted((a, b) => a.groupId < b.groupId ? -1 : 1)
  if (json) for (const group of all) void terminal.json(group)
  else if (state !== undefined) await terminal.line(table(['GROUP', 'STATE'], all.map((g) => [g.groupId, g.state])))
  else for (const group of all) void terminal.line(group.groupId)
  return 0
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
    if (group.description.members.length === 0 && view !== 'state') terminal.note(`\nConsumer group '${group.description.groupId}' has no active members.`)
    if (view === 'members') printMembers(terminal, group, values.verbose)
    if (view === 'offsets') printOffsets(terminal, group)
    if (view === 'state') printState(terminal, group, placeOf(group.description.coordinator ?? only))
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
  void terminal.line(`Request succeed for deleting offsets with topic ${topics.join(', ')} group ${group}\n`)
  await terminal.line(table(['TOPIC', 'PARTITION', 'STATUS'], rows))
  return 0
}
