/** DescribeClientQuotas: there are none. Served because kafka-configs asks for them along with users. */
import { apis } from '../../protocol/api-registry.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const describeClientQuotas: WireApi = serve(apis.describeClientQuotas, 0, 1, async () => ({ throttleTimeMs, errorCode: NONE, entries: [] }))
