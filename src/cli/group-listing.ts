/** What `ottla groups --describe` gathers and prints, in the columns of kafka-consumer-groups. */
import type { GroupDescription, GroupMemberDescription, Kafka } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
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
    const committed = new Map((await kafka.admin.listGroupOffsets(name)).map((o) => [`${o.topic}-${o.partition}`, o.offset]))
    const assigned = description.members.flatMap((member) => member.assignment.map((tp) => ({ ...tp, member })))
    const known = [...await kafka.admin.listGroupOffsets(name), ...assigned.filter((tp) => !committed.has(`${tp.topic}-${tp.partition}`))]
    const offsets: GroupOffset[] = []
    for (const { topic, partition } of known.toSorted((a, b) => a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1)) {
      const currentOffset = committed.get(`${topic}-${partition}`) ?? null
      const logEndOffset = await endOf(topic, partition)
      const member = assigned.find((tp) => tp.topic === topic && tp.partition === partition)?.member ?? null
      // Below zero where somebody committed beyond the end: shown as it is, as Kafka's tool does.
      const lag = currentOffset === null || logEndOffset === null ? null : logEndOffset - currentOffset
      offsets.push({ topic, partition, currentOffset, logEndOffset, lag, member })
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

export function printOffsets(terminal: Terminal, { description, offsets }: ListedGroup): void {
  if (offsets.length === 0) return
  const rows = offsets.map((o) => [
    description.groupId, o.topic, String(o.partition), orDash(o.currentOffset), orDash(o.logEndOffset), orDash(o.lag),
    o.member?.memberId ?? '-', o.member?.clientHost ?? '-', o.member?.clientId ?? '-',
  ])
  const head = ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID']
  void terminal.line(`\n${table(head, rows, [WIDE, WIDE, PARTITION, WIDE, WIDE, WIDE, WIDE, WIDE])}`)
}

export function printMembers(terminal: Terminal, { description }: ListedGroup, verbose: boolean): void {
  if (description.members.length === 0) return
  const isStatic = description.members.some((m) => m.groupInstanceId !== null)
  const head = [
    'GROUP', 'CONSUMER-ID', ...(isStatic ? ['GROUP-INSTANCE-ID'] : []), 'HOST', 'CLIENT-ID', '#PARTITIONS',
    ...(verbose ? ['CURRENT-EPOCH', 'CURRENT-ASSIGNMENT', 'TARGET-EPOCH', 'TARGET-ASSIGNMENT'] : []),
  ]
  const rows = description.members.map((m) => [
    description.groupId, m.memberId, ...(isStatic ? [m.groupInstanceId ?? '-'] : []), m.clientHost, m.clientId, String(m.assignment.length),
    ...(verbose ? ['-', assignmentText(m), '-', '-'] : []),
  ])
  const widths = head.map((title) => title === 'CURRENT-ASSIGNMENT' ? 20 : WIDE)
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
export function printState(terminal: Terminal, { description: d }: ListedGroup, coordinator: string): void {
  const row = [d.groupId, coordinator, d.protocol === '' ? '-' : d.protocol, d.state, String(d.members.length)]
  void terminal.line(`\n${table(['GROUP', 'COORDINATOR (ID)', 'ASSIGNMENT-STRATEGY', 'STATE', '#MEMBERS'], [row], [WIDE, 25, 20, 20])}`)
}
