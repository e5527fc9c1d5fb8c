/** What a record costs with 1 to 10,000 partitions of a topic (issue 5: at most twice as much over the range). 100 B, page cache. */
import { curve } from '../lib/curve.mjs'

export const run = ({ rounds, long }) => curve('cost by partitions', [1, 16, 64, 1000, 10_000].map((partitions) => [
  partitions.toLocaleString('en-US'), { kind: 'partitions', partitions, count: long ? 2_000_000 : partitions < 1000 ? 500_000 : 200_000 },
]), {
  sticky: { label: 'send without key', must: 2 },
  posted: { label: 'post, round robin', must: 2 },
  spread: { label: 'send, round robin, 8,192 out', must: 2 },
  stickyRead: { label: 'one consumer of all, full batches', must: 2 },
  postedRead: { label: 'one consumer of all, as posted', must: 2 },
}, long ? rounds : Math.min(rounds, 3))
