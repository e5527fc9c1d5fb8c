/**
 * Mutation score of `src/record` and `src/log`: how many small changes of the source the unit tests notice.
 *
 *   node reliability/mutation/run.mjs [--sample 600] [--seed 1] [--only src/log/segment] [--workers 1] [--out FILE]
 *
 * 1. All modules with all mutants in, none on: which test file meets which mutant. One that none meets is a survivor.
 * 2. A sample (by seed; `--sample all` for all of them), module by module: the mutant on, the test files that meet it, its own and the quick ones first, until
 *    one fails. A process that says nothing for two minutes hangs; that is noticed too.
 *
 * Prints each survivor and, last, the score. It writes FILE (one line of JSON a mutant) and nothing else. Survivors that are no lack of tests: survivors.md.
 */
import { spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { mutate } from './mutants.mjs'

const { values } = parseArgs({ options: {
  sample: { type: 'string', default: '600' }, seed: { type: 'string', default: '1' }, only: { type: 'string', default: 'src/' }, workers: { type: 'string', default: '1' },
  out: { type: 'string' },
} })
const root = resolve(import.meta.dirname, '../..')
const scratch = mkdtempSync(join(tmpdir(), 'ottla-mutation-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
const SILENCE_MS = 120_000

const filesOf = (folder, test) => readdirSync(join(root, folder)).filter((name) => name.endsWith('.ts') && name.endsWith('.test.ts') === test).map((name) => `${folder}/${name}`)
const modules = [...filesOf('src/record', false), ...filesOf('src/log', false)]
const suites = [...filesOf('src/record', true), ...filesOf('src/log', true), ...filesOf('test/regressions', true)]

/** Runs a worker and gives its lines to `onLine`; resolves with whether it ended by itself. */
function work(module, request, onLine) {
  return new Promise((done) => {
    const state = join(scratch, `${basename(module)}.${Math.floor(performance.now())}.json`)
    const child = spawn(process.execPath, [join(import.meta.dirname, 'worker.mjs'), module], {
      cwd: root, stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, OTTLA_MUTANT: state, VITEST: 'true' },
    })
    let hung = false
    const watch = () => setTimeout(() => { hung = true; child.kill('SIGKILL') }, SILENCE_MS)
    let silence = watch()
    let text = ''
    child.stdout.on('data', (chunk) => {
      clearTimeout(silence)
      silence = watch()
      text += chunk
      const lines = text.split('\n')
      text = lines.pop()
      for (const line of lines) if (line.startsWith('{')) onLine(JSON.parse(line))
    })
    child.on('close', () => { clearTimeout(silence); done(!hung) })
    child.stdin.end(JSON.stringify(request))
  })
}

/** Which tests meet which mutants: `<module>#<id>` → test files; and how long each file takes. */
async function survey() {
  const hits = join(scratch, 'hits.jsonl')
  writeFileSync(hits, '')
  const times = new Map()
  await work('all', { hits, jobs: [{ id: -1, tests: suites }] }, ({ test, ms, failed }) => {
    if (failed) throw new Error(`${test} fails without a mutant`)
    times.set(test, ms)
  })
  const met = new Map()
  for (const line of readFileSync(hits, 'utf8').split('\n')) {
    if (line === '') continue
    const { test, path, ids } = JSON.parse(line)
    for (const id of ids) {
      const key = `${path}#${id}`
      const tests = met.get(key) ?? new Set()
      met.set(key, tests.add(relative(root, test)))
    }
  }
  return { met, times }
}

/** The tests of a mutant: those of its own module first, then the quick ones. */
function order(module, tests, times) {
  const own = module.replace(/\.ts$/, '.test.ts')
  return [...tests].sort((a, b) => (a === own ? -1 : b === own ? 1 : times.get(a) - times.get(b)))
}

let state = Number(values.seed) >>> 0
const random = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state / 4294967296 }

const all = []
for (const module of modules) {
  if (!module.startsWith(values.only)) continue
  for (const mutant of mutate(readFileSync(join(root, module), 'utf8'), module).mutants) all.push({ module, ...mutant })
}
for (let i = all.length - 1; i > 0; i--) {
  const j = Math.floor(random() * (i + 1));
  [all[i], all[j]] = [all[j], all[i]]
}
const sample = values.sample === 'all' ? all : all.slice(0, Number(values.sample))
console.log(`${all.length} mutants, ${sample.length} of them tried (seed ${values.seed})`)

const { met, times } = await survey()
const results = []
function record(mutant, killedBy) {
  results.push({ ...mutant, killedBy })
  if (killedBy === null) console.log(`SURVIVED ${mutant.module}:${mutant.line} ${mutant.kind}: ${JSON.stringify(mutant.from)} -> ${JSON.stringify(mutant.to)}`)
  if (values.out !== undefined) appendFileSync(values.out, `${JSON.stringify({ ...mutant, killedBy })}\n`)
}

async function tryModule(module) {
  const mine = sample.filter((each) => each.module === module)
  const waiting = mine.flatMap((mutant) => {
    const tests = met.get(`${module}#${mutant.id}`)
    if (tests !== undefined) return [{ mutant, tests: order(module, tests, times) }]
    record(mutant, null)
    return []
  })
  while (waiting.length > 0) {
    const ended = await work(module, { jobs: waiting.map(({ mutant, tests }) => ({ id: mutant.id, tests })) }, ({ killedBy }) => record(waiting.shift().mutant, killedBy))
    if (waiting.length > 0) record(waiting.shift().mutant, ended ? 'the process died' : 'a hang')
  }
}

const queue = [...new Set(sample.map((each) => each.module))].sort()
await Promise.all(Array.from({ length: Number(values.workers) }, async () => {
  for (let module = queue.shift(); module !== undefined; module = queue.shift()) await tryModule(module)
}))
for (const folder of ['src/record', 'src/log']) {
  const those = results.filter((each) => each.module.startsWith(folder))
  const killed = those.filter((each) => each.killedBy !== null).length
  if (those.length > 0) console.log(`${folder}: ${killed} of ${those.length} noticed, ${(100 * killed / those.length).toFixed(1)} %`)
}
