/**
 * One point of a curve in a process of its own: `node curve-point.mjs '{"kind":"partitions","partitions":64,"count":500000}'` prints one JSON object
 * of nanoseconds per record. Everything is written to the page cache (acks=1) as the product writes it, 100 B values unless `size` is given.
 */
import { join } from 'node:path'
import { open } from '../../dist/index.js'
import { quiet, withDatabase, withScratch } from '../lib/workspace.mjs'

const job = JSON.parse(process.argv[2])
const value = Buffer.alloc(job.size ?? 100, 0x61)
/** Records of 100 B in a batch of the default size. */
const FULL_BATCH = 150
const seconds = (since) => Number(process.hrtime.bigint() - since) / 1e9

/** Sends with a promise each, at most `window` of them out; `partitionOf` gives undefined where the producer is to choose. */
async function sendAll(producer, count, partitionOf, window = 8192) {
  let out = 0
  let wake = null
  const settle = () => {
    out -= 1
    if (wake !== null && out < window >> 1) { const w = wake; wake = null; w() }
  }
  const fail = (error) => { throw error }
  for (let i = 0; i < count; i += 1) {
    out += 1
    const partition = partitionOf(i)
    producer.send(partition === undefined ? { topic: 't', value } : { topic: 't', partition, value }).then(settle, fail)
    if (out >= window) await new Promise((resolve) => { wake = resolve })
  }
  await producer.flush()
}

/** Posts without promises: what waits is bounded by the producer's memory. */
async function postAll(producer, count, partitionOf) {
  for (let i = 0; i < count; i += 1) {
    if (!producer.post({ topic: 't', partition: partitionOf(i), value })) await producer.drained()
  }
  await producer.flush()
}

/** A topic of so many partitions, in steps: each partition's folder is made durable, which takes a slow disk some milliseconds. */
async function createPartitions(ottla, partitions) {
  await ottla.admin.createTopic('t', { partitions: Math.min(partitions, 1000) })
  for (let there = 1000; there < partitions; there += 1000) await ottla.admin.createPartitions('t', Math.min(partitions, there + 1000))
}

/** Reads `count` records from what is assigned, each value's length seen; seconds. */
async function readAll(consumer, count) {
  let seen = 0
  let bytes = 0
  const started = process.hrtime.bigint()
  for await (const batch of consumer.batches()) {
    const cursor = batch.cursor()
    while (cursor.next()) { seen += 1; bytes += cursor.valueLength }
    if (seen >= count) break
  }
  if (seen < count || bytes < count * value.length) throw new Error(`saw ${seen} records of ${count}`)
  return seconds(started)
}

