/**
 * The real part of row 12: a database in this process that listens, two members of a group embedded in it, and processes of their own (lib/churn-member.mjs) that
 * reach it over TCP: of this package in the same group, of kafkajs in another. They are killed, stopped, ended and started, one after another.
 *
 * Judged from what the members say: between being given a partition and giving it up (or dying, or being stopped) a member is alone with it, until a session timeout
 * after the broker last heard of it: on a busy machine a member may be out before it knows. Every record is processed by each group; committed offsets, asked for all the while, never go back; after each bounce the group is stable with the members that live in time.
 */
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { Random } from './random.mjs'

const TOPIC = 'churned'
const PARTITIONS = 8
const REBALANCE_MS = 4000
const SESSION_MS = 2000
const LEAVE_MS = 10_000
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms) })
/** Whether it comes within the time that members are given to leave. */
const inTime = (promise) => Promise.race([promise.then(() => true), sleep(LEAVE_MS).then(() => false)])
const now = () => Number(process.hrtime.bigint()) / 1e6

/** Who holds what, and what was processed. */
class Ledger {
  /** What processes wrote down. */
  files = []
  #processed = new Set()
  #held = new Map()

  constructor(group, violations) {
    this.group = group
    this.violations = violations
  }

  done(partition, from, to) { for (let offset = from; offset <= to; offset++) this.#processed.add(`${partition}@${offset}`) }

  /** Records that nobody processed. */
  missing(ends) {
    for (const file of this.files) {
      for (const entry of readFileSync(file, 'utf8').split('\n').filter((each) => each !== '')) this.done(...entry.split(' ').map(Number))
    }
    return ends.reduce((count, end, partition) => count + Array.from({ length: end }, (_, offset) => `${partition}@${offset}`).filter((each) => !this.#processed.has(each)).length, 0)
  }

  hear(member, { what, partitions, at }) {
    if (what === 'alive') for (const held of this.#held.values()) { if (held.member === member) held.aliveAt = at }
    if (what === 'assigned') for (const each of partitions) this.#take(member, each, at)
    if (what === 'revoked') for (const each of partitions) if (this.#held.get(each)?.member === member) this.#held.set(each, { member, until: at })
  }

  /** It is dead, or was stopped: what others are given from now on it may still believe to have. */
  gone(member) { for (const [partition, held] of this.#held) if (held.member === member && held.until === undefined) this.#held.set(partition, { member, until: now() }) }

  #take(member, partition, at) {
    const held = this.#held.get(partition)
    if (held !== undefined && held.member !== member && !(held.until <= at) && at < held.aliveAt + SESSION_MS) {
      this.violations.push(`${this.group}: partition ${partition} was given to ${member.name} while ${held.member.name} had it`)
    }
    // When the broker last heard of it before it was given this is not known.
    this.#held.set(partition, { member, aliveAt: at - SESSION_MS / 2 })
  }
}

class ProcessMember {
  isStopped = false

  constructor({ name, library, port, ledger, instance, dist, scratch }) {
    Object.assign(this, { name, library, instance, ledger })
    const file = join(scratch, `${name}.processed`)
    writeFileSync(file, '')
    ledger.files.push(file)
    this.child = fork(join(import.meta.dirname, 'churn-member.mjs'), [library, String(port), ledger.group, instance, dist, file], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.ended = new Promise((done) => { this.child.once('exit', done) })
    this.child.on('message', (message) => ledger.hear(this, message))
  }

  async kill() {
    this.child.kill('SIGKILL')
    await this.ended
    this.ledger.gone(this)
  }

  async leave() {
    this.child.send('end')
    // kafkajs does not always come to an end that is asked for in the middle of a rebalance.
    if (!await inTime(this.ended) && this.library === 'ottla') this.ledger.violations.push(`${this.name} did not leave within ${LEAVE_MS} ms`)
    await this.kill()
  }

  async stall(ms) {
    this.child.kill('SIGSTOP')
    this.ledger.gone(this)
    await sleep(ms)
    this.child.kill('SIGCONT')
  }
}

/** A consumer in the process of the database. */
class EmbeddedMember {
  constructor({ name, ottla, ledger, settings }) {
    Object.assign(this, { name, ledger })
    this.consumer = ottla.consumer({ ...settings, 'group.id': ledger.group })
    for (const event of ['assigned', 'revoked', 'lost']) {
      this.consumer.on(event, (partitions) => ledger.hear(this, { what: event === 'assigned' ? event : 'revoked', partitions: partitions.map(({ partition }) => partition), at: now() }))
    }
    this.consumer.subscribe(TOPIC)
    this.ended = this.#live()
  }

  async #live() {
    for (;;) {
      try {
        const batches = await this.consumer.poll({ timeoutMs: 500 })
        for (const { partition, baseOffset, lastOffset } of batches) this.ledger.done(partition, baseOffset, lastOffset)
        const at = now()
        await this.consumer.commit()
        if (batches.length > 0) this.ledger.hear(this, { what: 'alive', at })
      } catch (error) {
        if (error.code === 'CLOSED') return
      }
    }
  }

  async leave() {
    if (!await inTime(this.consumer.close().then(() => this.ended))) this.ledger.violations.push(`${this.name} did not leave within ${LEAVE_MS} ms`)
  }
}

/** @returns {Promise<{ bounces: number, records: number, kinds: object, slowestMs: number }>} */
export async function churnProcesses({ dist, seed, bounces, deadline, report, violations }) {
  const random = new Random(seed)
  const { open } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const scratch = mkdtempSync(join(tmpdir(), 'ottla-row12-'))
  const data = join(scratch, 'data')
  mkdirSync(data)
  const ottla = await open(data, { logger: quiet, 'group.min.session.timeout.ms': 1000, 'offsets.topic.num.partitions': 1 })
  const { port } = await ottla.listen({ port: 0 })
  await ottla.admin.createTopic(TOPIC, { partitions: PARTITIONS })
  const producer = ottla.producer({ acks: 1 })
  const ends = Array.from({ length: PARTITIONS }, () => 0)
  const produce = () => {
    const partition = random.int(PARTITIONS)
    ends[partition] += 1
    producer.post({ topic: TOPIC, partition, value: 'x' })
  }
  const ledgers = { own: new Ledger('own', violations), kafkajs: new Ledger('kafkajs', violations) }
  const settings = { 'auto.offset.reset': 'earliest', 'enable.auto.commit': false, 'partition.assignment.strategy': 'cooperative-sticky', 'session.timeout.ms': SESSION_MS, 'heartbeat.interval.ms': 300, 'max.poll.interval.ms': REBALANCE_MS }
  let next = 0
  const embedded = Array.from({ length: 2 }, () => new EmbeddedMember({ name: `embedded ${next++}`, ottla, ledger: ledgers.own, settings }))
  const start = (library, instance = '') => new ProcessMember({ name: `${library} ${next++}`, library, instance, port, ledger: library === 'ottla' ? ledgers.own : ledgers.kafkajs, dist, scratch })
  let members = [start('ottla', 'first'), start('ottla'), start('kafkajs'), start('kafkajs')]
  const watcher = watchOffsets(ottla, violations)
  const producing = setInterval(produce, 5)
  const sum = { bounces: 0, records: 0, kinds: {}, slowestMs: 0 }
  try {
    await stable(ottla, ledgers, members, embedded, violations, 20_000)
    while (sum.bounces < bounces && deadline() > 5000 && violations.length === 0) {
      const member = random.pick(members)
      const kind = random.pick(['kill', 'kill', 'leave', 'stall', 'embedded'])
      if (kind === 'embedded') {
        await embedded.pop().leave()
        embedded.push(new EmbeddedMember({ name: `embedded ${next++}`, ottla, ledger: ledgers.own, settings }))
      } else if (kind === 'stall') await member.stall(random.pick([300, SESSION_MS + 700]))
      else {
        await (kind === 'kill' ? member.kill() : member.leave())
        members = [...members.filter((each) => each !== member), start(member.library, member.instance)]
      }
      sum.bounces += 1
      sum.kinds[kind] = (sum.kinds[kind] ?? 0) + 1
      // Not always: rebalances on top of each other are worse.
      if (random.chance(0.6)) sum.slowestMs = Math.max(sum.slowestMs, await stable(ottla, ledgers, members, embedded, violations))
      if (sum.bounces % 20 === 0) report(`${sum.bounces} real processes bounced`)
    }
    clearInterval(producing)
    await producer.flush()
    await stable(ottla, ledgers, members, embedded, violations)
    await processed(ottla, ledgers, ends, violations)
  } finally {
    clearInterval(producing)
    await watcher.end()
    await Promise.all(members.map((member) => member.kill()))
    await ottla.close()
    rmSync(scratch, { recursive: true, force: true })
  }
  sum.records = ends.reduce((total, end) => total + end, 0)
  return sum
}

/** Asks for the committed offsets all the while: they never go back. */
function watchOffsets(ottla, violations) {
  const seen = new Map()
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      for (const group of ['own', 'kafkajs']) {
        const offsets = await ottla.admin.listGroupOffsets(group).catch(() => [])
        for (const { partition, offset } of offsets) {
          const key = `${group} ${partition}`
          if (offset < (seen.get(key) ?? -1)) violations.push(`${group}: the committed offset of ${partition} went from ${seen.get(key)} back to ${offset}`)
          seen.set(key, offset)
        }
      }
      await sleep(50)
    }
  })()
  return { end() { isOver = true; return watching } }
}

/** Waits until both groups are stable with the members that live, each partition with one of them; gives the time that took. */
async function stable(ottla, ledgers, members, embedded, violations, limitMs = 2 * REBALANCE_MS + SESSION_MS) {
  const began = performance.now()
  for (;;) {
    const groups = await Promise.all(['own', 'kafkajs'].map((group) => ottla.admin.describeGroup(group))).catch(() => [])
    const counts = { own: members.filter((each) => each.library === 'ottla').length + embedded.length, kafkajs: members.filter((each) => each.library === 'kafkajs').length }
    const isStable = groups.length === 2 && groups.every((group) => {
      const owned = group.members.flatMap((each) => each.assignment.map(({ partition }) => partition))
      return group.state === 'Stable' && group.members.length === counts[group.groupId] && owned.length === PARTITIONS && new Set(owned).size === PARTITIONS
    })
    if (isStable) return performance.now() - began
    if (performance.now() - began > limitMs) {
      violations.push(`not stable after ${limitMs} ms: ${JSON.stringify(groups.map(({ groupId, state, members: list }) => ({ groupId, state, members: list.length, of: counts[groupId] })))}`)
      return performance.now() - began
    }
    await sleep(50)
  }
}

async function processed(ottla, ledgers, ends, violations) {
  for (const ledger of Object.values(ledgers)) {
    for (let waited = 0; waited < 10_000 && ledger.missing(ends) > 0; waited += 100) await sleep(100)
    const missing = ledger.missing(ends)
    if (missing === 0) continue
    const committed = (await ottla.admin.listGroupOffsets(ledger.group)).map(({ partition, offset }) => `${partition}: ${offset} of ${ends[partition]}`)
    violations.push(`${ledger.group}: ${missing} records were processed by nobody; committed are ${committed.sort().join(', ')}`)
  }
}
