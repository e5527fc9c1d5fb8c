/** SaslHandshake, API 17. */
import { defineApi, type Api } from '../api.ts'

export const saslHandshakeRequest = {
  name: 'SaslHandshakeRequest',
  versions: '0-1',
  flexible: 'none',
  fields: {
    mechanism: 'string',
  },
} as const

export const saslHandshakeResponse = {
  name: 'SaslHandshakeResponse',
  versions: '0-1',
  flexible: 'none',
  fields: {
    errorCode: 'int16',
    mechanisms: 'string[]',
  },
} as const

export const saslHandshake: Api<typeof saslHandshakeRequest, typeof saslHandshakeResponse> = defineApi(17, saslHandshakeRequest, saslHandshakeResponse)
