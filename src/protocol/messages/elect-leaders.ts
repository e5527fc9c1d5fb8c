/** ElectLeaders, API 43. */
import { defineApi, type Api } from '../api.ts'

export const electLeadersRequest = {
  name: 'ElectLeadersRequest',
  versions: '0-2',
  flexible: '2+',
  fields: {
    electionType: 'int8 1+',
    topicPartitions: ['{}[]?', { topic: 'string', partitions: 'int32[]' }],
    timeoutMs: 'int32 = 60000',
  },
} as const

export const electLeadersResponse = {
  name: 'ElectLeadersResponse',
  versions: '0-2',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16 1+',
    replicaElectionResults: ['{}[]', {
      topic: 'string',
      partitionResult: ['{}[]', { partitionId: 'int32', errorCode: 'int16', errorMessage: 'string?' }],
    }],
  },
} as const

export const electLeaders: Api<typeof electLeadersRequest, typeof electLeadersResponse> = defineApi(43, electLeadersRequest, electLeadersResponse)
