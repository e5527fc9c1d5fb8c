/**
 * `npm test`: types, lint, build, every test of this machine's size, and the packed tarball. Ends with one line `N passed, N failed`.
 * The reliability rows (docs/durability.md) come after the tests; each counts as one. `--no-pack` leaves the tarball out; other arguments go to vitest.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const binOf = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file)
const rest = process.argv.slice(2)
const withPack = !rest.includes('--no-pack')
const scratch = mkdtempSync(join(tmpdir(), 'ottla-test-'))
let passed = 0
let failed = 0

function step(name, args) {
  console.log(`\n# ${name}`)
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  return status === 0
}

function check(name, args) {
  if (step(name, args)) passed += 1
  else { failed += 1; console.error(`FAILED: ${name}`) }
}

/** The lines are shown as they come; the last one has the counts. */
async function reliability() {
  console.log('\n# reliability rows')
  const child = spawn(process.execPath, ['reliability/run.mjs', 'ci'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout) {
    process.stdout.write(chunk)
    text += chunk
  }
  const counts = /(\d+) passed, (\d+) failed, (\d+) skipped\n$/.exec(text)
  passed += Number(counts?.[1] ?? 0)
  failed += Number(counts?.[2] ?? 1)
}

/** As many files at a time as there are CPUs: half of them wait for processes and disks. */
function vitest() {
  const report = join(scratch, 'tests.json')
  const filters = rest.filter((each) => each !== '--no-pack')
  const isGreen = step('tests', [
    binOf('vitest', 'vitest.mjs'), 'run', `--maxWorkers=${availableParallelism()}`, ...filters, ...(filters.length > 0 ? ['--passWithNoTests'] : []),
    '--reporter=default', '--reporter=json', `--outputFile.json=${report}`,
  ])
  const failedBefore = failed
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'))
    passed += result.numPassedTests
    failed += result.numFailedTests
    // A file that fails to load reports no test: it counts as one failure.
    failed += result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.every((a) => a.status !== 'failed')).length
    // So does an error that no test met, as a promise that nobody waited for.
    if (!isGreen && failed === failedBefore) failed += 1
  } catch (error) {
    failed += 1
    console.error(`FAILED: no report of the tests (${error.message})`)
  }
}

check('types', [binOf('typescript', 'bin/tsc'), '-p', 'tsconfig.json'])
check('lint', [binOf('oxlint', 'bin/oxlint'), '--type-aware', '--deny-warnings'])
check('build', ['scripts/build.mjs'])

vitest()
await reliability()
check('the table of reliability results in the docs', ['reliability/run.mjs', 'summary', '--check'])
if (withPack) check('packed tarball on this Node', ['scripts/pack-smoke.mjs', '--this-node'])
rmSync(scratch, { recursive: true, force: true })
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
