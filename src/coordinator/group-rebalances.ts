/**
 * What happens to a classic group between requests (spec/wire-protocol 4.1–4.4, as Kafka 4.1's coordinator): rebalances from the call to
 * join to the next generation, and sessions that run out. `group-membership.ts` handles the requests and calls in here.
 *
 * A member is removed only by leaving, by its session, or by missing a rebalance, and whoever is removed with a request parked is
 * answered. Time in which the event loop stood still counts for none of the deadlines (`LoopTime`).
 */
import type { Ports } from '../common/ports.ts'
import { NONE, type Failure, type JoinGroupResponse } from '../protocol/broker-api.ts'
import { NO_ASSIGNMENT, type ClassicGroup, type ClassicMember } from './classic-group.ts'
import type { Deadlines } from './deadlines.ts'
import { groupMetadataRecord } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'
import { joinRefused, refusal, syncRefused } from './responses.ts'

/** Stands in the log as client host of members of this process: they cannot outlive it. */
export const IN_PROCESS_HOST = 'in-process'

export interface MembershipSettings {
  readonly 'group.min.session.timeout.ms': number
  readonly 'group.max.session.timeout.ms': number
  readonly 'group.initial.rebalance.delay.ms': number
  readonly 'group.max.size': number
}

export interface MembershipContext {
  readonly groups: Map<string, ClassicGroup>
  readonly settings: MembershipSettings
  readonly ports: Ports
  readonly deadlines: Deadlines
  /** Appends the records of one request; resolves when they are durable. */
  write(groupId: string, records: readonly KnownRecord[]): Promise<void>
  /** The group began a rebalance or put members out. */
  changed(groupId: string): void
}

export class GroupRebalances {
  readonly #context: MembershipContext
  readonly #settings: MembershipSettings
  readonly #deadlines: Deadlines

  constructor(context: MembershipContext) {
    this.#context = context
    this.#settings = context.settings
    this.#deadlines = context.deadlines
  }

  #now(): number { return this.#context.ports.clock.now() }

  // ---- rebalancing ----

  rebalanceOrComplete(group: ClassicGroup): void {
    if (group.state !== 'PreparingRebalance') this.prepareRebalance(group)
    else if (group.previousState !== 'Empty' && group.allJoined) this.#completeJoin(group)
  }

