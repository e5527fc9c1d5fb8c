/** ListGroups: all groups, or those of some states and types. */
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const listGroups: WireApi = serve(apis.listGroups, 0, 5, async ({ statesFilter, typesFilter }, call) => {
  const { errorCode, groups } = await call.broker.listGroups({ statesFilter })
  const types = new Set(typesFilter.map((type) => type.toLowerCase()))
  return { throttleTimeMs, errorCode, groups: types.size === 0 ? groups : groups.filter(({ groupType }) => types.has(groupType.toLowerCase())) }
})
