/** SyncGroup: the leader hands the assignments in, everybody gets theirs (spec/wire-protocol 4.3). */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const FIRST_WITH_PROTOCOL = 5
const { INCONSISTENT_GROUP_PROTOCOL } = errorTable

export const syncGroup: WireApi = serve(apis.syncGroup, 0, 5, async (request, call) => {
  const lacksProtocol = request.protocolType === null || request.protocolName === null
  if (call.version >= FIRST_WITH_PROTOCOL && lacksProtocol) {
    return { throttleTimeMs, errorCode: INCONSISTENT_GROUP_PROTOCOL.errorCode, assignment: new Uint8Array(0) }
  }
  const { errorCode, protocolType, protocolName, assignment } = await call.broker.syncGroup(request)
  return { throttleTimeMs, errorCode, protocolType, protocolName, assignment }
})
