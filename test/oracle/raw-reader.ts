/**
 * A second, independent reader of Kafka's files, for tests only: it shares no code with `src/`. Slow and plain on purpose. It reads `.log`,
 * `.index` and `.timeindex` of a partition folder byte by byte from the specification and reports everything that does not hold.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export interface RawRecord { readonly offset: number; readonly timestamp: number; readonly key: string | null; readonly value: Buffer | null }
export interface RawBatch {
  readonly file: string; readonly position: number; readonly size: number; readonly baseOffset: number
  readonly lastOffset: number; readonly maxTimestamp: number; readonly producerId: number; readonly baseSequence: number
  readonly records: readonly RawRecord[]
}
export interface RawPartition { readonly batches: readonly RawBatch[]; readonly problems: readonly string[] }

const table = Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k += 1) c = (c & 1) === 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1
  return c >>> 0
})

export function castagnoli(bytes: Uint8Array): number {
  let c = 0xffffffff
  for (const b of bytes) c = (table[(c ^ b) & 0xff]! ^ (c >>> 8)) >>> 0
  return (c ^ 0xffffffff) >>> 0
}

const int64 = (b: Buffer, at: number): number => Number(b.readBigInt64BE(at))

class Varints {
  at: number
  readonly bytes: Buffer
  constructor(bytes: Buffer, at: number) { this.bytes = bytes; this.at = at }
  next(): number {
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
  take(length: number): Buffer | null {
    if (length < 0) return null
    const out = this.bytes.subarray(this.at, this.at + length)
    if (out.length !== length) throw new Error('record runs past its batch')
    this.at += length
    return out
  }
}

function recordsOf(batch: Buffer, count: number, baseOffset: number, baseTimestamp: number): RawRecord[] {
  const codec = batch.readInt16BE(21) & 7
  if (codec > 1) return []
  const reader = new Varints(codec === 1 ? gunzipSync(batch.subarray(61)) : batch, codec === 1 ? 0 : 61)
  const records: RawRecord[] = []
  for (let i = 0; i < count; i += 1) {
    const length = reader.next()
    const end = reader.at + length
    reader.at += 1
    const timestamp = baseTimestamp + reader.next()
    const offset = baseOffset + reader.next()
    const key = reader.take(reader.next())
    const value = reader.take(reader.next())
    for (let headers = reader.next(); headers > 0; headers -= 1) { reader.take(reader.next()); reader.take(reader.next()) }
    if (reader.at !== end) throw new Error(`record at offset ${offset} has ${reader.at - end} bytes too many`)
    records.push({ offset, timestamp, key: key === null ? null : key.toString(), value })
  }
  return records
}

function readLog(folder: string, file: string, problems: string[]): RawBatch[] {
  const bytes = readFileSync(join(folder, file))
  const batches: RawBatch[] = []
  let at = 0
  while (at < bytes.length) {
    const left = bytes.length - at
    const size = left < 61 ? -1 : 12 + bytes.readInt32BE(at + 8)
    if (size < 61 || size > left) { problems.push(`${file}: torn at ${at} (${left} bytes left)`); break }
    const batch = bytes.subarray(at, at + size)
    const crc = batch.readUInt32BE(17)
    if (batch.readInt8(16) !== 2 || castagnoli(batch.subarray(21)) !== crc) { problems.push(`${file}: bad batch at ${at}`); break }
    const baseOffset = int64(batch, 0)
    const count = batch.readInt32BE(57)
    batches.push({
      file, position: at, size, baseOffset, lastOffset: baseOffset + batch.readInt32BE(23), maxTimestamp: int64(batch, 35),
      producerId: int64(batch, 43), baseSequence: batch.readInt32BE(53), records: recordsOf(batch, count, baseOffset, int64(batch, 27)),
    })
    at += size
  }
  return batches
}

/** Every entry of the sparse indexes must name a batch of the log and that batch's last offset. */
function checkIndexes(folder: string, base: string, batches: readonly RawBatch[], problems: string[]): void {
  const byPosition = new Map(batches.map((b) => [b.position, b]))
  const lastOffsets = new Set(batches.map((b) => b.lastOffset))
  const read = (suffix: string): Buffer => { try { return readFileSync(join(folder, `${base}${suffix}`)) } catch { return Buffer.alloc(0) } }
  const index = read('.index')
  if (index.length % 8 !== 0) problems.push(`${base}.index has ${index.length} bytes`)
  for (let at = 0; at + 8 <= index.length; at += 8) {
    const offset = Number(base) + index.readInt32BE(at)
    const batch = byPosition.get(index.readInt32BE(at + 4))
    if (batch?.lastOffset !== offset) problems.push(`${base}.index entry ${at / 8}: offset ${offset} is not the last of a batch at ${index.readInt32BE(at + 4)}`)
  }
  const times = read('.timeindex')
  if (times.length % 12 !== 0) problems.push(`${base}.timeindex has ${times.length} bytes`)
  for (let at = 0; at + 12 <= times.length; at += 12) {
    if (!lastOffsets.has(Number(base) + times.readInt32BE(at + 8))) problems.push(`${base}.timeindex entry ${at / 12} names no batch`)
  }
}

/** Reads one partition folder. With `indexes`, index files are checked too (only sound on a closed log). */
export function readPartition(folder: string, options: { indexes?: boolean } = {}): RawPartition {
  const problems: string[] = []
  const all: RawBatch[] = []
  for (const file of readdirSync(folder).filter((f) => /^\d{20}\.log$/.test(f)).sort()) {
    const batches = readLog(folder, file, problems)
    if (options.indexes === true) checkIndexes(folder, file.slice(0, 20), batches, problems)
    all.push(...batches)
  }
  for (let i = 1; i < all.length; i += 1) {
    if (all[i]!.baseOffset <= all[i - 1]!.lastOffset) problems.push(`${all[i]!.file}: offset ${all[i]!.baseOffset} at ${all[i]!.position} does not rise`)
  }
  return { batches: all, problems }
}
