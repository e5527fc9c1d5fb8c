/** AddOffsetsToTxn, API 25. */
import { defineApi, type Api } from '../api.ts'

export const addOffsetsToTxnRequest = {
  name: 'AddOffsetsToTxnRequest',
  versions: '0-4',
  flexible: '3+',
  fields: {
    transactionalId: 'string',
    producerId: 'int64',
    producerEpoch: 'int16',
    groupId: 'string',
  },
} as const

export const addOffsetsToTxnResponse = {
  name: 'AddOffsetsToTxnResponse',
  versions: '0-4',
  flexible: '3+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
  },
} as const

export const addOffsetsToTxn: Api<typeof addOffsetsToTxnRequest, typeof addOffsetsToTxnResponse> =
  defineApi(25, addOffsetsToTxnRequest, addOffsetsToTxnResponse)
