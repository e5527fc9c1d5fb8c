/**
 * Row 7: a full disk. On a real small file system (tmpfs, its own mount; ext4 on a loop in the long form, every second round) a database with a group is
 * filled until sends reject, together with its LMDB file and a group whose `__consumer_offsets` does not exist yet; then room is made and everything must
 * go on by itself. One round:
 *
 *   fill → sends reject with DISK_FULL at once; reads of everything acknowledged go on; creating a topic (LMDB, folders) and a new group say DISK_FULL
 *   free → within 5 s a send is acknowledged and the group reads, without a restart
 *   check → every acknowledged record is there once, at its offset; then the database is opened again (after a clean close, or after the process was left
 *           for dead) and has the same, and the full check finds no error
 *
 * Without rights to mount it is SKIPPED, but for the rounds on the simulated disk, which are counted apart.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { contentsOf, loadKit, Promises, ROOT, SimulatedLog } from '../lib/simulated-log.mjs'

export const row = { id: 7, name: 'disk full', lane: 2, floor: { count: 1, unit: 'rounds on a real mount' }, seconds: 10 }

const MEGABYTES = 24
const RESUME_MS = 5_000
const CHUNK = 'x'.repeat(20_000)
export const sabotages = ['loses-when-full', 'never-full']

function sh(command, ...args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim() || `exit ${status}`}`)
}

/** A file system of its own; `release` takes it away again. */
function mountSmall(kind) {
  const base = mkdtempSync(join(tmpdir(), 'ottla-full-'))
  const point = join(base, 'disk')
  const release = () => {
    if (spawnSync('umount', [point]).status !== 0) spawnSync('umount', ['-l', point])
    rmSync(base, { recursive: true, force: true })
  }
  try {
    mkdirSync(point)
    if (kind === 'ext4') {
      sh('truncate', '-s', `${MEGABYTES}M`, join(base, 'image'))
      sh('mkfs.ext4', '-q', '-F', '-m', '0', join(base, 'image'))
      sh('mount', '-o', 'loop', join(base, 'image'), point)
    } else sh('mount', '-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'ottla-full', point)
    return { point, release }
  } catch (error) {
    release()
    throw error
  }
}

/** Takes all the room there is, or gives it back. */
class Ballast {
  constructor(point) { this.path = join(point, 'ballast') }

  grow() {
    const file = openSync(this.path, 'a')
    for (const size of [1 << 20, 1 << 16, 4096, 512]) {
      const block = Buffer.alloc(size)
      try {
        while (writeSync(file, block) === size);
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error
      }
    }
    // On ext4 what was not allocated yet would give room back.
    try { fsyncSync(file) } catch { /* full is what it shall be */ }
    closeSync(file)
  }

  free() { rmSync(this.path, { force: true }) }
}

async function codeOf(work, timeoutMs = RESUME_MS) {
  const timer = new AbortController()
  try {
    return await Promise.race([work.then(() => 'fine', (error) => error.code ?? String(error)), pause(timeoutMs, 'HUNG', { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}

class Round {
  constructor(ottlaPackage, kit, point, seed, sabotage) {
    this.open = () => ottlaPackage.open(join(point, 'data'), { logger: ottlaPackage.silentLogger, 'log.segment.bytes': 1_048_576 })
    this.kit = kit
    this.point = point
    this.seed = seed
    this.sabotage = sabotage
    this.acked = new Map()
    this.violations = []
    this.refused = 0
    this.ackedInAll = 0
    this.counter = 0
    this.resumedAfterMs = []
  }

  say(text) { this.violations.push(`seed ${this.seed}: ${text}`) }

  async run(rounds, timeUp) {
    this.ottla = await this.open()
    await this.ottla.admin.createTopic('t', { partitions: 2, config: { 'retention.ms': -1 } })
    let done = 0
    for (; done < rounds && !timeUp() && this.violations.length === 0; done++) await this.round(done)
    await this.ottla.close()
    return done
  }

  async send(producer, partition) {
    const number = this.counter++
    const value = `${this.seed}-${number}-${CHUNK}`
    const { offset } = await producer.send({ topic: 't', partition, value })
    if (this.acked.has(`${partition}@${offset}`)) this.say(`offset ${offset} of partition ${partition} was given twice`)
    this.ackedInAll++
    this.acked.set(`${partition}@${offset}`, value.length * 1_000_003 + number)
  }

  async round(number) {
    const producer = this.ottla.producer({ acks: 'all', 'linger.ms': 0 })
    const ballast = new Ballast(this.point)
    for (let i = 0; i < 5; i++) await this.send(producer, i % 2)
    if (this.sabotage !== 'never-full') ballast.grow()
    await this.whileFull(producer, number)
    if (this.sabotage === 'loses-when-full') this.acked.set('0@9999', 1)
    ballast.free()
    await this.resumes(producer, number)
    await producer.close()
    await this.checkAll(number % 2 === 1)
    // Room for the next rounds.
    if (number % 5 !== 4) return
    for (const partition of [0, 1]) await this.ottla.admin.deleteRecords('t', [{ partition, offset: -1 }])
    this.acked.clear()
  }

  async whileFull(producer, number) {
    let code = 'fine'
    for (let i = 0; i < 2_000 && code === 'fine'; i++) code = await codeOf(this.send(producer, i % 2))
    if (code !== 'DISK_FULL') this.say(`a send on a full disk ended with ${code}`)
    else this.refused++
    for (const partition of [0, 1]) {
      const again = await codeOf(this.send(producer, partition))
      if (again !== 'DISK_FULL' && again !== 'fine') this.say(`another send on a full disk ended with ${again}`)
    }
    const create = await codeOf(this.ottla.admin.createTopic(`new-${number}`, { partitions: 1 }))
    if (create !== 'DISK_FULL' && create !== 'fine') this.say(`creating a topic on a full disk ended with ${create}`)
    const read = await this.readAll()
    if (read < this.acked.size) this.say(`on a full disk ${read} of ${this.acked.size} acknowledged records could be read`)
    if (number === 0) await this.newGroup('DISK_FULL')
  }

  /** A group whose `__consumer_offsets` does not exist yet. */
  async newGroup(wanted) {
    const consumer = this.ottla.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' })
    consumer.subscribe(['t'])
    const code = await codeOf(consumer.poll({ timeoutMs: 2_000 }).then((batches) => (batches.length > 0 ? null : Promise.reject(new Error('an empty answer, in silence')))))
    if (code !== wanted && code !== 'fine') this.say(`the first poll of a new group on a full disk: ${code}, not ${wanted}`)
    this.waiting = consumer
  }

  async resumes(producer, number) {
    const started = performance.now()
    let code = ''
    while (performance.now() - started < RESUME_MS) {
      code = await codeOf(this.send(producer, 0))
      if (code === 'fine') break
      await pause(20)
    }
    if (code !== 'fine') this.say(`round ${number}: sends did not resume within ${RESUME_MS} ms of room: ${code}`)
    this.resumedAfterMs.push(Math.round(performance.now() - started))
    const create = await codeOf(this.ottla.admin.createTopic(`later-${number}`, { partitions: 1 }))
    if (create !== 'fine') this.say(`creating a topic with room again ended with ${create}`)
    for (const topic of [`new-${number}`, `later-${number}`]) await this.ottla.admin.deleteTopic(topic).catch(() => {})
    if (this.waiting === undefined) return
    let batches = []
    const groupStarted = performance.now()
    while (batches.length === 0 && performance.now() - groupStarted < RESUME_MS) batches = await this.waiting.poll({ timeoutMs: 500 }).catch(() => [])
    if (batches.length === 0) this.say('the group did not resume with room again')
    await this.waiting.close()
    this.waiting = undefined
  }

  /** How many acknowledged records are there as they were answered. */
  async readAll() {
    const consumer = this.ottla.consumer({ 'auto.offset.reset': 'earliest' })
    const left = new Map(this.acked)
    let seen = 0
    try {
      consumer.assign([{ topic: 't', partition: 0 }, { topic: 't', partition: 1 }])
      for (let idle = 0; idle < 3 && left.size > 0;) {
        const batches = await consumer.poll({ timeoutMs: 100 })
        idle = batches.length === 0 ? idle + 1 : 0
        for (const record of batches.flatMap((batch) => [...batch])) {
          const key = `${record.partition}@${record.offset}`
          const text = Buffer.from(record.value).toString()
          const number = Number(text.split('-', 2)[1])
          if (!left.has(key)) continue
          if (left.get(key) !== text.length * 1_000_003 + number) this.say(`${key} holds ${text.slice(0, 12)} of ${text.length}, not ${left.get(key) / 1_000_003} (${left.get(key) % 1_000_003})`)
          left.delete(key)
          seen++
        }
      }
    } finally {
      await consumer.close()
    }
    return seen
  }

  async checkAll(reopens) {
    const read = await this.readAll()
    if (read !== this.acked.size) this.say(`${this.acked.size - read} of ${this.acked.size} acknowledged records are gone`)
    if (!reopens) return
    await this.ottla.close()
    this.ottla = await this.open()
    const again = await this.readAll()
    if (again !== this.acked.size) this.say(`${this.acked.size - again} of ${this.acked.size} acknowledged records are gone after opening again`)
  }
}

/** The same on the simulated disk, with the death of the process and power cuts while it is full. */
async function simulatedRounds(kit, seed, rounds, timeUp, violations) {
  const random = new kit.SeededRandom(seed)
  let done = 0
  for (; done < rounds && !timeUp() && violations.length === 0; done++) {
    const disk = new kit.SimulatedFileSystem()
    disk.makeDirectory(ROOT)
    disk.syncDirectorySync('/')
    const world = await new SimulatedLog(kit, disk, { config: { 'segment.bytes': 900 } }).open()
    await world.create('t')
    for (let i = 0; i < 3; i++) await world.append(true)
    world.mayBeFull = true
    disk.capacityBytes = disk.usedBytes + random.int(6) * 512
    let full = false
    for (let i = 0; i < 12; i++) {
      try {
        await world.append(random.chance(0.7))
      } catch (error) {
        if (error.code !== 'DISK_FULL') violations.push(`seed ${seed}, round ${done}: ${error.code} on a full disk`)
        full = true
      }
    }
    if (!full) violations.push(`seed ${seed}, round ${done}: the disk did not fill`)
    const ahead = Promises.of(disk.operations.filter((operation) => operation.kind === 'mark').map((operation) => operation.path))
    const problem = ahead.broken('t', world.log(), await contentsOf(kit, world.log()))
    if (problem !== null) violations.push(`seed ${seed}, round ${done}, while full: ${problem}`)
    for (const policy of ['keep-all', 'lose-all', { seed: done }]) {
      const left = disk.survivors(policy)
      const again = await new SimulatedLog(kit, left, { config: { 'segment.bytes': 900 } }).open()
      const broken = ahead.broken('t', again.log(), await contentsOf(kit, again.log()))
      if (broken !== null) violations.push(`seed ${seed}, round ${done}, opened again on a full disk: ${broken}`)
      left.capacityBytes = Infinity
      await again.append(true).catch((error) => {
        if (error.code !== 'LOG_OFFLINE' && error.code !== 'OUT_OF_ORDER_SEQUENCE_NUMBER') violations.push(`seed ${seed}, round ${done}: ${error.code} with room again`)
      })
      await again.close().catch(() => {})
    }
    disk.capacityBytes = Infinity
    await world.append(true).catch((error) => violations.push(`seed ${seed}, round ${done}: ${error.code} with room again`))
    await world.close()
  }
  return done
}

export async function run({ slice, seed = 1, deadline, report = () => {}, sabotage, dist }) {
  const kit = await loadKit(dist)
  const isLong = slice === 'long'
  const violations = []
  const simulated = await simulatedRounds(kit, seed, isLong ? 2_000 : 100, () => deadline() < 2_000, violations)
  const details = { simulatedRounds: simulated }
  const result = (count, acked, refused, extra = {}) => ({
    count, unit: row.floor.unit, acked, faults: { 'disk full': refused, 'disk full, simulated': simulated }, violations, ...extra, details,
  })
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return result(0, 0, 0, { skipped: 'mounting a small file system needs root on Linux' })
  const ottlaPackage = await import(pathToFileURL(join(dist, 'index.js')).href)
  let count = 0
  let acked = 0
  let refused = 0
  const resumed = []
  for (let turn = 0; turn < (isLong ? 50 : 1) && deadline() > 3_000 && violations.length === 0; turn++) {
    const kind = isLong && turn % 2 === 1 && existsSync('/dev/loop-control') ? 'ext4' : 'tmpfs'
    let mount
    try {
      mount = mountSmall(kind)
    } catch (error) {
      if (count > 0) continue
      return result(0, 0, 0, { skipped: `no ${kind} could be mounted: ${error.message}` })
    }
    try {
      const round = new Round(ottlaPackage, kit, mount.point, seed + turn, sabotage)
      try {
        count += await round.run(isLong ? 10 : 2, () => deadline() < 3_000)
      } catch (error) {
        round.say(`${kind}: ${error.stack ?? error}`)
      }
      for await (const finding of kit.checkLog(kit.nodeFileSystem, join(mount.point, 'data'))) if (finding.severity === 'error') round.say(`${finding.code} in ${finding.file}: ${finding.message}`)
      acked += round.ackedInAll
      refused += round.refused
      resumed.push(...round.resumedAfterMs)
      violations.push(...round.violations)
      report(`${count} rounds`)
    } finally {
      mount.release()
    }
  }
  if (refused === 0) violations.push('no send met a full disk')
  details.slowestResumeMs = Math.max(0, ...resumed)
  return result(count, acked, refused)
}
