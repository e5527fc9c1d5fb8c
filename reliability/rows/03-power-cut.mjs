/**
 * Row 3: power cuts by enumeration (spec 4b). All workloads of up to three operations run on the simulated disk; every disk that a cut may leave after
 * each of their calls, strict profile (sectors, sizes and names survive independently unless a sync said otherwise), is opened by a fresh database and
 * judged: what was promised is there, at its offset; nothing is there that was never written; the log takes appends again, closes soundly (full check), and a
 * second open changes nothing. A workload's states are those behind its last operation: those before belong to the shorter workload.
 *
 * States are counted once over the whole run, by a 53-bit hash of paths and contents. A state that comes again under other promises is judged again from what
 * it was seen to hold. What follows on recovery (append, close, check, reopen) runs once for each distinct disk that recovery left.
 *
 * LMDB is not part of it: it does no I/O through the port. Rows 2 and 4 have it.
 */
import { contentsOf, loadKit, Promises, ROOT, saboteurs, short, SimulatedLog } from '../lib/simulated-log.mjs'

export const row = { id: 3, name: 'power cut, every disk it may leave', lane: 3, floor: { count: 150_000, unit: 'states' }, seconds: 130 }

const GROUPS = '__consumer_offsets'
const MAX_VIOLATIONS = 5
const ENOUGH = 300_000
const LONG_FLOOR = 5_000_000

/** The operations; each leaves a world that the next can run on. */
const operations = {
  append: (world) => world.append(true),
  'append unsynced': async (world) => {
    await world.append(false)
    await world.append(false)
  },
  roll: async (world) => {
    const base = world.log().segmentCount
    for (let i = 0; i < 8 && world.log().segmentCount === base; i++) await world.append(true)
  },
  flush: (world) => world.flush(),
  commit: (world) => world.append(true, GROUPS),
  checkpoint: (world) => world.manager.checkpoint(),
  trim: (world) => world.trim(Math.min(world.log().highWatermark, world.log().logStartOffset + 2)),
  retention: async (world) => {
    world.disk.mark(`trim t ${world.log().logEndOffset}`)
    world.manager.updateConfigs(new Map([['t', { ...world.config, retentionBytes: 1_600 }]]))
    await world.log().applyRetention(world.clock.now())
    world.disk.mark(`trimmed t ${world.log().logStartOffset}`)
    world.manager.updateConfigs(new Map([['t', world.config]]))
  },
  create: (world) => (world.log('u') === undefined ? world.create('u') : world.append(true, 'u')),
  delete: (world) => (world.log('u') === undefined ? world.create('u').then(() => world.delete('u')) : world.delete('u')),
  truncate: (world) => world.truncate(Math.max(world.log().logStartOffset, world.log().logEndOffset - 1)),
  reopen: async (world) => {
    await world.close()
    await world.open()
  },
  config: async (world) => {
    world.config = { ...world.config, segmentBytes: world.config.segmentBytes === 1500 ? 700 : 1500 }
    world.manager.updateConfigs(new Map([['t', world.config]]))
    await world.append(false)
  },
}
const names = Object.keys(operations)

/** In the order of length: first every single operation, then every pair … */
function workloads() {
  const one = names.map((a) => [a])
  const two = one.flatMap((path) => names.map((b) => [...path, b]))
  const three = two.flatMap((path) => names.map((c) => [...path, c]))
  return { short: [...one, ...two], three }
}

function shuffled(items, random) {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all
}

/** A mark changes no disk: cuts around one are judged once, on the side where more is promised. */
function momentsOf(disk) {
  const { operations } = disk
  const markAt = (index) => (operations[index]?.kind === 'mark' ? operations[index].path.split(' ', 1)[0] : null)
  const weakening = new Set(['make', 'drop', 'trim', 'cut'])
  return (at) => {
    const next = markAt(at)
    const last = markAt(at - 1)
    return !(next !== null && !weakening.has(next)) && !(last !== null && weakening.has(last))
  }
}

class Enumeration {
  constructor(kit, { seed, subsets, nested, sabotage, timeUp }) {
    this.kit = kit
    this.seed = seed
    this.subsets = subsets
    this.nested = nested
    this.saboteur = sabotage === undefined ? (disk) => disk : saboteurs[sabotage]
    this.timeUp = timeUp
    /** By hash of the disk: what it was seen to hold. */
    this.states = new Map()
    /** The same contents, once. */
    this.interned = new Map()
    this.judged = 0
    this.recovered = new Set()
    this.nestedStates = 0
    this.cuts = 0
    this.acked = 0
    this.workloads = 0
    this.violations = []
    this.random = new kit.SeededRandom(seed)
  }

