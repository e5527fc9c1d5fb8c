/**
 * The requests of the classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup (spec/wire-protocol 4.2–4.4, as Kafka 4.1's
 * coordinator). Checks who asks, parks requests in `ClassicGroup`, and leaves the rebalance itself to `group-rebalances.ts`.
 *
 * A follower is answered only when the leader's assignment is in the log; so is a static member that gets another id.
 */
import type { ErrorCode } from '../common/errors.ts'
import {
  NONE, type Failure, type GroupMemberIdentity, type HeartbeatRequest, type JoinGroupRequest, type JoinGroupResponse, type LeaveGroupRequest,
  type LeaveGroupResponse, type SyncGroupRequest, type SyncGroupResponse,
} from '../protocol/broker-api.ts'
import { ClassicGroup, NO_ASSIGNMENT, sameProtocols, type ClassicMember } from './classic-group.ts'
import { IN_PROCESS_HOST, type GroupRebalances, type MembershipContext, type MembershipSettings } from './group-rebalances.ts'
import { groupMetadataRecord } from './offsets-records.ts'
import { appendFailure, joinRefused, OK, refusal, syncRefused } from './responses.ts'

/** A member that waits in its first join cannot heartbeat; it is given up after this. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000

type JoinAnswer = (response: JoinGroupResponse) => void
type SyncAnswer = (response: SyncGroupResponse) => void

export class GroupMembership {
  readonly #context: MembershipContext
  readonly #settings: MembershipSettings
  readonly #rebalances: GroupRebalances

  constructor(context: MembershipContext, rebalances: GroupRebalances) {
    this.#context = context
    this.#settings = context.settings
    this.#rebalances = rebalances
  }

  // ---- joining ----

  /** Answers through `answer`, now or when the rebalance is over. */
  join(request: JoinGroupRequest, answer: JoinAnswer): void {
    const { groupId, memberId, sessionTimeoutMs } = request
    const least = this.#settings['group.min.session.timeout.ms']
    const most = this.#settings['group.max.session.timeout.ms']
    if (sessionTimeoutMs < least || sessionTimeoutMs > most) {
      return answer(joinRefused(refusal('INVALID_SESSION_TIMEOUT', `session.timeout.ms ${sessionTimeoutMs} is not between ${least} and ${most}`), memberId))
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
    this.#rebalances.watchSession(group, memberId, request.sessionTimeoutMs)
    answer(joinRefused(refusal('MEMBER_ID_REQUIRED', 'join again with the member id given'), memberId))
  }

  #newMemberId(request: JoinGroupRequest): string {
    const hex = Buffer.from(this.#context.ports.random.bytes(16)).toString('hex')
    const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
    return `${request.groupInstanceId ?? request.clientId}-${uuid}`
  }

  #joinKnown(group: ClassicGroup, request: JoinGroupRequest, answer: JoinAnswer): void {
    const { memberId, groupInstanceId } = request
    // Ids are told in advance to dynamic members only: with one nobody may take an instance id.
    if (groupInstanceId === null && group.pendingMembers.has(memberId)) return this.#add(group, request, memberId, answer)
    const refused = identify(group, request)
    if (refused !== null) return answer(joinRefused(refusal(refused), memberId))
    const member = group.members.get(memberId)!
    const unchanged = sameProtocols(member.protocols, request.protocols)
    // Whoever did not get the answer of this generation's join asks again; the leader's join in a stable group asks for a new assignment.
    const repeats = unchanged && (group.state === 'CompletingRebalance' || (group.state === 'Stable' && group.leader !== memberId))
    if (repeats) return answer(this.#rebalances.joined(group, member, false))
    this.#answerDisplaced(group, member)
    group.update(member, request.protocols, request.rebalanceTimeoutMs, request.sessionTimeoutMs, answer)
    this.#rebalances.rebalanceOrComplete(group)
  }

  /** A request that the same member has sent before is still parked: it must not hang for ever. */
  #answerDisplaced(group: ClassicGroup, member: ClassicMember): void {
    group.answerJoin(member, joinRefused(refusal('REBALANCE_IN_PROGRESS', 'the member has sent another join'), member.memberId))
    group.answerSync(member, syncRefused(refusal('REBALANCE_IN_PROGRESS')))
  }

  #add(group: ClassicGroup, request: JoinGroupRequest, memberId: string, join: JoinAnswer): void {
    const { groupInstanceId, clientId, rebalanceTimeoutMs, sessionTimeoutMs, protocols } = request
    if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.newMemberAdded = true
    group.add({
      memberId, groupInstanceId, clientId, clientHost: hostOf(request), rebalanceTimeoutMs, sessionTimeoutMs, protocols, assignment: NO_ASSIGNMENT,
      isNew: true, join, sync: null,
    }, request.protocolType)
    this.#rebalances.watchSession(group, memberId, NEW_MEMBER_JOIN_TIMEOUT_MS)
    this.#rebalances.rebalanceOrComplete(group)
  }

  // ---- static members ----

  /** A static member came back under its instance id: it takes the place, and the id, of what was there. */
  #replaceStatic(group: ClassicGroup, request: JoinGroupRequest, oldMemberId: string, memberId: string, join: JoinAnswer): void {
    const old = group.members.get(oldMemberId)!
    group.answerJoin(old, joinRefused(refusal('FENCED_INSTANCE_ID'), oldMemberId))
    group.answerSync(old, syncRefused(refusal('FENCED_INSTANCE_ID')))
    this.#rebalances.endSession(group, oldMemberId)
    const member = group.replaceStatic(oldMemberId, { memberId, clientId: request.clientId, clientHost: hostOf(request) })
    group.update(member, request.protocols, request.rebalanceTimeoutMs, request.sessionTimeoutMs, join)
    this.#rebalances.watchSession(group, memberId, member.sessionTimeoutMs)
    this.#context.changed(group.groupId)
    const canSkip = request.canSkipAssignment !== false
    if (group.state === 'Stable' && group.selectProtocol() === group.protocol) return this.#persistReplacement(group, member, old, canSkip)
    this.#rebalances.rebalanceOrComplete(group)
  }

  /** In a stable group the assignment stays as it is, and there is no rebalance; only the new id must be in the log. */
  #persistReplacement(group: ClassicGroup, member: ClassicMember, old: ClassicMember, canSkip: boolean): void {
    const { generation } = group
    this.#context.write(group.groupId, [groupMetadataRecord(group.groupId, group.persisted(group.assignments()))]).then(
      () => {
        if (group.state !== 'Stable' || group.generation !== generation) return
        const isLeader = group.leader === member.memberId
        const joined = this.#rebalances.joined(group, member, canSkip && isLeader)
        const answer = canSkip || !isLeader ? joined : { ...joined, leader: old.memberId, members: [] }
        if (group.answerJoin(member, answer)) this.#rebalances.touch(group, member.memberId)
      },
      (error: unknown) => {
        if (group.members.get(member.memberId) !== member) return
        group.answerJoin(member, joinRefused(appendFailure(error), ''))
        this.#rebalances.endSession(group, member.memberId)
        const restored = group.replaceStatic(member.memberId, old)
        group.update(restored, old.protocols, old.rebalanceTimeoutMs, old.sessionTimeoutMs, null)
        this.#rebalances.touch(group, restored.memberId)
      },
    )
  }

  // ---- syncing, heartbeats, leaving ----

  /** Answers through `answer`, now or when the leader's assignment is in the log. */
  sync(request: SyncGroupRequest, answer: SyncAnswer): void {
    const group = this.#context.groups.get(request.groupId)
    const refused = group === undefined ? 'UNKNOWN_MEMBER_ID' : this.#checkSync(group, request)
    if (group === undefined || refused !== null) return answer(syncRefused(refusal(refused ?? 'UNKNOWN_MEMBER_ID')))
    const member = group.members.get(request.memberId)!
    this.#rebalances.hasSynced(group, member.memberId)
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
          if (group.answerSync(member, this.#synced(group, member))) this.#rebalances.touch(group, member.memberId)
        }
      },
      (error: unknown) => {
        if (!isCurrent()) return
        this.#rebalances.failSyncs(group, appendFailure(error))
        this.#rebalances.prepareRebalance(group)
      },
    )
  }

  heartbeat(request: HeartbeatRequest): Failure {
    const group = this.#context.groups.get(request.groupId)
    if (group === undefined) return refusal('UNKNOWN_MEMBER_ID')
    const refused = identify(group, request)
    if (refused !== null) return refusal(refused)
    if (request.generationId !== group.generation) return refusal('ILLEGAL_GENERATION')
    this.#rebalances.touch(group, request.memberId)
    return group.state === 'PreparingRebalance' ? refusal('REBALANCE_IN_PROGRESS') : OK
  }

  leave(request: LeaveGroupRequest): LeaveGroupResponse {
    const group = this.#context.groups.get(request.groupId)
    const before = group?.members.size ?? 0
    const members = request.members.map(({ memberId, groupInstanceId }) => {
      const refused = group === undefined ? 'UNKNOWN_MEMBER_ID' : this.#leave(group, memberId, groupInstanceId)
      return { ...(refused === null ? OK : refusal(refused)), memberId, groupInstanceId }
    })
    if (group !== undefined && (group.members.size < before || group.state === 'PreparingRebalance')) this.#rebalances.afterRemoval(group)
    return { ...OK, members }
  }

  #leave(group: ClassicGroup, memberId: string, groupInstanceId: string | null): ErrorCode | null {
    if (group.pendingMembers.has(memberId)) {
      this.#rebalances.endSession(group, memberId)
      group.remove(memberId)
      return null
    }
    // Without a member id an administrator removes a static member.
    const leaving = memberId === '' && groupInstanceId !== null ? group.staticMemberId(groupInstanceId) ?? '' : memberId
    const refused = identify(group, { memberId: leaving, groupInstanceId })
    if (refused === null) this.#rebalances.takeOut(group, group.members.get(leaving)!)
    return refused
  }
}

/** Null: `memberId` is a member, and the one that holds the instance id if one is given. */
export function identify(group: ClassicGroup, who: Pick<GroupMemberIdentity, 'memberId' | 'groupInstanceId'>): ErrorCode | null {
  const { memberId, groupInstanceId } = who
  if (groupInstanceId !== null) {
    const holder = group.staticMemberId(groupInstanceId)
    if (holder === undefined) return 'UNKNOWN_MEMBER_ID'
    if (holder !== memberId) return 'FENCED_INSTANCE_ID'
  }
  return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID'
}

function hostOf(request: JoinGroupRequest): string { return request.inProcess === true ? IN_PROCESS_HOST : request.clientHost }
