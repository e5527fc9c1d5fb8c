/** Catch-up reads of a consumer, checksums on, every value seen, against the checksum's own speed, raw reads and LMDB (targets 17, 18, 19). */
import { closeSync, openSync, read, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { interleave, row, secondsOf } from '../lib/measure.mjs'
import { postAll, withDatabase, withScratch } from '../lib/workspace.mjs'
import { crc32c } from '../../dist/record/crc32c.js'

async function fill(ottla, count, value) {
  const producer = ottla.producer({ acks: 1 })
  await postAll(producer, count, value)
  await producer.close()
}

/** Compiled code is thrown away before each variant: reading some records brings it back before the time is taken. */
const WARM_UP = 200_000
const afterWarmUp = async (reading, ottla, count) => {
  await reading(ottla, Math.min(count, WARM_UP))
  return reading(ottla, count)
}

async function scan(ottla, count) {
  const consumer = ottla.consumer({ 'max.poll.records': 1_000_000 })
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
  let seen = 0
  let bytes = 0
  const seconds = await secondsOf(async () => {
    for await (const batch of consumer.batches()) {
      const cursor = batch.cursor()
      while (cursor.next()) { seen += 1; bytes += cursor.valueLength }
      if (seen >= count) break
    }
  })
  await consumer.close()
  if (seen < count) throw new Error(`saw ${seen} of ${count} records`)
  return { records: seen / seconds, bytes: bytes / seconds }
}

/** One past the last offset of whole batches back to back. */
function nextOffset(records) {
  let last = 0
  for (let at = 0; at < records.length; at += 12 + records.readInt32BE(at + 8)) last = at
  return records.readUInt32BE(last + 4) + records.readInt32BE(last + 23) + 1
}

async function fetchRaw(ottla, count) {
  const log = ottla.log('t', 0)
  let offset = 0
  let bytes = 0
  // As the yardstick, and as a server that has sent what it read: into buffers that are used again.
  const buffers = Array.from({ length: 8 }, () => Buffer.allocUnsafe((1 << 20) + 65_536))
  let turn = 0
  const allocate = () => buffers[turn++ & 7]
  const seconds = await secondsOf(async () => {
    while (offset < count) {
      const { records } = await log.read(offset, { maxBytes: 1 << 20, isolation: 'highWatermark', checkCrc: false, allocate })
      bytes += records.length
      offset = nextOffset(records)
    }
  })
  return bytes / seconds
}

function crcRate() {
  const bytes = Buffer.alloc(64 << 10, 0x61)
  let sum = 0
  const started = process.hrtime.bigint()
  for (let i = 0; i < 4000; i += 1) sum ^= crc32c(bytes, 0, bytes.length)
  if (sum === 1) throw new Error('unreachable')
  return 4000 * bytes.length / (Number(process.hrtime.bigint() - started) / 1e9)
}

async function rawRead(ottla) {
  const folder = join(ottla.directory, 't-0')
  const file = readdirSync(folder).find((f) => f.endsWith('.log'))
  const size = statSync(join(folder, file)).size
  const buffers = Array.from({ length: 8 }, () => Buffer.allocUnsafe(1 << 20))
  const fd = openSync(join(folder, file), 'r')
  const started = process.hrtime.bigint()
  for (let at = 0, i = 0; at < size; at += 1 << 20, i += 1) await new Promise((resolve, reject) => { read(fd, buffers[i & 7], 0, 1 << 20, at, (error) => { if (error === null) resolve(); else reject(error) }) })
  closeSync(fd)
  return size / (Number(process.hrtime.bigint() - started) / 1e9)
}

const lmdbScan = (db) => {
  let seen = 0
  const started = process.hrtime.bigint()
  for (const { value } of db.getRange({ snapshot: false })) seen += value.length > 0 ? 1 : 0
  return seen / (Number(process.hrtime.bigint() - started) / 1e9)
}

export async function run({ rounds }) {
  const rows = []
  for (const [label, size, count] of [['1 KB', 1000, 300_000], ['100 B', 100, 2_000_000]]) {
    const value = Buffer.alloc(size, 0x61)
    await withDatabase({}, async (ottla) => withScratch(async (scratch) => {
      await fill(ottla, count, value)
      const db = openLmdb({ path: join(scratch, 'lmdb'), encoding: 'binary', noSync: true })
      const stored = Math.min(count, 300_000)
      for (let i = 0; i < stored; i += 1) void db.put(i, value)
      await db.flushed
      const figures = await interleave({
        ours: async () => (await afterWarmUp(scan, ottla, count))[label === '1 KB' ? 'bytes' : 'records'],
        fetch: () => afterWarmUp(fetchRaw, ottla, count),
        raw: () => afterWarmUp(rawRead, ottla, count),
        crc: crcRate,
        lmdb: () => lmdbScan(db),
      }, rounds)
      await db.close()
      if (label === '1 KB') rows.push(row({ name: 'scan 1 KB, checksum on', unit: 'B/s', figures: figures.ours, yardsticks: figures.crc, yardstickName: 'native crc32c', must: 0.5, stretch: 0.7 }))
      else rows.push(row({ name: 'scan 100 B, against LMDB', unit: 'rec/s', figures: figures.ours, yardsticks: figures.lmdb, yardstickName: 'lmdb getRange', must: 3, stretch: 5 }))
      rows.push(row({ name: `fetch path ${label}, no decode`, unit: 'B/s', figures: figures.fetch, yardsticks: figures.raw, yardstickName: 'fs.read 1 MiB', must: label === '1 KB' ? 0.8 : undefined, stretch: 0.95 }))
    }))
  }
  return rows
}
