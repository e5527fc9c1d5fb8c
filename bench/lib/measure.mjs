/**
 * Interleaved measurement: every round runs each variant once, in shuffled order, so that a noisy minute hits all of them. A figure is the
 * median over rounds; a ratio is taken round by round and its median, minimum and maximum are reported.
 */
export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const percentile = (values, p) => {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]
}

function shuffle(items) {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]]
  }
  return out
}

/**
 * `variants`: name → async () => figure. Returns name → figures, one a round, after one warm-up round, which variants that run in a process of their own
 * do without. Progress goes to the error stream where somebody looks at it.
 */
export async function interleave(variants, rounds = 5, { warmUp = true } = {}) {
  const figures = Object.fromEntries(Object.keys(variants).map((name) => [name, []]))
  for (let round = warmUp ? -1 : 0; round < rounds; round += 1) {
    if (process.stderr.isTTY || process.env['OTTLA_BENCH_PROGRESS'] !== undefined) console.error(round < 0 ? '  warm-up round' : `  round ${round + 1} of ${rounds}`)
    for (const name of shuffle(Object.keys(variants))) {
      globalThis.gc?.()
      const value = await variants[name]()
      if (round >= 0) figures[name].push(value)
    }
  }
  return figures
}

/**
 * One row of a report. `figures` and `yardsticks` are per round. `better: 'more'` (rates) or `'less'` (times); `ratio` is always ours / yardstick.
 * `goal` is { must, stretch } as ratios, met when ratio >= (more) or <= (less). `curve`: { title, series, x } of a point to be plotted.
 */
export function row({ name, unit, figures, yardsticks, yardstickName, better = 'more', must, stretch, curve }) {
  const ratios = yardsticks === undefined ? figures : figures.map((f, i) => f / yardsticks[i])
  const ratio = median(ratios)
  const met = must === undefined ? null : better === 'more' ? ratio >= must : ratio <= must
  return {
    name, unit, ours: median(figures), yardstick: yardsticks === undefined ? null : median(yardsticks), yardstickName: yardstickName ?? null, ratio,
    min: Math.min(...ratios), max: Math.max(...ratios), rounds: figures.length, goal: must ?? null, stretch: stretch ?? null, better, met,
    ...(curve === undefined ? {} : { curve }),
  }
}

/** Time per call in nanoseconds of a synchronous block that performs `count` operations. */
export function nanosecondsPer(count, block) {
  const started = process.hrtime.bigint()
  block()
  return Number(process.hrtime.bigint() - started) / count
}

export async function secondsOf(block) {
  const started = process.hrtime.bigint()
  await block()
  return Number(process.hrtime.bigint() - started) / 1e9
}
