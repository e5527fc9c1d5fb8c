/**
 * What a record costs at the end of a log of 1, 10 and 50 GB, 1 KB values, page cache (issue 5: at most twice as much): with `--long` or `--publish`, where the
 * disk has room for it; else up to 4 GB.
 */
import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { curve } from '../lib/curve.mjs'

function hasRoom(gigabytes) {
  const { bavail, bsize } = statfsSync(process.env['OTTLA_BENCH_DIR'] ?? tmpdir())
  return bavail * bsize > gigabytes * 1e9
}

export const run = ({ rounds, long, publish }) => curve('cost by size of the log', ((long || publish) && hasRoom(55) ? [1, 10, 50] : [0.5, 1, 4]).map((gigabytes) => [
  `${gigabytes} GB`, { kind: 'size', gigabytes, count: 300_000, size: 1000 },
]), {
  produce: { label: 'send', must: 2 },
  consume: { label: 'consume the last records', must: 2 },
  lookup: { label: 'random look-up', unit: 'ns/look-up', must: 2 },
  openMs: { label: 'open', unit: 'ms' },
}, Math.min(rounds, 3))
