/** CreateAcls, API 30. */
import { defineApi, type Api } from '../api.ts'

export const createAclsRequest = {
  name: 'CreateAclsRequest',
  versions: '1-3',
  flexible: '2+',
  fields: {
    creations: ['{}[]', {
      resourceType: 'int8',
      resourceName: 'string',
      resourcePatternType: 'int8 = 3',
      principal: 'string',
      host: 'string',
      operation: 'int8',
      permissionType: 'int8',
    }],
  },
} as const

export const createAclsResponse = {
  name: 'CreateAclsResponse',
  versions: '1-3',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    results: ['{}[]', { errorCode: 'int16', errorMessage: 'string?' }],
  },
} as const

export const createAcls: Api<typeof createAclsRequest, typeof createAclsResponse> = defineApi(30, createAclsRequest, createAclsResponse)
