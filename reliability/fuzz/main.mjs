/**
 * `npm run fuzz -- [--count N] [--seed S] [--minutes M] [--sabotage NAME]`: row 13 by itself, on the built `dist/`. Default: a million inputs, a seed from the
 * clock. Ends with one line `N frames, M violations`; exit 1 when there are any. The seed is printed: the same one makes the same inputs.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { row, run, sabotages } from '../rows/13-malformed-frames.mjs'

const { values } = parseArgs({
  options: { count: { type: 'string' }, seed: { type: 'string' }, minutes: { type: 'string', default: '60' }, sabotage: { type: 'string' }, dist: { type: 'string', default: 'dist' } },
})
if (values.sabotage !== undefined && !sabotages.includes(values.sabotage)) {
  console.error(`no such saboteur; there are: ${sabotages.join(', ')}`)
  process.exit(64)
}
const end = performance.now() + Number(values.minutes) * 60_000
const seed = Number(values.seed ?? Math.floor(Date.now() / 1000))
console.log(`seed ${seed}`)
const result = await run({
  slice: 'ci', seed, count: Number(values.count ?? row.floor.count), sabotage: values.sabotage, dist: resolve(values.dist), deadline: () => end - performance.now(),
  report: (text) => { if (process.stdout.isTTY) process.stdout.write(`\r${text}  `) },
})
console.log(JSON.stringify(result.details))
for (const violation of result.violations) console.error(violation)
console.log(`${result.count} frames, ${result.violations.length} violations`)
process.exit(result.violations.length === 0 ? 0 : 1)
