/** A process that has no file handle left for a while, with the built package: what was not loaded by then is loaded later. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { build, root } from './support/cli.ts'

beforeAll(build, 60_000)

const script = `
  import { closeSync, openSync } from 'node:fs'
  const { open } = await import(process.argv[1])
  const ottla = await open('', { inMemory: true })
  const held = []
  try { for (;;) held.push(openSync(process.execPath, 'r')) } catch {}
  const refused = await ottla.listen({ port: 0 }).catch((error) => error.code)
  for (const each of held) closeSync(each)
  const { port } = await ottla.listen({ port: 0 })
  await ottla.close()
  console.log(held.length > 0, refused, port > 0)
`

test('code that is asked for while no file may be opened is refused, and loaded once files may be opened again', async () => {
  const { stdout } = await promisify(execFile)('sh', [
    '-c', 'ulimit -n 120 && exec "$0" --input-type=module -e "$1" "$2"', process.execPath, script, join(root, 'dist', 'index.js'),
  ])
  expect(stdout).toBe('true TOO_MANY_OPEN_FILES true\n')
})
