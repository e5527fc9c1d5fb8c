/**
 * State of one group of the classic protocol (spec/wire-protocol 4): members, leader, generation, choice of protocol. Pure: no clock, no
 * timer, no log; whoever drives it (`group-membership.ts`) passes times in and keeps the timers.
 *
 * Invariants: a group with members has exactly one leader, and it is a member; `awaitingJoin` equals the number of members with a parked
 * join; the generation never goes back; in CompletingRebalance and Stable a protocol that every member supports is chosen.
 *
 *   Empty → PreparingRebalance → CompletingRebalance → Stable → PreparingRebalance …; PreparingRebalance → Empty when the last member is gone
 */
import type { JoinGroupResponse, SyncGroupResponse } from '../protocol/broker-api.ts'
import { javaOrder } from '../protocol/java-order.ts'
import { topicsOfSubscriptions, type PersistedGroup } from './offsets-records.ts'

export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface Protocol { readonly name: string; readonly metadata: Uint8Array }

export interface ClassicMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  /** In order of preference. */
  protocols: readonly Protocol[]
  assignment: Uint8Array
  /** Has not been through a whole rebalance yet. */
  isNew: boolean
  join: ((response: JoinGroupResponse) => void) | null
  sync: ((response: SyncGroupResponse) => void) | null
}

export const NO_ASSIGNMENT: Uint8Array = new Uint8Array(0)

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The same protocols in the same order with the same bytes. */
export function sameProtocols(a: readonly Protocol[], b: readonly Protocol[]): boolean {
  return a.length === b.length && a.every((protocol, index) => protocol.name === b[index]!.name && sameBytes(protocol.metadata, b[index]!.metadata))
}

export class ClassicGroup {
  readonly groupId: string
  readonly members: Map<string, ClassicMember> = new Map()
  /** Ids handed out with MEMBER_ID_REQUIRED whose owners have not come back yet. */
  readonly pendingMembers: Set<string> = new Set()
  /** Members that have not asked for their assignment since the last join. */
  readonly pendingSync: Set<string> = new Set()
  /** Somebody joined since the initial rebalance was last put off. */
  newMemberAdded = false
  /** What the log says of the group: nothing, something out of date (it shows members that are gone), or how it is. */
  logged: 'no' | 'stale' | 'yes' = 'no'
  readonly #staticMembers = new Map<string, string>()
  #state: ClassicState = 'Empty'
  #previousState: ClassicState = 'Empty'
  #stateTimestampMs: number
  #generation = 0
  #protocolType: string | null = null
  #protocol: string | null = null
  #leader: string | null = null
  #awaitingJoin = 0
  #subscribedTopics: ReadonlySet<string> | null = null

  constructor(groupId: string, nowMs: number) {
    this.groupId = groupId
    this.#stateTimestampMs = nowMs
  }

  /** The group as its record in the log says it was: Stable, or Empty when it has no members. */
  static restore(groupId: string, persisted: PersistedGroup): ClassicGroup {
    const group = new ClassicGroup(groupId, persisted.stateTimestampMs)
    group.logged = 'yes'
    group.#protocolType = persisted.protocolType
    group.#generation = persisted.generation
    group.#protocol = persisted.protocol
    for (const { memberId, groupInstanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, subscription, assignment } of persisted.members) {
      group.members.set(memberId, {
        memberId, groupInstanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, assignment,
        protocols: [{ name: persisted.protocol ?? '', metadata: subscription }], isNew: false, join: null, sync: null,
      })
      if (groupInstanceId !== null) group.#staticMembers.set(groupInstanceId, memberId)
    }
    if (group.members.size > 0) group.#state = group.#previousState = 'Stable'
    group.#leader = persisted.leader !== null && group.members.has(persisted.leader) ? persisted.leader : group.#firstMember()
    group.#subscribedTopics = group.#topics()
    return group
  }

