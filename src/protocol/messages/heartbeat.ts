/** Heartbeat, API 12. */
import { defineApi, type Api } from '../api.ts'

export const heartbeatRequest = {
  name: 'HeartbeatRequest',
  versions: '0-4',
  flexible: '4+',
  fields: {
    groupId: 'string',
    generationId: 'int32',
    memberId: 'string',
    groupInstanceId: 'string? 3+',
  },
} as const

export const heartbeatResponse = {
  name: 'HeartbeatResponse',
  versions: '0-4',
  flexible: '4+',
  fields: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16',
  },
} as const

export const heartbeat: Api<typeof heartbeatRequest, typeof heartbeatResponse> = defineApi(12, heartbeatRequest, heartbeatResponse)
