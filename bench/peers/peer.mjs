/**
 * One measurement of one peer in a process of its own: `node peer.mjs '{"peer":"sqlite","workload":"bulk","durable":true,"size":100,"count":100000,"senders":64}'`.
 * Prints records a second, settled (`lib/workspace.mjs`) where much is written.
 */
import { settled, withScratch } from '../lib/workspace.mjs'

const job = JSON.parse(process.argv[2])
const { open } = await import(`./adapters/${job.peer}.mjs`)
const value = Buffer.alloc(job.size, 0x61)
/** Many senders of a store in this process: until its compiled code has settled, which takes 200,000 records. */
const warmUp = Math.max(Math.ceil(job.count / 10), job.warmUp ?? 0)

const workloads = {
  bulk: (store, count) => store.bulk(count, value),
  /** `senders` callers that each wait for the answer before they send again. */
  async loop(store, count) {
    let left = count
    const loop = async () => { while (left > 0) { left -= 1; await store.send(value) } }
    await Promise.all(Array.from({ length: job.senders }, loop))
  },
  group(store, count) { for (let left = count; left > 0; left -= job.senders) store.group(value) },
  async scan(store, count) {
    const { seen, bytes } = await store.scan(count)
    if (seen < count || bytes < count * job.size) throw new Error(`${job.peer} gave ${seen} of ${count} records`)
  },
}

/** Opens a fresh store, warms it up, and returns the records a second of what follows. */
const measure = () => withScratch(async (directory) => {
  const store = await open(directory, { durable: job.durable === true, senders: job.senders })
  const run = workloads[job.workload]
  if (job.workload === 'scan') { await store.bulk(job.count, value); await run(store, job.count) } else await run(store, warmUp)
  const started = process.hrtime.bigint()
  await run(store, job.count)
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  await store.close()
  return job.count / seconds
})

console.log(await (job.workload === 'bulk' || job.senders > 1 ? settled(measure) : measure()))
process.exit(0)
