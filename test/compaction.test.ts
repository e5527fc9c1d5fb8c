/** Compaction as users meet it: real files, the public interface, the command line, a second process. */
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { open, silentLogger, type Ottla } from '../src/index.ts'
import { build, ottla as cli } from './support/cli.ts'

const scratch: string[] = []
beforeAll(build, 120_000)
afterEach(() => { for (const directory of scratch.splice(0)) rmSync(directory, { recursive: true, force: true }) })

function folder(): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-compaction-'))
  scratch.push(directory)
  return join(directory, 'db')
}

const KEYS = 50
const ROUNDS = 30
const config = {
  'cleanup.policy': 'compact', 'internal.segment.bytes': 8192, 'min.cleanable.dirty.ratio': 0.1, 'delete.retention.ms': 0, 'file.delete.delay.ms': 0,
} as const
const keyOf = (i: number): string => `key ${i}`
const logBytes = (directory: string, partition: string): number => readdirSync(join(directory, partition)).filter((name) => name.endsWith('.log'))
  .reduce((sum, name) => sum + statSync(join(directory, partition, name)).size, 0)

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await pause(5)
}

/** Where the active segment begins: what lies below may be compacted. */
const activeBase = (directory: string, partition: string): number => Number(readdirSync(join(directory, partition)).filter((name) => name.endsWith('.log')).sort().at(-1)!.slice(0, 20))

interface Seen { readonly offset: number; readonly key: string; readonly value: string | null; readonly timestamp: number }

async function readAll(database: Ottla, topic: string): Promise<Seen[]> {
  await using consumer = database.consumer({ 'auto.offset.reset': 'earliest', 'key.deserializer': 'string', 'value.deserializer': 'string' })
  consumer.assign([{ topic, partition: 0, offset: 0 }])
  const seen: Seen[] = []
  for (;;) {
    const [lag] = await consumer.lag()
    if (lag!.lag === 0) return seen
    for (const batch of await consumer.poll({ timeoutMs: 1000 })) {
      for (const { offset, key, value, timestamp } of batch) seen.push({ offset, key: key!, value, timestamp })
    }
  }
}

/** Every key many times, each fifth of them deleted at last; then what fills the active segment, so that all of it may be compacted. */
async function fill(database: Ottla, topic: string, round = 0): Promise<Map<number, string | null>> {
  const producer = database.producer({ 'linger.ms': 0 })
  const written = new Map<number, string | null>()
  const send = async (records: { key: string; value: string | null }[]): Promise<void> => {
    for (const [i, { offset }] of (await producer.sendBatch(records.map((each) => ({ topic, ...each })))).entries()) written.set(offset, records[i]!.value)
  }
  await send([{ key: `filler of round ${round}`, value: 'the first segment is not empty' }])
  for (let i = 0; i < ROUNDS; i++) await send(Array.from({ length: KEYS }, (_, k) => ({ key: keyOf(k), value: `${round}:${i}:${k}` })))
  await send(Array.from({ length: KEYS / 5 }, (_, k) => ({ key: keyOf(k * 5), value: null })))
  for (let i = 0; i < 10; i++) await send([{ key: `filler ${i}`, value: 'x'.repeat(900) }])
  await producer.close()
  return written
}

/** Waits until every key is there once below the active segment, and gives what is there. */
async function compacted(database: Ottla, directory: string, topic: string): Promise<Seen[]> {
  let seen: Seen[] = []
  await until(async () => {
    seen = await readAll(database, topic)
    const keys = seen.filter(({ offset }) => offset < activeBase(directory, `${topic}-0`)).map(({ key }) => key)
    return new Set(keys).size === keys.length
  })
  return seen
}

const lastOf = (seen: readonly Seen[]): Map<string, string | null> => new Map(seen.filter(({ key }) => !key.startsWith('filler')).map(({ key, value }) => [key, value]))
const expected = (round = 0): Map<string, string | null> => new Map(
  Array.from({ length: KEYS }, (_, k) => [keyOf(k), `${round}:${ROUNDS - 1}:${k}`] as const).filter((_, k) => k % 5 !== 0),
)
const withoutDeleted = (last: Map<string, string | null>): Map<string, string | null> => new Map([...last].filter(([, value]) => value !== null).sort())
const sorted = (last: Map<string, string | null>): Map<string, string | null> => new Map([...last].sort())

