/**
 * A work queue: jobs of one customer in order, different customers in parallel, a failed job tried again and at last put aside.
 *
 *   node examples/queue.mjs ./data
 *
 * Workers are consumers of one group: each gets some of the partitions, and the key decides the partition. A job is committed once it is
 * done or put aside.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { open } from 'ottla'

const WORKERS = 3
const ATTEMPTS = 3
const CUSTOMERS = ['ann', 'bob', 'cyd', 'dan', 'eve']

const [directory = './data'] = process.argv.slice(2)
const ottla = await open(directory)
await ottla.admin.createTopic('jobs', { partitions: WORKERS, ifNotExists: true })
await ottla.admin.createTopic('jobs.dead', { ifNotExists: true })
const producer = ottla.producer({ 'value.serializer': 'json' })

/** The work itself: now and then it fails, and job 13 always does. */
async function work(customer, job) {
  await pause(2)
  if (job.number === 13 || (job.number % 7 === 0 && job.attempt === 1)) throw new Error(`job ${job.number} of ${customer} failed`)
}

async function workOn(customer, number) {
  for (let attempt = 1; ; attempt++) {
    try {
      await work(customer, { number, attempt })
      return 'done'
    } catch (error) {
      if (attempt < ATTEMPTS) {
        await pause(10 * 2 ** attempt)
        continue
      }
      await producer.send({ topic: 'jobs.dead', key: customer, value: { number }, headers: { error: error.message } })
      return 'put aside'
    }
  }
}

const finished = []
async function worker(name) {
  const consumer = ottla.consumer({ 'group.id': 'workers', 'auto.offset.reset': 'earliest', 'key.deserializer': 'string', 'value.deserializer': 'json' })
  consumer.subscribe('jobs')
  for await (const record of consumer) {
    finished.push({ worker: name, customer: record.key, number: record.value.number, outcome: await workOn(record.key, record.value.number) })
  }
}

const jobs = Array.from({ length: 40 }, (_, number) => ({ topic: 'jobs', key: CUSTOMERS[number % CUSTOMERS.length], value: { number } }))
await producer.sendBatch(jobs)
const workers = Array.from({ length: WORKERS }, (_, i) => worker(`worker ${i + 1}`))
while (finished.length < jobs.length) await pause(10)
await ottla.close()
await Promise.allSettled(workers)

for (const customer of CUSTOMERS) {
  const numbers = finished.filter((job) => job.customer === customer).map((job) => job.number)
  console.log(`${customer}: ${numbers.join(' ')}${numbers.every((n, i) => i === 0 || numbers[i - 1] < n) ? '   in order' : '   OUT OF ORDER'}`)
}
const aside = finished.filter((job) => job.outcome === 'put aside')
const busy = new Set(finished.map((job) => job.worker))
console.log(`${finished.length} jobs by ${busy.size} workers, ${aside.length} put aside: ${aside.map((job) => job.number).join(' ')}`)
