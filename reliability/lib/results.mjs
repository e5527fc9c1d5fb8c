/** The results that were kept: one JSON object a line in ../results.jsonl, and the table of their sums. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const file = join(root, 'reliability', 'results.jsonl')
export const BEGIN = '<!-- reliability results: node reliability/run.mjs summary -->'
export const END = '<!-- end of reliability results -->'

/** The commit that runs; a `+` says that the sources differ from it. */
export function commitOf() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? ''
  return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'src', 'reliability/rows', 'reliability/lib') === '' ? '' : '+')
}

export function appendResult(result) { appendFileSync(file, `${JSON.stringify(result)}\n`) }

export function readResults() {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)) : []
}

/** @param {Record<string, number> | number | undefined} faults @returns {number} */
export const totalOf = (faults) => (typeof faults === 'object' && faults !== null ? Object.values(faults).reduce((sum, n) => sum + n, 0) : faults ?? 0)

/** One line a row: what ran in all long runs together, whatever came out of them. */
export function summaryTable(results = readResults()) {
  const rows = new Map()
  for (const result of results) {
    const sum = rows.get(result.row) ?? { name: result.name, runs: 0, minutes: 0, count: 0, unit: result.unit, acked: 0, faults: 0, violations: 0 }
    sum.runs += 1
    for (const key of ['minutes', 'count', 'acked']) sum[key] += result[key] ?? 0
    sum.faults += totalOf(result.faults)
    sum.violations += result.violations.length
    rows.set(result.row, sum)
  }
  const number = (n) => Math.round(n).toLocaleString('en-US')
  return [
    '| row | attack | runs | minutes | count | acknowledged | faults | violations |', '|---|---|---|---|---|---|---|---|',
    ...[...rows].sort(([a], [b]) => a - b).map(([id, s]) =>
      `| ${id} | ${s.name} | ${s.runs} | ${number(s.minutes)} | ${number(s.count)} ${s.unit} | ${number(s.acked)} | ${number(s.faults)} | ${s.violations} |`),
  ].join('\n')
}

/** Whether docs/durability.md holds the table as it is now. */
export function isDocumented() {
  const text = readFileSync(join(root, 'docs', 'durability.md'), 'utf8')
  return text.includes(`${BEGIN}\n${summaryTable()}\n${END}`)
}
