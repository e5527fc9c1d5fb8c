/** `npm run check`: types, lint, tidy and unit tests, in under a minute on two cores; the long ones beside the sources (`walk` in vitest.config.ts) are a part of `npm test`. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const binOf = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file)
const steps = [
  ['types', [binOf('typescript', 'bin/tsc'), '-p', 'tsconfig.json']],
  ['lint', [binOf('oxlint', 'bin/oxlint'), '--type-aware', '--deny-warnings']],
  ['tidy and unit tests', [binOf('vitest', 'vitest.mjs'), 'run', '--project', 'unit', '--project', 'mock', '--reporter=dot', `--maxWorkers=${availableParallelism()}`]],
]
for (const [name, args] of steps) {
  const started = process.hrtime.bigint()
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
  if (status !== 0) process.exit(status ?? 1)
}
