/** DescribeQuorum, API 55. */
import { defineApi, type Api } from '../api.ts'

export const describeQuorumRequest = {
  name: 'DescribeQuorumRequest',
  versions: '0-2',
  flexible: '0+',
  fields: {
    topics: ['{}[]', { topicName: 'string', partitions: ['{}[]', { partitionIndex: 'int32' }] }],
  },
} as const

export const describeQuorumResponse = {
  name: 'DescribeQuorumResponse',
  versions: '0-2',
  flexible: '0+',
  fields: {
    errorCode: 'int16',
    errorMessage: 'string?2+ 2+',
    topics: ['{}[]', {
      topicName: 'string',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        errorCode: 'int16',
        errorMessage: 'string?2+ 2+',
        leaderId: 'int32',
        leaderEpoch: 'int32',
        highWatermark: 'int64',
        currentVoters: ['{}[]', {
          replicaId: 'int32',
          replicaDirectoryId: 'uuid 2+',
          logEndOffset: 'int64',
          lastFetchTimestamp: 'int64 1+ = -1',
          lastCaughtUpTimestamp: 'int64 1+ = -1',
        }],
        observers: ['{}[]', {
          replicaId: 'int32',
          replicaDirectoryId: 'uuid 2+',
          logEndOffset: 'int64',
          lastFetchTimestamp: 'int64 1+ = -1',
          lastCaughtUpTimestamp: 'int64 1+ = -1',
        }],
      }],
    }],
    nodes: ['{}[] 2+', { nodeId: 'int32', listeners: ['{}[] 2+', { name: 'string', host: 'string', port: 'uint16' }] }],
  },
} as const

export const describeQuorum: Api<typeof describeQuorumRequest, typeof describeQuorumResponse> = defineApi(55, describeQuorumRequest, describeQuorumResponse)
