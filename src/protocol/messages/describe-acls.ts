/** DescribeAcls, API 29. */
import { defineApi, type Api } from '../api.ts'

export const describeAclsRequest = {
  name: 'DescribeAclsRequest',
  versions: '1-3',
  flexible: '2+',
  fields: {
    resourceTypeFilter: 'int8',
    resourceNameFilter: 'string?',
    patternTypeFilter: 'int8 = 3',
    principalFilter: 'string?',
    hostFilter: 'string?',
    operation: 'int8',
    permissionType: 'int8',
  },
} as const

export const describeAclsResponse = {
  name: 'DescribeAclsResponse',
  versions: '1-3',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    errorMessage: 'string?',
    resources: ['{}[]', {
      resourceType: 'int8',
      resourceName: 'string',
      patternType: 'int8 = 3',
      acls: ['{}[]', { principal: 'string', host: 'string', operation: 'int8', permissionType: 'int8' }],
    }],
  },
} as const

export const describeAcls: Api<typeof describeAclsRequest, typeof describeAclsResponse> = defineApi(29, describeAclsRequest, describeAclsResponse)
