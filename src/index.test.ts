import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as ottla from './index.ts'
import { VERSION } from './version.ts'

describe('the package', () => {
  test('exports these values and no others', () => {
    expect(Object.keys(ottla).sort()).toEqual(['OttlaError', 'connect', 'errorTable', 'open', 'serializers', 'silentLogger', 'stderrLogger'])
  })

  test('exports these types and no others', () => {
    const text = readFileSync(new URL('./index.ts', import.meta.url), 'utf8')
    const names = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, isType, list]) => list!.split(',')
      .map((each) => each.trim()).filter((each) => each !== '').map((each) => (isType === undefined && !each.startsWith('type ') ? '' : each.replace('type ', ''))))
    expect(names.filter((each) => each !== '').sort()).toMatchSnapshot()
  })

  test.each(['index.ts', 'testing/index.ts'])('a program compiled against the tarball takes every name of %s', (entry) => {
    const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
    const names = [...read(entry).matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) => [...list!.matchAll(/(\w+)\s*(?:,|$)/g)].map(([, name]) => name!))
    const program = read('../scripts/pack-types.ts')
    expect(names.length).toBeGreaterThan(30)
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(program))).toEqual([])
  })

  test('knows its own version', () => {
    expect(VERSION).toBe((JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version)
  })
})
