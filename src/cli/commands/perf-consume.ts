/** `ottla perf consume`: kafka-consumer-perf-test on a directory or a cluster. */
import type { ConsumerSettings, Ottla, RecordCursor } from '../../index.ts'
import { pairs, required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, withoutEffect, type Command } from '../command.ts'
import { dateFormat } from '../date-format.ts'
import { clientConfig, isRemote, refuseMetrics, withFormerName, withKafka } from '../session.ts'
import type { Terminal } from '../terminal.ts'

const MEGABYTE = 1024 * 1024
const POLL_MS = 100
const DEFAULT_TIMEOUT_MS = 10_000
const REPORT_MS = 5000
const DEFAULT_FORMAT = 'yyyy-MM-dd HH:mm:ss:SSS'
const detailedHead = 'time, threadId, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec'
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
    'show-detailed-stats': { type: 'flag', help: 'a line each --reporting-interval, in place of one at the end' },
    'reporting-interval': { type: 'number', least: 1, value: 'MS', help: `how often (${REPORT_MS})` },
    'date-format': { type: 'text', value: 'PATTERN', help: `of the times, as Java's SimpleDateFormat has it (${DEFAULT_FORMAT})` },
    'from-latest': { type: 'flag', help: 'what comes from now on; a cluster only' },
    'print-metrics': { type: 'flag', help: 'print what the database of a directory counted' },
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
    const format = dateFormat('date-format', values['date-format'] ?? DEFAULT_FORMAT)
    if (isRemote(values)) refuseMetrics(values)
    else if (values['from-latest']) throw new UsageError('--from-latest waits for what others write, and a directory is read as it is now: it needs --bootstrap-server')
    return withKafka(terminal, values, 'read', async (kafka) => {
      const starts = await kafka.admin.listOffsets(topic, values['from-latest'] ? 'latest' : 'earliest')
      const consumer = kafka.consumer(settings)
      consumer.assign(starts.map(({ partition, offset }) => ({ topic, partition, offset })))
      const ends = new Map((await kafka.admin.listOffsets(topic, 'latest')).map((p) => [p.partition, p.offset]))
      const isAtEnd = (): boolean => !values['from-latest'] && starts.every(({ partition, offset }) => (consumer.position({ topic, partition }) ?? offset) >= ends.get(partition)!)
      const isDetailed = values['show-detailed-stats'] && !values.json
      if (isDetailed && !values['hide-header']) void terminal.line(detailedHead)
      const count = new Count(format, isDetailed ? values['reporting-interval'] ?? REPORT_MS : Infinity, terminal)
      const timeout = values.timeout ?? DEFAULT_TIMEOUT_MS
      while (count.records < wanted && !terminal.signal.aborted && performance.now() - count.last < timeout && !isAtEnd()) {
        for (const batch of await consumer.poll({ timeoutMs: POLL_MS, signal: terminal.signal })) await count.add(batch.cursor(), wanted)
      }
      const why = isAtEnd() ? '' : ` when nothing more came for ${timeout} ms`
      await consumer.close()
      if (count.records < wanted && !terminal.signal.aborted) terminal.note(`WARNING: ${wanted} records were asked for, and there were ${count.records}${why}.`)
      if (!isDetailed) await count.print(values.json, values['hide-header'])
      if (values['print-metrics']) await terminal.json((kafka as Ottla).metrics())
      return 0
    })
  },
})

/** What was read, and how fast. */
class Count {
  records = 0
  /** When the last record came. */
  last: number
  #bytes = 0
  readonly #format: (date: Date) => string
  readonly #interval: number
  readonly #terminal: Terminal
  readonly #startedAt = new Date()
  readonly #started = performance.now()
  #reported: { readonly at: number; readonly records: number; readonly bytes: number }

  constructor(format: (date: Date) => string, interval: number, terminal: Terminal) {
    this.#format = format
    this.#interval = interval
    this.#terminal = terminal
    this.last = this.#started
    this.#reported = { at: this.#started, records: 0, bytes: 0 }
  }

  async add(cursor: RecordCursor, wanted: number): Promise<void> {
    this.last = performance.now()
    while (this.records < wanted && cursor.next()) {
      this.records++
      this.#bytes += Math.max(0, cursor.keyLength) + Math.max(0, cursor.valueLength)
    }
    const now = performance.now()
    if (now - this.#reported.at < this.#interval) return
    const elapsed = now - this.#reported.at
    const rates = [(this.#bytes - this.#reported.bytes) / MEGABYTE, this.records - this.#reported.records].map((amount) => (amount / elapsed * 1000).toFixed(4)) as [string, string]
    const row = [this.#format(new Date()), 0, (this.#bytes / MEGABYTE).toFixed(4), rates[0], this.records, rates[1], 0, Math.round(elapsed), ...rates]
    this.#reported = { at: now, records: this.records, bytes: this.#bytes }
    void this.#terminal.line(row.join(', '))
    await this.#terminal.flush()
  }

  async print(isJson: boolean, hideHeader: boolean): Promise<void> {
    const elapsed = Math.max(this.last - this.#started, 0.001)
    const megabytes = this.#bytes / MEGABYTE
    const perSecond = (amount: number): number => amount / elapsed * 1000
    const { records } = this
    if (isJson) {
      await this.#terminal.json({ records, megabytes, seconds: elapsed / 1000, recordsPerSecond: perSecond(records), megabytesPerSecond: perSecond(megabytes) })
      return
    }
    const rates = [perSecond(megabytes).toFixed(4), perSecond(records).toFixed(4)] as const
    const times = [this.#startedAt, new Date(this.#startedAt.getTime() + elapsed)].map(this.#format)
    if (!hideHeader) void this.#terminal.line(head)
    await this.#terminal.line([...times, megabytes.toFixed(4), rates[0], records, rates[1], 0, Math.round(elapsed), ...rates].join(', '))
  }
}
