/**
 * Batches and directories that Kafka's own classes and brokers made (fixtures/vectors, fixtures/01, 02, 10), read with every rung of
 * codecs: what Kafka says is in them is the oracle.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import { peekBatchSize, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader } from './batch-format.ts'
import { codecs, createCodecs, useCodecLogger, type Codecs } from './compression.ts'
import { readControlType, readCoordinatorEpoch } from './control-record.ts'
import { RecordBatchBuilder, type BatchFields } from './record-batch-builder.ts'
import { readBatch, RecordCursor, validateBatch } from './record-cursor.ts'
import { nodeLoader } from './native-library.ts'

const fixtures = join(import.meta.dirname, '../../fixtures')

interface TruthRecord {
  offset: number | string; timestamp: number | string; sequence: number; key: string | null; value: string | null
  headers: [string, string | null][]; controlType?: string; coordinatorEpoch?: number
}
interface TruthBatch {
  position: number; size: number; error?: string; unsafe?: true; codec: string; timestampType: 'CreateTime' | 'LogAppendTime'
  isTransactional: boolean; isControl: boolean
  deleteHorizonMs: number | null; records: TruthRecord[]; [field: string]: unknown
}

const unzip = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, 'vectors', name)))
const lines = <T>(text: string): T[] => text.trim().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as T)
const base64 = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('base64')

/** Without the optional native packages, and without a zstd in node:zlib. */
const withoutNative = createCodecs((name) => {
  if (name === 'snappy' || name === 'lz4-napi') throw new Error(`no ${name} here`)
  return nodeLoader(name)
}, {})
const rungs: [string, Codecs][] = [['the best codecs there are', codecs], ['no native codec', withoutNative]]

beforeAll(async () => {
  useCodecLogger(silentLogger)
  await codecs.loadCodec('zstd')
  await withoutNative.loadCodec('zstd')
})

/** A batch as the truth files describe it. */
function describeBatch(bytes: Buffer, position: number, size: number, use: Codecs): Record<string, unknown> {
  const view = viewOf(bytes)
  if (!verifyBatchCrc(bytes, view, position, size)) throw new OttlaError('CORRUPT_MESSAGE', 'the checksum does not hold')
  const { header, records } = readBatch(bytes, position, position + size, { codecs: use })
  const truth: Record<string, unknown> = {
    position, baseOffset: header.baseOffset, lastOffset: header.lastOffset, size: header.size, partitionLeaderEpoch: header.leaderEpoch, magic: header.magic,
    crc: header.crc, attributes: header.attributes, codec: header.compression, timestampType: header.timestampType, isTransactional: header.isTransactional,
    isControl: header.isControl, deleteHorizonMs: header.deleteHorizonMs, baseTimestamp: header.baseTimestamp, maxTimestamp: header.maxTimestamp,
    producerId: header.producerId, producerEpoch: header.producerEpoch, baseSequence: header.baseSequence, lastSequence: header.lastSequence,
    count: header.count,
  }
  truth['records'] = records.map((record) => {
    const plain: TruthRecord = {
      offset: record.offset, timestamp: record.timestamp, sequence: record.sequence, key: base64(record.key), value: base64(record.value),
      headers: record.headers.map((h) => [h.key, base64(h.value)]),
    }
    if (!header.isControl) return plain
    const controlType = readControlType(record.key)
    if (controlType !== 'COMMIT' && controlType !== 'ABORT') return { ...plain, controlType }
    return { ...plain, controlType, coordinatorEpoch: readCoordinatorEpoch(record.value) }
  })
  return truth
}

/** What `read` throws, or null. */
function failure(read: () => unknown): unknown {
  try {
    read()
    return null
  } catch (error) {
    return error
  }
}

function expectRefusal(read: () => unknown, line: TruthBatch): void {
  const error = failure(read)
  expect(OttlaError.is(error, 'CORRUPT_MESSAGE'), `batch at ${line.position}: ${line.error ?? 'unsafe'} → ${String(error)}`).toBe(true)
}

