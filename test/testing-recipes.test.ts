/** The recipes of docs/testing.md, run as they stand there, by the runners they are for. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build, root } from './support/cli.ts'

const folder = join(root, '.tmp', `recipes-${process.pid}`)
const page = readFileSync(join(root, 'docs/testing.md'), 'utf8')
const recipes = new Map([...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(([, name, text]) => [name!, text!]))

beforeAll(async () => {
  await build()
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  writeFileSync(join(folder, 'vitest.config.js'), 'export default {}\n')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  symlinkSync(join(root, '.tmp/package'), join(folder, 'node_modules/ottla'), 'dir')
  for (const [name, text] of recipes) writeFileSync(join(folder, name), text)
})
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

function run(...args: string[]): { readonly status: number | null; readonly text: string } {
  const env = { ...process.env, NO_COLOR: '1', KAFKAJS_NO_PARTITIONER_WARNING: '1' }
  for (const name of Object.keys(env)) if (name.startsWith('VITEST') || name === 'NODE_OPTIONS' || name === 'NODE_TEST_CONTEXT') Reflect.deleteProperty(env, name)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8', timeout: 50_000 })
  return { status, text: stdout + stderr }
}

test('vitest', () => {
  const { status, text } = run(join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder, 'orders.vitest.test.js')
  expect(text).toMatch(/Tests {2}2 passed/)
  expect(status).toBe(0)
})

test('the runner of Node', () => {
  const { status, text } = run('--test', 'orders.node.test.js')
  expect(text).toMatch(/pass 2\n/)
  expect(status).toBe(0)
})

test('there are no recipes besides', () => { expect([...recipes.keys()]).toEqual(['orders.vitest.test.js', 'orders.node.test.js']) })
