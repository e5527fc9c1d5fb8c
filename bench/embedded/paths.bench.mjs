/**
 * Where the nanoseconds of one 100 B send (a promise each, page cache) and of one consumed record (`for await … batches()`, cursor, every value) go: self
 * times of V8's sampling profiler, by area, divided by the records; beside them the floor, which is what the bytes alone cost: copied once, summed once,
 * written once. Areas are told by the folder of `src` that declares the class or function in question, for the built files are flattened.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32c } from '../../dist/record/crc32c.js'
import { nanosecondsPer, row } from '../lib/measure.mjs'
import { openWindow, rawWriteRate, withDatabase, withScratch } from '../lib/workspace.mjs'

const RECORDS = 2_000_000
const ON_DISK = 110

/** First match counts: [area, function names, folders of src]. */
const AREAS = [
  ['idle: waiting for the other thread', /^\(idle\)$/, null],
  ['garbage collection', /^\(garbage collector\)$/, null],
  ['write and read calls', /^(writeBuffer|writeSync|write|read|readSync|fdatasync)$/, null],
  ['checksum', /crc/i, null],
  ['promises: microtasks, settling', /^(runMicrotasks|register|settle|tell|nextOf|lookAtAll|keepFunctions|processTicksAndRejections)$/, null],
  ['records: varints, copies, cursor', /./, /^record$/],
  ['producer and consumer', /./, /^client$/],
  ['log, its files, the broker', /./, /^(log|io|broker)$/],
  ['the benchmark itself', /./, /^bench$/],
]

const root = join(import.meta.dirname, '../..')
const DECLARED = /^(?:export )?(?:async )?(?:class|function|const|let|var) ([\w$]+)/

/** Class, function or constant of the top level → folder of src. */
function declarations() {
  const folders = new Map()
  for (const file of readdirSync(join(root, 'src'), { recursive: true }).map(String)) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
    for (const line of readFileSync(join(root, 'src', file), 'utf8').split('\n')) {
      const name = DECLARED.exec(line)?.[1]
      if (name !== undefined) folders.set(name, file.split(/[\\/]/)[0])
    }
  }
  return folders
}

const folders = declarations()
const texts = new Map()

function folderOf({ url, lineNumber }) {
  if (url.includes('/bench/')) return 'bench'
  if (!url.includes('/dist/')) return ''
  if (!texts.has(url)) texts.set(url, readFileSync(fileURLToPath(url), 'utf8').split('\n'))
  const lines = texts.get(url)
  for (let at = lineNumber; at >= 0; at -= 1) {
    const name = DECLARED.exec(lines[at])?.[1]
    if (name !== undefined) return folders.get(name) ?? folders.get(name.replace(/\$\d+$/, '')) ?? ''
  }
  return ''
}

function areaOf(frame) {
  const folder = folderOf(frame)
  return AREAS.find(([, name, where]) => name.test(frame.functionName || '(anonymous)') && (where === null || where.test(folder)))?.[0] ?? 'Node, native calls and the rest'
}

/** Nanoseconds per record by area while `work` runs. */
async function profiled(work) {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  const started = process.hrtime.bigint()
  await work()
  const total = Number(process.hrtime.bigint() - started)
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const areas = {}
  let sampled = 0
  profile.samples.forEach((id, i) => {
    const area = areaOf(frames.get(id))
    areas[area] = (areas[area] ?? 0) + profile.timeDeltas[i]
    sampled += profile.timeDeltas[i]
  })
  return { all: total / RECORDS, ...Object.fromEntries(Object.entries(areas).map(([area, time]) => [area, time / sampled * total / RECORDS])) }
}

async function consume(ottla, count) {
  const consumer = ottla.consumer({ 'max.poll.records': 1_000_000 })
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
  let seen = 0
  for await (const batch of consumer.batches()) {
    const cursor = batch.cursor()
    while (cursor.next()) seen += cursor.value().length > 0 ? 1 : 0
    if (seen >= count) break
  }
  await consumer.close()
}

/** What copying, summing and writing the bytes of a record costs in large pieces. */
function floor() {
  return withScratch((scratch) => {
    const slab = Buffer.allocUnsafeSlow(1 << 16)
    const value = Buffer.alloc(100, 0x61)
    const copy = nanosecondsPer(1_000_000, () => { for (let i = 0, at = 0; i < 1_000_000; i += 1) { slab.set(value, at); at = at + 300 > slab.length ? 0 : at + 100 } })
    let sum = 0
    const crc = nanosecondsPer(4000, () => { for (let i = 0; i < 4000; i += 1) sum ^= crc32c(slab, 0, slab.length) }) / slab.length * ON_DISK
    const write = ON_DISK / rawWriteRate(scratch, 256 << 20) * 1e9
    return { copy, crc, write, sum }
  })
}

export async function run({ rounds }) {
  const sends = []
  const reads = []
  const floors = []
  for (let round = 0; round < rounds; round += 1) {
    await withDatabase({}, async (ottla) => {
      const producer = ottla.producer({ acks: 1 })
      const value = Buffer.alloc(100, 0x61)
      await openWindow(producer, 300_000, value)
      sends.push(await profiled(() => openWindow(producer, RECORDS, value)))
      await consume(ottla, 300_000)
      reads.push(await profiled(() => consume(ottla, RECORDS)))
    })
    floors.push(await floor())
  }
  const rowsOf = (what, rounds) => ['all', ...AREAS.map(([area]) => area), 'Node, native calls and the rest'].filter((area) => rounds.some((each) => each[area] > 0.5))
    .map((area) => row({ name: `${what}: ${area}`, unit: 'ns/record', figures: rounds.map((each) => each[area] ?? 0), better: 'less' }))
  const floorRow = (name, field) => row({ name: `floor: ${name}`, unit: 'ns/record', figures: floors.map((each) => each[field]), better: 'less' })
  return [
    ...rowsOf('a 100 B send', sends), ...rowsOf('a consumed 100 B record', reads),
    floorRow('slab.set of 100 B', 'copy'), floorRow('its share of crc32c over 64 KiB', 'crc'), floorRow('its share of writeSync of 1 MiB', 'write'),
  ]
}
