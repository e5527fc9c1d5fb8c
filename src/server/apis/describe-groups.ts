/** DescribeGroups. A group that does not exist is "Dead" without an error up to version 5 (spec/wire-protocol 4.7). */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { operationBits, OPERATIONS_NOT_ASKED } from '../access/rights.ts'
import { failureFields, NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const FIRST_WITH_NOT_FOUND = 6
const { GROUP_ID_NOT_FOUND } = errorTable

export const describeGroups: WireApi = serve(apis.describeGroups, 0, 6, async (request, call) => {
  const { groups } = await call.broker.describeGroups({ groups: request.groups })
  return {
    throttleTimeMs,
    groups: groups.map(({ groupId, groupState, protocolType, protocolData, members, ...failure }) => {
      const isHidden = call.version < FIRST_WITH_NOT_FOUND && failure.errorCode === GROUP_ID_NOT_FOUND.errorCode
      const told = failureFields(isHidden ? { errorCode: NONE } : failure)
      const isAsked = request.includeAuthorizedOperations && told.errorCode === NONE
      const authorizedOperations = isAsked ? operationBits(call.rights, 'GROUP', groupId) : OPERATIONS_NOT_ASKED
      return { ...told, groupId, groupState, protocolType, protocolData, members, authorizedOperations }
    }),
  }
})
