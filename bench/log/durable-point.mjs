/**
 * One figure of durable.bench.mjs in a process of its own: `node durable-point.mjs '{"what":"ottla","senders":64,"count":120000,"acks":"all"}'` prints
 * { rate, perSync }: records a second, and how many shared a sync (0: not known).
 */
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { closedLoop, rawSyncLoopRate, settled, withDatabase, withScratch } from '../lib/workspace.mjs'

const job = JSON.parse(process.argv[2])
const { what, senders, count } = job
const value = Buffer.alloc(100, 0x61)
/** In the database that is measured; everything ran once before, into another one. */
const warmUp = senders === 1 ? 2000 : 100_000

const variants = {
  raw: () => withScratch((scratch) => {
    rawSyncLoopRate(scratch, 170, 500)
    return { rate: rawSyncLoopRate(scratch, 170), perSync: 1 }
  }),

  ottla: () => withDatabase({ config: job.config ?? {} }, async (ottla) => {
    const producer = ottla.producer({ acks: job.acks })
    await closedLoop(producer, senders, warmUp, value)
    const before = ottla.metrics()
    const rate = await closedLoop(producer, senders, count, value)
    return { rate, perSync: count / Math.max(1, ottla.metrics().syncs - before.syncs) }
  }),

  lmdb: () => withScratch(async (scratch) => {
    // Without overlappingSync a put is answered when it is on disk, as ours is.
    const db = openLmdb({ path: join(scratch, 'lmdb'), encoding: 'binary', overlappingSync: false })
    let next = 0
    const putUntil = async (end) => {
      const loop = async () => { while (next < end) { next += 1; await db.put(next, value) } }
      const started = process.hrtime.bigint()
      await Promise.all(Array.from({ length: senders }, loop))
      return Number(process.hrtime.bigint() - started) / 1e9
    }
    await putUntil(warmUp)
    const rate = count / await putUntil(warmUp + count)
    await db.close()
    return { rate, perSync: 0 }
  }),
}

console.log(JSON.stringify(await (senders > 1 ? settled(variants[what]) : variants[what]())))
