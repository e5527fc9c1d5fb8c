/** UpdateFeatures and UnregisterBroker: of a cluster that is one broker, without features that could be at another level. */
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const INVALID_REQUEST = 42
const INVALID_UPDATE_VERSION = 95
const BROKER_ID_NOT_REGISTERED = 102

export const updateFeatures: WireApi = serve(apis.updateFeatures, 0, 2, async ({ featureUpdates }, call) => {
  if (!demandOfCluster(call.rights, 'ALTER')) return { throttleTimeMs, ...clusterRefused, results: [] }
  const [first] = featureUpdates
  if (first === undefined) return { throttleTimeMs, errorCode: INVALID_REQUEST, errorMessage: 'no feature is named', results: [] }
  const errorMessage = `there is no feature ${JSON.stringify(first.feature.slice(0, 100))} here: this broker has none that could be at another level`
  return { throttleTimeMs, errorCode: INVALID_UPDATE_VERSION, errorMessage, results: [] }
})

export const unregisterBroker: WireApi = serve(apis.unregisterBroker, 0, 0, async ({ brokerId }, call) => {
  if (!demandOfCluster(call.rights, 'ALTER')) return { throttleTimeMs, ...clusterRefused }
  const { brokers } = await call.unguarded.describeCluster()
  if (brokers.some(({ brokerId: known }) => known === brokerId)) {
    return { throttleTimeMs, errorCode: INVALID_REQUEST, errorMessage: `broker ${brokerId} is the only one, and at work` }
  }
  return { throttleTimeMs, errorCode: BROKER_ID_NOT_REGISTERED, errorMessage: `there is no broker ${brokerId}` }
})
