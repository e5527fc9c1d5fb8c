import { describe, expect, test } from 'vitest'
import { oneOf, pairs, parseArguments, required } from './arguments.ts'
import { UsageError, type OptionTable } from './command.ts'

const table: OptionTable = {
  topic: { type: 'text', help: '' },
  partitions: { type: 'number', help: '' },
  'max-messages': { type: 'number', least: -1, help: '' },
  time: { type: 'text', help: '' },
  json: { type: 'flag', help: '' },
  config: { type: 'text', many: true, help: '' },
  'compression-codec': { type: 'text', optionalValue: true, help: '' },
  'producer-props': { type: 'text', greedy: true, help: '' },
}
const parse = (...words: string[]): object => parseArguments(words, table).values
const problem = (...words: string[]): string => problemWith(table, ...words)
function problemWith(options: OptionTable, ...words: string[]): string {
  try {
    parseArguments(words, options)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  return 'none'
}

describe('words become values', () => {
  test('flags are there or not, lists are empty or not, the rest may be missing', () => {
    expect(parse()).toEqual({
      topic: undefined, partitions: undefined, 'max-messages': undefined, time: undefined, json: false, config: [], 'compression-codec': undefined, 'producer-props': [],
    })
    expect(parse('--topic', 'a', '--partitions=3', '--json', '--config', 'x=1', '--config', 'y=2'))
      .toMatchObject({ topic: 'a', partitions: 3, json: true, config: ['x=1', 'y=2'] })
  })

  test('a value may begin with a dash, as in Kafka', () => {
    expect(parse('--time', '-1', '--partitions', '-2')).toMatchObject({ time: '-1', partitions: -2 })
    expect(parse('--time', '--json')).toMatchObject({ time: '--json' })
  })

  test('an optional value is taken only where one stands', () => {
    expect(parse('--compression-codec', '--json')).toMatchObject({ 'compression-codec': '', json: true })
    expect(parse('--compression-codec', 'lz4')).toMatchObject({ 'compression-codec': 'lz4' })
    expect(parse('--compression-codec=zstd')).toMatchObject({ 'compression-codec': 'zstd' })
  })

  test('a list of words goes up to the next option', () => {
    expect(parse('--producer-props', 'acks=1', 'linger.ms=5', '--json')).toMatchObject({ 'producer-props': ['acks=1', 'linger.ms=5'], json: true })
  })

  test('the last of several wins', () => { expect(parse('--topic', 'a', '--topic', 'b')).toMatchObject({ topic: 'b' }) })

  test('--help and -h are known everywhere', () => {
    expect([parseArguments(['--help'], table).help, parseArguments(['-h'], table).help, parseArguments([], table).help]).toEqual([true, true, false])
  })
})

describe('what makes no sense is refused with what was probably meant', () => {
  test.each([
    [['--topc', 'a'], 'unknown option --topc; did you mean --topic?'],
    [['--compressionCodec', 'a'], 'unknown option --compressionCodec; did you mean --compression-codec?'],
    [['--compression_codec', 'a'], 'unknown option --compression_codec; did you mean --compression-codec?'],
    [['--qqqqqqqq'], 'unknown option --qqqqqqqq'],
    [['-topic', 'a'], 'unknown option -topic; write --topic'],
    [['a'], 'unexpected argument "a"; options begin with --'],
    [['--topic'], '--topic needs a value'],
    [['--json=1'], '--json takes no value'],
    [['--partitions', '3x'], '--partitions needs a whole number, not "3x"'],
    [['--partitions', '1.5'], '--partitions needs a whole number, not "1.5"'],
    [['--partitions', ''], '--partitions needs a whole number, not ""'],
    [['--max-messages', '-3'], '--max-messages is at least -1, not -3'],
    [['--max-messages=-1'], 'none'],
    [['--producer-props', '--json'], '--producer-props needs a value'],
    [['--bootstrap-server', 'x:9092'], 'unknown option --bootstrap-server: this command works on files'],
  ])('%j', (words, message) => { expect(problem(...words)).toBe(message) })
})

test('pairs keep what stands behind the first equals sign', () => {
  expect(pairs('config', ['a=1', 'b=x=y', 'c='])).toEqual({ a: '1', b: 'x=y', c: '' })
  expect(() => pairs('config', ['a'])).toThrow('--config needs name=value, not "a"')
  expect(() => pairs('config', ['=a'])).toThrow(UsageError)
})

test('one of several flags must be given, and only one', () => {
  expect(oneOf({ a: false, b: true }, ['a', 'b'])).toBe('b')
  expect(() => oneOf({ a: false, b: false }, ['a', 'b'])).toThrow('give one of --a, --b')
  expect(() => oneOf({ a: true, b: true }, ['a', 'b'])).toThrow('--a and --b exclude each other')
  expect(() => required(undefined, 'topic')).toThrow('--topic is required')
})

test('what Kafka\'s tool has and cannot be had here says why, and is not proposed', () => {
  const options: OptionTable = { ...table, 'from-tape': { type: 'flag', refused: true, help: 'needs a tape' } }
  expect([problemWith(options, '--from-tape'), problemWith(options, '--from-tap')]).toEqual(['--from-tape needs a tape', 'unknown option --from-tap'])
})
