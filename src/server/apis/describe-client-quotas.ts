/** DescribeClientQuotas: there are none. Served because kafka-configs asks for them along with users. */
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const describeClientQuotas: WireApi = serve(apis.describeClientQuotas, 0, 1, async (_, { rights }) => {
  if (!demandOfCluster(rights, 'DESCRIBE_CONFIGS')) return { throttleTimeMs, ...clusterRefused, entries: null }
  return { throttleTimeMs, errorCode: NONE, entries: [] }
})
