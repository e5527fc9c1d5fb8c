/**
 * `ottla groups --reset-offsets`: moves the offsets of groups by a plan of `reset-plan.ts` or by a file of `reset-csv.ts`, or only shows where they would go. Nothing
 * is changed before everything is known to be right.
 */
import type { Kafka, TopicPartitionOffset } from '../index.ts'
import { UsageError } from './command.ts'
import { fileText } from './arguments.ts'
import { badLines, csvLine, parsePlan, type CsvOffset } from './reset-csv.ts'
import { planOf, resolvePartitions, strayLines, targetOffsets, type ResetPlan, type ResetValues } from './reset-plan.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface OffsetResetValues extends ResetValues {
  readonly group: readonly string[]; readonly topic: readonly string[]; readonly 'all-topics': boolean
  readonly 'from-file': string | undefined; readonly export: boolean; readonly execute: boolean; readonly 'dry-run': boolean; readonly json: boolean
}

type ResetSource = { readonly file: string; readonly lines: readonly CsvOffset[] } | { readonly plan: ResetPlan; readonly topics: readonly string[] }
interface GroupTarget { readonly group: string; readonly offsets: readonly TopicPartitionOffset[] }

/** What the flags ask for, before anything is opened. Raises UsageError. */
export function resetSource(values: OffsetResetValues, now: Date): ResetSource {
  if (values.execute && values['dry-run']) throw new UsageError('--execute and --dry-run exclude each other')
  if (values.export && values.json) throw new UsageError('--export and --json exclude each other: one output, CSV or JSON')
  const file = values['from-file']
  if (file === undefined) {
    if (values.topic.length === 0 && !values['all-topics']) throw new UsageError('give --topic or --all-topics')
    // As in Kafka's tool all of them win.
    return { plan: planOf(values, now), topics: values['all-topics'] ? [] : values.topic }
  }
  if (values.topic.length > 0 || values['all-topics']) throw new UsageError('--from-file says itself which topics: leave --topic and --all-topics out')
  if (hasScenario(values)) throw new UsageError('--from-file says itself where to: leave --to-…, --shift-by and --by-duration out')
  const lines = parsePlan(file, fileText('from-file', file))
  if (values.group.length !== 1 && lines.some(({ group }) => group === null)) {
    throw new UsageError(`--from-file ${file} names no groups (topic,partition,offset): say by one --group whose plan it is`)
  }
  return { file, lines }
}

function hasScenario(values: ResetValues): boolean {
  const places = [values['to-offset'], values['to-datetime'], values['by-duration'], values['shift-by']]
  return values['to-earliest'] || values['to-latest'] || values['to-current'] || places.some((each) => each !== undefined)
}

/** `groups`: those named, or all. */
export async function resetOffsets(kafka: Kafka, terminal: Terminal, groups: readonly string[], source: ResetSource, values: OffsetResetValues): Promise<number> {
  const states = new Map((await kafka.admin.listGroups()).map(({ groupId, state }) => [groupId, state]))
  const isIdle = (group: string): boolean => ['Empty', 'Dead'].includes(states.get(group) ?? 'Dead')
  const busy = groups.filter((group) => !isIdle(group))
  for (const group of busy) terminal.note(`Offsets can only be reset while a group has no members, and group '${group}' is ${states.get(group)!}: stop its consumers first.`)
  const { targets, isWhole } = await targetsOf(kafka, terminal, groups.filter(isIdle), source, values.group.length > 0)
  if (values.execute) for (const { group, offsets } of targets) if (offsets.length > 0) await kafka.admin.alterGroupOffsets(group, offsets)
  await print(terminal, targets, values)
  if (!values.execute && !values['dry-run']) terminal.note('Nothing was changed: add --execute to do it.')
  return busy.length === 0 && isWhole ? 0 : 1
}

/** How many groups that a file has in vain are named. */
const MOST_NAMED = 10

interface Targets { readonly targets: readonly GroupTarget[]; readonly isWhole: boolean }

async function targetsOf(kafka: Kafka, terminal: Terminal, groups: readonly string[], source: ResetSource, isNamed: boolean): Promise<Targets> {
  const targets: GroupTarget[] = []
  const add = async (group: string, topics: readonly string[], plan: ResetPlan): Promise<void> => {
    const partitions = plan.kind === 'listed' ? [...plan.offsets.keys()].map(partitionOf) : await resolvePartitions(kafka, group, topics)
    targets.push({ group, offsets: await targetOffsets(kafka, group, partitions, plan, (text) => terminal.note(`group '${group}': ${text}`)) })
  }
  if ('plan' in source) {
    for (const group of groups) await add(group, source.topics, source.plan)
    return { targets, isWhole: true }
  }
  const stray = await strayLines(kafka, source.lines)
  if (stray.length > 0) throw badLines(source.file, stray)
  const of = (group: string): CsvOffset[] => source.lines.filter((line) => line.group === null || line.group === group)
  for (const group of groups) {
    const offsets = new Map(of(group).map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset]))
    if (offsets.size > 0) await add(group, [], { kind: 'listed', offsets })
  }
  const without = isNamed ? groups.filter((group) => of(group).length === 0) : []
  for (const group of without) terminal.note(`--from-file ${source.file} has no offsets of group '${group}'`)
  const others = [...new Set(source.lines.flatMap(({ group }) => group === null || groups.includes(group) ? [] : [group]))]
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : ''
  const kind = isNamed ? 'other groups' : 'groups that are not there'
  if (others.length > 0) terminal.note(`--from-file ${source.file}: left out what it has of ${kind}: ${others.slice(0, MOST_NAMED).join(', ')}${more}`)
  return { targets, isWhole: without.length === 0 }
}

function partitionOf(name: string): { readonly topic: string; readonly partition: number } {
  const dash = name.lastIndexOf('-')
  return { topic: name.slice(0, dash), partition: Number(name.slice(dash + 1)) }
}

async function print(terminal: Terminal, targets: readonly GroupTarget[], values: OffsetResetValues): Promise<void> {
  const rows = targets.flatMap(({ group, offsets }) => offsets.map(({ topic, partition, offset }) => ({ group, topic, partition, offset })))
  if (values.json) {
    for (const { group, topic, partition, offset } of rows) await terminal.json({ group, topic, partition, newOffset: offset, executed: values.execute })
    return
  }
  if (values.export) {
    const isOne = values.group.length === 1
    for (const { group, topic, partition, offset } of rows) await terminal.line(csvLine(isOne ? [topic, partition, offset] : [group, topic, partition, offset]))
    // As Kafka's tool ends it.
    await terminal.line('')
    return
  }
  const cells = rows.map(({ group, topic, partition, offset }) => [group, topic, String(partition), String(offset)])
  await terminal.line(`\n${table(['GROUP', 'TOPIC', 'PARTITION', 'NEW-OFFSET'], cells, [30, 30, 10, 15])}`)
}
