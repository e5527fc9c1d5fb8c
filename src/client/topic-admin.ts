/**
 * The part of the admin client that concerns topics, their offsets and records, and the cluster: each method is one or two requests, arguments checked, answers
 * turned into plain values and errors that name what is meant.
 */
import { isDate } from 'node:util/types'
import { callOptions, shown } from '../common/call-options.ts'
import { OttlaError, type ErrorContext } from '../common/errors.ts'
import { checkTopicName } from '../common/topic-partition.ts'
import {
  EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP, type BrokerApi, type Failure, type TopicMetadata,
} from '../protocol/broker-api.ts'
import { configText } from './config-text.ts'
import { errorOf, throwOnFailure } from './failure.ts'
import type { RequestCaller } from './request-caller.ts'
import { lookUpTopic, unknownTopic } from './topic-lookup.ts'
import type { ClusterDescription, CreateTopicOptions, LogDirDescription, PartitionOffset, TopicDescription } from './types.ts'

function invalid(message: string, context?: ErrorContext): OttlaError { return new OttlaError('INVALID_ARGUMENT', message, context) }

function describeMetadata(topic: TopicMetadata): TopicDescription {
  return {
    name: topic.name, topicId: topic.topicId, internal: topic.isInternal,
    partitions: [...topic.partitions].sort((a, b) => a.partitionIndex - b.partitionIndex).map((each) => (
      { partition: each.partitionIndex, leader: each.leaderId, replicas: [...each.replicaNodes], isr: [...each.isrNodes], leaderEpoch: each.leaderEpoch })),
  }
}

/** Raises UNKNOWN_TOPIC_OR_PARTITION with the nearest name in place of a bare one. */
export async function throwOnTopicFailure(api: BrokerApi, failure: Failure, what: string, topic: string, partition?: number): Promise<void> {
  const error = errorOf(failure, what, { topic, partition })
  if (error === null) return
  throw error.code === 'UNKNOWN_TOPIC_OR_PARTITION' ? await unknownTopic(api, topic, error) : error
}

export class TopicAdmin {
  readonly #api: BrokerApi
  readonly #caller: RequestCaller

  constructor(api: BrokerApi, caller: RequestCaller) {
    this.#api = api
    this.#caller = caller
  }

  // ---- topics ----

  /** Raises TOPIC_ALREADY_EXISTS (unless `ifNotExists`), INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_CONFIG. */
  async create(name: string, options: CreateTopicOptions = {}): Promise<TopicDescription> {
    checkTopicName(name)
    checkCreateOptions(options, { topic: name })
    const { partitions = -1, replicationFactor = -1, config = {}, assignment = [], ifNotExists = false, validateOnly = false } = options
    const configs = Object.entries(config).filter(([, value]) => value !== undefined).map(([key, value]) => ({ name: key, value: configText(key, value, { topic: name }) }))
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

  async delete(name: string): Promise<void> {
    checkTopicName(name)
    await this.#caller.call(`deleting topic ${name}`, async () => {
      const { topics } = await this.#api.deleteTopics({ names: [name] })
      for (const each of topics) await throwOnTopicFailure(this.#api, each, `deleting topic ${name}`, name)
    })
  }

  /** Names, sorted; Kafka's internal topics only when asked for. */
  async list(options: { internal?: boolean } = {}): Promise<string[]> {
    const { internal = false } = callOptions('listTopics', options, ['internal'])
    const { topics } = await this.#caller.call('listing topics', () => this.#api.metadata({ topics: null, allowAutoTopicCreation: false }))
    return topics.filter((each) => internal || !each.isInternal).map((each) => each.name).sort()
  }

