/**
 * Random lives of a group, against what must always hold: one leader a generation, generations that only rise, no partition owned by two
 * members of one generation, the committed offset is the last accepted commit (also after a crash), old generations commit nothing once
 * a new one is settled, and no request hangs for ever.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import type { JoinGroupResponse, SyncGroupResponse } from '../protocol/broker-api.ts'
import { GroupHarness, Waiting, subscription, textOf } from '../../test/support/group-harness.ts'

const CLIENTS = 5
const PARTITIONS = 4

type Command =
  | { readonly do: 'join' | 'sync' | 'heartbeat' | 'leave' | 'restart'; readonly client: number }
  | { readonly do: 'resubscribe'; readonly client: number; readonly topic: 't' | 'u' }
  | { readonly do: 'commit'; readonly client: number; readonly partition: number; readonly offset: number; readonly stale: boolean }
  | { readonly do: 'strangerCommits'; readonly partition: number; readonly offset: number }
  | { readonly do: 'wait'; readonly milliseconds: number }
  | { readonly do: 'rally' | 'stall' | 'crash' | 'breakDisk' | 'mendDisk' | 'delete' }

const client = fc.integer({ min: 0, max: CLIENTS - 1 })
const partition = fc.integer({ min: 0, max: PARTITIONS - 1 })
const offset = fc.integer({ min: 0, max: 1_000_000 })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('join' as const), client }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('sync' as const), client }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('heartbeat' as const, 'leave' as const, 'restart' as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resubscribe' as const), client, topic: fc.constantFrom('t' as const, 'u' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), client, partition, offset, stale: fc.nat(4).map((n) => n === 0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('strangerCommits' as const), partition, offset }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds: fc.constantFrom(0, 1, 500, 5000, 10_000, 61_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('rally' as const) }) },
  { weight: 2, arbitrary: fc.constantFrom<Command>({ do: 'stall' }, { do: 'crash' }, { do: 'breakDisk' }, { do: 'mendDisk' }, { do: 'delete' }) },
)

/** One consumer as its own code would see the world. */
class Client {
  readonly instance: string | null
  topic: 't' | 'u' = 't'
  memberId = ''
  /** The last joins and syncs still unanswered. */
  join: Waiting<JoinGroupResponse> | null = null
  sync: Waiting<SyncGroupResponse> | null = null
  joined: JoinGroupResponse | null = null
  /** Generation in which it owns what it owns; −1: nothing. */
  generation = -1
  owned: string[] = []

  constructor(instance: string | null) { this.instance = instance }

  forget(): void {
    this.memberId = ''
    this.join = this.sync = this.joined = null
    this.generation = -1
    this.owned = []
  }
}

/** A static member that comes back has another id, and is the same member. */
function identity(memberId: string): string { return /^instance-\d/.exec(memberId)?.[0] ?? memberId }

class Life {
  readonly harness: GroupHarness
  readonly clients: Client[] = Array.from({ length: CLIENTS }, (_, index) => new Client(index < 2 ? `instance-${index}` : null))
  readonly requests: Waiting<unknown>[] = []
  readonly leaders = new Map<number, string>()
  readonly assigned = new Map<number, Map<string, string>>()
  readonly committed = new Map<number, number>()
  highest = 0

  constructor(harness: GroupHarness) { this.harness = harness }

  /** Asks for all that is parked to be heard of, and looks at what was answered. */
  async settle(): Promise<void> {
    await this.harness.settle()
    for (const each of this.clients) {
      if (each.join?.isAnswered === true) this.#onJoined(each, each.join.value)
      if (each.sync?.isAnswered === true) this.#onSynced(each, each.sync.value)
    }
  }

