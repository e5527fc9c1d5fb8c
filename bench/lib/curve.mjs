/** Curves: one process per point, all points of a round in shuffled order; each point's cost is compared with the first point's of the same round. */
import { join } from 'node:path'
import { inOwnProcess } from './child.mjs'
import { interleave, row } from './measure.mjs'

const measure = (job) => inOwnProcess(join(import.meta.dirname, '../embedded/curve-point.mjs'), job)

/**
 * `points`: [x, job] in rising order; `series`: field of a point's answer → { label, unit, must }. Rows are named `TITLE, LABEL: X`; the goal of a point is
 * a multiple of the first one's cost.
 */
export async function curve(title, points, series, rounds) {
  const figures = await interleave(Object.fromEntries(points.map(([x, job]) => [x, () => measure(job)])), rounds, { warmUp: false })
  const [[first]] = points
  return Object.entries(series).flatMap(([field, { label, unit = 'ns/record', must }]) => points.map(([x], i) => row({
    name: `${title}, ${label}: ${x}`, unit, better: 'less', figures: figures[x].map((each) => each[field]), curve: { title, series: label, x },
    ...(i === 0 ? {} : { yardsticks: figures[first].map((each) => each[field]), yardstickName: `${first}`, must }),
  })))
}
