/**
 * Encoding, decoding and checksums of record batches in memory, 64 KiB a batch, against what the engine and the native CRC do alone (targets 1, 2, 3).
 * Codecs are measured for the report, without goals.
 */
import { createRequire } from 'node:module'
import { interleave, nanosecondsPer, row } from '../lib/measure.mjs'
import { readBatchHeader, verifyBatchCrc, viewOf } from '../../dist/record/batch-format.js'
import { codecBackends, compress, compressionTypes, decompress, loadAllCodecs } from '../../dist/record/compression.js'
import { crc32c, crc32cJavaScript } from '../../dist/record/crc32c.js'
import { RecordBatchBuilder } from '../../dist/record/record-batch-builder.js'
import { RecordCursor } from '../../dist/record/record-cursor.js'

const BATCH = 64 * 1024
const OPERATIONS = 1_000_000
const TIMESTAMP = 1_750_000_000_000
/** Over the same 8 MB: their first way into the caches is not what is asked. */
const PASSES = 4

let sink = 0

/** Nanoseconds per record to fill and seal batches. */
function encode(key, value, headers, count) {
  const builder = new RecordBatchBuilder(BATCH)
  return () => nanosecondsPer(count, () => {
    for (let i = 0; i < count; i += 1) {
      if (builder.append(TIMESTAMP + (i & 63), key, value, headers)) continue
      sink += builder.seal().length
      builder.reset()
      builder.append(TIMESTAMP, key, value, headers)
    }
    sink += builder.seal().length
    builder.reset()
  })
}

function copyLoop(value, count) {
  const slab = Buffer.allocUnsafeSlow(BATCH)
  return () => nanosecondsPer(count, () => {
    let position = 0
    for (let i = 0; i < count; i += 1) {
      if (position + value.length > BATCH) position = 0
      slab.set(value, position)
      position += value.length
    }
    sink += position
  })
}

function textLoop(text, count) {
  const slab = Buffer.allocUnsafeSlow(BATCH)
  return () => nanosecondsPer(count, () => {
    let position = 0
    for (let i = 0; i < count; i += 1) {
      if (position + text.length > BATCH) position = 0
      position += slab.utf8Write(text, position)
    }
    sink += position
  })
}

/** About 8 MB of sealed batches back to back. */
function batches(key, value, headers, capacity = BATCH) {
  const parts = []
  let records = 0
  const builder = new RecordBatchBuilder(capacity)
  for (let size = 0; size < 8_400_000;) {
    builder.reset()
    while (builder.append(TIMESTAMP + (builder.count & 63), key, value, headers)) records += 1
    const batch = Buffer.from(builder.seal({ baseOffset: records - builder.count }))
    parts.push(batch)
    size += batch.length
  }
  const buffer = Buffer.concat(parts)
  return { buffer, records }
}

/** Nanoseconds per record; each way of reading has a loop of its own, as an application has. */
function timed({ buffer, records }, loop, passes = 1) {
  const cursor = new RecordCursor()
  return () => nanosecondsPer(records * passes, () => { for (let i = 0; i < passes; i += 1) sink += loop(buffer, cursor) })
}

/** Nanoseconds per record for the checksum alone of the same bytes, 64 KiB at a time, as often. */
function summed({ buffer, records }, checksum, passes) {
  const pieces = []
  for (let at = 0; at < buffer.length; at += BATCH) pieces.push(buffer.subarray(at, at + BATCH))
  return () => nanosecondsPer(records * passes, () => { for (let i = 0; i < passes; i += 1) for (const piece of pieces) sink += checksum(piece) })
}

function walk(buffer, cursor) {
  let sum = 0
  for (let position = 0; position < buffer.length;) {
    position += cursor.reset(buffer, position, buffer.length).size
    while (cursor.next()) sum += cursor.valueLength
  }
  return sum
}

function walkViews(buffer, cursor) {
  let sum = 0
  for (let position = 0; position < buffer.length;) {
    position += cursor.reset(buffer, position, buffer.length).size
    while (cursor.next()) sum += cursor.value().length
  }
  return sum
}

function walkChecked(buffer, cursor) {
  const view = viewOf(buffer)
  let sum = 0
  for (let position = 0; position < buffer.length;) {
    const { size } = cursor.reset(buffer, position, buffer.length)
    if (!verifyBatchCrc(buffer, view, position, size)) throw new Error('checksum')
    while (cursor.next()) sum += cursor.value().length
    position += size
  }
  return sum
}

function walkHeaders(buffer) {
  const view = viewOf(buffer)
  let sum = 0
  for (let position = 0; position < buffer.length; sum += 1) position += readBatchHeader(buffer, view, position, buffer.length).size
  return sum
}

/** GB/s of `bytes` through `work`. */
function rate(bytes, work, times = 500) {
  return () => bytes / nanosecondsPer(times, () => { for (let i = 0; i < times; i += 1) sink += work() })
}

