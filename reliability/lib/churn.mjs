/**
 * A world of consumer groups on a clock of its own: the broker and the consumers of a build, whole, in this process, with everything between them under control.
 * Each member is a process of its own as far as it can tell: it can be killed (nothing of it runs any more, what it sent may still arrive), stopped for a while
 * and let go on, and its requests and answers take time or are lost. One seed, one history.
 *
 * What is judged is what members were told and what they did, by the books kept here (`Books`), never by what the broker says of itself.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const never = new Promise(() => {})
const LATE_MS = 15_000

export async function loadBuild(dist) {
  const load = (path) => import(pathToFileURL(join(dist, path)).href)
  // What waits for its first use is loaded before: it would come in the time of the real world.
  const files = ['testing/index.js', 'database.js', 'client/clients.js', 'protocol/consumer-protocol.js', 'client/group-assignment.js', 'coordinator/group-coordinator.js']
  const [testing, database, clients, protocol] = await Promise.all(files.map(load))
  return { ...testing, Database: database.Database, createClients: clients.createClients, decodeAssignment: protocol.decodeAssignment }
}

/** Who owned, committed, read and processed what. */
export class Books {
  violations = []
  /** Generations that members were let in to, of all groups. */
  generations = 0
  requests = 0
  /** Commits and syncs that arrived in a later generation than theirs. */
  late = 0
  #owners = new Map()
  #newest = new Map()
  #committed = new Map()
  #done = new Map()
  #trace = createHash('sha256')

