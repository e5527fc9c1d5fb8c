/** DescribeGroups, API 15. */
import { defineApi, type Api } from '../api.ts'

export const describeGroupsRequest = {
  name: 'DescribeGroupsRequest',
  versions: '0-6',
  flexible: '5+',
  fields: {
    groups: 'string[]',
    includeAuthorizedOperations: 'boolean 3+',
  },
} as const

export const describeGroupsResponse = {
  name: 'DescribeGroupsResponse',
  versions: '0-6',
  flexible: '5+',
  fields: {
    throttleTimeMs: 'int32 1+',
    groups: ['{}[]', {
      errorCode: 'int16',
      errorMessage: 'string? 6+',
      groupId: 'string',
      groupState: 'string',
      protocolType: 'string',
      protocolData: 'string',
      members: ['{}[]', {
        memberId: 'string',
        groupInstanceId: 'string? 4+',
        clientId: 'string',
        clientHost: 'string',
        memberMetadata: 'bytes',
        memberAssignment: 'bytes',
      }],
      authorizedOperations: 'int32 3+ = -2147483648',
    }],
  },
} as const

export const describeGroups: Api<typeof describeGroupsRequest, typeof describeGroupsResponse> = defineApi(15, describeGroupsRequest, describeGroupsResponse)
