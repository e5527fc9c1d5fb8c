import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { servedApis, servedList } from './served-apis.ts'

test('docs/serve.md has the APIs and versions that are served', () => {
  const rows = readFileSync(join(import.meta.dirname, '../../docs/serve.md'), 'utf8').split('\n').filter((line) => /^\| \d+ \|/.test(line))
  expect(rows).toEqual(servedList.map(({ api, first, last, advertisedFirst }) => {
    const told = advertisedFirst === first ? '' : ` (told as ${advertisedFirst} to ${last})`
    return `| ${api.key} | ${api.name} | ${first === last ? first : `${first} to ${last}`}${told} |`
  }))
})

test('every handler stands at its key, and serves versions whose messages are known', () => {
  for (const served of servedList) {
    expect(servedApis[served.api.key]).toBe(served)
    expect(served.first).toBeGreaterThanOrEqual(served.api.minVersion)
    expect(served.last).toBeLessThanOrEqual(served.api.maxVersion)
  }
})
