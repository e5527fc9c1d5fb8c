/**
 * One consumer's place in its group: join, sync, heartbeat, leave (classic protocol, spec/wire-protocol section 4).
 *
 * What changes who owns what happens only in `step`, which the consumer runs at its safe points: when the application asks for records,
 * has none in its hands (or says so by asking), and can be told. Requests run in the background, so that asking never waits for
 * other members longer than it wants to. Heartbeats do not depend on the application; `max.poll.interval.ms` alone bounds how long it may
 * work before it asks again.
 *
 *   out ──step──▶ joining ──(join, sync)──▶ assigned ──step──▶ stable ──(rebalance seen) step──▶ joining …
 *
 * Eager (the default): all partitions are revoked before joining. Cooperative (every configured assignor is): partitions are kept, and
 * read, until the new assignment takes them; giving one up is followed by another join. A member that is fenced (`lost`) tells so at
 * the next step, commits nothing, and joins as a new one.
 */
import { OttlaError, type ErrorCode } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import { partitionKey, type TopicPartition } from '../common/topic-partition.ts'
import type { ConsumerValues } from '../config/settings.ts'
import type { BrokerApi, Failure, JoinGroupResponse } from '../protocol/broker-api.ts'
import { backoffMs } from './backoff.ts'
import { errorOf, isOwnShortage } from './failure.ts'
import type * as GroupAssignment from './group-assignment.ts'
import type { CommitIdentity } from './offset-commits.ts'
import type { TopicWatch } from './topic-watch.ts'
import { sleep } from './waiting.ts'

export interface MembershipHooks {
  owned(): TopicPartition[]
  /** Partitions go to others: commits, tells the application, and takes them away. */
  revoke(partitions: TopicPartition[]): Promise<void>
  /** Partitions are gone already. */
  lose(partitions: TopicPartition[]): Promise<void>
  assign(partitions: TopicPartition[]): Promise<void>
  /** There is a step to take. */
  changed(): void
}

const fencing: ReadonlySet<string> = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])
/** Tries that follow each other at once. */
const HASTY_JOINS = 3

export class Membership {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ConsumerValues
  readonly #groupId: string
  readonly #watch: TopicWatch
  readonly #hooks: MembershipHooks
  readonly #embedded: boolean
  readonly #cooperative: boolean
  #state: 'out' | 'joining' | 'assigned' | 'stable' = 'out'
  #memberId = ''
  #generationId = -1
  /** Subscription, topics or group changed: join again at the next step. */
  #rejoin = false
  #lost = false
  #assignment: TopicPartition[] | null = null
  #lastAssignment: TopicPartition[] | null = null
  #lastGenerationId = -1
  #error: OttlaError | null = null
  /** Nothing can be done any more: another member took the group.instance.id. */
  #dead: OttlaError | null = null
  #heartbeats: Timer | null = null
  #beating = false
  #beatAgain = false
  #unwatch: (() => void) | null = null
  #askTimer: Timer | null = null
  #asking = false
  #answeredAt = 0
  #closed = false

