/** JoinGroup: parked by the coordinator until the rebalance is over (spec/wire-protocol 4.2). */
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const FIRST_WITH_REBALANCE_TIMEOUT = 1
const FIRST_TOLD_MEMBER_IDS = 4
const FIRST_WITH_NULL_PROTOCOL = 7
const FIRST_TO_SKIP_ASSIGNMENT = 9

export const joinGroup: WireApi = serve(apis.joinGroup, 0, 9, async (request, call) => {
  const { groupId, memberId, groupInstanceId, protocolType, protocols, sessionTimeoutMs } = request
  const { version, clientId, clientHost } = call
  const { errorCode, protocolName, ...answer } = await call.broker.joinGroup({
    groupId, memberId, groupInstanceId, protocolType, protocols, sessionTimeoutMs, clientId, clientHost,
    rebalanceTimeoutMs: version >= FIRST_WITH_REBALANCE_TIMEOUT ? request.rebalanceTimeoutMs : sessionTimeoutMs,
    requireKnownMemberId: version >= FIRST_TOLD_MEMBER_IDS, canSkipAssignment: version >= FIRST_TO_SKIP_ASSIGNMENT,
  })
  return {
    throttleTimeMs, errorCode, protocolName: protocolName ?? (version >= FIRST_WITH_NULL_PROTOCOL ? null : ''), generationId: answer.generationId,
    protocolType: answer.protocolType, leader: answer.leader, skipAssignment: answer.skipAssignment, memberId: answer.memberId, members: answer.members,
  }
})
