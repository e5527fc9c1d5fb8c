/** OffsetDelete, API 47. */
import { defineApi, type Api } from '../api.ts'

export const offsetDeleteRequest = {
  name: 'OffsetDeleteRequest',
  versions: '0',
  flexible: 'none',
  fields: {
    groupId: 'string',
    topics: ['{}[]', { name: 'string', partitions: ['{}[]', { partitionIndex: 'int32' }] }],
  },
} as const

export const offsetDeleteResponse = {
  name: 'OffsetDeleteResponse',
  versions: '0',
  flexible: 'none',
  fields: {
    errorCode: 'int16',
    throttleTimeMs: 'int32',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', { partitionIndex: 'int32', errorCode: 'int16' }],
    }],
  },
} as const

export const offsetDelete: Api<typeof offsetDeleteRequest, typeof offsetDeleteResponse> = defineApi(47, offsetDeleteRequest, offsetDeleteResponse)
