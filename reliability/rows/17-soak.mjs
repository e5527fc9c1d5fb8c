/**
 * Row 17: soak and leaks (spec/reliability 4i).
 *
 * 1. Opens and closes: a database with records, topics and a group is opened, written to, read and closed, again and again. Afterwards there are as many file
 *    descriptors and timers as before, no stray files, no LMDB readers, and the heap after a collection has not grown by more than 5 MiB.
 * 2. Produce and consume with rolls, retention and groups that come and go: every acknowledged record is consumed once and in order; after the first third of the
 *    time the slopes of heap, descriptors and resident memory are bounded (robust: the median of all pairwise slopes).
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../lib/random.mjs'

export const row = { id: 17, name: 'soak and leaks', lane: 1, floor: { count: 300, unit: 'opens and closes' }, seconds: 50 }

const MIB = 1024 * 1024
const HOUR = 3_600_000
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

setFlagsFromString('--expose-gc')
/** @type {() => void} */
const collect = runInNewContext('gc')

/** Handles settle in a few turns of the loop. */
async function sample() {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => { setImmediate(resolve) })
  collect()
  collect()
  const memory = process.memoryUsage()
  return {
    at: performance.now(), heap: memory.heapUsed, rss: memory.rss, outside: memory.external,
    descriptors: readdirSync('/proc/self/fd').length, timers: process.getActiveResourcesInfo().filter((each) => each === 'Timeout' || each === 'Immediate').length,
  }
}

/** Median of the slopes between all pairs of samples, in units an hour. */
function slope(samples, field) {
  const slopes = []
  for (const [i, a] of samples.entries()) for (const b of samples.slice(i + 1)) slopes.push((b[field] - a[field]) / (b.at - a.at) * HOUR)
  slopes.sort((a, b) => a - b)
  return slopes[slopes.length >> 1] ?? 0
}

const strays = (directory) => readdirSync(directory, { recursive: true }).map(String).filter((name) => /\.(tmp|cleaned|swap)$|\.damaged|ottla\.lock\./.test(name))

/** Slots of killed or careless readers in the lock file of LMDB; asked of the library itself, with nobody else inside. */
async function readers(directory) {
  const file = join(directory, 'ottla-metadata.mdb')
  if (!readdirSync(directory).includes('ottla-metadata.mdb')) return 0
  const { open } = createRequire(import.meta.url)('lmdb')
  const environment = open({ path: file, noSubdir: true, readOnly: true })
  const text = environment.readerList()
  await environment.close()
  return text.split('\n').filter((line) => /^\s*\d+\s/.test(line) && !line.includes(String(process.pid))).length
}

async function opensAndCloses({ open, directory, count, deadline, violations, report }) {
  const cycle = async (i) => {
    const ottla = await open(directory, { logger: quiet, 'offsets.topic.num.partitions': 1 })
    if (i === 0) await ottla.admin.createTopic('o', { partitions: 2, config: { 'internal.segment.bytes': 65_536, 'retention.bytes': 262_144, 'file.delete.delay.ms': 0 } })
    const producer = ottla.producer()
    const consumer = ottla.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    consumer.subscribe(['o'])
    await producer.send({ topic: 'o', partition: i % 2, value: `v${i} ${'x'.repeat(2000)}` })
    let seen = 0
    while (seen === 0) for (const batch of await consumer.poll({ timeoutMs: 5000 })) seen += batch.count
    await consumer.close()
    await ottla.close()
    if (seen !== 1) violations.push(`cycle ${i} read ${seen} records instead of 1`)
  }
  const warm = Math.min(100, count / 3)
  let done = 0
  let before = await sample()
  for (; done < count && deadline() > 0; done++) {
    await cycle(done)
    if (done + 1 === warm) before = await sample()
    if (done % 1000 === 999) report(`${done + 1} opens and closes`)
  }
  const after = await sample()
  if (after.descriptors > before.descriptors) violations.push(`${after.descriptors - before.descriptors} file descriptors are left over`)
  if (after.timers > before.timers) violations.push(`${after.timers - before.timers} timers are left over`)
  if (after.heap - before.heap > 5 * MIB) violations.push(`the heap grew by ${((after.heap - before.heap) / MIB).toFixed(1)} MiB`)
  const stray = strays(directory)
  if (stray.length > 0) violations.push(`stray files: ${stray.slice(0, 5).join(', ')}`)
  const held = await readers(directory)
  if (held > 0) violations.push(`${held} readers are left in LMDB's lock file`)
  return { opens: done, heapGrowthKiB: Math.round((after.heap - before.heap) / 1024), rssGrowthKiB: Math.round((after.rss - before.rss) / 1024), descriptors: after.descriptors - before.descriptors }
}

