/** InitProducerId: ids for idempotent producers. Transactional ones are refused until transactions are built. */
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const initProducerId: WireApi = serve(apis.initProducerId, 0, 5, async (request, call) => {
  const { errorCode, producerId, producerEpoch } = await call.broker.initProducerId(request)
  return { throttleTimeMs, errorCode, producerId, producerEpoch }
})