  #onJoined(each: Client, response: JoinGroupResponse): void {
    each.join = null
    if (response.errorCode === 79) each.memberId = response.memberId
    else if (response.errorCode === 27 || response.errorCode === 15) return
    else if (response.errorCode !== 0) each.forget()
    else {
      expect(response.generationId, 'generations rise').toBeGreaterThanOrEqual(this.highest)
      const leader = this.leaders.get(response.generationId)
      if (leader !== undefined) expect(identity(response.leader), 'one leader a generation').toBe(leader)
      this.leaders.set(response.generationId, identity(response.leader))
      if (response.members.length > 0) expect(response.leader, 'only the leader sees the members').toBe(response.memberId)
      this.highest = response.generationId
      each.memberId = response.memberId
      each.joined = response
    }
  }

  #onSynced(each: Client, response: SyncGroupResponse): void {
    const { joined } = each
    each.sync = null
    if (response.errorCode === 25 || response.errorCode === 82) each.forget()
    if (response.errorCode !== 0 || joined === null) return
    each.generation = joined.generationId
    each.owned = textOf(response.assignment).split(',').filter((part) => part !== '')
    const owners = this.assigned.get(joined.generationId) ?? new Map<string, string>()
    this.assigned.set(joined.generationId, owners)
    for (const part of each.owned) {
      const owner = owners.get(part)
      if (owner !== undefined) expect(identity(each.memberId), `${part} has one owner in generation ${joined.generationId}`).toBe(owner)
      owners.set(part, identity(each.memberId))
    }
  }

  async run(step: Command): Promise<void> {
    const { harness } = this
    switch (step.do) {
      case 'wait': await harness.advance(step.milliseconds); break
      case 'rally': await this.#rally(); break
      case 'stall': harness.scheduler.clock.advance(120_000); break
      case 'breakDisk': for (const log of harness.logs) log.failure = new OttlaError('DISK_FULL', 'no space left'); break
      case 'mendDisk': for (const log of harness.logs) log.failure = null; break
      case 'crash': await this.#crash(); break
      case 'delete': await this.#delete(); break
      case 'strangerCommits': await this.#commit(step.partition, step.offset, '', -1); break
      case 'commit': await this.#memberCommits(this.clients[step.client]!, step); break
      default: this.#act(this.clients[step.client]!, step)
    }
    await this.settle()
    await this.check()
  }

  /** All clients do what consumers do: join when they must, then sync. */
  async #rally(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      const rebalancing = await this.harness.state('g') === 'PreparingRebalance'
      for (const [index, each] of this.clients.entries()) if (each.joined === null || rebalancing) this.#act(each, { do: 'join', client: index })
      await this.harness.advance(0)
      await this.settle()
      for (const [index, each] of this.clients.entries()) {
        if (each.joined !== null && each.generation !== each.joined.generationId) this.#act(each, { do: 'sync', client: index })
      }
      await this.settle()
    }
  }

  #act(each: Client, step: Extract<Command, { readonly client: number }>): void {
    const { harness } = this
    if (step.do === 'resubscribe') each.topic = step.topic
    // A static member restarts without leaving.
    if (step.do === 'restart') each.forget()
    if (step.do === 'join' && each.join === null) {
      each.join = harness.join('g', {
        memberId: each.memberId, groupInstanceId: each.instance, requireKnownMemberId: true,
        protocols: [{ name: 'range', metadata: subscription([each.topic]) }],
      })
      this.requests.push(each.join)
    }
    if (step.do === 'sync' && each.sync === null && each.joined !== null && each.join === null) {
      const assignments = Object.fromEntries(each.joined.members.map((member, index, members) => (
        [member.memberId, Array.from({ length: PARTITIONS }, (_, p) => p).filter((p) => p % members.length === index).map((p) => `t-${p}`).join(',')])))
      each.sync = harness.sync('g', each.joined, assignments, each.instance)
      this.requests.push(each.sync)
    }
    if (step.do === 'heartbeat' && each.joined !== null) this.requests.push(new Waiting(harness.heartbeat('g', each.joined, each.instance)))
    if (step.do === 'leave' && each.memberId !== '') {
      this.requests.push(new Waiting(harness.coordinator.leaveGroup({ groupId: 'g', members: [{ memberId: each.memberId, groupInstanceId: each.instance }] })))
      each.forget()
    }
  }

  async #memberCommits(each: Client, step: Extract<Command, { readonly do: 'commit' }>): Promise<void> {
    if (each.generation < 0 || each.memberId === '') return
    const generation = step.stale ? each.generation - 1 : each.generation
    if (generation < 0) return
    const state = await this.harness.state('g')
    const code = await this.#commit(step.partition, step.offset, each.memberId, generation)
    const isOld = generation < this.highest && state !== 'PreparingRebalance' && state !== 'Empty' && state !== 'Dead'
    if (isOld || step.stale) expect(code, 'an old generation commits nothing').not.toBe(0)
  }

  async #commit(partition: number, offset: number, memberId: string, generation: number): Promise<number> {
    const response = new Waiting(this.harness.coordinator.offsetCommit({
      groupId: 'g', memberId, groupInstanceId: null, generationId: generation,
      partitions: [{ topic: 't', partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' }],
    }))
    await this.harness.settle()
    const code = response.value.partitions[0]!.errorCode
    if (code === 0) this.committed.set(partition, offset)
    return code
  }

  async #crash(): Promise<void> {
    for (const log of this.harness.logs) log.failure = null
    await this.harness.crash()
    // Every connection is gone: clients try again what they were at.
    for (const each of this.clients) each.join = each.sync = null
    this.requests.length = 0
    // A generation without its leader's assignment was never settled: the log knows the one before it.
    const last = this.harness.logs.flatMap((log) => log.records()).findLast((record) => record.type === 2)
    this.highest = last?.value === undefined || last.value === null ? 0 : last.value['generation'] as number
    for (const generation of this.leaders.keys()) if (generation > this.highest) this.leaders.delete(generation)
    for (const generation of this.assigned.keys()) if (generation > this.highest) this.assigned.delete(generation)
  }

  async #delete(): Promise<void> {
    const { results } = await this.harness.coordinator.deleteGroups({ groups: ['g'] })
    if (results[0]!.errorCode !== 0) return
    this.committed.clear()
    this.#forgetGenerations()
  }

  /** A new group of the name starts counting anew. */
  #forgetGenerations(): void {
    this.highest = 0
    this.leaders.clear()
    this.assigned.clear()
  }

  async check(): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await this.harness.committed('g', 't', partition), `committed offset of t-${partition}`).toBe(this.committed.get(partition) ?? -1)
    }
    const described = (await this.harness.coordinator.describeGroups({ groups: ['g'] })).groups[0]!
    if (described.groupState === 'Stable') {
      const parts = described.members.flatMap((member) => textOf(member.memberAssignment).split(',').filter((part) => part !== ''))
      expect(new Set(parts).size, 'no partition has two owners').toBe(parts.length)
    }
    if (described.groupState === 'Empty' || described.groupState === 'Dead') expect(described.members).toEqual([])
    // Once in ten minutes whoever looks for expired offsets removes groups that have neither members nor offsets.
    if (described.groupState === 'Dead') this.#forgetGenerations()
  }

  /** Nothing more happens: whoever waits is answered, sessions run out, nothing stays behind. */
  async end(): Promise<void> {
    for (const log of this.harness.logs) log.failure = null
    await this.harness.advance(900_000)
    await this.settle()
    for (const request of this.requests) expect(request.isAnswered, 'no request hangs').toBe(true)
    expect(['Empty', 'Dead']).toContain(await this.harness.state('g'))
    await this.check()
    const before = [...this.committed]
    await this.harness.crash()
    for (const [partition, offset] of before) expect(await this.harness.committed('g', 't', partition)).toBe(offset)
    await this.harness.coordinator.close()
    expect(this.harness.scheduler.pendingTimers).toBe(0)
  }
}

test('whatever members, disks and processes do, a group keeps its word', async () => {
  await fc.assert(fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 80, size: 'max' }), fc.integer(), async (commands, seed) => {
    const life = new Life(await GroupHarness.create({}, [], seed))
    for (const step of commands) await life.run(step)
    await life.end()
  }), { numRuns: 150 })
}, 60_000)
