/**
 * Row 13: malformed frames (spec 4h). A structure-aware fuzzer on everything that reads bytes from elsewhere: the header and body of every request and
 * response at every version, record batches of magic 0 to 2, each codec's framing, snapshots, checkpoints, records of the coordinators, what consumers
 * exchange. What holds for each input is in ../fuzz/fuzzer.mjs, what is made in ../fuzz/targets.mjs and messages.mjs.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Fuzzer, saboteurs } from '../fuzz/fuzzer.mjs'
import { loadTargets } from '../fuzz/targets.mjs'

export const row = { id: 13, name: 'malformed frames', lane: 2, floor: { count: 1_000_000, unit: 'frames' }, seconds: 60 }

const LONG = 100_000_000
const STEP = 50_000

/** @param deadline milliseconds that are left. */
export async function run({ slice, seed = 1, deadline, report = () => {}, sabotage, dist, count }) {
  const { SeededRandom } = await import(pathToFileURL(join(dist, 'testing/index.js')).href)
  const stackLimit = Error.stackTraceLimit
  // Errors are made and thrown away by the hundred thousand here.
  Error.stackTraceLimit = sabotage === undefined ? 0 : 5
  try {
    const random = new SeededRandom(seed)
    const fuzzer = new Fuzzer(await loadTargets(dist, random), random, sabotage === undefined ? undefined : saboteurs[sabotage])
    const wanted = count ?? (slice === 'long' ? LONG : row.floor.count)
    const started = performance.now()
    const isOver = () => deadline() < 500
    while (fuzzer.count < wanted && fuzzer.violations.length === 0 && !isOver()) {
      await fuzzer.run(Math.min(STEP, wanted - fuzzer.count), isOver)
      report(`${fuzzer.count} frames, ${fuzzer.accepted} accepted`)
    }
    return verdict(fuzzer, performance.now() - started, seed)
  } finally {
    Error.stackTraceLimit = stackLimit
  }
}

function verdict(fuzzer, elapsedMs, seed) {
  const { count, accepted, refused, violations, slowestMs, greediest, measured, targets, warmRss } = fuzzer
  return {
    count, unit: 'frames', acked: 0, faults: { 'malformed frame refused': refused }, violations,
    details: {
      seed, accepted, refused, targets: targets.length, targetsThatAccepted: fuzzer.perTarget.size, framesPerSecond: Math.round(count / elapsedMs * 1000),
      slowestMs: Number(slowestMs.toFixed(2)), memoryMeasured: measured, mostMemoryOfLimit: Number(greediest.toFixed(3)), rssGrowthMiB: warmRss === 0 ? undefined : Math.round((process.memoryUsage.rss() - warmRss) / 2 ** 20),
    },
  }
}

/** Saboteurs that this row must catch. */
export const sabotages = Object.keys(saboteurs)
