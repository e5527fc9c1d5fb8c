/** DeleteTopics, API 20. */
import { defineApi, type Api } from '../api.ts'

export const deleteTopicsRequest = {
  name: 'DeleteTopicsRequest',
  versions: '1-6',
  flexible: '4+',
  fields: {
    topics: ['{}[] 6+', { name: 'string?', topicId: 'uuid' }],
    topicNames: 'string[] 1-5',
    timeoutMs: 'int32',
  },
} as const

export const deleteTopicsResponse = {
  name: 'DeleteTopicsResponse',
  versions: '1-6',
  flexible: '4+',
  fields: {
    throttleTimeMs: 'int32',
    responses: ['{}[]', {
      name: 'string?6+',
      topicId: 'uuid 6+',
      errorCode: 'int16',
      errorMessage: 'string? 5+',
    }],
  },
} as const

export const deleteTopics: Api<typeof deleteTopicsRequest, typeof deleteTopicsResponse> = defineApi(20, deleteTopicsRequest, deleteTopicsResponse)
