/**
 * Row 22: kill -9 while logs are compacted (spec/reliability 2.3, 4a). A process puts values and tombstones under few keys, through the public API, with tiny segments and a
 * cleaner that does not rest; this one keeps the oracle and kills it: at the sight of a file that a cleaning is writing or putting in its place, after a random
 * time, or while it recovers. Then it is opened and closed twice: of every key the last acknowledged value or a later one is there, indexes, snapshots and
 * checkpoints are sound, and the second open changes no byte.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleaningIn, KeyOracle } from '../lib/key-oracle.mjs'
import { differences, hashOf } from '../lib/oracle.mjs'
import { Random } from '../lib/random.mjs'
import { WriterPool } from '../lib/writer-process.mjs'

export const row = { id: 22, name: 'kill -9 while compacting', lane: 2, floor: { count: 30, unit: 'kills' }, seconds: 20 }

const MAX_VIOLATIONS = 5
const CYCLES_PER_DATABASE = 6
/** Of kills that wait for the sight of a cleaning. */
const PATIENCE_MS = 2000
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

function randomProfile(random) {
  const keepsTombstones = random.chance(0.4)
  const acks = random.pick(['all', 1, 1])
  return {
    keepsTombstones, keys: random.pick([20, 200, 1000]), padding: random.pick([10, 60, 200]), burst: random.pick([40, 120, 300]), pauseMs: random.pick([2, 10, 30]),
    broker: random.chance(0.3) ? { 'log.cleaner.dedupe.buffer.size': 1_048_577, 'log.cleaner.io.buffer.load.factor': 0.001 } : {},
    config: {
      'cleanup.policy': 'compact', 'internal.segment.bytes': random.pick([1024, 2048, 8192]), 'min.cleanable.dirty.ratio': random.pick([0, 0.3]), 'index.interval.bytes': random.pick([1, 512]),
      'delete.retention.ms': keepsTombstones ? 3_600_000 : random.pick([0, 20]), 'file.delete.delay.ms': 0,
    },
    settings: {
      acks, 'linger.ms': 0, 'batch.size': random.pick([200, 4000, 16_384]), 'compression.type': random.pick(['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']), 'enable.idempotence': acks === 'all',
    },
  }
}

class Kills {
  count = 0
  acked = 0
  cleanings = 0
  faults = { 'while writing': 0, 'while swapping': 0, 'in recovery': 0, elsewhere: 0 }
  violations = []

  constructor(dist) { this.pool = new WriterPool(dist) }

  async database(seed, isOver) {
    const random = new Random(seed)
    const profile = randomProfile(random)
    const oracle = new KeyOracle(profile.keepsTombstones)
    const directory = mkdtempSync(join(tmpdir(), 'ottla-row22-'))
    try {
      for (let cycle = 0; cycle < CYCLES_PER_DATABASE && !isOver(); cycle++) {
        const problems = await this.cycle(directory, profile, oracle, random, seed * 100 + cycle)
        this.violations.push(...problems.slice(0, MAX_VIOLATIONS).map((each) => `seed ${seed}, cycle ${cycle}: ${each}`))
        if (problems.length > 0) break
      }
    } finally {
      this.acked += oracle.acks
      this.cleanings += oracle.cleanings
      rmSync(directory, { recursive: true, force: true })
    }
  }

  async cycle(directory, profile, oracle, random, seed) {
    const writer = await this.pool.take()
    writer.onLine = (line) => oracle.take(line)
    writer.send({ type: 'compact', directory, seed, first: seed * 1_000_000, ...profile })
    const line = await writer.line('writing')
    if (line !== 'writing') {
      await writer.kill()
      return [`the writer says ${line ?? (await writer.ended).errors}`]
    }
    const moment = random.pick(['writing', 'writing', 'swapping', 'swapping', 'swapping', 'time', 'time'])
    const delay = random.int(400)
    const before = performance.now()
    // The first sights are of the same few segments: some later ones, too.
    let sights = 1 + random.int(30)
    while (!writer.isEnded && performance.now() - before < (moment === 'time' ? delay : PATIENCE_MS)) {
      const kind = cleaningIn(directory)
      if (kind !== null && (kind === moment || (moment === 'writing' && kind === 'swapping')) && --sights <= 0) break
      await wait(0)
    }
    const { signal, errors } = await writer.kill()
    if (signal !== 'SIGKILL') return [`the writer ended by itself: ${errors}`]
    this.tell(cleaningIn(directory))
    for (let depth = 0; random.chance(0.25) && depth < 3; depth++) await this.inRecovery(directory, random)
    return this.check(directory, oracle)
  }

  tell(kind) {
    this.count += 1
    this.faults[kind === null ? 'elsewhere' : `while ${kind}`] += 1
  }

  /** Kills a process that only opens. */
  async inRecovery(directory, random) {
    await this.pool.killWhileOpening(directory, random)
    this.count += 1
    this.faults['in recovery'] += 1
  }

  async check(directory, oracle) {
    const writer = await this.pool.take()
    writer.send({ type: 'check', directory, times: 2 })
    let first
    for (const round of [1, 2]) {
      const line = await writer.line('closed')
      if (line !== 'closed') {
        await writer.kill()
        return [`it does not open again: ${line ?? (await writer.ended).errors}`]
      }
      const state = hashOf(directory)
      const problems = round === 1 ? oracle.judge(directory) : state.hash === first.hash ? [] : [`the second open changed ${differences(first, state).join(', ')}`]
      first = state
      if (problems.length > 0) {
        await writer.kill()
        return problems
      }
      writer.send('go')
    }
    await writer.line('done')
    await writer.kill()
    return []
  }
}

export async function run({ slice, seed, deadline, report, dist }) {
  const kills = new Kills(dist)
  // A slow machine gets more time, not fewer kills.
  const isOver = () => kills.violations.length >= MAX_VIOLATIONS || (slice === 'ci' ? kills.count >= row.floor.count || deadline() < -3 * row.seconds * 1000 : deadline() <= 0)
  let next = seed
  let told = 0
  while (!isOver()) {
    await kills.database(next++, isOver)
    if (kills.count - told >= 100) report(`${told = kills.count} kills, ${kills.acked} acknowledged, ${kills.cleanings} cleanings, ${JSON.stringify(kills.faults)}, ${kills.violations.length} violations`)
  }
  await kills.pool.close()
  const { count, acked, faults, violations, cleanings } = kills
  const inCleaning = faults['while writing'] + faults['while swapping']
  if (count >= row.floor.count && inCleaning < 0.1 * count) violations.push(`only ${inCleaning} of ${count} kills fell into a cleaning`)
  if (count >= row.floor.count && cleanings === 0) violations.push('no cleaning came to its end')
  return { count, unit: row.floor.unit, acked, faults, violations, details: { seedTo: next - 1, cleanings } }
}
