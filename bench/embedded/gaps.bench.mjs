/**
 * The longest stalls of the event loop under full append (target 21), seen by a chain of `setImmediate`, and what of them was garbage collection
 * (PerformanceObserver).
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { percentile, row } from '../lib/measure.mjs'
import { openWindow, withDatabase } from '../lib/workspace.mjs'

const RECORDS = 1_500_000

async function gaps(acks) {
  return withDatabase({}, async (ottla) => {
    const producer = ottla.producer({ acks })
    const value = Buffer.alloc(100, 0x61)
    await openWindow(producer, 300_000, value)
    const pauses = []
    const observer = new PerformanceObserver((list) => { for (const entry of list.getEntries()) pauses.push(entry.duration) })
    const seen = []
    let last = process.hrtime.bigint()
    let running = true
    const probe = () => {
      const now = process.hrtime.bigint()
      seen.push(Number(now - last) / 1e6)
      last = now
      if (running) setImmediate(probe)
    }
    observer.observe({ entryTypes: ['gc'] })
    setImmediate(probe)
    const started = performance.now()
    await openWindow(producer, RECORDS, value, 4096)
    const ms = performance.now() - started
    running = false
    await new Promise((resolve) => { setTimeout(resolve, 10) })
    observer.disconnect()
    let sum = 0
    for (const pause of pauses) sum += pause
    return { p999: percentile(seen, 0.999), max: percentile(seen, 1), gcMax: pauses.length === 0 ? 0 : percentile(pauses, 1), gcShare: sum / ms * 100, gcPauses: pauses.length }
  })
}

export async function run({ rounds }) {
  const rows = []
  for (const [name, acks] of [['page cache', 1], ['durable', 'all']]) {
    const all = []
    for (let i = 0; i < rounds; i += 1) all.push(await gaps(acks))
    const figures = (field) => all.map((each) => each[field])
    rows.push(row({ name: `event-loop gap p99.9, ${name}`, unit: 'ms', figures: figures('p999'), better: 'less', must: 2 }))
    rows.push(row({ name: `event-loop gap worst, ${name}`, unit: 'ms', figures: figures('max'), better: 'less', stretch: 2 }))
    rows.push(row({ name: `garbage collection, longest pause, ${name}`, unit: 'ms', figures: figures('gcMax'), better: 'less' }))
    rows.push(row({ name: `garbage collection, share of the time, ${name}`, unit: '%', figures: figures('gcShare'), better: 'less' }))
    rows.push(row({ name: `garbage collections per ${RECORDS / 1e6} M records, ${name}`, unit: 'pauses', figures: figures('gcPauses'), better: 'less' }))
  }
  return rows
}
