/** Where `ottla groups --reset-offsets` moves a group's offsets to; the scenarios are kafka-consumer-groups'. */
import type { Kafka, TopicPartition, TopicPartitionOffset } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
import { UsageError } from './command.ts'
import { topicAndPartitions } from './topic-names.ts'

export type ResetPlan =
  | { readonly kind: 'earliest' | 'latest' | 'current' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'shift'; readonly by: number }
  | { readonly kind: 'time'; readonly timestamp: number }

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
    throw new UsageError('give exactly one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, --shift-by')
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
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text)
  if (match === null || text === 'P' || text.endsWith('T')) {
    throw new UsageError(`--by-duration needs a duration like P1D or PT2H30M, not ${JSON.stringify(text)}`)
  }
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number]
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
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

/** Never outside the log: Kafka's tool clamps too. */
export async function targetOffsets(kafka: Kafka, group: string, partitions: readonly TopicPartition[], plan: ResetPlan): Promise<TopicPartitionOffset[]> {
  const committed = await kafka.admin.listGroupOffsets(group)
  const result: TopicPartitionOffset[] = []
  for (const topic of new Set(partitions.map((p) => p.topic))) {
    const at = async (time: 'earliest' | 'latest' | number): Promise<Map<number, number>> => {
      return new Map((await kafka.admin.listOffsets(topic, time)).map((p) => [p.partition, p.offset]))
    }
    const earliest = await at('earliest')
    const latest = await at('latest')
    const byTime = plan.kind === 'time' ? await at(plan.timestamp) : null
    for (const { partition } of partitions.filter((p) => p.topic === topic)) {
      const low = earliest.get(partition) ?? 0
      const high = latest.get(partition) ?? 0
      const current = committed.find((o) => o.topic === topic && o.partition === partition)?.offset
      result.push({ topic, partition, offset: Math.min(high, Math.max(low, wanted(plan, low, high, current, byTime?.get(partition)))) })
    }
  }
  return result
}

function wanted(plan: ResetPlan, low: number, high: number, current: number | undefined, byTime: number | undefined): number {
  switch (plan.kind) {
    case 'earliest': return low
    case 'latest': return high
    case 'current': return current ?? high
    case 'offset': return plan.offset
    case 'shift': return (current ?? high) + plan.by
    case 'time': return byTime === undefined || byTime < 0 ? high : byTime
  }
}
