/** WriteTxnMarkers, API 27. */
import { defineApi, type Api } from '../api.ts'

export const writeTxnMarkersRequest = {
  name: 'WriteTxnMarkersRequest',
  versions: '1',
  flexible: '1+',
  fields: {
    markers: ['{}[]', {
      producerId: 'int64',
      producerEpoch: 'int16',
      transactionResult: 'boolean',
      topics: ['{}[]', { name: 'string', partitionIndexes: 'int32[]' }],
      coordinatorEpoch: 'int32',
    }],
  },
} as const

export const writeTxnMarkersResponse = {
  name: 'WriteTxnMarkersResponse',
  versions: '1',
  flexible: '1+',
  fields: {
    markers: ['{}[]', {
      producerId: 'int64',
      topics: ['{}[]', {
        name: 'string',
        partitions: ['{}[]', { partitionIndex: 'int32', errorCode: 'int16' }],
      }],
    }],
  },
} as const

export const writeTxnMarkers: Api<typeof writeTxnMarkersRequest, typeof writeTxnMarkersResponse> =
  defineApi(27, writeTxnMarkersRequest, writeTxnMarkersResponse)
