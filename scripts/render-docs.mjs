/**
 * Text generated from the settings tables and the error table. Pure: `scripts/generate-docs.mjs` writes it, a test compares it with what
 * is in the tree.
 */
const generated = 'Generated from the tables by scripts/generate-docs.mjs: do not edit.'

const scopes = [
  ['Topic', 'topic'], ['Broker', 'broker'], ['Client', 'client'], ['Producer', 'producer'], ['Consumer', 'consumer'], ['Admin', 'admin'],
]

/**
 * `tables`: { topic, broker, client, producer, consumer, admin }; `tools`: { expected, formatSetting } of src/config/setting-value.ts; `protocol`: { apiList,
 * servedList } of src/protocol/api-registry.ts and src/server/served-apis.ts.
 */
export function renderAll(tables, tools, errorTable, protocol) {
  return {
    'src/config/settings.ts': renderInputTypes(tables),
    'src/config/values.ts': renderValueTypes(tables),
    'docs/configuration.md': renderConfiguration(tables, tools),
    'docs/errors.md': renderErrors(errorTable),
    'docs/protocol.md': renderProtocol(protocol),
  }
}

function key(name) { return /^[a-z]+$/.test(name) ? name : `'${name}'` }
/** A pattern alone is any text. */
function union(words, pattern) {
  if (words.length === 0) return 'string'
  return [...words.map((word) => `'${word}'`), ...(pattern === undefined ? [] : [`\`${pattern.type}\``])].join(' | ')
}

function inputType(setting) {
  switch (setting.type) {
    case 'boolean': return "boolean | 'true' | 'false'"
    case 'int': case 'long': case 'double': return 'number | `${number}`'
    case 'acks': return "'all' | -1 | 0 | 1 | '-1' | '0' | '1'"
    case 'string': return setting.values === undefined ? 'string' : union(setting.values, setting.pattern)
    default: {
      if (setting.values === undefined) return 'readonly string[] | string'
      const words = union(setting.values)
      return `readonly (${words})[] | ${words} | \`\${string},\${string}\``
    }
  }
}

function valueType(setting) {
  const orNull = setting.default === null ? ' | null' : ''
  switch (setting.type) {
    case 'boolean': return `boolean${orNull}`
    case 'int': case 'long': case 'double': return `number${orNull}`
    case 'acks': return '-1 | 0 | 1'
    case 'string': return (setting.values === undefined ? 'string' : union(setting.values, setting.pattern)) + orNull
    default: return (setting.values === undefined ? 'readonly string[]' : `readonly (${union(setting.values)})[]`) + orNull
  }
}

function typeBlock(line, limit, indent) {
  if (line.length <= limit) return line
  const at = line.lastIndexOf(' | ', limit)
  return `${line.slice(0, at)}\n${indent}${typeBlock(line.slice(at + 1), limit - indent.length, indent)}`
}

function defaultText(setting) {
  if (setting.default === null) return 'not set'
  if (Array.isArray(setting.default)) return setting.default.length === 0 ? 'empty' : setting.default.join(',')
  if (setting.default === Number.MAX_SAFE_INTEGER) return 'never'
  return setting.default === '' ? 'empty' : String(setting.default)
}

function comment(text, tail) {
  const line = `  /** ${text} ${tail} */`
  if (line.length <= 150) return line
  const words = `${text} ${tail}`.split(' ')
  const lines = ['']
  for (const word of words) {
    if (lines[lines.length - 1].length + word.length > 130) lines.push('')
    lines[lines.length - 1] += (lines[lines.length - 1] === '' ? '' : ' ') + word
  }
  return ['  /**', ...lines.map((each) => `   * ${each}`), '   */'].join('\n')
}

function renderInputTypes(tables) {
  const parts = scopes.map(([title, scope]) => {
    const rows = Object.entries(tables[scope]).map(([name, setting]) => [
      comment(setting.doc, `Default: ${defaultText(setting)}.`),
      typeBlock(`  ${key(name)}?: ${inputType(setting)}`, 150, '    '),
    ].join('\n'))
    return `export interface ${title}Settings {\n${rows.join('\n')}\n}\n`
  })
  return `/** Settings as users type them: Kafka's dotted names, all optional. ${generated} */\n`
    + "export type { AdminValues, BrokerValues, ClientValues, ConsumerValues, ProducerValues, TopicValues } from './values.ts'\n\n" + parts.join('\n')
}

function renderValueTypes(tables) {
  const parts = scopes.map(([title, scope]) => {
    const rows = Object.entries(tables[scope]).map(([name, setting]) => typeBlock(`  readonly ${key(name)}: ${valueType(setting)}`, 150, '    '))
    return `export interface ${title}Values {\n${rows.join('\n')}\n}\n`
  })
  return `/** Settings after resolution: complete, checked and typed. "Never" is \`FOREVER\`. ${generated} */\n${parts.join('\n')}`
}

const introductions = {
  topic: 'Given in `createTopic(name, { config })`, changed by `admin.alterConfigs({ topic }, …)` while the database runs. Without an override the broker setting of the last column holds, then the default.',
  broker: 'Given to `open(directory, settings)`. Those marked *fixed* are read once, when the database opens; the others can also be changed by `admin.alterConfigs({ broker }, …)`.',
  client: 'Given to `connect(bootstrap, settings)`: how to reach a cluster. They hold for every client of the connection. TLS options of Node are given in the same object as `ssl` (`true`, or an object for `tls.connect`).',
  producer: 'Given to `producer(settings)`. Serializers (`key.serializer`, `value.serializer`) and `partitioner` are given in the same object.',
  consumer: 'Given to `consumer(settings)`. Deserializers (`key.deserializer`, `value.deserializer`) are given in the same object.',
  admin: 'Used by the admin client.',
}

