/** ListOffsets, API 2. */
import { defineApi, type Api } from '../api.ts'

export const listOffsetsRequest = {
  name: 'ListOffsetsRequest',
  versions: '1-10',
  flexible: '6+',
  fields: {
    replicaId: 'int32',
    isolationLevel: 'int8 2+',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        currentLeaderEpoch: 'int32 4+ = -1',
        timestamp: 'clamped64',
      }],
    }],
    timeoutMs: 'int32 10+',
  },
} as const

export const listOffsetsResponse = {
  name: 'ListOffsetsResponse',
  versions: '1-10',
  flexible: '6+',
  fields: {
    throttleTimeMs: 'int32 2+',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        errorCode: 'int16',
        timestamp: 'int64 = -1',
        offset: 'int64 = -1',
        leaderEpoch: 'int32 4+ = -1',
      }],
    }],
  },
} as const

export const listOffsets: Api<typeof listOffsetsRequest, typeof listOffsetsResponse> = defineApi(2, listOffsetsRequest, listOffsetsResponse)
