import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadAllCodecs } from '../record/compression.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { jsonFormat } from './dump-json.ts'
import { DumpFailure, type DumpLogOptions } from './dump-items.ts'
import { dumpLog } from './dump-log.ts'
import { textFormat, type LineFormat } from './dump-text.ts'

interface Case { readonly title: string; readonly args: readonly string[]; readonly files: Readonly<Record<string, string>>; readonly lines: readonly string[] }

/** Damaged and odd files, with what kafka-dump-log of Kafka 4.1.0 printed for them: test/data/README.md. */
const cases = readFileSync(new URL('../../test/data/damaged-files.jsonl', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Case)

const directory = '/w'

function diskOf(files: Readonly<Record<string, string>>): SimulatedFileSystem {
  const fs = new SimulatedFileSystem()
  fs.makeDirectory(`${directory}/p-0`)
  for (const [path, base64] of Object.entries(files)) {
    const bytes = Buffer.from(base64, 'base64')
    const file = fs.open(`${directory}/${path}`, 'createNew')
    file.writeSync(bytes, 0, bytes.length, 0)
    file.close()
  }
  return fs
}

function optionsOf(args: readonly string[]): DumpLogOptions {
  const has = (name: string): boolean => args.includes(name)
  const after = (name: string): string | undefined => has(name) ? args[args.indexOf(name) + 1] : undefined
  const maxBytes = after('--max-bytes')
  const maxMessageSize = after('--max-message-size')
  return {
    files: after('--files')!.split(','), workingDirectory: directory, printDataLog: has('--print-data-log'), deepIteration: has('--deep-iteration'),
    indexSanityCheck: has('--index-sanity-check'), verifyIndexOnly: has('--verify-index-only'), skipRecordMetadata: has('--skip-record-metadata'),
    ...(maxBytes === undefined ? {} : { maxBytes: Number(maxBytes) }), ...(maxMessageSize === undefined ? {} : { maxMessageSize: Number(maxMessageSize) }),
  }
}

/** The simulated disk has no working directory: relative paths are given as absolute ones and cut again. */
type Json = Readonly<Record<string, unknown>>
const objectsOf = (each: Case): Json[] => linesOf(each, jsonFormat).map((line) => JSON.parse(line) as Json)

function linesOf(test: Case, format: (options: DumpLogOptions) => LineFormat): string[] {
  const options = optionsOf(test.args)
  const fs = diskOf(test.files)
  const whole = (path: string): string => path.startsWith('/') ? path : `${directory}/${path}`
  const relative = new Proxy(fs, {
    get: (target, name) => name === 'open' || name === 'stat' || name === 'readFile'
      ? (path: string, ...rest: never[]) => (target[name] as (path: string, ...rest: never[]) => unknown)(whole(path), ...rest)
      : Reflect.get(target, name) as unknown,
  })
  const { line } = format(options)
  const lines: string[] = []
  for (const item of dumpLog(relative, options)) {
    try {
      lines.push(...line(item).text.split('\n'))
    } catch (error) {
      if (!(error instanceof DumpFailure)) throw error
      lines.push(`FAILED: ${error.kind}: ${error.message}`)
      break
    }
  }
  return lines
}

beforeAll(() => loadAllCodecs())

describe('damaged and odd files are printed as kafka-dump-log prints them', () => {
  test.each(cases)('$title', (each) => { expect(linesOf(each, textFormat)).toEqual(each.lines) })
})

describe('JSON', () => {
  test('has an object a line for every item of every file, with the bytes decoded', () => {
    for (const each of cases) for (const line of linesOf(each, jsonFormat)) expect(() => JSON.parse(line) as unknown, line).not.toThrow()
    const records = objectsOf(cases[0]!).filter((item) => item['type'] === 'record')
    expect(records.map((r) => [r['offset'], r['key'], r['value'], r['headerKeys']]))
      .toEqual([[0, 'k', 'v', []], [1, null, 'w', []], [2, 'x', null, ['h', 'é']], [5, '�A', '�', []]])
  })

  test('marks what Kafka writes to standard error', () => {
    const wrong = cases.find((each) => each.title.startsWith('index entries against'))!
    expect(objectsOf(wrong).filter((item) => item['error'] === true).map((item) => item['type'])).toEqual(['indexMismatch'])
  })
})
