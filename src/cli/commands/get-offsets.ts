/** `ottla get-offsets`: kafka-get-offsets on a directory or a cluster. */
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, type Command } from '../command.ts'
import { withKafka } from '../session.ts'
import { matching, toRegExp } from '../topic-names.ts'

type Time = 'earliest' | 'latest' | 'maxTimestamp' | number

const names: Readonly<Record<string, Time>> = {
  '-1': 'latest', latest: 'latest', '-2': 'earliest', earliest: 'earliest', '-3': 'maxTimestamp', 'max-timestamp': 'maxTimestamp',
  '-4': 'earliest', 'earliest-local': 'earliest',
}

function timeOf(text: string): Time {
  if (text === '-5' || text === 'latest-tiered') throw new UsageError(`--time ${text} is for tiered storage, which is not there here`)
  const named = names[text]
  if (named !== undefined) return named
  const timestamp = Number(text)
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp
  const date = Date.parse(text)
  if (!Number.isNaN(date)) return date
  throw new UsageError(`--time is a timestamp in ms, a date, earliest (-2), latest (-1) or max-timestamp (-3), not ${JSON.stringify(text)}`)
}

/** "0,2,5-7" → membership; an open end ("5-") reaches to the last. */
function partitionFilter(text: string): (partition: number) => boolean {
  const ranges = text.split(',').map((part) => {
    const match = /^(\d*)(-?)(\d*)$/.exec(part.trim())
    if (match === null || part.trim() === '' || part.trim() === '-') {
      throw new UsageError(`--partitions needs numbers and ranges like 0,2,5-7, not ${JSON.stringify(part)}`)
    }
    const low = match[1] === '' ? 0 : Number(match[1])
    // As in Kafka's tool the upper end of a range is not part of it.
    return { low, high: match[2] === '' ? low + 1 : match[3] === '' ? Infinity : Number(match[3]) }
  })
  return (partition) => ranges.some((range) => partition >= range.low && partition < range.high)
}

/** "orders:0,payments:1-3" → a test of topic and partition. */
function topicPartitionFilter(text: string): (topic: string, partition: number) => boolean {
  const rules = text.split(',').map((rule) => {
    const match = /^([^:,]*)(?::(\d*)(?:(-)(\d*))?)?$/.exec(rule.trim())
    if (match === null) throw new UsageError(`--topic-partitions needs topic:partition or topic:low-high, not ${JSON.stringify(rule)}`)
    const range = `${match[2] ?? ''}${match[3] ?? ''}${match[4] ?? ''}`
    const partitions = range === '' ? () => true : partitionFilter(range)
    return { topic: match[1] === '' ? /^/ : toRegExp(match[1]!), partitions }
  })
  return (topic, partition) => rules.some((rule) => rule.topic.test(topic) && rule.partitions(partition))
}

export const getOffsets: Command = defineCommand({
  name: 'get-offsets',
  summary: 'print offsets of partitions, at the ends or by time',
  usage: ['--data DIR [--topic NAME] [--partitions N,…] [--time TIME]'],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    topic: { type: 'text', value: 'NAME', help: 'a topic or a regular expression (default: all)' },
    partitions: { type: 'text', value: 'N,…', help: 'partitions and ranges; the upper end of a range is not part of it' },
    'topic-partitions': { type: 'text', value: 'TOPIC:N,…', help: 'instead of --topic and --partitions' },
    time: { type: 'text', value: 'TIME', help: 'latest or -1 (default), earliest or -2, max-timestamp or -3, ms since 1970, or a date' },
    'exclude-internal-topics': { type: 'flag', help: 'leave __consumer_offsets and the like out' },
  },
  notes: ['Output: topic:partition:offset, a line each. By time: the first record at or after it; a partition without one is left out.'],
  examples: ['ottla get-offsets --data ./data --topic orders', 'ottla get-offsets --data ./data --topic orders --time 2026-01-01T00:00:00Z'],
  async run(terminal, values) {
    if (values['topic-partitions'] !== undefined && (values.topic !== undefined || values.partitions !== undefined)) {
      throw new UsageError('--topic-partitions cannot be combined with --topic or --partitions')
    }
    const time = timeOf(values.time ?? 'latest')
    const inPartitions = values.partitions === undefined ? () => true : partitionFilter(values.partitions)
    const rules = values['topic-partitions']
    const wanted = rules === undefined ? (_topic: string, partition: number) => inPartitions(partition) : topicPartitionFilter(rules)
    return withKafka(terminal, values, 'read', async (kafka) => {
      let found = false
      for (const topic of await matching(kafka, values.topic, !values['exclude-internal-topics'])) {
        for (const { partition, offset, timestamp } of await kafka.admin.listOffsets(topic, time)) {
          if (!wanted(topic, partition)) continue
          found = true
          if (offset < 0) continue
          await (values.json ? terminal.json({ topic, partition, offset, timestamp }) : terminal.line(`${topic}:${partition}:${offset}`))
        }
      }
      if (found) return 0
      terminal.note('Could not match any topic-partitions with the specified filters')
      return 1
    })
  },
})
