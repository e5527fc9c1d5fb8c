/**
 * Tries mutants of one module, one after the other, in one vitest: `worker.mjs MODULE`, with the list of [id, test files] as JSON on standard input and one line
 * of JSON for each on standard output. A process of its own, so that the runner can end one that hangs. With MODULE `all`, no mutant is on and the tests
 * given (or all) are run once, to learn which mutants each of them meets.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve, relative } from 'node:path'
import { createVitest } from 'vitest/node'
import { mutate } from './mutants.mjs'

const [module] = process.argv.slice(2)
const { jobs, hits } = JSON.parse(readFileSync(0, 'utf8'))
const state = process.env.OTTLA_MUTANT
const root = resolve(import.meta.dirname, '../..')

const plugin = {
  name: 'mutants', enforce: 'pre',
  transform(code, id) {
    const path = relative(root, id)
    if (!/^src\/(record|log)\/[^/]*(?<!\.test)\.ts$/.test(path) || (module !== 'all' && path !== module)) return null
    return { code: mutate(code, path).code, map: null }
  },
}

writeFileSync(state, JSON.stringify({ module, id: -1, hits }))
const vitest = await createVitest('test', {
  root, config: false, watch: false, bail: module === 'all' ? 0 : 1, include: ['src/**/*.test.ts', 'test/**/*.test.ts'], maxWorkers: 1, pool: 'threads', reporters: [{}],
  setupFiles: [resolve(import.meta.dirname, 'setup.mjs')], testTimeout: 60_000, env: { LOG_VERIFY: '1' }, fileParallelism: false,
}, { plugins: [plugin] })
const specifications = new Map((await vitest.globTestSpecifications()).map((each) => [relative(root, each.moduleId), each]))

for (const { id, tests } of jobs) {
  writeFileSync(state, JSON.stringify({ module, id, hits }))
  let killedBy = null
  for (const test of tests) {
    const began = performance.now()
    const specification = specifications.get(test)
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications([specification])
    // Modules of runs before this one are in the list, too.
    const failed = unhandledErrors.length > 0 || testModules.some((each) => each.moduleId === specification.moduleId && !each.ok())
    if (module === 'all') process.stdout.write(`${JSON.stringify({ test, ms: Math.round(performance.now() - began), failed })}\n`)
    else if (failed) { killedBy = test; break }
  }
  if (module !== 'all') process.stdout.write(`${JSON.stringify({ id, killedBy })}\n`)
}
await vitest.close()
process.exit(0)
