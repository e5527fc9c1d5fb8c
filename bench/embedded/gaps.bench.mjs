/** The longest stalls of the event loop under full append (target 21), seen by a chain of `setImmediate`. */
import { percentile, row } from '../lib/measure.mjs'
import { openWindow, withDatabase } from '../lib/workspace.mjs'

async function gaps(acks) {
  return withDatabase({}, async (ottla) => {
    const producer = ottla.producer({ acks })
    const value = Buffer.alloc(100, 0x61)
    await openWindow(producer, 300_000, value)
    const seen = []
    let last = process.hrtime.bigint()
    let running = true
    const probe = () => {
      const now = process.hrtime.bigint()
      seen.push(Number(now - last) / 1e6)
      last = now
      if (running) setImmediate(probe)
    }
    setImmediate(probe)
    await openWindow(producer, 1_500_000, value, 4096)
    running = false
    let max = 0
    for (const gap of seen) if (gap > max) max = gap
    return { p999: percentile(seen, 0.999), max }
  })
}

export async function run({ rounds }) {
  const rows = []
  for (const [name, acks] of [['page cache', 1], ['durable', 'all']]) {
    const p999 = []
    const max = []
    for (let i = 0; i < rounds; i += 1) { const g = await gaps(acks); p999.push(g.p999); max.push(g.max) }
    rows.push(row({ name: `event-loop gap p99.9, ${name}`, unit: 'ms', figures: p999, better: 'less', must: 2 }))
    rows.push(row({ name: `event-loop gap worst, ${name}`, unit: 'ms', figures: max, better: 'less' }))
  }
  return rows
}
