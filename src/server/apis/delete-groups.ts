/** DeleteGroups: groups without members, with their offsets. */
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const deleteGroups: WireApi = serve(apis.deleteGroups, 0, 2, async ({ groupsNames }, call) => {
  const { results } = await call.broker.deleteGroups({ groups: [...new Set(groupsNames)] })
  return { throttleTimeMs, results: results.map(({ groupId, errorCode }) => ({ groupId, errorCode })) }
})
