/**
 * The tree's own rules: layers, sizes, banned calls, dead files, leftovers. A rule that cannot fail is no rule: each has a planted
 * offender below that it must catch.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { brokerTable } from '../src/config/broker-settings.ts'
import { clientTable } from '../src/config/client-settings.ts'
import { adminTable, consumerTable } from '../src/config/consumer-settings.ts'
import { producerTable } from '../src/config/producer-settings.ts'
import type { SettingTable } from '../src/config/setting.ts'
import { topicTable } from '../src/config/topic-settings.ts'

interface Source { readonly path: string; readonly text: string }

const root = resolve(import.meta.dirname, '..')

function walk(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && e.name.endsWith('.ts'))
    .map((e) => relative(root, join(e.parentPath, e.name)).split(sep).join('/'))
    .sort()
}

const load = (path: string): Source => ({ path, text: readFileSync(join(root, path), 'utf8') })
const sources = walk(join(root, 'src')).map(load)
const tests = walk(join(root, 'test')).map(load)
const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.includes('/testing/contracts/')

/** Folder → folders it may import besides itself. Absent from a list = refused. The composition root (files in src/) may import anything. */
const layers: Readonly<Record<string, readonly string[]>> = {
  common: [],
  config: ['common'],
  io: ['common'],
  record: ['common'],
  protocol: ['common', 'record'],
  log: ['common', 'config', 'io', 'record'],
  metadata: ['common', 'config'],
  coordinator: ['common', 'config', 'record', 'protocol', 'log'],
  broker: ['common', 'config', 'io', 'record', 'protocol', 'log', 'metadata', 'coordinator'],
  client: ['common', 'config', 'record', 'protocol'],
  server: ['common', 'config', 'protocol'],
  inspect: ['common', 'config', 'io', 'record', 'protocol', 'log', 'coordinator'],
  testing: ['common', 'config', 'io', 'record', 'protocol', 'log', 'metadata'],
  cli: ['common'],
}
/** What `cli/` may take from the composition root. */
const cliEntries = new Set(['src/index.ts', 'src/tools.ts'])
/** `startBroker` is a part of `ottla/testing` and a composition at once: one file tells what it is, and names what puts it together. */
const testBroker = 'src/testing/test-broker.ts'
const testBrokerParts = new Set(['src/start-broker.ts', 'src/ottla.ts', 'src/server/wire-listener.ts'])

