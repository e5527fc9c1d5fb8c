/** Metadata, API 3. */
import { defineApi, type Api } from '../api.ts'

export const metadataRequest = {
  name: 'MetadataRequest',
  versions: '0-13',
  flexible: '9+',
  fields: {
    topics: ['{}[]?1+', { topicId: 'uuid 10+', name: 'string?10+' }],
    allowAutoTopicCreation: 'boolean 4+ = true',
    includeClusterAuthorizedOperations: 'boolean 8-10',
    includeTopicAuthorizedOperations: 'boolean 8+',
  },
} as const

export const metadataResponse = {
  name: 'MetadataResponse',
  versions: '0-13',
  flexible: '9+',
  fields: {
    throttleTimeMs: 'int32 3+',
    brokers: ['{}[]', { nodeId: 'int32', host: 'string', port: 'int32', rack: 'string? 1+' }],
    clusterId: 'string? 2+',
    controllerId: 'int32 1+ = -1',
    topics: ['{}[]', {
      errorCode: 'int16',
      name: 'string?12+',
      topicId: 'uuid 10+',
      isInternal: 'boolean 1+',
      partitions: ['{}[]', {
        errorCode: 'int16',
        partitionIndex: 'int32',
        leaderId: 'int32',
        leaderEpoch: 'int32 7+ = -1',
        replicaNodes: 'int32[]',
        isrNodes: 'int32[]',
        offlineReplicas: 'int32[] 5+',
      }],
      topicAuthorizedOperations: 'int32 8+ = -2147483648',
    }],
    clusterAuthorizedOperations: 'int32 8-10 = -2147483648',
    errorCode: 'int16 13+',
  },
} as const

export const metadata: Api<typeof metadataRequest, typeof metadataResponse> = defineApi(3, metadataRequest, metadataResponse)
