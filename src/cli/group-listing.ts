/** What `ottla groups --describe` gathers and prints, in the columns of kafka-consumer-groups. */
import type { GroupDescription, GroupMemberDescription, Kafka } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
import { UsageError } from './command.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface GroupOffset {
  readonly topic: string
  readonly partition: number
  /** Null: the group has no offset there. */
  readonly currentOffset: number | null
  /** Null: the partition is gone. */
  readonly logEndOffset: number | null
  readonly lag: number | null
  readonly member: GroupMemberDescription | null
  /** Of the record before it, as it was committed; null where none was. */
  readonly leaderEpoch: number | null
}
export interface ListedGroup { readonly description: GroupDescription; readonly offsets: readonly GroupOffset[] }

export async function describeGroups(kafka: Kafka, names: readonly string[]): Promise<ListedGroup[]> {
  const ends = new Map<string, Map<number, number>>()
  const endOf = async (topic: string, partition: number): Promise<number | null> => {
    if (!ends.has(topic)) ends.set(topic, await endOffsets(kafka, topic))
    return ends.get(topic)!.get(partition) ?? null
  }
  const groups: ListedGroup[] = []
  for (const name of names) {
    const description = await kafka.admin.describeGroup(name)
    const all = await kafka.admin.listGroupOffsets(name)
    const committed = new Map(all.map((o) => [`${o.topic}-${o.partition}`, o]))
    const assigned = description.members.flatMap((member) => member.assignment.map((tp) => ({ ...tp, member })))
    const known = [...all, ...assigned.filter((tp) => !committed.has(`${tp.topic}-${tp.partition}`))]
    const offsets: GroupOffset[] = []
    for (const { topic, partition } of known.toSorted((a, b) => a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1)) {
      const { offset: currentOffset = null, leaderEpoch = -1 } = committed.get(`${topic}-${partition}`) ?? {}
      const logEndOffset = await endOf(topic, partition)
      const member = assigned.find((tp) => tp.topic === topic && tp.partition === partition)?.member ?? null
      // Below zero where somebody committed beyond the end: shown as it is, as Kafka's tool does.
      const lag = currentOffset === null || logEndOffset === null ? null : logEndOffset - currentOffset
      offsets.push({ topic, partition, currentOffset, logEndOffset, lag, member, leaderEpoch: leaderEpoch < 0 ? null : leaderEpoch })
    }
    groups.push({ description, offsets })
  }
  return groups
}

