/** DescribeCluster, API 60. */
import { defineApi, type Api } from '../api.ts'

export const describeClusterRequest = {
  name: 'DescribeClusterRequest',
  versions: '0-2',
  flexible: '0+',
  fields: {
    includeClusterAuthorizedOperations: 'boolean',
    endpointType: 'int8 1+ = 1',
    includeFencedBrokers: 'boolean 2+',
  },
} as const

export const describeClusterResponse = {
  name: 'DescribeClusterResponse',
  versions: '0-2',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    errorMessage: 'string?',
    endpointType: 'int8 1+ = 1',
    clusterId: 'string',
    controllerId: 'int32 = -1',
    brokers: ['{}[]', {
      brokerId: 'int32',
      host: 'string',
      port: 'int32',
      rack: 'string?',
      isFenced: 'boolean 2+',
    }],
    clusterAuthorizedOperations: 'int32 = -2147483648',
  },
} as const

export const describeCluster: Api<typeof describeClusterRequest, typeof describeClusterResponse> =
  defineApi(60, describeClusterRequest, describeClusterResponse)
