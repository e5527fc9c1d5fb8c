/** The texts of `ottla --help` and `ottla <command> --help`. */
import type { Command, OptionSpec, OptionTable } from './command.ts'

const WIDTH = 100
const COLUMN = 34

/** The same for every command; also in docs/cli.md. */
export const exitCodes: readonly (readonly [number, string])[] = [
  [0, 'done; also when the reader of a pipe has gone away'],
  [1, 'failed, or findings (verify), or a file could not be read to its end (dump-log)'],
  [2, 'the command line makes no sense'],
  [130, 'interrupted (Ctrl-C)'],
  [143, 'terminated (SIGTERM)'],
]

/** What Kafka calls the tool of a command. */
const kafkaTools: Readonly<Record<string, string>> = {
  'kafka-topics': 'topics', 'kafka-configs': 'configs', 'kafka-console-producer': 'produce', 'kafka-console-consumer': 'consume', 'kafka-consumer-groups': 'groups',
  'kafka-groups': 'groups', 'kafka-get-offsets': 'get-offsets', 'kafka-delete-records': 'delete-records', 'kafka-log-dirs': 'log-dirs', 'kafka-dump-log': 'dump-log',
  'kafka-producer-perf-test': 'perf produce', 'kafka-consumer-perf-test': 'perf consume', 'kafka-server-start': 'serve', 'kafka-acls': 'acls',
}

/** The command that does what the tool of Kafka of that name does ("kafka-topics.sh", "console-producer"); undefined where there is none. */
export function commandOfTool(name: string): string | undefined {
  const bare = name.replace(/\.(sh|bat)$/, '')
  return [bare, `kafka-${bare}`].map((tool) => Object.hasOwn(kafkaTools, tool) ? kafkaTools[tool] : undefined).find((command) => command !== undefined)
}

export function overview(commands: readonly Command[], version: string): string {
  const width = Math.max(...commands.map((c) => c.name.length)) + 2
  return [
    `ottla ${version}: topics, records and groups of a data directory, in Apache Kafka's own format.`,
    '',
    'Usage: ottla <command> [options]',
    '',
    ...commands.map((c) => `  ${c.name.padEnd(width)}${c.summary}`),
    '',
    'ottla <command> --help explains one. Flags are those of Kafka\'s own tools where Kafka has the tool;',
    '--data DIR (or the environment variable OTTLA_DATA) names a directory; --bootstrap-server HOST:PORT a cluster, as in Kafka\'s.',
    '',
    ...exitLines(),
  ].join('\n')
}

export function commandHelp(command: Command): string {
  return [
    `ottla ${command.name}: ${command.summary}`,
    '',
    ...command.usage.map((line, i) => `${i === 0 ? 'Usage:' : '      '} ottla ${command.name} ${line}`),
    '',
    ...optionLines(command.options),
    '',
    ...('bootstrap-server' in command.options ? ['With --bootstrap-server HOST:PORT in place of --data DIR the same is done on a cluster.', ''] : []),
    ...(command.notes === undefined ? [] : [...command.notes, '']),
    'Examples:',
    ...command.examples.map((line) => `  ${line}`),
    '',
    ...exitLines(command.exits),
  ].join('\n')
}

/** What stands before the generated part of docs/cli.md. */
export const DOCS_MARKER = '<!-- From here on written by scripts/generate-cli-docs.mjs -->'

/** The generated part of docs/cli.md: the help of every command, word for word. */
export function docsOf(commands: readonly Command[]): string {
  return [DOCS_MARKER, '', ...commands.flatMap((command) => [`## ottla ${command.name}`, '', '```text', commandHelp(command), '```', ''])].join('\n')
}

function exitLines(more: readonly string[] = []): string[] {
  return ['Exit codes:', ...exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`), ...more.map((line) => `       ${line}`)]
}

function optionLines(options: OptionTable): string[] {
  const entries = Object.entries(options).filter(([, spec]) => spec.refused !== true).toSorted(([a], [b]) => a.localeCompare(b))
  return ['Options:', ...entries.flatMap(([name, spec]) => optionText(name, spec)), ...optionText('help', { type: 'flag', help: 'print this help' })]
}

function optionText(name: string, spec: OptionSpec): string[] {
  const head = `  --${name}${spec.type === 'flag' ? '' : ` ${valueText(spec)}`}`
  const lines = wrap(spec.help + (spec.many === true ? ' (may be repeated)' : ''), WIDTH - COLUMN)
  if (head.length >= COLUMN) return [head, ...lines.map((line) => ' '.repeat(COLUMN) + line)]
  return lines.map((line, i) => (i === 0 ? head : '').padEnd(COLUMN) + line)
}

function valueText(spec: OptionSpec): string {
  const value = spec.value ?? (spec.type === 'number' ? 'N' : 'TEXT')
  return spec.optionalValue === true ? `[${value}]` : spec.greedy === true ? `${value}…` : value
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
