/** OffsetForLeaderEpoch, API 23. */
import { defineApi, type Api } from '../api.ts'

export const offsetForLeaderEpochRequest = {
  name: 'OffsetForLeaderEpochRequest',
  versions: '2-4',
  flexible: '4+',
  fields: {
    replicaId: 'int32 3+ = -2',
    topics: ['{}[]', {
      topic: 'string',
      partitions: ['{}[]', { partition: 'int32', currentLeaderEpoch: 'int32 = -1', leaderEpoch: 'int32' }],
    }],
  },
} as const

export const offsetForLeaderEpochResponse = {
  name: 'OffsetForLeaderEpochResponse',
  versions: '2-4',
  flexible: '4+',
  fields: {
    throttleTimeMs: 'int32',
    topics: ['{}[]', {
      topic: 'string',
      partitions: ['{}[]', {
        errorCode: 'int16',
        partition: 'int32',
        leaderEpoch: 'int32 = -1',
        endOffset: 'int64 = -1',
      }],
    }],
  },
} as const

export const offsetForLeaderEpoch: Api<typeof offsetForLeaderEpochRequest, typeof offsetForLeaderEpochResponse> =
  defineApi(23, offsetForLeaderEpochRequest, offsetForLeaderEpochResponse)
