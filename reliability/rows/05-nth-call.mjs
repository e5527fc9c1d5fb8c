/**
 * Row 5: SQLite's loop over I/O errors (spec 1.1, 4d). Six workloads run once without faults, which counts their calls to the disk by kind; then each
 * call fails, for every kind, N and error, once and for good. After each run the process is taken for dead, once with its page cache (kill -9) and once without
 * (power cut), and the directory is opened again, with nested faults in that recovery in the long form: what was promised is there, the log takes appends,
 * closes soundly. No rejection goes unhandled, nothing hangs for more than five (virtual) seconds, and every error is Ottla's, with the system's as cause.
 */
import process from 'node:process'
import { contentsOf, loadKit, Promises, ROOT, SimulatedLog } from '../lib/simulated-log.mjs'

export const row = { id: 5, name: 'every I/O call fails', lane: 1, floor: { count: 1_500, unit: 'faults' }, seconds: 30 }

const GROUPS = '__consumer_offsets'
const HANG_MS = 5_000
const MAX_VIOLATIONS = 5
const kinds = ['open', 'read', 'write', 'truncate', 'datasync', 'stat', 'readDirectory', 'makeDirectory', 'rename', 'unlink', 'removeDirectory', 'readFile', 'syncDirectory']
/** What is done to a call; a short write leaves half of the bytes. */
const failures = [
  { name: 'EIO', error: 'EIO' }, { name: 'ENOSPC', error: 'ENOSPC' }, { name: 'EMFILE', error: 'EMFILE' },
  { name: 'short write', error: 'ENOSPC', written: 37, only: 'write' },
]

/** Each: what is durable before (`before`), and what runs under faults (`steps`, each tried whatever became of those before). */
const workloads = {
  append: { steps: [(w) => w.append(true), (w) => w.append(false), (w) => w.append(true), (w) => w.flush(), (w) => read(w), (w) => w.append(true)] },
  'roll and index': {
    config: { 'segment.bytes': 900, 'index.interval.bytes': 100 },
    steps: [...Array.from({ length: 5 }, () => (w) => w.append(true)), (w) => w.flush(), (w) => w.manager.checkpoint(), (w) => w.append(true), (w) => w.close()],
  },
  'roll over zeros kept ahead': {
    config: { 'segment.bytes': 900, preallocate: true },
    steps: [...Array.from({ length: 5 }, () => (w) => w.append(true)), (w) => w.append(false), (w) => w.append(true), (w) => w.close()],
  },
  'offset commit': {
    before: (w) => w.create(GROUPS),
    steps: [(w) => w.append(true, GROUPS), (w) => w.append(true), (w) => w.append(true, GROUPS), (w) => w.manager.checkpoint(), (w) => w.append(true, GROUPS), (w) => w.close()],
  },
  'create and delete topics': {
    steps: [(w) => w.create('u'), (w) => w.append(true, 'u'), (w) => w.create('v'), (w) => w.delete('u'), (w) => w.append(true), (w) => w.delete('v'), (w) => w.close()],
  },
  'retention and delete records': {
    config: { 'segment.bytes': 900, 'index.interval.bytes': 100 },
    before: async (w) => { for (let i = 0; i < 6; i++) await w.append(true) },
    steps: [(w) => w.trim(2), (w) => expire(w), (w) => w.append(true), (w) => w.trim(w.log().highWatermark), (w) => w.append(true), (w) => w.close()],
  },
  'recovery of an unclean directory': {
    config: { 'segment.bytes': 900, 'index.interval.bytes': 100 },
    before: async (w) => {
      for (let i = 0; i < 4; i++) await w.append(true)
      for (let i = 0; i < 3; i++) await w.append(false)
    },
    dies: true,
    steps: [(w) => w.open(), (w) => w.append(true), (w) => read(w), (w) => w.close()],
  },
}

const read = (w) => contentsOf(w.kit, w.log())

async function expire(w) {
  w.disk.mark(`trim t ${w.log().logEndOffset}`)
  w.manager.updateConfigs(new Map([['t', { ...w.config, retentionBytes: 600 }]]))
  await w.log().applyRetention(w.clock.now())
}

class HungError extends Error {}

/** Lets virtual time pass until the promise is settled. */
async function drive(scheduler, work, unhandled) {
  let settled = false
  const watched = work.finally(() => { settled = true })
  watched.catch(() => {})
  for (let waited = 0; ; waited += 50) {
    await scheduler.runUntilIdle()
    if (settled || unhandled.length > 0) return watched
    if (waited >= HANG_MS) throw new HungError(`nothing for ${HANG_MS} ms`)
    await scheduler.advance(50)
  }
}

