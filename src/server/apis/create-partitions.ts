/** CreatePartitions. Whoever assigns new partitions must assign each to this broker. */
import { errorTable } from '../../common/errors.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import { failureFields, serve, type WireApi } from '../wire-api.ts'

type Topic = RequestOf<Apis['createPartitions']>['topics'][number]
const { INVALID_REPLICA_ASSIGNMENT } = errorTable
/** Since when what is over the quota for changes is refused, in place of being done all the same (KIP-599). */
const FIRST_STRICT = 3

export const createPartitions: WireApi = serve(apis.createPartitions, 0, 3, async (request, call) => {
  const quota = call.mutationQuota(call.version >= FIRST_STRICT)
  const { controllerId } = await call.broker.describeCluster()
  const isHere = (brokerIds: readonly number[]): boolean => brokerIds.length === 1 && brokerIds[0] === controllerId
  const fits = ({ assignments }: Topic): boolean => assignments === null || assignments.every(({ brokerIds }) => isHere(brokerIds))
  const topics = request.topics.filter(fits).map(({ name, count }) => ({ name, count }))
  const response = await call.broker.createPartitions({ validateOnly: request.validateOnly, topics, allowance: quota.allowance })
  let next = 0
  return {
    throttleTimeMs: quota.waitMs(),
    results: request.topics.map((topic) => fits(topic)
      ? { name: topic.name, ...failureFields(response.topics[next++]!) }
      : { name: topic.name, errorCode: INVALID_REPLICA_ASSIGNMENT.errorCode, errorMessage: `each new partition must be assigned to [${controllerId}]` }),
  }
})
