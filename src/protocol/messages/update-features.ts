/** UpdateFeatures, API 57. */
import { defineApi, type Api } from '../api.ts'

export const updateFeaturesRequest = {
  name: 'UpdateFeaturesRequest',
  versions: '0-2',
  flexible: '0+',
  fields: {
    timeoutMs: 'int32 = 60000',
    featureUpdates: ['{}[]', { feature: 'string', maxVersionLevel: 'int16', allowDowngrade: 'boolean 0-0', upgradeType: 'int8 1+ = 1' }],
    validateOnly: 'boolean 1+',
  },
} as const

export const updateFeaturesResponse = {
  name: 'UpdateFeaturesResponse',
  versions: '0-2',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    errorMessage: 'string?',
    results: ['{}[] 0-1', { feature: 'string', errorCode: 'int16', errorMessage: 'string?' }],
  },
} as const

export const updateFeatures: Api<typeof updateFeaturesRequest, typeof updateFeaturesResponse> = defineApi(57, updateFeaturesRequest, updateFeaturesResponse)
