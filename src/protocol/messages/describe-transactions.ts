/** DescribeTransactions, API 65. */
import { defineApi, type Api } from '../api.ts'

export const describeTransactionsRequest = {
  name: 'DescribeTransactionsRequest',
  versions: '0',
  flexible: '0+',
  fields: {
    transactionalIds: 'string[]',
  },
} as const

export const describeTransactionsResponse = {
  name: 'DescribeTransactionsResponse',
  versions: '0',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    transactionStates: ['{}[]', {
      errorCode: 'int16',
      transactionalId: 'string',
      transactionState: 'string',
      transactionTimeoutMs: 'int32',
      transactionStartTimeMs: 'int64',
      producerId: 'int64',
      producerEpoch: 'int16',
      topics: ['{}[]', { topic: 'string', partitions: 'int32[]' }],
    }],
  },
} as const

export const describeTransactions: Api<typeof describeTransactionsRequest, typeof describeTransactionsResponse> =
  defineApi(65, describeTransactionsRequest, describeTransactionsResponse)
