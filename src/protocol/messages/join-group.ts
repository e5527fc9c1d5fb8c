/** JoinGroup, API 11. */
import { defineApi, type Api } from '../api.ts'

export const joinGroupRequest = {
  name: 'JoinGroupRequest',
  versions: '0-9',
  flexible: '6+',
  fields: {
    groupId: 'string',
    sessionTimeoutMs: 'int32',
    rebalanceTimeoutMs: 'int32 1+ = -1',
    memberId: 'string',
    groupInstanceId: 'string? 5+',
    protocolType: 'string',
    protocols: ['{}[]', { name: 'string', metadata: 'bytes' }],
    reason: 'string? 8+',
  },
} as const

export const joinGroupResponse = {
  name: 'JoinGroupResponse',
  versions: '0-9',
  flexible: '6+',
  fields: {
    throttleTimeMs: 'int32 2+',
    errorCode: 'int16',
    generationId: 'int32 = -1',
    protocolType: 'string? 7+',
    protocolName: 'string?7+',
    leader: 'string',
    skipAssignment: 'boolean 9+',
    memberId: 'string',
    members: ['{}[]', { memberId: 'string', groupInstanceId: 'string? 5+', metadata: 'bytes' }],
  },
} as const

export const joinGroup: Api<typeof joinGroupRequest, typeof joinGroupResponse> = defineApi(11, joinGroupRequest, joinGroupResponse)