/** Produces, consumes, and lets groups come and go until the time is over. */
async function soak({ open, directory, milliseconds, everyMs, random, violations, report }) {
  const ottla = await open(directory, {
    logger: quiet, 'offsets.topic.num.partitions': 1, 'log.retention.check.interval.ms': 1000, 'log.initial.task.delay.ms': 100, 'group.initial.rebalance.delay.ms': 0,
  })
  await ottla.admin.createTopic('s', { partitions: 3, config: { 'internal.segment.bytes': 131_072, 'retention.bytes': 2 * MIB, 'file.delete.delay.ms': 0, 'index.interval.bytes': 1024 } })
  const producer = ottla.producer()
  const next = [0, 0, 0]
  let acked = 0
  let consumed = 0
  const settings = { 'group.id': 'steady', 'auto.offset.reset': 'earliest', 'value.deserializer': 'string', 'session.timeout.ms': 6000 }
  const steady = ottla.consumer(settings)
  steady.subscribe(['s'])
  const expected = [0, 0, 0]
  const samples = []
  const end = performance.now() + milliseconds
  let nextSample = performance.now() + everyMs
  let churned = 0
  while (performance.now() < end) {
    await Promise.all(Array.from({ length: 1 + random.int(200) }, async () => {
      const partition = random.int(3)
      const value = `${next[partition]++} ${'x'.repeat(random.int(1500))}`
      await producer.send({ topic: 's', partition, key: String(partition), value })
      acked++
    }))
    while (consumed < acked) {
      for (const batch of await steady.poll({ timeoutMs: 5000 })) {
        for (const { partition, value } of batch) {
          const number = Number(value.split(' ')[0])
          if (number !== expected[partition] && violations.length < 20) violations.push(`partition ${partition}: ${number} was consumed where ${expected[partition]} was due`)
          expected[partition] = number + 1
          consumed++
        }
      }
      if (violations.length > 0) break
    }
    if (random.chance(0.05)) {
      const guest = ottla.consumer({ ...settings, 'group.id': `guest${random.int(5)}` })
      guest.subscribe(['s'])
      await guest.poll({ timeoutMs: 50 })
      await guest.close()
      churned++
    }
    if (performance.now() >= nextSample) {
      samples.push(await sample())
      nextSample += everyMs
      if (samples.length % 30 === 0) report(`${acked} records, heap ${(samples.at(-1).heap / MIB).toFixed(1)} MiB, rss ${(samples.at(-1).rss / MIB).toFixed(0)} MiB`)
    }
    if (violations.length > 0) break
  }
  const before = await ottla.admin.listOffsets('s', 'earliest')
  await ottla.close()
  return { acked, consumed, churned, samples, retained: before.map((each) => each.offset) }
}

const medianOf = (samples) => samples.map((each) => each.descriptors).sort((a, b) => a - b)[samples.length >> 1]

function judgeSlopes(samples, milliseconds, violations) {
  const late = samples.slice(Math.floor(samples.length / 3))
  const first = late[0]
  const last = late.at(-1)
  if (first === undefined || late.length < 4) return null
  const slopes = { heapMiBPerHour: slope(late, 'heap') / MIB, rssMiBPerHour: slope(late, 'rss') / MIB, descriptorsPerHour: slope(late, 'descriptors') }
  // Seconds say nothing about hours: a short run has an absolute bound.
  if (milliseconds >= HOUR / 3 ? slopes.heapMiBPerHour > 1 : last.heap - first.heap > 5 * MIB) violations.push(`the heap grows: ${slopes.heapMiBPerHour.toFixed(2)} MiB an hour, ${((last.heap - first.heap) / MIB).toFixed(1)} MiB in all`)
  if (last.rss > 1.3 * first.rss) violations.push(`resident memory grew from ${(first.rss / MIB).toFixed(0)} to ${(last.rss / MIB).toFixed(0)} MiB`)
  // Handles for reading are kept and reused: how many depends on what guests read last. Every retained segment may have one; a leak would go on growing.
  const middle = medianOf(late.slice(0, late.length >> 1))
  const end = medianOf(late.slice(late.length >> 1))
  if (last.descriptors > 96 || end > middle + 16) violations.push(`open files grew from ${middle} to ${end}, ${last.descriptors} at last`)
  return { ...Object.fromEntries(Object.entries(slopes).map(([key, value]) => [key, Number(value.toFixed(3))])), rssMiB: Math.round(last.rss / MIB), heapMiB: Number((last.heap / MIB).toFixed(1)) }
}

export async function run({ slice, seed, deadline, report = () => {}, dist }) {
  const { open } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const violations = []
  const scratch = mkdtempSync(join(tmpdir(), 'ottla-soak-'))
  const total = deadline()
  try {
    const folders = ['opens', 'soak'].map((name) => join(scratch, name))
    for (const folder of folders) mkdirSync(folder)
    const opened = await opensAndCloses({
      open, directory: folders[0], count: slice === 'ci' ? 300 : 10_000, deadline: slice === 'ci' ? deadline : () => deadline() - total * 0.6, violations, report,
    })
    report(`opens and closes: ${JSON.stringify(opened)}`)
    const milliseconds = slice === 'ci' ? Math.max(5000, Math.min(20_000, deadline() - 3000)) : Math.max(10_000, deadline() - 5000)
    const { samples, ...soaked } = await soak({
      open, directory: folders[1], milliseconds, everyMs: slice === 'ci' ? 1000 : 10_000, random: new Random(seed), violations, report,
    })
    if (soaked.consumed !== soaked.acked) violations.push(`${soaked.acked} records were acknowledged, ${soaked.consumed} were consumed`)
    const slopes = judgeSlopes(samples, milliseconds, violations)
    return {
      count: opened.opens, unit: row.floor.unit, acked: soaked.acked, faults: {}, violations,
      details: { ...opened, soakSeconds: Math.round(milliseconds / 1000), consumed: soaked.consumed, groupsChurned: soaked.churned, retained: soaked.retained, slopes },
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
