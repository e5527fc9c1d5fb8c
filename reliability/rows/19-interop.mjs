/**
 * Row 19: every client reads what every client writes. Records with and without key and value, short, long and beyond ASCII, with headers, in each codec that the
 * client has, go through a real `ottla serve`; each client then reads all of it, in a group of its own, and what it committed is asked for; at last the
 * segment files are read byte by byte by a reader that shares nothing with `src/` (lib/raw-reader.mjs). Clients and their versions of the protocol: lib/interop-clients.mjs.
 *
 * A cell is one topic (a writer and a codec) as one reader sees it. Long: with Kafka's own tools, more records, until the time is over.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { interopClients } from '../lib/interop-clients.mjs'
import { Random } from '../lib/random.mjs'
import { readPartition } from '../lib/raw-reader.mjs'
import { startServer } from '../lib/served.mjs'

export const row = { id: 19, name: 'every client reads what every client writes', lane: 2, floor: { count: 100, unit: 'cells' }, seconds: 15 }

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789 äß€🦦'
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Nothing is empty: kcat cannot tell that from null. */
function word(random, most) {
  const letters = [...LETTERS]
  // kcat and Kafka's console trim nothing, but a tab or a line end would cut.
  return Array.from({ length: 1 + random.int(most) }, () => random.pick(letters)).join('')
}

function recordsFor(random, count) {
  return Array.from({ length: count }, (_, i) => ({
    key: random.chance(0.3) ? null : `k${word(random, 10)}`, value: i > 0 && random.chance(0.1) ? null : i === 0 ? 'long '.repeat(8000 + random.int(8000)) : `v${word(random, 200)}`,
  }))
}

const line = ({ key, value, header }) => JSON.stringify([key, value, header])

/** One topic as a reader saw it, against what was written to it: partitions mix, so order is not asked for here. */
function compare(reader, { topic, records, writer }, seen, violations) {
  const expected = records.map(({ key, value }) => line({ key, value, header: writer })).sort()
  const got = seen.map(line).sort()
  if (expected.length === got.length && expected.every((each, i) => each === got[i])) return
  const odd = got.find((each) => !expected.includes(each)) ?? expected.find((each) => !got.includes(each)) ?? ''
  violations.push(`${reader} read ${got.length} records of ${topic} where ${expected.length} were written; for example ${odd.slice(0, 200)}`)
}

/** Segment files as bytes. */
function readFiles(data, { topic, partitions }) {
  const problems = []
  const seen = []
  const codecs = new Set()
  for (let partition = 0; partition < partitions; partition++) {
    const found = readPartition(join(data, `${topic}-${partition}`))
    problems.push(...found.problems)
    for (const { records, codec } of found.batches) {
      codecs.add(codec)
      for (const { key, value, headers } of records) {
        const text = (bytes) => bytes === null ? null : Buffer.from(bytes).toString()
        seen.push({ topic, key: text(key), value: text(value), header: text(headers[0]?.value ?? headers[0]?.[1] ?? null) })
      }
    }
  }
  return { problems, seen, codecs }
}

async function round({ random, dist, isLong, violations, report }) {
  const scratch = mkdtempSync(join(tmpdir(), 'ottla-row19-'))
  const data = join(scratch, 'data')
  const server = await startServer(dist, ['--data', data, '--port', '0'])
  const broker = `127.0.0.1:${server.ports[0]}`
  const { connect } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const kafka = await connect(broker, { logger: quiet })
  const { clients, missing } = await interopClients(broker, dist, { isLong })
  const topics = []
  let cells = 0
  let records = 0
  try {
    for (const client of clients) {
      for (const codec of client.codecs) {
        const partitions = 1 + random.int(3)
        const topic = `${client.name.replaceAll(' ', '-')}-${codec}`
        await kafka.admin.createTopic(topic, { partitions })
        const each = { topic, partitions, writer: client.name, codec, records: recordsFor(random, isLong ? 500 : 40) }
        await client.produce(topic, codec, each.records)
        records += each.records.length
        topics.push(each)
      }
    }
    report(`${records} records in ${topics.length} topics by ${clients.map(({ name }) => name).join(', ')}`)
    for (const client of clients) {
      const readable = topics.filter(({ writer, codec }) => client.cannotRead?.(writer, codec) !== true)
      const due = readable.reduce((total, each) => total + each.records.length, 0)
      const taken = await client.consume(readable.map(({ topic }) => topic), `of-${client.name.replaceAll(' ', '-')}`, due)
      const byTopic = grouped(taken)
      // Kafka's console does not print topics beside headers: its records are compared as a whole.
      if (taken[0]?.topic === undefined) compareAll(client.name, readable, taken, violations)
      else for (const each of readable) compare(client.name, each, byTopic.get(each.topic) ?? [], violations)
      cells += readable.length
      const committed = await kafka.admin.listGroupOffsets(`of-${client.name.replaceAll(' ', '-')}`)
      const sum = committed.reduce((total, { offset }) => total + offset, 0)
      if (sum !== due) violations.push(`${client.name} read ${due} records and committed ${sum}`)
      report(`${client.name} has read everything`)
    }
  } catch (error) {
    violations.push(inspect(error, { depth: 5 }))
  } finally {
    for (const client of clients) await client.end()
    await kafka.close()
    const code = await server.kill('SIGTERM')
    if (code !== 0) violations.push(`the server ended with ${code}: ${server.log.slice(-500)}`)
  }
  for (const each of topics) {
    const { problems, seen, codecs } = readFiles(data, each)
    violations.push(...problems)
    compare('the reader of files', each, seen, violations)
    const expected = ['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(each.codec)
    if (!codecs.has(expected)) violations.push(`${each.topic}: no batch in its files is compressed with ${each.codec}`)
    cells += 1
  }
  rmSync(scratch, { recursive: true, force: true })
  return { cells, records, missing, clients: clients.map(({ name }) => name) }
}

function grouped(taken) {
  const map = new Map()
  for (const each of taken) map.set(each.topic, [...map.get(each.topic) ?? [], each])
  return map
}

function compareAll(reader, topics, taken, violations) {
  const expected = topics.flatMap(({ records, writer }) => records.map(({ key, value }) => line({ key, value, header: writer }))).sort()
  const got = taken.map(line).sort()
  const odd = got.find((each, i) => each !== expected[i])
  if (expected.length !== got.length || odd !== undefined) violations.push(`${reader} read ${got.length} records of ${expected.length}; for example ${odd?.slice(0, 200)}`)
}

export async function run({ slice, seed, deadline, report = () => {}, dist }) {
  const violations = []
  const isLong = slice === 'long'
  const sum = { cells: 0, records: 0, rounds: 0 }
  let last
  let next = seed
  do {
    last = await round({ random: new Random(next++), dist, isLong, violations, report })
    sum.cells += last.cells
    sum.records += last.records
    sum.rounds += 1
  } while (isLong && violations.length === 0 && deadline() > 60_000)
  const { clients, missing } = last
  const skipped = missing.includes('kcat') && violations.length === 0 ? { skipped: 'kcat is not installed; the other clients agree' } : {}
  return {
    ...skipped,
    count: sum.cells, unit: row.floor.unit, acked: sum.records, faults: {}, violations, details: { seedTo: next - 1, rounds: sum.rounds, clients, missing },
  }
}
