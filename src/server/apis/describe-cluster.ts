/** DescribeCluster: this one broker, at the address by which the client came. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { clusterBits } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const BROKERS = 1
const { INVALID_REQUEST } = errorTable

export const describeCluster: WireApi = serve(apis.describeCluster, 0, 2, async (request, call) => {
  const { endpointType } = request
  const { clusterId, controllerId, brokers } = await call.broker.describeCluster()
  const clusterAuthorizedOperations = clusterBits(call.rights, request.includeClusterAuthorizedOperations)
  if (endpointType !== BROKERS) {
    const errorMessage = 'this is a broker: ask for brokers (endpoint type 1)'
    const { errorCode } = INVALID_REQUEST
    return { throttleTimeMs, errorCode, errorMessage, endpointType, clusterId, controllerId, brokers: [], clusterAuthorizedOperations }
  }
  return {
    throttleTimeMs, errorCode: NONE, endpointType, clusterId, controllerId, clusterAuthorizedOperations,
    brokers: brokers.map(({ brokerId, rack }) => ({ brokerId, ...call.endpoint, rack, isFenced: false })),
  }
})
