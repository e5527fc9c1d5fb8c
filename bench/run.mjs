/**
 * `npm run bench [-- NAME…] [--json] [--goals] [--rounds N]`: runs every `bench/<area>/<name>.bench.mjs` (or those whose path holds a NAME) on the
 * built `dist/`, each in its own process, and prints a table, or one JSON object per row. Apache Kafka (bench/kafka) is started only when it is named.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { fallen, saveBaseline } from './lib/guard.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, goals: { type: 'boolean' }, guard: { type: 'boolean' }, 'save-baseline': { type: 'boolean' }, rounds: { type: 'string', default: '5' }, long: { type: 'boolean' }, child: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})

if (values.help) {
  console.log('usage: npm run bench [-- NAME...] [--json] [--goals] [--guard] [--save-baseline] [--rounds N]\n\nNAME selects benchmarks whose path holds it; --json prints one object per row; --goals ends with "N met, N missed";\n--guard names what fell by more than 15 % since bench/baseline.json, --save-baseline writes that file.')
  process.exit(0)
}

const here = import.meta.dirname
const files = readdirSync(here, { recursive: true }).map(String).filter((f) => f.endsWith('.bench.mjs') && !f.includes('node_modules')).sort()

if (values.child) {
  const { run } = await import(pathToFileURL(join(here, positionals[0])).href)
  for (const row of await run({ rounds: Number(values.rounds), long: values.long === true })) console.log(JSON.stringify(row))
  process.exit(0)
}

const format = (n) => n === null ? '' : Math.abs(n) >= 1000 ? Math.round(n).toLocaleString('en-US') : n.toPrecision(3)
// Apache Kafka is fetched and started only when it is asked for.
const selected = files.filter((f) => positionals.length === 0 ? !f.startsWith('kafka') : positionals.some((p) => f.includes(p)))
if (selected.length === 0) {
  console.error(`no benchmark matches ${positionals.join(', ')}; there are: ${files.join(', ')}`)
  process.exit(2)
}
if (!values.json) console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}; medians of ${values.rounds} interleaved rounds\n`)

const hasPeers = existsSync(join(here, 'peers', 'node_modules'))

let met = 0
let missed = 0
let broken = 0
const rows = []
for (const file of selected) {
  if (file.startsWith('peers') && !hasPeers) { console.error(`SKIPPED ${file}: first install what Ottla is compared with: npm ci --prefix bench/peers`); continue }
  const child = spawnSync(process.execPath, ['--expose-gc', join(here, 'run.mjs'), '--child', file, '--rounds', values.rounds, ...(values.long ? ['--long'] : [])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 })
  if (child.status !== 0) { broken += 1; console.error(`${file} failed`); continue }
  if (!values.json) console.log(file)
  for (const line of child.stdout.split('\n').filter((l) => l.startsWith('{'))) {
    const row = JSON.parse(line)
    rows.push(row)
    if (row.met === true) met += 1
    if (row.met === false) missed += 1
    if (values.json) { console.log(line); continue }
    const goal = row.goal === null ? '' : `  goal ${row.better === 'more' ? '>=' : '<='} ${row.goal}  ${row.met ? 'met' : 'MISSED'}`
    console.log(`  ${row.name.padEnd(58)} ${format(row.ours).padStart(12)} ${row.unit.padEnd(10)} ${row.yardstickName === null ? '' : `ratio ${format(row.ratio)} (${format(row.min)}–${format(row.max)}) of ${row.yardstickName} ${format(row.yardstick)}`}${goal}`)
  }
}
if (values.goals) console.log(`${met} met, ${missed} missed`)
if (values['save-baseline']) saveBaseline(rows)
const lost = values.guard ? fallen(rows) : []
for (const line of lost) console.error(`FELL ${line}`)
if (values.guard && lost.length === 0) console.error(`nothing fell by more than 15 % in ${rows.length} rows`)
process.exit(broken === 0 && lost.length === 0 ? 0 : 1)
