/** OffsetCommit. */
import { apis } from '../../protocol/api-registry.ts'
import { byTopic, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const offsetCommit: WireApi = serve(apis.offsetCommit, 2, 9, async (request, call) => {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch, topics } = request
  const asked = topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => (
    { topic: name, partition: partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata })))
  const { partitions } = await call.broker.offsetCommit({ groupId, memberId, groupInstanceId, generationId: generationIdOrMemberEpoch, partitions: asked })
  return {
    throttleTimeMs,
    topics: byTopic(topics, partitions, ({ name }, list) => (
      { name, partitions: list.map(({ partition, errorCode }) => ({ partitionIndex: partition, errorCode })) })),
  }
})
