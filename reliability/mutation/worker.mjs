/**
 * Tries mutants in one process: `worker.mjs FOLDER` (of bundle.mjs), a request as JSON on standard input, one line of JSON for each thing found out.
 *
 *   { survey: [test file] }                      each test alone, no mutant on: { test, index, name, ms, most, failed, met: { module: ids } }, and for each
 *                                                file { file, met } of what is met when it is loaded
 *   { jobs: [{ id, module, tests: [[file, index, ms, most]] }], alone }
 *                                                one mutant after the other, until a test fails: { killedBy: test or null }; a dot after each test
 *
 * A mutant that a test noticed may leave something behind. So the same test is run again at once without it: if that fails, or if an error came from somewhere
 * else, { unsure: true } is said and the process ends; the runner then tries that mutant `alone`, in a process of its own, and takes its word.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { entryOf } from './bundle.mjs'

/** A mutant that one test asks for so often, and so much more often than the test asks for any without it (`most`), has made an endless loop. */
const MANY = 3_000_000
const MUCH_MORE = 20
const [folder] = process.argv.slice(2)
const { survey, jobs = [], alone = false } = JSON.parse(readFileSync(0, 'utf8'))
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

let on = alone ? jobs[0] : { module: '', id: -1 }
let count = 0
let limit = MANY
/** How often each mutant was asked for, by module. */
let met = new Map()
globalThis.__mutants = (path) => {
  if (survey !== undefined) return (id) => {
    const counts = met.get(path) ?? met.set(path, new Map()).get(path)
    counts.set(id, (counts.get(id) ?? 0) + 1)
    return false
  }
  return (id) => {
    if (id !== on.id || path !== on.module) return false
    count += 1
    if (count > limit) throw new Error('the mutant loops')
    return true
  }
}

const { cleanUp, collect, runTest } = await import('./harness.mjs')
const testsOf = (file) => collect(file, pathToFileURL(join(folder, entryOf(file))).href)

let stray = null
process.on('unhandledRejection', (error) => { stray ??= error })
process.on('uncaughtException', (error) => { stray ??= error })

/** Whether a test fails; one after which nothing is left to happen hangs, and fails too. */
async function fails(test, ms) {
  let stop
  const stopped = new Promise((done) => { stop = done })
  const end = () => stop('hangs')
  // Seconds in which this process ran: one that was stopped for a while does not hang.
  let seconds = 20 + (100 * Math.min(ms, 1000) + 10 * ms) / 1000
  const timer = setInterval(() => { if (--seconds < 0) end() }, 1000)
  timer.unref()
  process.once('beforeExit', end)
  try {
    const outcome = await Promise.race([runTest(test).then(() => 'passes', (error) => error), stopped])
    await new Promise((next) => { setImmediate(next) })
    return outcome === 'passes' ? null : outcome
  } finally {
    clearInterval(timer)
    process.removeListener('beforeExit', end)
  }
}

const taken = () => {
  const found = Object.fromEntries([...met].map(([path, ids]) => [path, [...ids.keys()]]))
  met = new Map()
  return found
}

for (const file of survey ?? []) {
  let tests
  try {
    tests = await testsOf(file)
  } catch (error) {
    say({ test: file, name: 'loading it', failed: String(error) })
    continue
  }
  say({ file, met: taken() })
  for (const [index, test] of tests.entries()) {
    const before = process.cpuUsage()
    const failed = await fails(test, 60_000)
    const { user, system } = process.cpuUsage(before)
    const most = Math.max(0, ...[...met.values()].flatMap((counts) => [...counts.values()]))
    say({ test: file, index, name: test.name, ms: Math.round((user + system) / 1000), most, failed: failed === null ? null : String(failed.stack ?? failed), met: taken() })
  }
}

async function tryMutant({ id, module, tests }) {
  for (const [file, index, ms, most] of tests) {
    on = { module, id }
    count = 0
    limit = Math.max(MANY, MUCH_MORE * most)
    let test
    try {
      test = (await testsOf(file))[index]
    } catch {
      return { killedBy: `${file}, when it is loaded` }
    }
    if (test === undefined) return { killedBy: `${file}, when it is loaded` }
    const outcome = await fails(test, ms)
    on = { module, id: -1 }
    process.stdout.write('.\n')
    const killedBy = `${file}: ${test.name}`
    if (outcome === null && stray === null) continue
    if (alone) return { killedBy }
    return stray !== null || outcome === 'hangs' || await fails(test, ms) !== null ? { unsure: true } : { killedBy }
  }
  return { killedBy: null }
}

for (const job of jobs) {
  const verdict = await tryMutant(job)
  say(verdict)
  if (verdict.unsure === true) break
}
await cleanUp().catch(() => {})
process.exit(0)
