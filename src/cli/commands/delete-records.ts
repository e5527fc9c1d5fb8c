/** `ottla delete-records`: kafka-delete-records on a directory or a cluster. */
import type { Kafka } from '../../index.ts'
import { OttlaError } from '../../common/errors.ts'
import { required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, type Command } from '../command.ts'
import { withKafka } from '../session.ts'
import { wholeFile } from '../whole-file.ts'

interface Target { readonly topic: string; readonly partition: number; readonly offset: number }

const isIndex = (x: unknown): x is number => typeof x === 'number' && Number.isSafeInteger(x)

function targetsOf(file: string): Target[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(wholeFile(file).toString())
  } catch (error) {
    throw new UsageError(`--offset-json-file ${file}: ${(error as Error).message}`)
  }
  const { partitions: list, version = 1 } = typeof parsed === 'object' && parsed !== null ? parsed as { partitions?: unknown; version?: unknown } : {}
  if (version !== 1) throw new UsageError(`--offset-json-file ${file}: version ${JSON.stringify(version)} is not known; write 1`)
  if (!Array.isArray(list)) {
    throw new UsageError(`--offset-json-file ${file}: it must hold {"partitions": [{"topic": …, "partition": …, "offset": …}], "version": 1}`)
  }
  const seen = new Set<string>()
  return list.map((entry: unknown) => {
    const { topic, partition, offset } = (entry ?? {}) as Record<string, unknown>
    if (typeof topic !== 'string' || !isIndex(partition) || !isIndex(offset)) {
      throw new UsageError(`--offset-json-file ${file}: ${JSON.stringify(entry)} lacks topic, partition or offset`)
    }
    const name = `${topic}-${partition}`
    if (seen.has(name)) throw new UsageError(`--offset-json-file ${file}: ${name} stands there twice`)
    seen.add(name)
    return { topic, partition, offset }
  })
}

interface Outcome extends Target { readonly lowWatermark?: number; readonly error?: OttlaError }

/** All of a topic at once; one by one where that fails, so that what can be done is done. */
async function deleteBefore(kafka: Kafka, topic: string, targets: readonly Target[]): Promise<Outcome[]> {
  const low = new Map<number, number>()
  const deleted = async (some: readonly Target[]): Promise<void> => {
    for (const { partition, lowWatermark } of await kafka.admin.deleteRecords(topic, some)) low.set(partition, lowWatermark)
  }
  const errors = new Map<number, OttlaError>()
  try {
    await deleted(targets)
  } catch {
    for (const target of targets) await deleted([target]).catch((error: unknown) => { errors.set(target.partition, OttlaError.from(error)) })
  }
  return targets.map((target) => {
    const error = errors.get(target.partition)
    return error === undefined ? { ...target, lowWatermark: low.get(target.partition)! } : { ...target, error }
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
      let code = 0
      for (const topic of new Set(targets.map((t) => t.topic))) {
        for (const { partition, lowWatermark, error } of await deleteBefore(kafka, topic, targets.filter((t) => t.topic === topic))) {
          if (error !== undefined) code = 1
          if (values.json) await terminal.json(error === undefined ? { topic, partition, lowWatermark } : { topic, partition, error: error.code, message: error.message })
          else await terminal.line(`partition: ${topic}-${partition}\t${error === undefined ? `low_watermark: ${lowWatermark!}` : `error: ${error.message} [${error.code}]`}`)
        }
      }
      return code
    })
  },
})
