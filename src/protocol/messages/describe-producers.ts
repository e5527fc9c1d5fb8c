/** DescribeProducers, API 61. */
import { defineApi, type Api } from '../api.ts'

export const describeProducersRequest = {
  name: 'DescribeProducersRequest',
  versions: '0',
  flexible: '0+',
  fields: {
    topics: ['{}[]', { name: 'string', partitionIndexes: 'int32[]' }],
  },
} as const

export const describeProducersResponse = {
  name: 'DescribeProducersResponse',
  versions: '0',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        errorCode: 'int16',
        errorMessage: 'string?',
        activeProducers: ['{}[]', {
          producerId: 'int64',
          producerEpoch: 'int32',
          lastSequence: 'int32 = -1',
          lastTimestamp: 'int64 = -1',
          coordinatorEpoch: 'int32',
          currentTxnStartOffset: 'int64 = -1',
        }],
      }],
    }],
  },
} as const

export const describeProducers: Api<typeof describeProducersRequest, typeof describeProducersResponse> =
  defineApi(61, describeProducersRequest, describeProducersResponse)
