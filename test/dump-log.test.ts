import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { dumpLog, type DumpLogOptions } from '../src/tools.ts'

/** What a real kafka-dump-log printed for directories that a real Kafka wrote; paths relative to `data/`. */
const fixtures = resolve(import.meta.dirname, '../fixtures')

interface Section { readonly args: readonly string[]; readonly lines: readonly string[] }

/** Noise of the JVM that made the truth, printed once into one of its files. */
const isNoise = (line: string): boolean => line.startsWith('log4j:WARN ')

function sectionsOf(file: string): Section[] {
  const text = gunzipSync(readFileSync(file)).toString('utf8')
  return text.split(/^---- (?=kafka-dump-log )/m).slice(1).map((part) => {
    const lines = part.replace(/\n$/, '').split('\n')
    return { args: lines[0]!.split(' ').slice(1), lines: lines.slice(1).filter((line) => line !== '---- with --index-sanity-check' && !isNoise(line)) }
  })
}

function optionsOf(args: readonly string[], data: string): DumpLogOptions {
  const has = (name: string): boolean => args.includes(name)
  const decoder = (['offsets', 'transaction-log', 'cluster-metadata'] as const).find((name) => has(`--${name}-decoder`))
  return {
    files: args[args.indexOf('--files') + 1]!.split(',').map((file) => join(data, file)),
    deepIteration: has('--deep-iteration'), printDataLog: has('--print-data-log'), indexSanityCheck: has('--index-sanity-check'),
    ...(decoder === undefined ? {} : { decoder }),
  }
}

async function dumped(options: DumpLogOptions, data: string): Promise<string[]> {
  const parts: string[] = []
  for await (const line of dumpLog(options, 'text')) parts.push(line.text)
  return parts.join('\n').replaceAll(`${data}/`, '').split('\n')
}

const cases = readdirSync(fixtures, { withFileTypes: true }).filter((e) => e.isDirectory() && e.name !== 'vectors').flatMap((e) => {
  const folder = join(fixtures, e.name, 'truth', 'dump')
  return readdirSync(folder).map((name) => ({ fixture: e.name, name: name.replace('.txt.gz', ''), file: join(folder, name) }))
})

describe('dump-log prints what kafka-dump-log prints, line for line', () => {
  test('there are fixtures to compare with', () => { expect(cases.length).toBeGreaterThan(100) })

  test.each(cases)('$fixture/$name', async ({ fixture, file }) => {
    const data = join(fixtures, fixture, 'data')
    for (const section of sectionsOf(file)) {
      expect(await dumped(optionsOf(section.args, data), data), section.args.join(' ')).toEqual(section.lines)
    }
  })
})
