/** InitProducerId: ids for idempotent producers. Transactional ones are refused until transactions are built. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const NO_ID = -1

export const initProducerId: WireApi = serve(apis.initProducerId, 0, 5, async (request, call) => {
  // As Kafka: a name that is empty is none, and of id and epoch there are both or neither.
  if (request.transactionalId === '' || (request.producerId === NO_ID) !== (request.producerEpoch === NO_ID)) {
    return { throttleTimeMs, errorCode: errorTable.INVALID_REQUEST.errorCode, producerEpoch: NO_ID }
  }
  const { errorCode, producerId, producerEpoch } = await call.broker.initProducerId(request)
  return { throttleTimeMs, errorCode, producerId, producerEpoch }
})
