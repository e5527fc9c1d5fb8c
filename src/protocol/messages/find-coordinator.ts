/** FindCoordinator, API 10. */
import { defineApi, type Api } from '../api.ts'

export const findCoordinatorRequest = {
  name: 'FindCoordinatorRequest',
  versions: '0-6',
  flexible: '3+',
  fields: {
    key: 'string 0-3',
    keyType: 'int8 1+',
    coordinatorKeys: 'string[] 4+',
  },
} as const

export const findCoordinatorResponse = {
  name: 'FindCoordinatorResponse',
  versions: '0-6',
  flexible: '3+',
  fields: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16 0-3',
    errorMessage: 'string? 1-3',
    nodeId: 'int32 0-3',
    host: 'string 0-3',
    port: 'int32 0-3',
    coordinators: ['{}[] 4+', {
      key: 'string',
      nodeId: 'int32',
      host: 'string',
      port: 'int32',
      errorCode: 'int16',
      errorMessage: 'string?',
    }],
  },
} as const

export const findCoordinator: Api<typeof findCoordinatorRequest, typeof findCoordinatorResponse> =
  defineApi(10, findCoordinatorRequest, findCoordinatorResponse)
