/** SaslAuthenticate, API 36. */
import { defineApi, type Api } from '../api.ts'

export const saslAuthenticateRequest = {
  name: 'SaslAuthenticateRequest',
  versions: '0-2',
  flexible: '2+',
  fields: {
    authBytes: 'bytes',
  },
} as const

export const saslAuthenticateResponse = {
  name: 'SaslAuthenticateResponse',
  versions: '0-2',
  flexible: '2+',
  fields: {
    errorCode: 'int16',
    errorMessage: 'string?',
    authBytes: 'bytes',
    sessionLifetimeMs: 'int64 1+',
  },
} as const

export const saslAuthenticate: Api<typeof saslAuthenticateRequest, typeof saslAuthenticateResponse> =
  defineApi(36, saslAuthenticateRequest, saslAuthenticateResponse)