describe.each(rungs)('with %s', (_, use) => {
  test('batches of Kafka decode to what Kafka says is in them', () => {
    const bytes = unzip('batches.bin.gz')
    const truth = lines<TruthBatch>(unzip('batches.jsonl.gz').toString())
    expect(truth.length).toBe(1500)
    let unsafe = 0
    for (const line of truth) {
      if (line.unsafe === true) {
        unsafe++
        const error = failure(() => describeBatch(bytes, line.position, line.size, use))
        expect(String(error)).toMatch(/outside ±\(2\^53−1\), which Ottla does not support/)
        expect(OttlaError.is(error, 'CORRUPT_MESSAGE')).toBe(true)
      } else {
        expect(describeBatch(bytes, line.position, line.size, use)).toEqual(line)
        expect(validateBatch(bytes, line.position, line.position + line.size, { cursor: new RecordCursor({ codecs: use }) }).count).toBe(line.records.length)
      }
    }
    expect(unsafe).toBeGreaterThan(0)
  })

  test('damaged batches are refused where Kafka refuses them, and else read the same', () => {
    const bytes = unzip('batches-damaged.bin.gz')
    const truth = lines<TruthBatch>(unzip('batches-damaged.jsonl.gz').toString())
    expect(truth.length).toBe(800)
    let framing = 0
    for (const line of truth) {
      const read = (): unknown => describeBatch(bytes, line.position, line.size, use)
      if (line.error !== undefined || line.unsafe === true) {
        expectRefusal(read, line)
        continue
      }
      const error = failure(read)
      if (error === null) {
        expect(read()).toEqual(line)
        continue
      }
      expect(line.codec, String(error)).not.toBe('none')
      expect(String(error)).toMatch(new RegExp(`OttlaError: ${line.codec}`))
      framing++
    }
    expect(framing).toBeLessThan(20)
  })
})

/** Header fields to seal a batch with, as they were. */
function fieldsOf(header: BatchHeader): BatchFields {
  const fields: BatchFields = {
    baseOffset: header.baseOffset, leaderEpoch: header.leaderEpoch, producerId: header.producerId, producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence, isTransactional: header.isTransactional, isControl: header.isControl, compression: header.compression,
    timestampType: header.timestampType, lastOffsetDelta: header.lastOffsetDelta, maxTimestamp: header.maxTimestamp,
  }
  if (header.deleteHorizonMs !== null) fields.deleteHorizonMs = header.deleteHorizonMs
  return fields
}

describe('encoding again what was decoded', () => {
  const bytes = unzip('batches.bin.gz')
  const truth = lines<TruthBatch>(unzip('batches.jsonl.gz').toString()).filter((line) => line.unsafe !== true)
  const cursor = new RecordCursor()
  const builder = new RecordBatchBuilder(4 * 1024 * 1024)

  function encodeAgain(line: TruthBatch): { header: BatchHeader; batch: Uint8Array } {
    const header = cursor.reset(bytes, line.position, line.position + line.size)
    builder.reset(header.count === 0 ? undefined : header.baseTimestamp)
    while (cursor.next()) {
      expect(builder.appendAt(cursor.offsetDelta, header.baseTimestamp + cursor.timestampDelta, cursor.key(), cursor.value(), cursor.headers())).toBe(true)
    }
    return { header, batch: builder.seal(fieldsOf(header)) }
  }

  test('gives the same bytes where no codec is used', () => {
    const plain = truth.filter((line) => line.codec === 'none')
    expect(plain.length).toBeGreaterThan(300)
    for (const line of plain) {
      const { batch } = encodeAgain(line)
      expect(Buffer.from(batch).equals(bytes.subarray(line.position, line.position + line.size)), `batch at ${line.position}`).toBe(true)
    }
  })

  test('gives the same records where a codec is used', () => {
    for (const line of truth.filter((line) => line.codec !== 'none')) {
      const { header, batch } = encodeAgain(line)
      const again = readBatch(batch)
      expect(again.records).toEqual(readBatch(bytes, line.position, line.position + line.size).records)
      expect(again.header).toEqual({ ...header, position: 0, size: batch.length, crc: again.header.crc })
    }
  })

  test('gives the same bytes when keys and values are given as text', () => {
    const isText = (value: string | null): boolean => value === null || Buffer.from(Buffer.from(value, 'base64').toString()).toString('base64') === value
    let count = 0
    for (const line of truth.filter((line) => line.codec === 'none' && line.count !== 0)) {
      if (!line.records.every((record) => isText(record.key) && isText(record.value))) continue
      const header = cursor.reset(bytes, line.position, line.position + line.size)
      builder.reset(header.baseTimestamp)
      while (cursor.next()) {
        const text = (part: Uint8Array | null): string | null => part === null ? null : Buffer.from(part).toString()
        builder.appendAt(cursor.offsetDelta, header.baseTimestamp + cursor.timestampDelta, text(cursor.key()), text(cursor.value()), cursor.headers())
      }
      const original = bytes.subarray(line.position, line.position + line.size)
      expect(Buffer.from(builder.seal(fieldsOf(header))).equals(original), `batch at ${line.position}`).toBe(true)
      count++
    }
    expect(count).toBeGreaterThan(20)
  })
})

