/** OffsetForLeaderEpoch: where an epoch ended, so that consumers notice a log that was truncated. */
import { apis } from '../../protocol/api-registry.ts'
import { byTopic, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const offsetForLeaderEpoch: WireApi = serve(apis.offsetForLeaderEpoch, 2, 4, async (request, call) => {
  const asked = request.topics.flatMap(({ topic, partitions }) => partitions.map(({ partition, leaderEpoch, currentLeaderEpoch }) => (
    { topic, partition, leaderEpoch, currentLeaderEpoch })))
  const { partitions } = await call.broker.offsetForLeaderEpoch({ partitions: asked })
  return {
    throttleTimeMs,
    topics: byTopic(request.topics, partitions, ({ topic }, list) => ({
      topic, partitions: list.map(({ partition, leaderEpoch, endOffset, errorCode }) => ({ partition, leaderEpoch, endOffset, errorCode })),
    })),
  }
})
