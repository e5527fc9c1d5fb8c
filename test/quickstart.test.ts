import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build, ottla, ottlaCommand, runScript, type Outcome } from './support/cli.ts'

let scratch: string
beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-test-quickstart-'))
})
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

/** With a place for temporary files that is removed again. */
const quickstart = (env: Record<string, string> = {}): Promise<Outcome> => runScript('examples/quickstart.mjs', [], { env: { TMPDIR: scratch, ...env } })

const folders = (): string[] => readdirSync(scratch).filter((name) => name.startsWith('ottla-quickstart-')).sort()

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
  const before = folders()
  const { text } = await quickstart()
  // A folder of its own, and those of earlier runs are left.
  const [directory, ...others] = folders().filter((name) => !before.includes(name))
  expect([others, before.every((name) => folders().includes(name)), before.length]).toEqual([[], true, 1])
  const commands = text.split('Look at it\n')[1]!.trim().split('\n').map((line) => line.trim())
  expect(commands.length).toBeGreaterThan(3)
  for (const command of commands) {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command.replace('npx ottla', ottlaCommand)], { encoding: 'utf8' })
    expect([command, status]).toEqual([command, 0])
    expect(stdout + stderr).not.toBe('')
  }
  const verified = await ottla(['verify', '--data', join(scratch, directory!)])
  expect([verified.code, verified.text]).toEqual([0, ''])
})

test('a machine on which the process takes longer to start than it is then given shows the same', async () => {
  const late = "if(process.argv[2]==='writer')Atomics.wait(new%20Int32Array(new%20SharedArrayBuffer(4)),0,0,3000)"
  const { code, text, error } = await quickstart({ NODE_OPTIONS: `--import=data:text/javascript,${late}` })
  expect([code, error]).toEqual([0, ''])
  expect(text).toMatch(/acknowledged [1-9][\d,]* {3}found [1-9][\d,]* {3}missing 0\n/)
})
