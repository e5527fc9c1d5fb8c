/** CreateTopics, DeleteTopics, CreatePartitions. Topics of one request are handled one after another, each wholly or not at all. */
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import { repeated } from '../common/repeated.ts'
import { internalTopics, METADATA_TOPIC } from '../common/topic-partition.ts'
import { ZERO_UUID } from '../common/uuid.ts'
import { unknownTopic } from '../metadata/topic-registry.ts'
import type {
  CreatableTopicResult, CreatePartitionsRequest, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, PartitionAllowance,
  TopicResult,
} from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { failureOf } from './failure.ts'
import { mustWrite } from './partition-lookup.ts'

/** How many deleted topics a broker remembers by name. */
const DELETED_NAMES = 1000

type NewTopic = CreateTopicsRequest['topics'][number]

export async function handleCreateTopics(context: BrokerContext, request: CreateTopicsRequest): Promise<CreateTopicsResponse> {
  const topics: CreatableTopicResult[] = []
  const twice = repeated(request.topics.map(({ name }) => name))
  const made = new Set<string>()
  for (const topic of request.topics) {
    try {
      checkOnce(twice, topic.name)
      topics.push(await createOne(context, topic, request, made))
      made.add(topic.name)
    } catch (error) {
      topics.push({ name: topic.name, topicId: ZERO_UUID, numPartitions: -1, replicationFactor: -1, ...failureOf(error) })
    }
  }
  return { topics }
}

function checkOnce(twice: ReadonlySet<string>, name: string): void {
  if (twice.has(name)) throw new OttlaError('INVALID_REQUEST', `the request names topic ${name} twice`, { topic: name })
}

/** In Kafka's order: of several problems the first is told. A topic is held against those that were there before the request, not those `made` by it. */
async function createOne(
  context: BrokerContext, topic: NewTopic, { validateOnly, allowance }: CreateTopicsRequest, made: ReadonlySet<string>,
): Promise<CreatableTopicResult> {
  const { name } = topic
  mustWrite(context)
  const isMetadata = name === METADATA_TOPIC
  if (isMetadata || (internalTopics.has(name) && context.topics.get(name) === undefined)) {
    throw new OttlaError(isMetadata ? 'INVALID_REQUEST' : 'INVALID_TOPIC_EXCEPTION', `${name} is internal: it is not made by hand`, { topic: name })
  }
  context.topics.checkName(name, made)
  const configs = Object.fromEntries(topic.configs.map((config): [string, string] => {
    if (config.value === null) throw new OttlaError('INVALID_CONFIG', `topic ${name}: ${config.name} has no value`, { topic: name })
    return [config.name, config.value]
  }))
  const values = context.topics.checkSettings(configs)
  checkReplication(context, topic)
  const asked = topic.assignments.length > 0 ? topic.assignments.length : topic.numPartitions
  const count = asked === -1 ? context.config.values['num.partitions'] : asked
  context.topics.checkCount(name, count)
  allowance?.take(count)
  const counts = { numPartitions: count, replicationFactor: 1, errorCode: 0 }
  if (validateOnly) {
    const { describeTopicSettings } = await loadPart('the code for settings', () => import('./describe-configs-handler.ts'))
    return { name, topicId: ZERO_UUID, ...counts, settings: describeTopicSettings(context, { configs, values }) }
  }
  const { topicId } = await context.topics.create(name, count, configs, made)
  return { name, topicId, ...counts }
}

