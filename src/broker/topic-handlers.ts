/** CreateTopics. Topics of one request are handled one after another, each wholly or not at all. */
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import { repeated } from '../common/repeated.ts'
import { internalTopics, METADATA_TOPIC } from '../common/topic-partition.ts'
import { ZERO_UUID } from '../common/uuid.ts'
import type { CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse } from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { failureOf } from './failure.ts'
import { mustWrite } from './partition-lookup.ts'

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

/** Raises INVALID_REQUEST. */
export function checkOnce(twice: ReadonlySet<string>, name: string): void {
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
