/** DescribeCluster: this one broker, at the address by which the client came. */
import { apis } from '../../protocol/api-registry.ts'
import { clusterBits } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const BROKERS = 1
const CONTROLLERS = 2
const MISMATCHED_ENDPOINT_TYPE = 114
const UNSUPPORTED_ENDPOINT_TYPE = 115

export const describeCluster: WireApi = serve(apis.describeCluster, 0, 2, async (request, call) => {
  const { endpointType } = request
  if (endpointType !== BROKERS) {
    const errorMessage = 'this is a broker: ask for brokers (endpoint type 1)'
    const errorCode = endpointType === CONTROLLERS ? MISMATCHED_ENDPOINT_TYPE : UNSUPPORTED_ENDPOINT_TYPE
    return { throttleTimeMs, errorCode, errorMessage, clusterId: '', brokers: [] }
  }
  const { clusterId, controllerId, brokers } = await call.broker.describeCluster()
  const clusterAuthorizedOperations = clusterBits(call.rights, request.includeClusterAuthorizedOperations)
  return {
    throttleTimeMs, errorCode: NONE, endpointType, clusterId, controllerId, clusterAuthorizedOperations,
    brokers: brokers.map(({ brokerId, rack }) => ({ brokerId, ...call.endpoint, rack, isFenced: false })),
  }
})
