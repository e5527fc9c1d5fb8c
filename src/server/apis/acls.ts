/** DescribeAcls, CreateAcls, DeleteAcls where there is no authorizer: SECURITY_DISABLED, which tools show as "no ACLs". */
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const refusal = { errorCode: 54, errorMessage: 'No Authorizer is configured.' }

export const describeAcls: WireApi = serve(apis.describeAcls, 1, 3, async () => ({ throttleTimeMs, ...refusal, resources: [] }))
export const createAcls: WireApi = serve(apis.createAcls, 1, 3, async ({ creations }) => ({ throttleTimeMs, results: creations.map(() => refusal) }))
export const deleteAcls: WireApi = serve(apis.deleteAcls, 1, 3, async ({ filters }) => (
  { throttleTimeMs, filterResults: filters.map(() => ({ ...refusal, matchingAcls: [] })) }))