function telemetry(size) {
  const lines = []
  let seed = 17
  const next = (below) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return seed % below }
  for (let at = 0; at < size;) {
    const line = JSON.stringify({ id: `truck_${next(20)}`, lat: 47 + next(100000) / 1e5, lon: 8 + next(100000) / 1e5, speed: next(90), state: ['moving', 'idle', 'loading'][next(3)] })
    lines.push(line)
    at += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, size)
}

export async function run({ rounds }) {
  await loadAllCodecs()
  const bytes100 = Buffer.alloc(100, 0x61)
  const bytes1k = Buffer.alloc(1000, 0x61)
  const text100 = 'a'.repeat(100)
  const small = batches(null, bytes100, null)
  const large = batches(null, bytes1k, null)
  const single = batches(null, bytes100, null, 180)
  const keyed = batches('truck_17', bytes100, [{ key: 'trace-id', value: Buffer.alloc(16) }])
  const chunk = Buffer.alloc(BATCH, 0x61)
  const native = createRequire(import.meta.url)('@node-rs/crc32').crc32c
  const json = telemetry(BATCH)
  const codecs = compressionTypes.filter((type) => type !== 'none')

  const variants = {
    set: copyLoop(bytes100, OPERATIONS), write: textLoop(text100, OPERATIONS), crc: rate(BATCH, () => native(chunk)),
    bytes100: encode(null, bytes100, null, OPERATIONS), text100: encode(null, text100, null, OPERATIONS), bytes1k: encode(null, bytes1k, null, OPERATIONS / 4),
    keyed: encode('truck_17', text100, null, OPERATIONS), foreign: encode(null, 'Zürich'.repeat(16), null, OPERATIONS / 2),
    headers: encode('truck_17', bytes100, [{ key: 'trace-id', value: Buffer.alloc(16) }], OPERATIONS / 2),
    walk: timed(small, walk), views: timed(small, walkViews), checked: timed(small, walkChecked), walkKeyed: timed(keyed, walk), scan1k: timed(large, walkChecked, PASSES), sum1k: summed(large, native, PASSES), header: timed(single, walkHeaders),
    crcOurs: rate(BATCH, () => crc32c(chunk, 0, BATCH)), crcJavaScript: rate(BATCH, () => crc32cJavaScript(chunk, 0, BATCH)),
  }
  for (const type of codecs) {
    const packed = compress(type, json, type === 'gzip' || type === 'zstd' ? 1 : undefined)
    variants[`${type} compress`] = rate(BATCH, () => compress(type, json, type === 'gzip' || type === 'zstd' ? 1 : undefined).length, 100)
    variants[`${type} decompress`] = rate(BATCH, () => decompress(type, packed, 1 << 20).length, 100)
  }
  const f = await interleave(variants, rounds)

  const ns = (name, figures, rest = {}) => row({ name, unit: 'ns/record', figures, better: 'less', ...rest })
  const set = { yardsticks: f.set, yardstickName: 'slab.set loop' }
  const write = { yardsticks: f.write, yardstickName: 'utf8Write loop' }
  const crc = { unit: 'GB/s', yardsticks: f.crc, yardstickName: 'native crc32c, 64 KiB' }
  const gigabytes = (figures, size) => figures.map((nanoseconds) => size / nanoseconds)
  const backends = codecBackends()
  return [
    ns('encode 100 B Buffer', f.bytes100, { ...set, must: 6, stretch: 4 }),
    ns('encode 100 B string', f.text100, { ...write, must: 2.5, stretch: 1.9 }),
    row({ name: 'encode 1 KB Buffer', figures: gigabytes(f.bytes1k, 1000), ...crc, must: 0.5, stretch: 0.65 }),
    ns('encode 8 B string key, 100 B string', f.keyed, write),
    ns('encode 112 B non-ASCII string', f.foreign, write),
    ns('encode 8 B key, 100 B Buffer, one header', f.headers, set),
    ns('decode 100 B, cursor', f.walk, set),
    ns('decode 100 B, cursor and value view', f.views, set),
    ns('decode 100 B, cursor, value view and CRC', f.checked, set),
    ns('decode 8 B key, 100 B, one header, cursor', f.walkKeyed, set),
    row({ name: 'decode 1 KB, CRC and every value', unit: 'GB/s', figures: gigabytes(f.scan1k, 1000), yardsticks: gigabytes(f.sum1k, 1000), yardstickName: 'native crc32c, same bytes', must: 0.5, stretch: 0.7 }),
    row({ name: 'batch header', unit: 'ns/batch', figures: f.header, better: 'less', ...set }),
    row({ name: 'crc32c, 64 KiB', figures: f.crcOurs, ...crc }),
    row({ name: 'crc32c in JavaScript, 64 KiB', figures: f.crcJavaScript, ...crc }),
    ...codecs.flatMap((type) => ['compress', 'decompress'].map((way) => row({ name: `${type} (${backends[type]}) ${way}, 64 KiB of JSON`, unit: 'GB/s', figures: f[`${type} ${way}`] }))),
    ...(sink === 0 ? [row({ name: 'nothing was done', unit: '', figures: [0] })] : []),
  ]
}
