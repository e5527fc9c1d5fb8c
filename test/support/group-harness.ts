/** A group coordinator on a log in memory, on hand-driven time; it can be reopened on the same log, and its appends made to fail or wait. */
import { OttlaError } from '../../src/common/errors.ts'
import { GroupCoordinator, type GroupCoordinatorOptions, type GroupSettings } from '../../src/coordinator/group-coordinator.ts'
import type { OffsetsLog } from '../../src/coordinator/offsets-log.ts'
import { decodeGroupRecord, type KnownRecord } from '../../src/coordinator/record-codec.ts'
import type { JoinGroupRequest, JoinGroupResponse, LeaveGroupResponse, SyncGroupResponse } from '../../src/protocol/broker-api.ts'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { patchBatch, readBatchHeader, viewOf } from '../../src/record/batch-format.ts'
import { RecordCursor } from '../../src/record/record-cursor.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'

export class MemoryOffsetsLog implements OffsetsLog {
  batches: { baseOffset: number; bytes: Uint8Array }[] = []
  highWatermark = 0
  logStartOffset = 0
  /** What the next appends end with; null = they succeed. */
  failure: OttlaError | null = null
  /** Held appends wait for `release`. */
  held: (() => void)[] | null = null
  /** Offsets that cannot be read. */
  unreadable: Set<number> = new Set()

  async append(records: Uint8Array): Promise<{ baseOffset: number }> {
    if (this.held !== null) await new Promise<void>((resolve) => { this.held!.push(resolve) })
    if (this.failure !== null) throw this.failure
    const bytes = new Uint8Array(records)
    patchBatch(viewOf(bytes), 0, this.highWatermark, 0)
    return this.put(bytes)
  }

  put(bytes: Uint8Array): { baseOffset: number } {
    const header = readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)
    this.batches.push({ baseOffset: header.baseOffset, bytes })
    this.highWatermark = header.nextOffset
    return { baseOffset: header.baseOffset }
  }

  release(): void {
    const held = this.held ?? []
    this.held = null
    for (const go of held) go()
  }

  async read(offset: number, { maxBytes }: { maxBytes: number }): Promise<{ records: Uint8Array }> {
    if (this.unreadable.has(offset)) throw new OttlaError('LOG_CORRUPT', 'bits have rotted', { offset })
    const parts: Uint8Array[] = []
    let size = 0
    for (const { bytes } of this.batches) {
      if (readBatchHeader(bytes, viewOf(bytes), 0, bytes.length).nextOffset <= offset) continue
      if (parts.length > 0 && size + bytes.length > maxBytes) break
      parts.push(bytes)
      size += bytes.length
    }
    return { records: new Uint8Array(Buffer.concat(parts)) }
  }

  records(): KnownRecord[] {
    const cursor = new RecordCursor()
    const list: KnownRecord[] = []
    for (const { bytes } of this.batches) {
      if (cursor.reset(bytes, 0, bytes.length).isControl) continue
      while (cursor.next()) list.push(decodeGroupRecord(new Uint8Array(cursor.key()!), cursor.value()) as KnownRecord)
    }
    return list
  }
}

export const groupSettings: GroupSettings = {
  'offsets.topic.num.partitions': 1, 'offsets.retention.minutes': 10_080, 'offsets.retention.check.interval.ms': 600_000, 'offset.metadata.max.bytes': 4096,
  'offsets.load.buffer.size': 4096, 'group.min.session.timeout.ms': 6000, 'group.max.session.timeout.ms': 1_800_000, 'group.initial.rebalance.delay.ms': 0,
  'group.max.size': 100,
}

export class GroupHarness {
  readonly scheduler: ManualScheduler = new ManualScheduler()
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly random: SeededRandom
  readonly settings: GroupSettings
  logs: MemoryOffsetsLog[] = []
  topics: Map<string, number> = new Map([['t', 4], ['u', 2]])
  coordinator!: GroupCoordinator

  private constructor(settings: Partial<GroupSettings>, seed: number) {
    this.settings = { ...groupSettings, ...settings }
    this.random = new SeededRandom(seed)
  }

  static async create(settings: Partial<GroupSettings> = {}, logs: MemoryOffsetsLog[] = [], seed: number = 1): Promise<GroupHarness> {
    const harness = new GroupHarness(settings, seed)
    harness.logs = logs
    await harness.open()
    return harness
  }

  options(readOnly: boolean = false): GroupCoordinatorOptions {
    return {
      offsetsLogs: () => this.logs,
      createOffsetsTopic: async (partitions) => {
        if (this.logs.length === 0) this.logs = Array.from({ length: partitions }, () => new MemoryOffsetsLog())
        return this.logs
      },
      settings: this.settings,
      ports: { clock: this.scheduler.clock, scheduler: this.scheduler, random: this.random, logger: this.logger },
      topicPartitions: (topic) => this.topics.get(topic) ?? null,
      readOnly,
    }
  }

