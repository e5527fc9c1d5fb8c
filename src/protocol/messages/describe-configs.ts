/** DescribeConfigs, API 32. */
import { defineApi, type Api } from '../api.ts'

export const describeConfigsRequest = {
  name: 'DescribeConfigsRequest',
  versions: '1-4',
  flexible: '4+',
  fields: {
    resources: ['{}[]', { resourceType: 'int8', resourceName: 'string', configurationKeys: 'string[]?' }],
    includeSynonyms: 'boolean',
    includeDocumentation: 'boolean 3+',
  },
} as const

export const describeConfigsResponse = {
  name: 'DescribeConfigsResponse',
  versions: '1-4',
  flexible: '4+',
  fields: {
    throttleTimeMs: 'int32',
    results: ['{}[]', {
      errorCode: 'int16',
      errorMessage: 'string?',
      resourceType: 'int8',
      resourceName: 'string',
      configs: ['{}[]', {
        name: 'string',
        value: 'string?',
        readOnly: 'boolean',
        configSource: 'int8 = -1',
        isSensitive: 'boolean',
        synonyms: ['{}[]', { name: 'string', value: 'string?', source: 'int8' }],
        configType: 'int8 3+',
        documentation: 'string? 3+',
      }],
    }],
  },
} as const

export const describeConfigs: Api<typeof describeConfigsRequest, typeof describeConfigsResponse> =
  defineApi(32, describeConfigsRequest, describeConfigsResponse)
