/** DeleteRecords, API 21. */
import { defineApi, type Api } from '../api.ts'

export const deleteRecordsRequest = {
  name: 'DeleteRecordsRequest',
  versions: '0-2',
  flexible: '2+',
  fields: {
    topics: ['{}[]', { name: 'string', partitions: ['{}[]', { partitionIndex: 'int32', offset: 'clamped64' }] }],
    timeoutMs: 'int32',
  },
} as const

export const deleteRecordsResponse = {
  name: 'DeleteRecordsResponse',
  versions: '0-2',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', { partitionIndex: 'int32', lowWatermark: 'int64', errorCode: 'int16' }],
    }],
  },
} as const

export const deleteRecords: Api<typeof deleteRecordsRequest, typeof deleteRecordsResponse> = defineApi(21, deleteRecordsRequest, deleteRecordsResponse)
