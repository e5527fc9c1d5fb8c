/** OffsetDelete: forgets committed offsets that no live member reads. */
import { apis } from '../../protocol/api-registry.ts'
import { groupByTopic, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const offsetDelete: WireApi = serve(apis.offsetDelete, 0, 0, async ({ groupId, topics }, call) => {
  const asked = topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })))
  const { errorCode, partitions } = await call.broker.offsetDelete({ groupId, partitions: asked })
  return {
    errorCode, throttleTimeMs,
    topics: groupByTopic(partitions, (name, list) => (
      { name, partitions: list.map((each) => ({ partitionIndex: each.partition, errorCode: each.errorCode })) })),
  }
})
