/** Partition folders that brokers of Kafka 0.10 to 2.3 left behind (test/data/README.md): read as the broker's own consumer read them, and found to be right. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { open, silentLogger, type ConsumerRecord } from '../src/index.ts'
import { verifyDirectory } from '../src/tools.ts'

interface OldFolder {
  broker: string; topic: string; begin: number; end: number; stable: number; count: number; records: string; committed: number | null
  times: [number, number][]; files: Record<string, string>
}

const folders = readFileSync(new URL('data/old-brokers.jsonl', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as OldFolder)
const data = mkdtempSync(join(tmpdir(), 'ottla-old-brokers-'))

beforeAll(() => {
  for (const { topic, files } of folders) {
    mkdirSync(join(data, `${topic}-0`))
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(data, `${topic}-0`, name), inflateSync(Buffer.from(bytes, 'base64')))
  }
  const ends = ['0', folders.length, ...folders.map(({ topic, end }) => `${topic} 0 ${end}`), ''].join('\n')
  for (const name of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint']) writeFileSync(join(data, name), ends)
  writeFileSync(join(data, 'meta.properties'), 'version=0\nbroker.id=0\n')
  writeFileSync(join(data, '.kafka_cleanshutdown'), '')
})
afterAll(() => rmSync(data, { recursive: true, force: true }))

test('verify has nothing to say against them', async () => {
  const found: string[] = []
  for await (const { severity, code, file, message } of verifyDirectory(data, {})) if (severity !== 'info') found.push(`${severity} ${code} ${file}: ${message}`)
  expect(found).toEqual([])
})

test.each(folders)('$topic: records, transactions and times are those of the broker', async ({ topic, begin, end, stable, count, records, committed, times }) => {
  await using ottla = await open(data, { readOnly: true, logger: silentLogger })
  const offsetAt = async (at: 'earliest' | 'latest' | number): Promise<number> => (await ottla.admin.listOffsets(topic, at))[0]!.offset
  expect([await offsetAt('earliest'), await offsetAt('latest')]).toEqual([begin, end])
  const read = async (isolation: 'read_committed' | 'read_uncommitted', to: number): Promise<ConsumerRecord[]> => {
    const consumer = ottla.consumer({ 'isolation.level': isolation })
    consumer.assign([{ topic, partition: 0, offset: begin }])
    const all: ConsumerRecord[] = []
    while ((consumer.position({ topic, partition: 0 }) ?? begin) < to) for (const batch of await consumer.poll()) all.push(...batch)
    await consumer.close()
    return all
  }
  const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('base64'))
  const all = await read('read_uncommitted', end)
  const digest = createHash('sha256')
  for (const { offset, timestamp, key, value, headers } of all) {
    digest.update(`${offset} ${timestamp} ${text(key)} ${text(value)} ${JSON.stringify(headers.map((each) => [text(Buffer.from(each.key)), text(each.value)]))}\n`)
  }
  expect([all.length, digest.digest('hex')]).toEqual([count, records])
  if (committed !== null) expect((await read('read_committed', stable)).length).toBe(committed)
  for (const [time, offset] of times) expect(await offsetAt(time), String(time)).toBe(offset)
})
