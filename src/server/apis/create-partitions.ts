/** CreatePartitions. A topic that is named twice is refused, once. */
import { apis } from '../../protocol/api-registry.ts'
import { failureFields, serve, type WireApi } from '../wire-api.ts'

/** Since when what is over the quota for changes is refused, in place of being done all the same (KIP-599). */
const FIRST_STRICT = 3

export const createPartitions: WireApi = serve(apis.createPartitions, 0, 3, async ({ topics, validateOnly }, call) => {
  const quota = call.mutationQuota(call.version >= FIRST_STRICT)
  const asked = topics.map(({ name, count, assignments }) => ({ name, count, assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null }))
  const response = await call.broker.createPartitions({ validateOnly, topics: asked, allowance: quota.allowance })
  const results = new Map(response.topics.map((each) => [each.name, each]))
  return { throttleTimeMs: quota.waitMs(), results: [...results.values()].map(({ name, ...failure }) => ({ name, ...failureFields(failure) })) }
})
