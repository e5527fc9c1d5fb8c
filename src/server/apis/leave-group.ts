/** LeaveGroup: one member up to version 2, a list from there on. */
import { apis } from '../../protocol/api-registry.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const FIRST_WITH_LIST = 3

export const leaveGroup: WireApi = serve(apis.leaveGroup, 0, 5, async (request, call) => {
  const { groupId, memberId } = request
  const isList = call.version >= FIRST_WITH_LIST
  const answer = await call.broker.leaveGroup({ groupId, members: isList ? request.members : [{ memberId, groupInstanceId: null }] })
  const errorCode = answer.errorCode !== NONE || isList ? answer.errorCode : answer.members[0]?.errorCode ?? NONE
  const members = answer.members.map((each) => ({ memberId: each.memberId, groupInstanceId: each.groupInstanceId, errorCode: each.errorCode }))
  return { throttleTimeMs, errorCode, members }
})
