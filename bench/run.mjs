/**
 * `npm run bench [-- NAME…] [--json] [--goals] [--long] [--rounds N]`: runs every `bench/<area>/<name>.bench.mjs` (or those whose path holds a NAME) on
 * the built `dist/`, each in its own process, and prints a table, or one JSON object per row. Apache Kafka (bench/kafka) is started only when it is named.
 * `--publish` runs all of them, Kafka too where Java is, and keeps what the docs show: raw rows, plots, tables, the baseline of `--guard`.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { fallen, saveBaseline } from './lib/guard.mjs'
import { load, machineProfile } from './report/machine.mjs'
import { readResults, writeDocs, writePlots } from './report/report.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' }, goals: { type: 'boolean' }, guard: { type: 'boolean' }, 'save-baseline': { type: 'boolean' }, publish: { type: 'boolean' }, long: { type: 'boolean' },
    rounds: { type: 'string', default: '5' }, child: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
  },
})

if (values.help) {
  console.log(`usage: npm run bench [-- NAME...] [--json] [--goals] [--guard] [--save-baseline] [--publish] [--long] [--rounds N]

NAME selects benchmarks whose path holds it; --json prints one object per row; --goals ends with "N met, N missed"; --long measures more and larger (50 GB);
--guard names what fell by more than 15 % since bench/baseline.json, --save-baseline writes that file; --publish runs all and writes bench/results/latest.jsonl,
docs/plots, the tables of docs/performance.md and bench/baseline.json.`)
  process.exit(0)
}

const here = import.meta.dirname
const files = readdirSync(here, { recursive: true }).map(String).filter((f) => f.endsWith('.bench.mjs') && !f.includes('node_modules')).sort()

if (values.child) {
  const { run } = await import(pathToFileURL(join(here, positionals[0])).href)
  for (const row of await run({ rounds: Number(values.rounds), long: values.long === true, publish: values.publish === true })) console.log(JSON.stringify(row))
  process.exit(0)
}

const format = (n) => n === null ? '' : Math.abs(n) >= 1000 ? Math.round(n).toLocaleString('en-US') : n.toPrecision(3)
const hasJava = () => spawnSync('java', ['-version'], { stdio: 'ignore' }).status === 0
// Apache Kafka is fetched and started only when it is asked for.
const isSelected = (file) => positionals.length === 0 ? !file.startsWith('kafka') || (values.publish && hasJava()) : positionals.some((name) => file.includes(name))
const selected = files.filter(isSelected)
if (selected.length === 0) {
  console.error(`no benchmark matches ${positionals.join(', ')}; there are: ${files.join(', ')}`)
  process.exit(2)
}
if (!values.json) console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}; medians of ${values.rounds} interleaved rounds\n`)

const hasPeers = existsSync(join(here, 'peers', 'node_modules'))
const results = join(here, 'results', 'latest.jsonl')
if (values.publish) {
  mkdirSync(dirname(results), { recursive: true })
  writeFileSync(results, `${JSON.stringify({ machine: machineProfile() })}\n`)
}
const began = Date.now()

let met = 0
let missed = 0
let broken = 0
const rows = []
for (const [at, file] of selected.entries()) {
  if (file.startsWith('peers') && !hasPeers) { console.error(`SKIPPED ${file}: first install what Ottla is compared with: npm ci --prefix bench/peers`); continue }
  if (values.publish) console.error(`[${Math.round((Date.now() - began) / 1000)} s] ${at + 1} of ${selected.length}: ${file}, load ${load()}`)
  const child = spawnSync(process.execPath, ['--expose-gc', join(here, 'run.mjs'), '--child', file, '--rounds', values.rounds, ...['long', 'publish'].filter((flag) => values[flag]).map((flag) => `--${flag}`)], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26, env: values.publish ? { ...process.env, OTTLA_BENCH_PROGRESS: '1' } : process.env,
  })
  if (child.status !== 0) { broken += 1; console.error(`${file} failed`); continue }
  if (!values.json) console.log(file)
  for (const line of child.stdout.split('\n').filter((l) => l.startsWith('{'))) {
    const row = JSON.parse(line)
    rows.push(row)
    if (values.publish) appendFileSync(results, `${line}\n`)
    if (row.met === true) met += 1
    if (row.met === false) missed += 1
    if (values.json) { console.log(line); continue }
    const goal = row.goal === null ? '' : `  goal ${row.better === 'more' ? '>=' : '<='} ${row.goal}  ${row.met ? 'met' : 'MISSED'}`
    console.log(`  ${row.name.padEnd(58)} ${format(row.ours).padStart(12)} ${row.unit.padEnd(10)} ${row.yardstickName === null ? '' : `ratio ${format(row.ratio)} (${format(row.min)}–${format(row.max)}) of ${row.yardstickName} ${format(row.yardstick)}`}${goal}`)
  }
}
if (values.publish) {
  const docs = join(here, '../docs')
  const kept = readResults(results)
  writeDocs(kept, writePlots(kept.rows, join(docs, 'plots')), join(docs, 'performance.md'))
  console.error(`written: bench/results/latest.jsonl, bench/baseline.json, docs/plots, docs/performance.md (${Math.round((Date.now() - began) / 1000)} s, load ${load()})`)
}
if (values.goals || values.publish) console.log(`${met} met, ${missed} missed`)
if (values['save-baseline'] || values.publish) saveBaseline(rows)
const lost = values.guard ? fallen(rows) : []
for (const line of lost) console.error(`FELL ${line}`)
if (values.guard && lost.length === 0) console.error(`nothing fell by more than 15 % in ${rows.length} rows`)
process.exit(broken === 0 && lost.length === 0 ? 0 : 1)
