/** CreatePartitions, API 37. */
import { defineApi, type Api } from '../api.ts'

export const createPartitionsRequest = {
  name: 'CreatePartitionsRequest',
  versions: '0-3',
  flexible: '2+',
  fields: {
    topics: ['{}[]', { name: 'string', count: 'int32', assignments: ['{}[]?', { brokerIds: 'int32[]' }] }],
    timeoutMs: 'int32',
    validateOnly: 'boolean',
  },
} as const

export const createPartitionsResponse = {
  name: 'CreatePartitionsResponse',
  versions: '0-3',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    results: ['{}[]', { name: 'string', errorCode: 'int16', errorMessage: 'string?' }],
  },
} as const

export const createPartitions: Api<typeof createPartitionsRequest, typeof createPartitionsResponse> =
  defineApi(37, createPartitionsRequest, createPartitionsResponse)
