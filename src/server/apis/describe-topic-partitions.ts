/**
 * DescribeTopicPartitions (KIP-966): what Java's admin client describes topics with. Topics come in the order of their names, at most a page of partitions
 * at once, then a cursor to go on with; never made by asking.
 */
import { errorTable } from '../../common/errors.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import { operationBits, OPERATIONS_NOT_ASKED } from '../access/rights.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'
import { topicOf, type TopicAnswer } from './metadata.ts'

type Request = RequestOf<Apis['describeTopicPartitions']>

/** Kafka's max.request.partition.size.limit. */
const PAGE = 2000

export const describeTopicPartitions: WireApi = serve(apis.describeTopicPartitions, 0, 0, async (request, call) => {
  const { topics, cursor } = request
  const names = [...new Set(topics.map(({ name }) => name))]
  if (cursor !== null && (cursor.partitionIndex < 0 || (names.length > 0 && !names.includes(cursor.topicName)))) {
    const { errorCode } = errorTable.INVALID_REQUEST
    return { throttleTimeMs, topics: names.map((name) => ({ errorCode, name, topicId: ZERO_UUID, isInternal: false, partitions: [] })), nextCursor: null }
  }
  const response = await call.broker.metadata({ topics: names.length === 0 ? null : names, allowAutoTopicCreation: false })
  const sorted = response.topics.map((each) => topicOf(each, isRefused(each) ? OPERATIONS_NOT_ASKED : operationBits(call.rights, 'TOPIC', each.name)))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return { throttleTimeMs, ...page(sorted, request) }
})

function isRefused({ errorCode }: { readonly errorCode: number }): boolean { return errorCode === errorTable.TOPIC_AUTHORIZATION_FAILED.errorCode }

/** From the cursor on, as far as the page goes. What is described of a topic that is not there takes no room in it. */
function page(sorted: readonly TopicAnswer[], { cursor, responsePartitionLimit }: Request) {
  const topics: TopicAnswer[] = []
  let room = Math.max(1, Math.min(PAGE, responsePartitionLimit))
  for (const topic of sorted) {
    if (cursor !== null && topic.name < cursor.topicName) continue
    if (room === 0) return { topics, nextCursor: { topicName: topic.name, partitionIndex: 0 } }
    const start = topic.name === cursor?.topicName ? cursor.partitionIndex : 0
    const partitions = topic.partitions.slice(start, start + room).map((each) => ({ ...each, eligibleLeaderReplicas: [], lastKnownElr: [] }))
    topics.push({ ...topic, partitions })
    const next = start + partitions.length
    if (next < topic.partitions.length) return { topics, nextCursor: { topicName: topic.name, partitionIndex: next } }
    room -= partitions.length
  }
  return { topics, nextCursor: null }
}
