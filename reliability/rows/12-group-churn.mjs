/**
 * Row 12: groups whose members come, leave, die, freeze and come back (spec/reliability 2.5, 5).
 *
 *   simulated   broker and consumers of the build on a clock of their own (lib/churn.mjs): dynamic and static members, eager and cooperative assignors and the way
 *               from one to the other, in process and as over a wire that delays and loses, hundreds of rebalances a second. The same seed twice must leave the
 *               same trace.
 *   real        `ottla serve`, with consumers in processes of their own that are killed, stopped and restarted, of this package and kafkajs (lib/churn-real.mjs)
 *
 * Judged: in no generation has a partition two owners; every record is processed at least once; an accepted commit never takes an offset back, and no member is
 * ever told another offset than the last accepted one; when the churn ends, groups are stable, with the members that live, within twice the rebalance timeout.
 */
import { createHash } from 'node:crypto'
import { loadBuild, Member, World } from '../lib/churn.mjs'
import { churnProcesses } from '../lib/churn-real.mjs'
import { Random } from '../lib/random.mjs'

export const row = { id: 12, name: 'group churn', lane: 2, floor: { count: 500, unit: 'bounces' }, seconds: 16 }

const REBALANCE_MS = 10_000
const SESSION_MS = 3000
const MOST_MEMBERS = 50
const BOUNCES = 100

const STRATEGIES = [
  { 'partition.assignment.strategy': 'range' }, { 'partition.assignment.strategy': 'roundrobin' }, { 'partition.assignment.strategy': 'sticky' },
  { 'partition.assignment.strategy': 'cooperative-sticky' }, { 'partition.assignment.strategy': 'cooperative-sticky,range' },
]

/** One group as the churn knows it. */
class Group {
  #next = 0
  #instances = 0

  constructor(name, strategies) {
    this.name = name
    this.strategies = strategies
  }

  /** A new member, or one that comes back under a lasting name. */
  start(world, instance = null) {
    const { random } = world
    if (instance === null && random.chance(0.3)) instance = `${this.name}-static-${this.#instances++}`
    const member = new Member(world, {
      name: `${this.name}/${this.#next++}`, group: this.name, instance, isRemote: random.chance(0.7),
      settings: {
        ...random.pick(this.strategies), 'session.timeout.ms': SESSION_MS, 'heartbeat.interval.ms': 500, 'max.poll.interval.ms': REBALANCE_MS,
        'auto.commit.interval.ms': 300, 'enable.auto.commit': random.chance(0.5), 'max.poll.records': 1 + random.int(100), 'fetch.max.wait.ms': 200,
      },
    })
    world.members.push(member)
    return member
  }
}

/** One thing that happens to a member of a group. */
async function bounce(world, groups) {
  const { random } = world
  const group = random.pick(groups)
  const live = world.members.filter((member) => member.group === group.name && member.isLive)
  const choice = random.int(10)
  if (choice < 3 || live.length < 2) {
    if (world.members.filter((member) => member.isLive).length < MOST_MEMBERS) group.start(world)
    return 'start'
  }
  const member = random.pick(live)
  if (choice < 5) {
    void member.leave()
    return 'leave'
  }
  if (choice < 8) {
    member.kill()
    // Its supervisor brings it back, soon or late: a static one under its name.
    if (random.chance(0.6)) world.scheduler.after(random.int(2 * SESSION_MS), () => { group.start(world, member.instance) })
    return 'kill'
  }
  member.stall(random.int(3) === 0 ? REBALANCE_MS + random.int(10_000) : random.int(2 * SESSION_MS))
  return 'stall'
}

async function settled(world, groups, violations) {
  for (const group of groups) {
    const expected = () => world.members.filter((member) => member.group === group.name && member.isLive)
    let waited = 0
    for (;; waited += 100) {
      const { groupState, members } = await world.stateOf(group.name)
      const count = expected().length
      if (count === 0 ? groupState !== 'PreparingRebalance' : groupState === 'Stable' && members.length === count) break
      if (waited > 2 * REBALANCE_MS + SESSION_MS) {
        violations.push(`${group.name} is ${groupState} with ${members.length} members, not stable with ${count}, ${waited} ms after the churn`)
        return
      }
      await world.pass(100)
    }
  }
}

