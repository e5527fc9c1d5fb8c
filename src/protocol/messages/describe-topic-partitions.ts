/** DescribeTopicPartitions, API 75. */
import { defineApi, type Api } from '../api.ts'

export const describeTopicPartitionsRequest = {
  name: 'DescribeTopicPartitionsRequest',
  versions: '0',
  flexible: '0+',
  fields: {
    topics: ['{}[]', { name: 'string' }],
    responsePartitionLimit: 'int32 = 2000',
    cursor: ['{}?', { topicName: 'string', partitionIndex: 'int32' }],
  },
} as const

export const describeTopicPartitionsResponse = {
  name: 'DescribeTopicPartitionsResponse',
  versions: '0',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    topics: ['{}[]', {
      errorCode: 'int16',
      name: 'string?',
      topicId: 'uuid',
      isInternal: 'boolean',
      partitions: ['{}[]', {
        errorCode: 'int16',
        partitionIndex: 'int32',
        leaderId: 'int32',
        leaderEpoch: 'int32 = -1',
        replicaNodes: 'int32[]',
        isrNodes: 'int32[]',
        eligibleLeaderReplicas: 'int32[]?',
        lastKnownElr: 'int32[]?',
        offlineReplicas: 'int32[]',
      }],
      topicAuthorizedOperations: 'int32 = -2147483648',
    }],
    nextCursor: ['{}?', { topicName: 'string', partitionIndex: 'int32' }],
  },
} as const

export const describeTopicPartitions: Api<typeof describeTopicPartitionsRequest, typeof describeTopicPartitionsResponse> =
  defineApi(75, describeTopicPartitionsRequest, describeTopicPartitionsResponse)
