/**
 * Durable sends (`acks=all`) in closed loops of 1, 64 and 1024 senders, against the raw write-and-sync loop and LMDB (targets 10, 11, 15, 16, 23), each in a
 * process of its own. "Over zeros": the topic has `preallocate` on.
 */
import { join } from 'node:path'
import { inOwnProcess } from '../lib/child.mjs'
import { interleave, median, row } from '../lib/measure.mjs'

const point = (job) => inOwnProcess(join(import.meta.dirname, 'durable-point.mjs'), job)
const rate = (job) => () => point(job).rate
const ours = (senders, count, acks, config = {}) => ({ what: 'ottla', senders, count, acks, config })
const preallocate = { preallocate: true }

export async function run({ rounds }) {
  const perSync = []
  const figures = await interleave({
    raw: rate({ what: 'raw' }),
    one: rate(ours(1, 3000, 'all')),
    oneOverZeros: rate(ours(1, 3000, 'all', preallocate)),
    many: () => {
      const found = point(ours(64, 120_000, 'all'))
      perSync.push(found.perSync)
      return found.rate
    },
    manyOverZeros: rate(ours(64, 120_000, 'all', preallocate)),
    crowd: rate(ours(1024, 800_000, 'all')),
    manyUnsynced: rate(ours(64, 800_000, 1)),
    crowdUnsynced: rate(ours(1024, 800_000, 1)),
    lmdbMany: rate({ what: 'lmdb', senders: 64, count: 60_000 }),
    lmdbCrowd: rate({ what: 'lmdb', senders: 1024, count: 400_000 }),
  }, rounds, { warmUp: false })
  const limit = (senders, unsynced) => figures.raw.map((raw, i) => Math.min(raw * senders, unsynced[i]))
  const loop = { yardsticks: figures.raw, yardstickName: 'writeSync + fdatasyncSync loop' }
  const many = { unit: 'rec/s', yardsticks: limit(64, figures.manyUnsynced), yardstickName: 'min(64 raw loops, own not-synced rate)', must: 0.6, stretch: 0.8 }
  return [
    row({ name: 'durable, 1 sender', unit: 'rec/s', figures: figures.one, ...loop, must: 0.55, stretch: 0.7 }),
    row({ name: 'durable, 1 sender, over zeros', unit: 'rec/s', figures: figures.oneOverZeros, ...loop, must: 0.75, stretch: 0.9 }),
    row({ name: 'durable, 64 senders', figures: figures.many, ...many }),
    row({ name: 'durable, 64 senders, over zeros', figures: figures.manyOverZeros, ...many }),
    row({ name: 'durable, 1024 senders', unit: 'rec/s', figures: figures.crowd, yardsticks: limit(1024, figures.crowdUnsynced), yardstickName: 'min(1024 raw loops, own not-synced rate)', must: 0.6, stretch: 0.8 }),
    row({ name: 'records per fdatasync, 64 senders', unit: 'records', figures: perSync, must: 56, stretch: 62 }),
    row({ name: 'durable, 64 senders, against LMDB', unit: 'rec/s', figures: figures.many, yardsticks: figures.lmdbMany, yardstickName: 'lmdb sync commit', must: 1.3, stretch: 2 }),
    row({ name: 'durable, 1024 senders, against LMDB', unit: 'rec/s', figures: figures.crowd, yardsticks: figures.lmdbCrowd, yardstickName: 'lmdb sync commit', must: 1.8, stretch: 3 }),
    row({ name: 'raw write-and-sync loop', unit: 'rec/s', figures: figures.raw.map(() => median(figures.raw)) }),
  ]
}
