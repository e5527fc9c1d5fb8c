/** `ottla consume`: kafka-console-consumer on a directory, read only unless a group is named, or on a cluster. */
import { checkNames, choice, pairs } from '../arguments.ts'
import { defineCommand, refused, sourceOptions, UsageError, type Command } from '../command.ts'
import { encodingOf } from '../console-record.ts'
import { ConsumeJob } from '../consume-job.ts'
import { formatterNames, formatterOf } from '../formatters.ts'
import { filedProperties } from '../properties-file.ts'
import { formattedPrinter, printerFor, printProperties, type OutputFormat, type Printer } from '../record-printer.ts'
import { clientConfig, withFormerName, withKafka } from '../session.ts'
import type { Terminal } from '../terminal.ts'

const options = {
  ...sourceOptions,
  topic: { type: 'text', value: 'NAME', help: 'the topic' },
  include: { type: 'text', value: 'REGEXP', help: 'every topic that matches, instead of --topic' },
  'from-beginning': { type: 'flag', help: 'from the first record; with a group only where it has no offset' },
  partition: { type: 'number', least: 0, help: 'only this partition' },
  offset: { type: 'text', value: 'OFFSET', help: 'start there: a number, earliest or latest; needs --partition' },
  group: { type: 'text', value: 'ID', help: 'read as a member of this group and commit what was printed (a directory: needs it for itself)' },
  'max-messages': { type: 'number', least: -1, value: 'N', help: 'stop after so many records; -1 (default): never' },
  follow: { type: 'flag', help: 'at the end wait for more, until interrupted' },
  'timeout-ms': { type: 'number', least: 0, value: 'MS', help: 'at the end wait for more, until nothing came for so long' },
  json: { type: 'flag', help: 'short for --output-format json' },
  raw: { type: 'flag', help: 'short for --output-format raw' },
  'output-format': { type: 'text', value: 'FORMAT', help: 'lines (default), raw or json; see below' },
  encoding: { type: 'text', value: 'NAME', help: 'of bytes in json: utf8 (default), base64 or json; base64 also for lines' },
  'isolation-level': { type: 'text', value: 'LEVEL', help: 'read_uncommitted (default) or read_committed' },
  print: {
    type: 'text', many: true, value: 'PART,…', help: 'timestamp, partition, offset, epoch, headers or key before each value; short for --property print.PART=true',
  },
  property: { type: 'text', many: true, value: 'NAME=VALUE', help: `of kafka-console-consumer: ${printProperties.join(', ')}` },
  formatter: { type: 'text', value: 'NAME', help: `print as Kafka's class of this name does: ${formatterNames.join(', ')}` },
  'formatter-config': { type: 'text', value: 'FILE', help: 'a properties file with what --property takes; --property wins' },
  'enable-systest-events': refused('is for the system tests of Kafka\'s own project, which read the events of Java\'s consumer'),
  'formatter-property': { type: 'text', many: true, value: 'NAME=VALUE', help: 'the same' },
  'key-deserializer': { type: 'text', value: 'NAME', help: 'print keys as Java\'s class of this name gives them: string, bytes, short, integer, long, float, double' },
  'value-deserializer': { type: 'text', value: 'NAME', help: 'the same for values' },
  'skip-message-on-error': { type: 'flag', help: 'go on behind a record that is no such number' },
  'consumer.config': { type: 'text', value: 'FILE', help: '--command-config, as Kafka\'s tools called it before' },
  'consumer-property': { type: 'text', many: true, value: 'NAME=VALUE', help: 'any setting of the consumer' },
} as const

const printedParts = ['timestamp', 'partition', 'offset', 'epoch', 'headers', 'key', 'value'] as const

