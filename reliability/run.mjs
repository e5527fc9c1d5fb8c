/**
 * The reliability rows (docs/durability.md). Each is `rows/NN-name.mjs`, which exports
 *
 *   row   { id, name, lane: 1 | 2 | 3, floor: { count, unit }, seconds }
 *   run   ({ slice: 'ci' | 'long', seed, deadline: () => ms left, report: (line) => void, sabotage, dist }) →
 *         { count, unit, acked, faults: { kind: n }, violations: string[], skipped?: reason, details }
 *
 * Every row runs in a process of its own; the same seed makes the same choices. In CI the rows of lanes 1 and 2 run side by side, and much of their time is
 * spent waiting for disks and dead processes; lane 3 has those that only compute, and takes what is left of both cores.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { appendResult, commitOf, isDocumented, summaryTable, totalOf } from './lib/results.mjs'
import { isPatch, sabotagedDist } from './lib/sabotage.mjs'

const HELP = `Usage:
  node reliability/run.mjs ci [--row N]… [--seed S]          every row's CI slice, in three lanes (npm run rel:ci)
  node reliability/run.mjs long --row N --minutes M          one row until the time is over; appends to reliability/results.jsonl
                       [--seed-from S] [--no-record]
  node reliability/run.mjs row --row N [--seed S] [--long]   one row, here, in full words
  node reliability/run.mjs summary [--check]                 the sums of results.jsonl as docs/durability.md holds them

  --dist DIR        the build under test (default: dist)
  --sabotage NAME   with a planted bug: one of reliability/saboteurs.mjs, or of the row itself; it must turn red`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', short: 'h' }, row: { type: 'string', multiple: true }, seed: { type: 'string' }, 'seed-from': { type: 'string' }, minutes: { type: 'string' },
    dist: { type: 'string' }, sabotage: { type: 'string' }, long: { type: 'boolean' }, json: { type: 'boolean' }, check: { type: 'boolean' }, 'no-record': { type: 'boolean' },
  },
})

const root = resolve(import.meta.dirname, '..')
const folder = join(import.meta.dirname, 'rows')
const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+-.*\.mjs$/.test(name)).sort() : []
const load = (file) => import(pathToFileURL(join(folder, file)).href)
/** How many times its processor time a slice of CI may take by the clock. */
const PATIENCE = 4
const idOf = (file) => Number(file.split('-')[0])
const day = () => Math.floor(Date.now() / 86_400_000)

function wholeNumber(text, name, fallback) {
  if (text === undefined) return fallback
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) stop(`--${name} needs a number, not ${text}`)
  return value
}

function stop(message) {
  console.error(`${message}\n\n${HELP}`)
  process.exit(2)
}

function fileOf(id) {
  const file = files.find((name) => idOf(name) === Number(id))
  return file ?? stop(`there is no row ${id}; there are ${files.map(idOf).join(', ')}`)
}

function processorMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Runs a row in this process. */
async function runHere(file, { slice, seed, milliseconds, report }) {
  const { run } = await load(file)
  const { sabotage } = values
  const patched = sabotage !== undefined && isPatch(sabotage)
  const dist = patched ? sabotagedDist([sabotage]) : resolve(values.dist ?? join(root, 'dist'))
  const end = performance.now() + milliseconds
  // A slice of CI ends by the processor time it took, so that a machine with other work reaches the same counts; at last by the clock all the same.
  const left = () => slice === 'ci' ? Math.min(milliseconds - processorMs(), end + (PATIENCE - 1) * milliseconds - performance.now()) : end - performance.now()
  return run({ slice, seed, deadline: left, report, sabotage: patched ? undefined : sabotage, dist })
}

/** Gives a process what others leave. On Linux a session has a priority of its own, which counts first. */
function yieldTo(others, pid) {
  try {
    setPriority(pid, others)
    writeFileSync(`/proc/${pid}/autogroup`, String(others))
  } catch {
    // It costs time, not truth.
  }
}

/** As `runHere`, in a process of its own that ends with one line of JSON. A row that says nothing or ends otherwise is a violation. */
function runApart(file, { seed, row: { seconds, lane } }) {
  return new Promise((done) => {
    const args = [import.meta.filename, 'row', '--row', String(idOf(file)), '--seed', String(seed), '--json']
    if (values.dist !== undefined) args.push('--dist', values.dist)
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    if (lane === 3 && child.pid !== undefined) yieldTo(10, child.pid)
    let out = ''
    let errors = ''
    child.stdout.on('data', (chunk) => { out += chunk })
    child.stderr.on('data', (chunk) => { errors += chunk })
    const timer = setTimeout(() => { errors += '\nkilled: it did not end'; process.kill(-(child.pid ?? 0), 'SIGKILL') }, (seconds * PATIENCE + 60) * 1000)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      try {
        done(JSON.parse(out.trim().split('\n').at(-1)))
      } catch {
        done({ count: 0, unit: '', violations: [`the row ended with ${signal ?? code} and no result: ${errors.trim().slice(-1500)}`] })
      }
    })
  })
}

const verdictOf = (row, result, slice) => {
  if (result.skipped !== undefined) return 'SKIPPED'
  if (result.violations.length > 0) return 'FAIL'
  return slice === 'ci' && result.count < row.floor.count ? 'FAIL' : 'PASS'
}

function lineOf(row, result, verdict, seed, seconds) {
  if (verdict === 'SKIPPED') return `SKIPPED row ${row.id}: ${result.skipped} (owed: ${row.name})`
  const parts = [`row ${row.id} ${row.name}`, `${result.count.toLocaleString('en-US')} ${result.unit || row.floor.unit}`]
  if (result.acked > 0) parts.push(`${result.acked.toLocaleString('en-US')} acked`)
  if (totalOf(result.faults) > 0) parts.push(`${totalOf(result.faults).toLocaleString('en-US')} faults`)
  return `${[...parts, `seed ${seed}`, verdict].join('  ')} (${seconds.toFixed(0)} s)`
}

