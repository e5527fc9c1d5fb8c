/**
 * Row 16: what an open costs does not depend on how much the log holds.
 *
 * A data directory is made with real batches of 1 MiB, each of which is zeros but for its head, so that a log of 50 GB takes a few hundred MB of disk; the last
 * segment holds small records that all have the same timestamp. Opened cleanly, and as after a kill, with the bytes read and the files opened counted by
 * strace: they are what is demanded in CI (clean: at most 1 MiB and eight files a segment; unclean: what the last segment holds, and that). Times are printed;
 * long runs demand that those of 1, 10 and 50 GB lie within 20 % of each other, segment by segment's allowance aside: medians of runs in turn.
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

export const row = { id: 16, name: 'recovery time', lane: 1, floor: { count: 4, unit: 'opens judged' }, seconds: 40 }

const MIB = 1024 * 1024
const SEGMENT_BATCHES = 256
const name = (base, kind) => `${String(base).padStart(20, '0')}.${kind}`
const quiet = '{ debug() {}, info() {}, warn() {}, error() {} }'

function runModule(code, { trace } = {}) {
  const node = [process.execPath, '--input-type=module', '-e', code]
  const [command, ...args] = trace === undefined ? node : ['strace', '-f', '-qq', '-e', 'trace=openat,read,pread64', '-o', trace, ...node]
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let errors = ''
    child.stdout.on('data', (chunk) => { out += chunk })
    child.stderr.on('data', (chunk) => { errors += chunk })
    child.on('close', (code) => { if (code === 0) resolve(out.trim()); else reject(new Error(errors.slice(-800))) })
  })
}

/** A directory of `gigabytes`, cleanly closed. Returns what it takes to judge an open of it. */
async function make(dist, directory, gigabytes) {
  const entry = JSON.stringify(pathToFileURL(join(dist, 'index.js')).href)
  const { buildBatch } = await import(pathToFileURL(join(dist, 'testing/index.js')).href)
  await runModule(`
    import { open } from ${entry}
    const ottla = await open(${JSON.stringify(directory)}, { logger: ${quiet} })
    await ottla.admin.createTopic('t', { partitions: 1, config: { 'segment.bytes': 2 ** 28 + 2 ** 20, 'retention.ms': -1, 'max.message.bytes': 4_000_000 } })
    await ottla.close()`)
  const folder = join(directory, 't-0')
  rmSync(join(folder, name(0, 'log')))
  const batch = Buffer.from(buildBatch([{ timestamp: 1_700_000_000_000, value: Buffer.alloc(MIB - 100) }], { leaderEpoch: 0 }))
  const head = batch.subarray(0, 128)
  if (!batch.subarray(128).every((byte) => byte === 0)) throw new Error('the batch is not zeros behind its head')
  const segments = gigabytes * 1024 / SEGMENT_BATCHES
  for (let segment = 0; segment < segments; segment++) {
    const base = segment * SEGMENT_BATCHES
    const log = openSync(join(folder, name(base, 'log')), 'w')
    const index = Buffer.alloc((SEGMENT_BATCHES - 1) * 8)
    for (let i = 0; i < SEGMENT_BATCHES; i++) {
      head.writeBigInt64BE(BigInt(base + i))
      writeSync(log, head, 0, head.length, i * batch.length)
      if (i > 0) { index.writeInt32BE(i, (i - 1) * 8); index.writeInt32BE(i * batch.length, (i - 1) * 8 + 4) }
    }
    ftruncateSync(log, SEGMENT_BATCHES * batch.length)
    closeSync(log)
    writeFileSync(join(folder, name(base, 'index')), index)
    const time = Buffer.alloc(12)
    time.writeBigInt64BE(1_700_000_000_000n)
    writeFileSync(join(folder, name(base, 'timeindex')), time)
  }
  const end = segments * SEGMENT_BATCHES
  writeFileSync(join(folder, name(end, 'log')), '')
  for (const file of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint']) writeFileSync(join(directory, file), `0\n1\nt 0 ${end}\n`)
  // The segment that is appended to: small records, one timestamp.
  await runModule(`
    import { open } from ${entry}
    const ottla = await open(${JSON.stringify(directory)}, { logger: ${quiet} })
    const producer = ottla.producer({ acks: 1, 'batch.size': 4096 })
    for (let i = 0; i < 60_000; i++) if (!producer.post({ topic: 't', partition: 0, value: 'x'.repeat(500), timestamp: 1_700_000_000_000 })) await producer.drained()
    await producer.close()
    await ottla.close()`)
  const tail = readdirSync(folder).filter((each) => each.endsWith('.log')).sort().slice(segments).reduce((sum, each) => sum + statSync(join(folder, each)).size, 0)
  return { directory, folder, segments: segments + 1, tail, end, gigabytes }
}

/** Opens in a process of its own; milliseconds of `open`, and what it found. */
async function openOnce(dist, made, { unclean, trace }) {
  const mark = join(made.directory, '.kafka_cleanshutdown')
  const points = join(made.directory, 'recovery-point-offset-checkpoint')
  const before = readFileSync(points)
  if (unclean) {
    rmSync(mark, { force: true })
    writeFileSync(points, `0\n1\nt 0 ${made.end}\n`)
  }
  const out = await runModule(`
    import { open } from ${JSON.stringify(pathToFileURL(join(dist, 'index.js')).href)}
    const began = performance.now()
    const ottla = await open(${JSON.stringify(made.directory)}, { logger: ${quiet} })
    const ms = performance.now() - began
    const [{ offset }] = await ottla.admin.listOffsets('t', 'latest')
    await ottla.close()
    console.log(JSON.stringify({ ms, offset }))`, { trace })
  if (!unclean) writeFileSync(points, before)
  return JSON.parse(out)
}

/** Bytes read from, and openings of, files in the directory. */
function traced(trace, directory) {
  const open = new Map()
  let bytes = 0
  let files = 0
  for (const line of readFileSync(trace, 'latin1').split('\n')) {
    const opened = /openat\([^,]+, "([^"]*)".*= (\d+)$/.exec(line)
    if (opened !== null) {
      open.set(opened[2], opened[1].startsWith(directory))
      if (opened[1].startsWith(directory)) files++
      continue
    }
    const read = /(?:read|pread64)\((\d+),.*= (\d+)$/.exec(line)
    if (read !== null && open.get(read[1]) === true) bytes += Number(read[2])
  }
  return { bytes, files }
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1]

export async function run({ slice, deadline, report = () => {}, dist }) {
  if (process.platform !== 'linux') return { count: 0, unit: row.floor.unit, acked: 0, faults: {}, violations: [], skipped: 'sparse files and strace are Linux\'s', details: {} }
  const hasStrace = spawnSync('strace', ['-V']).status === 0
  const violations = []
  const scratch = mkdtempSync(join(tmpdir(), 'ottla-opens-'))
  const details = {}
  let count = 0
  try {
    const sizes = slice === 'ci' ? [1, 4] : [1, 10, 50]
    const made = []
    for (const size of sizes) made.push(await make(dist, mkdtempSync(join(scratch, `${size}gb-`)), size))
    report(`made: ${made.map((each) => `${each.gigabytes} GB in ${each.segments} segments`).join(', ')}`)
    const times = new Map()
    const rounds = slice === 'ci' ? 3 : 9
    for (let round = 0; round < rounds && (round < 3 || deadline() > 5000); round++) {
      for (const each of made) {
        for (const unclean of [false, true]) {
          const trace = round === 0 && hasStrace ? join(scratch, 'trace') : undefined
          const { ms, offset } = await openOnce(dist, each, { unclean, trace })
          const what = `${each.gigabytes} GB ${unclean ? 'killed' : 'clean'}`
          if (offset !== each.end + 60_000) violations.push(`${what}: ends at ${offset} instead of ${each.end + 60_000}`)
          if (trace === undefined) {
            times.set(what, [...times.get(what) ?? [], ms])
            continue
          }
          const { bytes, files } = traced(trace, each.directory)
          const most = MIB + (unclean ? 1.2 * each.tail : 0)
          count++
          details[`${what}: bytes read`] = bytes
          details[`${what}: files opened`] = files
          if (bytes > most) violations.push(`${what}: ${bytes} bytes were read, more than ${Math.round(most)}`)
          if (files > 8 * each.segments + 60) violations.push(`${what}: ${files} files were opened in ${each.segments} segments`)
        }
      }
    }
    for (const each of made) {
      for (const kind of ['clean', 'killed']) {
        const what = `${each.gigabytes} GB ${kind}`
        const ms = median(times.get(what) ?? [0])
        details[`${what}: ms`] = Number(ms.toFixed(1))
        if (!hasStrace) count++
      }
    }
    report(JSON.stringify(details))
    if (slice === 'long') judgeTimes(made, details, violations)
    const skipped = hasStrace || slice === 'long' ? {} : { skipped: 'strace is not there: nothing but times could be had' }
    return { count, unit: row.floor.unit, acked: 0, faults: {}, violations, ...skipped, details }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** A millisecond a segment is allowed; what is left must be the same for every size. */
function judgeTimes(made, details, violations) {
  for (const kind of ['clean', 'killed']) {
    const smallest = made[0]
    const least = details[`${smallest.gigabytes} GB ${kind}: ms`]
    for (const each of made.slice(1)) {
      const ms = details[`${each.gigabytes} GB ${kind}: ms`]
      if (ms > 1.2 * least + (each.segments - smallest.segments)) violations.push(`${each.gigabytes} GB ${kind}: ${ms} ms, ${smallest.gigabytes} GB: ${least} ms`)
      if (kind === 'clean' && ms > 50 + each.segments) violations.push(`${each.gigabytes} GB clean: ${ms} ms for ${each.segments} segments, more than 50 ms and one each`)
    }
  }
}
