/**
 * Row 2: kill -9 before every system call that changes anything (spec 4a, white-box). Each scenario (scenarios.mjs) runs once under strace, which lists the calls that touch
 * the directory, by thread, name and number; then once more for each of them, on a fresh copy of the directory, with a kill before that very call. The pool has one
 * thread, so that the numbers mean the same every time; strace is attached to the one thread that is to make the call, because it counts by thread. That
 * the process died and had not finished is asserted, or the kill counts for nothing. After each: the raw files are judged, then opened and closed twice (long form:
 * killed once more in that recovery first), judged, appended to, closed and judged again.
 */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { codecNames } from '../lib/decoders.mjs'
import { addCounts, differences, hashOf, Oracle } from '../lib/oracle.mjs'
import { Random } from '../lib/random.mjs'
import { profile, scenarios } from '../lib/scenarios.mjs'
import { attach, changes, isMissing, readTrace, threadsOf } from '../lib/strace.mjs'
import { WriterPool } from '../lib/writer-process.mjs'

export const row = { id: 2, name: 'kill -9 before every system call', lane: 2, floor: { count: 40, unit: 'kills' }, seconds: 40 }

const MAX_VIOLATIONS = 5
const ATTEMPTS = 3

const loadOf = (codec) => ({
  ...profile, churnMs: 0, partitions: [],
  producers: profile.producers.map((each) => ({ ...each, burst: 3, pauseMs: 0, settings: { ...each.settings, 'compression.type': codec } })),
})

class EveryCall {
  count = 0
  acked = 0
  nested = 0
  unreached = []
  perScenario = {}
  violations = []
  codecs = {}
  /** Of the scenario under attack: the same for all its kills. */
  codec = 'none'