function explain(row, result, slice) {
  for (const violation of result.violations.slice(0, 10)) console.log(`    ${violation.split('\n').join('\n    ')}`)
  if (result.violations.length > 10) console.log(`    … and ${result.violations.length - 10} more`)
  if (slice === 'ci' && result.skipped === undefined && result.count < row.floor.count) console.log(`    ${result.count} ${row.floor.unit} are under the floor of ${row.floor.count}`)
}

async function ci() {
  const wanted = values.row?.map(fileOf) ?? files
  const seed = wholeNumber(values.seed, 'seed', day())
  const counts = { PASS: 0, FAIL: 0, SKIPPED: 0 }
  const rows = await Promise.all(wanted.map(async (file) => ({ file, row: (await load(file)).row })))
  const lane = async (number) => {
    for (const { file, row } of rows.filter((each) => each.row.lane === number)) {
      const began = performance.now()
      const result = await runApart(file, { seed, row })
      const verdict = verdictOf(row, result, 'ci')
      counts[verdict] += 1
      console.log(lineOf(row, result, verdict, seed, (performance.now() - began) / 1000))
      explain(row, result, 'ci')
    }
  }
  await Promise.all([lane(1), lane(2), lane(3)])
  console.log(`${counts.PASS} passed, ${counts.FAIL} failed, ${counts.SKIPPED} skipped`)
  process.exitCode = counts.FAIL === 0 ? 0 : 1
}

/** Two results of one row, of different seeds; of the details, the later ones. */
function together(first, second) {
  const faults = { ...first.faults }
  for (const [kind, count] of Object.entries(second.faults ?? {})) faults[kind] = (faults[kind] ?? 0) + count
  const violations = [...first.violations, ...second.violations]
  return { ...second, count: first.count + second.count, acked: (first.acked ?? 0) + (second.acked ?? 0), faults, violations }
}

async function long() {
  if (values.row?.length !== 1) stop('long needs one --row')
  const file = fileOf(values.row[0])
  const { row } = await load(file)
  const minutes = wholeNumber(values.minutes, 'minutes') ?? stop('long needs --minutes')
  const seedFrom = wholeNumber(values['seed-from'], 'seed-from', 1)
  const commit = commitOf()
  const began = performance.now()
  const report = (text) => console.log(`[${((performance.now() - began) / 60_000).toFixed(1)} min] row ${row.id}: ${text}`)
  const left = () => minutes * 60_000 - (performance.now() - began)
  let result
  let seed = seedFrom
  // A row that has tried all that one seed gives takes the next one, as long as there is time for as much again.
  for (;; seed += 1) {
    const before = left()
    const next = await runHere(file, { slice: 'long', seed, milliseconds: before, report })
    result = result === undefined ? next : together(result, next)
    seed = next.details?.seedTo ?? seed
    if (left() < before - left() || result.violations.length > 0 || result.skipped !== undefined) break
    report(`${result.count.toLocaleString('en-US')} ${result.unit || row.floor.unit} up to seed ${seed}`)
  }
  const verdict = verdictOf(row, result, 'long')
  console.log(lineOf(row, result, verdict, seedFrom, (performance.now() - began) / 1000))
  explain(row, result, 'long')
  if (values['no-record'] !== true && values.sabotage === undefined) {
    const { count, unit, acked = 0, faults = {}, violations, details, skipped } = result
    appendResult({
      row: row.id, name: row.name, date: new Date().toISOString(), commit, node: process.version, profile: `${process.platform} ${process.arch}`, seedFrom,
      seedTo: seed, minutes: Number(((performance.now() - began) / 60_000).toFixed(1)), count, unit: unit || row.floor.unit, acked, faults, violations,
      verdict: verdict.toLowerCase(), ...(skipped === undefined ? {} : { skipped }), details,
    })
  }
  process.exitCode = verdict === 'FAIL' ? 1 : 0
}

async function one() {
  if (values.row?.length !== 1) stop('row needs one --row')
  const file = fileOf(values.row[0])
  const { row } = await load(file)
  const seed = wholeNumber(values.seed, 'seed', day())
  const slice = values.long === true ? 'long' : 'ci'
  const report = values.json === true ? () => {} : (text) => console.log(text)
  const minutes = wholeNumber(values.minutes, 'minutes')
  const began = performance.now()
  const result = await runHere(file, { slice, seed, milliseconds: minutes === undefined ? row.seconds * 1000 : minutes * 60_000, report })
  if (values.json === true) console.log(JSON.stringify(result))
  else {
    const verdict = verdictOf(row, result, slice)
    console.log(lineOf(row, result, verdict, seed, (performance.now() - began) / 1000))
    explain(row, result, slice)
    console.log(JSON.stringify({ faults: result.faults, details: result.details }, null, 2))
    process.exitCode = verdict === 'FAIL' ? 1 : 0
  }
}

function summary() {
  if (values.check !== true) console.log(summaryTable())
  else if (!isDocumented()) {
    console.error('docs/durability.md does not hold the sums of reliability/results.jsonl: put the output of `node reliability/run.mjs summary` between its marks')
    process.exitCode = 1
  }
}

const commands = { ci, long, row: one, summary }
if (values.help === true) console.log(HELP)
else await (commands[positionals[0]] ?? (() => stop(positionals.length === 0 ? 'say what to run' : `${positionals[0]} is no command`)))()
