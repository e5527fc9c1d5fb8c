/**
 * Row 6: fdatasync fails (spec 4d, fsyncgate). Injected: strace lets the N-th fdatasync of one log fail with EIO, once or from then on. Real: an ext4 image
 * that is larger than the tmpfs under it, so that writes go through and their write-back fails, and the next fdatasync says OK although the data is gone. Demanded:
 * the log says so within a second and acknowledges nothing from then on, other logs go on (where their disk does), the restart has everything that was
 * acknowledged and takes records again.
 */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { codecNames } from '../lib/decoders.mjs'
import { missing, mount, must, scratchFolder, unmount } from '../lib/mounts.mjs'
import { Oracle } from '../lib/oracle.mjs'
import { Random } from '../lib/random.mjs'
import { attach, injections, isMissing } from '../lib/strace.mjs'
import { WriterPool } from '../lib/writer-process.mjs'

export const row = { id: 6, name: 'fdatasync fails', lane: 1, floor: { count: 4, unit: 'failed disks' }, seconds: 20 }

const MAX_VIOLATIONS = 5
const TOLD_WITHIN_MS = 1000
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

function profileOf(random, padding) {
  const topics = ['t0', 't1'].map((name) => ({ name, partitions: 1, config: { 'file.delete.delay.ms': 0 } }))
  const producer = (topic, acks) => ({
    topic, partition: 0, burst: random.pick([1, 5, 40]), padding, pauseMs: 0,
    settings: {
      acks, 'linger.ms': 0, 'batch.size': 16_384, 'compression.type': random.pick(['none', ...codecNames]),
      'enable.idempotence': acks === 'all' && random.chance(0.5), 'delivery.timeout.ms': 3000, 'request.timeout.ms': 1000,
    },
  })
  return { topics, producers: [producer('t0', 'all'), producer('t0', 1), producer('t1', 'all')], partitions: [], churnMs: 0 }
}

/** What was told of each log, and when: the first failure, and acknowledgements behind it. */
class Watch {
  failedMs = new Map()
  ackedAfter = new Map()

  constructor(profile) { this.profile = profile }

  take(line) {
    const [kind, producer, , code] = line.split(' ')
    if (kind !== 'ack' && kind !== 'err') return
    const { topic } = this.profile.producers[Number(producer)]
    if (kind === 'err') {
      if (!this.failedMs.has(topic)) this.failedMs.set(topic, { at: Date.now(), code })
    } else if (this.failedMs.has(topic)) this.ackedAfter.set(topic, (this.ackedAfter.get(topic) ?? 0) + 1)
  }
}

class FailingSyncs {
  count = 0
  acked = 0
  faults = { 'fdatasync EIO, injected': 0, 'fdatasync EIO, real': 0 }
  slowestMs = 0
  violations = []
  codes = {}

  constructor(dist) { this.pool = new WriterPool(dist, { env: { UV_THREADPOOL_SIZE: '1' } }) }

  note(place, problems) { this.violations.push(...problems.slice(0, MAX_VIOLATIONS).map((each) => `${place}: ${each}`)) }

  async start(directory, profile, seed, padding) {
    const oracle = new Oracle(profile, padding > 0 ? 'power' : 'kill')
    const watch = new Watch(profile)
    const writer = await this.pool.take()
    writer.onLine = (line) => {
      watch.take(line)
      return oracle.take(line)
    }
    writer.send({ type: 'write', directory, seed, first: 0, check: 0, ...profile })
    await writer.line('writing')
    return { oracle, watch, writer }
  }

  /** Until a log has failed, or the time is up. */
  async failure(watch, milliseconds, topic) {
    const has = () => (topic === undefined ? watch.failedMs.size > 0 : watch.failedMs.has(topic))
    for (const end = performance.now() + milliseconds; !has() && performance.now() < end;) await wait(1)
    for (const { code } of watch.failedMs.values()) this.codes[code] = (this.codes[code] ?? 0) + 1
    return has()
  }

