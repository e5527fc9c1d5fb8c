/**
 * From words to values: `node:util` parseArgs does the splitting, this file adds what Kafka's tools allow (a value may begin with a dash, as in
 * `--time -1`; options with optional values; lists of words) and says what was probably meant.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { nearest } from '../tools.ts'
import { UsageError, type AnyValues, type OptionSpec, type OptionTable } from './command.ts'
import { wholeFile } from './whole-file.ts'

/** In every command's table without being written there. */
const common: OptionTable = { help: { type: 'flag', help: 'print this help' } }

/** Names under which Kafka's tools, of all times, take a cluster. */
const clusterOptions = new Set(['bootstrap-server', 'bootstrap-servers', 'broker-list', 'zookeeper', 'bootstrap-controller'])

export function parseArguments(words: readonly string[], table: OptionTable, operand?: string): { readonly values: AnyValues; readonly help: boolean } {
  const all: OptionTable = { ...common, ...table }
  const config: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, spec] of Object.entries(all)) config[name] = { type: spec.type === 'flag' ? 'boolean' : 'string', multiple: isList(spec) }
  const { values } = parseArgs({ args: joined(words, all, operand), options: config, strict: true, allowPositionals: false })
  const result: Record<string, AnyValues[string]> = {}
  for (const [name, spec] of Object.entries(table)) result[name] = convert(name, spec, values[name])
  const help = values['help'] === true
  if (!help) checkCompany(result, table)
  return { values: result, help }
}

/** Refuses options of another action than the one that is asked for: passed over, they would let somebody believe that they held. */
function checkCompany(values: AnyValues, table: OptionTable): void {
  const isGiven = (name: string): boolean => Array.isArray(values[name]) ? values[name].length > 0 : values[name] !== undefined && values[name] !== false
  const entries = Object.entries(table)
  const action = [...new Set(entries.flatMap(([, { only = [] }]) => only))].find(isGiven)
  for (const [name, { only }] of entries) {
    if (only === undefined || !isGiven(name) || only.some(isGiven)) continue
    throw new UsageError(`--${name} goes with ${anyOf(only.map((each) => `--${each}`))}${action === undefined ? '' : `, not with --${action}`}`)
  }
}

