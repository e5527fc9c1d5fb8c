/** IncrementalAlterConfigs, API 44. */
import { defineApi, type Api } from '../api.ts'

export const incrementalAlterConfigsRequest = {
  name: 'IncrementalAlterConfigsRequest',
  versions: '0-1',
  flexible: '1+',
  fields: {
    resources: ['{}[]', {
      resourceType: 'int8',
      resourceName: 'string',
      configs: ['{}[]', { name: 'string', configOperation: 'int8', value: 'string?' }],
    }],
    validateOnly: 'boolean',
  },
} as const

export const incrementalAlterConfigsResponse = {
  name: 'IncrementalAlterConfigsResponse',
  versions: '0-1',
  flexible: '1+',
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

export const incrementalAlterConfigs: Api<typeof incrementalAlterConfigsRequest, typeof incrementalAlterConfigsResponse> =
  defineApi(44, incrementalAlterConfigsRequest, incrementalAlterConfigsResponse)