  get state(): ClassicState { return this.#state }
  get previousState(): ClassicState { return this.#previousState }
  /** Wall clock at the last change of state; −1: not known. */
  get stateTimestampMs(): number { return this.#stateTimestampMs }
  get generation(): number { return this.#generation }
  /** Null: a group that only commits offsets. */
  get protocolType(): string | null { return this.#protocolType }
  get protocol(): string | null { return this.#protocol }
  get leader(): string | null { return this.#leader }
  get awaitingJoin(): number { return this.#awaitingJoin }
  get isEmpty(): boolean { return this.#state === 'Empty' }
  /** Null: not known. */
  get subscribedTopics(): ReadonlySet<string> | null { return this.#subscribedTopics }

  /** Whether a member may be reading the topic. */
  isSubscribedTo(topic: string): boolean { return this.#subscribedTopics?.has(topic) ?? this.#protocolType === 'consumer' }
  staticMemberId(groupInstanceId: string): string | undefined { return this.#staticMembers.get(groupInstanceId) }
  /** The longest of all members. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }
  get allJoined(): boolean { return this.members.size === this.#awaitingJoin && this.pendingMembers.size === 0 }

  #firstMember(): string | null { return this.members.keys().next().value ?? null }

  #supporters(protocol: string): number {
    let count = 0
    for (const member of this.members.values()) if (member.protocols.some(({ name }) => name === protocol)) count++
    return count
  }

  /** Whether somebody with these protocols can be a member: one of them is everybody's. */
  supports(protocolType: string, protocols: readonly Protocol[]): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0
    return this.#protocolType === protocolType && protocols.some(({ name }) => this.#supporters(name) === this.members.size)
  }

  /** Adds a member that waits for its join to be answered. */
  add(member: ClassicMember, protocolType: string): void {
    if (this.members.size === 0) this.#protocolType = protocolType
    this.#leader ??= member.memberId
    this.members.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.#staticMembers.set(member.groupInstanceId, member.memberId)
    if (member.join !== null) this.#awaitingJoin++
    this.pendingMembers.delete(member.memberId)
  }

  /** Takes a member, or a pending member id, out. Its parked requests must have been answered. */
  remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (member !== undefined) {
      this.members.delete(memberId)
      if (member.join !== null) this.#awaitingJoin--
      if (member.groupInstanceId !== null) this.#staticMembers.delete(member.groupInstanceId)
    }
    if (this.#leader === memberId) this.#leader = this.#firstMember()
    this.pendingMembers.delete(memberId)
    this.pendingSync.delete(memberId)
  }

  /** Takes up what a member says anew when it joins again, and parks it. */
  update(member: ClassicMember, protocols: readonly Protocol[], rebalanceTimeoutMs: number, sessionTimeoutMs: number, join: ClassicMember['join']): void {
    member.protocols = protocols
    member.rebalanceTimeoutMs = rebalanceTimeoutMs
    member.sessionTimeoutMs = sessionTimeoutMs
    if (join !== null && member.join === null) this.#awaitingJoin++
    if (join === null && member.join !== null) this.#awaitingJoin--
    member.join = join
  }

  /** Gives a static member another id and client; the rest stays, but who came back is new no longer. Requests parked under the old id must have been answered. */
  replaceStatic(oldMemberId: string, { memberId, clientId, clientHost }: Pick<ClassicMember, 'memberId' | 'clientId' | 'clientHost'>): ClassicMember {
    const old = this.members.get(oldMemberId)!
    const member: ClassicMember = { ...old, memberId, clientId, clientHost, isNew: false }
    this.members.delete(oldMemberId)
    this.members.set(memberId, member)
    this.#staticMembers.set(old.groupInstanceId!, memberId)
    if (this.#leader === oldMemberId) this.#leader = memberId
    if (this.pendingSync.delete(oldMemberId)) this.pendingSync.add(memberId)
    return member
  }

  /** Answers a parked join, if there is one. */
  answerJoin(member: ClassicMember, response: JoinGroupResponse): boolean {
    const { join } = member
    if (join === null) return false
    member.join = null
    this.#awaitingJoin--
    join(response)
    return true
  }

  /** Answers a parked sync, if there is one. */
  answerSync(member: ClassicMember, response: SyncGroupResponse): boolean {
    const { sync } = member
    if (sync === null) return false
    member.sync = null
    sync(response)
    return true
  }

  /** Keeps the leader if it has rejoined, else makes the first that has the leader. False when nobody has. */
  electJoinedLeader(): boolean {
    if (this.#leader === null) return false
    if (this.members.get(this.#leader)?.join != null) return true
    for (const member of this.members.values()) {
      if (member.join === null) continue
      this.#leader = member.memberId
      return true
    }
    return false
  }

  /** Each member votes for the first of its protocols that all support; most votes win, on a tie what Java's map of them lists first. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const vote = member.protocols.find(({ name }) => this.#supporters(name) === this.members.size)
      if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    let selected = ''
    for (const name of javaOrder(votes.keys())) if (votes.get(name)! > (votes.get(selected) ?? 0)) selected = name
    return selected
  }

  transition(state: ClassicState, nowMs: number): void {
    this.#previousState = this.#state
    this.#state = state
    this.#stateTimestampMs = nowMs
  }

  /** Closes the joining: everybody present is of the next generation. */
  nextGeneration(nowMs: number): void {
    this.#generation++
    this.#protocol = this.members.size === 0 ? null : this.selectProtocol()
    this.#subscribedTopics = this.#topics()
    this.transition(this.members.size === 0 ? 'Empty' : 'CompletingRebalance', nowMs)
    this.pendingSync.clear()
  }

  #topics(): ReadonlySet<string> | null {
    if (this.members.size > 0 && this.#protocol === null) return null
    return topicsOfSubscriptions(this.#protocolType, [...this.members.values()].map((member) => this.metadata(member)))
  }

  /** What a member said for the chosen protocol. */
  metadata(member: ClassicMember): Uint8Array {
    return member.protocols.find(({ name }) => name === this.#protocol)?.metadata ?? NO_ASSIGNMENT
  }

  /**
   * Forgets members that cannot be alive, right after loading. The group becomes Empty as of `nowMs` when none is left; the log still
   * shows them, so that it is `stale`.
   */
  dropDeadMembers(isDead: (member: ClassicMember) => boolean, nowMs: number): void {
    for (const member of this.members.values()) if (isDead(member)) this.remove(member.memberId)
    this.#subscribedTopics = this.#topics()
    if (this.members.size > 0 || this.#state === 'Empty') return
    this.#protocol = null
    this.#subscribedTopics = this.#topics()
    this.transition('Empty', nowMs)
    this.logged = 'stale'
  }

  /** What the log should say of the group, with these assignments (member id → bytes; absent = none). */
  persisted(assignments: ReadonlyMap<string, Uint8Array>): PersistedGroup {
    return {
      protocolType: this.#protocolType, generation: this.#generation, protocol: this.#protocol, leader: this.#leader, stateTimestampMs: this.#stateTimestampMs,
      members: [...this.members.values()].map((member) => ({
        memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId, clientHost: member.clientHost,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs, sessionTimeoutMs: member.sessionTimeoutMs,
        subscription: this.metadata(member), assignment: assignments.get(member.memberId) ?? NO_ASSIGNMENT,
      })),
    }
  }

  assignments(): Map<string, Uint8Array> {
    return new Map([...this.members.values()].map((member) => [member.memberId, member.assignment]))
  }
}
