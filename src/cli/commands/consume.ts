/** `ottla consume`: kafka-console-consumer on a directory, read only unless a group is named. */
import type { Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings, Ottla } from '../../index.ts'
import { OttlaError } from '../../common/errors.ts'
import { pairs } from '../arguments.ts'
import { dataOptions, defineCommand, UsageError, type Command } from '../command.ts'
import { encodingOf } from '../console-record.ts'
import { printerFor, printProperties, type OutputFormat, type Printer } from '../record-printer.ts'
import { withDatabase } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { toRegExp } from '../topic-names.ts'

/** How often a directory that another process writes is looked at again. */
const FOLLOW_PERIOD_MS = 250
const POLL_MS = 100
/** Empty polls in a row after which there is nothing more to come: a group may need a few to get its partitions. */
const PATIENCE = 5

const options = {
  ...dataOptions,
  topic: { type: 'text', value: 'NAME', help: 'the topic' },
  include: { type: 'text', value: 'REGEXP', help: 'every topic that matches, instead of --topic' },
  'from-beginning': { type: 'flag', help: 'from the first record; with a group only where it has no offset' },
  partition: { type: 'number', help: 'only this partition' },
  offset: { type: 'text', value: 'OFFSET', help: 'start there: a number, earliest or latest; needs --partition' },
  group: { type: 'text', value: 'ID', help: 'read as a member of this group and commit what was printed (needs the directory for itself)' },
  'max-messages': { type: 'number', value: 'N', help: 'stop after so many records' },
  follow: { type: 'flag', help: 'at the end wait for more, until interrupted' },
  'timeout-ms': { type: 'number', value: 'MS', help: 'at the end wait for more, until nothing came for so long' },
  json: { type: 'flag', help: 'short for --output-format json' },
  raw: { type: 'flag', help: 'short for --output-format raw' },
  'output-format': { type: 'text', value: 'FORMAT', help: 'lines (default), raw or json; see below' },
  encoding: { type: 'text', value: 'NAME', help: 'of bytes in json: utf8 (default), base64 or json; base64 also for lines' },
  'isolation-level': { type: 'text', value: 'LEVEL', help: 'read_uncommitted (default) or read_committed' },
  property: { type: 'text', many: true, value: 'NAME=VALUE', help: `of kafka-console-consumer: ${printProperties.join(', ')}` },
  'formatter-property': { type: 'text', many: true, value: 'NAME=VALUE', help: 'the same' },
  'consumer-property': { type: 'text', many: true, value: 'NAME=VALUE', help: 'any setting of the consumer' },
} as const

interface Start { readonly topic: string; readonly partition: number; readonly offset: number }

export const consume: Command = defineCommand({
  name: 'consume',
  summary: 'print the records of a topic',
  usage: ['--data DIR --topic NAME [--from-beginning] [options]'],
  options,
  notes: [
    'Without --from-beginning, --offset or a group\'s offset reading starts at the end. It stops at the end of the log, since',
    'nobody else can write while this process holds the directory; --follow and --timeout-ms wait for what the owner of the',
    'directory writes meanwhile.',
    'Output formats:',
    '  lines  the value and a line end (none behind a record that "ottla produce" made of an unended line)',
    '  raw    the bytes of the values, nothing between',
    '  json   {topic, partition, offset, timestamp, timestampType, key, value, headers: [{key, value}]}, one a line; null is',
    '         null. --encoding json puts JSON values in as they are, anything else as a string',
  ],
  examples: [
    'ottla consume --data ./data --topic orders --from-beginning --max-messages 10 --json',
    'ottla consume --data ./data --topic backup --from-beginning --raw | tar x',
    'ottla consume --data ./data --topic orders --group audit --property print.key=true',
  ],
  async run(terminal, values) {
    const format = values.json ? 'json' : values.raw ? 'raw' : values['output-format'] ?? 'lines'
    if (format !== 'lines' && format !== 'raw' && format !== 'json') throw new UsageError(`--output-format is lines, raw or json, not ${JSON.stringify(format)}`)
    if ((values.topic === undefined) === (values.include === undefined)) throw new UsageError('give --topic or --include')
    if (values.offset !== undefined && values.partition === undefined) throw new UsageError('--offset needs --partition')
    if (values.partition !== undefined && (values.topic === undefined || values.group !== undefined)) throw new UsageError('--partition needs --topic, and no --group')
    if (values.offset !== undefined && values['from-beginning']) throw new UsageError('--offset and --from-beginning exclude each other')
    const properties = pairs('property', [...values.property, ...values['formatter-property']])
    const stray = Object.keys(properties).find((name) => !(printProperties as readonly string[]).includes(name))
    if (stray !== undefined) throw new UsageError(`--property ${stray}: there are ${printProperties.join(', ')}; settings of the consumer go to --consumer-property`)
    const printer = printerFor(terminal, format as OutputFormat, encodingOf(values.encoding), properties)
    const job = new Job(terminal, printer, values)
    await (values.group === undefined ? job.readDirectory() : withDatabase(terminal, values, 'change', (ottla) => job.readAsGroup(ottla)))
    await terminal.flush()
    if (terminal.isInteractive || job.printed === 0) terminal.note(terminal.style('dim', `Processed a total of ${job.printed} messages`))
    return 0
  },
})

