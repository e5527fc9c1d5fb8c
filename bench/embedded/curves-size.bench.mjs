/** What a record costs at the end of a log of 1, 10 and 50 GB (`--long`; else up to 4 GB), 1 KB values, page cache (issue 5: at most twice as much). */
import { curve } from '../lib/curve.mjs'

export const run = ({ rounds, long }) => curve('cost by size of the log', (long ? [1, 10, 50] : [0.5, 1, 4]).map((gigabytes) => [
  `${gigabytes} GB`, { kind: 'size', gigabytes, count: 300_000, size: 1000 },
]), {
  produce: { label: 'send', must: 2 },
  consume: { label: 'consume the last records', must: 2 },
  lookup: { label: 'random look-up', unit: 'ns/look-up', must: 2 },
  openMs: { label: 'open', unit: 'ms' },
}, Math.min(rounds, 3))
