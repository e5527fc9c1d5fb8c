/**
 * A consumer over a log alone: control batches left out, and aborted transactions where it reads committed data (spec/storage-format 6.1). Records as
 * the truth files show them.
 */
import { createHash } from 'node:crypto'
import type { ReadIsolation, ReadResult } from '../../src/log/log-types.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { readControlType } from '../../src/record/control-record.ts'
import { readBatch, type DecodedRecord } from '../../src/record/record-cursor.ts'

function bytesOf(name: 'key' | 'value', bytes: Uint8Array | null): Record<string, unknown> {
  if (bytes === null) return { [name]: null }
  if (bytes.length > 128) return { [`${name}Sha256`]: createHash('sha256').update(bytes).digest('hex'), [`${name}Size`]: bytes.length }
  return { [name]: Buffer.from(bytes).toString('base64') }
}

/** As the truth files show a record. */
function shown(record: DecodedRecord, magic: number): Record<string, unknown> {
  return {
    offset: record.offset, timestamp: record.timestamp,
    timestampType: magic === 0 ? 'NoTimestampType' : record.timestampType, leaderEpoch: record.leaderEpoch < 0 ? null : record.leaderEpoch,
    ...bytesOf('key', record.key), ...bytesOf('value', record.value),
    headers: record.headers.map(
      ({ key, value }) => ({ key: Buffer.from(key).toString('base64'), value: value === null ? null : Buffer.from(value).toString('base64') }),
    ),
  }
}

export interface Readable { readonly record: DecodedRecord; readonly magic: number }

/** Of a read at `offset`, what a consumer gives out: without control batches and, where it reads committed data, without aborted transactions (spec 6.1). */
export function readable({ records: bytes, abortedTransactions }: ReadResult, offset: number, isolation: ReadIsolation, aborting: Set<number> = new Set()): Readable[] {
  const all: Readable[] = []
  const starts = [...abortedTransactions ?? []].sort((a, b) => a.firstOffset - b.firstOffset)
  for (let position = 0; position < bytes.length;) {
    const { header, records } = readBatch(bytes, position, bytes.length)
    position += header.size
    while (starts.length > 0 && header.lastOffset >= starts[0]!.firstOffset) aborting.add(starts.shift()!.producerId)
    if (header.isControl) {
      if (records.length > 0 && readControlType(records[0]!.key) === 'ABORT') aborting.delete(header.producerId)
    } else if (isolation !== 'committed' || !header.isTransactional || !aborting.has(header.producerId)) {
      all.push(...records.filter((record) => record.offset >= offset).map((record) => ({ record, magic: header.magic })))
    }
  }
  return all
}

/** What a consumer makes of a log, into `all`. */
export async function consume(
  log: PartitionLog, isolation: ReadIsolation, maxBytes: number, all: Record<string, unknown>[] = [],
): Promise<Record<string, unknown>[]> {
  const aborting = new Set<number>()
  for (let offset = log.logStartOffset; ;) {
    const read = await log.read(offset, { maxBytes, isolation })
    if (read.records.length === 0) return all
    all.push(...readable(read, offset, isolation, aborting).map(({ record, magic }) => shown(record, magic)))
    offset = Math.max(offset, read.nextOffset)
  }
}
