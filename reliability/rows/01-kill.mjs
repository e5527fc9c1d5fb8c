/**
 * Row 1: kill -9 at random (spec 4a). A process writes through the public API in a random configuration; this one keeps the oracle and kills it: after a random
 * time, at a sight of a sync or write in the kernel, or while it recovers, up to five times in a row. The raw files are judged after every kill, before anything
 * opens them, and after a third of them also once opened and closed, when indexes, snapshots and checkpoints must be sound and a second open changes no byte.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addCounts, differences, hashOf, Oracle } from '../lib/oracle.mjs'
import { Random } from '../lib/random.mjs'
import { randomProfile } from '../lib/swarm.mjs'
import { WriterPool } from '../lib/writer-process.mjs'

export const row = { id: 1, name: 'kill -9 at random', lane: 2, floor: { count: 150, unit: 'kills' }, seconds: 45 }

const MAX_VIOLATIONS = 5
const CYCLES_PER_DATABASE = 6
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

class Kills {
  count = 0
  acked = 0
  faults = { 'in a write or sync': 0, 'in recovery': 0, 'while rolling': 0, 'torn tail': 0, elsewhere: 0 }
  databases = 0
  records = 0
  codecs = {}
  recoveries = 0
  violations = []

  constructor(dist, seed) {
    this.seed = seed
    this.pool = new WriterPool(dist)
  }

  /** One database of its own seed: a few kills, all of them judged. */
  async database(seed, isOver) {
    const random = new Random(seed)
    const profile = randomProfile(random)
    const oracle = new Oracle(profile, 'kill')
    const directory = mkdtempSync(join(tmpdir(), 'ottla-row1-'))
    this.databases += 1
    try {
      for (let cycle = 0; cycle < CYCLES_PER_DATABASE && !isOver(); cycle++) {
        const before = this.violations.length
        if (cycle > 0 && random.chance(0.3)) await this.nested(directory, profile, oracle, random, seed)
        await this.cycle(directory, profile, oracle, random, seed, cycle)
        if (this.violations.length > before) break
      }
    } finally {
      this.acked += oracle.acks
      addCounts(this.codecs, oracle.codecs)
      rmSync(directory, { recursive: true, force: true })
    }
  }

  note(seed, problems) { this.violations.push(...problems.slice(0, MAX_VIOLATIONS).map((each) => `seed ${seed}: ${each}`)) }

  async cycle(directory, profile, oracle, random, seed, cycle) {
    const writer = await this.pool.take()
    writer.onLine = (line) => oracle.take(line)
    const check = cycle > 0 && random.chance(0.35) ? 2 : 0
    const moment = random.pick(['time', 'acks', 'sync', 'sync', 'sync'])
    const delay = random.int(50)
    writer.send({ type: 'write', directory, seed: seed * 100 + cycle, first: cycle * 1_000_000, check, ...profile })
    if (check > 0 && !await this.check(writer, directory, oracle, seed)) return
    const line = await writer.line('writing')
    if (line !== 'writing') {
      this.note(seed, [`cycle ${cycle}: the writer says ${line ?? (await writer.ended).errors}`])
      await writer.kill()
      return
    }
    const acksBefore = oracle.acks
    if (moment === 'time') await wait(delay)
    else {
      const enough = moment === 'acks' ? 1 + delay * 8 : 1 + random.int(200)
      const end = performance.now() + 1000
      while (oracle.acks - acksBefore < enough && performance.now() < end) await wait(0)
      // A sync may be over before its kill: what is in the files and was not acknowledged tells the truth.
      if (moment === 'sync') for (let i = 0; i < 300 && writer.callOfNow() === 'other'; i++);
    }
    const call = writer.callOfNow()
    await writer.kill()
    this.judge(directory, oracle, seed, call === 'other' ? null : 'in a write or sync')
  }

  judge(directory, oracle, seed, kind) {
    this.count += 1
    const { violations, unacked, torn, rolling, records } = oracle.judge(directory, { recovered: false })
    this.records += records
    const fresh = unacked > (oracle.unacked ?? 0)
    oracle.unacked = unacked
    if (torn > 0) this.faults['torn tail'] += 1
    if (rolling > 0) this.faults['while rolling'] += 1
    const place = kind ?? (fresh || torn > 0 ? 'in a write or sync' : 'elsewhere')
    this.faults[place] += 1
    this.note(seed, violations)
  }

  /** After recovery everything derived must be sound, and the second open changes nothing. */
  async check(writer, directory, oracle, seed) {
    let first
    for (const round of [1, 2]) {
      const line = await writer.line('closed')
      if (line !== 'closed') {
        this.note(seed, [`it does not open again: ${line ?? (await writer.ended).errors}`])
        await writer.kill()
        return false
      }
      const state = hashOf(directory)
      if (round === 1) {
        first = state
        const { violations, unacked } = oracle.judge(directory, { recovered: true })
        oracle.unacked = unacked
        this.recoveries += 1
        this.note(seed, violations)
      } else if (state.hash !== first.hash) this.note(seed, [`the second open changed ${differences(first, state).join(', ')}`])
      writer.send('go')
    }
    return true
  }

  /** Kills processes that only open. */
  async nested(directory, profile, oracle, random, seed) {
    for (let depth = 0; depth < 5 && (depth === 0 || random.chance(0.4)); depth++) {
      const writer = await this.pool.killWhileOpening(directory, random)
      const opened = await writer.line('open')
      this.judge(directory, oracle, seed, opened === null ? 'in recovery' : null)
    }
  }
}

export async function run({ slice, seed, deadline, report, dist }) {
  const kills = new Kills(dist, seed)
  // A slow machine gets more time, not fewer kills.
  const isOver = () => kills.violations.length >= MAX_VIOLATIONS || (slice === 'ci' ? kills.count >= row.floor.count || deadline() < -3 * row.seconds * 1000 : deadline() <= 0)
  let next = seed
  let told = 0
  while (!isOver()) {
    await kills.database(next++, isOver)
    if (kills.count - told >= 100) report(`${told = kills.count} kills, ${kills.acked} acknowledged, ${JSON.stringify(kills.faults)}, ${kills.violations.length} violations`)
  }
  await kills.pool.close()
  const { count, acked, faults, violations, databases, recoveries, codecs } = kills
  if (count >= 100 && faults['in a write or sync'] < 0.3 * count) violations.push(`only ${faults['in a write or sync']} of ${count} kills fell into a write or sync`)
  if (count >= 100 && faults['in recovery'] + faults['while rolling'] < 0.05 * count) violations.push(`only ${faults['in recovery'] + faults['while rolling']} of ${count} kills fell into a recovery or roll`)
  return { count, unit: row.floor.unit, acked, faults, violations, details: {
    seedTo: next - 1, databases, recoveriesJudged: recoveries, batchesByCodec: codecs,
  } }
}