test('a compacted topic keeps of every key the last value, where it was, and little else', async () => {
  const directory = folder()
  let database = await open(directory, { logger: silentLogger, 'log.cleaner.backoff.ms': 60_000 })
  await database.admin.createTopic('t', { partitions: 1, config })
  const began = Date.now()
  const written = await fill(database, 't')
  const whole = await readAll(database, 't')
  const bytes = logBytes(directory, 't-0')
  // A group in the middle, and one whose place is about to vanish.
  const group = { 'group.id': 'g', 'auto.offset.reset': 'earliest', 'key.deserializer': 'string', 'value.deserializer': 'string', 'enable.auto.commit': false } as const
  const half = Math.floor(whole.length / 2)
  const before = database.consumer(group)
  before.assign([{ topic: 't', partition: 0 }])
  await before.commit([{ topic: 't', partition: 0, offset: half }])
  await before.close()
  await database.close()

  database = await open(directory, { logger: silentLogger, 'log.cleaner.backoff.ms': 1 })
  let seen = await compacted(database, directory, 't')
  expect(logBytes(directory, 't-0')).toBeLessThan(bytes / 3)
  expect(withoutDeleted(lastOf(seen))).toEqual(sorted(expected()))
  expect(seen.length).toBeLessThan(whole.length / 10)
  for (const { offset, value } of seen) expect(written.get(offset), `offset ${offset}`).toBe(value)
  expect(seen.map(({ offset }) => offset)).toEqual([...new Set(seen.map(({ offset }) => offset))].sort((a, b) => a - b))
  expect((await database.admin.listOffsets('t', 'latest'))[0]).toMatchObject({ offset: whole.length })
  expect((await database.admin.listOffsets('t', 'earliest'))[0]).toMatchObject({ offset: 0 })
  expect((await database.admin.listOffsets('t', began - 1000))[0]).toMatchObject({ offset: 0 })
  expect((await database.admin.listOffsets('t', whole.at(-1)!.timestamp))[0]!.offset).toBe(seen.find(({ timestamp }) => timestamp === whole.at(-1)!.timestamp)!.offset)

  const after = database.consumer(group)
  after.subscribe('t')
  const [batch] = await after.poll({ timeoutMs: 5000 })
  expect([...batch!][0]!.offset).toBe(seen.find(({ offset }) => offset >= half)!.offset)
  expect((await after.lag())[0]!.highWatermark).toBe(whole.length)
  await after.close()

  await fill(database, 't', 1)
  seen = await compacted(database, directory, 't')
  expect(withoutDeleted(lastOf(seen))).toEqual(sorted(expected(1)))
  await database.close()

  const verified = await cli(['verify', '--data', directory])
  expect([verified.code, verified.text]).toEqual([0, verified.text])
  expect(verified.error).toContain('0 errors, 0 warnings')
  const segments = readdirSync(join(directory, 't-0')).filter((name) => name.endsWith('.log')).map((name) => join(directory, 't-0', name))
  const dumped = await cli(['dump-log', '--files', segments.join(','), '--print-data-log', '--index-sanity-check'])
  // Kafka's tool tells of holes, too.
  expect([dumped.code, dumped.error.replace(/^(?:Non-consecutive offsets in .*|\s+\d+ is followed by \d+)\n/gm, '')]).toEqual([0, ''])
  expect(dumped.text.match(/key: key \d+/g)!.length).toBe(seen.filter(({ key }) => key.startsWith('key')).length)

  const again = await open(directory, { logger: silentLogger, 'log.cleaner.enable': false })
  expect(await readAll(again, 't')).toEqual(seen)
  // A producer that is known still goes on where it was.
  const producer = again.producer()
  expect((await producer.send({ topic: 't', key: 'new', value: 'v' })).offset).toBe((await again.admin.listOffsets('t', 'latest'))[0]!.offset - 1)
  await again.close()
}, 60_000)

