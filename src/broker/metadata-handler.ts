/** Metadata and DescribeCluster: which topics there are and who leads them. Names that are missing are created where that is allowed. */
import { OttlaError } from '../common/errors.ts'
import { checkTopicName, internalTopics, METADATA_TOPIC } from '../common/topic-partition.ts'
import { ZERO_UUID } from '../common/uuid.ts'
import type { TopicInfo } from '../metadata/topic-registry.ts'
import { unknownTopic } from '../metadata/topic-registry.ts'
import type { DescribeClusterResponse, MetadataRequest, MetadataResponse, PartitionMetadata, TopicMetadata } from '../protocol/broker-api.ts'
import { ADVERTISED_HOST, ADVERTISED_PORT, type BrokerContext } from './broker-context.ts'
import { failure, noFailure } from './failure.ts'
import { answerEach } from './partition-lookup.ts'

export async function handleMetadata(context: BrokerContext, request: MetadataRequest): Promise<MetadataResponse> {
  const { nodeId, clusterId } = context
  const topics = request.topics === null
    ? context.topics.all().map((info) => describe(context, info))
    : await answerEach([...new Set(request.topics)], async (name) => describe(context, await findOrCreate(context, name, request)),
      (name, why): TopicMetadata => ({ name, topicId: ZERO_UUID, isInternal: internalTopics.has(name), partitions: [], ...why }))
  return { brokers: [{ nodeId, host: ADVERTISED_HOST, port: ADVERTISED_PORT, rack: context.config.values['broker.rack'] }], clusterId, controllerId: nodeId, topics }
}

async function findOrCreate(context: BrokerContext, name: string, { allowAutoTopicCreation, allowance }: MetadataRequest): Promise<TopicInfo> {
  const known = context.topics.get(name)
  if (known !== undefined) {
    context.deletedNames.delete(name)
    return known
  }
  checkTopicName(name)
  const { values } = context.config
  const isReserved = internalTopics.has(name) || name === METADATA_TOPIC
  if (!allowAutoTopicCreation || !values['auto.create.topics.enable'] || context.readOnly || isReserved) throw unknownTopic(name)
  try {
    allowance?.take(values['num.partitions'])
    const info = await context.topics.create(name, values['num.partitions'], {})
    // Who deletes a topic over the network and looks whether it is gone must see that it is: as in Kafka, the one that the look makes is seen by the next.
    if (context.callers === 'network' && context.deletedNames.delete(name)) throw unknownTopic(name)
    return info
  } catch (error) {
    if (OttlaError.is(error, 'THROTTLING_QUOTA_EXCEEDED')) throw unknownTopic(name)
    const made = OttlaError.is(error, 'TOPIC_ALREADY_EXISTS') ? context.topics.get(name) : undefined
    if (made !== undefined) return made
    throw error
  }
}

function describe(context: BrokerContext, info: TopicInfo): TopicMetadata {
  const partitions: PartitionMetadata[] = []
  const nodes = [context.nodeId]
  for (let partitionIndex = 0; partitionIndex < info.partitionCount; partitionIndex += 1) {
    const log = context.logs.get(info.name, partitionIndex)
    if (log === undefined) {
      const where = { topic: info.name, partition: partitionIndex }
      const why = failure('LEADER_NOT_AVAILABLE', `partition ${partitionIndex} of ${info.name} has no log in this directory`, where)
      partitions.push({ ...why, partitionIndex, leaderId: -1, leaderEpoch: -1, replicaNodes: nodes, isrNodes: [] })
    } else partitions.push({ ...noFailure, partitionIndex, leaderId: context.nodeId, leaderEpoch: log.leaderEpoch, replicaNodes: nodes, isrNodes: nodes })
  }
  return { ...noFailure, name: info.name, topicId: info.topicId, isInternal: info.isInternal, partitions }
}

export function handleDescribeCluster(context: BrokerContext): DescribeClusterResponse {
  const { nodeId, clusterId } = context
  return { clusterId, controllerId: nodeId, brokers: [{ brokerId: nodeId, host: ADVERTISED_HOST, port: ADVERTISED_PORT, rack: context.config.values['broker.rack'] }] }
}
