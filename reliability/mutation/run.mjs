/**
 * Mutation score of `src/record` and `src/log`, or of the folder of areas.mjs that `--only` names: how many small changes of the source the unit tests notice (row 18
 * of docs/durability.md).
 *
 *   node reliability/mutation/run.mjs [--sample 600] [--seed 1] [--only src/log/segment] [--workers 1] [--patience 10] [--long 150] [--minutes M] [--out FILE] [--record] [--floor]
 *   node reliability/mutation/run.mjs --again FILE                 those that no test noticed in an earlier run, after tests were written
 *
 * --floor: files whose tests cannot be run this way are named and left out, where they are an error otherwise; the score is the least that it can be, and not recorded.
 *
 * 1. The tests with all mutants in, none on (bundle.mjs): which test meets which mutant, and how long it takes. A mutant that none meets is a survivor.
 * 2. A sample (by seed; `--sample all` for all of them): the mutant on, the tests that meet it, those that are about its module and quick first, until one
 *    fails or they have taken `patience` seconds of processor time.
 * 3. What no test noticed until then is tried with the other tests that meet it, for `long` seconds: the walks over damage, faults and power cuts are among
 *    them, and the tests of the broker above. What they do not notice either is a survivor. All of these are tests of `npm test`, run as they are there
 *    (the walk over damage with a quarter of its rounds).
 *
 * A process that says nothing for two minutes, and for much longer than its tests take, hangs; that is noticed too.
 *
 * With --minutes, no new ones are tried after that time, and the sample is what was tried. Prints each survivor and, last, the score. It writes FILE (one line of
 * JSON a mutant) and, with --record, a line of reliability/results.jsonl for each folder; nothing else. Survivors that are no lack of tests: survivors.md.
 */
import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { appendResult, commitOf } from '../lib/results.mjs'
import { areasOf } from './areas.mjs'
import { bundle } from './bundle.mjs'
import { mutate } from './mutants.mjs'

const { values } = parseArgs({ options: {
  sample: { type: 'string', default: '600' }, seed: { type: 'string', default: '1' }, only: { type: 'string' }, floor: { type: 'boolean', default: false }, out: { type: 'string' },
  workers: { type: 'string', default: String(Math.min(2, availableParallelism())) }, patience: { type: 'string', default: '10' }, long: { type: 'string', default: '150' }, record: { type: 'boolean', default: false },
  minutes: { type: 'string', default: 'Infinity' }, again: { type: 'string' },
} })
if (values.floor && values.record) throw new Error('--record is of scores: with --floor there is none')
const began = performance.now()
const root = resolve(import.meta.dirname, '../..')
// Below node_modules, so that the bundle finds the packages.
mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
const scratch = mkdtempSync(join(root, 'node_modules/.cache/mutation-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
const SILENCE_S = 120
const BATCH = 25

const { folders, modules, suites } = areasOf(values.only)

/** Runs a worker and gives what it says to `onLine`; resolves with whether it ended by itself. */
function work(request, onLine, patience = SILENCE_S) {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'worker.mjs'), scratch], { cwd: root, stdio: ['pipe', 'pipe', request.survey === undefined ? 'ignore' : 'inherit'], env: { ...process.env, LOG_VERIFY: '1', VITEST: 'true', OTTLA_DAMAGE_ROUNDS: '60' } })
    let hung = false
    // In seconds in which this process ran: while it is stopped, so are its workers.
    let silence = 0
    const watch = setInterval(() => {
      silence += 1
      if (silence <= patience) return
      hung = true
      child.kill('SIGKILL')
    }, 1000)
    let text = ''
    child.stdout.on('data', (chunk) => {
      silence = 0
      text += chunk
      const lines = text.split('\n')
      text = lines.pop()
      for (const line of lines) if (line.startsWith('{')) onLine(JSON.parse(line))
    })
    child.on('close', () => { clearInterval(watch); done(!hung) })
    child.stdin.on('error', () => {})
    child.stdin.end(JSON.stringify(request))
  })
}

