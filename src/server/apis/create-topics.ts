/** CreateTopics. A topic that is named twice is refused, once. From version 5 on the answer shows the settings that the topic got, or would get. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { RESOURCE_TOPIC, type CreatableTopicResult, type DescribeConfigsResponse } from '../../protocol/broker-api.ts'
import { failureFields, isShown, NONE, serve, type Call, type WireApi } from '../wire-api.ts'

const FIRST_WITH_CONFIGS = 5
/** Since when what is over the quota for changes is refused, in place of being done all the same (KIP-599). */
const FIRST_STRICT = 6

export const createTopics: WireApi = serve(apis.createTopics, 2, 7, async (request, call) => {
  const quota = call.mutationQuota(call.version >= FIRST_STRICT)
  const { topics } = await call.broker.createTopics({ validateOnly: request.validateOnly, topics: request.topics, allowance: quota.allowance })
  const configs = call.version < FIRST_WITH_CONFIGS ? new Map<string, Described>() : await configsOf(call, topics)
  return {
    throttleTimeMs: quota.waitMs(),
    topics: [...new Map(topics.map((each) => [each.name, each])).values()].map(({ name, topicId, numPartitions, replicationFactor, ...failure }) => {
      const described = configs.get(name)
      const counts = described === undefined || described.errorCode === NONE ? { numPartitions, replicationFactor, configs: described?.configs ?? [] } : unseen
      return { name, topicId, ...counts, ...failureFields(failure), topicConfigErrorCode: described?.errorCode ?? NONE }
    }),
  }
})

type Described = Pick<DescribeConfigsResponse['results'][number], 'errorCode' | 'configs'>
/** Of a topic whose settings the client may not see. */
const unseen = { numPartitions: -1, replicationFactor: -1, configs: null }
const refused: Described = { errorCode: errorTable.TOPIC_AUTHORIZATION_FAILED.errorCode, configs: [] }

/** By name, of those topics that are there now or would be. */
async function configsOf(call: Call, topics: readonly CreatableTopicResult[]): Promise<ReadonlyMap<string, Described>> {
  const shown = new Map<string, Described>()
  const made: string[] = []
  for (const { name, errorCode, settings } of topics) {
    if (settings !== undefined) shown.set(name, call.rights.may('DESCRIBE_CONFIGS', 'TOPIC', name) ? { errorCode, configs: settings.filter(isShown) } : refused)
    else if (errorCode === NONE) made.push(name)
  }
  const resources = made.map((resourceName) => ({ resourceType: RESOURCE_TOPIC, resourceName, configurationKeys: null }))
  const { results } = made.length === 0 ? { results: [] } : await call.broker.describeConfigs({ resources })
  for (const { resourceName, errorCode, configs } of results) shown.set(resourceName, { errorCode, configs: configs.filter(isShown) })
  return shown
}