  constructor(api: BrokerApi, ports: Ports, values: ConsumerValues, groupId: string, embedded: boolean, watch: TopicWatch, hooks: MembershipHooks) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#groupId = groupId
    this.#embedded = embedded
    this.#watch = watch
    this.#hooks = hooks
    this.#cooperative = values['partition.assignment.strategy'].every((name) => name === 'cooperative-sticky')
  }

  get identity(): CommitIdentity { return { memberId: this.#memberId, generationId: this.#generationId, groupInstanceId: this.#values['group.instance.id'] } }

  /** What the consumer holds is another's by now, and is to be told so. */
  get isLost(): boolean { return this.#lost }

  /** True when `step` has something to do. */
  get isDue(): boolean {
    const toTell = this.#dead !== null || this.#error !== null || this.#lost || this.#assignment !== null
    return toTell || this.#state === 'out' || (this.#rejoin && this.#state === 'stable')
  }

  /** The subscription or its topics changed. */
  rejoin(): void {
    if (this.#state === 'out') return
    this.#rejoin = true
    this.#hooks.changed()
  }

  /** A commit was refused. */
  fenced(error: OttlaError): void {
    if (error.code === 'REBALANCE_IN_PROGRESS') this.rejoin()
    else if (this.#state === 'stable' || this.#state === 'assigned') this.#fence(error)
  }

  // ---- safe points ----

  /** Takes what has happened into effect. Rejects with what stands in the way of membership. */
  async step(): Promise<void> {
    if (this.#lost) {
      this.#lost = false
      await this.#hooks.lose(this.#hooks.owned())
    }
    if (this.#dead !== null) throw this.#dead
    if (this.#error !== null) {
      const error = this.#error
      this.#error = null
      throw error
    }
    if (this.#assignment !== null) {
      const assignment = this.#assignment
      this.#assignment = null
      this.#state = 'stable'
      await this.#apply(assignment)
    }
    if (!this.#closed && !this.#lost && (this.#state === 'out' || (this.#rejoin && this.#state === 'stable'))) await this.#startJoin()
  }

  async #apply(assignment: TopicPartition[]): Promise<void> {
    const owned = this.#hooks.owned()
    const wanted = new Set(assignment.map((each) => partitionKey(each.topic, each.partition)))
    const held = new Set(owned.map((each) => partitionKey(each.topic, each.partition)))
    const revoked = owned.filter((each) => !wanted.has(partitionKey(each.topic, each.partition)))
    if (revoked.length > 0) {
      await this.#hooks.revoke(revoked)
      // What was given up can be handed on only in another round.
      this.#rejoin = true
    }
    await this.#hooks.assign(assignment.filter((each) => !held.has(partitionKey(each.topic, each.partition))))
    this.#lastAssignment = assignment
    this.#lastGenerationId = this.#generationId
  }

  async #startJoin(): Promise<void> {
    this.#rejoin = false
    const owned = this.#hooks.owned()
    if (!this.#cooperative && owned.length > 0) await this.#hooks.revoke(owned)
    if (this.#closed || this.#lost) return
    this.#state = 'joining'
    void this.#join()
  }

  // ---- joining ----

  async #join(): Promise<void> {
    for (let attempt = 1, hasty = 0; !this.#closed; attempt++) {
      try {
        if (await this.#joinOnce()) return
        if (++hasty <= HASTY_JOINS) {
          attempt = 0
          continue
        }
      } catch (reason) {
        const error = OttlaError.from(reason)
        if (this.#closed) return
        if (!error.retriable) {
          this.#fail(error)
          return
        }
        // As for sends (ADR 0010), a full disk is told at once, a want of file handles too, and joining goes on until there is room.
        if (isOwnShortage(error)) {
          this.#error = error
          this.#hooks.changed()
        }
      }
      await sleep(this.#ports.scheduler, backoffMs(this.#values, attempt, this.#ports.random))
    }
  }

  /** False: to be tried again at once. */
  async #joinOnce(): Promise<boolean> {
    // Assignors and their formats are loaded by the first member of a process.
    const format = await loadPart('the code for members of groups', () => import('./group-assignment.ts'))
    const topics = await this.#watch.resolve()
    if (this.#closed) return true
    const joined = await this.#api.joinGroup({
      groupId: this.#groupId, memberId: this.#memberId, requireKnownMemberId: !this.#embedded, inProcess: this.#embedded,
      ...format.joinRequest(this.#values, topics, this.#hooks.owned(), this.#generationId, this.#lastAssignment, this.#lastGenerationId),
    })
    const error = errorOf(joined, `joining group ${this.#groupId}`)
    if (this.#closed) {
      if (error === null) await this.#leave(joined.memberId, 'the consumer was closed')
      return true
    }
    if (error?.code === 'MEMBER_ID_REQUIRED') {
      this.#memberId = joined.memberId
      return false
    }
    if (error !== null) return this.#joinRefused(error)
    this.#memberId = joined.memberId
    this.#generationId = joined.generationId
    return this.#sync(format, joined)
  }

  async #sync(format: typeof GroupAssignment, joined: JoinGroupResponse): Promise<boolean> {
    let assignments: Parameters<BrokerApi['syncGroup']>[0]['assignments'] = []
    if (joined.leader === joined.memberId && !joined.skipAssignment) {
      const plan = await format.assignGroup(this.#api, joined)
      this.#watch.watchAlso(plan.topics, plan.partitions)
      assignments = plan.assignments
    } else {
      this.#watch.watchAlso([], new Map())
    }
    const synced = await this.#api.syncGroup({
      groupId: this.#groupId, memberId: this.#memberId, groupInstanceId: this.#values['group.instance.id'], generationId: this.#generationId,
      protocolType: format.CONSUMER_PROTOCOL_TYPE, protocolName: joined.protocolName, assignments,
    })
    if (this.#closed) return true
    const error = errorOf(synced, `syncing with group ${this.#groupId}`)
    if (error !== null) return this.#joinRefused(error)
    this.#assignment = format.flat(format.decodeAssignment(synced.assignment).assignedPartitions)
    this.#state = 'assigned'
    this.#startTimers()
    this.#hooks.changed()
    return true
  }

  /** True when joining ends here, false to try again at once; throws what is to be waited out or is final. */
  #joinRefused(error: OttlaError): boolean {
    if (error.code === 'REBALANCE_IN_PROGRESS') return false
    if (!fencing.has(error.code)) throw error
    this.#forgetPlace(error.code)
    if (this.#hooks.owned().length === 0) return false
    this.#lost = true
    this.#state = 'out'
    this.#hooks.changed()
    return true
  }

  #fail(error: OttlaError): void {
    if (error.code === 'FENCED_INSTANCE_ID') this.#dead = error
    else this.#error = error
    this.#lost = this.#hooks.owned().length > 0
    this.#state = 'out'
    this.#stopTimers()
    this.#hooks.changed()
  }

  // ---- staying ----

  #startTimers(): void {
    this.#heartbeats ??= this.#ports.scheduler.every(this.#values['heartbeat.interval.ms'], () => this.#beat())
    this.#unwatch ??= this.#api.watchGroup?.(this.#groupId, () => this.#beat()) ?? null
    if (this.#askTimer === null) {
      this.#answeredAt = this.#ports.clock.monotonic()
      this.#watchAsking(this.#values['max.poll.interval.ms'])
    }
  }

  #stopTimers(): void {
    this.#heartbeats?.cancel()
    this.#heartbeats = null
    this.#askTimer?.cancel()
    this.#askTimer = null
    this.#unwatch?.()
    this.#unwatch = null
  }

  #beat(): void {
    if (this.#closed || (this.#state !== 'stable' && this.#state !== 'assigned')) return
    if (this.#beating) {
      this.#beatAgain = true
      return
    }
    this.#beating = true
    const { memberId, generationId, groupInstanceId } = this.identity
    const beat = async (): Promise<Failure> => this.#api.heartbeat({
      groupId: this.#groupId, memberId, generationId, groupInstanceId, sessionTimeoutMs: this.#values['session.timeout.ms'],
    })
    beat().then((answer) => {
      const error = errorOf(answer, `heartbeat to group ${this.#groupId}`)
      // An answer about a former generation says nothing about this one.
      if (error !== null && memberId === this.#memberId && generationId === this.#generationId && this.#state !== 'joining') this.#refusedBeat(error)
    }, () => {}).finally(() => {
      this.#beating = false
      if (!this.#beatAgain) return
      this.#beatAgain = false
      this.#beat()
    }).catch(() => {})
  }

  #refusedBeat(error: OttlaError): void {
    if (error.code === 'REBALANCE_IN_PROGRESS') this.rejoin()
    else if (fencing.has(error.code) || error.code === 'FENCED_INSTANCE_ID') this.#fence(error)
  }

  #fence(error: OttlaError): void {
    this.#ports.logger.warn('consumer was removed from its group', { group: this.#groupId, member: this.#memberId, reason: error.code })
    if (error.code === 'FENCED_INSTANCE_ID') this.#dead = error
    this.#fallOut(error.code)
  }

  /** Who came as a new member, though the old one is still there, would have the group wait for the end of its session. */
  #forgetPlace(reason: ErrorCode): void {
    if (reason !== 'ILLEGAL_GENERATION') this.#memberId = ''
    this.#generationId = -1
  }

  #fallOut(reason: ErrorCode): void {
    this.#forgetPlace(reason)
    this.#assignment = null
    this.#lost = true
    this.#state = 'out'
    this.#stopTimers()
    this.#hooks.changed()
  }

  // ---- max.poll.interval.ms ----

  /** The application asks for records. */
  asking(): void { this.#asking = true }

  /** It got an answer, and works. */
  answered(): void {
    this.#asking = false
    this.#answeredAt = this.#ports.clock.monotonic()
  }

  #watchAsking(delayMs: number): void {
    this.#askTimer = this.#ports.scheduler.after(delayMs, () => {
      this.#askTimer = null
      const limitMs = this.#values['max.poll.interval.ms']
      const leftMs = this.#asking ? limitMs : this.#answeredAt + limitMs - this.#ports.clock.monotonic()
      if (leftMs > 0) this.#watchAsking(leftMs)
      else if (this.#state === 'stable' || this.#state === 'assigned') this.#tooSlow(limitMs)
    })
  }

  #tooSlow(limitMs: number): void {
    const memberId = this.#memberId
    const place = { group: this.#groupId, member: memberId, limitMs }
    this.#ports.logger.warn('consumer leaves its group: no records were asked for within max.poll.interval.ms', place)
    this.#fallOut('UNKNOWN_MEMBER_ID')
    // A static member's place is kept for it until its session timeout.
    if (this.#values['group.instance.id'] === null) void this.#leave(memberId, 'max.poll.interval.ms')
  }

  // ---- leaving ----

  async #leave(memberId: string, reason: string): Promise<void> {
    if (memberId === '' || this.#values['group.instance.id'] !== null) return
    try {
      await this.#api.leaveGroup({ groupId: this.#groupId, members: [{ memberId, groupInstanceId: null, reason }] })
    } catch (error) {
      this.#ports.logger.debug('leaving the group failed', { group: this.#groupId, error: OttlaError.from(error).code })
    }
  }

  /** No more steps, heartbeats or joins; static members keep their place. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#stopTimers()
    await this.#leave(this.#memberId, 'the consumer was closed')
  }
}
