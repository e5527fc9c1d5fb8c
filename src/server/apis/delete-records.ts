/** DeleteRecords: moves the start of partitions up; offset −1 is the high watermark. Of a partition that is named twice the last counts. */
import { apis } from '../../protocol/api-registry.ts'
import type { DeleteRecordsRequest } from '../../protocol/broker-api.ts'
import { groupByTopic, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const deleteRecords: WireApi = serve(apis.deleteRecords, 0, 2, async (request, call) => {
  const asked = new Map<string, DeleteRecordsRequest['partitions'][number]>()
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex, offset } of partitions) asked.set(`${name}/${partitionIndex}`, { topic: name, partition: partitionIndex, offset })
  }
  const { partitions } = await call.broker.deleteRecords({ partitions: [...asked.values()] })
  return {
    throttleTimeMs,
    topics: groupByTopic(partitions, (name, list) => ({
      name, partitions: list.map(({ partition, lowWatermark, errorCode }) => ({ partitionIndex: partition, lowWatermark, errorCode })),
    })),
  }
})