test('beside an owner who compacts all the time the command line reads, checks and dumps', async () => {
  const directory = folder()
  const database = await open(directory, { logger: silentLogger, 'log.cleaner.backoff.ms': 1 })
  await database.admin.createTopic('t', { partitions: 1, config })
  let isOver = false
  let rounds = 0
  const writing = (async () => { while (!isOver) await fill(database, 't', rounds++) })()
  await until(() => rounds > 1)
  for (let i = 0; i < 3; i++) {
    const [verified, consumed] = await Promise.all([
      cli(['verify', '--data', directory]),
      cli(['consume', '--data', directory, '--topic', 't', '--from-beginning', '--json']),
    ])
    expect([verified.code, verified.text]).toEqual([0, verified.text])
    expect([consumed.code, consumed.error]).toEqual([0, ''])
    const keys = new Set(consumed.text.trim().split('\n').map((line) => (JSON.parse(line) as { key: string }).key))
    expect([...keys].filter((key) => key.startsWith('key')).length).toBe(KEYS)
  }
  isOver = true
  await writing
  await database.close()
}, 120_000)

test('who prints a topic while its owner writes all of it anew and compacts it gets the last record of every key', async () => {
  const directory = folder()
  const own = (): Promise<Ottla> => open(directory, { logger: silentLogger, 'log.cleaner.backoff.ms': 1 })
  // More than a pipe takes, in segments of which the reader opens one after another.
  const write = async (database: Ottla, value: string): Promise<void> => {
    const producer = database.producer({ 'linger.ms': 0 })
    for (let i = 0; i < 10; i++) await producer.sendBatch(Array.from({ length: 10 }, (_, k) => ({ topic: 't', key: keyOf(10 * i + k), value: value.repeat(20_000) })))
    await producer.close()
  }
  let database = await own()
  await database.admin.createTopic('t', { partitions: 1, config: { ...config, 'internal.segment.bytes': 250_000 } })
  await write(database, 'a')
  await database.close()
  database = await own()
  let child: ChildProcess | null = null
  const printed = cli(['consume', '--data', directory, '--topic', 't', '--from-beginning', '--json', '--consumer-property', 'max.partition.fetch.bytes=1000'], {
    onStart: (started) => started.stdout!.once('data', () => { (child = started).stdout!.pause() }),
  })
  await until(() => child !== null)
  await write(database, 'b')
  await until(() => logBytes(directory, 't-0') < 2_500_000)
  child!.stdout!.resume()
  const { code, text, error } = await printed
  expect([code, error]).toEqual([0, ''])
  const last = new Map(text.trim().split('\n').map((line) => JSON.parse(line) as { key: string; value: string }).map(({ key, value }) => [key, value[0]]))
  expect(last).toEqual(new Map(Array.from({ length: 100 }, (_, i) => [keyOf(i), 'b'])))
  await database.close()
}, 60_000)

test('offsets that a group commits again and again take little room', async () => {
  const directory = folder()
  const database = await open(directory, { logger: silentLogger, 'log.cleaner.backoff.ms': 1, 'offsets.topic.segment.bytes': 16_384 })
  await database.admin.createTopic('t', { partitions: 1 })
  await database.producer().send({ topic: 't', value: 'v' })
  await using consumer = database.consumer({ 'group.id': 'g', 'enable.auto.commit': false })
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
  for (let i = 0; i < 800; i++) await consumer.commit([{ topic: 't', partition: 0, offset: i }])
  await until(() => logBytes(directory, '__consumer_offsets-0') < 3 * 16_384)
  expect(await database.admin.listGroupOffsets('g')).toMatchObject([{ topic: 't', partition: 0, offset: 799 }])
  await consumer.close()
  await database.close()
  await using again = await open(directory, { logger: silentLogger })
  expect(await again.admin.listGroupOffsets('g')).toMatchObject([{ topic: 't', partition: 0, offset: 799 }])
}, 60_000)
