/** `ottla dump-log`: kafka-dump-log on files, line for line, or JSON. Needs no data directory and takes no lock. */
import { dumpLog, type BytesDecoderName, type DumpLogOptions, type RecordDecoderName } from '../../tools.ts'
import { required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, refused, UsageError, type Command } from '../command.ts'

const FAILED = 1

const decoderClasses: Readonly<Record<string, BytesDecoderName>> = {
  'org.apache.kafka.tools.api.StringDecoder': 'string', 'org.apache.kafka.tools.api.LongDecoder': 'long',
  'org.apache.kafka.tools.api.IntegerDecoder': 'integer', 'org.apache.kafka.tools.api.DefaultDecoder': 'default',
  string: 'string', long: 'long', integer: 'integer', base64: 'default',
}

function decoderOf(option: string, name: string | undefined): BytesDecoderName | undefined {
  if (name === undefined) return undefined
  const decoder = decoderClasses[name === '' ? 'string' : name]
  if (decoder !== undefined) return decoder
  throw new UsageError(`--${option}: there is no decoder ${JSON.stringify(name)}; there are ${Object.keys(decoderClasses).join(', ')}`)
}

export const dumpLogCommand: Command = defineCommand({
  name: 'dump-log',
  summary: 'print what stands in log, index and snapshot files, as kafka-dump-log does',
  usage: ['--files FILE,… [options]'],
  options: {
    files: { type: 'text', value: 'FILE,…', help: 'required: .log, .index, .timeindex, .txnindex, .snapshot and .checkpoint files' },
    'print-data-log': { type: 'flag', help: 'print keys and values; any decoder implies it' },
    'deep-iteration': { type: 'flag', help: 'print every record, not only batches; implied by --print-data-log' },
    'index-sanity-check': { type: 'flag', help: 'only check indexes as a broker does when it starts' },
    'verify-index-only': { type: 'flag', help: 'compare indexes with their log without printing them' },
    'offsets-decoder': { type: 'flag', help: 'decode records of __consumer_offsets' },
    'transaction-log-decoder': { type: 'flag', help: 'decode records of __transaction_state' },
    'cluster-metadata-decoder': { type: 'flag', help: 'decode records of __cluster_metadata' },
    'remote-log-metadata-decoder': refused('is for topics of tiered storage, which is not there here: --value-decoder-class base64 gives their bytes'),
    'share-group-state-decoder': { type: 'flag', help: 'decode records of __share_group_state' },
    'key-decoder-class': {
      type: 'text', value: 'NAME', optionalValue: true, help: 'string (default), long, integer or base64, or the name of Kafka\'s decoder class',
    },
    'value-decoder-class': { type: 'text', value: 'NAME', optionalValue: true, help: 'the same for values' },
    'skip-record-metadata': { type: 'flag', help: 'print keys and values alone' },
    'max-message-size': { type: 'number', least: 1, value: 'BYTES', help: 'longest batch an index entry may point at (5242880)' },
    'max-bytes': { type: 'number', least: 0, value: 'BYTES', help: 'read only so much of each log' },
    ...jsonLinesOption,
  },
  notes: [
    'Output is that of Kafka 4.1\'s tool, complaints on standard error included. Where Kafka\'s dies of a damaged',
    'file with a stack trace, this one prints "FAILED: …" and ends with exit code 1.',
  ],
  examples: [
    'ottla dump-log --files data/orders-0/00000000000000000000.log --print-data-log',
    'ottla dump-log --files data/__consumer_offsets-0/00000000000000000000.log --offsets-decoder',
    'ottla dump-log --index-sanity-check --files data/orders-0/00000000000000000000.index',
  ],
  async run(terminal, values) {
    const decoders: [boolean, RecordDecoderName][] = [
      [values['offsets-decoder'], 'offsets'], [values['transaction-log-decoder'], 'transaction-log'],
      [values['cluster-metadata-decoder'], 'cluster-metadata'], [values['share-group-state-decoder'], 'share-group-state'],
    ]
    const decoder = decoders.find(([given]) => given)?.[1]
    const keyDecoder = decoderOf('key-decoder-class', values['key-decoder-class'])
    const valueDecoder = decoderOf('value-decoder-class', values['value-decoder-class'])
    const options: DumpLogOptions = {
      files: required(values.files, 'files').split(','),
      printDataLog: values['print-data-log'], deepIteration: values['deep-iteration'], indexSanityCheck: values['index-sanity-check'],
      verifyIndexOnly: values['verify-index-only'], skipRecordMetadata: values['skip-record-metadata'], workingDirectory: process.cwd(),
      ...(decoder === undefined ? {} : { decoder }),
      ...(keyDecoder === undefined ? {} : { keyDecoder }),
      ...(valueDecoder === undefined ? {} : { valueDecoder }),
      ...(values['max-message-size'] === undefined ? {} : { maxMessageSize: values['max-message-size'] }),
      ...(values['max-bytes'] === undefined ? {} : { maxBytes: values['max-bytes'] }),
    }
    const lines = dumpLog(options, values.json ? 'json' : 'text')
    for (;;) {
      const next = await lines.next()
      if (next.done === true) return next.value.failed ? FAILED : 0
      if (terminal.signal.aborted) return 0
      if (next.value.stream === 'out') await terminal.line(next.value.text)
      else {
        // Both streams often end up in one file: keep the order that Kafka's tool has there.
        await terminal.flush()
        terminal.note(next.value.text)
      }
    }
  },
})
