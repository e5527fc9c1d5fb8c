/** `ottla delete-records`: kafka-delete-records on a directory or a cluster. */
import { readFileSync } from 'node:fs'
import { required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, type Command } from '../command.ts'
import { withKafka } from '../session.ts'

interface Target { readonly topic: string; readonly partition: number; readonly offset: number }

const isIndex = (x: unknown): x is number => typeof x === 'number' && Number.isSafeInteger(x)

function targetsOf(file: string): Target[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--offset-json-file ${file}: ${(error as Error).message}`)
  }
  const list = typeof parsed === 'object' && parsed !== null ? (parsed as { partitions?: unknown }).partitions : undefined
  if (!Array.isArray(list)) {
    throw new UsageError(`--offset-json-file ${file}: it must hold {"partitions": [{"topic": …, "partition": …, "offset": …}], "version": 1}`)
  }
  return list.map((entry: unknown) => {
    const { topic, partition, offset } = (entry ?? {}) as Record<string, unknown>
    if (typeof topic !== 'string' || !isIndex(partition) || !isIndex(offset)) {
      throw new UsageError(`--offset-json-file ${file}: ${JSON.stringify(entry)} lacks topic, partition or offset`)
    }
    return { topic, partition, offset }
  })
}

export const deleteRecords: Command = defineCommand({
  name: 'delete-records',
  summary: 'move the start of partitions up, dropping what lies before',
  usage: ['--data DIR --offset-json-file FILE', '--data DIR --topic NAME --partition N --before OFFSET'],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    'offset-json-file': { type: 'text', value: 'FILE', help: '{"partitions": [{"topic": "orders", "partition": 0, "offset": 10}], "version": 1}' },
    topic: { type: 'text', value: 'NAME', help: 'one topic' },
    partition: { type: 'number', least: 0, help: 'one partition of it' },
    before: { type: 'number', least: -1, value: 'OFFSET', help: 'the first offset to be kept; -1: nothing is kept' },
  },
  examples: ['ottla delete-records --data ./data --topic orders --partition 0 --before 1000'],
  async run(terminal, values) {
    const targets = values['offset-json-file'] === undefined
      ? [{ topic: required(values.topic, 'topic'), partition: required(values.partition, 'partition'), offset: required(values.before, 'before') }]
      : targetsOf(values['offset-json-file'])
    return withKafka(terminal, values, 'change', async (kafka) => {
      if (!values.json) void terminal.line('Executing records delete operation\nRecords delete operation completed:')
      for (const topic of new Set(targets.map((t) => t.topic))) {
        const results = await kafka.admin.deleteRecords(topic, targets.filter((t) => t.topic === topic))
        for (const { partition, lowWatermark } of results) {
          if (values.json) await terminal.json({ topic, partition, lowWatermark })
          else await terminal.line(`partition: ${topic}-${partition}\tlow_watermark: ${lowWatermark}`)
        }
      }
      return 0
    })
  },
})