  async describe(name: string): Promise<TopicDescription> {
    checkTopicName(name)
    return describeMetadata(await this.#caller.call(`describing topic ${name}`, () => lookUpTopic(this.#api, name, false)))
  }

  async grow(name: string, total: number): Promise<void> {
    checkTopicName(name)
    if (!Number.isInteger(total) || total < 1) throw invalid(`the total number of partitions is ${shown(total)}: give a whole number above the present one`, { topic: name })
    await this.#caller.call(`adding partitions to ${name}`, async () => {
      const { topics } = await this.#api.createPartitions({ validateOnly: false, topics: [{ name, count: total }] })
      for (const each of topics) await throwOnTopicFailure(this.#api, each, `adding partitions to ${name}`, name)
    })
  }

  // ---- offsets, records ----

  /** By partition. A time (ms or Date) finds the first record of that time or later; offset −1 where there is none. */
  async listOffsets(topic: string, at: 'earliest' | 'latest' | 'maxTimestamp' | number | Date): Promise<PartitionOffset[]> {
    checkTopicName(topic)
    const timestamp = timestampFor(at, topic)
    const { partitions } = await this.describe(topic)
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
    if (!Array.isArray(before)) throw invalid('deleteRecords(topic, before): before is an array of { partition, offset }', { topic })
    for (const each of before as readonly unknown[]) {
      if (each === null || typeof each !== 'object') throw invalid('deleteRecords(topic, before): before is an array of { partition, offset }', { topic })
      const { partition, offset } = each as { partition: unknown; offset: unknown }
      if (!Number.isInteger(partition) || (partition as number) < 0) throw invalid(`partition is ${shown(partition)}: give a whole number from 0`, { topic })
      if (Number.isSafeInteger(offset) && (offset as number) >= -1) continue
      throw invalid(`offset is ${shown(offset)}: give a whole number from 0, or −1 for the end`, { topic, partition: partition as number })
    }
    return this.#caller.call(`deleting records of ${topic}`, async () => {
      const answer = await this.#api.deleteRecords({ partitions: before.map(({ partition, offset }) => ({ topic, partition, offset })) })
      const results: { partition: number; lowWatermark: number }[] = []
      for (const each of answer.partitions) {
        await throwOnTopicFailure(this.#api, each, `deleting records of ${topic}-${each.partition}`, topic, each.partition)
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
}

function timestampFor(at: unknown, topic: string): number {
  if (at === 'earliest') return EARLIEST_TIMESTAMP
  if (at === 'latest') return LATEST_TIMESTAMP
  if (at === 'maxTimestamp') return MAX_TIMESTAMP
  const value = isDate(at) ? at.getTime() : at
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  const given = isDate(at) ? 'an invalid Date' : typeof at === 'number' || typeof at === 'string' ? JSON.stringify(at) : typeof at
  throw invalid(`offsets are listed at 'earliest', 'latest', 'maxTimestamp', milliseconds since 1970 or a Date, not ${given}`, { topic })
}

const createOptions = new Set(['partitions', 'replicationFactor', 'config', 'assignment', 'ifNotExists', 'validateOnly'])

function checkCreateOptions(options: CreateTopicOptions, place: ErrorContext): void {
  if (options === null || typeof options !== 'object') throw invalid('createTopic(name, options): options is an object', place)
  for (const name of Object.keys(options)) {
    if (createOptions.has(name)) continue
    throw invalid(`createTopic has no option ${JSON.stringify(name)}: it takes ${[...createOptions].join(', ')} (topic settings go into config)`, place)
  }
  const { partitions, replicationFactor, assignment, config } = options
  if (config !== undefined && (config === null || typeof config !== 'object' || Array.isArray(config))) throw invalid('config is an object of topic settings', place)
  for (const [name, value] of Object.entries({ partitions, replicationFactor })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= -1)) throw invalid(`${name} is ${shown(value)}: give a whole number from 1`, place)
  }
  if (assignment === undefined) return
  if (!Array.isArray(assignment) || !assignment.every((ids) => Array.isArray(ids) && ids.every((id) => Number.isInteger(id)))) {
    throw invalid('assignment is, by partition, the list of its brokers: [[1], [1]]', place)
  }
  if (partitions === undefined || partitions === -1 || partitions === assignment.length) return
  throw invalid(`partitions is ${partitions}, but assignment has ${assignment.length}`, place)
}