function cell(text) { return text.replaceAll('|', '\\|') }

function renderConfiguration(tables, tools) {
  const sections = scopes.map(([title, scope]) => {
    const last = scope === 'topic' ? 'broker setting' : scope === 'broker' ? '' : null
    const head = ['setting', 'default', 'valid', ...(last ? [last] : []), 'meaning']
    const rows = Object.entries(tables[scope]).map(([name, setting]) => {
      const value = setting.default === Number.MAX_SAFE_INTEGER ? 'never' : setting.default === null ? '–' : `\`${tools.formatSetting(setting.default) || ' '}\``
      const remote = setting.remoteDefault === undefined ? '' : ` (over the wire \`${tools.formatSetting(setting.remoteDefault)}\`)`
      const notes = [setting.doc, ...(setting.fixed ? ['*Fixed.*'] : []), ...(setting.inert === undefined ? [] : [`*No effect: ${setting.inert}.*`])]
      return [
        `\`${name}\``, (value === '` `' ? 'empty' : value) + remote, tools.expected(setting),
        ...(last ? [(setting.synonyms ?? []).map((each) => `\`${each.name}\``).join(', ') || '–'] : []), notes.join(' '),
      ].map(cell).join(' | ')
    })
    return `## ${title} settings\n\n${introductions[scope]}\n\n| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|\n${rows.map((row) => `| ${row} |`).join('\n')}\n`
  })
  return `# Configuration\n\n<!-- ${generated} -->\n\nNames, types and defaults are Kafka's; where a default differs, the text says so. Numbers and booleans may be given as text. `
    + 'An unknown name or a value out of range is an `INVALID_CONFIG` error that names the nearest valid one. Times are milliseconds and sizes bytes unless the name says otherwise; '
    + '"never" is Kafka\'s 9223372036854775807.\n\n'
    + sections.join('\n')
}

function renderErrors(errorTable) {
  const rows = Object.entries(errorTable).map(([code, row]) => `| \`${code}\` | ${row.errorCode} | ${row.retriable ? 'yes' : 'no'} | ${row.local ? 'Ottla' : 'Kafka'} | ${cell(row.advice)} |`)
  return `# Errors\n\n<!-- ${generated} -->\n\nEvery error that Ottla raises on purpose is an \`OttlaError\`; match on its \`code\`. \`errorCode\` is Kafka's number on the wire `
    + '(codes of Ottla\'s own travel as the nearest one of Kafka\'s). `retriable` says whether the same call may succeed later.\n\n'
    + `| code | errorCode | retriable | origin | what to do |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}

const range = (first, last) => (first === last ? String(first) : `${first}–${last}`)

function renderProtocol({ apiList, servedList }) {
  const servedOf = new Map(servedList.map((served) => [served.api.key, served]))
  const rows = apiList.map((api) => {
    const served = servedOf.get(api.key)
    const advertised = served !== undefined && served.advertisedFirst !== served.first ? ` (advertised from ${served.advertisedFirst})` : ''
    return [
      String(api.key), api.name, served === undefined ? 'no' : range(served.first, served.last) + advertised, range(api.minVersion, api.maxVersion),
      api.flexibleSince === Infinity ? 'none' : String(api.flexibleSince),
    ].join(' | ')
  })
  return `# Wire protocol\n\n<!-- ${generated} -->\n\n`
    + 'The messages of Kafka\'s protocol that Ottla reads and writes, as of Kafka 4.1. "Served" are the versions that a listener of Ottla answers, "known" those that its own '
    + 'clients can use with other brokers. An API that is not served is not offered to clients, which then do without it. The fields of each are in `src/protocol/messages/`, one file an API, in the '
    + 'notation that `src/protocol/schema.ts` explains.\n\n'
    + `| key | API | served | known | flexible from |\n|---|---|---|---|---|\n${rows.map((row) => `| ${row} |`).join('\n')}\n\n`
    + protocolRules
}

const protocolRules = `## How bytes are read

- Every message of every version above is held against bytes of Kafka's own classes, both ways (\`fixtures/vectors\`), and against a fuzzer (\`npm run fuzz\`).
- A frame that does not parse, an API that is not served or a version outside its range closes the connection without an answer, as in Kafka; ApiVersions of a version that is not
  served is answered in version 0 with \`UNSUPPORTED_VERSION\`.
- Unknown tagged fields are stepped over. Bytes after the last field are not looked at: librdkafka sends some.
- A count or length is held against the bytes that are there before anything is allocated. A message may take 16 bytes of memory for each of its own and 1 MiB, and 16 MiB in all (responses, which were asked for, 1 GiB);
  record data and other byte arrays are views and do not count. Text is at most 32,767 bytes, as in Kafka.
- 64-bit integers beyond ±(2^53−1) in requests (\`Long.MAX_VALUE\` for "no limit" or "for ever") count as the nearest inside; an offset so large is not committed but refused. In responses they are refused, but for sizes of disks ([ADR 0001](adr/0001-numbers-for-int64.md)).
- Record data of produce requests and fetch responses is never copied between socket and log by the codecs.

## How they are written

- A field that a version lacks is not written, a field that is left out is written at its default, and a tagged field at its default is left out.
- Null where a version does not allow it, and text beyond 32,767 bytes, is an \`INVALID_REQUEST\` error of the caller.
- Record data of a kilobyte or more is sent from where it is.
`