  note(line) { this.#trace.update(line).update('\n') }
  get hash() { return this.#trace.copy().digest('hex').slice(0, 16) }

  violation(text) { if (this.violations.length < 20) this.violations.push(text) }

  /** A member was told what is its own in a generation. */
  assigned(member, group, generation, partitions) {
    const newest = this.#newest.get(group) ?? 0
    if (generation < newest) this.violation(`${member.name} was given partitions of ${group} in generation ${generation}, after ${newest} had begun`)
    if (generation > newest) {
      this.#newest.set(group, generation)
      this.generations += 1
    }
    for (const partition of partitions) {
      const key = `${group} ${generation} ${partition}`
      const owner = this.#owners.get(key)
      const isSame = owner === undefined || owner === member || (owner.instance !== null && owner.instance === member.instance)
      if (!isSame) this.violation(`${partition} has two owners in generation ${generation} of ${group}: ${owner.name} and ${member.name}`)
      this.#owners.set(key, member)
    }
  }

  newest(group) { return this.#newest.get(group) ?? 0 }

  committed(group, partition) { return this.#committed.get(`${group} ${partition}`) ?? -1 }

  /** A commit of a generation, by the broker's word. */
  accepted(member, group, generation, partition, offset) {
    if (generation < this.newest(group)) this.violation(`${member.name} committed ${partition} of ${group} in generation ${generation}, after ${this.newest(group)} had begun`)
    const before = this.committed(group, partition)
    if (offset < before) this.violation(`${member.name} set ${partition} of ${group} back from ${before} to ${offset}`)
    this.#committed.set(`${group} ${partition}`, Math.max(before, offset))
  }

  told(member, group, partition, offset, least) {
    const most = this.committed(group, partition)
    if (offset < least || offset > most) this.violation(`${member.name} was told ${offset} as the committed offset of ${partition} of ${group}, which was ${least} to ${most}`)
  }

  processed(group, partition, from, to) {
    const key = `${group} ${partition}`
    let set = this.#done.get(key)
    if (set === undefined) this.#done.set(key, set = new Set())
    for (let offset = from; offset <= to; offset++) set.add(offset)
  }

  /** How many of the first `end` records nobody of a group processed. */
  missing(group, partition, end) {
    const set = this.#done.get(`${group} ${partition}`)
    let count = 0
    for (let offset = 0; offset < end; offset++) if (set?.has(offset) !== true) count += 1
    return count
  }
}

/** The ports of one member: they rest while it is stopped, and for good when it is dead. */
class MemberPorts {
  isDead = false
  #waiting = null
  #master

  constructor(master) {
    this.#master = master
    const run = (task) => () => {
      if (this.isDead) return
      if (this.#waiting === null) task()
      else this.#waiting.push(task)
    }
    this.clock = master.clock
    this.random = master.random
    this.logger = quiet
    this.scheduler = {
      after: (ms, task, options) => master.scheduler.after(ms, run(task), options),
      every: (ms, task) => master.scheduler.every(ms, run(task)),
      soon: (task) => master.scheduler.soon(run(task)),
    }
  }

  get isStopped() { return this.#waiting !== null }
  stop() { this.#waiting ??= [] }

  resume() {
    const waiting = this.#waiting ?? []
    this.#waiting = null
    for (const task of waiting) this.scheduler.soon(task)
  }

  /** In the world's time, whatever becomes of the member. */
  pass(ms) { return ms === 0 ? Promise.resolve() : new Promise((done) => { this.#master.scheduler.after(ms, done) }) }
  /** In its own. */
  sleep(ms) { return new Promise((done) => { this.scheduler.after(ms, done) }) }
  /** Comes when the member can hear it. */
  deliver(settle) { this.scheduler.soon(settle) }
}

/** `BrokerApi` as one member reaches it: in order, in its own time, with losses; the books are kept at the broker's end. */
function linkTo(broker, member, { random, books, decodeAssignment, OttlaError }) {
  const { ports, isRemote } = member
  const lanes = new Map()
  const observe = {
    syncGroup({ groupId, generationId }, answer) {
      if (answer.errorCode !== 0) return
      const assigned = decodeAssignment(answer.assignment).assignedPartitions
      books.assigned(member, groupId, generationId, assigned.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)))
    },
    offsetCommit({ groupId, generationId, partitions }, answer) {
      answer.partitions.forEach(({ errorCode, topic, partition }, i) => {
        if (errorCode === 0) books.accepted(member, groupId, generationId, `${topic}-${partition}`, partitions[i].committedOffset)
      })
    },
    offsetFetch({ groupId }, answer, least) {
      if (answer.errorCode !== 0) return
      for (const { topic, partition, committedOffset, errorCode } of answer.partitions) {
        const key = `${topic}-${partition}`
        if (errorCode === 0) books.told(member, groupId, key, committedOffset, least.get(key) ?? -1)
      }
    },
  }
  /** The connection is cut while a request is on its way, and it arrives when the group has moved on. */
  async function comeLate(name, request) {
    for (let waited = 0; waited < LATE_MS && books.newest(request.groupId) <= request.generationId; waited += 20) await ports.pass(20)
    if (books.newest(request.groupId) <= request.generationId) return
    books.late += 1
    observe[name](request, await broker[name](request))
  }
  async function call(name, request, rest) {
    if (isRemote && (name === 'offsetCommit' || name === 'syncGroup') && random.chance(member.lossRate * 10)) {
      void comeLate(name, request)
      throw new OttlaError('NETWORK_EXCEPTION', 'the connection was cut')
    }
    if (isRemote) await ports.pass(random.int(4) === 0 ? random.int(30) : 1)
    books.requests += 1
    const least = name === 'offsetFetch' && request.partitions !== null ? new Map(request.partitions.map(({ topic, partition }) => [`${topic}-${partition}`, books.committed(request.groupId, `${topic}-${partition}`)])) : null
    const answer = await broker[name](request, ...rest)
    observe[name]?.(request, answer, least)
    if (name !== 'fetch') books.note(`${member.name} ${name} ${answer?.errorCode ?? ''} ${answer?.generationId ?? ''}`)
    if (isRemote) await ports.pass(random.int(4) === 0 ? random.int(30) : 1)
    if (isRemote && random.chance(member.lossRate)) throw new OttlaError('NETWORK_EXCEPTION', 'the connection was cut')
    return answer
  }
  return new Proxy(broker, {
    get(target, name) {
      if (name === 'watchGroup') return isRemote ? undefined : (groupId, listener) => broker.watchGroup(groupId, () => ports.deliver(listener))
      const value = target[name]
      if (typeof value !== 'function') return value
      return (request, ...rest) => {
        if (ports.isDead) return never
        const lane = isRemote ? (name === 'fetch' ? 'fetch' : 'rest') : Symbol(name)
        const before = lanes.get(lane) ?? Promise.resolve()
        const result = before.then(() => call(name, request, rest))
        if (isRemote) lanes.set(lane, result.catch(() => {}))
        return new Promise((resolve, reject) => {
          result.then((answer) => ports.deliver(() => resolve(answer)), (error) => ports.deliver(() => reject(error)))
        })
      }
    },
  })
}

const PASSING = new Set([
  'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID', 'NETWORK_EXCEPTION', 'REQUEST_TIMED_OUT', 'CLOSED', 'ABORTED', 'GROUP_MAX_SIZE_REACHED',
])

/** One consumer, and the application that uses it. */
export class Member {
  lossRate = 0.005
  ended = false
  #isClosing = false
  #world
  #consumer

  constructor(world, { name, group, instance = null, isRemote, settings }) {
    this.#world = world
    this.name = name
    this.group = group
    this.instance = instance
    this.isRemote = isRemote
    this.ports = new MemberPorts(world.ports)
    const link = linkTo(world.broker, this, world)
    const clients = world.createClients(link, this.ports, { embedded: !isRemote, nodeId: 1 })
    this.#consumer = clients.consumer({
      'group.id': group, 'auto.offset.reset': 'earliest', ...(instance === null ? {} : { 'group.instance.id': instance }), ...settings,
    })
    this.isAuto = settings['enable.auto.commit'] !== false
    this.#consumer.subscribe(world.topics)
    void this.#live()
  }

  get isLive() { return !this.ended && !this.ports.isDead && !this.#isClosing }

  async #live() {
    const { random, books } = this.#world
    while (!this.#isClosing) {
      try {
        const batches = await this.#consumer.poll({ timeoutMs: 300 })
        if (batches.length > 0) await this.ports.sleep(random.int(20))
        for (const { topic, partition, baseOffset, lastOffset } of batches) books.processed(this.group, `${topic}-${partition}`, baseOffset, lastOffset)
        if (!this.isAuto && batches.length > 0) await this.#consumer.commit()
      } catch (error) {
        if (!PASSING.has(error?.code)) books.violation(`${this.name} ended with ${error?.stack ?? error}`)
        if (error?.code === 'FENCED_INSTANCE_ID' || error?.code === 'CLOSED') break
        await this.ports.sleep(50)
      }
    }
    this.ended = true
  }

  /** As by kill -9. */
  kill() { this.ports.isDead = true }

  /** As by SIGSTOP. */
  stall(ms) {
    this.ports.stop()
    this.#world.scheduler.after(ms, () => this.ports.resume())
  }

  async leave() {
    this.#isClosing = true
    await this.#consumer.close().catch((error) => { if (!PASSING.has(error?.code)) this.#world.books.violation(`${this.name} closed with ${error}`) })
  }
}

/** Broker, topics and records. */
export class World {
  members = []
  topics = ['orders', 'events']
  ends = new Map()
  #database
  #producer

  constructor(build, seed) {
    this.decodeAssignment = build.decodeAssignment
    this.OttlaError = build.OttlaError
    this.createClients = build.createClients
    this.scheduler = new build.ManualScheduler()
    this.seeded = new build.SeededRandom(seed)
    this.ports = { clock: this.scheduler.clock, scheduler: this.scheduler, random: this.seeded, logger: quiet }
    this.books = new Books()
    this.random = null
  }

  static async open(build, seed, random, partitions) {
    const world = new World(build, seed)
    world.random = random
    const fileSystem = new build.SimulatedFileSystem({ clock: world.scheduler.clock, recordOperations: false })
    world.#database = await world.until(build.Database.open({
      directory: '/', fileSystem, ports: world.ports, readOnly: false, inMemory: true, allowNetworkFileSystem: false, emit() {},
      settings: { 'group.initial.rebalance.delay.ms': random.pick([0, 0, 100, 3000]), 'offsets.topic.num.partitions': 1, 'group.min.session.timeout.ms': 1000 },
    }))
    world.broker = world.#database.newBroker()
    const clients = build.createClients(world.broker, world.ports, { embedded: true, nodeId: 1 })
    for (const topic of world.topics) await world.until(clients.admin.createTopic(topic, { partitions }))
    world.partitions = world.topics.flatMap((topic) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })))
    world.#producer = clients.producer({ acks: 1 })
    return world
  }

  /** Lets time pass until a promise settles. */
  async until(promise, limitMs = 120_000) {
    let isSettled = false
    const settled = promise.finally(() => { isSettled = true })
    settled.catch(() => {})
    for (let passed = 0; !isSettled; passed += 10) {
      if (passed > limitMs) throw new Error(`nothing came of it in ${limitMs} ms of the world's time`)
      await this.scheduler.advance(10)
    }
    return settled
  }

  pass(ms) { return this.scheduler.advance(ms) }

  async produce(count) {
    const records = Array.from({ length: count }, () => ({ ...this.random.pick(this.partitions), value: 'x' }))
    for (const { topic, partition } of records) this.ends.set(`${topic}-${partition}`, (this.ends.get(`${topic}-${partition}`) ?? 0) + 1)
    await this.until(this.#producer.sendBatch(records))
  }

  async stateOf(group) { return (await this.until(this.broker.describeGroups({ groups: [group] }))).groups[0] }

  async close() {
    for (const member of this.members) member.kill()
    await this.until(this.#producer.close())
    this.broker.close()
    await this.until(this.#database.close())
  }
}
