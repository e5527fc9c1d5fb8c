/** ApiVersions, API 18. */
import { defineApi, type Api } from '../api.ts'

export const apiVersionsRequest = {
  name: 'ApiVersionsRequest',
  versions: '0-4',
  flexible: '3+',
  fields: {
    clientSoftwareName: 'string 3+',
    clientSoftwareVersion: 'string 3+',
  },
} as const

export const apiVersionsResponse = {
  name: 'ApiVersionsResponse',
  versions: '0-4',
  flexible: '3+',
  fields: {
    errorCode: 'int16',
    apiKeys: ['{}[]', { apiKey: 'int16', minVersion: 'int16', maxVersion: 'int16' }],
    throttleTimeMs: 'int32 1+',
    supportedFeatures: ['{}[] 3+ tag 0', { name: 'string', minVersion: 'int16', maxVersion: 'int16' }],
    finalizedFeaturesEpoch: 'int64 3+ tag 1 = -1',
    finalizedFeatures: ['{}[] 3+ tag 2', {
      name: 'string',
      maxVersionLevel: 'int16',
      minVersionLevel: 'int16',
    }],
    zkMigrationReady: 'boolean 3+ tag 3',
  },
} as const

export const apiVersions: Api<typeof apiVersionsRequest, typeof apiVersionsResponse> = defineApi(18, apiVersionsRequest, apiVersionsResponse)
