/** InitProducerId, API 22. */
import { defineApi, type Api } from '../api.ts'

export const initProducerIdRequest = {
  name: 'InitProducerIdRequest',
  versions: '0-5',
  flexible: '2+',
  fields: {
    transactionalId: 'string?',
    transactionTimeoutMs: 'int32',
    producerId: 'clamped64 3+ = -1',
    producerEpoch: 'int16 3+ = -1',
  },
} as const

export const initProducerIdResponse = {
  name: 'InitProducerIdResponse',
  versions: '0-5',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    producerId: 'int64 = -1',
    producerEpoch: 'int16',
  },
} as const

export const initProducerId: Api<typeof initProducerIdRequest, typeof initProducerIdResponse> = defineApi(22, initProducerIdRequest, initProducerIdResponse)
