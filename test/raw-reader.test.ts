/** The reader that judges the attacks of `reliability/` shares no code with `src/`; here Kafka's own files and tools judge the reader. */
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { castagnoli, readPartition, type RawRecord } from '../reliability/lib/raw-reader.mjs'
import { fixtures, readLines } from './support/fixture-files.ts'

const FIXTURE = '02-codecs'
/** What the Java consumer read, by partition; some are empty. */
const truths = new Map(readdirSync(join(fixtures, FIXTURE, 'data')).filter((name) => /-\d+$/.test(name))
  .map((name) => [name, readLines(FIXTURE, 'truth', 'records', `${name}.read_uncommitted.jsonl`) ?? []] as const).filter(([, records]) => records.length > 0))
const codecNames = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']

let folder = ''
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'ottla-raw-')) })
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Long bytes stand as their hash in Kafka's truth. */
function told(record: Record<string, unknown>, name: 'key' | 'value'): string {
  if (record[name] === null) return 'null'
  return typeof record[name] === 'string' ? createHash('sha256').update(Buffer.from(record[name], 'base64')).digest('hex') : String(record[`${name}Sha256`])
}
const toldLine = (each: Record<string, unknown>): string =>
  `${String(each['offset'])} ${String(each['timestamp'])} ${told(each, 'key')} ${told(each, 'value')} ${(each['headers'] as unknown[]).length}`
const read = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : createHash('sha256').update(bytes).digest('hex'))
const lineOf = (record: RawRecord): string => `${record.offset} ${record.timestamp} ${read(record.rawKey)} ${read(record.value)} ${record.headers.length}`

describe('the independent reader', () => {
  test.each([...truths.keys()])('reads of %s, byte for byte, what Kafka\'s consumer read', (partition) => {
    const { batches, problems } = readPartition(join(fixtures, FIXTURE, 'data', partition), { indexes: true })
    expect(problems).toEqual([])
    expect(batches.flatMap((batch) => batch.records).map(lineOf)).toEqual(truths.get(partition)?.map(toldLine))
    const codec = codecNames.indexOf(/\.(\w+)-/.exec(partition)?.[1] ?? '')
    expect(batches.some((batch) => batch.codec === codec), 'this codec was met').toBe(true)
  })

  const first = (codec: string): Buffer => {
    const source = join(fixtures, FIXTURE, 'data', `recode.${codec}-0`)
    const { batches } = readPartition(source)
    const batch = batches.find((each) => each.codec > 0)
    if (batch === undefined) throw new Error('nothing is compressed here')
    return readFileSync(join(source, batch.file)).subarray(batch.position, batch.position + batch.size)
  }

  const write = (batch: Buffer): void => {
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeUInt32BE(castagnoli(batch.subarray(21)), 17)
    writeFileSync(join(folder, '00000000000000000000.log'), batch)
  }

  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('never takes half of a %s payload for the whole, though its checksum is right', (codec) => {
    const batch = first(codec)
    write(Buffer.from(batch))
    expect(readPartition(folder).problems).toEqual([])
    for (let length = 62; length < batch.length; length += 3) {
      write(Buffer.from(batch.subarray(0, length)))
      const { problems, batches } = readPartition(folder)
      expect(problems, `cut to ${length}`).toHaveLength(1)
      expect(batches[0]?.records, `cut to ${length}`).toEqual([])
    }
  })

  test('says which batch is of a codec that does not exist', () => {
    const batch = Buffer.from(first('gzip'))
    batch.writeInt16BE((batch.readInt16BE(21) & ~7) | 5, 21)
    write(batch)
    expect(readPartition(folder).problems).toEqual([expect.stringContaining('codec 5')])
  })

  test('says of a flipped bit that the batch is bad', () => {
    const source = join(fixtures, FIXTURE, 'data', 'recode.lz4-0', '00000000000000000000.log')
    copyFileSync(source, join(folder, '00000000000000000000.log'))
    const bytes = readFileSync(source)
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 8
    writeFileSync(join(folder, '00000000000000000000.log'), bytes)
    expect(readPartition(folder).problems).toEqual([expect.stringContaining('bad batch')])
  })
})
