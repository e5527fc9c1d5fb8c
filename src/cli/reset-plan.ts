/** Where `ottla groups --reset-offsets` moves a group's offsets to; the scenarios are kafka-consumer-groups'. */
import type { Kafka, TopicPartition, TopicPartitionOffset } from '../index.ts'
import { durationMs } from '../common/duration.ts'
import { OttlaError } from '../common/errors.ts'
import { UsageError } from './command.ts'
import type { CsvOffset } from './reset-csv.ts'
import { topicAndPartitions } from './topic-names.ts'

export type ResetPlan =
  | { readonly kind: 'earliest' | 'latest' | 'current' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'shift'; readonly by: number }
  | { readonly kind: 'time'; readonly timestamp: number }
  /** By "topic-partition". */
  | { readonly kind: 'listed'; readonly offsets: ReadonlyMap<string, number> }

export interface ResetValues {
  readonly 'to-earliest': boolean; readonly 'to-latest': boolean; readonly 'to-current': boolean; readonly 'to-offset': number | undefined
  readonly 'to-datetime': string | undefined; readonly 'by-duration': string | undefined; readonly 'shift-by': number | undefined
}

export function planOf(values: ResetValues, now: Date): ResetPlan {
  const plans: ResetPlan[] = []
  if (values['to-earliest']) plans.push({ kind: 'earliest' })
  if (values['to-latest']) plans.push({ kind: 'latest' })
  if (values['to-current']) plans.push({ kind: 'current' })
  if (values['to-offset'] !== undefined) plans.push({ kind: 'offset', offset: values['to-offset'] })
  if (values['shift-by'] !== undefined) plans.push({ kind: 'shift', by: values['shift-by'] })
  if (values['to-datetime'] !== undefined) plans.push({ kind: 'time', timestamp: dateOf(values['to-datetime']) })
  if (values['by-duration'] !== undefined) plans.push({ kind: 'time', timestamp: now.getTime() - durationOf(values['by-duration']) })
  if (plans.length !== 1) {
    throw new UsageError('give exactly one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, --shift-by, --from-file')
  }
  return plans[0]!
}

/** YYYY-MM-DDThh:mm:ss.sss; without a zone it is UTC, as in Kafka. */
export function dateOf(text: string): number {
  const hasZone = /T.*(Z|[+-]\d\d:?\d\d)$/.test(text)
  const timestamp = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN
  if (Number.isNaN(timestamp)) throw new UsageError(`--to-datetime needs a time like 2026-01-31T10:00:00.000, not ${JSON.stringify(text)}`)
  return timestamp
}

/** ISO 8601: P1DT2H3M4.5S, in ms. */
export function durationOf(text: string): number {
  const ms = durationMs(text)
  if (Number.isNaN(ms)) throw new UsageError(`--by-duration needs a duration like P1D or PT2H30M, not ${JSON.stringify(text)}`)
  return ms
}

/** The partitions named, or every one the group has an offset of. */
export async function resolvePartitions(kafka: Kafka, group: string, topics: readonly string[]): Promise<TopicPartition[]> {
  if (topics.length === 0) return (await kafka.admin.listGroupOffsets(group)).map(({ topic, partition }) => ({ topic, partition }))
  const found: TopicPartition[] = []
  for (const text of topics) {
    const { topic, partitions } = topicAndPartitions(text)
    const existing = (await kafka.admin.describeTopic(topic)).partitions.map((p) => p.partition)
    const missing = partitions?.find((p) => !existing.includes(p))
    if (missing !== undefined) throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${missing}`, { topic, partition: missing })
    found.push(...(partitions ?? existing).map((partition) => ({ topic, partition })))
  }
  return found
}

/** Of each partition its first offset and its end; an empty map of a topic that is not there. */
async function rangesOf(kafka: Kafka, topic: string): Promise<Map<number, { readonly low: number; readonly high: number }>> {
  try {
    const ends = new Map((await kafka.admin.listOffsets(topic, 'latest')).map((p) => [p.partition, p.offset]))
    return new Map((await kafka.admin.listOffsets(topic, 'earliest')).map((p) => [p.partition, { low: p.offset, high: ends.get(p.partition) ?? p.offset }]))
  } catch (error) {
    if (OttlaError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return new Map()
    throw error
  }
}

/** What is wrong with lines of a plan: topics and partitions that are not there. */
export async function strayLines(kafka: Kafka, lines: readonly CsvOffset[]): Promise<string[]> {
  const bad: { readonly line: number; readonly why: string }[] = []
  for (const name of new Set(lines.map(({ topic }) => topic))) {
    const there = isTopicName(name) ? await rangesOf(kafka, name) : new Map<number, never>()
    for (const { line, topic, partition } of lines) {
      if (topic !== name || there.has(partition)) continue
      bad.push({ line, why: there.size === 0 ? `there is no topic ${topic.slice(0, 249)}` : `topic ${topic} has no partition ${partition}` })
    }
  }
  return bad.toSorted((a, b) => a.line - b.line).map(({ line, why }) => `line ${line}: ${why}`)
}

function isTopicName(name: string): boolean { return /^[\w.-]{1,249}$/.test(name) }

/** Never outside the log: Kafka's tool clamps too. `tell` is given what becomes of offsets that are. Raises UsageError where there is nothing to shift. */
export async function targetOffsets(
  kafka: Kafka, group: string, partitions: readonly TopicPartition[], plan: ResetPlan, tell: (text: string) => void,
): Promise<TopicPartitionOffset[]> {
  const committed = await kafka.admin.listGroupOffsets(group)
  const result: TopicPartitionOffset[] = []
  for (const topic of new Set(partitions.map((p) => p.topic))) {
    const ranges = await rangesOf(kafka, topic)
    const byTime = plan.kind === 'time' ? new Map((await kafka.admin.listOffsets(topic, plan.timestamp)).map((p) => [p.partition, p.offset])) : null
    for (const { partition } of partitions.filter((p) => p.topic === topic)) {
      const range = ranges.get(partition)
      if (range === undefined) throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no ${topic}-${partition}`, { topic, partition })
      const current = committed.find((o) => o.topic === topic && o.partition === partition)?.offset
      const name = `${topic}-${partition}`
      if (plan.kind === 'shift' && current === undefined) throw new UsageError(`--shift-by: group ${group} has no offset in ${name} to shift from`)
      const offset = wanted(plan, name, range, current, byTime?.get(partition))
      if (byTime !== null && (byTime.get(partition) ?? -1) < 0) tell(`${name} has no record of that time or later: offset ${range.high}, its end`)
      if (offset < range.low) tell(`${name} begins at offset ${range.low}: ${offset} is not there any more`)
      if (offset > range.high) tell(`${name} ends at offset ${range.high}: ${offset} is not there yet`)
      result.push({ topic, partition, offset: Math.min(range.high, Math.max(range.low, offset)) })
    }
  }
  return result
}

function wanted(plan: ResetPlan, name: string, { low, high }: { readonly low: number; readonly high: number }, current: number | undefined, byTime: number | undefined): number {
  switch (plan.kind) {
    case 'earliest': return low
    case 'latest': return high
    case 'current': return current ?? high
    case 'offset': return plan.offset
    case 'shift': return current! + plan.by
    case 'time': return byTime === undefined || byTime < 0 ? high : byTime
    case 'listed': return plan.offsets.get(name)!
  }
}