/** Empty when the topic is gone. */
async function endOffsets(kafka: Kafka, topic: string): Promise<Map<number, number>> {
  try {
    return new Map((await kafka.admin.listOffsets(topic, 'latest')).map((p) => [p.partition, p.offset]))
  } catch (error) {
    if (OttlaError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return new Map()
    throw error
  }
}

const orDash = (value: number | null): string => value === null ? '-' : String(value)
/** The least widths of Kafka's columns. */
const WIDE = 15
const PARTITION = 10

export function printOffsets(terminal: Terminal, { description, offsets }: ListedGroup, verbose: boolean): void {
  if (offsets.length === 0) return
  const rows = offsets.map((o) => [
    description.groupId, o.topic, String(o.partition), ...(verbose ? [orDash(o.leaderEpoch)] : []), orDash(o.currentOffset), orDash(o.logEndOffset), orDash(o.lag),
    o.member?.memberId ?? '-', o.member?.clientHost ?? '-', o.member?.clientId ?? '-',
  ])
  const epoch = verbose ? ['LEADER-EPOCH'] : []
  const head = ['GROUP', 'TOPIC', 'PARTITION', ...epoch, 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID']
  void terminal.line(`\n${table(head, rows, head.slice(0, -1).map((title) => title === 'PARTITION' ? PARTITION : WIDE))}`)
}

export function printMembers(terminal: Terminal, { description }: ListedGroup, verbose: boolean): void {
  const isStatic = description.members.some((m) => m.groupInstanceId !== null)
  const head = [
    'GROUP', 'CONSUMER-ID', ...(isStatic ? ['GROUP-INSTANCE-ID'] : []), 'HOST', 'CLIENT-ID', '#PARTITIONS',
    ...(verbose ? ['CURRENT-EPOCH', 'CURRENT-ASSIGNMENT', 'TARGET-EPOCH', 'TARGET-ASSIGNMENT'] : []),
  ]
  const rows = description.members.map((m) => [
    description.groupId, m.memberId, ...(isStatic ? [m.groupInstanceId ?? '-'] : []), m.clientHost, m.clientId, String(m.assignment.length),
    ...(verbose ? ['-', assignmentText(m), '-', '-'] : []),
  ])
  // The last column is filled up in Kafka's tool, and followed by a blank where it is a number.
  const widths = head.map((title) => title.endsWith('-ASSIGNMENT') ? 20 : title === '#PARTITIONS' && !verbose ? WIDE + 1 : WIDE)
  void terminal.line(`\n${table(head, rows, widths)}`)
}

/** "orders:0,1;payments:0", "-" for none. */
function assignmentText(member: GroupMemberDescription): string {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of member.assignment) byTopic.set(topic, [...byTopic.get(topic) ?? [], partition])
  if (byTopic.size === 0) return '-'
  const topics = [...byTopic].toSorted(([a], [b]) => a < b ? -1 : 1)
  return topics.map(([topic, partitions]) => `${topic}:${partitions.toSorted((a, b) => a - b).join(',')}`).join(';')
}

/** `coordinator` is "host:port  (id)". */
export function printState(terminal: Terminal, { description: d }: ListedGroup, coordinator: string, verbose: boolean): void {
  const row = [d.groupId, coordinator, d.protocol === '' ? '-' : d.protocol, d.state, ...(verbose ? ['-', '-'] : []), String(d.members.length)]
  const head = ['GROUP', 'COORDINATOR (ID)', 'ASSIGNMENT-STRATEGY', 'STATE', ...(verbose ? ['GROUP-EPOCH', 'TARGET-ASSIGNMENT-EPOCH'] : []), '#MEMBERS']
  void terminal.line(`\n${table(head, [row], [WIDE, 25, 20, 20, ...(verbose ? [WIDE, 25] : [])])}`)
}

const rebalancing: readonly string[] = ['PreparingRebalance', 'CompletingRebalance', 'Assigning', 'Reconciling']

/** What the state of a group means for what is shown of it. */
export function tellState(terminal: Terminal, { groupId, state }: GroupDescription): void {
  if (state === 'Empty') terminal.note(`\nConsumer group '${groupId}' has no active members.`)
  if (rebalancing.includes(state)) terminal.note(`\nWarning: Consumer group '${groupId}' is rebalancing.`)
}

const states = ['Stable', 'PreparingRebalance', 'Empty', 'Dead', 'CompletingRebalance', 'Assigning', 'Reconciling'] as const
const types = ['Classic', 'Consumer', 'Share', 'Streams'] as const

export interface ListFlags { readonly state: string | undefined; readonly type: string | undefined; readonly json: boolean }

/** `--list`: names alone, and with `--type` and `--state` those columns; only groups of the types and in the states that these name. Raises UsageError. */
export async function listGroups(kafka: Kafka, terminal: Terminal, { state, type, json }: ListFlags): Promise<number> {
  const wantedStates = listed('state', state, states)
  const wantedTypes = listed('type', type, types)
  const found = (await kafka.admin.listGroups())
    .filter((group) => (wantedStates.length === 0 || wantedStates.includes(group.state)) && (wantedTypes.length === 0 || wantedTypes.includes(capitalized(group.type))))
    .toSorted((a, b) => a.groupId < b.groupId ? -1 : 1)
  const [typeHead, stateHead] = [type === undefined ? [] : ['TYPE'], state === undefined ? [] : ['STATE']]
  const rows = found.map((group) => [group.groupId, ...typeHead.map(() => capitalized(group.type)), ...stateHead.map(() => group.state)])
  if (json) for (const group of found) void terminal.json(group)
  else if (state === undefined && type === undefined) for (const group of found) void terminal.line(group.groupId)
  else await terminal.line(table(['GROUP', ...typeHead, ...stateHead], rows, [Math.max(WIDE, ...found.map(({ groupId }) => groupId.length)) + 10, 20, 20]))
  return 0
}

function listed(option: string, list: string | undefined, known: readonly string[]): string[] {
  return (list ?? '').split(',').map((word) => word.trim()).filter((word) => word !== '').map((word) => {
    const found = known.find((each) => each.toLowerCase() === word.replaceAll('_', '').toLowerCase())
    if (found === undefined) throw new UsageError(`--${option}: ${JSON.stringify(word)} is not known; there are ${known.join(', ')}`)
    return found
  })
}

function capitalized(word: string): string { return word.charAt(0).toUpperCase() + word.slice(1).toLowerCase() }
