/** What it costs to hand out a record to each of 1 to 1,000 consumers of one topic (issue 5: at most twice as much over the range). 100 B. */
import { curve } from '../lib/curve.mjs'

const counts = { 1: 500_000, 10: 200_000, 100: 50_000, 1000: 20_000 }

export const run = ({ rounds, long }) => curve('cost by consumers of one topic', Object.entries(counts).map(([consumers, count]) => [
  Number(consumers).toLocaleString('en-US'), { kind: 'consumers', consumers: Number(consumers), count, live: count },
]), {
  catchUp: { label: 'catching up', must: 2 },
  follow: { label: 'following a producer', must: 2 },
  peakMegabytes: { label: 'resident memory at most', unit: 'MB' },
}, long ? rounds : Math.min(rounds, 3))
