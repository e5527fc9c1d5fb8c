/** ListTransactions, API 66. */
import { defineApi, type Api } from '../api.ts'

export const listTransactionsRequest = {
  name: 'ListTransactionsRequest',
  versions: '0-2',
  flexible: '0+',
  fields: {
    stateFilters: 'string[]',
    producerIdFilters: 'clamped64[]',
    durationFilter: 'clamped64 1+ = -1',
    transactionalIdPattern: 'string? 2+',
  },
} as const

export const listTransactionsResponse = {
  name: 'ListTransactionsResponse',
  versions: '0-2',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    unknownStateFilters: 'string[]',
    transactionStates: ['{}[]', {
      transactionalId: 'string',
      producerId: 'int64',
      transactionState: 'string',
    }],
  },
} as const

export const listTransactions: Api<typeof listTransactionsRequest, typeof listTransactionsResponse> =
  defineApi(66, listTransactionsRequest, listTransactionsResponse)
