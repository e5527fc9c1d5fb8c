/**
 * `node bench/report/report.mjs RESULTS.jsonl [--plots DIR] [--docs FILE.md]`: the rows of `npm run bench -- --json` as Markdown tables, on the output or
 * between the marks `<!-- figures -->` and `<!-- /figures -->` of a file, and as plots (SVG): bars for the comparisons with other stores, lines for the
 * curves.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { barChart, lineChart, short } from './charts.mjs'

const OPEN = '<!-- figures -->'
const CLOSE = '<!-- /figures -->'

const goal = (row) => row.goal === null ? '' : `${row.better === 'more' ? '≥' : '≤'} ${row.goal} ${row.met ? 'met' : '**missed**'}`
const range = ({ ratio, min, max }) => `${short(ratio)} (${short(min)}–${short(max)})`
const ratio = (row) => row.yardstickName === null ? row.rounds > 1 ? `(${short(row.min)}–${short(row.max)})` : '' : range(row)

export function readResults(file) {
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  return { machine: lines.find((line) => line.machine !== undefined)?.machine ?? null, rows: lines.filter((line) => line.name !== undefined) }
}

export function table(rows) {
  return ['| what | ours | yardstick | ratio, or ours (min–max) | goal |', '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.name} | ${short(row.ours)} ${row.unit} | ${row.yardstickName === null ? '' : `${row.yardstickName}: ${short(row.yardstick)}`} | ${ratio(row)} | ${goal(row)} |`)].join('\n')
}

const slug = (text) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')

/** Title, series and unit → the points in order. */
function curvesOf(rows) {
  const curves = new Map()
  for (const row of rows) {
    if (row.curve === undefined) continue
    const { title, series } = row.curve
    const byUnit = curves.get(`${title}|${row.unit}`) ?? { title, unit: row.unit, series: new Map() }
    byUnit.series.set(series, [...byUnit.series.get(series) ?? [], row])
    curves.set(`${title}|${row.unit}`, byUnit)
  }
  return [...curves.values()]
}

function curveTable(curves) {
  const lines = curves.flatMap(({ title, unit, series }) => [...series].map(([label, points]) => {
    const worst = points.slice(1).reduce((a, b) => b.ratio > a.ratio ? b : a)
    return `| ${title}, ${label} | ${points.map((each) => `${each.curve.x}: ${short(each.ours)}`).join(', ')} ${unit} | ${range(worst)} at ${worst.curve.x} | ${goal(worst)} |`
  }))
  return ['| curve | points | highest, as a multiple of the first (min–max) | goal |', '|---|---|---|---|', ...lines].join('\n')
}

/** Comparisons with other stores: title → bars, ours first. */
function comparisonsOf(rows) {
  const groups = new Map()
  for (const row of rows) {
    const [title, peer] = row.name.split(', against ')
    if (peer === undefined || row.unit !== 'rec/s') continue
    const bars = groups.get(title) ?? [['Ottla', row.ours]]
    if (!bars.some(([label]) => label === peer)) bars.push([peer, row.yardstick])
    groups.set(title, bars)
  }
  return [...groups].filter(([, bars]) => bars.length > 2)
}

/** Writes all plots; their names and titles. */
export function writePlots(rows, directory) {
  mkdirSync(directory, { recursive: true })
  const plots = []
  const write = (title, svg) => {
    const file = join(directory, `${slug(title)}.svg`)
    writeFileSync(file, svg)
    plots.push({ title, file })
  }
  for (const [title, bars] of comparisonsOf(rows)) write(title, barChart(`${title}, records a second`, bars))
  for (const { title, unit, series } of curvesOf(rows)) {
    const [first] = series.values()
    write(`${title} in ${unit}`, lineChart(title, unit, first.map((each) => each.curve.x), [...series].map(([label, points]) => [label, points.map((each) => each.ours)])))
  }
  return plots
}

export function markdown({ machine, rows }, plots, from) {
  const counted = rows.filter((row) => row.met !== null)
  const about = machine === null ? '' : `Node ${machine.node}, ${machine.cpus} × ${machine.model}, ${machine.memoryGB} GB, ${machine.system}, ${machine.fileSystem ?? 'unknown file system'}, commit ${machine.commit}, ${machine.date}; load average ${machine.load} before the run.`
  const images = plots.map(({ title, file }) => `![${title}](${relative(from, file).replaceAll('\\', '/')})`)
  const curves = curvesOf(rows)
  return [about, `${counted.filter((row) => row.met).length} goals met, ${counted.filter((row) => !row.met).length} missed.`, table(rows.filter((row) => row.curve === undefined)),
    ...(curves.length === 0 ? [] : [curveTable(curves)]), images.join('\n')].filter((part) => part !== '').join('\n\n')
}

export function writeDocs(results, plots, file) {
  const text = readFileSync(file, 'utf8')
  const start = text.indexOf(OPEN)
  const end = text.indexOf(CLOSE)
  if (start < 0 || end < start) throw new Error(`${file} has no place for the figures: the lines ${OPEN} and ${CLOSE}`)
  writeFileSync(file, `${text.slice(0, start + OPEN.length)}\n${markdown(results, plots, dirname(file))}\n${text.slice(end)}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { plots: { type: 'string' }, docs: { type: 'string' } } })
  if (positionals.length !== 1) {
    console.error('usage: node bench/report/report.mjs RESULTS.jsonl [--plots DIR] [--docs FILE.md]')
    process.exit(2)
  }
  const results = readResults(positionals[0])
  const plots = values.plots === undefined ? [] : writePlots(results.rows, values.plots)
  if (values.docs === undefined) console.log(markdown(results, plots, '.'))
  else writeDocs(results, plots, values.docs)
}