/** How much of what a test meets lies in each module: one that is about a module says more of it, and sooner, than one that only uses it. */
const focus = new Map()

/** Who meets `<module>#<id>`: tests, each [file, index, ms, most], and files that meet it when they are loaded. */
async function survey() {
  const met = new Map()
  const atLoad = new Map()
  const testsOf = new Map()
  const note = (map, found, who) => {
    for (const [path, ids] of Object.entries(found)) for (const id of ids) {
      const key = `${path}#${id}`
      if (!map.has(key)) map.set(key, [])
      map.get(key).push(who)
    }
  }
  const lines = []
  const share = (n) => suites.filter((_, i) => i % Number(values.workers) === n)
  await Promise.all(Array.from({ length: Number(values.workers) }, (_, n) => work({ survey: share(n) }, (line) => lines.push(line), 900)))
  for (const { file, test, index, name, ms, most, failed, met: found } of lines) {
    if (failed) {
      console.log(`LEFT OUT ${test}: ${name} fails without a mutant: ${failed.split('\n')[0]}`)
      continue
    }
    if (file !== undefined) { note(atLoad, found, file); continue }
    const who = [test, index, ms, most]
    const all = Object.values(found).reduce((sum, ids) => sum + ids.length, 0)
    focus.set(who, new Map(Object.entries(found).map(([path, ids]) => [path, ids.length / all])))
    if (!testsOf.has(test)) testsOf.set(test, [])
    testsOf.get(test).push(who)
    note(met, found, who)
  }
  const missing = suites.filter((file) => !testsOf.has(file))
  if (missing.length > 0 && !values.floor) throw new Error(`no test of ${missing.join(', ')} was run; --floor does without`)
  if (missing.length > 0) console.log(`LEFT OUT: no test of ${missing.join(', ')} was run`)
  return (key) => {
    const loading = atLoad.get(key) ?? []
    // What is asked when a file is loaded is asked once in a process, and its answer matters to every test that loads the file.
    return { isStatic: loading.length > 0, tests: [...new Set([...met.get(key) ?? [], ...loading.flatMap((file) => testsOf.get(file))])] }
  }
}

/** The tests of a mutant, best first: as many as patience lasts, and those for what then is left of the others. */
function order(module, tests) {
  const own = module.replace(/\.ts$/, '.test.ts')
  const worth = (who) => (focus.get(who).get(module) ?? 0) / (5 + who[2])
  const within = (seconds, some) => {
    let left = seconds * 1000
    return some.filter(([, , ms]) => {
      if (ms > left) return false
      left -= ms
      return true
    })
  }
  const sorted = tests.toSorted((a, b) => (b[0] === own) - (a[0] === own) || worth(b) - worth(a))
  const first = within(Number(values.patience), sorted)
  const early = new Set(first)
  return { first, others: within(Number(values.long), sorted.filter((who) => !early.has(who))) }
}

let state = Number(values.seed) >>> 0
const random = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state / 4294967296 }

/** Those of an earlier FILE that no test noticed, as far as their places are still there. */
function survivorsOf(file) {
  const before = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line)).filter(({ killedBy }) => killedBy === null)
  const isSame = (a, b) => a.module === b.module && a.kind === b.kind && a.from === b.from && a.to === b.to
  const chosen = new Set(before.map((one) => all.filter((each) => isSame(each, one)).toSorted((a, b) => Math.abs(a.line - one.line) - Math.abs(b.line - one.line))[0]))
  chosen.delete(undefined)
  return [...chosen]
}

const all = []
for (const module of modules) {
  for (const mutant of mutate(readFileSync(join(root, module), 'utf8'), module).mutants) all.push({ module, ...mutant })
}
for (let i = all.length - 1; i > 0; i--) {
  const j = Math.floor(random() * (i + 1));
  [all[i], all[j]] = [all[j], all[i]]
}
const sample = values.again !== undefined ? survivorsOf(values.again) : values.sample === 'all' ? all : all.slice(0, Number(values.sample))
console.log(`${all.length} mutants, ${sample.length} of them tried (seed ${values.seed})`)

