/** The fuzzer of `npm run fuzz` finds nothing in a short run, and finds each decoder that is wrong on purpose. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { build, root } from './support/cli.ts'

const saboteurs = ['throws a foreign error', 'hangs', 'allocates by a count', 'loses a field', 'refuses what is sound']

beforeAll(async () => { await build() })

function fuzz(...args: string[]): { readonly code: number | null; readonly lines: string[]; readonly errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'reliability/fuzz/main.mjs'), ...args], { cwd: root, encoding: 'utf8' })
  return { code: status, lines: stdout.trim().split('\n'), errors: stderr }
}

test('thousands of odd and broken inputs do no harm, and each decoder gets some that it accepts', () => {
  const { code, lines, errors } = fuzz('--count', '30000', '--seed', '7')
  expect(errors).toBe('')
  expect(lines.at(-1)).toBe('30000 frames, 0 violations')
  const details = JSON.parse(lines.at(-2)!) as { targets: number; targetsThatAccepted: number; accepted: number }
  expect(details.targets).toBeGreaterThan(110)
  expect(details.targetsThatAccepted).toBe(details.targets)
  expect(details.accepted).toBeGreaterThan(10_000)
  expect(code).toBe(0)
})

test.each(saboteurs)('a decoder that %s is caught', (name) => {
  const { code, lines } = fuzz('--count', '20000', '--seed', '7', '--sabotage', name)
  expect(lines.at(-1)).toMatch(/frames, [1-9]\d* violations/)
  expect(code).toBe(1)
})
