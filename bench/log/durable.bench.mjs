/** Durable sends (`acks=all`) in closed loops of 1, 64 and 1024 senders, against the raw write-and-sync loop and LMDB (targets 10, 15, 16, 23). */
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { interleave, median, row } from '../lib/measure.mjs'
import { closedLoop, rawSyncLoopRate, rawWriteRate, withDatabase, withScratch } from '../lib/workspace.mjs'

const value = Buffer.alloc(100, 0x61)

/**
 * Before the time is taken: the collection of garbage before each variant throws compiled code away, and memory that the machine has not touched yet
 * costs ten times as much to write to.
 */
const warmUp = (senders) => senders === 1 ? 2000 : senders < 1000 ? 200_000 : 800_000
const touchMemory = (scratch) => rawWriteRate(scratch, 256 << 20)

const ours = (senders, count, acks) => () => withDatabase({}, async (ottla, scratch) => {
  touchMemory(scratch)
  const producer = ottla.producer({ acks })
  await closedLoop(producer, senders, warmUp(senders), value)
  const before = ottla.metrics()
  const rate = await closedLoop(producer, senders, count, value)
  const after = ottla.metrics()
  lastRecordsPerSync = count / Math.max(1, after.syncs - before.syncs)
  return rate
})
let lastRecordsPerSync = 0

const lmdb = (senders, count) => () => withScratch(async (scratch) => {
  touchMemory(scratch)
  // Without overlappingSync a put is answered when it is on disk, as ours is.
  const db = openLmdb({ path: join(scratch, 'lmdb'), encoding: 'binary', overlappingSync: false })
  let next = 0
  const putUntil = async (end) => {
    const loop = async () => { while (next < end) { next += 1; await db.put(next, value) } }
    const started = process.hrtime.bigint()
    await Promise.all(Array.from({ length: senders }, loop))
    return Number(process.hrtime.bigint() - started) / 1e9
  }
  await putUntil(warmUp(senders))
  const rate = count / await putUntil(warmUp(senders) + count)
  await db.close()
  return rate
})

export async function run({ rounds }) {
  const perSync = []
  const figures = await interleave({
    raw: () => withScratch((scratch) => rawSyncLoopRate(scratch, 170)),
    one: ours(1, 3000, 'all'),
    many: async () => { const rate = await ours(64, 120_000, 'all')(); perSync.push(lastRecordsPerSync); return rate },
    crowd: ours(1024, 800_000, 'all'),
    manyUnsynced: ours(64, 800_000, 1),
    crowdUnsynced: ours(1024, 800_000, 1),
    lmdbMany: lmdb(64, 60_000),
    lmdbCrowd: lmdb(1024, 400_000),
  }, rounds)
  const limit = (senders, unsynced) => figures.raw.map((raw, i) => Math.min(raw * senders, unsynced[i]))
  return [
    row({ name: 'durable, 1 sender', unit: 'rec/s', figures: figures.one, yardsticks: figures.raw, yardstickName: 'writeSync + fdatasyncSync loop', must: 0.55, stretch: 0.7 }),
    row({ name: 'durable, 64 senders', unit: 'rec/s', figures: figures.many, yardsticks: limit(64, figures.manyUnsynced), yardstickName: 'min(64 raw loops, own not-synced rate)', must: 0.6, stretch: 0.8 }),
    row({ name: 'durable, 1024 senders', unit: 'rec/s', figures: figures.crowd, yardsticks: limit(1024, figures.crowdUnsynced), yardstickName: 'min(1024 raw loops, own not-synced rate)', must: 0.6, stretch: 0.8 }),
    row({ name: 'records per fdatasync, 64 senders', unit: 'records', figures: perSync.slice(-figures.many.length), must: 56, stretch: 62 }),
    row({ name: 'durable, 64 senders, against LMDB', unit: 'rec/s', figures: figures.many, yardsticks: figures.lmdbMany, yardstickName: 'lmdb sync commit', must: 1.3, stretch: 2 }),
    row({ name: 'durable, 1024 senders, against LMDB', unit: 'rec/s', figures: figures.crowd, yardsticks: figures.lmdbCrowd, yardstickName: 'lmdb sync commit', must: 1.8, stretch: 3 }),
    row({ name: 'raw write-and-sync loop', unit: 'rec/s', figures: figures.raw.map(() => median(figures.raw)) }),
  ]
}