function anyOf(words: readonly string[]): string { return words.length < 3 ? words.join(' or ') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` }

/** Each option and its value as one word, so that nothing is left to guess. Refuses what is not in the table. */
function joined(words: readonly string[], table: OptionTable, operand: string | undefined): string[] {
  const result: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '-h') {
      result.push('--help')
      continue
    }
    if (operand !== undefined && !word.startsWith('-')) {
      result.push(`--${operand}=${word}`)
      continue
    }
    if (!word.startsWith('--') || word === '--') throw new UsageError(strayWord(word, table))
    const equals = word.indexOf('=')
    const name = word.slice(2, equals === -1 ? undefined : equals)
    const spec = Object.hasOwn(table, name) ? table[name]! : unknown(name, table)
    if (spec.refused === true) throw new UsageError(`--${name} ${spec.help}`)
    if (spec.type === 'flag') {
      if (equals !== -1) throw new UsageError(`--${name} takes no value`)
      result.push(word)
    } else if (equals !== -1 && spec.greedy !== true) result.push(word)
    else i = takeValues(words, i, name, spec, equals === -1 ? null : word.slice(equals + 1), result)
  }
  return result
}

/** Pushes the value or values of the option at `i`; returns the index of the last word taken. */
function takeValues(words: readonly string[], i: number, name: string, spec: OptionSpec, first: string | null, result: string[]): number {
  let at = i
  if (spec.greedy === true) {
    if (first !== null) result.push(`--${name}=${first}`)
    while (at + 1 < words.length && !words[at + 1]!.startsWith('--')) result.push(`--${name}=${words[++at]!}`)
    if (at === i && first === null) throw new UsageError(`--${name} needs a value`)
    return at
  }
  const next = words[at + 1]
  if (spec.optionalValue === true) {
    const taken = next !== undefined && !next.startsWith('--')
    result.push(`--${name}=${taken ? next : ''}`)
    return taken ? at + 1 : at
  }
  if (next === undefined) throw new UsageError(`--${name} needs a value`)
  result.push(`--${name}=${next}`)
  return at + 1
}

function unknown(name: string, table: OptionTable): never {
  if (clusterOptions.has(name)) {
    throw new UsageError('bootstrap-server' in table ? `unknown option --${name}: a cluster is named by --bootstrap-server HOST:PORT`
      : `unknown option --${name}: this command works on files${'data' in table ? '; use --data DIR' : ''}`)
  }
  const dashed = name.replaceAll(/([a-z])([A-Z])/g, '$1-$2').replaceAll('_', '-').toLowerCase()
  const guess = Object.hasOwn(table, dashed) ? dashed : nearest(name, Object.keys(table).filter((each) => table[each]!.refused !== true))
  throw new UsageError(`unknown option --${name}${guess === null ? '' : `; did you mean --${guess}?`}`)
}

function strayWord(word: string, table: OptionTable): string {
  const bare = word.replace(/^-+/, '')
  if (word.startsWith('-') && Object.hasOwn(table, bare)) return `unknown option ${word}; write --${bare}`
  return `unexpected argument ${JSON.stringify(word)}; options begin with --`
}

function convert(name: string, spec: OptionSpec, value: unknown): AnyValues[string] {
  if (spec.type === 'flag') return value === true
  const texts = value === undefined ? [] : Array.isArray(value) ? value as string[] : [value as string]
  const list = spec.type === 'number' ? texts.map((text) => toNumber(name, text, spec.least ?? -Infinity)) : texts
  return isList(spec) ? list : list.at(-1)
}

const isList = (spec: OptionSpec): boolean => spec.many === true || spec.greedy === true

function toNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value)) throw new UsageError(`--${name} needs a whole number, not ${JSON.stringify(text)}`)
  if (value < least) throw new UsageError(`--${name} is at least ${least}, not ${value}`)
  return value
}

/** `name=value` words as an object; the value may hold "=". */
export function pairs(option: string, words: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {}
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals < 1) throw new UsageError(`--${option} needs name=value, not ${JSON.stringify(word)}`)
    result[word.slice(0, equals).trim()] = word.slice(equals + 1)
  }
  return result
}

/** The text of a file that an option names. Raises UsageError. */
export function fileText(option: string, file: string): string { return fileBytes(option, file).toString() }

/** The same, as bytes. */
export function fileBytes(option: string, file: string): Buffer {
  try {
    return wholeFile(file)
  } catch (error) {
    throw new UsageError(`--${option} ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Refuses names that an option does not know; `elsewhere` says where others go. */
export function checkNames(option: string, given: Readonly<Record<string, string>>, known: readonly string[], elsewhere: string): void {
  const stray = Object.keys(given).find((name) => !known.includes(name))
  if (stray === undefined) return
  const guess = nearest(stray, known)
  throw new UsageError(`--${option}: unknown name ${stray}${guess === null ? `; there are ${known.join(', ')}` : `; did you mean ${guess}?`}; ${elsewhere}`)
}

/** The value of an option that knows only some words. */
export function choice<const W extends string>(option: string, value: string, words: readonly W[]): W {
  const found = words.find((word) => word === value)
  if (found !== undefined) return found
  throw new UsageError(`--${option} is ${anyOf(words)}, not ${JSON.stringify(value)}`)
}

/** The value of an option that must be there. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new UsageError(`--${name} is required`)
  return value
}

/** Which of several flags that exclude each other was given. */
export function oneOf<const N extends string>(values: Readonly<Record<N, unknown>>, names: readonly N[]): N {
  const given = names.filter((name) => values[name] !== false && values[name] !== undefined)
  if (given.length === 1) return given[0]!
  const list = names.map((name) => `--${name}`).join(', ')
  throw new UsageError(given.length === 0 ? `give one of ${list}` : `${given.map((name) => `--${name}`).join(' and ')} exclude each other`)
}
