/** `npm run check`: types, lint, tidy and unit tests. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const binOf = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file)
const steps = [
  ['types', [binOf('typescript', 'bin/tsc'), '-p', 'tsconfig.json']],
  ['lint', [binOf('oxlint', 'bin/oxlint'), '--type-aware', '--deny-warnings']],
  ['tidy and unit tests', [binOf('vitest', 'vitest.mjs'), 'run', '--project', 'unit', '--reporter=dot']],
]
for (const [name, args] of steps) {
  const started = process.hrtime.bigint()
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
  if (status !== 0) process.exit(status ?? 1)
}