  constructor(dist, seed, nestedKills) {
    this.random = new Random(seed)
    this.nestedKills = nestedKills
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'ottla-row2-')))
    this.directory = join(this.folder, 'db')
    this.trace = join(this.folder, 'trace')
    this.pool = new WriterPool(dist, { env: { UV_THREADPOOL_SIZE: '1' } })
  }

  /** A directory that was in use, as the scenarios find it, and what the oracle knows of it. */
  async prepare(name) {
    const template = join(this.folder, 'template')
    rmSync(template, { recursive: true, force: true })
    mkdirSync(template)
    const lines = []
    if (scenarios[name].fresh === true) return { template, lines }
    const writer = await this.pool.take()
    writer.onLine = (line) => { lines.push(line) }
    writer.send({ type: 'write', directory: template, seed: 1, first: 0, check: 0, bursts: 6, close: scenarios[name].attack !== 'open', ...loadOf(this.codec) })
    await writer.line('done')
    await writer.kill()
    // A recovery should have something to do: half a batch at the end, and indexes that are not there.
    if (scenarios[name].attack === 'open') {
      const folder = join(template, 't0-0')
      const logs = readdirSync(folder).filter((file) => file.endsWith('.log')).sort()
      appendFileSync(join(folder, logs.at(-1)), Buffer.from([0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 200, 0, 0, 0, 0, 2, 1, 2, 3]))
      rmSync(join(folder, logs[0].replace('.log', '.index')), { force: true })
    }
    return { template, lines: lines.filter((line) => /^(try|ack|err|commit|making|made) /.test(line)) }
  }

  copy({ template, lines }) {
    rmSync(this.directory, { recursive: true, force: true })
    cpSync(template, this.directory, { recursive: true, filter: (path) => !/-lock$|\/\.ottla\.lock/.test(path) })
    const oracle = new Oracle(profile, 'kill')
    for (const line of lines) oracle.take(line)
    return oracle
  }

  /** Starts a scenario and stops where its attack begins. */
  async arm(name, oracle) {
    const writer = await this.pool.take()
    writer.onLine = (line) => oracle.take(line)
    writer.send({ type: 'scenario', name, directory: this.directory, first: 1_000_000, codec: this.codec })
    const line = await writer.line('armed')
    if (line !== 'armed') throw new Error(`${name} does not begin: ${line ?? (await writer.ended).errors}`)
    return writer
  }

  /** The calls to die before: [{ thread: which of the process's, name, number, text }]. */
  async calls(name, prepared) {
    const oracle = this.copy(prepared)
    const writer = await this.arm(name, oracle)
    const threads = threadsOf(writer.pid)
    const tracer = await attach(writer.pid, { out: this.trace, all: true })
    writer.send('go')
    const line = await writer.line('done')
    await writer.kill()
    await tracer.ended
    if (line !== 'done') {
      this.violations.push(`${name} fails without a kill: ${line}`)
      return []
    }
    return readTrace(this.trace).filter((call) => changes(call, this.directory)).map((call) => ({ ...call, thread: threads.indexOf(call.thread) }))
  }

  async scenario(name, isOver) {
    this.codec = this.random.pick(codecNames)
    const prepared = await this.prepare(name)
    const calls = await this.calls(name, prepared)
    for (const call of calls) {
      if (isOver()) return
      const place = `${name}: before ${call.name} ${call.number} of thread ${call.thread} (${call.text.replace(this.directory, 'DIR').slice(0, 120)})`
      if (call.thread < 0) {
        this.violations.push(`${place}: a thread of its own that cannot be attacked`)
        continue
      }
      const oracle = await this.attack(name, prepared, call)
      if (oracle === null) this.unreached.push(place)
      else {
        this.perScenario[name] = (this.perScenario[name] ?? 0) + 1
        await this.judge(place, oracle)
        this.acked += oracle.acks
        addCounts(this.codecs, oracle.codecs)
      }
    }
  }

  async attack(name, prepared, call) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const oracle = this.copy(prepared)
      const writer = await this.arm(name, oracle)
      const tracer = await attach(threadsOf(writer.pid)[call.thread], { out: this.trace, all: false, calls: [call.name], inject: `${call.name}:signal=KILL:when=${call.number}` })
      writer.send('go')
      const line = await writer.line('done')
      const { signal } = await writer.kill()
      await tracer.ended
      if (line === null && signal === 'SIGKILL') {
        this.count += 1
        return oracle
      }
    }
    return null
  }

  async judge(place, oracle) {
    const note = (problems) => this.violations.push(...problems.slice(0, MAX_VIOLATIONS).map((each) => `${place}: ${each}`))
    note(oracle.judge(this.directory, { recovered: false }).violations)
    if (this.nestedKills) await this.again(oracle)
    const writer = await this.pool.take()
    writer.onLine = (line) => oracle.take(line)
    writer.send({ type: 'write', directory: this.directory, seed: 2, first: 5_000_000, check: 2, bursts: 1, ...loadOf(this.codec) })
    let first
    for (const round of [1, 2]) {
      const line = await writer.line('closed')
      if (line !== 'closed') {
        note([`it does not open again: ${line ?? (await writer.ended).errors}`])
        await writer.kill()
        return
      }
      const state = hashOf(this.directory)
      if (round === 1) {
        first = state
        note(oracle.judge(this.directory, { recovered: true }).violations)
      } else if (state.hash !== first.hash) note([`the second open changed ${differences(first, state).join(', ')}`])
      writer.send('go')
    }
    const line = await writer.line('done')
    if (line !== 'done') note([`it does not take records again: ${line}`])
    await writer.kill()
    note(oracle.judge(this.directory, { recovered: true }).violations)
  }

  /** A second kill, before some call of the recovery. */
  async again(oracle) {
    const writer = await this.arm('recovery', oracle)
    const name = this.random.pick(['pwrite64', 'pwrite64', 'openat', 'ftruncate', 'unlink', 'rename', 'fdatasync', 'fsync'])
    const when = 1 + this.random.int(name === 'openat' ? 20 : 4)
    const tracer = await attach(writer.pid, { out: this.trace, all: true, calls: [name], inject: `${name}:signal=KILL:when=${when}` })
    writer.send('go')
    if (await writer.line('done') === null) this.nested += 1
    await writer.kill()
    await tracer.ended
  }

  async close() {
    await this.pool.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export async function run({ slice, seed, deadline, report, dist }) {
  if (process.platform !== 'linux' || isMissing()) return { count: 0, unit: row.floor.unit, acked: 0, faults: {}, violations: [], skipped: 'no strace', details: {} }
  const attack = new EveryCall(dist, seed, slice === 'long')
  const names = Object.keys(scenarios)
  const started = []
  // A slow machine gets more time, not fewer kills.
  const isOver = () => attack.violations.length >= MAX_VIOLATIONS || (slice === 'ci' ? attack.count >= row.floor.count || deadline() < -3 * row.seconds * 1000 : deadline() <= 0)
  try {
    for (let i = 0; !isOver(); i++) {
      const name = names[(seed + i) % names.length]
      started.push(name)
      await attack.scenario(name, isOver)
      report(`${name}: ${attack.perScenario[name]} kills, ${attack.count} in all, ${attack.violations.length} violations`)
    }
  } finally {
    await attack.close()
  }
  const { count, acked, nested, violations, perScenario, unreached, codecs } = attack
  if (unreached.length > 0.05 * count) violations.push(`${unreached.length} calls were not reached again: ${unreached.slice(0, 5).join('; ')}`)
  const details = { perScenario, unreached: unreached.length, batchesByCodec: codecs, rounds: Math.floor(started.length / names.length) }
  return { count, unit: row.floor.unit, acked, faults: { 'kill before a call': count, 'kill in the recovery after it': nested }, violations, details }
}
