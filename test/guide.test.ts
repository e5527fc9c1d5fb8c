/** The programs of README.md and docs/guide.md, run as they stand there: each prints what its text says behind `// →`. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build, root } from './support/cli.ts'

const folder = join(root, '.tmp', `guide-${process.pid}`)
const pages = ['README.md', 'docs/guide.md'].map((path) => readFileSync(join(root, path), 'utf8')).join('\n')
const programs = [...pages.matchAll(/```js\n\/\/ (\S+\.mjs)\n([\s\S]*?)```/g)].map(([, name, text]) => [name!, text!] as const)

beforeAll(async () => {
  await build()
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(join(root, '.tmp/package'), join(folder, 'node_modules/ottla'), 'dir')
})
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

test('there are programs', () => { expect(programs.map(([name]) => name)).toEqual(['trucks.mjs', 'first.mjs', 'ways.mjs']) })

test.each(programs)('%s prints what it says that it prints, and ends', (name, text) => {
  writeFileSync(join(folder, name), text)
  const { status, stdout } = spawnSync(process.execPath, [name], { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' }, timeout: 50_000 })
  expect(stdout.trim().split('\n')).toEqual([...text.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]))
  expect(status).toBe(0)
})