/** A history: churn, then calm, then the reckoning. */
async function episode(build, seed) {
  const random = new Random(seed)
  const world = await World.open(build, seed, random, 1 + random.int(12))
  const migrating = [STRATEGIES[0], STRATEGIES[4]]
  const groups = Array.from({ length: 1 + random.int(3) }, (_, i) => new Group(`g${i}`, random.chance(0.3) ? migrating : [random.pick(STRATEGIES)]))
  const kinds = {}
  const { books } = world
  try {
    for (const group of groups) for (let i = random.int(8); i >= 0; i--) group.start(world)
    for (let i = 0; i < BOUNCES && books.violations.length === 0; i++) {
      if (random.chance(0.7)) await world.produce(1 + random.int(30))
      const kind = await bounce(world, groups)
      kinds[kind] = (kinds[kind] ?? 0) + 1
      await world.pass(random.pick([0, 1, 20, 200, 1000, 3000]))
    }
    // Whoever is stopped goes on by itself within this; whoever comes back has come.
    await world.pass(REBALANCE_MS + 10_000 + 2 * SESSION_MS)
    for (const group of groups) if (!world.members.some((member) => member.group === group.name && member.isLive)) group.start(world)
    await settled(world, groups, books.violations)
    for (let waited = 0; waited < REBALANCE_MS && groups.some((group) => missing(world, group) > 0); waited += 100) await world.pass(100)
    for (const group of groups) if (missing(world, group) > 0) books.violations.push(`${missing(world, group)} records were processed by nobody of ${group.name}`)
    await settled(world, groups, books.violations)
    // A last death with nothing behind it: no rebalance of others hides a member that nobody misses.
    for (const group of groups) {
      const live = world.members.filter((member) => member.group === group.name && member.isLive)
      if (live.length > 1) random.pick(live).kill()
    }
    await settled(world, groups, books.violations)
  } finally {
    await world.close()
  }
  const records = [...world.ends.values()].reduce((sum, end) => sum + end, 0)
  return { bounces: BOUNCES, kinds, records, generations: books.generations, requests: books.requests, late: books.late, hash: books.hash, violations: books.violations }
}

const missing = (world, group) => [...world.ends].reduce((sum, [partition, end]) => sum + world.books.missing(group.name, partition, end), 0)

async function simulate({ build, seed, isOver, episodes, report, violations }) {
  const sum = { episodes: 0, bounces: 0, records: 0, generations: 0, requests: 0, late: 0, kinds: {}, trace: '' }
  // What is loaded on first use takes turns of the real loop, and only then: a history that does not count goes first.
  await episode(build, 0)
  let next = seed * 1000
  for (; sum.episodes < episodes && !isOver() && violations.length === 0; next++) {
    const result = await episode(build, next)
    violations.push(...result.violations.map((text) => `seed ${next}: ${text}`))
    sum.episodes += 1
    for (const key of ['bounces', 'records', 'generations', 'requests', 'late']) sum[key] += result[key]
    for (const [kind, count] of Object.entries(result.kinds)) sum.kinds[kind] = (sum.kinds[kind] ?? 0) + count
    sum.trace = createHash('sha256').update(sum.trace + result.hash).digest('hex').slice(0, 16)
    if (sum.episodes === 1) {
      const again = await episode(build, next)
      if (again.hash !== result.hash) violations.push(`seed ${next} left two traces: ${result.hash} and ${again.hash}`)
    }
    if (sum.episodes % 10 === 0) report(`${sum.bounces} bounces, ${sum.generations} generations, ${sum.requests} requests`)
  }
  return { ...sum, last: next - 1 }
}

export async function run({ slice, seed, deadline, report = () => {}, dist }) {
  const violations = []
  const build = await loadBuild(dist)
  const isLong = slice === 'long'
  // Real time passes slowly: it gets half of what there is.
  const half = deadline() / 2
  const real = await churnProcesses({ dist, seed, bounces: isLong ? Infinity : 6, deadline: () => deadline() - half, report, violations })
  const simulated = await simulate({ build, seed, isOver: () => deadline() < 1000, episodes: isLong ? Infinity : 8, report, violations })
  return {
    count: simulated.bounces + real.bounces, unit: row.floor.unit, acked: simulated.records + real.records, faults: { ...simulated.kinds, 'real processes bounced': real.bounces },
    violations, details: { seedTo: simulated.last, simulated, real },
  }
}
