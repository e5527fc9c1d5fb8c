/** CreateTopics. From version 5 on the answer shows the settings that the topic got. */
import { apis } from '../../protocol/api-registry.ts'
import { RESOURCE_TOPIC, type DescribeConfigsResponse } from '../../protocol/broker-api.ts'
import { failureFields, isShown, NONE, serve, type Call, type WireApi } from '../wire-api.ts'

const FIRST_WITH_CONFIGS = 5
/** Since when what is over the quota for changes is refused, in place of being done all the same (KIP-599). */
const FIRST_STRICT = 6

export const createTopics: WireApi = serve(apis.createTopics, 2, 7, async (request, call) => {
  const quota = call.mutationQuota(call.version >= FIRST_STRICT)
  const { topics } = await call.broker.createTopics({ validateOnly: request.validateOnly, topics: request.topics, allowance: quota.allowance })
  const made = topics.filter(({ errorCode }) => errorCode === NONE).map(({ name }) => name)
  const configs = call.version < FIRST_WITH_CONFIGS || request.validateOnly ? new Map<string, Described>() : await configsOf(call, made)
  return {
    throttleTimeMs: quota.waitMs(),
    topics: topics.map(({ name, topicId, numPartitions, replicationFactor, ...failure }) => {
      const described = configs.get(name)
      const counts = described === undefined || described.errorCode === NONE ? { numPartitions, replicationFactor, configs: described?.configs ?? [] } : unseen
      return { name, topicId, ...counts, ...failureFields(failure), topicConfigErrorCode: described?.errorCode ?? NONE }
    }),
  }
})

type Described = DescribeConfigsResponse['results'][number]
/** Of a topic whose settings the client may not see. */
const unseen = { numPartitions: -1, replicationFactor: -1, configs: null }

async function configsOf(call: Call, names: readonly string[]): Promise<ReadonlyMap<string, Described>> {
  const resources = names.map((resourceName) => ({ resourceType: RESOURCE_TOPIC, resourceName, configurationKeys: null }))
  const { results } = await call.broker.describeConfigs({ resources })
  return new Map(results.map((each) => [each.resourceName, { ...each, configs: each.configs.filter(isShown) }]))
}
