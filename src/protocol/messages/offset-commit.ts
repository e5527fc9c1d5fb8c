/** OffsetCommit, API 8. */
import { defineApi, type Api } from '../api.ts'

export const offsetCommitRequest = {
  name: 'OffsetCommitRequest',
  versions: '2-9',
  flexible: '8+',
  fields: {
    groupId: 'string',
    generationIdOrMemberEpoch: 'int32 = -1',
    memberId: 'string',
    groupInstanceId: 'string? 7+',
    retentionTimeMs: 'clamped64 2-4 = -1',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        committedOffset: 'clamped64',
        committedLeaderEpoch: 'int32 6+ = -1',
        committedMetadata: 'string?',
      }],
    }],
  },
} as const

export const offsetCommitResponse = {
  name: 'OffsetCommitResponse',
  versions: '2-9',
  flexible: '8+',
  fields: {
    throttleTimeMs: 'int32 3+',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', { partitionIndex: 'int32', errorCode: 'int16' }],
    }],
  },
} as const

export const offsetCommit: Api<typeof offsetCommitRequest, typeof offsetCommitResponse> = defineApi(8, offsetCommitRequest, offsetCommitResponse)