/** Errors must be ours and tell what the system said. Null: fine. */
function problemOf(kit, error, steps) {
  if (error instanceof HungError) return error.message
  if (!kit.OttlaError.is(error)) return `not an error of ours: ${error?.stack ?? error}`
  if (error.code === 'INTERNAL' || error.code === 'UNKNOWN_SERVER_ERROR') return `${error.code}: ${error.message}`
  // What follows from an earlier failure: the log was never opened, or was closed by it.
  if (error.code === 'CLOSED' || error.code === 'UNKNOWN_TOPIC_OR_PARTITION' || error.code === 'TOPIC_ALREADY_EXISTS') return steps > 0 ? null : `${error.code} without a reason`
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (/^(EIO|ENOSPC|EMFILE)$/.test(cause.code)) return null
  if (error.code === 'DISK_FULL' || error.code === 'DIRECTORY_UNUSABLE') return null
  return `${error.code} without the system's error as cause: ${error.message}`
}

/** Swallow errors on the way up: the harness must notice. */
const saboteurs = {
  'sync-error-swallowed': (fs) => handles(fs, (handle, name) => (name === 'datasync' ? () => handle.datasync().catch(() => {}) : name === 'datasyncSync' ? quietly(() => handle.datasyncSync()) : null)),
  'short-write-ignored': (fs) => handles(fs, (handle, name) => (
    name === 'write' ? (...args) => handle.write(...args).catch(() => {}) : name === 'writeSync' ? quietly((...args) => handle.writeSync(...args)) : null)),
  'errors-without-cause': (fs) => handles(fs, (handle, name) => (
    name === 'write' || name === 'datasync' ? (...args) => handle[name](...args).catch(() => { throw new Error('it failed') }) : null)),
  'nothing-fires': (fs) => fs,
}
const quietly = (call) => (...args) => {
  try {
    return call(...args)
  } catch {
    return undefined
  }
}
function handles(fs, replace) {
  const wrap = (target, of) => new Proxy(target, {
    get(object, name) {
      const other = of(object, name)
      if (other !== null) return other
      const member = Reflect.get(object, name, object)
      return typeof member === 'function' ? member.bind(object) : member
    },
  })
  return wrap(fs, (object, name) => (name === 'open' ? (...args) => wrap(object.open(...args), replace) : null))
}
export const sabotages = Object.keys(saboteurs)

class Loop {
  constructor(kit, { sabotage, unhandled }) {
    this.kit = kit
    this.sabotage = sabotage
    this.unhandled = unhandled
    this.fired = new Map()
    this.runs = 0
    this.acked = 0
    this.nested = 0
    this.resumed = 0
    this.violations = []
  }

  /** Runs a workload under one fault (null: none); returns the calls it made by kind and what is left. */
  async live(name, fault) {
    const { kit } = this
    const { before, steps, config = {}, dies = false } = workloads[name]
    const clock = new kit.ManualClock()
    const scheduler = new kit.ManualScheduler(clock)
    const disk = new kit.SimulatedFileSystem({ clock })
    disk.makeDirectory(ROOT)
    disk.syncDirectorySync('/')
    const first = await drive(scheduler, new SimulatedLog(kit, disk, { config, clock, scheduler }).open(), [])
    await drive(scheduler, first.create('t'), [])
    if (before !== undefined) await drive(scheduler, before(first), [])
    if (!dies) await drive(scheduler, first.close(), [])
    const faults = new kit.FaultFileSystem(disk)
    const fileSystem = this.sabotage === undefined ? faults : saboteurs[this.sabotage](faults)
    const world = new SimulatedLog(kit, disk, { config, clock, scheduler, fileSystem })
    world.sequence = first.sequence
    world.mayBeFull = fault?.error === 'ENOSPC'
    if (fault !== null && this.sabotage !== 'nothing-fires') faults.inject(fault)
    const problems = []
    let failed = 0
    const attempt = async (work) => {
      try {
        await drive(scheduler, (async () => work(world))(), this.unhandled)
      } catch (error) {
        // A world that never opened has no log to speak of.
        const problem = error instanceof TypeError && failed > 0 ? null : problemOf(kit, error, failed)
        if (problem !== null) problems.push(problem)
        failed++
      }
    }
    if (!dies) await attempt((w) => w.open())
    for (const step of steps) await attempt(step)
    faults.heal()
    if (fault !== null && world.manager !== null) await this.resume(world, scheduler, { workload: name, ...fault })
    return { disk, faults, problems, config }
  }

  /** With the disk well again, appends go through, unless a sync or the repair after a write had failed. */
  async resume(world, scheduler, fault) {
    if (world.log() === undefined) return
    try {
      await drive(scheduler, world.append(true), this.unhandled)
      this.resumed++
    } catch (error) {
      const maySay = ['CLOSED', 'LOG_OFFLINE']
      if (!maySay.includes(error.code)) this.violation(fault, `an append after the disk was well again: ${error.code ?? error}`)
    }
  }

  violation(where, text) {
    const { workload = '', call, nth, error, sticky, written } = where
    const short = written === undefined ? '' : ', short'
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(`[${workload}] ${call} ${nth} ${error}${short}${sticky ? ', and all after' : ''}: ${text}`)
  }