  start(readOnly: boolean = false): GroupCoordinator {
    this.coordinator = GroupCoordinator.start(this.options(readOnly))
    return this.coordinator
  }

  async open(readOnly: boolean = false): Promise<void> {
    this.start(readOnly)
    await this.coordinator.loaded
  }

  /** As after a kill: nothing is told to anybody. */
  async crash(): Promise<void> {
    const dead = this.coordinator
    await this.open()
    void dead.close()
  }

  get log(): MemoryOffsetsLog { return this.logs[0]! }
  settle(): Promise<void> { return this.scheduler.runUntilIdle() }
  advance(milliseconds: number): Promise<void> { return this.scheduler.advance(milliseconds) }

  join(groupId: string, fields: Partial<JoinGroupRequest> = {}): Waiting<JoinGroupResponse> {
    return new Waiting(this.coordinator.joinGroup({
      groupId, memberId: '', groupInstanceId: null, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000, protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscription(['t']) }], clientId: 'c', clientHost: '/127.0.0.1', requireKnownMemberId: false, ...fields,
    }))
  }

  sync(
    groupId: string, joined: JoinGroupResponse, assignments: Readonly<Record<string, string>> = {}, groupInstanceId: string | null = null,
  ): Waiting<SyncGroupResponse> {
    const { memberId, generationId, protocolType, protocolName } = joined
    return new Waiting(this.coordinator.syncGroup({
      groupId, memberId, groupInstanceId, generationId, protocolType, protocolName,
      assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: new Uint8Array(Buffer.from(text)) })),
    }))
  }

  async heartbeat(groupId: string, joined: JoinGroupResponse, groupInstanceId: string | null = null): Promise<number> {
    return (await this.coordinator.heartbeat({ groupId, memberId: joined.memberId, groupInstanceId, generationId: joined.generationId })).errorCode
  }

  async commit(
    groupId: string, offset: number, member?: JoinGroupResponse, topic: string = 't', partition: number = 0, metadata: string | null = '',
  ): Promise<number> {
    const response = await this.coordinator.offsetCommit({
      groupId, memberId: member?.memberId ?? '', groupInstanceId: null, generationId: member?.generationId ?? -1,
      partitions: [{ topic, partition, committedOffset: offset, committedLeaderEpoch: 3, committedMetadata: metadata }],
    })
    return response.partitions[0]!.errorCode
  }

  /** One commit of several partitions by nobody in particular; the error codes. */
  async commitMany(groupId: string, offsets: readonly (readonly [topic: string, partition: number, offset: number])[]): Promise<number[]> {
    const { partitions } = await this.coordinator.offsetCommit({
      groupId, memberId: '', groupInstanceId: null, generationId: -1,
      partitions: offsets.map(([topic, partition, offset]) => (
        { topic, partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null })),
    })
    return partitions.map((each) => each.errorCode)
  }

  leave(groupId: string, ...memberIds: string[]): Promise<LeaveGroupResponse> {
    return this.coordinator.leaveGroup({ groupId, members: memberIds.map((memberId) => ({ memberId, groupInstanceId: null })) })
  }

  async committed(groupId: string, topic: string = 't', partition: number = 0): Promise<number> {
    const response = await this.coordinator.offsetFetch({ groupId, requireStable: true, partitions: [{ topic, partition }] })
    return response.errorCode === 0 ? response.partitions[0]!.committedOffset : -response.errorCode - 1000
  }

  async state(groupId: string): Promise<string> { return (await this.coordinator.describeGroups({ groups: [groupId] })).groups[0]!.groupState }

  /** Members with these ids (in order) in a stable group; the first leads. */
  async stable(groupId: string, count: number = 1, fields: Partial<JoinGroupRequest>[] = []): Promise<JoinGroupResponse[]> {
    const waiting = Array.from({ length: count }, (_, index) => this.join(groupId, fields[index]))
    await this.settle()
    await this.advance(0)
    const joined = waiting.map((each) => each.value)
    const leader = joined.find((each) => each.leader === each.memberId)!
    const assignments = Object.fromEntries(joined.map((each, index) => [each.memberId, `part ${index}`]))
    const syncs = joined.map((each, index) => this.sync(groupId, each, each === leader ? assignments : {}, fields[index]?.groupInstanceId ?? null))
    await this.settle()
    for (const sync of syncs) if (sync.value.errorCode !== 0) throw new Error(`sync ended with ${sync.value.errorCode}`)
    return joined
  }
}

/** A promise one can look at. */
export class Waiting<T> {
  #value: T | undefined
  constructor(promise: Promise<T>) { void promise.then((value) => { this.#value = value }) }
  get isAnswered(): boolean { return this.#value !== undefined }
  get value(): T {
    if (this.#value === undefined) throw new Error('not answered yet')
    return this.#value
  }
}

export function subscription(topics: string[]): Uint8Array {
  return encodeSubscription({ topics, userData: null, ownedPartitions: [], generationId: -1, rackId: null })
}
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
