/** Every link between the documents leads somewhere, and so does every section that one of them names of another (`docs/x.md, *Section*`). */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const folders = ['.', 'docs', 'docs/adr', 'examples', 'fixtures', 'test/data']
const documents = folders.flatMap((folder) => readdirSync(join(root, folder)).filter((name) => name.endsWith('.md')).map((name) => join(folder, name)))

type Read = (path: string) => string | undefined
const readTracked: Read = (path) => existsSync(join(root, path)) ? path.endsWith('.md') ? readFileSync(join(root, path), 'utf8') : '' : undefined

const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '')
const titles = (text: string): string[] => [...prose(text).matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!.trim())
/** As GitHub makes them: lower case, punctuation away, blanks to dashes. */
const anchor = (title: string): string => title.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-')

function deadLinks(path: string, text: string, read: Read): string[] {
  const dead: string[] = []
  for (const match of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    const [file = '', fragment] = match[1]!.split('#')
    if (/^[a-z]+:/.test(file)) continue
    const target = file === '' ? text : read(normalize(join(dirname(path), file)))
    if (target === undefined || (fragment !== undefined && !titles(target).map(anchor).includes(fragment))) dead.push(`${path}: ${match[1]!}`)
  }
  for (const match of prose(text).matchAll(/(docs\/[\w-]+\.md), \*([^*]+)\*(?: and \*([^*]+)\*)?/g)) {
    const there = titles(read(match[1]!) ?? '')
    for (const title of [match[2], match[3]]) if (title !== undefined && !there.includes(title)) dead.push(`${path}: ${match[1]!}, ${title}`)
  }
  return dead
}

test('every link between documents, and every section named, is there', () => {
  expect(documents).toContain('docs/performance.md')
  expect(documents.flatMap((path) => deadLinks(path, readTracked(path) ?? '', readTracked))).toEqual([])
})

test('a dead file, a dead anchor and a section that was renamed are found', () => {
  const read: Read = (path) => path === 'docs/a.md' ? '# A\n## What it is, and is not\n' : undefined
  expect(deadLinks('docs/adr/b.md', '[x](../a.md#what-it-is-and-is-not) [y](https://nowhere) docs/a.md, *A*', read)).toEqual([])
  expect(deadLinks('docs/adr/b.md', '[x](../c.md)', read)).toHaveLength(1)
  expect(deadLinks('docs/adr/b.md', '[x](../a.md#gone)', read)).toHaveLength(1)
  expect(deadLinks('docs/adr/b.md', 'docs/a.md, *A* and *Gone*', read)).toHaveLength(1)
})
