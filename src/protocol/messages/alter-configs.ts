/** AlterConfigs, API 33. */
import { defineApi, type Api } from '../api.ts'

export const alterConfigsRequest = {
  name: 'AlterConfigsRequest',
  versions: '0-2',
  flexible: '2+',
  fields: {
    resources: ['{}[]', {
      resourceType: 'int8',
      resourceName: 'string',
      configs: ['{}[]', { name: 'string', value: 'string?' }],
    }],
    validateOnly: 'boolean',
  },
} as const

export const alterConfigsResponse = {
  name: 'AlterConfigsResponse',
  versions: '0-2',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    responses: ['{}[]', {
      errorCode: 'int16',
      errorMessage: 'string?',
      resourceType: 'int8',
      resourceName: 'string',
    }],
  },
} as const

export const alterConfigs: Api<typeof alterConfigsRequest, typeof alterConfigsResponse> = defineApi(33, alterConfigsRequest, alterConfigsResponse)