  get over() { return this.violations.length >= MAX_VIOLATIONS || this.timeUp() }

  /** Runs one workload and judges the states behind its last operation. */
  async workload(path) {
    const { kit } = this
    const disk = new kit.SimulatedFileSystem()
    disk.makeDirectory(ROOT)
    disk.syncDirectorySync('/')
    const world = await new SimulatedLog(kit, disk, { fileSystem: this.saboteur(disk), spread: 211 + this.seed * 17, config: { preallocate: this.workloads % 4 === 3 } }).open()
    await world.create('t')
    if (path.includes('commit')) await world.create(GROUPS)
    for (let i = 0; i < 3; i++) await world.append(true)
    // What came before is durable: with a saboteur it is not, and the enumeration begins there.
    let from = disk.operations.length
    for (const [i, name] of path.entries()) {
      if (i === path.length - 1) from = disk.operations.length
      await operations[name](world)
    }
    this.workloads++
    // The handles of the cut-off process are left as they are: it is dead.
    const promises = new Promises()
    let at = -1
    const search = { from, seed: this.seed + this.workloads, moments: momentsOf(disk), maxExhaustive: 1024, maxSubsets: this.subsets, damage: true }
    for (const state of disk.crashStates(search)) {
      if (state.at !== at) {
        at = state.at
        this.cuts++
        promises.take(state.marks)
      }
      await this.state(state, promises, path)
      if ((++this.judged & 255) === 0 && this.over) break
    }
    this.acked += promises.log('t').acked.size
  }

  async state(state, promises, path) {
    const hash = Number.parseInt(state.hash, 16)
    let seen = this.states.get(hash)
    if (seen === undefined) {
      try {
        seen = await this.recover(state)
      } catch (error) {
        seen = { problem: `recovery failed: ${error?.stack ?? error}`, topics: new Map() }
      }
      this.states.set(hash, seen)
    }
    const problem = seen.problem ?? this.broken(seen, promises)
    if (problem !== null && this.violations.length < MAX_VIOLATIONS) {
      this.violations.push(`seed ${this.seed} [${path.join(', ')}] cut after operation ${state.at}: ${problem}\n${state.describe()}`)
    }
  }

  broken({ topics }, promises) {
    for (const [topic, outcome] of promises.topics) {
      const log = topics.get(topic)
      if (outcome === 'made' && log === undefined) return `topic ${topic} was made and is gone`
      if (outcome === 'dropped' && log !== undefined) return `topic ${topic} was deleted and is back`
      if (log === undefined) continue
      const problem = promises.broken(topic, log, log.found)
      if (problem !== null) return problem
    }
    return null
  }

  /** Opens the disk as the next process would. Returns what is there; what follows runs once for each recovered disk. */
  async recover(state) {
    const { kit } = this
    const nested = this.nested > 0 && this.random.chance(this.nested)
    const disk = state.restore({ recordOperations: nested })
    const world = await new SimulatedLog(kit, disk).open()
    const topics = new Map()
    let key = ''
    for (const log of world.manager.logs()) {
      const found = await contentsOf(kit, log)
      topics.set(log.topic, { logStartOffset: log.logStartOffset, logEndOffset: log.logEndOffset, found })
      key += `${log.topic} ${log.logStartOffset} ${log.logEndOffset} `
    }
    const seen = this.#intern(topics)
    if (!topics.has('t')) return seen
    if (nested) await this.nest(disk, topics, seen)
    key += disk.stateHash()
    if (this.recovered.has(key)) return seen
    this.recovered.add(key)
    seen.problem ??= await this.goOn(world, disk, topics)
    return seen
  }

