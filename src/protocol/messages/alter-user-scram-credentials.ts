/** AlterUserScramCredentials, API 51. */
import { defineApi, type Api } from '../api.ts'

export const alterUserScramCredentialsRequest = {
  name: 'AlterUserScramCredentialsRequest',
  versions: '0',
  flexible: '0+',
  fields: {
    deletions: ['{}[]', { name: 'string', mechanism: 'int8' }],
    upsertions: ['{}[]', {
      name: 'string',
      mechanism: 'int8',
      iterations: 'int32',
      salt: 'bytes',
      saltedPassword: 'bytes',
    }],
  },
} as const

export const alterUserScramCredentialsResponse = {
  name: 'AlterUserScramCredentialsResponse',
  versions: '0',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    results: ['{}[]', { user: 'string', errorCode: 'int16', errorMessage: 'string?' }],
  },
} as const

export const alterUserScramCredentials: Api<typeof alterUserScramCredentialsRequest, typeof alterUserScramCredentialsResponse> =
  defineApi(51, alterUserScramCredentialsRequest, alterUserScramCredentialsResponse)
