/** A classic group coordinator in plain memory, as small as the client's tests allow: join barrier, generations, fencing, offsets. */
import type { Scheduler, Timer } from '../../src/common/scheduler.ts'
import type {
  Failure, GroupMemberIdentity, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, OffsetCommitRequest,
  OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse,
} from '../../src/protocol/broker-api.ts'

interface Member {
  id: string; request: JoinGroupRequest; session: Timer | null
  join: ((response: JoinGroupResponse) => void) | null; sync: ((response: SyncGroupResponse) => void) | null; assignment: Uint8Array
}
interface Committed { offset: number; leaderEpoch: number; metadata: string }

export interface FakeGroup {
  state: 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'
  generation: number; leader: string; protocol: string; barrier: Timer | null
  readonly members: Map<string, Member>; readonly offsets: Map<string, Committed>; readonly watchers: Set<() => void>
}

const NO_BYTES = new Uint8Array(0)

function refusedJoin(errorCode: number, memberId: string): JoinGroupResponse {
  return { errorCode, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId, members: [] }
}

export class FakeGroups {
  readonly #scheduler: Scheduler
  readonly groups: Map<string, FakeGroup> = new Map()
  /** Every commit taken, in order. */
  readonly commits: { group: string; topic: string; partition: number; offset: number }[] = []
  #memberCount = 0

