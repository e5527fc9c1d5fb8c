/** IncrementalAlterConfigs: sets, deletes, appends and subtracts; each resource wholly or not at all. */
import { errorTable } from '../../common/errors.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import type { IncrementalAlterConfigsRequest } from '../../protocol/broker-api.ts'
import { failureFields, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

type Resource = RequestOf<Apis['incrementalAlterConfigs']>['resources'][number]
type Operation = IncrementalAlterConfigsRequest['resources'][number]['configs'][number]['configOperation']

const isOperation = (code: number): code is Operation => code >= 0 && code <= 3
const { INVALID_REQUEST } = errorTable

function fits({ configs }: Resource): boolean {
  return configs.every(({ configOperation }) => isOperation(configOperation)) && new Set(configs.map(({ name }) => name)).size === configs.length
}

export const incrementalAlterConfigs: WireApi = serve(apis.incrementalAlterConfigs, 0, 1, async (request, call) => {
  const resources = request.resources.filter(fits).map(({ resourceType, resourceName, configs }) => ({
    resourceType, resourceName, configs: configs.map(({ name, configOperation, value }) => ({ name, value, configOperation: configOperation as Operation })),
  }))
  const { responses } = await call.broker.incrementalAlterConfigs({ validateOnly: request.validateOnly, resources })
  let next = 0
  return {
    throttleTimeMs,
    responses: request.resources.map((resource) => {
      const { resourceType, resourceName } = resource
      if (fits(resource)) return { resourceType, resourceName, ...failureFields(responses[next++]!) }
      return { resourceType, resourceName, errorCode: INVALID_REQUEST.errorCode, errorMessage: 'an operation is not known, or a setting is named twice' }
    }),
  }
})
