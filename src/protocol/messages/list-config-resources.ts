/** ListConfigResources, API 74. */
import { defineApi, type Api } from '../api.ts'

export const listConfigResourcesRequest = {
  name: 'ListConfigResourcesRequest',
  versions: '0-1',
  flexible: '0+',
  fields: {
    resourceTypes: 'int8[] 1+',
  },
} as const

export const listConfigResourcesResponse = {
  name: 'ListConfigResourcesResponse',
  versions: '0-1',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    configResources: ['{}[]', {
      resourceName: 'string',
      resourceType: 'int8 1+ = 16',
    }],
  },
} as const

export const listConfigResources: Api<typeof listConfigResourcesRequest, typeof listConfigResourcesResponse> =
  defineApi(74, listConfigResourcesRequest, listConfigResourcesResponse)