function importsOf(source: Source): string[] {
  return [...source.text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((m) => join(dirname(source.path), m[1]!).split(sep).join('/'))
}

function layerOf(path: string): string { return /^src\/([^/]+)\//.exec(path)?.[1] ?? 'root' }

function layerOffences(source: Source): string[] {
  const layer = layerOf(source.path)
  if (layer === 'root') return []
  const allowed = layers[layer]
  if (allowed === undefined) return [`${source.path}: folder src/${layer} is not in the layer table`]
  const offences: string[] = []
  for (const target of importsOf(source)) {
    const to = layerOf(target)
    if (to === layer || allowed.includes(to) || (layer === 'cli' && cliEntries.has(target)) || (source.path === testBroker && testBrokerParts.has(target))) continue
    if (isTest(source.path) && (to === 'testing' || target.startsWith('test/support/'))) continue
    offences.push(`${source.path} imports ${target}`)
  }
  return offences
}

const banned: readonly { readonly pattern: RegExp; readonly instead: string; readonly allowed: (path: string) => boolean }[] = [
  {
    pattern: /from 'node:fs(\/promises)?'|require\('(node:)?fs'\)/, instead: 'the FileSystem port',
    allowed: (p) => p.startsWith('src/io/') || isTest(p) || p.startsWith('src/cli/'),
  },
  { pattern: /from 'node:net'/, instead: 'io/directory-lock, server/ or client/wire/', allowed: (p) => p.startsWith('src/io/') || p.startsWith('src/server/') || p.startsWith('src/client/wire/') },
  { pattern: /\bDate\.now\(|\bperformance\.now\(|new Date\(\)/, instead: 'the Clock port', allowed: (p) => p === 'src/common/clock.ts' || p.startsWith('src/cli/') },
  {
    pattern: /\bMath\.random\(|from 'node:crypto'/, instead: 'the Random port',
    allowed: (p) => p === 'src/common/random.ts' || p === 'src/common/digest.ts' || p === 'src/common/scram.ts' || p.startsWith('src/io/') || p.startsWith('src/testing/') || isTest(p),
  },
  { pattern: /\b(setTimeout|setInterval|setImmediate)\(/, instead: 'the Scheduler port', allowed: (p) => p === 'src/common/scheduler.ts' || p.startsWith('src/cli/') || p.startsWith('src/io/') },
  { pattern: /\bBigInt\(|\b\d+n\b|getBigInt64|BigUint64/, instead: 'numbers with the guard of common/int64.ts', allowed: isTest },
  { pattern: /: any\b|\bas any\b|<any>/, instead: 'a type', allowed: () => false },
  { pattern: /\bexport default\b|\bexport \* from\b/, instead: 'named, hand-written exports', allowed: () => false },
  { pattern: /^\s*(export )?(const )?enum /m, instead: 'a union of literals', allowed: () => false },
  { pattern: /@ts-ignore|@ts-nocheck|@ts-expect-error/, instead: 'a correct type', allowed: (p) => p.endsWith('.types.test.ts') },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: 'doing it, or an issue', allowed: () => false },
]

/** Blank out comments and string literals' insides would hide real offences in templates; only whole-line comments are dropped. */
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '').replace(/\s\/\/ .*$/gm, '')

function bannedOffences(source: Source): string[] {
  const text = code(source.text)
  return banned.filter((b) => b.pattern.test(text) && !b.allowed(source.path)).map((b) => `${source.path}: ${b.pattern.source} — use ${b.instead}`)
}

function sizeOffences(source: Source): string[] {
  const lines = source.text.split('\n')
  const offences = lines.length > 601 ? [`${source.path} has ${lines.length - 1} lines, more than 600`] : []
  lines.forEach((line, i) => { if (line.length > 200) offences.push(`${source.path}:${i + 1} is ${line.length} characters wide`) })
  return offences
}

/** Settings that nobody names, and that do not say that they have no effect. What stands in for a topic setting is asked for by that; of a single word there is no choice. */
function idleSettings(table: SettingTable, texts: readonly string[], forms: (name: string) => string[]): string[] {
  const standIns = new Set(Object.values(topicTable).flatMap(({ synonyms = [] }) => synonyms.map(({ name }) => name)))
  return Object.entries(table).filter(([name, { inert, values }]) => (
    inert === undefined && values?.length !== 1 && !standIns.has(name) && !texts.some((text) => forms(name).some((form) => text.includes(form))))).map(([name]) => name)
}

/** A string of its own, or a property. */
const asCode = (name: string): string[] => [`'${name}'`, `.${name}`]

function reachable(): Set<string> {
  const byPath = new Map(sources.map((s) => [s.path, s]))
  const seen = new Set<string>()
  const queue = ['src/index.ts', 'src/tools.ts', 'src/cli/main.ts', 'src/testing/index.ts']
  for (const path of queue) {
    const source = byPath.get(path)
    if (source === undefined || seen.has(path)) continue
    seen.add(path)
    queue.push(...importsOf(source))
  }
  return seen
}

describe('the tree', () => {
  test('no layer imports a higher one', () => { expect(sources.flatMap(layerOffences)).toEqual([]) })
  test('nothing uses a banned call', () => { expect(sources.flatMap(bannedOffences)).toEqual([]) })
  test('no file is over 600 lines or absurdly wide', () => { expect([...sources, ...tests].flatMap(sizeOffences)).toEqual([]) })
  test('every setting has an effect, which a test knows, or says that it has none', () => {
    const tables = [topicTable, brokerTable, clientTable, producerTable, consumerTable, adminTable]
    const code = sources.filter(({ path }) => !isTest(path) && layerOf(path) !== 'config')
    const checks = [...sources.filter(({ path }) => isTest(path)), ...tests]
    expect(tables.flatMap((table) => idleSettings(table, code.map(({ text }) => text), asCode))).toEqual([])
    expect(tables.flatMap((table) => idleSettings(table, checks.map(({ text }) => text), (name) => [name]))).toEqual([])
  })
  test('parts that are loaded later have names of their own', () => {
    const offences = (files: readonly Source[]): string[] => {
      const modules = new Map<string, string>()
      return files.flatMap(({ path, text }) => [...text.matchAll(/loadPart\('([^']+)', \(\) => import\('([^']+)'\)/g)].flatMap(([, name, specifier]) => {
        const module = join(dirname(path), specifier!)
        if (!modules.has(name!)) modules.set(name!, module)
        return modules.get(name!) === module ? [] : [`${path}: ${name} is ${modules.get(name!)}`]
      }))
    }
    expect(offences([...sources, ...tests])).toEqual([])
    const planted = (specifier: string): string => `loadPart('the part', () => import('${specifier}'))`
    expect(offences([{ path: 'src/a/b.ts', text: planted('./c.ts') }, { path: 'src/d.ts', text: planted('./a/c.ts') }, { path: 'src/e.ts', text: planted('./c.ts') }])).toHaveLength(1)
  })
  test('no source file is dead', () => {
    const seen = reachable()
    expect(sources.filter((s) => !isTest(s.path) && !seen.has(s.path)).map((s) => s.path)).toEqual([])
  })
  test('no test is skipped, focused or left for later', () => {
    const offenders = [...sources, ...tests].filter((s) => s.path.endsWith('.test.ts') && s.path !== 'test/tidy.test.ts' && /\b(it|test|describe)\.(skip|only|todo)\b/.test(s.text))
    expect(offenders.map((s) => s.path)).toEqual([])
  })
  test('no tracked text names a machine', () => {
    const offenders = [...sources, ...tests].filter((s) => s.path !== 'test/tidy.test.ts' && /(^|[^\w.])\/(work|root|farm)\//.test(s.text))
    expect(offenders.map((s) => s.path)).toEqual([])
  })
})

describe('the rules catch', () => {
  test.each([
    ['a log file that imports the broker', { path: 'src/log/x.ts', text: "import { a } from '../broker/y.ts'" }, layerOffences],
    ['a client that imports the log', { path: 'src/client/x.ts', text: "import type { a } from '../log/y.ts'" }, layerOffences],
    ['a folder that is not in the table', { path: 'src/misc/x.ts', text: '' }, layerOffences],
    ['a command that reaches past the entries', { path: 'src/cli/x.ts', text: "const a = await import('../open.ts')" }, layerOffences],
    ['a simulator that imports the composition root', { path: 'src/testing/x.ts', text: "import { a } from '../start-broker.ts'" }, layerOffences],
    ['node:fs outside io', { path: 'src/log/x.ts', text: "import { openSync } from 'node:fs'" }, bannedOffences],
    ['the wall clock', { path: 'src/log/x.ts', text: 'const t = Date.now()' }, bannedOffences],
    ['a raw timer', { path: 'src/client/x.ts', text: 'setTimeout(f, 5)' }, bannedOffences],
    ['chance', { path: 'src/client/x.ts', text: 'const r = Math.random()' }, bannedOffences],
    ['BigInt', { path: 'src/record/x.ts', text: 'const a = 5n' }, bannedOffences],
    ['any', { path: 'src/record/x.ts', text: 'const a: any = 5' }, bannedOffences],
    ['export *', { path: 'src/index.ts', text: "export * from './a.ts'" }, bannedOffences],
    ['a file of 700 lines', { path: 'src/log/x.ts', text: 'a\n'.repeat(700) }, sizeOffences],
    ['a setting that nobody asks for', { path: 'src/log/x.ts', text: 'a' }, ({ text }) => idleSettings({ 'a.b': { type: 'int', default: 1, doc: '' } }, [text], asCode)],
  ] as [string, Source, (s: Source) => string[]][])('%s', (_, source, rule) => { expect(rule(source)).not.toEqual([]) })
})
