/** TxnOffsetCommit, API 28. */
import { defineApi, type Api } from '../api.ts'

export const txnOffsetCommitRequest = {
  name: 'TxnOffsetCommitRequest',
  versions: '0-5',
  flexible: '3+',
  fields: {
    transactionalId: 'string',
    groupId: 'string',
    producerId: 'int64',
    producerEpoch: 'int16',
    generationId: 'int32 3+ = -1',
    memberId: 'string 3+',
    groupInstanceId: 'string? 3+',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        committedOffset: 'int64',
        committedLeaderEpoch: 'int32 2+ = -1',
        committedMetadata: 'string?',
      }],
    }],
  },
} as const

export const txnOffsetCommitResponse = {
  name: 'TxnOffsetCommitResponse',
  versions: '0-5',
  flexible: '3+',
  fields: {
    throttleTimeMs: 'int32',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', { partitionIndex: 'int32', errorCode: 'int16' }],
    }],
  },
} as const

export const txnOffsetCommit: Api<typeof txnOffsetCommitRequest, typeof txnOffsetCommitResponse> =
  defineApi(28, txnOffsetCommitRequest, txnOffsetCommitResponse)
