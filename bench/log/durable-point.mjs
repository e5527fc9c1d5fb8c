/**
 * One figure of durable.bench.mjs in a process of its own: `node durable-point.mjs '{"what":"ottla","senders":64,"count":120000,"acks":"all"}'` prints
 * { rate, perSync }: records a second, and how many shared a sync (0: not known).
 */
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { closedLoop, rawSyncLoopRate, rawWriteRate, withDatabase, withScratch } from '../lib/workspace.mjs'

const job = JSON.parse(process.argv[2])
const { what, senders, count } = job
const value = Buffer.alloc(100, 0x61)
/** Until compiled code has settled. */
const warmUp = senders === 1 ? 2000 : senders < 1000 ? 200_000 : 800_000
/** Memory that the machine has not touched yet costs ten times as much to write to. */
const touchMemory = (scratch) => rawWriteRate(scratch, 256 << 20)

const variants = {
  raw: () => withScratch((scratch) => {
    touchMemory(scratch)
    rawSyncLoopRate(scratch, 170, 500)
    return { rate: rawSyncLoopRate(scratch, 170), perSync: 1 }
  }),

  ottla: () => withDatabase({ config: job.config ?? {} }, async (ottla, scratch) => {
    touchMemory(scratch)
    const producer = ottla.producer({ acks: job.acks })
    await closedLoop(producer, senders, warmUp, value)
    const before = ottla.metrics()
    const rate = await closedLoop(producer, senders, count, value)
    return { rate, perSync: count / Math.max(1, ottla.metrics().syncs - before.syncs) }
  }),

  lmdb: () => withScratch(async (scratch) => {
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
    await putUntil(warmUp)
    const rate = count / await putUntil(warmUp + count)
    await db.close()
    return { rate, perSync: 0 }
  }),
}

console.log(JSON.stringify(await variants[what]()))
