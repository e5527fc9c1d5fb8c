/** EndTxn, API 26. */
import { defineApi, type Api } from '../api.ts'

export const endTxnRequest = {
  name: 'EndTxnRequest',
  versions: '0-5',
  flexible: '3+',
  fields: {
    transactionalId: 'string',
    producerId: 'int64',
    producerEpoch: 'int16',
    committed: 'boolean',
  },
} as const

export const endTxnResponse = {
  name: 'EndTxnResponse',
  versions: '0-5',
  flexible: '3+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    producerId: 'int64 5+ = -1',
    producerEpoch: 'int16 5+ = -1',
  },
} as const

export const endTxn: Api<typeof endTxnRequest, typeof endTxnResponse> = defineApi(26, endTxnRequest, endTxnResponse)