interface FixtureRecord {
  offset: number; timestamp: number; timestampType: string; leaderEpoch: number | null; key?: string | null; value?: string | null
  keySha256?: string; keySize?: number; valueSha256?: string; valueSize?: number; headers: { key: string; value: string | null }[]
}

function readLog(directory: string, use: Codecs): FixtureRecord[] {
  const records: FixtureRecord[] = []
  for (const name of readdirSync(directory).filter((name) => name.endsWith('.log')).sort()) {
    const bytes = readFileSync(join(directory, name))
    const view = viewOf(bytes)
    for (let position = 0; position < bytes.length;) {
      const size = peekBatchSize(bytes, view, position, bytes.length)
      expect(size).toBeGreaterThan(0)
      const summary = validateBatch(bytes, position, bytes.length, { codecs: use })
      const batch = readBatch(bytes, position, position + size, { codecs: use })
      expect(summary.count).toBe(batch.records.length)
      expect(readBatchHeader(bytes, view, position, bytes.length).lastOffset).toBeGreaterThanOrEqual(batch.records.at(-1)?.offset ?? 0)
      if (batch.header.isControl) expect(batch.records.map((record) => readControlType(record.key))).not.toContain('UNKNOWN')
      else for (const record of batch.records) records.push(fixtureRecord(record, batch.header))
      position += size
    }
  }
  return records
}

function fixtureRecord(record: ReturnType<typeof readBatch>['records'][number], header: BatchHeader): FixtureRecord {
  return {
    offset: record.offset, timestamp: record.timestamp, timestampType: header.magic === 0 ? 'NoTimestampType' : record.timestampType,
    leaderEpoch: header.magic === 2 ? record.leaderEpoch : null, key: base64(record.key), value: base64(record.value),
    headers: record.headers.map((h) => ({ key: Buffer.from(h.key).toString('base64'), value: base64(h.value) })),
  }
}

/** The truth has a digest in place of long keys and values. */
function likeTruth(record: FixtureRecord, truth: FixtureRecord | undefined): FixtureRecord {
  const like = { ...record }
  for (const part of ['key', 'value'] as const) {
    if (truth?.[`${part}Sha256`] === undefined || typeof record[part] !== 'string') continue
    const bytes = Buffer.from(record[part], 'base64')
    delete like[part]
    like[`${part}Sha256`] = createHash('sha256').update(bytes).digest('hex')
    like[`${part}Size`] = bytes.length
  }
  return like
}

describe.each(rungs)('a data directory of a real broker, with %s', (_, use) => {
  const names = ['01-plain', '02-codecs', '03-segments', '04-txn', '05-compact-later', '10-old-formats']
  test.each(names)('%s: every record of every log is as the broker served it', (fixture) => {
    const truths = readdirSync(join(fixtures, fixture, 'truth/records')).filter((name) => name.endsWith('.read_uncommitted.jsonl'))
    expect(truths.length).toBeGreaterThan(0)
    for (const name of truths) {
      const partition = name.replace('.read_uncommitted.jsonl', '')
      const truth = lines<FixtureRecord>(readFileSync(join(fixtures, fixture, 'truth/records', name), 'utf8'))
      const first = truth[0]?.offset ?? 0
      const records = readLog(join(fixtures, fixture, 'data', partition), use).filter((record) => record.offset >= first)
      expect(records.map((record, i) => likeTruth(record, truth[i])), partition).toEqual(truth)
    }
  })
})
