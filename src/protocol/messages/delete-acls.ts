/** DeleteAcls, API 31. */
import { defineApi, type Api } from '../api.ts'

export const deleteAclsRequest = {
  name: 'DeleteAclsRequest',
  versions: '1-3',
  flexible: '2+',
  fields: {
    filters: ['{}[]', {
      resourceTypeFilter: 'int8',
      resourceNameFilter: 'string?',
      patternTypeFilter: 'int8 = 3',
      principalFilter: 'string?',
      hostFilter: 'string?',
      operation: 'int8',
      permissionType: 'int8',
    }],
  },
} as const

export const deleteAclsResponse = {
  name: 'DeleteAclsResponse',
  versions: '1-3',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    filterResults: ['{}[]', {
      errorCode: 'int16',
      errorMessage: 'string?',
      matchingAcls: ['{}[]', {
        errorCode: 'int16',
        errorMessage: 'string?',
        resourceType: 'int8',
        resourceName: 'string',
        patternType: 'int8 = 3',
        principal: 'string',
        host: 'string',
        operation: 'int8',
        permissionType: 'int8',
      }],
    }],
  },
} as const

export const deleteAcls: Api<typeof deleteAclsRequest, typeof deleteAclsResponse> = defineApi(31, deleteAclsRequest, deleteAclsResponse)
