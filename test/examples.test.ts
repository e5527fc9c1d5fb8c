import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, ottla, runScript } from './support/cli.ts'

let scratch: string
beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-examples-'))
})
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

const JOBS = 3000
const FIRST_SILENCE_MS = 5000
const SILENCE_MS = 1000

/** Fills the topic `jobs`, then runs the example to the end, killing it hard on the way. Returns how often each job was done. */
async function workOff(script: string, name: string, kills: readonly number[]): Promise<number[]> {
  const data = join(scratch, name)
  const input = Array.from({ length: JOBS }, (_, i) => `${i}\n`).join('')
  const filled = await ottla(['produce', '--data', data, '--topic', 'jobs'], { input })
  expect(filled.error).toBe('')
  const done: number[] = Array.from({ length: JOBS }, () => 0)
  const seen = (text: string): void => { for (const match of text.matchAll(/^done (\d+)$/gm)) done[Number(match[1])]!++ }
  for (const after of kills) {
    const { text, signal } = await runScript(script, [data, 'jobs'], {
      onStart: (child) => {
        let lines = 0
        child.stdout!.on('data', (chunk: Buffer) => {
          lines += chunk.toString().split('\n').length - 1
          if (lines >= after) child.kill('SIGKILL')
        })
      },
    })
    expect(signal).toBe('SIGKILL')
    seen(text)
  }
  const last = await runScript(script, [data, 'jobs'], {
    onStart: (child) => {
      // The end cannot be known from outside: the last jobs may be among those that a kill took. Silence tells.
      let silence = setTimeout(() => child.kill('SIGTERM'), FIRST_SILENCE_MS)
      child.stdout!.on('data', () => {
        clearTimeout(silence)
        silence = setTimeout(() => child.kill('SIGTERM'), SILENCE_MS)
      })
    },
  })
  expect([last.code, last.signal]).toEqual([0, null])
  seen(last.text)
  return done
}

describe('the recipes hold when the process is killed', () => {
  test('at least once: no job is left out', async () => {
    const done = await workOff('examples/at-least-once.mjs', 'least', [1, 400, 700])
    expect(done.filter((times) => times === 0)).toEqual([])
  })

  test('at most once: no job is done twice', async () => {
    const done = await workOff('examples/at-most-once.mjs', 'most', [1, 400, 700])
    expect(done.filter((times) => times > 1)).toEqual([])
    expect(done.filter((times) => times === 1).length).toBeGreaterThan(0)
  })
})

describe('the other examples do what they say', () => {
  test('queue: every job once, in order per customer, one put aside', async () => {
    const { code, text } = await runScript('examples/queue.mjs', [join(scratch, 'queue')])
    expect(code).toBe(0)
    expect(text.match(/ {3}in order$/gm)).toHaveLength(5)
    expect(text).toMatch(/^40 jobs by [23] workers, 1 put aside: 13$/m)
  })

  test('spool: nothing goes up while offline, everything in order afterwards', async () => {
    const { code, text } = await runScript('examples/spool.mjs', [join(scratch, 'spool')])
    expect([code, text]).toEqual([0, 'offline: 0 of 200 events uploaded\nonline:  200 of 200 events uploaded, in order\n'])
  })
})
