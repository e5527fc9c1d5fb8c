/**
 * A second, independent reader of Kafka's files: it shares no code with `src/`. Slow and plain on purpose. It reads `.log`, `.index`, `.timeindex`,
 * `.snapshot`, `leader-epoch-checkpoint` and the checkpoint files of a data directory byte by byte from the specification, and reports everything that does
 * not hold; records of every codec are unfolded by decoders.mjs. The tests under `test/` use it too.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { decoders } from './decoders.mjs'

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k += 1) c = (c & 1) === 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1
  return c >>> 0
})

export function castagnoli(bytes) {
  let c = 0xffffffff
  for (let i = 0; i < bytes.length; i += 1) c = table[(c ^ bytes[i]) & 0xff] ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}

const int64 = (b, at) => Number(b.readBigInt64BE(at))

class Varints {
  constructor(bytes, at) {
    this.bytes = bytes
    this.at = at
  }

  next() {
    let value = 0
    let scale = 1
    for (;;) {
      const b = this.bytes.readUInt8(this.at)
      this.at += 1
      value += (b & 0x7f) * scale
      if (b < 0x80) break
      scale *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  take(length) {
    if (length < 0) return null
    const out = this.bytes.subarray(this.at, this.at + length)
    if (out.length !== length) throw new Error('record runs past its batch')
    this.at += length
    return out
  }
}

function recordsOf(batch, count, baseOffset, baseTimestamp) {
  const codec = batch.readInt16BE(21) & 7
  const decode = decoders[codec]
  if (decode === undefined) throw new Error(`the batch at offset ${baseOffset} is of codec ${codec}, which nobody knows`)
  const reader = new Varints(decode(batch.subarray(61)), 0)
  const records = []
  for (let i = 0; i < count; i += 1) {
    const length = reader.next()
    const end = reader.at + length
    reader.at += 1
    const timestamp = baseTimestamp + reader.next()
    const offset = baseOffset + reader.next()
    const key = reader.take(reader.next())
    const value = reader.take(reader.next())
    const headers = []
    for (let left = reader.next(); left > 0; left -= 1) headers.push([String(reader.take(reader.next())), reader.take(reader.next())])
    if (reader.at !== end) throw new Error(`record at offset ${offset} has ${reader.at - end} bytes too many`)
    records.push({ offset, timestamp, key: key === null ? null : key.toString(), rawKey: key, value, headers })
  }
  if (reader.at !== reader.bytes.length) throw new Error(`the batch at offset ${baseOffset} has ${reader.bytes.length - reader.at} bytes behind its records`)
  return records
}

function readLog(folder, file, problems) {
  const bytes = readFileSync(join(folder, file))
  const batches = []
  let at = 0
  while (at < bytes.length) {
    const left = bytes.length - at
    const size = left < 61 ? -1 : 12 + bytes.readInt32BE(at + 8)
    if (size < 61 || size > left) {
      problems.push(`${file}: torn at ${at} (${left} bytes left)`)
      break
    }
    const batch = bytes.subarray(at, at + size)
    if (batch.readInt8(16) !== 2 || castagnoli(batch.subarray(21)) !== batch.readUInt32BE(17)) {
      problems.push(`${file}: bad batch at ${at}`)
      break
    }
    const baseOffset = int64(batch, 0)
    const attributes = batch.readInt16BE(21)
    let records = []
    try {
      records = recordsOf(batch, batch.readInt32BE(57), baseOffset, int64(batch, 27))
    } catch (error) {
      problems.push(`${file}: the batch at ${at} has a good checksum and cannot be read: ${error.message}`)
    }
    batches.push({
      file, position: at, size, baseOffset, lastOffset: baseOffset + batch.readInt32BE(23), leaderEpoch: batch.readInt32BE(12), maxTimestamp: int64(batch, 35),
      producerId: int64(batch, 43), producerEpoch: batch.readInt16BE(51), baseSequence: batch.readInt32BE(53), isControl: (attributes & 32) !== 0,
      records, codec: attributes & 7,
    })
    at += size
  }
  return batches
}

const orEmpty = (path) => {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}

/** Every entry of the sparse indexes must name a batch of the log and that batch's last offset, and rise. */
function checkIndexes(folder, base, batches, problems) {
  const byPosition = new Map(batches.map((b) => [b.position, b]))
  const byLastOffset = new Map(batches.map((b) => [b.lastOffset, b]))
  const index = orEmpty(join(folder, `${base}.index`))
  if (index.length % 8 !== 0) problems.push(`${base}.index has ${index.length} bytes`)
  let before = -1
  for (let at = 0; at + 8 <= index.length; at += 8) {
    const offset = Number(base) + index.readInt32BE(at)
    const batch = byPosition.get(index.readInt32BE(at + 4))
    if (batch?.lastOffset !== offset) problems.push(`${base}.index entry ${at / 8}: offset ${offset} is not the last of a batch at ${index.readInt32BE(at + 4)}`)
    if (offset <= before) problems.push(`${base}.index entry ${at / 8}: offset ${offset} does not rise`)
    before = offset
  }
  const times = orEmpty(join(folder, `${base}.timeindex`))
  if (times.length % 12 !== 0) problems.push(`${base}.timeindex has ${times.length} bytes`)
  let latest = -Infinity
  for (let at = 0; at + 12 <= times.length; at += 12) {
    const batch = byLastOffset.get(Number(base) + times.readInt32BE(at + 8))
    const timestamp = int64(times, at)
    if (batch === undefined) problems.push(`${base}.timeindex entry ${at / 12} names no batch`)
    else {
      // Everything up to the entry's batch is at most as late as the entry says: a lookup by time starts behind it.
      const late = batches.find((b) => b.position <= batch.position && b.maxTimestamp > timestamp)
      if (late !== undefined) problems.push(`${base}.timeindex entry ${at / 12}: ${timestamp} is before ${late.maxTimestamp} of the batch at ${late.position}`)
    }
    if (timestamp < latest) problems.push(`${base}.timeindex entry ${at / 12}: time ${timestamp} does not rise`)
    latest = timestamp
  }
}

