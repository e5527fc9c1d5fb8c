/** DeleteRecords: moves the start of partitions up; offset −1 is the high watermark. */
import { apis } from '../../protocol/api-registry.ts'
import { byTopic, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const deleteRecords: WireApi = serve(apis.deleteRecords, 0, 2, async (request, call) => {
  const asked = request.topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex, offset }) => (
    { topic: name, partition: partitionIndex, offset })))
  const { partitions } = await call.broker.deleteRecords({ partitions: asked })
  return {
    throttleTimeMs,
    topics: byTopic(request.topics, partitions, ({ name }, list) => ({
      name, partitions: list.map(({ partition, lowWatermark, errorCode }) => ({ partitionIndex: partition, lowWatermark, errorCode })),
    })),
  }
})
