/**
 * The classic group protocol: joining, syncing, heartbeats, leaving, and the timeouts between them (spec/wire-protocol 4.1–4.4, as Kafka
 * 4.1's coordinator). Moves `ClassicGroup`s from state to state, parks requests, and writes a group's record when its leader has
 * assigned, when it becomes empty, and when a static member gets another id.
 *
 * Two promises hold it together: a follower is answered only when the assignment is in the log, and a member is removed only by leaving,
 * by its session, or by missing a rebalance; the time in which the event loop stood still counts for none of them (`LoopTime`).
 */
import type { ErrorCode } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import {
  NONE, type Failure, type GroupMemberIdentity, type HeartbeatRequest, type JoinGroupRequest, type JoinGroupResponse, type LeaveGroupRequest, type LeaveGroupResponse,
  type SyncGroupRequest, type SyncGroupResponse,
} from '../protocol/broker-api.ts'
import { ClassicGroup, NO_ASSIGNMENT, sameProtocols, type ClassicMember } from './classic-group.ts'
import type { Deadlines } from './deadlines.ts'
import { groupMetadataRecord } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'
import { appendFailure, joinRefused, OK, refusal, syncRefused } from './responses.ts'

/** A member that waits in its first join cannot heartbeat; it is given up after this. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
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

type JoinAnswer = (response: JoinGroupResponse) => void
type SyncAnswer = (response: SyncGroupResponse) => void

export class GroupMembership {
  readonly #context: MembershipContext
  readonly #settings: MembershipSettings
  readonly #deadlines: Deadlines

  constructor(context: MembershipContext) {
    this.#context = context
    this.#settings = context.settings
    this.#deadlines = context.deadlines
  }

  // ---- joining ------------------------------------------------------------------------------------------------------------------

  /** Answers through `answer`, now or when the rebalance is over. */
  join(request: JoinGroupRequest, answer: JoinAnswer): void {
    const { groupId, memberId } = request
    if (request.sessionTimeoutMs < this.#settings['group.min.session.timeout.ms'] || request.sessionTimeoutMs > this.#settings['group.max.session.timeout.ms']) {
      const limits = `${this.#settings['group.min.session.timeout.ms']} and ${this.#settings['group.max.session.timeout.ms']}`
      return answer(joinRefused(refusal('INVALID_SESSION_TIMEOUT', `session.timeout.ms ${request.sessionTimeoutMs} is not between ${limits}`), memberId))
    }
    let group = this.#context.groups.get(groupId)
    if (group === undefined) {
      if (memberId !== '') return answer(joinRefused(refusal('UNKNOWN_MEMBER_ID'), memberId))
      if (request.protocolType === '' || request.protocols.length === 0) return answer(joinRefused(refusal('INCONSISTENT_GROUP_PROTOCOL'), memberId))
      group = new ClassicGroup(groupId, this.#now())
      this.#context.groups.set(groupId, group)
    }
    if (!this.#accepts(group, memberId)) {
      group.remove(memberId)
      return answer(joinRefused(refusal('GROUP_MAX_SIZE_REACHED', `the group has ${this.#settings['group.max.size']} members already`), ''))
    }
    if (!group.supports(request.protocolType, request.protocols)) return answer(joinRefused(refusal('INCONSISTENT_GROUP_PROTOCOL'), memberId))
    if (memberId === '') this.#joinNew(group, request, answer)
    else this.#joinKnown(group, request, answer)
  }

  #now(): number { return this.#context.ports.clock.now() }

  #accepts(group: ClassicGroup, memberId: string): boolean {
    const limit = this.#settings['group.max.size']
    if (group.state === 'Empty') return true
    const member = group.members.get(memberId)
    if (group.state === 'PreparingRebalance') return member?.join != null || group.awaitingJoin < limit
    return member !== undefined || group.members.size < limit
  }

  #joinNew(group: ClassicGroup, request: JoinGroupRequest, answer: JoinAnswer): void {
    const memberId = this.#newMemberId(request)
    if (request.groupInstanceId !== null) {
      const existing = group.staticMemberId(request.groupInstanceId)
      if (existing === undefined) this.#add(group, request, memberId, answer)
      else this.#replaceStatic(group, request, existing, memberId, answer)
      return
    }
    if (!request.requireKnownMemberId) return this.#add(group, request, memberId, answer)
    group.pendingMembers.add(memberId)
    this.#watchSession(group, memberId, request.sessionTimeoutMs)
    answer(joinRefused(refusal('MEMBER_ID_REQUIRED', 'join again with the member id given'), memberId))
  }

  #newMemberId(request: JoinGroupRequest): string {
    const hex = Buffer.from(this.#context.ports.random.bytes(16)).toString('hex')
    const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
    return `${request.groupInstanceId ?? request.clientId}-${uuid}`
  }

  #joinKnown(group: ClassicGroup, request: JoinGroupRequest, answer: JoinAnswer): void {
    const { memberId } = request
    if (group.pendingMembers.has(memberId)) return this.#add(group, request, memberId, answer)
    const refused = identify(group, request)
    if (refused !== null) return answer(joinRefused(refusal(refused), memberId))
    const member = group.members.get(memberId)!
    const unchanged = sameProtocols(member.protocols, request.protocols)
    // Whoever did not get the answer of this generation's join asks again; the leader's new join in a stable group asks for a new assignment.
    const repeats = unchanged && (group.state === 'CompletingRebalance' || (group.state === 'Stable' && group.leader !== memberId))
    if (repeats) return answer(this.#joined(group, member, false))
    this.#answerDisplaced(group, member)
    group.update(member, request.protocols, request.rebalanceTimeoutMs, request.sessionTimeoutMs, answer)
    this.#rebalanceOrComplete(group)
  }

  /** A request that the same member has sent before is still parked: it must not hang for ever. */
  #answerDisplaced(group: ClassicGroup, member: ClassicMember): void {
    group.answerJoin(member, joinRefused(refusal('REBALANCE_IN_PROGRESS', 'the member has sent another join'), member.memberId))
    group.answerSync(member, syncRefused(refusal('REBALANCE_IN_PROGRESS')))
  }

  #add(group: ClassicGroup, request: JoinGroupRequest, memberId: string, join: JoinAnswer): void {
    const { groupInstanceId, clientId, rebalanceTimeoutMs, sessionTimeoutMs, protocols } = request
    const clientHost = hostOf(request)
    if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.newMemberAdded = true
    group.add(
      { memberId, groupInstanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, protocols, assignment: NO_ASSIGNMENT, isNew: true, join, sync: null },
      request.protocolType,
    )
    this.#watchSession(group, memberId, NEW_MEMBER_JOIN_TIMEOUT_MS)
    this.#rebalanceOrComplete(group)
  }

  #joined(group: ClassicGroup, member: ClassicMember, skipAssignment: boolean): JoinGroupResponse {
    const isLeader = group.leader === member.memberId
    return {
      errorCode: NONE, generationId: group.generation, protocolType: group.protocolType, protocolName: group.protocol, leader: group.leader ?? '', skipAssignment,
      memberId: member.memberId,
      members: !isLeader ? [] : [...group.members.values()].map((each) => ({ memberId: each.memberId, groupInstanceId: each.groupInstanceId, metadata: group.metadata(each) })),
    }
  }

  // ---- static members -----------------------------------------------------------------------------------------------------------

  /** A static member came back under its instance id: it takes the place, and the id, of what was there. */
  #replaceStatic(group: ClassicGroup, request: JoinGroupRequest, oldMemberId: string, memberId: string, join: JoinAnswer): void {
    const old = group.members.get(oldMemberId)!
    group.answerJoin(old, joinRefused(refusal('FENCED_INSTANCE_ID'), oldMemberId))
    group.answerSync(old, syncRefused(refusal('FENCED_INSTANCE_ID')))
    this.#deadlines.cancel(sessionName(group, oldMemberId))
    const member = group.replaceStatic(oldMemberId, { memberId, clientId: request.clientId, clientHost: hostOf(request) })
    group.update(member, request.protocols, request.rebalanceTimeoutMs, request.sessionTimeoutMs, join)
    this.#watchSession(group, memberId, member.sessionTimeoutMs)
    this.#context.changed(group.groupId)
    if (group.state === 'Stable' && group.selectProtocol() === group.protocol) return this.#persistReplacement(group, member, old)
    this.#rebalanceOrComplete(group)
  }

  /** In a stable group the assignment stays as it is, and there is no rebalance; only the new id must be in the log. */
  #persistReplacement(group: ClassicGroup, member: ClassicMember, old: ClassicMember): void {
    const { generation } = group
    this.#context.write(group.groupId, [groupMetadataRecord(group.groupId, group.persisted(group.assignments()))]).then(
      () => {
        if (group.state !== 'Stable' || group.generation !== generation) return
        if (group.answerJoin(member, this.#joined(group, member, group.leader === member.memberId))) this.touch(group, member.memberId)
      },
      (error: unknown) => {
        if (group.members.get(member.memberId) !== member) return
        group.answerJoin(member, joinRefused(appendFailure(error), ''))
        this.#deadlines.cancel(sessionName(group, member.memberId))
        const restored = group.replaceStatic(member.memberId, old)
        group.update(restored, old.protocols, old.rebalanceTimeoutMs, old.sessionTimeoutMs, null)
        this.touch(group, restored.memberId)
      },
    )
  }

  // ---- rebalancing --------------------------------------------------------------------------------------------------------------

  #rebalanceOrComplete(group: ClassicGroup): void {
    if (group.state !== 'PreparingRebalance') this.prepareRebalance(group)
    else if (group.previousState !== 'Empty' && group.allJoined) this.#completeJoin(group)
  }

  /** Calls all members to join again. */
  prepareRebalance(group: ClassicGroup): void {
    if (group.state === 'CompletingRebalance') this.#failSyncs(group, refusal('REBALANCE_IN_PROGRESS'))
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
      if (member.join === null && member.groupInstanceId === null) this.#takeOut(group, member)
    }
    if (!group.electJoinedLeader() && group.members.size > 0) {
      this.#deadlines.set(joinName(group), group.rebalanceTimeoutMs, () => this.#completeJoin(group))
      return
    }
    group.newMemberAdded = false
    group.nextGeneration(this.#now())
    if (group.members.size === 0) return this.#persistEmpty(group)
    for (const member of group.members.values()) {
      group.answerJoin(member, this.#joined(group, member, false))
      this.#watchSession(group, member.memberId, member.sessionTimeoutMs)
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
    for (const memberId of group.pendingSync) this.#takeOut(group, group.members.get(memberId)!)
    this.prepareRebalance(group)
  }

  /** Removes a member; its parked requests are answered, so that a live client joins anew. */
  #takeOut(group: ClassicGroup, member: ClassicMember): void {
    group.answerJoin(member, joinRefused(refusal('UNKNOWN_MEMBER_ID'), ''))
    group.answerSync(member, syncRefused(refusal('UNKNOWN_MEMBER_ID')))
    this.#deadlines.cancel(sessionName(group, member.memberId))
    group.remove(member.memberId)
    this.#context.changed(group.groupId)
  }

  #afterRemoval(group: ClassicGroup): void {
    if (group.state === 'Stable' || group.state === 'CompletingRebalance') this.prepareRebalance(group)
    else if (group.state === 'PreparingRebalance' && group.allJoined && (group.previousState !== 'Empty' || group.members.size === 0)) this.#completeJoin(group)
  }

  // ---- sessions -----------------------------------------------------------------------------------------------------------------

  #watchSession(group: ClassicGroup, memberId: string, timeoutMs: number): void {
    this.#deadlines.set(sessionName(group, memberId), timeoutMs, () => this.#expireSession(group, memberId))
  }

  #expireSession(group: ClassicGroup, memberId: string): void {
    if (group.pendingMembers.has(memberId)) {
      group.remove(memberId)
      if (group.state === 'PreparingRebalance' && group.allJoined) this.#afterRemoval(group)
      return
    }
    const member = group.members.get(memberId)
    // Who is parked is alive; only a member that waits in its first join is given up nevertheless.
    if (member === undefined || (!member.isNew && (member.join !== null || member.sync !== null))) return
    this.#context.ports.logger.info('a member of a group was silent for its session timeout and is out', { group: group.groupId, member: memberId })
    this.#takeOut(group, member)
    this.#afterRemoval(group)
  }

  /** A sign of life (a commit, say). */
  touch(group: ClassicGroup, memberId: string): void {
    const member = group.members.get(memberId)
    if (member !== undefined) this.#watchSession(group, memberId, member.sessionTimeoutMs)
  }

  /** After loading: sessions run from now; members of an earlier process are gone, unless they are static. */
  takeOver(group: ClassicGroup): void {
    const before = group.members.size
    group.dropDeadMembers((member) => member.clientHost === IN_PROCESS_HOST && member.groupInstanceId === null, this.#now())
    for (const member of group.members.values()) this.#watchSession(group, member.memberId, member.sessionTimeoutMs)
    const tooMany = group.members.size > this.#settings['group.max.size']
    if (group.members.size > 0 && (group.members.size < before || tooMany)) this.prepareRebalance(group)
  }

  // ---- syncing, heartbeats, leaving ---------------------------------------------------------------------------------------------

  /** Answers through `answer`, now or when the leader's assignment is in the log. */
  sync(request: SyncGroupRequest, answer: SyncAnswer): void {
    const group = this.#context.groups.get(request.groupId)
    const refused = group === undefined ? 'UNKNOWN_MEMBER_ID' : this.#checkSync(group, request)
    if (group === undefined || refused !== null) return answer(syncRefused(refusal(refused ?? 'UNKNOWN_MEMBER_ID')))
    const member = group.members.get(request.memberId)!
    group.pendingSync.delete(member.memberId)
    if (group.pendingSync.size === 0) this.#deadlines.cancel(syncName(group))
    if (group.state === 'Stable') return answer(this.#synced(group, member))
    group.answerSync(member, syncRefused(refusal('REBALANCE_IN_PROGRESS', 'the member has sent another sync')))
    member.sync = answer
    if (group.leader === member.memberId) this.#assign(group, request)
  }

  #checkSync(group: ClassicGroup, request: SyncGroupRequest): ErrorCode | null {
    const refused = identify(group, request)
    if (refused !== null) return refused
    if (request.generationId !== group.generation) return 'ILLEGAL_GENERATION'
    if (request.protocolType !== null && request.protocolType !== group.protocolType) return 'INCONSISTENT_GROUP_PROTOCOL'
    if (request.protocolName !== null && request.protocolName !== group.protocol) return 'INCONSISTENT_GROUP_PROTOCOL'
    return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : group.state === 'Empty' ? 'UNKNOWN_MEMBER_ID' : null
  }

  #synced(group: ClassicGroup, member: ClassicMember): SyncGroupResponse {
    return { errorCode: NONE, protocolType: group.protocolType, protocolName: group.protocol, assignment: member.assignment }
  }

  /** The leader has assigned: once that is in the log, everybody gets their part. */
  #assign(group: ClassicGroup, request: SyncGroupRequest): void {
    const assignments = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment]))
    const { generation } = group
    const isCurrent = (): boolean => group.state === 'CompletingRebalance' && group.generation === generation
    this.#context.write(group.groupId, [groupMetadataRecord(group.groupId, group.persisted(assignments))]).then(
      () => {
        if (!isCurrent()) return
        group.transition('Stable', this.#now())
        for (const member of group.members.values()) {
          member.assignment = assignments.get(member.memberId) ?? NO_ASSIGNMENT
          if (group.answerSync(member, this.#synced(group, member))) this.#watchSession(group, member.memberId, member.sessionTimeoutMs)
        }
      },
      (error: unknown) => {
        if (!isCurrent()) return
        this.#failSyncs(group, appendFailure(error))
        this.prepareRebalance(group)
      },
    )
  }

  #failSyncs(group: ClassicGroup, failure: Failure): void {
    for (const member of group.members.values()) {
      member.assignment = NO_ASSIGNMENT
      if (group.answerSync(member, syncRefused(failure))) this.#watchSession(group, member.memberId, member.sessionTimeoutMs)
    }
  }

  heartbeat(request: HeartbeatRequest): Failure {
    const group = this.#context.groups.get(request.groupId)
    if (group === undefined) return refusal('UNKNOWN_MEMBER_ID')
    const refused = identify(group, request)
    if (refused !== null) return refusal(refused)
    if (request.generationId !== group.generation) return refusal('ILLEGAL_GENERATION')
    this.touch(group, request.memberId)
    return group.state === 'PreparingRebalance' ? refusal('REBALANCE_IN_PROGRESS') : OK
  }

  leave(request: LeaveGroupRequest): LeaveGroupResponse {
    const group = this.#context.groups.get(request.groupId)
    const before = group?.members.size ?? 0
    const members = request.members.map(({ memberId, groupInstanceId }) => {
      const refused = group === undefined ? 'UNKNOWN_MEMBER_ID' : this.#leave(group, memberId, groupInstanceId)
      return { ...(refused === null ? OK : refusal(refused)), memberId, groupInstanceId }
    })
    if (group !== undefined && (group.members.size < before || group.state === 'PreparingRebalance')) this.#afterRemoval(group)
    return { ...OK, members }
  }

  #leave(group: ClassicGroup, memberId: string, groupInstanceId: string | null): ErrorCode | null {
    if (group.pendingMembers.has(memberId)) {
      this.#deadlines.cancel(sessionName(group, memberId))
      group.remove(memberId)
      return null
    }
    // Without a member id an administrator removes a static member.
    const leaving = memberId === '' && groupInstanceId !== null ? group.staticMemberId(groupInstanceId) ?? '' : memberId
    const refused = identify(group, { memberId: leaving, groupInstanceId })
    if (refused === null) this.#takeOut(group, group.members.get(leaving)!)
    return refused
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

/** Null: `memberId` is a member, and the one that holds the instance id if one is given. */
export function identify(group: ClassicGroup, { memberId, groupInstanceId }: Pick<GroupMemberIdentity, 'memberId' | 'groupInstanceId'>): ErrorCode | null {
  if (groupInstanceId !== null) {
    const holder = group.staticMemberId(groupInstanceId)
    if (holder === undefined) return 'UNKNOWN_MEMBER_ID'
    if (holder !== memberId) return 'FENCED_INSTANCE_ID'
  }
  return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID'
}

function hostOf(request: JoinGroupRequest): string { return request.inProcess === true ? IN_PROCESS_HOST : request.clientHost }

function sessionName(group: ClassicGroup, memberId: string): string { return JSON.stringify(['session', group.groupId, memberId]) }
function joinName(group: ClassicGroup): string { return JSON.stringify(['join', group.groupId]) }
function syncName(group: ClassicGroup): string { return JSON.stringify(['sync', group.groupId]) }
