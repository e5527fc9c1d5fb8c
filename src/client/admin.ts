/**
 * The administrative calls, over one `BrokerApi`. Each asks, turns error codes into OttlaErrors, and gives plain objects; it keeps no state.
 * Group calls are admin-groups.ts. Made by createClients.
 */
import { OttlaError } from '../common/errors.ts'
import { checkTopicName } from '../common/topic-partition.ts'
import type { TopicPartition, TopicPartitionOffset } from '../common/topic-partition.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP, RESOURCE_BROKER, RESOURCE_TOPIC, type BrokerApi, type ConfigResource, type TopicMetadata } from '../protocol/broker-api.ts'
import * as groups from './admin-groups.ts'
import { throwOnFailure } from './failure.ts'
import { lookUpTopic } from './topic-lookup.ts'
import type {
  Admin, ClusterDescription, ConfigEntry, ConfigTarget, CreateTopicOptions, GroupDescription, GroupListing, LogDirDescription, PartitionOffset, TopicDescription,
} from './types.ts'

const sources = new Map<number, ConfigEntry['source']>([[1, 'topic'], [2, 'broker'], [4, 'broker']])

function invalid(message: string): OttlaError { return new OttlaError('INVALID_ARGUMENT', message) }

function checkPartition(partition: unknown, what: string): asserts partition is number {
  if (!Number.isSafeInteger(partition) || (partition as number) < 0) throw invalid(`${what}: a partition is a whole number from 0, not ${String(partition)}`)
}

function checkCount(count: unknown, what: string): asserts count is number {
  if (!Number.isSafeInteger(count)) throw invalid(`${what} is a whole number, not ${String(count)}`)
}

function resourceOf(target: ConfigTarget): ConfigResource {
  if ('topic' in target) {
    checkTopicName(target.topic)
    return { resourceType: RESOURCE_TOPIC, resourceName: target.topic }
  }
  if ('broker' in target && Number.isSafeInteger(target.broker)) return { resourceType: RESOURCE_BROKER, resourceName: String(target.broker) }
  throw invalid('configs belong to { topic: name } or { broker: id }')
}

function describe(topic: TopicMetadata): TopicDescription {
  return {
    name: topic.name, topicId: topic.topicId, internal: topic.isInternal,
    partitions: topic.partitions.map((p) => ({ partition: p.partitionIndex, leader: p.leaderId, replicas: [...p.replicaNodes], isr: [...p.isrNodes], leaderEpoch: p.leaderEpoch })),
  }
}

/** What a position in time is on the wire. */
function timestampOf(at: 'earliest' | 'latest' | 'maxTimestamp' | number | Date): number {
  if (at === 'earliest') return EARLIEST_TIMESTAMP
  if (at === 'latest') return LATEST_TIMESTAMP
  if (at === 'maxTimestamp') return MAX_TIMESTAMP
  const timestamp = at instanceof Date ? at.getTime() : at
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp
  throw invalid(`offsets are listed at 'earliest', 'latest', 'maxTimestamp', a Date or whole milliseconds from 0, not ${String(at)}`)
}

function configsOf(config: Readonly<Record<string, unknown>> | undefined): { name: string; value: string | null }[] {
  return Object.entries(config ?? {}).filter(([, value]) => value !== undefined).map(([name, value]) => ({ name, value: textOf(name, value) }))
}

function textOf(name: string, value: unknown): string | null {
  if (value === null) return null
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && !Number.isNaN(value)) return String(value)
  if (Array.isArray(value)) return value.join(',')
  throw new OttlaError('INVALID_CONFIG', `${name} is text, a number, a boolean or null, not ${typeof value}`)
}

export class KafkaAdmin implements Admin {
  readonly #api: BrokerApi
  readonly #check: () => void

  /** `check` throws CLOSED once the clients are closed. */
  constructor(api: BrokerApi, check: () => void) {
    this.#api = api
    this.#check = check
  }

