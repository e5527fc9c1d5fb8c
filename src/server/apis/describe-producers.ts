/** DescribeProducers: the idempotent producers that a partition remembers. */
import { apis } from '../../protocol/api-registry.ts'
import { byTopic, failureFields, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const describeProducers: WireApi = serve(apis.describeProducers, 0, 0, async (request, call) => {
  const topics = request.topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes }))
  const asked = topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })))
  const { partitions } = await call.broker.describeProducers({ partitions: asked })
  return {
    throttleTimeMs,
    topics: byTopic(topics, partitions, ({ name }, list) => ({
      name, partitions: list.map(({ partition, activeProducers, ...failure }) => ({ partitionIndex: partition, ...failureFields(failure), activeProducers })),
    })),
  }
})