  constructor(scheduler: Scheduler) { this.#scheduler = scheduler }

  group(id: string): FakeGroup {
    let group = this.groups.get(id)
    if (group === undefined) {
      group = { state: 'Empty', generation: 0, leader: '', protocol: '', barrier: null, members: new Map(), offsets: new Map(), watchers: new Set() }
      this.groups.set(id, group)
    }
    return group
  }

  joinGroup(request: JoinGroupRequest): Promise<JoinGroupResponse> {
    const group = this.group(request.groupId)
    if (request.memberId !== '' && !group.members.has(request.memberId)) return Promise.resolve(refusedJoin(25, request.memberId))
    let id = request.memberId
    if (id === '') {
      const old = request.groupInstanceId === null ? undefined
        : [...group.members.values()].find((member) => member.request.groupInstanceId === request.groupInstanceId)
      id = `${request.clientId || 'member'}-${++this.#memberCount}`
      if (old !== undefined) {
        group.members.delete(old.id)
        if (group.leader === old.id) group.leader = id
        old.session?.cancel()
        old.join?.(refusedJoin(82, old.id))
        const member: Member = { ...old, id, request, join: null, sync: null }
        group.members.set(id, member)
        if (group.state === 'Stable') {
          this.#heard(group, member, request.sessionTimeoutMs)
          return Promise.resolve({ errorCode: 0, generationId: group.generation, protocolType: 'consumer', protocolName: group.protocol,
            leader: group.leader, skipAssignment: group.leader === id, memberId: id, members: [] })
        }
      }
    }
    return new Promise((resolve) => {
      const member = group.members.get(id) ?? { id, request, session: null, join: null, sync: null, assignment: NO_BYTES }
      member.request = request
      member.join = resolve
      group.members.set(id, member)
      this.rebalance(group)
    })
  }

  /** Starts a rebalance, or completes it when all have joined. */
  rebalance(group: FakeGroup): void {
    if (group.state !== 'PreparingRebalance') {
      group.state = 'PreparingRebalance'
      for (const member of group.members.values()) {
        member.sync?.({ errorCode: 27, protocolType: null, protocolName: null, assignment: NO_BYTES })
        member.sync = null
      }
      const timeoutMs = Math.max(0, ...[...group.members.values()].map((member) => member.request.rebalanceTimeoutMs))
      group.barrier = this.#scheduler.after(timeoutMs, () => {
        for (const member of group.members.values()) if (member.join === null) this.#remove(group, member)
        this.#complete(group)
      })
      for (const watcher of group.watchers) this.#scheduler.soon(watcher)
    }
    this.#scheduler.soon(() => { if (group.state === 'PreparingRebalance'
      && [...group.members.values()].every((member) => member.join !== null)) this.#complete(group) })
  }

  #complete(group: FakeGroup): void {
    group.barrier?.cancel()
    group.barrier = null
    group.generation++
    const members = [...group.members.values()]
    if (members.length === 0) {
      group.state = 'Empty'
      return
    }
    group.state = 'CompletingRebalance'
    if (!group.members.has(group.leader)) group.leader = members[0]!.id
    const common = members[0]!.request.protocols.map((protocol) => protocol.name).filter((name) =>
      members.every((member) => member.request.protocols.some((protocol) => protocol.name === name)))
    group.protocol = common[0] ?? ''
    for (const member of members) {
      const join = member.join!
      member.join = null
      this.#heard(group, member, member.request.sessionTimeoutMs)
      if (group.protocol === '') {
        join({ errorCode: 23, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: member.id, members: [] })
        continue
      }
      join({
        errorCode: 0, generationId: group.generation, protocolType: 'consumer', protocolName: group.protocol, leader: group.leader, skipAssignment: false,
          memberId: member.id,
        members: member.id !== group.leader ? [] : members.map((each) =>
          ({ memberId: each.id, groupInstanceId: each.request.groupInstanceId,
          metadata: each.request.protocols.find((protocol) => protocol.name === group.protocol)!.metadata })),
      })
    }
  }

  #heard(group: FakeGroup, member: Member, timeoutMs: number): void {
    member.session?.cancel()
    member.session = this.#scheduler.after(timeoutMs, () => this.expire(group, member.id))
  }

  /** Removes a member as its session timeout would. */
  expire(group: FakeGroup, memberId: string): void {
    const member = group.members.get(memberId)
    if (member === undefined) return
    this.#remove(group, member)
    this.#shrunk(group)
  }

  #remove(group: FakeGroup, member: Member): void {
    member.session?.cancel()
    group.members.delete(member.id)
    member.join?.(refusedJoin(25, member.id))
    member.sync?.({ errorCode: 25, protocolType: null, protocolName: null, assignment: NO_BYTES })
    member.join = null
    member.sync = null
  }

  #shrunk(group: FakeGroup): void {
    if (group.members.size === 0) {
      group.state = 'Empty'
      group.generation++
      for (const watcher of group.watchers) this.#scheduler.soon(watcher)
    } else this.rebalance(group)
  }

  syncGroup(request: SyncGroupRequest): Promise<SyncGroupResponse> {
    const group = this.group(request.groupId)
    const answer = (errorCode: number, assignment: Uint8Array = NO_BYTES): SyncGroupResponse =>
      ({ errorCode, protocolType: 'consumer', protocolName: group.protocol, assignment })
    const error = this.#check(group, request, request.generationId)
    if (error !== 0) return Promise.resolve(answer(error))
    const member = group.members.get(request.memberId)!
    if (group.state === 'PreparingRebalance') return Promise.resolve(answer(27))
    if (group.state === 'Stable') return Promise.resolve(answer(0, member.assignment))
    return new Promise((resolve) => {
      member.sync = resolve
      if (member.id !== group.leader) return
      for (const each of group.members.values()) each.assignment = request.assignments.find((assignment) =>
        assignment.memberId === each.id)?.assignment ?? NO_BYTES
      group.state = 'Stable'
      for (const each of group.members.values()) {
        each.sync?.(answer(0, each.assignment))
        each.sync = null
      }
    })
  }

  #check(group: FakeGroup, request: GroupMemberIdentity, generationId: number): number {
    const member = group.members.get(request.memberId)
    if (member === undefined) return request.groupInstanceId !== null
      && [...group.members.values()].some((each) => each.request.groupInstanceId === request.groupInstanceId) ? 82 : 25
    return generationId === group.generation ? 0 : 22
  }

  heartbeat(request: HeartbeatRequest): Promise<Failure> {
    const group = this.group(request.groupId)
    const error = this.#check(group, request, request.generationId)
    if (error !== 0) return Promise.resolve({ errorCode: error })
    const member = group.members.get(request.memberId)!
    this.#heard(group, member, member.request.sessionTimeoutMs)
    return Promise.resolve({ errorCode: group.state === 'PreparingRebalance' ? 27 : 0 })
  }

  leaveGroup(request: LeaveGroupRequest): Promise<LeaveGroupResponse> {
    const group = this.group(request.groupId)
    const members = request.members.map(({ memberId, groupInstanceId }) => {
      const member = group.members.get(memberId)
      if (member !== undefined) this.#remove(group, member)
      return { memberId, groupInstanceId, errorCode: member === undefined ? 25 : 0 }
    })
    this.#shrunk(group)
    return Promise.resolve({ errorCode: 0, members })
  }

  offsetCommit(request: OffsetCommitRequest): Promise<OffsetCommitResponse> {
    const group = this.group(request.groupId)
    let errorCode = 0
    if (request.generationId >= 0) {
      errorCode = this.#check(group, request, request.generationId)
      if (errorCode === 0 && group.state === 'CompletingRebalance') errorCode = 27
    } else if (group.members.size > 0) errorCode = 25
    if (errorCode === 0) {
      for (const { topic, partition, committedOffset, committedLeaderEpoch, committedMetadata } of request.partitions) {
        group.offsets.set(`${topic}-${partition}`, { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: committedMetadata ?? '' })
        this.commits.push({ group: request.groupId, topic, partition, offset: committedOffset })
      }
    }
    return Promise.resolve({ partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, errorCode })) })
  }

  offsetFetch(request: OffsetFetchRequest): Promise<OffsetFetchResponse> {
    const { offsets } = this.group(request.groupId)
    const asked = request.partitions ?? [...offsets.keys()].map((key) =>
      ({ topic: key.slice(0, key.lastIndexOf('-')), partition: Number(key.slice(key.lastIndexOf('-') + 1)) }))
    return Promise.resolve({
      errorCode: 0,
      partitions: asked.map(({ topic, partition }) => {
        const found = offsets.get(`${topic}-${partition}`)
        return { topic, partition, errorCode: 0, committedOffset: found?.offset ?? -1, committedLeaderEpoch: found?.leaderEpoch ?? -1,
          metadata: found?.metadata ?? '' }
      }),
    })
  }

  committed(group: string, topic: string, partition: number): number | undefined { return this.group(group).offsets.get(`${topic}-${partition}`)?.offset }

  watchGroup(groupId: string, listener: () => void): () => void {
    const { watchers } = this.group(groupId)
    watchers.add(listener)
    return () => { watchers.delete(listener) }
  }
}
