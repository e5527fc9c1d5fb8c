/**
 * `node bench/report/report.mjs RESULTS.jsonl [--plots DIR]`: the rows of `npm run bench -- --json` as a Markdown table, and the comparisons with other
 * stores as bar charts (SVG, one per workload; longer is better).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { plots: { type: 'string' } } })
if (positionals.length !== 1) {
  console.error('usage: node bench/report/report.mjs RESULTS.jsonl [--plots DIR]')
  process.exit(2)
}
const rows = readFileSync(positionals[0], 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))

const short = (n) => n >= 1e9 ? `${(n / 1e9).toPrecision(3)} G` : n >= 1e6 ? `${(n / 1e6).toPrecision(3)} M` : n >= 1e4 ? `${(n / 1e3).toPrecision(3)} k` : String(Number(n.toPrecision(3)))
const goal = (row) => row.goal === null ? '' : `${row.better === 'more' ? '≥' : '≤'} ${row.goal} ${row.met ? 'met' : '**missed**'}`
const ratio = (row) => row.yardstickName === null ? '' : `${row.ratio.toPrecision(3)} (${row.min.toPrecision(3)}–${row.max.toPrecision(3)})`

console.log('| what | ours | yardstick | ratio (min–max) | goal |\n|---|---|---|---|---|')
for (const row of rows) console.log(`| ${row.name} | ${short(row.ours)} ${row.unit} | ${row.yardstickName === null ? '' : `${row.yardstickName}: ${short(row.yardstick)}`} | ${ratio(row)} | ${goal(row)} |`)

const BAR = 22
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Bars from the left, ours first; `bars` are [label, records a second]. */
function chart(title, bars) {
  const most = Math.max(...bars.map(([, rate]) => rate))
  const height = 40 + bars.length * BAR
  const lines = bars.flatMap(([label, rate], i) => {
    const y = 34 + i * BAR
    const width = Math.max(1, rate / most * 360)
    return [
      `<text x="150" y="${y + 12}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="158" y="${y}" width="${width.toFixed(1)}" height="16" fill="${label === 'Ottla' ? '#c2410c' : '#94a3b8'}"/>`,
      `<text x="${(164 + width).toFixed(1)}" y="${y + 12}">${short(rate)}/s</text>`,
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 ${height}" width="600" height="${height}" font-family="sans-serif" font-size="12">
<rect width="600" height="${height}" fill="#ffffff"/>
<text x="10" y="20" font-size="14" font-weight="bold">${escape(title)}</text>
${lines.join('\n')}
</svg>
`
}

if (values.plots !== undefined) {
  mkdirSync(values.plots, { recursive: true })
  const groups = new Map()
  for (const row of rows) {
    const [title, peer] = row.name.split(', against ')
    if (peer === undefined || row.unit !== 'rec/s') continue
    const bars = groups.get(title) ?? [['Ottla', row.ours]]
    bars.push([peer, row.yardstick])
    groups.set(title, bars)
  }
  for (const [title, bars] of groups) writeFileSync(join(values.plots, `${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.svg`), chart(title, bars))
}