function checkReplication(context: BrokerContext, topic: NewTopic): void {
  const { name, assignments, replicationFactor, numPartitions } = topic
  if (assignments.length > 0 && (numPartitions !== -1 || replicationFactor !== -1)) {
    const problem = `topic ${name}: where assignments are given, the number of partitions and the replication factor must be -1`
    throw new OttlaError('INVALID_REQUEST', problem, { topic: name })
  }
  if (replicationFactor !== -1 && replicationFactor !== 1) {
    const problem = `topic ${name}: there is one broker, so the replication factor must be 1, not ${replicationFactor}`
    throw new OttlaError('INVALID_REPLICATION_FACTOR', problem, { topic: name })
  }
  const seen = new Set<number>()
  for (const { partitionIndex, brokerIds } of assignments) {
    const isNext = partitionIndex >= 0 && partitionIndex < assignments.length && !seen.has(partitionIndex)
    if (!isNext || brokerIds.length !== 1 || brokerIds[0] !== context.nodeId) {
      const problem = `topic ${name}: partitions 0 to ${assignments.length - 1} must each be assigned to [${context.nodeId}]`
      throw new OttlaError('INVALID_REPLICA_ASSIGNMENT', problem, { topic: name })
    }
    seen.add(partitionIndex)
  }
}

export async function handleDeleteTopics(context: BrokerContext, request: DeleteTopicsRequest): Promise<{ readonly topics: readonly TopicResult[] }> {
  const topics: TopicResult[] = []
  for (const name of request.names) {
    try {
      await deleteOne(context, name, request.allowance)
      topics.push({ name, errorCode: 0 })
    } catch (error) {
      topics.push({ name, ...failureOf(error) })
    }
  }
  return { topics }
}

async function deleteOne(context: BrokerContext, name: string, allowance: PartitionAllowance | undefined): Promise<void> {
  mustWrite(context)
  if (!context.config.values['delete.topic.enable']) {
    throw new OttlaError('TOPIC_DELETION_DISABLED', 'topics cannot be deleted: delete.topic.enable is false', { topic: name })
  }
  if (context.topics.get(name) === undefined) throw unknownTopic(name)
  if (internalTopics.has(name)) throw new OttlaError('INVALID_TOPIC_EXCEPTION', `${name} is internal: it cannot be deleted`, { topic: name })
  allowance?.take(context.topics.partitionCount(name) ?? 0)
  await context.topics.delete(name)
  context.topicGone(name)
  rememberDeleted(context, name)
  await context.groups.topicDeleted(name)
}

function rememberDeleted({ deletedNames }: BrokerContext, name: string): void {
  deletedNames.add(name)
  if (deletedNames.size > DELETED_NAMES) deletedNames.delete(deletedNames.values().next().value!)
}

export async function handleCreatePartitions(context: BrokerContext, request: CreatePartitionsRequest): Promise<{ readonly topics: readonly TopicResult[] }> {
  const topics: TopicResult[] = []
  const twice = repeated(request.topics.map(({ name }) => name))
  for (const { name, count, assignments } of request.topics) {
    try {
      mustWrite(context)
      checkOnce(twice, name)
      if (context.topics.get(name) !== undefined && internalTopics.has(name)) {
        const problem = `${name} is internal: groups are placed by its number of partitions, which must not change`
        throw new OttlaError('INVALID_TOPIC_EXCEPTION', problem, { topic: name })
      }
      context.topics.checkGrowth(name, count)
      const additional = count - (context.topics.partitionCount(name) ?? 0)
      checkAssignments(context, name, assignments ?? null, additional)
      request.allowance?.take(additional)
      if (!request.validateOnly) await context.topics.grow(name, count)
      topics.push({ name, errorCode: 0 })
    } catch (error) {
      topics.push({ name, ...failureOf(error) })
    }
  }
  return { topics }
}

/** Whoever says where new partitions go says it of each, and there is but one place. */
function checkAssignments({ nodeId }: BrokerContext, name: string, assignments: readonly (readonly number[])[] | null, additional: number): void {
  if (assignments === null || (assignments.length === additional && assignments.every((brokers) => brokers.length === 1 && brokers[0] === nodeId))) return
  const problem = `topic ${name}: ${additional} new partitions must each be assigned to [${nodeId}], and no more`
  throw new OttlaError('INVALID_REPLICA_ASSIGNMENT', problem, { topic: name })
}
