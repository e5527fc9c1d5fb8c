/** LeaveGroup, API 13. */
import { defineApi, type Api } from '../api.ts'

export const leaveGroupRequest = {
  name: 'LeaveGroupRequest',
  versions: '0-5',
  flexible: '4+',
  fields: {
    groupId: 'string',
    memberId: 'string 0-2',
    members: ['{}[] 3+', { memberId: 'string', groupInstanceId: 'string?', reason: 'string? 5+' }],
  },
} as const

export const leaveGroupResponse = {
  name: 'LeaveGroupResponse',
  versions: '0-5',
  flexible: '4+',
  fields: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16',
    members: ['{}[] 3+', { memberId: 'string', groupInstanceId: 'string?', errorCode: 'int16' }],
  },
} as const

export const leaveGroup: Api<typeof leaveGroupRequest, typeof leaveGroupResponse> = defineApi(13, leaveGroupRequest, leaveGroupResponse)
