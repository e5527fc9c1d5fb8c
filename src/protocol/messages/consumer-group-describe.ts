/** ConsumerGroupDescribe, API 69. */
import { defineApi, type Api } from '../api.ts'

export const consumerGroupDescribeRequest = {
  name: 'ConsumerGroupDescribeRequest',
  versions: '0-1',
  flexible: '0+',
  fields: {
    groupIds: 'string[]',
    includeAuthorizedOperations: 'boolean',
  },
} as const

export const consumerGroupDescribeResponse = {
  name: 'ConsumerGroupDescribeResponse',
  versions: '0-1',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    groups: ['{}[]', {
      errorCode: 'int16',
      errorMessage: 'string?',
      groupId: 'string',
      groupState: 'string',
      groupEpoch: 'int32',
      assignmentEpoch: 'int32',
      assignorName: 'string',
      members: ['{}[]', {
        memberId: 'string',
        instanceId: 'string?',
        rackId: 'string?',
        memberEpoch: 'int32',
        clientId: 'string',
        clientHost: 'string',
        subscribedTopicNames: 'string[]',
        subscribedTopicRegex: 'string?',
        assignment: ['{}', {
          topicPartitions: ['{}[]', { topicId: 'uuid', topicName: 'string', partitions: 'int32[]' }],
        }],
        targetAssignment: ['{}', {
          topicPartitions: ['{}[]', { topicId: 'uuid', topicName: 'string', partitions: 'int32[]' }],
        }],
        memberType: 'int8 1+ = -1',
      }],
      authorizedOperations: 'int32 = -2147483648',
    }],
  },
} as const

export const consumerGroupDescribe: Api<typeof consumerGroupDescribeRequest, typeof consumerGroupDescribeResponse> =
  defineApi(69, consumerGroupDescribeRequest, consumerGroupDescribeResponse)