  async one(workload, fault, nested) {
    const where = { workload, ...fault }
    this.runs++
    const { disk, faults, problems, config } = await this.live(workload, fault)
    if (faults.injected === 0) return
    const kind = `${fault.call} ${fault.written === undefined ? fault.error : 'short'}`
    this.fired.set(kind, (this.fired.get(kind) ?? 0) + 1)
    for (const problem of problems) this.violation(where, problem)
    if (this.unhandled.length > 0) this.violation(where, `unhandled rejection: ${this.unhandled.splice(0).map((error) => error?.stack ?? error).join('; ')}`)
    const marks = disk.operations.filter((operation) => operation.kind === 'mark').map((operation) => operation.path)
    const promises = Promises.of(marks)
    for (const log of promises.logs.values()) this.acked += log.acked.size
    for (const policy of ['keep-all', 'lose-all']) {
      if (nested) await this.nest(disk, policy, promises, config, where)
      const problem = await this.judge(disk.survivors(policy), policy === 'keep-all' ? killed(promises) : promises, config)
      if (problem !== null) this.violation(where, `${policy === 'keep-all' ? 'killed' : 'power cut'}: ${problem}`)
    }
  }

  /** Opens what is left, reads, appends, closes, checks. */
  async judge(disk, promises, config) {
    const { kit } = this
    try {
      const world = await new SimulatedLog(kit, disk, { config }).open()
      for (const [topic, outcome] of promises.topics) {
        if (outcome === 'made' && world.log(topic) === undefined) return `topic ${topic} was made and is gone`
        if (outcome === 'dropped' && world.log(topic) !== undefined) return `topic ${topic} was deleted and is back`
      }
      for (const topic of promises.logs.keys()) {
        const log = world.log(topic)
        if (log === undefined) continue
        const problem = promises.broken(topic, log, await contentsOf(kit, log))
        if (problem !== null) return problem
      }
      const end = world.log().logEndOffset
      const { baseOffset } = await world.log().append(kit.buildBatch([{ timestamp: 5, value: 'after' }]), { origin: 'client', durable: true })
      if (baseOffset !== end) return `the next append went to ${baseOffset}, not ${end}`
      await world.close()
      for await (const finding of kit.checkLog(disk, ROOT)) if (finding.severity === 'error') return `${finding.code} in ${finding.file}: ${finding.message}`
      return null
    } catch (error) {
      return `the next open failed: ${error?.stack ?? error}`
    }
  }

  /** A second fault, in the recovery from the first. */
  async nest(disk, policy, promises, config, where) {
    const { kit } = this
    for (let nth = 1; ; nth += 3) {
      const left = disk.survivors(policy)
      const faults = new kit.FaultFileSystem(left)
      faults.inject({ call: 'any', nth, error: 'EIO' })
      const world = new SimulatedLog(kit, left, { config, fileSystem: faults })
      try {
        await world.open()
        await world.close()
      } catch (error) {
        const problem = problemOf(kit, error, 1)
        if (problem !== null) this.violation(where, `in recovery, EIO at call ${nth}: ${problem}`)
      }
      if (faults.injected === 0) return
      this.nested++
      const problem = await this.judge(left, policy === 'keep-all' ? killed(promises) : promises, config)
      if (problem !== null) this.violation(where, `recovery failed at call ${nth}, and then: ${problem}`)
    }
  }
}

/** A killed process keeps its page cache: everything that was answered is promised, but for what truncation and the like took back. */
function killed(promises) { return promises }

export async function run({ slice, seed = 1, deadline, report = () => {}, sabotage, dist }) {
  const kit = await loadKit(dist)
  const unhandled = []
  const note = (error) => { unhandled.push(error) }
  process.on('unhandledRejection', note)
  try {
    const loop = new Loop(kit, { sabotage, unhandled })
    const plan = await planOf(loop, seed)
    let done = 0
    for (const { workload, fault } of plan) {
      if (deadline() < 500 || loop.violations.length >= MAX_VIOLATIONS) break
      await loop.one(workload, fault, slice === 'long' || done % 40 === 0)
      done++
      if (done % 500 === 0) report(`${done} of ${plan.length} faults`)
    }
    const count = [...loop.fired.values()].reduce((sum, each) => sum + each, 0)
    if (count < done) loop.violations.push(`${done - count} of ${done} faults did not fire`)
    return {
      count, unit: 'faults', acked: loop.acked, faults: Object.fromEntries(loop.fired), violations: loop.violations,
      details: { planned: plan.length, complete: done === plan.length, nested: loop.nested, resumed: loop.resumed, workloads: Object.keys(workloads) },
    }
  } finally {
    process.off('unhandledRejection', note)
  }
}

/** Every call of every workload × every error × once and sticky, in an order drawn by the seed. */
async function planOf(loop, seed) {
  const plan = []
  for (const workload of Object.keys(workloads)) {
    const { faults } = await loop.live(workload, null)
    for (const call of kinds) {
      for (let nth = 1; nth <= faults.calls(call); nth++) {
        for (const { error, written, only } of failures) {
          if (only !== undefined && only !== call) continue
          for (const sticky of [false, true]) plan.push({ workload, fault: { call, nth, error, sticky, ...(written === undefined ? {} : { written }) } })
        }
      }
    }
  }
  const random = new loop.kit.SeededRandom(seed)
  for (let i = plan.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    ;[plan[i], plan[j]] = [plan[j], plan[i]]
  }
  return plan
}
