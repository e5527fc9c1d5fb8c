/** Topics by the patterns that Kafka's tools take: a name, a list of names, a regular expression. */
import type { Kafka } from '../index.ts'
import { UsageError } from './command.ts'

/** Names that match all of `pattern`, sorted; every topic when it is undefined. A comma is an "or". */
export async function matching(kafka: Kafka, pattern: string | undefined, internal: boolean): Promise<string[]> {
  const names = (await kafka.admin.listTopics({ internal: true })).toSorted()
  const wanted = pattern === undefined ? null : toRegExp(pattern)
  // An internal topic that is asked for by its name is never hidden.
  return names.filter((name) => name === pattern || ((internal || !name.startsWith('__')) && (wanted === null || wanted.test(name))))
}

export function toRegExp(pattern: string): RegExp {
  const source = pattern.trim().replaceAll(',', '|').replaceAll(' ', '').replace(/^['"]+|['"]+$/g, '')
  try {
    return new RegExp(`^(?:${source})$`)
  } catch {
    throw new UsageError(`${JSON.stringify(pattern)} is not a regular expression`)
  }
}

/** "topic" or "topic:0,1,2" → the topic and the partitions named, null for all. */
export function topicAndPartitions(text: string): { readonly topic: string; readonly partitions: readonly number[] | null } {
  const colon = text.lastIndexOf(':')
  if (colon === -1) return { topic: text, partitions: null }
  const partitions = text.slice(colon + 1).split(',').map(Number)
  if (partitions.some((p) => !Number.isInteger(p) || p < 0)) throw new UsageError(`${JSON.stringify(text)}: write topic:0,1,2`)
  return { topic: text.slice(0, colon), partitions }
}
