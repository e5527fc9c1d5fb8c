/** DeleteTopics, CreatePartitions: of topics that are there. Loaded when somebody asks. Topics of one request are handled one after another, each wholly or not at all. */
import { OttlaError } from '../common/errors.ts'
import { repeated } from '../common/repeated.ts'
import { internalTopics } from '../common/topic-partition.ts'
import { unknownTopic } from '../metadata/topic-registry.ts'
import type { CreatePartitionsRequest, DeleteTopicsRequest, PartitionAllowance, TopicResult } from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { failureOf } from './failure.ts'
import { mustWrite } from './partition-lookup.ts'
import { checkOnce } from './topic-handlers.ts'

/** How many deleted topics a broker remembers by name. */
const DELETED_NAMES = 1000

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
