/** A planted bug that no longer fits the source proves nothing. Row 20 plants a few each day; that all of them still can be is told at once. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

interface Saboteur {
  readonly id: string; readonly file: string; readonly find: string; readonly replace: string; readonly times?: number
  readonly harness: string | { readonly row: number }
}

const root = resolve(import.meta.dirname, '..')
const { saboteurs } = await import(pathToFileURL(join(root, 'reliability/saboteurs.mjs')).href) as { saboteurs: readonly Saboteur[] }
const rows = readdirSync(join(root, 'reliability/rows')).map((name) => Number(name.split('-')[0]))

test.each(saboteurs)('the planted bug "$id" fits the source, and its harness is there', ({ file, find, replace, times = 1, harness }) => {
  expect(readFileSync(join(root, file), 'utf8').split(find), file).toHaveLength(times + 1)
  expect(replace).not.toBe(find)
  expect(typeof harness === 'string' ? existsSync(join(root, harness)) : rows.includes(harness.row)).toBe(true)
})

test('no two planted bugs have one name', () => {
  expect(new Set(saboteurs.map(({ id }) => id)).size).toBe(saboteurs.length)
})
