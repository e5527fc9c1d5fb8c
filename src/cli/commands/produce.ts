/**
 * `ottla produce`: kafka-console-producer on a directory or a cluster, for whole files too. Every byte of the input is kept: see `--input-format` in
 * the notes below for how it is cut into records.
 */
import { ReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { Producer, ProducerRecord, ProducerSettings } from '../../index.ts'
import { checkNames, choice, pairs } from '../arguments.ts'
import { defineCommand, sourceOptions, UsageError, withoutEffect, type Command } from '../command.ts'
import { encodingOf, lineLayout, lineProperties, parseJsonLine, parseLine, UNENDED_HEADER, type Encoding, type LineLayout } from '../console-record.ts'
import { linesOf, piecesOf, type Piece } from '../line-reader.ts'
import { filedProperties } from '../properties-file.ts'
import { clientConfig, withFormerName, withKafka } from '../session.ts'
import { bytesText, countText } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { fileStream } from '../whole-file.ts'

const DEFAULT_CHUNK = 256 * 1024

export const produce: Command = defineCommand({
  name: 'produce',
  summary: 'write lines, files or pipes to a topic',
  usage: ['--data DIR --topic NAME [--file FILE] [options]   (default: standard input)'],
  options: {
    ...sourceOptions,
    topic: { type: 'text', value: 'NAME', help: 'the topic; it is created when it is not there' },
    file: { type: 'text', value: 'FILE', help: 'read this instead of standard input' },
    'input-format': { type: 'text', value: 'FORMAT', help: 'lines (default), raw or json; see below' },
    raw: { type: 'flag', help: 'short for --input-format raw' },
    'chunk-size': { type: 'number', least: 1, value: 'BYTES', help: `longest record made of raw input or of a line (${DEFAULT_CHUNK})` },
    encoding: { type: 'text', value: 'NAME', help: 'of keys, values and headers in json: utf8 (default), base64 or json' },
    partition: { type: 'number', least: 0, help: 'write to this partition (raw: default 0)' },
    'key-separator': {
      type: 'text', value: 'TEXT', help: 'lines have a key before this text; short for --property parse.key=true --property key.separator=TEXT',
    },
    headers: { type: 'flag', help: 'lines have headers first, "a:1,b:2<tab>"; short for --property parse.headers=true' },
    property: { type: 'text', many: true, value: 'NAME=VALUE', help: `of kafka-console-producer: ${lineProperties.join(', ')}` },
    'reader-property': { type: 'text', many: true, value: 'NAME=VALUE', help: 'the same' },
    'line-reader': { type: 'text', value: 'NAME', help: 'as Kafka\'s tool takes it: LineMessageReader, which reads lines' },
    'reader-config': { type: 'text', value: 'FILE', help: 'a properties file with what --property takes; --property wins' },
    'producer.config': { type: 'text', value: 'FILE', help: '--command-config, as Kafka\'s tools called it before' },
    'producer-property': { type: 'text', many: true, value: 'NAME=VALUE', help: 'any setting of the producer' },
    acks: { type: 'text', value: '0|1|all', help: 'all (default): on disk when acknowledged' },
    'request-required-acks': { type: 'text', value: '0|1|all', help: 'the same' },
    'compression-codec': { type: 'text', optionalValue: true, value: 'CODEC', help: 'none, gzip (when no codec is named), snappy, lz4 or zstd' },
    'batch-size': { type: 'number', value: 'BYTES', help: 'largest batch (batch.size)' },
    'max-partition-memory-bytes': { type: 'number', value: 'BYTES', help: 'the same, under a name that Kafka has for it too' },
    'metadata-expiry-ms': withoutEffect('MS'),
    'socket-buffer-size': withoutEffect('BYTES'),
    linger: { type: 'number', value: 'MS', help: 'how long a batch waits for more records (linger.ms)' },
    timeout: { type: 'number', value: 'MS', help: 'the same, under Kafka\'s name' },
    'max-block-ms': { type: 'number', value: 'MS', help: 'how long a full buffer may make wait (max.block.ms)' },
    'max-memory-bytes': { type: 'number', value: 'BYTES', help: 'what may be buffered (buffer.memory)' },
    'message-send-max-retries': { type: 'number', help: 'how often a batch is tried again (retries)' },
    'retry-backoff-ms': { type: 'number', value: 'MS', help: 'wait before a retry (retry.backoff.ms)' },
    'request-timeout-ms': { type: 'number', value: 'MS', help: 'wait for an acknowledgement (request.timeout.ms)' },
    sync: { type: 'flag', help: 'wait for each record before the next' },
  },
  notes: [
    'Input formats, each of which keeps every byte:',
    '  lines  one record a line, without its line feed. A carriage return stays. A line longer than --chunk-size becomes',
    `         several records, and a last line without line feed is a record too: such records carry the header ${UNENDED_HEADER}.`,
    '  raw    records of --chunk-size bytes, no keys, all in one partition.',
    '  json   one object a line as "ottla consume --json" prints them.',
    'Files come back by: ottla consume --topic NAME --from-beginning --output-format lines (or raw). Records of one partition',
    'keep their order: give a topic that is to be read back as a file one partition, or name one with --partition.',
  ],
  examples: [
    'seq 1 1000 | ottla produce --data ./data --topic numbers',
    'ottla produce --data ./data --topic users --key-separator : --file users.txt --compression-codec zstd',
    'tar c src | ottla produce --data ./data --topic backup --raw',
  ],
  async run(terminal, given) {
    const values = withFormerName(given, given['producer.config'])
    const format = values.raw ? 'raw' : choice('input-format', values['input-format'] ?? 'lines', ['lines', 'raw', 'json'])
    checkReader(values['line-reader'], format)
    if (values.topic === undefined && format !== 'json') throw new UsageError('--topic is required')
    const encoding = encodingOf(values.encoding)
    const filed = await filedProperties('reader-config', values['reader-config'])
    checkNames('reader-config', filed, lineProperties, 'settings of the producer go to --command-config')
    const properties = { ...filed, ...pairs('property', [...values.property, ...values['reader-property']]) }
    if (values['key-separator'] !== undefined) Object.assign(properties, { 'parse.key': 'true', 'key.separator': values['key-separator'] })
    if (values.headers) properties['parse.headers'] = 'true'
    checkNames('property', properties, lineProperties, 'settings of the producer go to --producer-property')
    const input = values.file === undefined || values.file === '-' ? process.stdin : await fileStream(values.file)
    const chunk = values['chunk-size'] ?? DEFAULT_CHUNK
    if (chunk < 1) throw new UsageError('--chunk-size is at least 1')
    const partition = values.partition ?? (format === 'raw' ? 0 : undefined)
    const job: Job = { format, topic: values.topic, partition, encoding, layout: lineLayout(properties), sync: values.sync, chunk }
    await opened(input)
    const config = (await clientConfig(values)).producer
    return withKafka(terminal, values, 'create', async (kafka) => {
      const producer = kafka.producer({ ...config, ...settingsOf(values) })
      return send(terminal, producer, input, job)
    })
  },
})

/** Kafka's own reader of lines, by its name with or without the package; a class of one's own cannot be loaded. */
function checkReader(name: string | undefined, format: Job['format']): void {
  if (name === undefined) return
  if (!/^(?:org\.apache\.kafka\.tools\.|kafka\.tools\.(?:ConsoleProducer\$)?)?LineMessageReader$/.test(name)) {
    throw new UsageError(`--line-reader ${name}: classes of Java cannot be loaded; there is LineMessageReader, and --input-format has json and raw`)
  }
  if (format !== 'lines') throw new UsageError(`--line-reader reads lines: leave it out with --input-format ${format}`)
}

interface Job {
  readonly format: 'lines' | 'raw' | 'json'
  readonly topic: string | undefined
  readonly partition: number | undefined
  readonly encoding: Encoding
  readonly layout: LineLayout
  readonly sync: boolean
  readonly chunk: number
}

interface ProducerValues {
  readonly acks: string | undefined; readonly 'request-required-acks': string | undefined; readonly 'compression-codec': string | undefined
  readonly 'batch-size': number | undefined; readonly 'max-partition-memory-bytes': number | undefined; readonly linger: number | undefined; readonly timeout: number | undefined
  readonly 'max-block-ms': number | undefined; readonly 'max-memory-bytes': number | undefined; readonly 'message-send-max-retries': number | undefined
  readonly 'retry-backoff-ms': number | undefined; readonly 'request-timeout-ms': number | undefined
  readonly 'producer-property': readonly string[]
}

/** Numbers that go to a setting as they are; a later one wins. */
const numberSettings = [
  ['max-partition-memory-bytes', 'batch.size'], ['batch-size', 'batch.size'],
  ['timeout', 'linger.ms'], ['linger', 'linger.ms'], ['max-block-ms', 'max.block.ms'], ['max-memory-bytes', 'buffer.memory'],
  ['message-send-max-retries', 'retries'], ['retry-backoff-ms', 'retry.backoff.ms'], ['request-timeout-ms', 'request.timeout.ms'],
] as const

function settingsOf(values: ProducerValues): ProducerSettings {
  const acks = values.acks ?? values['request-required-acks']
  const codec = values['compression-codec']
  const settings: Record<string, string | number> = pairs('producer-property', values['producer-property'])
  if (acks !== undefined) settings['acks'] = acks
  if (codec !== undefined) settings['compression.type'] = codec === '' ? 'gzip' : codec
  for (const [option, setting] of numberSettings) {
    const value = values[option]
    if (value !== undefined) settings[setting] = value
  }
  return settings
}

/** A file that cannot be opened is told before anything is created. */
function opened(input: Readable): Promise<void> {
  if (input === process.stdin || !(input instanceof ReadStream)) return Promise.resolve()
  return new Promise((resolve, reject) => {
    input.once('open', () => resolve())
    input.once('error', (error) => reject(new UsageError(`--file: ${error.message}`)))
  })
}

async function send(terminal: Terminal, producer: Producer, input: Readable, job: Job): Promise<number> {
  let failure: Error | null = null
  producer.on('error', (error) => { failure ??= error })
  const stop = (): void => { input.destroy() }
  terminal.signal.addEventListener('abort', stop)
  const started = performance.now()
  let records = 0
  let bytes = 0
  const seconds = (): number => (performance.now() - started) / 1000
  const report = (): string => `${countText(records)} records, ${bytesText(bytes)}, ${bytesText(bytes / Math.max(seconds(), 0.001))}/s`
  try {
    for await (const piece of cut(input, job)) {
      if (failure !== null) break
      records++
      bytes += piece.bytes.length + (piece.ended ? 1 : 0)
      const record = recordOf(piece, job, records)
      if (job.sync) await producer.send(record)
      else if (!producer.post(record)) await producer.drained()
      terminal.progress(report)
    }
  } catch (error) {
    if (!terminal.signal.aborted) throw error
  } finally {
    terminal.signal.removeEventListener('abort', stop)
    await producer.flush()
  }
  terminal.endProgress()
  if (failure !== null) throw failure as Error
  await producer.close()
  if (terminal.isInteractive) terminal.note(terminal.style('dim', `${report()} to ${job.topic ?? 'the topics named'}`))
  return 0
}

function cut(input: AsyncIterable<Uint8Array>, job: Job): AsyncGenerator<Piece, void, void> {
  // A line of JSON cannot be cut: it is as long as it is.
  return job.format === 'raw' ? piecesOf(input, job.chunk) : linesOf(input, job.format === 'json' ? Infinity : job.chunk)
}

function recordOf(piece: Piece, job: Job, lineNumber: number): ProducerRecord {
  const place = job.partition === undefined ? {} : { partition: job.partition }
  if (job.format === 'raw') return { topic: job.topic!, value: piece.bytes, ...place }
  if (job.format === 'json') {
    const { topic, ...record } = parseJsonLine(piece.bytes, job.encoding, lineNumber)
    const name = job.topic ?? topic
    if (name === undefined) throw new UsageError(`line ${lineNumber} names no topic: give --topic`)
    return { ...record, topic: name, ...place }
  }
  const record = parseLine(piece.bytes, job.layout, lineNumber)
  if (piece.ended) return { topic: job.topic!, ...record, ...place }
  return { topic: job.topic!, ...record, headers: [...record.headers ?? [], { key: UNENDED_HEADER, value: null }], ...place }
}
