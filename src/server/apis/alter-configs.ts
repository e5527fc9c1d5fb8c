/** AlterConfigs, the old way: what is given replaces all overrides of a resource, and whatever is not named goes back to its default. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { RESOURCE_BROKER_LOGGER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP, RESOURCE_TOPIC, type ConfigResource } from '../../protocol/broker-api.ts'
import { asKafka, namedTwice, resourceProblem } from './config-resources.ts'
import { failureFields, NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

const SET = 0
const DELETE = 1
/** Sources of values that are overrides: of a topic, of the broker, of all brokers, of client metrics, of a group. */
const DYNAMIC_TOPIC = 1
const DYNAMIC_BROKER = 2
const DYNAMIC_DEFAULT_BROKER = 3
const CLIENT_METRICS = 7
const DYNAMIC_GROUP = 8

export const alterConfigs: WireApi = serve(apis.alterConfigs, 0, 2, async (request, call) => {
  const responses = []
  const twice = namedTwice(request.resources)
  for (const each of request.resources) {
    const { resourceType, resourceName, configs } = each
    const resource = { resourceType, resourceName }
    const problem = resourceProblem(each, twice, ({ value }) => value === null)
      ?? (resourceType === RESOURCE_BROKER_LOGGER ? 'levels of loggers are altered by IncrementalAlterConfigs' : null)
    if (problem !== null) {
      responses.push({ ...resource, errorCode: errorTable.INVALID_REQUEST.errorCode, errorMessage: problem })
      continue
    }
    const given = new Set(configs.map(({ name }) => name))
    const obsolete = (await overridesOf(call, resource)).filter((name) => !given.has(name))
    const changes = [...configs.map(({ name, value }) => ({ name, configOperation: SET, value } as const)), ...obsolete.map((name) => ({ name, configOperation: DELETE, value: null } as const))]
    const answer = await call.broker.incrementalAlterConfigs({ validateOnly: request.validateOnly, resources: [{ ...resource, configs: changes }] })
    responses.push({ ...resource, ...failureFields(asKafka({ ...resource, configs: changes }, answer.responses[0]!)) })
  }
  return { throttleTimeMs, responses }
})

function sourceOf({ resourceType, resourceName }: ConfigResource): number {
  if (resourceType === RESOURCE_TOPIC) return DYNAMIC_TOPIC
  if (resourceType === RESOURCE_GROUP) return DYNAMIC_GROUP
  if (resourceType === RESOURCE_CLIENT_METRICS) return CLIENT_METRICS
  return resourceName === '' ? DYNAMIC_DEFAULT_BROKER : DYNAMIC_BROKER
}

async function overridesOf(call: Call, resource: ConfigResource): Promise<string[]> {
  const source = sourceOf(resource)
  const { results } = await call.unguarded.describeConfigs({ resources: [{ ...resource, configurationKeys: null }] })
  const [result] = results
  return result === undefined || result.errorCode !== NONE ? [] : result.configs.filter(({ configSource }) => configSource === source).map(({ name }) => name)
}
