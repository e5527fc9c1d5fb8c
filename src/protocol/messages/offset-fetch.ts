/** OffsetFetch, API 9. */
import { defineApi, type Api } from '../api.ts'

export const offsetFetchRequest = {
  name: 'OffsetFetchRequest',
  versions: '1-9',
  flexible: '6+',
  fields: {
    groupId: 'string 1-7',
    topics: ['{}[]?2-7 1-7', { name: 'string', partitionIndexes: 'int32[]' }],
    groups: ['{}[] 8+', {
      groupId: 'string',
      memberId: 'string? 9+',
      memberEpoch: 'int32 9+ = -1',
      topics: ['{}[]?', { name: 'string', partitionIndexes: 'int32[]' }],
    }],
    requireStable: 'boolean 7+',
  },
} as const

export const offsetFetchResponse = {
  name: 'OffsetFetchResponse',
  versions: '1-9',
  flexible: '6+',
  fields: {
    throttleTimeMs: 'int32 3+',
    topics: ['{}[] 1-7', {
      name: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        committedOffset: 'int64',
        committedLeaderEpoch: 'int32 5+ = -1',
        metadata: 'string?',
        errorCode: 'int16',
      }],
    }],
    errorCode: 'int16 2-7',
    groups: ['{}[] 8+', {
      groupId: 'string',
      topics: ['{}[]', {
        name: 'string',
        partitions: ['{}[]', {
          partitionIndex: 'int32',
          committedOffset: 'int64',
          committedLeaderEpoch: 'int32 = -1',
          metadata: 'string?',
          errorCode: 'int16',
        }],
      }],
      errorCode: 'int16',
    }],
  },
} as const

export const offsetFetch: Api<typeof offsetFetchRequest, typeof offsetFetchResponse> = defineApi(9, offsetFetchRequest, offsetFetchResponse)
