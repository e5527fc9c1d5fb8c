/** IncrementalAlterConfigs: sets, deletes, appends and subtracts; each resource wholly or not at all. */
import { errorTable } from '../../common/errors.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import type { IncrementalAlterConfigsRequest } from '../../protocol/broker-api.ts'
import { asKafka, namedTwice, resourceProblem } from './config-resources.ts'
import { failureFields, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

type Resource = RequestOf<Apis['incrementalAlterConfigs']>['resources'][number]
type Operation = IncrementalAlterConfigsRequest['resources'][number]['configs'][number]['configOperation']

const isOperation = (code: number): code is Operation => code >= 0 && code <= 3
const { INVALID_REQUEST } = errorTable

const DELETE = 1

export const incrementalAlterConfigs: WireApi = serve(apis.incrementalAlterConfigs, 0, 1, async (request, call) => {
  const twice = namedTwice(request.resources)
  const problems = request.resources.map((each) => problemOf(each, twice))
  const resources = request.resources.filter((_, index) => problems[index] === null).map(({ resourceType, resourceName, configs }) => ({
    resourceType, resourceName, configs: configs.map(({ name, configOperation, value }) => ({ name, value, configOperation: configOperation as Operation })),
  }))
  const { responses } = await call.broker.incrementalAlterConfigs({ validateOnly: request.validateOnly, resources })
  let next = 0
  return {
    throttleTimeMs,
    responses: request.resources.map((resource, index) => {
      const { resourceType, resourceName } = resource
      const errorMessage = problems[index]!
      return { resourceType, resourceName, ...(errorMessage === null ? failureFields(asKafka(resource, responses[next++]!)) : { errorCode: INVALID_REQUEST.errorCode, errorMessage }) }
    }),
  }
})

function problemOf(resource: Resource, twice: ReadonlySet<string>): string | null {
  if (!resource.configs.every(({ configOperation }) => isOperation(configOperation))) return 'an operation is not known'
  return resourceProblem(resource, twice, ({ configOperation, value }) => configOperation !== DELETE && value === null)
}