  async injected(seed) {
    const random = new Random(seed)
    const sticky = random.chance(0.5)
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ottla-row6-')))
    const directory = join(folder, 'db')
    const trace = join(folder, 'trace')
    const place = `seed ${seed} (${sticky ? 'for good' : 'once'})`
    try {
      const { oracle, watch, writer } = await this.start(directory, profileOf(random, 100), seed, 0)
      const log = join(directory, 't0-0', `${'0'.repeat(20)}.log`)
      const tracer = await attach(writer.pid, { out: trace, all: true, times: true, calls: ['fdatasync'], paths: [log], inject: `fdatasync:error=EIO:when=${1 + random.int(20)}${sticky ? '+' : ''}` })
      const failed = await this.failure(watch, 10_000, 't0')
      const before = oracle.acks
      await wait(300)
      const others = oracle.acks - before
      await writer.kill()
      await tracer.ended
      const { count, firstMs } = injections(trace)
      this.acked += oracle.acks
      if (count === 0) return
      this.count += 1
      this.faults['fdatasync EIO, injected'] += count
      if (!failed) this.note(place, ['a failed fdatasync was not told'])
      else {
        const took = watch.failedMs.get('t0').at - firstMs
        this.slowestMs = Math.max(this.slowestMs, took)
        if (took > TOLD_WITHIN_MS) this.note(place, [`the failed fdatasync was told after ${Math.round(took)} ms`])
        if (watch.ackedAfter.has('t0')) this.note(place, [`${watch.ackedAfter.get('t0')} acknowledgements after the log failed`])
        if (watch.failedMs.has('t1')) this.note(place, [`the other log failed too: ${watch.failedMs.get('t1').code}`])
        if (others === 0) this.note(place, ['the other log does not go on'])
      }
      await this.restart(directory, oracle, place, seed)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  async restart(directory, oracle, place, seed) {
    const writer = await this.pool.take()
    writer.onLine = (line) => oracle.take(line)
    oracle.refusedBefore = oracle.refused.size
    writer.send({ type: 'write', directory, seed: seed + 1, first: 5_000_000, check: 1, bursts: 2, ...oracle.profile })
    const closed = await writer.line('closed')
    if (closed === 'closed') {
      this.note(place, oracle.judge(directory, { recovered: true }).violations)
      writer.send('go')
      const line = await writer.line('done')
      if (line !== 'done' || oracle.refused.size > oracle.refusedBefore) this.note(place, [`the restart does not take records: ${line}`])
      else this.note(place, oracle.judge(directory, { recovered: true }).violations)
    } else this.note(place, [`it does not open again: ${closed ?? (await writer.ended).errors}`])
    await writer.kill()
  }

  /** The disk that promised more than it has. */
  async thin(seed) {
    const random = new Random(seed)
    const folder = scratchFolder('row6')
    const [below, target] = ['below', 'mnt'].map((name) => join(folder, name))
    const image = join(below, 'image')
    const place = `seed ${seed} (thin disk)`
    mkdirSync(below)
    mkdirSync(target)
    mount('tmpfs', below, '-t', 'tmpfs', '-o', 'size=24m')
    try {
      must('truncate', '-s', '256M', image)
      must('mkfs.ext4', '-q', '-b', '4096', '-J', 'size=4', '-E', 'lazy_itable_init=1,lazy_journal_init=1', image)
      mount(image, target, '-o', 'loop')
      onePageRequests(target)
      const directory = join(target, 'db')
      const { oracle, watch, writer } = await this.start(directory, profileOf(random, 20_000), seed, 20_000)
      const failed = await this.failure(watch, 60_000)
      await wait(TOLD_WITHIN_MS)
      const before = oracle.acks
      await wait(500)
      await writer.freeze()
      await writer.drain()
      if (!failed) this.note(place, ['a disk that lost its writes was never told of'])
      if (oracle.acks > before) this.note(place, [`${oracle.acks - before} acknowledgements after the disk failed`])
      for (const [topic, acks] of watch.ackedAfter) this.note(place, [`${acks} acknowledgements by ${topic} after it failed`])
      await writer.kill()
      // Room first: else the unmounting loses metadata of the file system too, and then nobody can find the data.
      must('mount', '-o', 'remount,size=400m', below)
      unmount(target)
      mount(image, target, '-o', 'loop')
      this.count += 1
      this.acked += oracle.acks
      this.faults['fdatasync EIO, real'] += watch.failedMs.size
      this.note(`${place}, before any open`, oracle.judge(directory, { recovered: false }).violations.filter((each) => each.includes('is lost')))
      await this.restart(directory, oracle, place, seed)
      unmount(target)
    } finally {
      unmountAll([target, below])
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/**
 * The loop driver calls a write of which only a part had room a success: such a device lies even when it says OK, and nobody could do anything about that. A
 * request of one page has room or has not.
 */
function onePageRequests(target) {
  const device = /^(\S+) /m.exec(readFileSync('/proc/mounts', 'utf8').split('\n').find((line) => line.split(' ')[1] === target))[1]
  writeFileSync(`/sys/block/${basename(device)}/queue/max_sectors_kb`, '4')
}

function unmountAll(targets) {
  for (const target of targets) {
    try {
      unmount(target)
    } catch {
      // It is not mounted any more.
    }
  }
}

export async function run({ slice, seed, deadline, report, dist }) {
  if (process.platform !== 'linux' || isMissing()) return { count: 0, unit: row.floor.unit, acked: 0, faults: {}, violations: [], skipped: 'no strace', details: {} }
  const syncs = new FailingSyncs(dist)
  const lacking = missing(['mkfs.ext4'])
  const isOver = () => syncs.violations.length >= MAX_VIOLATIONS || (slice === 'ci' ? syncs.count >= row.floor.count || deadline() < -3 * row.seconds * 1000 : deadline() <= 0)
  let next = seed
  try {
    while (!isOver()) {
      if (lacking === null && (next - seed) % 4 === 0) await syncs.thin(next)
      else await syncs.injected(next)
      next += 1
      if (slice === 'long' && (next - seed) % 20 === 0) report(`${syncs.count} failed disks, ${syncs.acked} acknowledged, ${syncs.violations.length} violations`)
    }
  } finally {
    await syncs.pool.close()
  }
  const { count, acked, faults, violations, slowestMs, codes } = syncs
  return { count, unit: row.floor.unit, acked, faults, violations, details: { seedTo: next - 1, toldAfterMs: Math.round(slowestMs), codes, ...(lacking === null ? {} : { owed: `thin disk: ${lacking}` }) } }
}
