/** `ottla perf consume`: kafka-consumer-perf-test on a directory or a cluster. */
import type { ConsumerSettings } from '../../index.ts'
import { pairs, required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, sourceOptions, withoutEffect, type Command } from '../command.ts'
import { clientConfig, withFormerName, withKafka } from '../session.ts'

const MEGABYTE = 1024 * 1024
const POLL_MS = 100
const DEFAULT_TIMEOUT_MS = 10_000
const head = 'start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec,' +
  ' rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec'

export const perfConsume: Command = defineCommand({
  name: 'perf consume',
  summary: 'measure reading, as kafka-consumer-perf-test does',
  usage: ['--data DIR --topic NAME --messages N [--timeout MS]'],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    topic: { type: 'text', value: 'NAME', help: 'the topic' },
    messages: { type: 'number', least: 0, help: 'how many records' },
    timeout: { type: 'number', least: 0, value: 'MS', help: `stop when nothing came for so long, and at once at the end of the log (${DEFAULT_TIMEOUT_MS})` },
    'fetch-size': { type: 'number', least: 1, value: 'BYTES', help: 'most to fetch of a partition at a time (max.partition.fetch.bytes)' },
    group: { type: 'text', value: 'ID', help: 'as Kafka\'s tool takes it; without effect: reading needs no group' },
    'socket-buffer-size': withoutEffect('BYTES'),
    'reporting-interval': withoutEffect('MS'),
    'hide-header': { type: 'flag', help: 'without the names of the columns' },
    'consumer.config': { type: 'text', value: 'FILE', help: '--command-config, as Kafka\'s tools called it before' },
    'consumer-props': { type: 'text', greedy: true, value: 'NAME=VALUE', help: 'settings of the consumer' },
  },
  notes: ['Values and keys are read by a cursor, without decoding; MB are 1048576 bytes of keys and values.'],
  examples: ['ottla perf consume --data ./data --topic perf --messages 1000000'],
  async run(terminal, given) {
    const values = withFormerName(given, given['consumer.config'])
    const topic = required(values.topic, 'topic')
    const wanted = required(values.messages, 'messages')
    const size = values['fetch-size'] === undefined ? {} : { 'max.partition.fetch.bytes': values['fetch-size'] }
    const settings = { ...(await clientConfig(values)).consumer, ...size, ...pairs('consumer-props', values['consumer-props']) } as ConsumerSettings
    return withKafka(terminal, values, 'read', async (kafka) => {
      const starts = await kafka.admin.listOffsets(topic, 'earliest')
      const ends = new Map((await kafka.admin.listOffsets(topic, 'latest')).map((p) => [p.partition, p.offset]))
      const consumer = kafka.consumer(settings)
      consumer.assign(starts.map(({ partition, offset }) => ({ topic, partition, offset })))
      const startedAt = new Date()
      const started = performance.now()
      let last = started
      let records = 0
      let bytes = 0
      while (records < wanted && !terminal.signal.aborted && performance.now() - last < (values.timeout ?? DEFAULT_TIMEOUT_MS)) {
        for (const batch of await consumer.poll({ timeoutMs: POLL_MS, signal: terminal.signal })) {
          last = performance.now()
          const cursor = batch.cursor()
          while (records < wanted && cursor.next()) {
            records++
            bytes += Math.max(0, cursor.keyLength) + Math.max(0, cursor.valueLength)
          }
        }
        if (starts.every(({ partition, offset }) => (consumer.position({ topic, partition }) ?? offset) >= ends.get(partition)!)) break
      }
      const elapsed = Math.max(last - started, 0.001)
      await consumer.close()
      const megabytes = bytes / MEGABYTE
      const perSecond = (amount: number): number => amount / elapsed * 1000
      if (values.json) {
        await terminal.json({ records, megabytes, seconds: elapsed / 1000, recordsPerSecond: perSecond(records), megabytesPerSecond: perSecond(megabytes) })
        return 0
      }
      const time = (date: Date): string => date.toISOString().replace('T', ' ').replace('.', ':').replace('Z', '')
      const row = [
        time(startedAt), time(new Date(startedAt.getTime() + elapsed)), megabytes.toFixed(4), perSecond(megabytes).toFixed(4),
        records, perSecond(records).toFixed(4), 0, Math.round(elapsed), perSecond(megabytes).toFixed(4), perSecond(records).toFixed(4),
      ]
      if (!values['hide-header']) void terminal.line(head)
      await terminal.line(row.join(', '))
      return 0
    })
  },
})
