/** What fell: this run's ratios against the committed ones of bench/baseline.json. Run by hand and before a release, never as a test. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const file = join(import.meta.dirname, '..', 'baseline.json')
const TOLERANCE = 0.15

/** Rows measured against a yardstick travel between machines; plain times and sizes do not, and are left out, as are the points of curves. */
const comparable = (rows) => rows.filter((row) => row.yardstickName !== null && row.curve === undefined)

export function saveBaseline(rows) {
  const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  for (const { name, ratio, better } of comparable(rows)) known[name] = { ratio: Number(ratio.toPrecision(4)), better }
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(Object.entries(known).sort(([a], [b]) => a < b ? -1 : 1)), null, 2)}\n`)
}

/** A line for each row that got worse by more than the tolerance. */
export function fallen(rows) {
  const known = JSON.parse(readFileSync(file, 'utf8'))
  return comparable(rows).flatMap(({ name, ratio, better }) => {
    const before = known[name]
    if (before === undefined) return []
    const change = better === 'more' ? ratio / before.ratio - 1 : before.ratio / ratio - 1
    return change < -TOLERANCE ? [`${name}: ${ratio.toPrecision(3)}, was ${before.ratio.toPrecision(3)} (${Math.round(change * 100)} %)`] : []
  })
}
