/** CreateTopics, API 19. */
import { defineApi, type Api } from '../api.ts'

export const createTopicsRequest = {
  name: 'CreateTopicsRequest',
  versions: '2-7',
  flexible: '5+',
  fields: {
    topics: ['{}[]', {
      name: 'string',
      numPartitions: 'int32',
      replicationFactor: 'int16',
      assignments: ['{}[]', { partitionIndex: 'int32', brokerIds: 'int32[]' }],
      configs: ['{}[]', { name: 'string', value: 'string?' }],
    }],
    timeoutMs: 'int32 = 60000',
    validateOnly: 'boolean',
  },
} as const

export const createTopicsResponse = {
  name: 'CreateTopicsResponse',
  versions: '2-7',
  flexible: '5+',
  fields: {
    throttleTimeMs: 'int32',
    topics: ['{}[]', {
      name: 'string',
      topicId: 'uuid 7+',
      errorCode: 'int16',
      errorMessage: 'string?',
      topicConfigErrorCode: 'int16 5+ tag 0',
      numPartitions: 'int32 5+ = -1',
      replicationFactor: 'int16 5+ = -1',
      configs: ['{}[]? 5+', {
        name: 'string',
        value: 'string?',
        readOnly: 'boolean',
        configSource: 'int8 = -1',
        isSensitive: 'boolean',
      }],
    }],
  },
} as const

export const createTopics: Api<typeof createTopicsRequest, typeof createTopicsResponse> = defineApi(19, createTopicsRequest, createTopicsResponse)