type ConsumeValues = Parameters<typeof withDatabase>[1] & {
  readonly topic: string | undefined; readonly include: string | undefined; readonly 'from-beginning': boolean; readonly partition: number | undefined; readonly offset: string | undefined
  readonly group: string | undefined; readonly 'max-messages': number | undefined; readonly follow: boolean; readonly 'timeout-ms': number | undefined
  readonly 'isolation-level': string | undefined; readonly 'consumer-property': readonly string[]
}

/** One run of the command: what is wanted, and how far it got. */
class Job {
  printed = 0
  readonly #terminal: Terminal
  readonly #printer: Printer
  readonly #values: ConsumeValues
  readonly #limit: number
  /** Next offset by "topic-partition". */
  readonly #positions = new Map<string, Start>()
  #lastRecordAt = performance.now()

  constructor(terminal: Terminal, printer: Printer, values: ConsumeValues) {
    this.#terminal = terminal
    this.#printer = printer
    this.#values = values
    this.#limit = values['max-messages'] ?? Infinity
  }

  get #finished(): boolean { return this.printed >= this.#limit || this.#terminal.signal.aborted }

  /** At the end of the log: true while it is worth waiting for more. */
  get #waits(): boolean {
    const timeout = this.#values['timeout-ms']
    if (timeout !== undefined) return performance.now() - this.#lastRecordAt < timeout
    return this.#values.follow
  }

  /** Opens, reads to the end and closes; again while there is something to wait for. */
  async readDirectory(): Promise<void> {
    for (;;) {
      await withDatabase(this.#terminal, this.#values, 'read', (ottla) => this.#readAssigned(ottla))
      await this.#terminal.flush()
      if (this.#finished || !this.#waits) return
      await pause(FOLLOW_PERIOD_MS, this.#terminal.signal)
      if (this.#finished) return
    }
  }

  async #readAssigned(ottla: Ottla): Promise<void> {
    const starts = await this.#starts(ottla)
    const ends = await this.#ends(ottla, starts)
    const unread = starts.filter((s) => s.offset < (ends.get(keyOf(s)) ?? 0))
    if (unread.length === 0) return
    const consumer = ottla.consumer(this.#settings({}))
    consumer.assign(unread)
    for (let empty = 0; !this.#finished && empty < PATIENCE;) {
      const batches = await consumer.poll({ timeoutMs: POLL_MS, signal: this.#terminal.signal })
      empty = batches.length === 0 ? empty + 1 : 0
      for (const batch of batches) await this.#print(batch, null)
      for (const { topic, partition } of unread) {
        const offset = consumer.position({ topic, partition })
        // A batch that was handed out may not be printed to its end when the limit is reached.
        if (offset !== undefined && !this.#finished) this.#positions.set(keyOf({ topic, partition }), { topic, partition, offset })
      }
      if (unread.every((s) => (consumer.position(s) ?? s.offset) >= ends.get(keyOf(s))!)) break
    }
    await consumer.close()
  }

  async readAsGroup(ottla: Ottla): Promise<void> {
    const consumer = ottla.consumer(this.#settings({ 'group.id': this.#values.group!, 'enable.auto.commit': false, 'auto.offset.reset': this.#values['from-beginning'] ? 'earliest' : 'latest' }))
    consumer.subscribe(this.#values.topic ?? toRegExp(this.#values.include!))
    for (let empty = 0; !this.#finished && (empty < PATIENCE || this.#waits);) {
      const batches = await consumer.poll({ timeoutMs: POLL_MS, signal: this.#terminal.signal })
      empty = batches.length === 0 ? empty + 1 : 0
      for (const batch of batches) await this.#print(batch, consumer)
    }
    await consumer.close()
  }

  /** Prints a batch; as a group commits behind what has left this process. */
  async #print(batch: ConsumerBatch, consumer: Consumer | null): Promise<void> {
    let next = -1
    for (const record of batch as Iterable<ConsumerRecord>) {
      if (this.#finished) break
      const room = this.#printer.print(record)
      if (room !== undefined) await room
      this.printed++
      next = record.offset + 1
    }
    if (next === -1) return
    this.#lastRecordAt = performance.now()
    const { topic, partition } = batch
    this.#positions.set(keyOf({ topic, partition }), { topic, partition, offset: next })
    if (consumer === null) return
    await this.#terminal.flush()
    if (!this.#terminal.readerGone) await consumer.commit([{ topic, partition, offset: next }])
  }

  #settings(more: ConsumerSettings): ConsumerSettings {
    const level = this.#values['isolation-level']
    if (level !== undefined && level !== 'read_committed' && level !== 'read_uncommitted') throw new UsageError(`--isolation-level is read_uncommitted or read_committed, not ${JSON.stringify(level)}`)
    return { ...pairs('consumer-property', this.#values['consumer-property']), ...(level === undefined ? {} : { 'isolation.level': level }), ...more } as ConsumerSettings
  }

  /** Where each partition is to be read from; partitions that appear while following start at their beginning. */
  async #starts(ottla: Ottla): Promise<Start[]> {
    const isFirst = this.#positions.size === 0
    const starts: Start[] = []
    for (const topic of await this.#topics(ottla)) {
      const at = isFirst ? this.#startTime() : 'earliest'
      for (const { partition, offset } of await ottla.admin.listOffsets(topic, at ?? 'earliest')) {
        if (this.#values.partition !== undefined && partition !== this.#values.partition) continue
        starts.push(this.#positions.get(keyOf({ topic, partition })) ?? { topic, partition, offset: isFirst && at === null ? Number(this.#values.offset) : offset })
      }
    }
    if (this.#values.partition !== undefined && starts.length === 0) {
      throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${this.#values.topic} has no partition ${this.#values.partition}`, { partition: this.#values.partition })
    }
    for (const start of starts) this.#positions.set(keyOf(start), start)
    return starts
  }

  /** Null: an offset was given as a number. */
  #startTime(): 'earliest' | 'latest' | null {
    const { offset } = this.#values
    if (offset === undefined) return this.#values['from-beginning'] ? 'earliest' : 'latest'
    if (offset === 'earliest' || offset === 'latest') return offset
    if (!/^\d+$/.test(offset) || !Number.isSafeInteger(Number(offset))) throw new UsageError(`--offset is a number, earliest or latest, not ${JSON.stringify(offset)}`)
    return null
  }

  async #topics(ottla: Ottla): Promise<string[]> {
    if (this.#values.topic !== undefined) return [(await ottla.admin.describeTopic(this.#values.topic)).name]
    const wanted = toRegExp(this.#values.include!)
    return (await ottla.admin.listTopics()).filter((name) => wanted.test(name)).toSorted()
  }

  async #ends(ottla: Ottla, starts: readonly Start[]): Promise<Map<string, number>> {
    const ends = new Map<string, number>()
    for (const topic of new Set(starts.map((s) => s.topic))) {
      for (const { partition, offset } of await ottla.admin.listOffsets(topic, 'latest')) ends.set(keyOf({ topic, partition }), offset)
    }
    return ends
  }
}

const keyOf = (tp: { readonly topic: string; readonly partition: number }): string => `${tp.topic}-${tp.partition}`

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