  /** Calls all members to join again. */
  prepareRebalance(group: ClassicGroup): void {
    if (group.state === 'CompletingRebalance') this.failSyncs(group, refusal('REBALANCE_IN_PROGRESS'))
    group.pendingSync.clear()
    this.#deadlines.cancel(syncName(group))
    const initial = group.state === 'Empty'
    group.transition('PreparingRebalance', this.#now())
    this.#context.changed(group.groupId)
    if (initial) {
      const delay = this.#settings['group.initial.rebalance.delay.ms']
      this.#putOffInitial(group, delay, Math.max(0, group.rebalanceTimeoutMs - delay))
    } else if (group.allJoined) this.#completeJoin(group)
    else this.#deadlines.set(joinName(group), group.rebalanceTimeoutMs, () => this.#completeJoin(group))
  }

  /** A group's first members seldom come alone: wait a little, and again while more come, but no longer than a rebalance may take. */
  #putOffInitial(group: ClassicGroup, delayMs: number, leftMs: number): void {
    this.#deadlines.set(joinName(group), delayMs, () => {
      if (!group.newMemberAdded || leftMs === 0) return this.#completeJoin(group)
      group.newMemberAdded = false
      this.#putOffInitial(group, Math.min(this.#settings['group.initial.rebalance.delay.ms'], leftMs), Math.max(0, leftMs - delayMs))
    })
  }

  /** Ends the joining: dynamic members that did not come are out, the rest is the next generation. */
  #completeJoin(group: ClassicGroup): void {
    this.#deadlines.cancel(joinName(group))
    for (const member of group.members.values()) {
      if (member.join === null && member.groupInstanceId === null) this.takeOut(group, member)
    }
    if (!group.electJoinedLeader() && group.members.size > 0) {
      this.#deadlines.set(joinName(group), group.rebalanceTimeoutMs, () => this.#completeJoin(group))
      return
    }
    group.newMemberAdded = false
    group.nextGeneration(this.#now())
    if (group.members.size === 0) return this.#persistEmpty(group)
    for (const member of group.members.values()) {
      group.answerJoin(member, this.joined(group, member, false))
      this.watchSession(group, member.memberId, member.sessionTimeoutMs)
      member.isNew = false
      group.pendingSync.add(member.memberId)
    }
    const { generation } = group
    this.#deadlines.set(syncName(group), group.rebalanceTimeoutMs, () => this.#expireSyncs(group, generation))
  }

  #persistEmpty(group: ClassicGroup): void {
    this.#context.write(group.groupId, [groupMetadataRecord(group.groupId, group.persisted(new Map()))]).catch((error: unknown) => {
      if (group.isEmpty) group.logged = 'stale'
      this.#context.ports.logger.warn('the log could not be told that a group is empty; it will be tried again', { group: group.groupId, error })
    })
  }

  /** Members that joined and never asked for their assignment hold the others up: out with them. */
  #expireSyncs(group: ClassicGroup, generation: number): void {
    if (group.generation !== generation || group.pendingSync.size === 0) return
    if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
    for (const memberId of group.pendingSync) this.takeOut(group, group.members.get(memberId)!)
    this.prepareRebalance(group)
  }

  /** Removes a member; its parked requests are answered, so that a live client joins anew. */
  takeOut(group: ClassicGroup, member: ClassicMember): void {
    group.answerJoin(member, joinRefused(refusal('UNKNOWN_MEMBER_ID'), ''))
    group.answerSync(member, syncRefused(refusal('UNKNOWN_MEMBER_ID')))
    this.#deadlines.cancel(sessionName(group, member.memberId))
    group.remove(member.memberId)
    this.#context.changed(group.groupId)
  }

  afterRemoval(group: ClassicGroup): void {
    if (group.state === 'Stable' || group.state === 'CompletingRebalance') this.prepareRebalance(group)
    else if (group.state === 'PreparingRebalance' && group.allJoined) {
      // A first rebalance goes on waiting for its delay, unless nobody is left to wait.
      if (group.previousState !== 'Empty' || group.members.size === 0) this.#completeJoin(group)
    }
  }

  /** The answer to a join of the current generation. */
  joined(group: ClassicGroup, member: ClassicMember, skipAssignment: boolean): JoinGroupResponse {
    const shown = group.leader === member.memberId ? [...group.members.values()] : []
    return {
      errorCode: NONE, generationId: group.generation, protocolType: group.protocolType, protocolName: group.protocol, leader: group.leader ?? '',
      skipAssignment, memberId: member.memberId,
      members: shown.map((each) => ({ memberId: each.memberId, groupInstanceId: each.groupInstanceId, metadata: group.metadata(each) })),
    }
  }

  // ---- sessions ----

  /** Sets, or sets anew, when the member is given up. */
  watchSession(group: ClassicGroup, memberId: string, timeoutMs: number): void {
    this.#deadlines.set(sessionName(group, memberId), timeoutMs, () => this.#expireSession(group, memberId))
  }

  #expireSession(group: ClassicGroup, memberId: string): void {
    if (group.pendingMembers.has(memberId)) {
      group.remove(memberId)
      if (group.state === 'PreparingRebalance' && group.allJoined) this.afterRemoval(group)
      return
    }
    const member = group.members.get(memberId)
    // Who is parked is alive; only a member that waits in its first join is given up nevertheless.
    if (member === undefined || (!member.isNew && (member.join !== null || member.sync !== null))) return
    this.#context.ports.logger.info('a member of a group was silent for its session timeout and is out', { group: group.groupId, member: memberId })
    this.takeOut(group, member)
    this.afterRemoval(group)
  }

  /** A sign of life (a commit, say). */
  touch(group: ClassicGroup, memberId: string): void {
    const member = group.members.get(memberId)
    if (member !== undefined) this.watchSession(group, memberId, member.sessionTimeoutMs)
  }

  /** After loading: sessions run from now; members of an earlier process are gone, unless they are static. */
  takeOver(group: ClassicGroup): void {
    const before = group.members.size
    group.dropDeadMembers((member) => member.clientHost === IN_PROCESS_HOST && member.groupInstanceId === null, this.#now())
    for (const member of group.members.values()) this.watchSession(group, member.memberId, member.sessionTimeoutMs)
    const tooMany = group.members.size > this.#settings['group.max.size']
    if (group.members.size > 0 && (group.members.size < before || tooMany)) this.prepareRebalance(group)
  }

  endSession(group: ClassicGroup, memberId: string): void { this.#deadlines.cancel(sessionName(group, memberId)) }

  // ---- parked requests ----

  /** A member has asked for its assignment; when all have, nobody is waited for any more. */
  hasSynced(group: ClassicGroup, memberId: string): void {
    group.pendingSync.delete(memberId)
    if (group.pendingSync.size === 0) this.#deadlines.cancel(syncName(group))
  }

  /** Takes assignments back and tells whoever waits for one. */
  failSyncs(group: ClassicGroup, failure: Failure): void {
    for (const member of group.members.values()) {
      member.assignment = NO_ASSIGNMENT
      if (group.answerSync(member, syncRefused(failure))) this.watchSession(group, member.memberId, member.sessionTimeoutMs)
    }
  }

  /** Answers whoever is parked, with `failure`, and ends the group's timers. */
  abandon(group: ClassicGroup, failure: Failure): void {
    this.#deadlines.cancel(joinName(group))
    this.#deadlines.cancel(syncName(group))
    for (const memberId of [...group.members.keys(), ...group.pendingMembers]) this.#deadlines.cancel(sessionName(group, memberId))
    for (const member of group.members.values()) {
      group.answerJoin(member, joinRefused(failure, member.memberId))
      group.answerSync(member, syncRefused(failure))
    }
  }
}

function sessionName(group: ClassicGroup, memberId: string): string { return JSON.stringify(['session', group.groupId, memberId]) }
function joinName(group: ClassicGroup): string { return JSON.stringify(['join', group.groupId]) }
function syncName(group: ClassicGroup): string { return JSON.stringify(['sync', group.groupId]) }