  async createTopic(name: string, options: CreateTopicOptions = {}): Promise<TopicDescription> {
    this.#check()
    checkTopicName(name)
    if (options.partitions !== undefined) checkCount(options.partitions, 'partitions')
    if (options.replicationFactor !== undefined) checkCount(options.replicationFactor, 'replicationFactor')
    if (options.assignment !== undefined && options.partitions !== undefined && options.assignment.length !== options.partitions) {
      throw invalid(`assignment names ${options.assignment.length} partitions and partitions says ${options.partitions}: give one of them`)
    }
    const assignments = (options.assignment ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
    const { topics } = await this.#api.createTopics({
      validateOnly: options.validateOnly === true,
      topics: [{
        name, numPartitions: assignments.length > 0 ? -1 : options.partitions ?? -1, replicationFactor: assignments.length > 0 ? -1 : options.replicationFactor ?? -1,
        assignments, configs: configsOf(options.config as Readonly<Record<string, unknown>> | undefined),
      }],
    })
    const result = topics.find((topic) => topic.name === name)
    if (result === undefined) throw new OttlaError('UNKNOWN_SERVER_ERROR', `the broker did not answer for topic ${name}`, { topic: name })
    try {
      throwOnFailure(result, `topic ${name} was not created`, { topic: name })
    } catch (error) {
      if (options.ifNotExists !== true || !OttlaError.is(error, 'TOPIC_ALREADY_EXISTS')) throw error
    }
    if (options.validateOnly !== true) return this.describeTopic(name)
    const partitions = Array.from({ length: Math.max(0, result.numPartitions) }, (_, partition) => ({ partition, leader: -1, replicas: [], isr: [], leaderEpoch: -1 }))
    return { name, topicId: result.topicId, internal: false, partitions }
  }

  async deleteTopic(name: string): Promise<void> {
    this.#check()
    checkTopicName(name)
    const { topics } = await this.#api.deleteTopics({ names: [name] })
    for (const topic of topics) throwOnFailure(topic, `topic ${name} was not deleted`, { topic: name })
  }

  async listTopics(options: { internal?: boolean } = {}): Promise<string[]> {
    this.#check()
    const { topics } = await this.#api.metadata({ topics: null, allowAutoTopicCreation: false })
    return topics.filter((topic) => options.internal === true || !topic.isInternal).map((topic) => topic.name).sort()
  }

  async describeTopic(name: string): Promise<TopicDescription> {
    this.#check()
    checkTopicName(name)
    return describe(await lookUpTopic(this.#api, name, false))
  }

  async createPartitions(name: string, total: number): Promise<void> {
    this.#check()
    checkTopicName(name)
    checkCount(total, 'the number of partitions')
    const { topics } = await this.#api.createPartitions({ validateOnly: false, topics: [{ name, count: total }] })
    for (const topic of topics) throwOnFailure(topic, `topic ${name} was not grown to ${total} partitions`, { topic: name })
  }

  async describeConfigs(resource: ConfigTarget): Promise<ConfigEntry[]> {
    this.#check()
    const { results } = await this.#api.describeConfigs({ resources: [{ ...resourceOf(resource), configurationKeys: null }] })
    return results.flatMap((result) => {
      throwOnFailure(result, `configs of ${result.resourceName}`)
      return result.configs.map((c) => ({
        name: c.name, value: c.value, default: c.defaultValue, source: sources.get(c.configSource) ?? 'default', readOnly: c.readOnly, sensitive: c.isSensitive, documentation: c.documentation,
      }))
    })
  }

  async alterConfigs(resource: ConfigTarget, changes: Readonly<Record<string, string | number | boolean | null>>): Promise<void> {
    this.#check()
    const configs = configsOf(changes).map(({ name, value }) => ({ name, value, configOperation: value === null ? 1 as const : 0 as const }))
    const { responses } = await this.#api.incrementalAlterConfigs({ validateOnly: false, resources: [{ ...resourceOf(resource), configs }] })
    for (const response of responses) throwOnFailure(response, `configs of ${response.resourceName} were not changed`)
  }

  async listOffsets(topic: string, at: 'earliest' | 'latest' | 'maxTimestamp' | number | Date): Promise<PartitionOffset[]> {
    this.#check()
    const timestamp = timestampOf(at)
    const { partitions } = await this.describeTopic(topic)
    const answer = await this.#api.listOffsets({ isolationLevel: 0, partitions: partitions.map(({ partition }) => ({ topic, partition, timestamp })) })
    return answer.partitions.map((p) => {
      throwOnFailure(p, `offsets of ${topic}-${p.partition}`, { topic, partition: p.partition })
      return { partition: p.partition, offset: p.offset, timestamp: p.timestamp }
    }).sort((a, b) => a.partition - b.partition)
  }

  async deleteRecords(topic: string, before: readonly { partition: number; offset: number }[]): Promise<{ partition: number; lowWatermark: number }[]> {
    this.#check()
    checkTopicName(topic)
    for (const { partition, offset } of before) {
      checkPartition(partition, 'deleteRecords')
      if (!Number.isSafeInteger(offset) || offset < -1) throw invalid(`records are deleted before an offset from 0, or −1 for all, not ${String(offset)}`)
    }
    const answer = await this.#api.deleteRecords({ partitions: before.map(({ partition, offset }) => ({ topic, partition, offset })) })
    return answer.partitions.map((p) => {
      throwOnFailure(p, `records of ${topic}-${p.partition} were not deleted`, { topic, partition: p.partition })
      return { partition: p.partition, lowWatermark: p.lowWatermark }
    })
  }

  async listGroups(): Promise<GroupListing[]> { this.#check(); return groups.list(this.#api) }
  async describeGroup(id: string): Promise<GroupDescription> { this.#check(); return groups.describe(this.#api, id) }
  async deleteGroup(id: string): Promise<void> { this.#check(); return groups.remove(this.#api, id) }
  async listGroupOffsets(id: string): Promise<TopicPartitionOffset[]> { this.#check(); return groups.listOffsets(this.#api, id) }
  async alterGroupOffsets(id: string, offsets: readonly TopicPartitionOffset[]): Promise<void> { this.#check(); return groups.alterOffsets(this.#api, id, offsets) }
  async deleteGroupOffsets(id: string, partitions: readonly TopicPartition[]): Promise<void> { this.#check(); return groups.deleteOffsets(this.#api, id, partitions) }

  async describeLogDirs(): Promise<LogDirDescription[]> {
    this.#check()
    const { results } = await this.#api.describeLogDirs({ topics: null })
    return results.map((result) => ({
      path: result.logDir, error: result.errorCode === 0 ? null : result.errorMessage ?? result.error?.message ?? `error ${result.errorCode}`,
      totalBytes: result.totalBytes, usableBytes: result.usableBytes,
      partitions: result.topics.flatMap((topic) => topic.partitions.map((p) => ({ topic: topic.name, partition: p.partitionIndex, size: p.partitionSize, offsetLag: p.offsetLag }))),
    }))
  }

  async describeCluster(): Promise<ClusterDescription> {
    this.#check()
    const cluster = await this.#api.describeCluster()
    return { clusterId: cluster.clusterId, controller: cluster.controllerId, brokers: cluster.brokers.map((b) => ({ id: b.brokerId, host: b.host, port: b.port })) }
  }
}
