/** Metadata: topics by name or id, made where broker and client allow it; brokers at the address by which the client came (spec/wire-protocol T15). */
import { errorTable } from '../../common/errors.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import type { TopicMetadata } from '../../protocol/broker-api.ts'
import { authorizedOperations, NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

type Request = RequestOf<Apis['metadata']>

/** First version whose answer may leave out the name of a topic that was asked for by id. */
const FIRST_WITHOUT_NAME = 12

export const metadata: WireApi = serve(apis.metadata, 0, 13, async (request, call) => {
  const names: string[] = []
  const unknownIds: string[] = []
  for (const { name, topicId } of asked(request)) {
    const found = topicId === ZERO_UUID && name !== null ? name : call.broker.topicName(topicId)
    if (found === null) unknownIds.push(topicId)
    else names.push(found)
  }
  const topics = isForAll(request, call) ? null : names
  const response = await call.broker.metadata({ topics, allowAutoTopicCreation: request.allowAutoTopicCreation })
  const { topic, cluster, notAsked } = authorizedOperations
  const noName = call.version < FIRST_WITHOUT_NAME ? '' : null
  return {
    throttleTimeMs, clusterId: response.clusterId, controllerId: response.controllerId,
    brokers: response.brokers.map(({ nodeId, rack }) => ({ nodeId, ...call.endpoint, rack })),
    topics: [
      ...response.topics.map((each) => topicOf(each, request.includeTopicAuthorizedOperations ? topic : notAsked)),
      ...unknownIds.map((topicId) => ({ errorCode: errorTable.UNKNOWN_TOPIC_ID.errorCode, name: noName, topicId, partitions: [] })),
    ],
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? cluster : notAsked,
  }
})

/** Where one topic is named by its id, all are: beside an id Java's clients send an empty name. */
function asked({ topics }: Request): NonNullable<Request['topics']> {
  const withId = (topics ?? []).filter(({ topicId }) => topicId !== ZERO_UUID)
  return withId.length > 0 ? withId : topics ?? []
}

/** In version 0 no topics are all topics. */
function isForAll({ topics }: Request, { version }: Call): boolean { return topics === null || (version === 0 && topics.length === 0) }

/** A topic as `Metadata` and `DescribeTopicPartitions` tell it. */
export type TopicAnswer = ResponseOf<Apis['metadata']>['topics'][number] & { readonly name: string }

export function topicOf({ errorCode, name, topicId, isInternal, partitions }: TopicMetadata, topicAuthorizedOperations: number): TopicAnswer {
  return {
    errorCode, name, topicId: errorCode === NONE ? topicId : ZERO_UUID, isInternal, topicAuthorizedOperations,
    partitions: partitions.map((each) => ({
      errorCode: each.errorCode, partitionIndex: each.partitionIndex, leaderId: each.leaderId, leaderEpoch: each.leaderEpoch,
      replicaNodes: each.replicaNodes, isrNodes: each.isrNodes, offlineReplicas: each.leaderId < 0 ? each.replicaNodes : [],
    })),
  }
}