  /** Few contents differ: they are kept once, as long as nothing is wrong with them. */
  #intern(topics) {
    let key = ''
    for (const [topic, { logStartOffset, logEndOffset, found }] of topics) {
      key += `${topic} ${logStartOffset} ${logEndOffset}:`
      for (const [offset, value] of found) key += `${offset} ${value} `
    }
    let seen = this.interned.get(key)
    if (seen === undefined) this.interned.set(key, seen = { problem: null, topics })
    return seen.problem === null ? seen : { problem: null, topics }
  }

  /** A second cut while the first is being recovered: nothing may be lost by it that recovery had found and made durable. */
  async nest(disk, topics, seen) {
    for (const inner of disk.crashStates({ maxExhaustive: 8, maxSubsets: 4, seed: this.seed })) {
      this.nestedStates++
      const world = await new SimulatedLog(this.kit, inner.restore({ recordOperations: false })).open()
      const log = world.manager.get('t', 0)
      const { found, logStartOffset } = topics.get('t')
      const again = log === undefined ? new Map() : await contentsOf(this.kit, log)
      for (const [offset, value] of again) {
        if (offset >= logStartOffset && found.get(offset) !== value) seen.problem = `after a second cut, in recovery, ${offset} holds ${short(value)}\nthen\n${inner.describe()}`
      }
      if (again.size < found.size) this.shrunk = (this.shrunk ?? 0) + 1
      // What the first recovery showed was read by somebody, or promised: the base of this disk was durable, and so must it stay.
      for (const [offset, value] of found) if (again.get(offset) !== value) seen.problem = `after a second cut, in recovery, ${short(value)} at ${offset} is lost\nthen\n${inner.describe()}`
    }
  }

  /** Append, close, full check, reopen: sound and complete; and from then on opening and closing changes no byte (the first reopen drops an old snapshot). */
  async goOn(world, disk, topics) {
    const { kit } = this
    const log = world.log()
    const end = log.logEndOffset
    const { baseOffset } = await log.append(kit.buildBatch([{ timestamp: 5, value: 'after' }]), { origin: 'client', durable: true })
    if (baseOffset !== end) return `the next append went to ${baseOffset}, not ${end}`
    await world.close()
    for await (const finding of kit.checkLog(disk, ROOT)) if (finding.severity === 'error') return `${finding.code} in ${finding.file}: ${finding.message}`
    const second = await new SimulatedLog(kit, disk).open()
    const again = await contentsOf(kit, second.log())
    const want = new Map(topics.get('t').found).set(end, 'after')
    if (again.size !== want.size) return `the second open found ${again.size} records, not ${want.size}`
    for (const [offset, value] of want) if (again.get(offset) !== value) return `the second open found ${short(again.get(offset))} at ${offset}, not ${short(value)}`
    await second.close()
    const closed = disk.stateHash()
    const third = await new SimulatedLog(kit, disk).open()
    await third.close()
    return disk.stateHash() === closed ? null : 'opening and closing once more changed a byte'
  }
}

export async function run({ slice, seed = 1, deadline, report = () => {}, sabotage, dist }) {
  const kit = await loadKit(dist)
  const stackLimit = Error.stackTraceLimit
  // Errors are made and thrown away by the thousand here.
  Error.stackTraceLimit = sabotage === undefined ? 0 : 5
  try {
    const isLong = slice === 'long'
    const enough = isLong ? Infinity : ENOUGH
    const random = new kit.SeededRandom(seed)
    const { short: upToTwo, three } = workloads()
    const enumeration = new Enumeration(kit, {
      seed, sabotage, subsets: isLong ? 1_000 : 400, nested: isLong ? 0.01 : 0.002, timeUp: () => deadline() < 1_000,
    })
    const started = performance.now()
    for (const path of [...shuffled(upToTwo, random), ...shuffled(three, random)]) {
      if (enumeration.over || enumeration.states.size >= enough) break
      await enumeration.workload(path)
      if (enumeration.workloads % 50 === 0) report(`${enumeration.states.size} states of ${enumeration.workloads} workloads`)
    }
    // What is left of a long run goes to four operations, drawn by the seed.
    while (isLong && !enumeration.over) {
      await enumeration.workload(Array.from({ length: 4 }, () => random.pick(names)))
      if (enumeration.workloads % 50 === 0) report(`${enumeration.states.size} states of ${enumeration.workloads} workloads`)
    }
    return verdict(enumeration, upToTwo.length + three.length, performance.now() - started, isLong)
  } finally {
    Error.stackTraceLimit = stackLimit
  }
}

function verdict(enumeration, allWorkloads, elapsedMs, isLong) {
  const { states, cuts, acked, workloads: done, nestedStates, recovered, violations } = enumeration
  return {
    count: states.size, unit: 'states', acked, faults: { 'power cut': cuts, 'power cut in recovery': nestedStates }, violations,
    details: {
      workloads: done, workloadsInAll: allWorkloads, complete: done >= allWorkloads, operations: names.length, recoveredDisks: recovered.size, judged: enumeration.judged,
      statesPerSecond: Math.round(states.size / elapsedMs * 1000), longFloor: isLong ? LONG_FLOOR : undefined,
    },
  }
}

/** Saboteurs that this row must catch. */
export const sabotages = Object.keys(saboteurs)
