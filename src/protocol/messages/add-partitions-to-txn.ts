/** AddPartitionsToTxn, API 24. */
import { defineApi, type Api } from '../api.ts'

export const addPartitionsToTxnRequest = {
  name: 'AddPartitionsToTxnRequest',
  versions: '0-5',
  flexible: '3+',
  fields: {
    transactions: ['{}[] 4+', {
      transactionalId: 'string',
      producerId: 'int64',
      producerEpoch: 'int16',
      verifyOnly: 'boolean',
      topics: ['{}[]', { name: 'string', partitions: 'int32[]' }],
    }],
    v3AndBelowTransactionalId: 'string 0-3',
    v3AndBelowProducerId: 'int64 0-3',
    v3AndBelowProducerEpoch: 'int16 0-3',
    v3AndBelowTopics: ['{}[] 0-3', { name: 'string', partitions: 'int32[]' }],
  },
} as const

export const addPartitionsToTxnResponse = {
  name: 'AddPartitionsToTxnResponse',
  versions: '0-5',
  flexible: '3+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16 4+',
    resultsByTransaction: ['{}[] 4+', {
      transactionalId: 'string',
      topicResults: ['{}[]', {
        name: 'string',
        resultsByPartition: ['{}[]', { partitionIndex: 'int32', partitionErrorCode: 'int16' }],
      }],
    }],
    resultsByTopicV3AndBelow: ['{}[] 0-3', {
      name: 'string',
      resultsByPartition: ['{}[]', { partitionIndex: 'int32', partitionErrorCode: 'int16' }],
    }],
  },
} as const

export const addPartitionsToTxn: Api<typeof addPartitionsToTxnRequest, typeof addPartitionsToTxnResponse> =
  defineApi(24, addPartitionsToTxnRequest, addPartitionsToTxnResponse)
