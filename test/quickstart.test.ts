import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build, ottla, ottlaCommand, runScript, type Outcome } from './support/cli.ts'

let scratch: string
beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-quickstart-test-'))
})
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

/** With a folder for temporary files of its own: somebody may run the quickstart at the same time. */
const quickstart = (): Promise<Outcome> => runScript('examples/quickstart.mjs', [], { env: { TMPDIR: scratch } })

test('the quickstart shows the main job to its end, in its ten seconds', async () => {
  const { code, text, error } = await quickstart()
  expect([code, error]).toEqual([0, ''])
  const figures = /acknowledged ([\d,]+) {3}found ([\d,]+) {3}missing 0\n/.exec(text)!
  const [acknowledged, found] = [figures[1]!, figures[2]!].map((figure) => Number(figure.replaceAll(',', '')))
  expect(acknowledged).toBeGreaterThan(0)
  expect(found).toBeGreaterThanOrEqual(acknowledged!)
  expect(text.match(/goes on behind the [\d,]+ it had committed, and reads the other [\d,]+/g)).toHaveLength(2)
  for (let truck = 1; truck <= 20; truck++) expect(text).toContain(`truck_${String(truck).padStart(2, '0')} `)
})

test('what the quickstart tells to look at can be looked at', async () => {
  const { text } = await quickstart()
  const commands = text.split('Look at it\n')[1]!.trim().split('\n').map((line) => line.trim())
  expect(commands.length).toBeGreaterThan(3)
  for (const command of commands) {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command.replace('npx ottla', ottlaCommand)], { encoding: 'utf8' })
    expect([command, status]).toEqual([command, 0])
    expect(stdout + stderr).not.toBe('')
  }
  const verified = await ottla(['verify', '--data', join(scratch, 'ottla-quickstart')])
  expect([verified.code, verified.text]).toEqual([0, ''])
})
