/**
 * A broker in plain memory for the client's tests: deterministic with ManualScheduler, and able to fail on demand. What is applied is
 * applied at the call, in the order of calls; `faults` decides what the caller hears, and when.
 */
import type { Ports } from '../../src/common/ports.ts'
import type {
  BrokerApi, ConfigResult, CreatableTopicResult, FetchPartitionResponse, FetchRequest, FetchResponse, ListOffsetsPartition, MetadataRequest, MetadataResponse,
  ProducePartitionResponse, ProduceRequest, ProduceResponse, TopicMetadata,
} from '../../src/protocol/broker-api.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP } from '../../src/protocol/broker-api.ts'
import { FakeGroups } from './fake-groups.ts'
import { FakePartition } from './fake-log.ts'

export interface Fault {
  /** Nothing is applied; partitions (or the answer as a whole) carry this code. */
  readonly errorCode?: number
  /** The request is applied and answered with this code all the same. */
  readonly lostAnswer?: number
  /** Nothing is applied; the promise rejects. */
  readonly rejects?: Error
  /** The request is applied; the promise rejects. */
  readonly lostRejects?: Error
  /** The answer comes so much later, ms. */
  readonly delayMs?: number
  /** No answer ever. */
  readonly silent?: boolean
}
export type ApiName = keyof BrokerApi
/** `call` counts the calls of that API from 1. */
export type Faults = (api: ApiName, request: unknown, call: number) => Fault | undefined

type Coded = { readonly errorCode: number }

export interface FakeTopic { id: string; partitions: FakePartition[]; internal: boolean; configs: Map<string, string> }

export class FakeBroker implements BrokerApi {
  readonly #ports: Ports
  readonly topics: Map<string, FakeTopic> = new Map()
  readonly coordinator: FakeGroups
  faults: Faults = () => undefined
  autoCreatePartitions: number = 1
  autoCreate: boolean = true
  maxMessageBytes: number = Infinity
  readonly requests: { api: ApiName; request: unknown }[] = []
  readonly #calls = new Map<ApiName, number>()
  #producerIds = 0

  constructor(ports: Ports) {
    this.#ports = ports
    this.coordinator = new FakeGroups(ports.scheduler)
  }

  createTopic(name: string, partitions: number, internal: boolean = false): FakePartition[] {
    const created = Array.from({ length: partitions }, () => new FakePartition())
    this.topics.set(name, { id: `id-of-${name}`.padEnd(22, 'A').slice(0, 22), partitions: created, internal, configs: new Map() })
    return created
  }

