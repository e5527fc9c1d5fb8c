/** ListPartitionReassignments, API 46. */
import { defineApi, type Api } from '../api.ts'

export const listPartitionReassignmentsRequest = {
  name: 'ListPartitionReassignmentsRequest',
  versions: '0',
  flexible: '0+',
  fields: {
    timeoutMs: 'int32 = 60000',
    topics: ['{}[]?', { name: 'string', partitionIndexes: 'int32[]' }],
  },
} as const

export const listPartitionReassignmentsResponse = {
  name: 'ListPartitionReassignmentsResponse',
  versions: '0',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    errorMessage: 'string?',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        replicas: 'int32[]',
        addingReplicas: 'int32[]',
        removingReplicas: 'int32[]',
      }],
    }],
  },
} as const

export const listPartitionReassignments: Api<typeof listPartitionReassignmentsRequest, typeof listPartitionReassignmentsResponse> =
  defineApi(46, listPartitionReassignmentsRequest, listPartitionReassignmentsResponse)
