/**
 * The admin client: each method is one or two requests, arguments checked, answers turned into plain values and errors that name what is
 * meant. Retriable failures are tried again for up to `default.api.timeout.ms`. Calls about settings (config-admin.ts), groups (group-admin.ts) and
 * who may do what (security-admin.ts) are loaded with the first of them.
 */
import type { AclBinding, AclFilter } from '../common/acl.ts'
import { callOptions, shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { Ports } from '../common/ports.ts'
import type { QuotaChanges, QuotaEntity, QuotaEntry } from '../common/quota.ts'
import { checkTopicName, type TopicPartition, type TopicPartitionOffset } from '../common/topic-partition.ts'
import type { AdminValues } from '../config/settings.ts'
import {
  EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP, type BrokerApi, type Failure, type TopicMetadata,
} from '../protocol/broker-api.ts'
import type { ConfigAdmin } from './config-admin.ts'
import { configText } from './config-text.ts'
import { errorOf, throwOnFailure } from './failure.ts'
import type { GroupAdmin } from './group-admin.ts'
import { RequestCaller } from './request-caller.ts'
import type { SecurityAdmin } from './security-admin.ts'
import { lookUpTopic, unknownTopic } from './topic-lookup.ts'
import type {
  AclInput, Admin, ClusterDescription, ConfigEntry, ConfigTarget, CreateTopicOptions, GroupDescription, GroupListing, LogDirDescription, PartitionOffset,
  TopicDescription,
} from './types.ts'

function invalid(message: string): OttlaError { return new OttlaError('INVALID_ARGUMENT', message) }

function describeMetadata(topic: TopicMetadata): TopicDescription {
  return {
    name: topic.name, topicId: topic.topicId, internal: topic.isInternal,
    partitions: [...topic.partitions].sort((a, b) => a.partitionIndex - b.partitionIndex).map((each) => (
      { partition: each.partitionIndex, leader: each.leaderId, replicas: [...each.replicaNodes], isr: [...each.isrNodes], leaderEpoch: each.leaderEpoch })),
  }
}

export class KafkaAdmin implements Admin {
  readonly #api: BrokerApi
  readonly #caller: RequestCaller

  constructor(api: BrokerApi, ports: Ports, values: AdminValues) {
    this.#api = api
    this.#caller = new RequestCaller(ports, values)
  }

  /** Raises UNKNOWN_TOPIC_OR_PARTITION with the nearest name in place of a bare one. */
  async #throwOnTopicFailure(failure: Failure, what: string, topic: string): Promise<void> {
    const error = errorOf(failure, what, { topic })
    if (error === null) return
    throw error.code === 'UNKNOWN_TOPIC_OR_PARTITION' ? await unknownTopic(this.#api, topic, error) : error
  }

  // ---- topics ----

  /** Raises TOPIC_ALREADY_EXISTS (unless `ifNotExists`), INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_CONFIG. */
  async createTopic(name: string, options: CreateTopicOptions = {}): Promise<TopicDescription> {
    checkTopicName(name)
    checkCreateOptions(options)
    const { partitions = -1, replicationFactor = -1, config = {}, assignment = [], ifNotExists = false, validateOnly = false } = options
    const configs = Object.entries(config).filter(([, value]) => value !== undefined).map(([key, value]) => ({ name: key, value: configText(key, value) }))
    const answer = await this.#caller.call(`creating topic ${name}`, async () => {
      const { topics } = await this.#api.createTopics({
        validateOnly, topics: [{
          name, numPartitions: assignment.length > 0 ? -1 : partitions, replicationFactor: assignment.length > 0 ? -1 : replicationFactor,
          assignments: assignment.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })), configs,
        }],
      })
      const result = topics[0]
      if (result === undefined) throw new OttlaError('UNKNOWN_SERVER_ERROR', `the broker did not answer for topic ${name}`, { topic: name })
      const error = errorOf(result, `creating topic ${name}`, { topic: name })
      if (error !== null && !(ifNotExists && error.code === 'TOPIC_ALREADY_EXISTS')) throw error
      return result
    })
    if (!validateOnly) {
      // The brokers of a cluster hear of it one after another. Who may make topics and not look at them has made it all the same.
      const found = await this.#caller.call(`describing topic ${name}`, () => lookUpTopic(this.#api, name, false), true).catch((error: unknown) => {
        if (!OttlaError.is(error, 'TOPIC_AUTHORIZATION_FAILED')) throw error
      })
      if (found !== undefined) return describeMetadata(found)
    }
    const planned = Array.from({ length: Math.max(0, answer.numPartitions) }, (_, partition) => (
      { partition, leader: -1, replicas: [], isr: [], leaderEpoch: -1 }))
    return { name, topicId: answer.topicId, internal: false, partitions: planned }
  }

  async deleteTopic(name: string): Promise<void> {
    checkTopicName(name)
    await this.#caller.call(`deleting topic ${name}`, async () => {
      const { topics } = await this.#api.deleteTopics({ names: [name] })
      for (const each of topics) await this.#throwOnTopicFailure(each, `deleting topic ${name}`, name)
    })
  }

  /** Names, sorted; Kafka's internal topics only when asked for. */
  async listTopics(options: { internal?: boolean } = {}): Promise<string[]> {
    const { internal = false } = callOptions('listTopics', options, ['internal'])
    const { topics } = await this.#caller.call('listing topics', () => this.#api.metadata({ topics: null, allowAutoTopicCreation: false }))
    return topics.filter((each) => internal || !each.isInternal).map((each) => each.name).sort()
  }

  async describeTopic(name: string): Promise<TopicDescription> {
    checkTopicName(name)
    return describeMetadata(await this.#caller.call(`describing topic ${name}`, () => lookUpTopic(this.#api, name, false)))
  }

  async createPartitions(name: string, total: number): Promise<void> {
    checkTopicName(name)
    if (!Number.isInteger(total) || total < 1) throw invalid(`the total number of partitions is ${shown(total)}: give a whole number above the present one`)
    await this.#caller.call(`adding partitions to ${name}`, async () => {
      const { topics } = await this.#api.createPartitions({ validateOnly: false, topics: [{ name, count: total }] })
      for (const each of topics) await this.#throwOnTopicFailure(each, `adding partitions to ${name}`, name)
    })
  }

  // ---- configs ----

  async #configs<T>(call: (part: ConfigAdmin) => Promise<T>): Promise<T> {
    const { ConfigAdmin } = await loadPart('the code for the admin of settings', () => import('./config-admin.ts'))
    return call(new ConfigAdmin(this.#api, this.#caller, (failure, what, topic) => this.#throwOnTopicFailure(failure, what, topic)))
  }

  describeConfigs(resource: ConfigTarget): Promise<ConfigEntry[]> { return this.#configs((part) => part.describe(resource)) }
  alterConfigs(resource: ConfigTarget, changes: Readonly<Record<string, string | number | boolean | null>>): Promise<void> { return this.#configs((part) => part.alter(resource, changes)) }

  // ---- offsets, records ----

  /** By partition. A time (ms or Date) finds the first record of that time or later; offset −1 where there is none. */
  async listOffsets(topic: string, at: 'earliest' | 'latest' | 'maxTimestamp' | number | Date): Promise<PartitionOffset[]> {
    const timestamp = timestampFor(at)
    const { partitions } = await this.describeTopic(topic)
    return this.#caller.call(`listing offsets of ${topic}`, async () => {
      const answer = await this.#api.listOffsets({ isolationLevel: 0, partitions: partitions.map(({ partition }) => ({ topic, partition, timestamp })) })
      return answer.partitions.map((each) => {
        throwOnFailure(each, `listing offsets of ${topic}-${each.partition}`, { topic, partition: each.partition })
        return { partition: each.partition, offset: each.offset, timestamp: each.timestamp }
      })
    })
  }

  /** Makes records below the offsets unreadable for good. `offset` −1: all there are. */
  async deleteRecords(topic: string, before: readonly { partition: number; offset: number }[]): Promise<{ partition: number; lowWatermark: number }[]> {
    checkTopicName(topic)
    if (!Array.isArray(before)) throw invalid('deleteRecords(topic, before): before is an array of { partition, offset }')
    for (const each of before as readonly unknown[]) {
      if (each === null || typeof each !== 'object') throw invalid('deleteRecords(topic, before): before is an array of { partition, offset }')
      const { partition, offset } = each as { partition: unknown; offset: unknown }
      if (!Number.isInteger(partition) || (partition as number) < 0) throw invalid(`partition is ${shown(partition)}: give a whole number from 0`)
      if (Number.isSafeInteger(offset) && (offset as number) >= -1) continue
      throw invalid(`offset is ${shown(offset)}: give a whole number from 0, or −1 for the end`)
    }
    return this.#caller.call(`deleting records of ${topic}`, async () => {
      const answer = await this.#api.deleteRecords({ partitions: before.map(({ partition, offset }) => ({ topic, partition, offset })) })
      const results: { partition: number; lowWatermark: number }[] = []
      for (const each of answer.partitions) {
        await this.#throwOnTopicFailure(each, `deleting records of ${topic}-${each.partition}`, topic)
        results.push({ partition: each.partition, lowWatermark: each.lowWatermark })
      }
      return results
    })
  }

  // ---- cluster ----

  async describeLogDirs(): Promise<LogDirDescription[]> {
    const { results } = await this.#caller.call('describing log dirs', () => this.#api.describeLogDirs({ topics: null }))
    // What a broker tells of no directory it tells of the question.
    const refused = results.find((dir) => dir.logDir === '')
    const error = refused === undefined ? null : errorOf(refused, 'describing log dirs')
    if (error !== null) throw error
    return results.map((dir) => ({
      ...dir.brokerId === undefined ? {} : { broker: dir.brokerId },
      path: dir.logDir, error: errorOf(dir, dir.logDir)?.message ?? null, totalBytes: dir.totalBytes, usableBytes: dir.usableBytes,
      partitions: dir.topics.flatMap((topic) => topic.partitions.map((each) => (
        { topic: topic.name, partition: each.partitionIndex, size: each.partitionSize, offsetLag: each.offsetLag }))),
    }))
  }

  async describeCluster(): Promise<ClusterDescription> {
    const answer = await this.#caller.call('describing the cluster', () => this.#api.describeCluster())
    const brokers = answer.brokers.map((each) => ({ id: each.brokerId, host: each.host, port: each.port }))
    return { clusterId: answer.clusterId, controller: answer.controllerId, brokers }
  }

  // ---- who may do what ----

  async #security<T>(call: (part: SecurityAdmin) => Promise<T>): Promise<T> {
    const { SecurityAdmin } = await loadPart('the code for ACLs and quotas', () => import('./security-admin.ts'))
    return call(new SecurityAdmin(this.#api, this.#caller))
  }

  createAcls(acls: readonly AclInput[]): Promise<void> { return this.#security((part) => part.createAcls(acls)) }
  listAcls(filter?: AclFilter): Promise<AclBinding[]> { return this.#security((part) => part.listAcls(filter)) }
  deleteAcls(filter: AclFilter): Promise<AclBinding[]> { return this.#security((part) => part.deleteAcls(filter)) }
  listQuotas(): Promise<QuotaEntry[]> { return this.#security((part) => part.listQuotas()) }
  alterQuotas(entity: QuotaEntity, changes: QuotaChanges): Promise<void> { return this.#security((part) => part.alterQuotas(entity, changes)) }

  // ---- groups ----

  async #groups<T>(call: (part: GroupAdmin) => Promise<T>): Promise<T> {
    const { GroupAdmin } = await loadPart('the code for groups and their offsets', () => import('./group-admin.ts'))
    return call(new GroupAdmin(this.#api, this.#caller))
  }

  listGroups(): Promise<GroupListing[]> { return this.#groups((part) => part.list()) }
  describeGroup(id: string): Promise<GroupDescription> { return this.#groups((part) => part.describe(id)) }
  deleteGroup(id: string): Promise<void> { return this.#groups((part) => part.delete(id)) }
  listGroupOffsets(id: string): Promise<TopicPartitionOffset[]> { return this.#groups((part) => part.listOffsets(id)) }
  alterGroupOffsets(id: string, offsets: readonly TopicPartitionOffset[]): Promise<void> { return this.#groups((part) => part.alterOffsets(id, offsets)) }
  deleteGroupOffsets(id: string, partitions: readonly TopicPartition[]): Promise<void> { return this.#groups((part) => part.deleteOffsets(id, partitions)) }
}

function timestampFor(at: unknown): number {
  if (at === 'earliest') return EARLIEST_TIMESTAMP
  if (at === 'latest') return LATEST_TIMESTAMP
  if (at === 'maxTimestamp') return MAX_TIMESTAMP
  const value = at instanceof Date ? at.getTime() : at
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  const given = at instanceof Date ? 'an invalid Date' : typeof at === 'number' || typeof at === 'string' ? JSON.stringify(at) : typeof at
  throw invalid(`offsets are listed at 'earliest', 'latest', 'maxTimestamp', milliseconds since 1970 or a Date, not ${given}`)
}

const createOptions = new Set(['partitions', 'replicationFactor', 'config', 'assignment', 'ifNotExists', 'validateOnly'])

function checkCreateOptions(options: CreateTopicOptions): void {
  if (options === null || typeof options !== 'object') throw invalid('createTopic(name, options): options is an object')
  for (const name of Object.keys(options)) {
    if (createOptions.has(name)) continue
    throw invalid(`createTopic has no option ${JSON.stringify(name)}: it takes ${[...createOptions].join(', ')} (topic settings go into config)`)
  }
  const { partitions, replicationFactor, assignment, config } = options
  if (config !== undefined && (config === null || typeof config !== 'object' || Array.isArray(config))) throw invalid('config is an object of topic settings')
  for (const [name, value] of Object.entries({ partitions, replicationFactor })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= -1)) throw invalid(`${name} is ${shown(value)}: give a whole number from 1`)
  }
  if (assignment === undefined) return
  if (!Array.isArray(assignment) || !assignment.every((ids) => Array.isArray(ids) && ids.every((id) => Number.isInteger(id)))) {
    throw invalid('assignment is, by partition, the list of its brokers: [[1], [1]]')
  }
  if (partitions === undefined || partitions === -1 || partitions === assignment.length) return
  throw invalid(`partitions is ${partitions}, but assignment has ${assignment.length}`)
}
