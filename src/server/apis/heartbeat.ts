/** Heartbeat of a group's member. */
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const heartbeat: WireApi = serve(apis.heartbeat, 0, 4, async (request, call) => {
  const { errorCode } = await call.broker.heartbeat(request)
  return { throttleTimeMs, errorCode }
})
