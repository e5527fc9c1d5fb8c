/** AlterPartitionReassignments, API 45. */
import { defineApi, type Api } from '../api.ts'

export const alterPartitionReassignmentsRequest = {
  name: 'AlterPartitionReassignmentsRequest',
  versions: '0-1',
  flexible: '0+',
  fields: {
    timeoutMs: 'int32 = 60000',
    allowReplicationFactorChange: 'boolean 1+ = true',
    topics: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', { partitionIndex: 'int32', replicas: 'int32[]?' }],
    }],
  },
} as const

export const alterPartitionReassignmentsResponse = {
  name: 'AlterPartitionReassignmentsResponse',
  versions: '0-1',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    allowReplicationFactorChange: 'boolean 1+ = true',
    errorCode: 'int16',
    errorMessage: 'string?',
    responses: ['{}[]', {
      name: 'string',
      partitions: ['{}[]', { partitionIndex: 'int32', errorCode: 'int16', errorMessage: 'string?' }],
    }],
  },
} as const

export const alterPartitionReassignments: Api<typeof alterPartitionReassignmentsRequest, typeof alterPartitionReassignmentsResponse> =
  defineApi(45, alterPartitionReassignmentsRequest, alterPartitionReassignmentsResponse)