export const consume: Command = defineCommand({
  name: 'consume',
  summary: 'print the records of a topic',
  usage: ['--data DIR --topic NAME [--from-beginning] [options]'],
  options,
  notes: [
    'Without --from-beginning, --offset or a group\'s offset reading starts at the end. It stops at the end of the log, as it was',
    'when the command began (further, where the owner of a directory compacts what is being read: up to the last record of every',
    'key); --follow and --timeout-ms wait for what is written meanwhile.',
    'Output formats:',
    '  lines  the value and a line end (none behind a record that "ottla produce" made of an unended line)',
    '  raw    the bytes of the values, nothing between',
    '  json   {topic, partition, offset, timestamp, timestampType, key, value, headers: [{key, value}]}, one a line; null is',
    '         null. --encoding json puts JSON values in as they are, anything else as a string',
  ],
  examples: [
    'ottla consume --data ./data --topic orders --from-beginning --max-messages 10 --json',
    'ottla consume --data ./data --topic backup --from-beginning --raw | tar x',
    'ottla consume --data ./data --topic orders --group audit --print key,offset',
  ],
  async run(terminal, given) {
    const values = withFormerName(given, given['consumer.config'])
    const named = values.json ? 'json' : values.raw ? 'raw' : values['output-format'] ?? 'lines'
    const format = choice('output-format', named, ['lines', 'raw', 'json'])
    if ((values.topic === undefined) === (values.include === undefined)) throw new UsageError('give --topic or --include')
    if (values.offset !== undefined && values.partition === undefined) throw new UsageError('--offset needs --partition')
    if (values.partition !== undefined && (values.topic === undefined || values.group !== undefined)) {
      throw new UsageError('--partition needs --topic, and no --group')
    }
    if (values['isolation-level'] !== undefined) choice('isolation-level', values['isolation-level'], ['read_uncommitted', 'read_committed'])
    if (values.offset !== undefined && values['from-beginning']) throw new UsageError('--offset and --from-beginning exclude each other')
    const printer = await printerOf(terminal, values, format)
    const job = new ConsumeJob(terminal, printer, values, (await clientConfig(values)).consumer)
    await (values.group === undefined ? job.read() : withKafka(terminal, values, 'change', (kafka) => job.readAsGroup(kafka)))
    await terminal.flush()
    const fromEnd = !values['from-beginning'] && values.offset === undefined && values.group === undefined && !values.follow
    const advice = job.printed === 0 && fromEnd ? '. Reading began at the end: --from-beginning prints what is there already, --follow waits for more' : ''
    if (terminal.isInteractive || job.printed === 0) terminal.note(terminal.style('dim', `Processed a total of ${job.printed} messages${advice}`))
    return 0
  },
})

interface PrintValues {
  readonly print: readonly string[]; readonly property: readonly string[]; readonly 'formatter-property': readonly string[]; readonly encoding: string | undefined
  readonly 'key-deserializer': string | undefined; readonly 'value-deserializer': string | undefined
  readonly formatter: string | undefined; readonly 'formatter-config': string | undefined
  readonly json: boolean; readonly raw: boolean; readonly 'output-format': string | undefined
}

async function printerOf(terminal: Terminal, values: PrintValues, format: OutputFormat): Promise<Printer> {
  const parts = values.print.flatMap((list) => list.split(',')).map((part) => choice('print', part, printedParts))
  const filed = await filedProperties('formatter-config', values['formatter-config'])
  checkNames('formatter-config', filed, printProperties, 'settings of the consumer go to --command-config')
  const properties = { ...filed, ...pairs('property', [...parts.map((part) => `print.${part}=true`), ...values.property, ...values['formatter-property']]) }
  if (values['key-deserializer'] !== undefined) properties['key.deserializer'] = values['key-deserializer']
  if (values['value-deserializer'] !== undefined) properties['value.deserializer'] = values['value-deserializer']
  checkNames('property', properties, printProperties, 'settings of the consumer go to --consumer-property')
  const encoding = encodingOf(values.encoding)
  if (values.formatter === undefined) return printerFor(terminal, format, encoding, properties)
  if (values.json || values.raw || values['output-format'] !== undefined) throw new UsageError('--formatter and --output-format (--json, --raw) exclude each other')
  return formattedPrinter(terminal, formatterOf(values.formatter), encoding, properties)
}
