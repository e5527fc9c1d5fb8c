/**
 * From `send` to the consumer's hand at 10,000 records a second (issue 5: p99 ≤ 2 ms with the page-cache promise, ≤ 5 ms durable). An open loop: record i
 * is due at start + i × 100 µs whatever became of those before, and its latency counts from then, so that a stall is paid by all who were due in it
 * (no coordinated omission). The driver looks at the clock once a turn of the event loop.
 */
import { percentile, row } from '../lib/measure.mjs'
import { withDatabase } from '../lib/workspace.mjs'

const RATE = 10_000
const SECONDS = 3
const WARM_UP_SECONDS = 1

async function latencies(acks) {
  return withDatabase({}, async (ottla) => {
    const producer = ottla.producer({ acks })
    const consumer = ottla.consumer({ 'auto.offset.reset': 'earliest' })
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const count = RATE * (SECONDS + WARM_UP_SECONDS)
    const seen = new Float64Array(count)
    let received = 0
    let start = 0
    const reading = (async () => {
      for await (const batch of consumer.batches()) {
        const now = performance.now()
        const cursor = batch.cursor()
        while (cursor.next()) {
          const index = cursor.value().readUInt32LE(0)
          if (index !== received) throw new Error(`record ${index} came in the place of ${received}`)
          seen[received] = now - (start + index * 1000 / RATE)
          received += 1
        }
        if (received >= count) return
      }
    })()
    const value = Buffer.alloc(100, 0x61)
    const failed = (error) => { throw error }
    start = performance.now() + 50
    await new Promise((resolve) => {
      let sent = 0
      const turn = () => {
        const due = Math.min(count, Math.floor((performance.now() - start) * RATE / 1000) + 1)
        for (; sent < due; sent += 1) {
          value.writeUInt32LE(sent, 0)
          producer.send({ topic: 't', partition: 0, value }).catch(failed)
        }
        if (sent < count) setImmediate(turn)
        else resolve()
      }
      turn()
    })
    await reading
    await consumer.close()
    return seen.subarray(RATE * WARM_UP_SECONDS)
  })
}

export async function run({ rounds }) {
  const figures = { 1: [], all: [] }
  for (let round = 0; round < rounds; round += 1) {
    for (const acks of round % 2 === 0 ? [1, 'all'] : ['all', 1]) {
      globalThis.gc?.()
      const each = await latencies(acks)
      figures[acks].push({ p50: percentile(each, 0.5), p99: percentile(each, 0.99), p999: percentile(each, 0.999), max: percentile(each, 1) })
    }
  }
  const goals = { 1: ['page cache', 2], all: ['durable', 5] }
  return Object.entries(goals).flatMap(([acks, [promise, must]]) => [['p50', 'p50'], ['p99', 'p99'], ['p99.9', 'p999'], ['max', 'max']].map(([label, field]) => row({
    name: `send to consumer's hand at 10,000 rec/s, ${promise}, ${label}`, unit: 'ms', figures: figures[acks].map((each) => each[field]), better: 'less',
    ...(field === 'p99' ? { must } : {}),
  })))
}
