/** Parses one value against its row, and writes values as the text Kafka uses for them. Raises INVALID_CONFIG. */
import { OttlaError } from '../common/errors.ts'
import { FOREVER, FOREVER_TEXT, type Setting, type SettingValue } from './setting.ts'
import { nearest } from './suggestion.ts'

const integer = /^[+-]?\d+$/
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** Kafka's class names and its one other spelling, to the words used here. */
const aliases: Readonly<Record<string, string>> = {
  'org.apache.kafka.clients.consumer.RangeAssignor': 'range',
  'org.apache.kafka.clients.consumer.RoundRobinAssignor': 'roundrobin',
  'org.apache.kafka.clients.consumer.StickyAssignor': 'sticky',
  'org.apache.kafka.clients.consumer.CooperativeStickyAssignor': 'cooperative-sticky',
}

/** Checks `value` (typed, or text as in a properties file) and returns it typed. Null is valid where the default is null. */
export function parseSetting(name: string, setting: Setting, value: unknown): SettingValue {
  if (value === null) {
    if (setting.default === null) return null
    throw bad(name, `must be ${expected(setting)}, not null; leave it out for the default (${formatSetting(setting.default)})`)
  }
  switch (setting.type) {
    case 'boolean': return parseBoolean(name, setting, value)
    case 'int': case 'long': case 'double': return parseNumber(name, setting, value)
    case 'acks': return parseWord(name, setting, typeof value === 'number' ? String(value) : value)
    case 'string': return parseWord(name, setting, value)
    case 'list': return parseList(name, setting, value)
  }
}

function parseBoolean(name: string, setting: Setting, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  const text = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (text === 'true') return true
  if (text === 'false') return false
  throw bad(name, `must be ${expected(setting)}, not ${show(value)}`)
}

function parseNumber(name: string, setting: Setting, value: unknown): number {
  let number = Number.NaN
  if (typeof value === 'number') number = value
  else if (typeof value === 'string') {
    const text = value.trim()
    if ((setting.type === 'double' ? decimal : integer).test(text) && !isBeyondLong(text)) number = Number(text)
  }
  if (setting.type === 'long' && number > FOREVER) number = FOREVER
  const whole = setting.type === 'double' ? Number.isFinite(number) : Number.isSafeInteger(number)
  const [low, high] = limits(setting)
  if (!whole || number < low || number > high || number === setting.except) {
    const hint = name === 'segment.bytes' && whole && number >= 14 ? '; internal.segment.bytes takes smaller ones, for tests' : ''
    throw bad(name, `must be ${expected(setting)}, not ${show(value)}${hint}`)
  }
  return number === 0 ? 0 : number
}

/** Whether it is a whole number above Kafka's 2^63−1, as text: the next numbers above have the same value here. */
function isBeyondLong(text: string): boolean {
  const digits = text.replace(/^[+-]?0*/, '')
  return /^\d+$/.test(digits) && (digits.length > FOREVER_TEXT.length || (digits.length === FOREVER_TEXT.length && digits > FOREVER_TEXT))
}

function limits(setting: Setting): [number, number] {
  const high = setting.max ?? (setting.type === 'int' ? 2_147_483_647 : setting.type === 'long' ? FOREVER : Number.MAX_VALUE)
  return [setting.min ?? (setting.type === 'int' ? -2_147_483_648 : -FOREVER), high]
}

function parseWord(name: string, setting: Setting, value: unknown): string {
  if (typeof value !== 'string') throw bad(name, `must be ${expected(setting)}, not ${show(value)}`)
  return checkWord(name, setting, value.trim())
}

function checkWord(name: string, setting: Setting, word: string): string {
  if (setting.values === undefined || setting.pattern?.isValid(word) === true) return word
  const known = aliases[word] ?? (setting.anyCase === true ? setting.values.find((each) => each.toLowerCase() === word.toLowerCase()) : undefined) ?? word
  if (setting.values.includes(known)) return known
  const guess = nearest(word, setting.values)
  throw bad(name, `must be ${expected(setting)}, not ${show(word)}${guess === null ? '' : `; did you mean ${show(guess)}?`}`)
}

function parseList(name: string, setting: Setting, value: unknown): readonly string[] {
  const parts = typeof value === 'string' ? (value.trim() === '' ? [] : value.split(',')) : value
  if (!Array.isArray(parts)) throw bad(name, `must be ${expected(setting)}, not ${show(value)}`)
  const words: string[] = []
  for (const part of parts as readonly unknown[]) {
    const word = parseWord(name, setting, part)
    if (!words.includes(word)) words.push(word)
  }
  if (words.length === 0 && setting.values !== undefined && setting.mayBeEmpty !== true) throw bad(name, `must be ${expected(setting)}, not empty`)
  return words
}

function bad(name: string, problem: string): OttlaError { return new OttlaError('INVALID_CONFIG', `${name} ${problem}`) }

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value)
    : Array.isArray(value) ? 'an array' : typeof value === 'object' && value !== null ? 'an object' : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** What a value may be, for messages and docs: "a whole number from 0 to 9". */
export function expected(setting: Setting): string {
  switch (setting.type) {
    case 'boolean': return 'true or false'
    case 'acks': return "'all', -1, 0 or 1"
    case 'string': return setting.values === undefined ? 'text' : choice(setting.pattern === undefined ? setting.values : [...setting.values, setting.pattern.text])
    case 'list': return setting.values === undefined ? 'a list' : `a list of ${choice(setting.values)}`
    default: {
      const [low, high] = limits(setting)
      const kind = setting.type === 'double' ? 'a number' : 'a whole number'
      const but = setting.except === undefined ? '' : ` but ${setting.except}`
      if (high === FOREVER || high === Number.MAX_VALUE) return low === -FOREVER ? kind : `${kind} of at least ${low}${but}`
      return `${kind} from ${low} to ${high}${but}`
    }
  }
}

function choice(words: readonly string[]): string {
  if (words.length === 1) return words[0]!
  return `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`
}

/** The text Kafka writes for a value; null stays null. `setting`: what it is a value of. */
export function formatSetting(value: SettingValue, setting?: Pick<Setting, 'type'>): string | null {
  if (value === null) return null
  if (typeof value === 'number' && setting?.type === 'double' && Number.isSafeInteger(value)) return `${value}.0`
  if (typeof value === 'number') return value === FOREVER ? FOREVER_TEXT : String(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  return typeof value === 'string' ? value : value.join(',')
}

/** The name DescribeConfigs gives a type. */
export function typeName(setting: Setting): string { return setting.told ?? (setting.type === 'acks' ? 'STRING' : setting.type.toUpperCase()) }