  partition(topic: string, partition: number): FakePartition { return this.topics.get(topic)!.partitions[partition]! }
  calls(api: ApiName): number { return this.#calls.get(api) ?? 0 }

  /** `apply` does the work; `refused` gives the same answer with an error code in it. */
  async #serve<T>(api: ApiName, request: unknown, apply: () => T | Promise<T>, refused: (errorCode: number) => T): Promise<T> {
    const call = this.calls(api) + 1
    this.#calls.set(api, call)
    this.requests.push({ api, request })
    const fault = this.faults(api, request, call)
    const applied = fault?.errorCode === undefined && fault?.rejects === undefined ? Promise.resolve(apply()) : null
    applied?.catch(() => {})
    if (fault?.silent === true) return new Promise<T>(() => {})
    if (fault?.delayMs !== undefined) await new Promise<void>((resolve) => { this.#ports.scheduler.after(fault.delayMs!, resolve) })
    else await new Promise<void>((resolve) => this.#ports.scheduler.soon(resolve))
    if (fault?.rejects !== undefined) throw fault.rejects
    if (fault?.errorCode !== undefined) return refused(fault.errorCode)
    const answer = await applied!
    if (fault?.lostRejects !== undefined) throw fault.lostRejects
    return fault?.lostAnswer === undefined ? answer : refused(fault.lostAnswer)
  }

  metadata(request: MetadataRequest): Promise<MetadataResponse> {
    const answer = (topics: readonly TopicMetadata[]): MetadataResponse =>
      ({ brokers: [{ nodeId: 1, host: '', port: 0, rack: null }], clusterId: 'cluster', controllerId: 1, topics })
    return this.#serve('metadata', request, () => answer((request.topics ?? [...this.topics.keys()]).map((name) => {
      if (!this.topics.has(name) && this.autoCreate && request.allowAutoTopicCreation) this.createTopic(name, this.autoCreatePartitions)
      const topic = this.topics.get(name)
      return topic === undefined ? { name, topicId: '', isInternal: false, partitions: [], errorCode: 3 } : {
        name, topicId: topic.id, isInternal: topic.internal, errorCode: 0,
        partitions: topic.partitions.map((_, partitionIndex) =>
          ({ partitionIndex, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], errorCode: 0 })),
      }
    })), (errorCode) => answer((request.topics ?? []).map((name) => ({ name, topicId: '', isInternal: false, partitions: [], errorCode }))))
  }

  produce(request: ProduceRequest): Promise<ProduceResponse> {
    const { topic, partition, records } = request.partitions[0]!
    const isSynced = request.acks === -1 && this.topics.get(topic)?.configs.get('write.caching') !== 'true'
    const answer = (errorCode: number, baseOffset: number): ProduceResponse =>
      ({ partitions: [{ topic, partition, errorCode, baseOffset, logAppendTimeMs: -1, logStartOffset: 0, isSynced } satisfies ProducePartitionResponse] })
    return this.#serve('produce', request, () => {
      const target = this.topics.get(topic)?.partitions[partition]
      if (target === undefined) return answer(3, -1)
      if (records.length > this.maxMessageBytes) return answer(10, -1)
      const { errorCode, baseOffset } = target.append(records)
      return answer(errorCode, baseOffset)
    }, (errorCode) => answer(errorCode, -1))
  }

  fetch(request: FetchRequest): Promise<FetchResponse> {
    return this.#serve('fetch', { ...request }, async () => {
      let answer = this.#read(request)
      const enough = (): boolean => request.signal?.aborted === true || answer.partitions.some((each) => each.errorCode !== 0)
        || answer.partitions.reduce((sum, each) => sum + each.records.length, 0) >= request.minBytes
      if (!enough() && request.maxWaitMs > 0) {
        await this.#advance(request)
        answer = this.#read(request)
      }
      return answer
    }, (errorCode) => ({ partitions: request.partitions.map((each) =>
      ({ ...each, errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, records: new Uint8Array(0) })) }))
  }

  #advance(request: FetchRequest): Promise<void> {
    return new Promise((resolve) => {
      const stops: (() => void)[] = []
      const end = (): void => {
        timer.cancel()
        for (const stop of stops) stop()
        request.signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#ports.scheduler.after(request.maxWaitMs, end)
      request.signal?.addEventListener('abort', end)
      for (const { topic, partition } of request.partitions) {
        const target = this.topics.get(topic)?.partitions[partition]
        if (target !== undefined) stops.push(target.onAdvance(end))
      }
    })
  }

  #read(request: FetchRequest): FetchResponse {
    let left = request.maxBytes
    return {
      partitions: request.partitions.map(({ topic, partition, fetchOffset, partitionMaxBytes }): FetchPartitionResponse => {
        const source = this.topics.get(topic)?.partitions[partition]
        const empty = { topic, partition, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, records: new Uint8Array(0) }
        if (source === undefined) return { ...empty, errorCode: 3 }
        const stable = source.stableOffset ?? source.endOffset
        const offsets = { highWatermark: source.endOffset, lastStableOffset: stable, logStartOffset: source.logStartOffset }
        if (fetchOffset < source.logStartOffset || fetchOffset > source.endOffset) return { ...empty, ...offsets, errorCode: 1 }
        const limit = request.isolationLevel === 1 ? stable : source.endOffset
        const records = left > 0 || left === request.maxBytes ? source.read(fetchOffset, Math.min(partitionMaxBytes, left), limit) : empty.records
        left -= records.length
        return { topic, partition, ...offsets, errorCode: 0, abortedTransactions: request.isolationLevel === 1 ? source.aborted : null, records }
      }),
    }
  }

  listOffsets(request: Parameters<BrokerApi['listOffsets']>[0]): ReturnType<BrokerApi['listOffsets']> {
    const refused = (errorCode: number): { partitions: ListOffsetsPartition[] } =>
      ({ partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, errorCode, offset: -1, timestamp: -1, leaderEpoch: -1 })) })
    return this.#serve('listOffsets', request, () => ({
      partitions: request.partitions.map(({ topic, partition, timestamp }): ListOffsetsPartition => {
        const source = this.topics.get(topic)?.partitions[partition]
        const at = (offset: number, time: number = -1, errorCode: number = 0): ListOffsetsPartition =>
          ({ topic, partition, errorCode, offset, timestamp: time, leaderEpoch: 0 })
        if (source === undefined) return at(-1, -1, 3)
        if (timestamp === EARLIEST_TIMESTAMP) return at(source.logStartOffset)
        if (timestamp === LATEST_TIMESTAMP) return at(request.isolationLevel === 1 ? source.stableOffset ?? source.endOffset : source.endOffset)
        const records = source.records()
        const newest = Math.max(...records.map((record) => record.timestamp))
        const found = records.find((record) => timestamp === MAX_TIMESTAMP ? record.timestamp === newest : record.timestamp >= timestamp)
        return found === undefined ? at(-1) : at(found.offset, found.timestamp)
      }),
    }), refused)
  }

  deleteRecords(request: Parameters<BrokerApi['deleteRecords']>[0]): ReturnType<BrokerApi['deleteRecords']> {
    const refused = (errorCode: number): Awaited<ReturnType<BrokerApi['deleteRecords']>> =>
      ({ partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, errorCode, lowWatermark: -1 })) })
    return this.#serve<Awaited<ReturnType<BrokerApi['deleteRecords']>>>('deleteRecords', request, () => ({
      partitions: request.partitions.map(({ topic, partition, offset }) => {
        const source = this.topics.get(topic)?.partitions[partition]
        if (source === undefined) return { topic, partition, errorCode: 3, lowWatermark: -1 }
        if (offset > source.endOffset) return { topic, partition, errorCode: 1, lowWatermark: -1 }
        source.logStartOffset = Math.max(source.logStartOffset, offset < 0 ? source.endOffset : offset)
        return { topic, partition, errorCode: 0, lowWatermark: source.logStartOffset }
      }),
    }), refused)
  }

  offsetForLeaderEpoch(): never { throw new Error('no client asks for leader epochs') }

  createTopics(request: Parameters<BrokerApi['createTopics']>[0]): ReturnType<BrokerApi['createTopics']> {
    const result = (name: string, errorCode: number): CreatableTopicResult =>
      ({ name, errorCode, topicId: this.topics.get(name)?.id ?? '', numPartitions: this.topics.get(name)?.partitions.length ?? -1, replicationFactor: 1 })
    return this.#serve('createTopics', request, () => ({
      topics: request.topics.map((topic) => {
        if (this.topics.has(topic.name)) return result(topic.name, 36)
        if (topic.numPartitions === 0) return result(topic.name, 37)
        if (!request.validateOnly) {
          this.createTopic(topic.name, topic.assignments.length > 0 ? topic.assignments.length : Math.max(1, topic.numPartitions))
          for (const { name, value } of topic.configs) if (value !== null) this.topics.get(topic.name)!.configs.set(name, value)
        }
        return result(topic.name, 0)
      }),
    }), (errorCode) => ({ topics: request.topics.map((topic) => result(topic.name, errorCode)) }))
  }

  deleteTopics(request: Parameters<BrokerApi['deleteTopics']>[0]): ReturnType<BrokerApi['deleteTopics']> {
    return this.#serve('deleteTopics', request, () => ({ topics: request.names.map((name) => ({ name, errorCode: this.topics.delete(name) ? 0 : 3 })) }),
      (errorCode) => ({ topics: request.names.map((name) => ({ name, errorCode })) }))
  }

  createPartitions(request: Parameters<BrokerApi['createPartitions']>[0]): ReturnType<BrokerApi['createPartitions']> {
    return this.#serve('createPartitions', request, () => ({
      topics: request.topics.map(({ name, count }) => {
        const topic = this.topics.get(name)
        if (topic === undefined) return { name, errorCode: 3 }
        if (count <= topic.partitions.length) return { name, errorCode: 37 }
        while (topic.partitions.length < count) topic.partitions.push(new FakePartition())
        return { name, errorCode: 0 }
      }),
    }), (errorCode) => ({ topics: request.topics.map(({ name }) => ({ name, errorCode })) }))
  }

  describeConfigs(request: Parameters<BrokerApi['describeConfigs']>[0]): ReturnType<BrokerApi['describeConfigs']> {
    const entry = (name: string, value: string, configSource: number): ConfigResult =>
      ({ name, value, defaultValue: '604800000', readOnly: false, isSensitive: false, configSource, type: 'long', documentation: `about ${name}`,
      synonyms: [] })
    return this.#serve('describeConfigs', request, () => ({
      results: request.resources.map((resource) => {
        const topic = this.topics.get(resource.resourceName)
        if (resource.resourceType === 2 && topic === undefined) return { ...resource, errorCode: 3, configs: [] }
        const own = topic?.configs.get('retention.ms')
        return { ...resource, errorCode: 0, configs: [own === undefined ? entry('retention.ms', '604800000', 5) : entry('retention.ms', own, 1)] }
      }),
    }), (errorCode) => ({ results: request.resources.map((resource) => ({ ...resource, errorCode, configs: [] })) }))
  }

  incrementalAlterConfigs(request: Parameters<BrokerApi['incrementalAlterConfigs']>[0]): ReturnType<BrokerApi['incrementalAlterConfigs']> {
    return this.#serve('incrementalAlterConfigs', request, () => ({
      responses: request.resources.map((resource) => {
        const topic = this.topics.get(resource.resourceName)
        if (topic === undefined) return { ...resource, errorCode: 3 }
        for (const { name, configOperation, value } of resource.configs) {
          if (configOperation === 1) topic.configs.delete(name)
          else topic.configs.set(name, value ?? '')
        }
        return { ...resource, errorCode: 0 }
      }),
    }), (errorCode) => ({ responses: request.resources.map((resource) => ({ ...resource, errorCode })) }))
  }

  describeCluster(): ReturnType<BrokerApi['describeCluster']> {
    const answer = { clusterId: 'cluster', controllerId: 1, brokers: [{ brokerId: 1, host: 'h', port: 9, rack: null }] }
    return this.#serve('describeCluster', null, () => answer, () => answer)
  }

  describeLogDirs(request: Parameters<BrokerApi['describeLogDirs']>[0]): ReturnType<BrokerApi['describeLogDirs']> {
    const partition = (each: FakePartition, partitionIndex: number) => ({ partitionIndex, partitionSize: each.endOffset, offsetLag: 0, isFutureKey: false })
    const answer = (errorCode: number): Awaited<ReturnType<BrokerApi['describeLogDirs']>> => {
      const topics = [...this.topics].map(([name, { partitions }]) => ({ name, partitions: partitions.map(partition) }))
      return { results: [{ errorCode, logDir: '/d', totalBytes: 100, usableBytes: 40, topics }] }
    }
    return this.#serve('describeLogDirs', request, () => answer(0), answer)
  }

  describeClientQuotas(): never { throw new Error('nobody asks this broker for quotas') }
  alterClientQuotas(): never { throw new Error('nobody asks this broker for quotas') }
  describeAcls(): never { throw new Error('nobody asks this broker for ACLs') }
  createAcls(): never { throw new Error('nobody asks this broker for ACLs') }
  deleteAcls(): never { throw new Error('nobody asks this broker for ACLs') }
  describeProducers(): never { throw new Error('no client asks for producers') }

  initProducerId(request: Parameters<BrokerApi['initProducerId']>[0]): ReturnType<BrokerApi['initProducerId']> {
    return this.#serve('initProducerId', request, () => ({ errorCode: 0, producerId: 1000 + this.#producerIds++, producerEpoch: 0 }),
      (errorCode) => ({ errorCode, producerId: -1, producerEpoch: -1 }))
  }

  findCoordinator(): never { throw new Error('in process there is nothing to find') }

  joinGroup(request: Parameters<BrokerApi['joinGroup']>[0]): ReturnType<BrokerApi['joinGroup']> {
    return this.#serve('joinGroup', request, () => this.coordinator.joinGroup(request),
      (errorCode) => ({ errorCode, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: request.memberId,
      members: [] }))
  }

  syncGroup(request: Parameters<BrokerApi['syncGroup']>[0]): ReturnType<BrokerApi['syncGroup']> {
    return this.#serve('syncGroup', request, () => this.coordinator.syncGroup(request),
      (errorCode) => ({ errorCode, protocolType: null, protocolName: null, assignment: new Uint8Array(0) }))
  }

  heartbeat(request: Parameters<BrokerApi['heartbeat']>[0]): ReturnType<BrokerApi['heartbeat']> {
    return this.#serve('heartbeat', request, () => this.coordinator.heartbeat(request), (errorCode): Coded => ({ errorCode }))
  }

  leaveGroup(request: Parameters<BrokerApi['leaveGroup']>[0]): ReturnType<BrokerApi['leaveGroup']> {
    return this.#serve('leaveGroup', request, () => this.coordinator.leaveGroup(request), (errorCode) => ({ errorCode, members: [] }))
  }

  offsetCommit(request: Parameters<BrokerApi['offsetCommit']>[0]): ReturnType<BrokerApi['offsetCommit']> {
    return this.#serve('offsetCommit', request, () => this.coordinator.offsetCommit(request),
      (errorCode) => ({ partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, errorCode })) }))
  }

  offsetFetch(request: Parameters<BrokerApi['offsetFetch']>[0]): ReturnType<BrokerApi['offsetFetch']> {
    return this.#serve('offsetFetch', request, () => this.coordinator.offsetFetch(request), (errorCode) => ({ errorCode, partitions: [] }))
  }

  offsetDelete(request: Parameters<BrokerApi['offsetDelete']>[0]): ReturnType<BrokerApi['offsetDelete']> {
    return this.#serve('offsetDelete', request, () => {
      const { offsets } = this.coordinator.group(request.groupId)
      return { errorCode: 0, partitions: request.partitions.map(({ topic, partition }) =>
        ({ topic, partition, errorCode: offsets.delete(`${topic}-${partition}`) ? 0 : 86 })) }
    }, (errorCode) => ({ errorCode, partitions: [] }))
  }

  describeGroups(request: Parameters<BrokerApi['describeGroups']>[0]): ReturnType<BrokerApi['describeGroups']> {
    return this.#serve('describeGroups', request, () => ({
      groups: request.groups.map((groupId) => {
        const group = this.coordinator.groups.get(groupId)
        return {
          errorCode: 0, groupId, groupState: group?.state ?? 'Dead', protocolType: group === undefined ? '' : 'consumer', protocolData: group?.protocol ?? '',
          members: [...group?.members.values() ?? []].map((member) => ({
            memberId: member.id, groupInstanceId: member.request.groupInstanceId, clientId: member.request.clientId, clientHost: member.request.clientHost,
            memberMetadata: member.request.protocols[0]!.metadata, memberAssignment: member.assignment,
          })),
        }
      }),
    }), () => ({ groups: [] }))
  }

  listGroups(request: Parameters<BrokerApi['listGroups']>[0]): ReturnType<BrokerApi['listGroups']> {
    return this.#serve('listGroups', request, () => {
      const groups = [...this.coordinator.groups].map(([groupId, group]) => ({ groupId, protocolType: 'consumer', groupState: group.state, groupType: 'classic' }))
      return { errorCode: 0, groups }
    }, (errorCode) => ({ errorCode, groups: [] }))
  }

  deleteGroups(request: Parameters<BrokerApi['deleteGroups']>[0]): ReturnType<BrokerApi['deleteGroups']> {
    return this.#serve('deleteGroups', request, () => ({
      results: request.groups.map((groupId) => {
        const group = this.coordinator.groups.get(groupId)
        if (group === undefined) return { groupId, errorCode: 69 }
        if (group.members.size > 0) return { groupId, errorCode: 68 }
        this.coordinator.groups.delete(groupId)
        return { groupId, errorCode: 0 }
      }),
    }), (errorCode) => ({ results: request.groups.map((groupId) => ({ groupId, errorCode })) }))
  }

  watchGroup(groupId: string, listener: () => void): () => void { return this.coordinator.watchGroup(groupId, listener) }
}
