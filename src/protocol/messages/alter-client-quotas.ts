/** AlterClientQuotas, API 49. */
import { defineApi, type Api } from '../api.ts'

export const alterClientQuotasRequest = {
  name: 'AlterClientQuotasRequest',
  versions: '0-1',
  flexible: '1+',
  fields: {
    entries: ['{}[]', {
      entity: ['{}[]', { entityType: 'string', entityName: 'string?' }],
      ops: ['{}[]', { key: 'string', value: 'float64', remove: 'boolean' }],
    }],
    validateOnly: 'boolean',
  },
} as const

export const alterClientQuotasResponse = {
  name: 'AlterClientQuotasResponse',
  versions: '0-1',
  flexible: '1+',
  fields: {
    throttleTimeMs: 'int32',
    entries: ['{}[]', {
      errorCode: 'int16',
      errorMessage: 'string?',
      entity: ['{}[]', { entityType: 'string', entityName: 'string?' }],
    }],
  },
} as const

export const alterClientQuotas: Api<typeof alterClientQuotasRequest, typeof alterClientQuotasResponse> =
  defineApi(49, alterClientQuotasRequest, alterClientQuotasResponse)
