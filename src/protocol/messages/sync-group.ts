/** SyncGroup, API 14. */
import { defineApi, type Api } from '../api.ts'

export const syncGroupRequest = {
  name: 'SyncGroupRequest',
  versions: '0-5',
  flexible: '4+',
  fields: {
    groupId: 'string',
    generationId: 'int32',
    memberId: 'string',
    groupInstanceId: 'string? 3+',
    protocolType: 'string? 5+',
    protocolName: 'string? 5+',
    assignments: ['{}[]', { memberId: 'string', assignment: 'bytes' }],
  },
} as const

export const syncGroupResponse = {
  name: 'SyncGroupResponse',
  versions: '0-5',
  flexible: '4+',
  fields: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16',
    protocolType: 'string? 5+',
    protocolName: 'string? 5+',
    assignment: 'bytes',
  },
} as const

export const syncGroup: Api<typeof syncGroupRequest, typeof syncGroupResponse> = defineApi(14, syncGroupRequest, syncGroupResponse)
