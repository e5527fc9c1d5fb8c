/** Metadata: topics by name or id, made where broker and client allow it; brokers at the address by which the client came (spec/wire-protocol T15). */
import { errorTable } from '../../common/errors.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import type { TopicMetadata } from '../../protocol/broker-api.ts'
import { clusterBits, operationBits, OPERATIONS_NOT_ASKED } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

type Request = RequestOf<Apis['metadata']>

/** First version in which topics may be asked for by id; Kafka refuses the whole request before. */
const FIRST_WITHOUT_NAME = 12
const { INVALID_REQUEST, TOPIC_AUTHORIZATION_FAILED, UNKNOWN_TOPIC_ID } = errorTable

export const metadata: WireApi = serve(apis.metadata, 0, 13, async (request, call) => {
  if (call.version < FIRST_WITHOUT_NAME && request.topics?.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID) === true) {
    const topics = request.topics.map(({ name, topicId }) => ({ errorCode: INVALID_REQUEST.errorCode, name: name ?? '', topicId, partitions: [] }))
    return { throttleTimeMs, brokers: [], controllerId: -1, topics }
  }
  const names: string[] = []
  const unknownIds: string[] = []
  /** The ids of topics whose names the client has not said itself. */
  const byId = new Map<string, string>()
  for (const { name, topicId } of asked(request)) {
    const isNamed = topicId === ZERO_UUID && name !== null
    const found = isNamed ? name : call.broker.topicName(topicId)
    if (found === null) unknownIds.push(topicId)
    else names.push(found)
    if (!isNamed && found !== null) byId.set(found, topicId)
  }
  const topics = isForAll(request, call) ? null : names
  // As for CreateTopics of a version that is refused what is over the quota; here the client is not told, and asks again.
  const { allowance } = call.mutationQuota(true)
  const response = await call.broker.metadata({ topics, allowAutoTopicCreation: request.allowAutoTopicCreation, allowance })
  return {
    throttleTimeMs, clusterId: response.clusterId, controllerId: response.controllerId,
    brokers: response.brokers.map(({ nodeId, rack }) => ({ nodeId, ...call.endpoint, rack })),
    topics: [
      ...response.topics.map((each) => {
        const isRefused = each.errorCode === TOPIC_AUTHORIZATION_FAILED.errorCode
        const isAsked = request.includeTopicAuthorizedOperations && !isRefused
        const told = topicOf(each, isAsked ? operationBits(call.rights, 'TOPIC', each.name) : OPERATIONS_NOT_ASKED)
        return isRefused && byId.has(each.name) ? { ...told, name: null, topicId: byId.get(each.name)! } : told
      }),
      ...unknownIds.map((topicId) => ({ errorCode: UNKNOWN_TOPIC_ID.errorCode, name: null, topicId, partitions: [] })),
    ],
    clusterAuthorizedOperations: clusterBits(call.rights, request.includeClusterAuthorizedOperations),
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