/** Reads one partition folder. With `indexes`, index files are checked too (only sound on a closed or just opened log). */
export function readPartition(folder, options = {}) {
  const problems = []
  const all = []
  const files = readdirSync(folder).sort()
  for (const file of files.filter((f) => /^\d{20}\.log$/.test(f))) {
    const batches = readLog(folder, file, problems)
    if (options.indexes === true) checkIndexes(folder, file.slice(0, 20), batches, problems)
    if (batches.length > 0 && batches[0].baseOffset < Number(file.slice(0, 20))) problems.push(`${file}: begins with offset ${batches[0].baseOffset}`)
    all.push(...batches)
  }
  for (let i = 1; i < all.length; i += 1) {
    if (all[i].baseOffset <= all[i - 1].lastOffset) problems.push(`${all[i].file}: offset ${all[i].baseOffset} at ${all[i].position} does not rise`)
    if (all[i].leaderEpoch < all[i - 1].leaderEpoch) problems.push(`${all[i].file}: leader epoch ${all[i].leaderEpoch} at ${all[i].position} goes back`)
  }
  return { batches: all, problems, files }
}

/** The offsets that no batch between the first and the last has, inside of segments and between them. A log that was never compacted or repaired has none. */
export function gapsOf(batches) {
  const gaps = { inside: [], between: [] }
  for (let i = 1; i < batches.length; i += 1) {
    const [before, after] = [batches[i - 1], batches[i]]
    const text = `${before.lastOffset + 1} to ${after.baseOffset - 1} (${after.file})`
    if (after.baseOffset !== before.lastOffset + 1) gaps[before.file === after.file ? 'inside' : 'between'].push(text)
  }
  return gaps
}

/** Producer sequences of idempotent batches that come twice or do not follow their predecessor. */
export function sequenceProblems(batches) {
  const problems = []
  const next = new Map()
  for (const batch of batches) {
    if (batch.producerId < 0 || batch.isControl || batch.baseSequence < 0) continue
    const expected = next.get(batch.producerId)
    if (expected !== undefined && expected.epoch === batch.producerEpoch && expected.sequence !== batch.baseSequence) {
      problems.push(`${batch.file}: producer ${batch.producerId} has sequence ${batch.baseSequence} at offset ${batch.baseOffset}, expected ${expected.sequence}`)
    }
    next.set(batch.producerId, { epoch: batch.producerEpoch, sequence: (batch.baseSequence + batch.lastOffset - batch.baseOffset + 1) % 2 ** 31 })
  }
  return problems
}

/** One `.snapshot`: version i16 · crc u32 of what follows · entries of { id i64, epoch i16, last sequence i32, last offset i64, delta i32, time i64, … }. */
export function readSnapshot(path) {
  const bytes = readFileSync(path)
  if (bytes.length < 10) return { problem: `${bytes.length} bytes`, entries: [] }
  if (bytes.readInt16BE(0) !== 1) return { problem: `version ${bytes.readInt16BE(0)}`, entries: [] }
  if (castagnoli(bytes.subarray(6)) !== bytes.readUInt32BE(2)) return { problem: 'checksum', entries: [] }
  const count = bytes.readInt32BE(6)
  const entries = []
  for (let i = 0; i < count; i += 1) {
    const at = 10 + i * 46
    if (at + 46 > bytes.length) return { problem: `cut at entry ${i}`, entries }
    entries.push({ producerId: int64(bytes, at), epoch: bytes.readInt16BE(at + 8), lastSequence: bytes.readInt32BE(at + 10), lastOffset: int64(bytes, at + 14) })
  }
  return { problem: 10 + count * 46 === bytes.length ? null : 'bytes behind the entries', entries }
}

/** A text checkpoint: version, count, then one entry a line. Null when there is none. */
export function readCheckpoint(path) {
  let text
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return null
  }
  const lines = text.split('\n')
  const count = Number(lines[1])
  const entries = lines.slice(2).filter((line) => line !== '').map((line) => line.split(' '))
  const isSound = lines[0] === '0' && entries.length === count
  return { problem: isSound ? null : `${lines[0]}/${lines[1]} for ${entries.length} entries`, entries }
}