await bundle(suites, modules, scratch)
const whoMeets = await survey()
console.log(`surveyed after ${((performance.now() - began) / 1000).toFixed(0)} s`)

const results = []
function settle(mutant, killedBy) {
  results.push({ ...mutant, killedBy })
  if (killedBy === null) console.log(`SURVIVED ${mutant.module}:${mutant.line} ${mutant.kind}: ${JSON.stringify(mutant.from)} -> ${JSON.stringify(mutant.to)}`)
  if (values.out !== undefined) appendFileSync(values.out, `${JSON.stringify({ ...mutant, killedBy })}\n`)
}

// Batches of the sample as it was drawn: those tried when the time is over are a smaller sample.
const batches = []
for (let i = 0; i < sample.length; i += BATCH) batches.push(sample.slice(i, i + BATCH).sort((a, b) => (a.module < b.module ? -1 : a.module > b.module ? 1 : a.id - b.id)))
const end = began + Number(values.minutes) * 60_000

async function tryAll(batch) {
  const jobs = []
  const alone = []
  for (const mutant of batch) {
    const { isStatic, tests } = whoMeets(`${mutant.module}#${mutant.id}`)
    const { first, others } = order(mutant.module, tests)
    const each = { mutant, others, job: { id: mutant.id, module: mutant.module, tests: first } }
    if (tests.length === 0) settle(mutant, null)
    else (isStatic ? alone : jobs).push(each)
  }
  if (jobs.length > 0) await tryBatch(jobs)
  for (const each of alone) await tryAlone(each)
}

async function tryAlone({ mutant, others, job }) {
  const longest = Math.max(0, ...job.tests.map(([, , ms]) => ms))
  const found = []
  const ended = await work({ jobs: [job], alone: true }, ({ killedBy }) => { found.push(killedBy) }, SILENCE_S + longest / 100)
  await weigh({ mutant, others, job }, found.length > 0 ? found[0] : ended ? 'the process died' : 'a hang')
}

/** What the first tests did not notice is left to the others. */
async function weigh({ mutant, others, job }, killedBy) {
  if (killedBy === null && others.length > 0) await tryAlone({ mutant, others: [], job: { ...job, tests: others } })
  else settle(mutant, killedBy)
}

async function tryBatch(batch) {
  const unnoticed = []
  while (batch.length > 0) {
    let isUnsure = false
    await work({ jobs: batch.map(({ job }) => job) }, ({ killedBy, unsure }) => {
      if (unsure === true) isUnsure = true
      else unnoticed.push([batch.shift(), killedBy])
    })
    // What ended the process, or left it in doubt, is tried by itself.
    if (batch.length > 0 || isUnsure) await tryAlone(batch.shift())
  }
  for (const [each, killedBy] of unnoticed) await weigh(each, killedBy)
}

await Promise.all(Array.from({ length: Number(values.workers) }, async () => {
  while (batches.length > 0 && performance.now() < end) await tryAll(batches.shift())
}))
for (const folder of folders) {
  const those = results.filter((each) => each.module.startsWith(`${folder}/`))
  if (those.length === 0) continue
  const killed = those.filter((each) => each.killedBy !== null).length
  const percent = Number((100 * killed / those.length).toFixed(1))
  console.log(`${folder}: ${killed} of ${those.length} noticed, ${percent.toFixed(1)} %`)
  if (values.record) {
    const violations = percent < 85 ? [`${percent} % are under the goal of 85 %`] : []
    appendResult({
      row: 18, name: `mutation score of ${folder}`, date: new Date().toISOString(), commit: commitOf(), node: process.version, profile: `${process.platform} ${process.arch}`,
      seedFrom: Number(values.seed), seedTo: Number(values.seed), minutes: Number(((performance.now() - began) / 60_000).toFixed(1)), count: those.length, unit: 'mutants', acked: 0,
      faults: { noticed: killed, survived: those.length - killed }, violations, verdict: violations.length === 0 ? 'pass' : 'fail', details: { percent, of: all.filter((each) => each.module.startsWith(`${folder}/`)).length },
    })
  }
}
