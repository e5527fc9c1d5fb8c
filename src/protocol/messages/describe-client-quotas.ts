/** DescribeClientQuotas, API 48. */
import { defineApi, type Api } from '../api.ts'

export const describeClientQuotasRequest = {
  name: 'DescribeClientQuotasRequest',
  versions: '0-1',
  flexible: '1+',
  fields: {
    components: ['{}[]', { entityType: 'string', matchType: 'int8', match: 'string?' }],
    strict: 'boolean',
  },
} as const

export const describeClientQuotasResponse = {
  name: 'DescribeClientQuotasResponse',
  versions: '0-1',
  flexible: '1+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    errorMessage: 'string?',
    entries: ['{}[]?', {
      entity: ['{}[]', { entityType: 'string', entityName: 'string?' }],
      values: ['{}[]', { key: 'string', value: 'float64' }],
    }],
  },
} as const

export const describeClientQuotas: Api<typeof describeClientQuotasRequest, typeof describeClientQuotasResponse> =
  defineApi(48, describeClientQuotasRequest, describeClientQuotasResponse)