const kinds = {
  /** Sends over many partitions in three ways, then one consumer of them all. */
  partitions: ({ partitions, count }) => withScratch(async (scratch) => {
    const ottla = await open(join(scratch, 'data'), { logger: quiet })
    await createPartitions(ottla, partitions)
    const ways = { sticky: [sendAll, () => undefined], spread: [sendAll, (i) => i % partitions], posted: [postAll, (i) => i % partitions] }
    const figures = {}
    const producer = ottla.producer({ acks: 1 })
    const offsets = new Map()
    const consume = async (count) => {
      const consumer = ottla.consumer({ 'max.poll.records': 1_000_000 })
      consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic: 't', partition, offset: offsets.get(partition) ?? 0 })))
      const cost = await readAll(consumer, count) / count * 1e9
      for (let partition = 0; partition < partitions; partition += 1) offsets.set(partition, consumer.position({ topic: 't', partition }))
      await consumer.close()
      return cost
    }
    // The first consumer of a process loads the codecs, which takes as long as reading some hundred thousand records.
    await sendAll(producer, 20_000, () => 0)
    const first = ottla.consumer({ 'max.poll.records': 1_000_000 })
    first.assign([{ topic: 't', partition: 0, offset: 0 }])
    await readAll(first, 20_000)
    offsets.set(0, first.position({ topic: 't', partition: 0 }))
    await first.close()
    for (const [way, [send, partitionOf]] of Object.entries(ways)) {
      // Every partition has records before the timed part, of full batches a full one: the first pages of a new file cost the system some 20 µs.
      const each = way === 'sticky' ? FULL_BATCH : 2
      const warm = Math.max(100_000, partitions * each)
      await send(producer, warm, (i) => Math.floor(i / each) % partitions)
      const started = process.hrtime.bigint()
      await send(producer, count, partitionOf)
      figures[way] = seconds(started) / count * 1e9
      figures[`${way}Read`] = await consume(warm + count)
    }
    await ottla.close()
    return figures
  }),

  /** Appends, tail reads and look-ups once the log holds `gigabytes`. */
  size: ({ gigabytes, count }) => withScratch(async (scratch) => {
    const folder = join(scratch, 'data')
    let ottla = await open(folder, { logger: quiet })
    await ottla.admin.createTopic('t', { partitions: 1, config: { 'retention.bytes': -1, 'retention.ms': -1, 'segment.bytes': 1 << 30 } })
    const producer = ottla.producer({ acks: 1 })
    const total = Math.max(count, Math.floor(gigabytes * 1e9 / value.length)) - count
    await postAll(producer, total, () => 0)
    const started = process.hrtime.bigint()
    await sendAll(producer, count, () => 0)
    const produce = seconds(started) / count * 1e9
    const consumer = ottla.consumer({ 'max.poll.records': 1_000_000 })
    consumer.assign([{ topic: 't', partition: 0, offset: total }])
    await readAll(consumer, count)
    await consumer.seek({ topic: 't', partition: 0, offset: total })
    const consume = await readAll(consumer, count) / count * 1e9
    await consumer.close()
    const log = ottla.log('t', 0)
    const lookups = 20_000
    let found = 0
    const look = async (times) => { for (let i = 0; i < times; i += 1) found += (await log.read(total + Math.floor(Math.random() * count), { maxBytes: 16_384, isolation: 'highWatermark', checkCrc: false })).records.length > 0 ? 1 : 0 }
    await look(5000)
    const lookupStarted = process.hrtime.bigint()
    await look(lookups)
    const lookup = seconds(lookupStarted) / lookups * 1e9
    if (found !== lookups + 5000) throw new Error('a look-up found nothing')
    await ottla.close()
    const openStarted = process.hrtime.bigint()
    ottla = await open(folder, { logger: quiet })
    const openMs = seconds(openStarted) * 1e3
    await ottla.close()
    return { produce, consume, lookup, openMs }
  }),

  /** Many consumers of one partition: each reads what is there, then all of them follow a producer. Per record handed out. */
  consumers: ({ consumers, count, live }) => withDatabase({}, async (ottla) => {
    const producer = ottla.producer({ acks: 1 })
    await sendAll(producer, Math.max(count, 200_000), () => 0)
    const all = Array.from({ length: consumers }, () => ottla.consumer({ 'max.poll.records': 1_000_000 }))
    const warm = ottla.consumer({ 'max.poll.records': 1_000_000 })
    warm.assign([{ topic: 't', partition: 0, offset: 0 }])
    await readAll(warm, 200_000)
    await warm.close()
    for (const consumer of all) consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const started = process.hrtime.bigint()
    await Promise.all(all.map((consumer) => readAll(consumer, count)))
    const catchUp = seconds(started) / (count * consumers) * 1e9
    const end = Math.max(count, 200_000)
    for (const consumer of all) consumer.seek({ topic: 't', partition: 0, offset: end })
    const readers = Promise.all(all.map((consumer) => readAll(consumer, live)))
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    const cpu = process.cpuUsage()
    const liveStarted = process.hrtime.bigint()
    await sendAll(producer, live, () => 0)
    await readers
    const follow = seconds(liveStarted) / (live * consumers) * 1e9
    const used = process.cpuUsage(cpu)
    const peakMegabytes = process.resourceUsage().maxRSS / 1024
    await Promise.all(all.map((consumer) => consumer.close()))
    return { catchUp, follow, followCpu: (used.user + used.system) * 1000 / (live * consumers), peakMegabytes }
  }),
}

console.log(JSON.stringify(await kinds[job.kind](job)))
process.exit(0)
