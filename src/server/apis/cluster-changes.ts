/** UpdateFeatures and UnregisterBroker: of a cluster that is one broker, whose one feature is at its one level. */
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { featureProblem } from '../features.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const INVALID_REQUEST = 42
const INVALID_UPDATE_VERSION = 95
const BROKER_ID_NOT_REGISTERED = 102

export const updateFeatures: WireApi = serve(apis.updateFeatures, 0, 2, async ({ featureUpdates }, call) => {
  if (!demandOfCluster(call.rights, 'ALTER')) return { throttleTimeMs, ...clusterRefused, results: [] }
  for (const update of featureUpdates) {
    const errorMessage = featureProblem(update)
    if (errorMessage !== null) return { throttleTimeMs, errorCode: INVALID_UPDATE_VERSION, errorMessage, results: [] }
  }
  return { throttleTimeMs, errorCode: NONE, errorMessage: null, results: featureUpdates.map(({ feature }) => ({ feature, errorCode: NONE, errorMessage: null })) }
})

export const unregisterBroker: WireApi = serve(apis.unregisterBroker, 0, 0, async ({ brokerId }, call) => {
  if (!demandOfCluster(call.rights, 'ALTER')) return { throttleTimeMs, ...clusterRefused }
  const { brokers } = await call.unguarded.describeCluster()
  if (brokers.some(({ brokerId: known }) => known === brokerId)) {
    return { throttleTimeMs, errorCode: INVALID_REQUEST, errorMessage: `broker ${brokerId} is the only one, and at work` }
  }
  return { throttleTimeMs, errorCode: BROKER_ID_NOT_REGISTERED, errorMessage: `there is no broker ${brokerId}` }
})
